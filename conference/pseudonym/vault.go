// Package pseudonym is the border between a case and the person it is about.
//
// It draws pseudonyms and keeps identities in a vault: each sealed under a data key of its own, which a key-encryption key
// outside the database wraps. Nothing else in konsil sees who a client is. Looking inside needs a reason, which is recorded
// before anything is shown, and a colleague's consent where the case is somebody else's. People are found by keyed hashes,
// by caseworkers of the organisation that entered them only. The tables belong to a role of their own, which this package
// takes on for its statements. It refuses to list or log identities.
package pseudonym

import (
	"crypto/cipher"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference/nameguard"
	"github.com/konsil-server/konsil/expertpool/account"
)

// Identity is who the client is. It is entered once, can grow, and lives in the vault only.
type Identity struct {
	FirstName string `json:"first_name"`
	LastName  string `json:"last_name"`
	Born      string `json:"born"` // 2006-01-02, or empty
	Number    string `json:"number"`
	Contact   string `json:"contact"`

	// What has become known since, a line each time; see Vault.Extend.
	Names   string `json:"names,omitempty"`
	Further string `json:"further,omitempty"`
}

// LogValue keeps an identity out of every log.
func (Identity) LogValue() string { return "[identity]" }

func (Identity) String() string { return "[identity]" }

func (i Identity) name() string { return i.FirstName + " " + i.LastName }

// subject is what texts about this person are compared with. The contact is free text: its numbers, addresses and names are looked
// for one by one.
func (i Identity) subject() *nameguard.Subject {
	known := []nameguard.Attribute{
		{Class: nameguard.Person, Value: i.name()},
		{Class: nameguard.Birthdate, Value: i.Born},
		{Class: nameguard.RecordNumber, Value: i.Number},
	}
	for _, name := range i.otherNames() {
		known = append(known, nameguard.Attribute{Class: nameguard.Person, Value: name})
	}
	known = append(known, nameguard.Contact(i.Contact)...)
	return nameguard.NewSubject(append(known, nameguard.Contact(i.Further)...)...)
}

// otherNames are those that have become known since.
func (i Identity) otherNames() []string {
	return strings.FieldsFunc(i.Names, func(r rune) bool { return r == ',' || r == ';' || r == '\n' })
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

// sealed is an identity as the database holds it: under a data key of its own, which a key-encryption key wraps.
type sealed struct {
	keyID   string // of the key that wraps the data key
	wrapped []byte
	box     []byte
	under   string // the key that wrapped it when the box was closed: part of what the box is bound to
}

// seal encrypts i under a fresh data key. Case and organisation are bound in, so that rows cannot be exchanged.
func (k *kek) seal(i Identity, caseID, organisation uuid.UUID) (sealed, error) {
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
	return sealed{k.id, k.wrap(secret, bound), data.Seal(nil, nil, plain, bound), k.id}, nil
}

// rewrap wraps the data key under another key. The box stays as it is.
func (s sealed) rewrap(from, to *kek, caseID, organisation uuid.UUID) (sealed, error) {
	secret, err := from.unwrap(s.wrapped, binding(caseID, organisation, from.id))
	if err != nil {
		return sealed{}, err
	}
	s.keyID, s.wrapped = to.id, to.wrap(secret, binding(caseID, organisation, to.id))
	return s, nil
}

// data returns the person's data key.
func (k *kek) data(s sealed, caseID, organisation uuid.UUID) (cipher.AEAD, error) {
	secret, err := k.unwrap(s.wrapped, binding(caseID, organisation, k.id))
	if err != nil {
		return nil, err
	}
	return gcm(secret)
}

func (k *kek) open(s sealed, caseID, organisation uuid.UUID) (Identity, error) {
	data, err := k.data(s, caseID, organisation)
	if err != nil {
		return Identity{}, err
	}
	plain, err := data.Open(nil, nil, s.box, binding(caseID, organisation, s.under))
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
