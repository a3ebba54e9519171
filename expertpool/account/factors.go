package account

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/google/uuid"
)

// Factors are the ways that an account has to sign in.
type Factors struct {
	Password bool
	Passkeys []Passkey
	Codes    bool // of an authenticator app, beside the password
	Recovery int  // recovery codes that are left
}

// Second says that there is something to show beside the password.
func (f Factors) Second() bool { return len(f.Passkeys) > 0 || f.Codes }

// Enough says that somebody can come in with two factors. ASVS 5.0 §6.3.3.
func (f Factors) Enough() bool { return len(f.Passkeys) > 0 || f.Password && f.Codes }

// Passkey is a key pair in somebody's device or security key, as its owner sees it.
type Passkey struct {
	ID     uuid.UUID
	Name   string // what the browser called itself that made it
	MadeAt time.Time
	UsedAt time.Time
	Synced bool // it is kept in an account of its maker and may be on several devices
}

// secrets are what factors are kept and checked with. It never touches the database.
type secrets struct {
	box     cipher.AEAD        // seals the secrets of authenticator apps
	codes   []byte             // key of the hashes of recovery codes
	relying *webauthn.WebAuthn // nil where browsers have no passkeys: an address instead of a name
}

// errUnsecured is a mistake of the program that made the store.
var errUnsecured = errors.New("factors need Secure")

// Secure gives the store what factors need: a secret of this installation of 32 bytes, and the address of its pages. Passkeys are
// bound to that address's name; on an IP address browsers have none. It is called before the store is used by others.
func (s *Store) Secure(secret []byte, address string) error {
	key, err := hkdf.Key(sha256.New, secret, nil, "konsil factors box 1", 32)
	if err != nil {
		return fmt.Errorf("secure accounts: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return fmt.Errorf("secure accounts: %w", err)
	}
	if s.secrets.box, err = cipher.NewGCMWithRandomNonce(block); err != nil {
		return fmt.Errorf("secure accounts: %w", err)
	}
	if s.secrets.codes, err = hkdf.Key(sha256.New, secret, nil, "konsil factors recovery 1", 32); err != nil {
		return fmt.Errorf("secure accounts: %w", err)
	}
	s.secrets.relying, err = relyingParty(address)
	return err
}

// relyingParty is nil where the address has no name.
func relyingParty(address string) (*webauthn.WebAuthn, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("secure accounts: %w", err)
	}
	if _, err := netip.ParseAddr(u.Hostname()); err == nil {
		return nil, nil
	}
	w, err := webauthn.New(&webauthn.Config{
		RPID: u.Hostname(), RPDisplayName: "konsil", RPOrigins: []string{address},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, RequireResidentKey: protocol.ResidentKeyRequired(),
			UserVerification: protocol.VerificationRequired,
		},
	})
	if err != nil {
		return nil, fmt.Errorf("secure accounts: %w", err)
	}
	return w, nil
}

// Passkeys says whether this installation can have passkeys.
func (s *Store) Passkeys() bool { return s.secrets.relying != nil }

// hash is how a recovery code is kept: whoever has the database alone can not try codes on it.
func (k secrets) hash(code string) []byte {
	h := hmac.New(sha256.New, k.codes)
	h.Write([]byte(code))
	return h.Sum(nil)
}
