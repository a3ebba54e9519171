// Package pseudonym is the border between a case and the person it is about.
//
// It draws pseudonyms and keeps identities in a vault: each sealed under a data key of its own, which a key-encryption key
// outside the database wraps. Nothing else in konsil sees who a client is. Looking inside needs a reason, which is recorded
// before anything is shown. The package refuses to search, list or log identities.
package pseudonym

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference/nameguard"
	"github.com/konsil-server/konsil/expertpool/account"
)

// Identity is who the client is. It is entered once and lives in the vault only.
type Identity struct {
	FirstName string `json:"first_name"`
	LastName  string `json:"last_name"`
	Born      string `json:"born"` // 2006-01-02, or empty
	Number    string `json:"number"`
	Contact   string `json:"contact"`
}

// LogValue keeps an identity out of every log.
func (Identity) LogValue() string { return "[identity]" }

func (Identity) String() string { return "[identity]" }

// subject is what texts about this person are compared with. The contact is free text: its numbers, addresses and names are looked
// for one by one.
func (i Identity) subject() *nameguard.Subject {
	known := []nameguard.Attribute{
		{Class: nameguard.Person, Value: i.FirstName + " " + i.LastName},
		{Class: nameguard.Birthdate, Value: i.Born},
		{Class: nameguard.RecordNumber, Value: i.Number},
	}
	for _, line := range strings.FieldsFunc(i.Contact, func(r rune) bool { return r == '\n' || r == ',' || r == ';' }) {
		class := nameguard.Street
		switch {
		case strings.Contains(line, "@"):
			class = nameguard.Email
		case strings.IndexFunc(line, unicode.IsLetter) < 0:
			class = nameguard.Phone
		}
		known = append(known, nameguard.Attribute{Class: class, Value: line})
	}
	return nameguard.NewSubject(known...)
}

// Validate names the first field that breaks a rule.
func (i *Identity) Validate(now time.Time) error {
	err := account.FirstError(
		account.CheckText("first_name", &i.FirstName, 100, true),
		account.CheckText("last_name", &i.LastName, 100, true),
		account.CheckText("number", &i.Number, 60, false),
		account.CheckText("contact", &i.Contact, 300, false),
	)
	if err != nil || i.Born == "" {
		return err
	}
	born, err := time.Parse(time.DateOnly, i.Born)
	if err != nil || born.After(now) || born.Year() < 1900 {
		return &account.InvalidError{Field: "born", Rule: "date"}
	}
	return nil
}

// Key wraps the data keys of identities. It never touches the database.
type Key struct {
	id   string
	aead cipher.AEAD
}

// LoadKey reads the key-encryption key from dir/vault.key, and makes it on the first start. The file must be readable by its
// owner only.
func LoadKey(dir string) (*Key, error) {
	secret, err := Secret(filepath.Join(dir, "vault.key"))
	if err != nil {
		return nil, fmt.Errorf("vault key: %w", err)
	}
	return newKey(secret)
}

func newKey(secret []byte) (*Key, error) {
	aead, err := gcm(secret)
	if err != nil {
		return nil, err
	}
	id := hmac.New(sha256.New, secret) // names the key without telling anything about it
	id.Write([]byte("konsil key id"))
	return &Key{id: hex.EncodeToString(id.Sum(nil)[:8]), aead: aead}, nil
}

func gcm(secret []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// sealed is an identity as the database holds it.
type sealed struct {
	keyID   string
	wrapped []byte
	box     []byte
}

// seal encrypts i under a fresh data key. Case and organisation are bound in, so that rows cannot be exchanged.
func (k *Key) seal(i Identity, caseID, organisation uuid.UUID) (sealed, error) {
	secret := make([]byte, 32)
	rand.Read(secret)
	data, err := gcm(secret)
	if err != nil {
		return sealed{}, err
	}
	plain, err := json.Marshal(i)
	if err != nil {
		return sealed{}, err
	}
	bound := binding(caseID, organisation, k.id)
	return sealed{k.id, k.aead.Seal(nil, nil, secret, bound), data.Seal(nil, nil, plain, bound)}, nil
}

func (k *Key) open(s sealed, caseID, organisation uuid.UUID) (Identity, error) {
	if s.keyID != k.id {
		return Identity{}, fmt.Errorf("identity is sealed under key %s, this server has %s", s.keyID, k.id)
	}
	bound := binding(caseID, organisation, k.id)
	secret, err := k.aead.Open(nil, nil, s.wrapped, bound)
	if err != nil {
		return Identity{}, fmt.Errorf("unwrap: %w", err)
	}
	data, err := gcm(secret)
	if err != nil {
		return Identity{}, err
	}
	plain, err := data.Open(nil, nil, s.box, bound)
	if err != nil {
		return Identity{}, fmt.Errorf("open: %w", err)
	}
	var i Identity
	if err := json.Unmarshal(plain, &i); err != nil {
		return Identity{}, errors.New("identity is unreadable")
	}
	return i, nil
}

func binding(caseID, organisation uuid.UUID, keyID string) []byte {
	return fmt.Appendf(nil, "vault.identity|%s|%s|%s", caseID, organisation, keyID)
}
