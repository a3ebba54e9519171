package account_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"slices"
	"testing"

	"github.com/konsil-server/konsil/expertpool/account"
)

// Flags of authenticator data. WebAuthn §6.1.
const (
	present  byte = 0x01
	verified byte = 0x04
	attested byte = 0x40
)

// softKey is a device with one passkey, and the browser before it. What it says can be changed field by field: a copy that differs in
// one of them answers everything else rightly.
type softKey struct {
	t          *testing.T
	pair       *ecdsa.PrivateKey
	id, handle []byte
	count      uint32 // of signatures, as the next answer gives it; 0: the device does not count
	flags      byte
	origin     string
	rp         string
	kind       string // of ceremony; empty: the one that is asked for
	challenge  string // empty: the one that is asked for
	framed     bool   // the page stands in one of another origin
	sealed     bool   // the signature is made for other client data
}

func newSoftKey(t *testing.T) softKey {
	t.Helper()
	pair, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	id := make([]byte, 32)
	rand.Read(id)
	return softKey{t: t, pair: pair, id: id, flags: present | verified, origin: "https://konsil.test", rp: "konsil.test"}
}

// request is what the device needs to know of a challenge's options.
type request struct {
	PublicKey struct {
		Challenge string
		User      struct{ ID string }
	}
}

func (k softKey) read(c account.Challenge) (r request) {
	k.t.Helper()
	if err := json.Unmarshal(c.Options, &r); err != nil || r.PublicKey.Challenge == "" {
		k.t.Fatalf("options %s: %v", c.Options, err)
	}
	return r
}

func base64url(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// made answers a challenge with the new passkey, which from now on knows whose it is. WebAuthn §6.3.2, §6.5.4 ("none").
func (k *softKey) made(c account.Challenge) []byte {
	k.t.Helper()
	r := k.read(c)
	var err error
	if k.handle, err = base64.RawURLEncoding.DecodeString(r.PublicKey.User.ID); err != nil || len(k.handle) == 0 {
		k.t.Fatalf("handle %q: %v", r.PublicKey.User.ID, err)
	}
	data := k.data(k.flags | attested)
	data = append(data, make([]byte, 16)...) // a model that does not say what it is
	data = binary.BigEndian.AppendUint16(data, uint16(len(k.id)))
	data = slices.Concat(data, k.id, k.cose())
	object := binary.BigEndian.AppendUint16([]byte("\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x59"), uint16(len(data)))
	return k.answer(map[string]string{
		"clientDataJSON": base64url(k.client(r, "webauthn.create")), "attestationObject": base64url(append(object, data...)),
	})
}

// signed answers a challenge with a signature. WebAuthn §6.3.3.
func (k softKey) signed(c account.Challenge) []byte {
	k.t.Helper()
	client, data := k.client(k.read(c), "webauthn.get"), k.data(k.flags)
	hash := sha256.Sum256(client)
	if k.sealed {
		hash[0]++
	}
	sum := sha256.Sum256(append(slices.Clone(data), hash[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, k.pair, sum[:])
	if err != nil {
		k.t.Fatal(err)
	}
	return k.answer(map[string]string{
		"clientDataJSON": base64url(client), "authenticatorData": base64url(data),
		"signature": base64url(signature), "userHandle": base64url(k.handle),
	})
}

func (k softKey) answer(response map[string]string) []byte {
	k.t.Helper()
	b, err := json.Marshal(map[string]any{"id": base64url(k.id), "rawId": base64url(k.id), "type": "public-key", "response": response})
	if err != nil {
		k.t.Fatal(err)
	}
	return b
}

// client is what the browser adds. WebAuthn §5.8.1.
func (k softKey) client(r request, kind string) []byte {
	k.t.Helper()
	challenge := r.PublicKey.Challenge
	if k.challenge != "" {
		challenge = k.challenge
	}
	if k.kind != "" {
		kind = k.kind
	}
	b, err := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": k.origin, "crossOrigin": k.framed})
	if err != nil {
		k.t.Fatal(err)
	}
	return b
}

// data is the authenticator data without a key. WebAuthn §6.1.
func (k softKey) data(flags byte) []byte {
	rp := sha256.Sum256([]byte(k.rp))
	return binary.BigEndian.AppendUint32(append(rp[:], flags), k.count)
}

// cose is the public key: EC2, ES256, P-256, x, y. RFC 9053 §7.1.1.
func (k softKey) cose() []byte {
	k.t.Helper()
	point, err := k.pair.PublicKey.Bytes()
	if err != nil {
		k.t.Fatal(err)
	}
	return slices.Concat([]byte{0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20}, point[1:33], []byte{0x22, 0x58, 0x20}, point[33:])
}
