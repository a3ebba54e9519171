package pseudonym

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// KeySource says where the key-encryption keys of an installation come from: two files of Dir, or settings, which go before
// them. Two keys are valid at once, so that there is a way from one to the next.
type KeySource struct {
	Dir         string // has vault.key, made on the first start, and vault.key.old while keys are changed
	Key, Old    string // 64 hexadecimal digits each, instead of the files; empty: the files
	attachments bool   // files.key instead of vault.key
}

// FileKeys is the source of the keys of attachments: files.key of dir, and files.key.old while keys are changed.
func FileKeys(dir string) KeySource { return KeySource{Dir: dir, attachments: true} }

// name is that of the file, and label what its keys are named under.
func (s KeySource) name() (file, label string) {
	if s.attachments {
		return "files.key", "konsil file key id"
	}
	return "vault.key", "konsil key id"
}

func (s KeySource) file() string {
	name, _ := s.name()
	return filepath.Join(s.Dir, name)
}
func (s KeySource) oldFile() string { return s.file() + ".old" }

// Load reads the keys. Without any it makes the file vault.key. Errors name a file or a setting, never what is in it.
func (s KeySource) Load() (*Keys, error) {
	held, err := s.read()
	if err != nil {
		name, _ := s.name()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &Keys{source: s, held: held}, nil
}

// ShortLived is one key for as long as the program runs, which is in no file.
func ShortLived() *Keys {
	secret := make([]byte, 32)
	rand.Read(secret)
	s := KeySource{Key: hex.EncodeToString(secret), attachments: true}
	k, err := newKEK(secret, "")
	if err != nil {
		panic(err) // 32 bytes are a key
	}
	return &Keys{source: s, held: []*kek{k}, fixed: true}
}

// read returns the keys that there are, the one that new rows should get first.
func (s KeySource) read() ([]*kek, error) {
	old, err := readSecret(s.oldFile())
	if err != nil {
		return nil, err
	}
	current, err := readSecret(s.file())
	if err != nil {
		return nil, err
	}
	if current == nil && s.Key == "" {
		if old != nil {
			return nil, fmt.Errorf("%s is missing beside %s", s.file(), s.oldFile())
		}
		if current, err = makeSecret(s.file()); err != nil {
			return nil, err
		}
	}
	given, err := fromSetting("KONSIL_VAULT_KEY", s.Key)
	if err != nil {
		return nil, err
	}
	givenOld, err := fromSetting("KONSIL_VAULT_KEY_OLD", s.Old)
	if err != nil {
		return nil, err
	}
	var held []*kek
	for _, secret := range [][]byte{given, current, givenOld, old} {
		if secret == nil {
			continue
		}
		_, label := s.name()
		k, err := newKEK(secret, label)
		if err != nil {
			return nil, err
		}
		held = append(held, k)
	}
	return held, nil
}

func fromSetting(name, digits string) ([]byte, error) {
	if digits == "" {
		return nil, nil
	}
	secret, err := hex.DecodeString(strings.TrimSpace(digits))
	if err != nil || len(secret) != 32 {
		return nil, fmt.Errorf("%s does not hold 64 hexadecimal digits", name)
	}
	return secret, nil
}

// renew puts a new key in the place of the current one, which stays valid as the old one. Where that has happened already and the
// change was cut off, it leaves both as they are. A key that is a setting is the operator's to change.
func (s KeySource) renew() error {
	if s.Key != "" {
		return nil
	}
	current, err := readSecret(s.file())
	if err != nil {
		return err
	}
	if current == nil {
		return fmt.Errorf("%s is missing", s.file())
	}
	old, err := readSecret(s.oldFile())
	if err != nil || old != nil && !bytes.Equal(old, current) {
		return err
	}
	if err := replaceSecret(s.oldFile(), current); err != nil {
		return err
	}
	fresh := make([]byte, 32)
	rand.Read(fresh)
	return replaceSecret(s.file(), fresh)
}

// drop removes the files of keys under which nothing is wrapped any more.
func (s KeySource) drop() error {
	files := []string{s.oldFile()}
	if s.Key != "" {
		files = append(files, s.file())
	}
	for _, f := range files {
		if err := os.Remove(f); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// Keys are the key-encryption keys that a program holds. They never touch the database. A key that it does not hold yet is looked
// for in the files again: somebody may have changed keys meanwhile.
type Keys struct {
	source KeySource
	fixed  bool // there is no file
	mu     sync.Mutex
	held   []*kek
}

// Current names the key that has been the newest since the files were last read.
func (k *Keys) Current() string { return k.current().id }

// Wrap encrypts a data key under the key of that name; bound says whose it is and must be said again to unwrap it.
func (k *Keys) Wrap(id string, secret, bound []byte) ([]byte, error) {
	key, err := k.byID(id)
	if err != nil {
		return nil, err
	}
	return key.wrap(secret, bound), nil
}

// Unwrap is the way back.
func (k *Keys) Unwrap(id string, wrapped, bound []byte) ([]byte, error) {
	key, err := k.byID(id)
	if err != nil {
		return nil, err
	}
	return key.unwrap(wrapped, bound)
}

// Renew makes a new current key; the one before stays valid until Drop. Where a change was cut off, it goes on with that one. It
// returns the name of the current key.
func (k *Keys) Renew() (id string, err error) {
	if err := k.source.renew(); err != nil {
		return "", err
	}
	if err := k.reload(); err != nil {
		return "", err
	}
	return k.Current(), nil
}

// Drop removes keys under which nothing is wrapped any more.
func (k *Keys) Drop() error { return k.source.drop() }

// current is the key to use where nothing says otherwise.
func (k *Keys) current() *kek {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.held[0]
}

func (k *Keys) byID(id string) (*kek, error) {
	if found := k.find(id); found != nil {
		return found, nil
	}
	if err := k.reload(); err != nil {
		return nil, err
	}
	if found := k.find(id); found != nil {
		return found, nil
	}
	return nil, fmt.Errorf("key %s is neither in %s nor a setting", id, k.source.file())
}

func (k *Keys) find(id string) *kek {
	k.mu.Lock()
	defer k.mu.Unlock()
	if i := slices.IndexFunc(k.held, func(one *kek) bool { return one.id == id }); i >= 0 {
		return k.held[i]
	}
	return nil
}

func (k *Keys) reload() error {
	if k.fixed {
		return nil
	}
	held, err := k.source.read()
	if err != nil {
		name, _ := k.source.name()
		return fmt.Errorf("%s: %w", name, err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.held = held
	return nil
}

// kek is a key-encryption key.
type kek struct {
	id   string // names it without telling anything about it
	aead cipher.AEAD
}

func newKEK(secret []byte, label string) (*kek, error) {
	aead, err := gcm(secret)
	if err != nil {
		return nil, err
	}
	id := hmac.New(sha256.New, secret)
	id.Write([]byte(label))
	return &kek{id: hex.EncodeToString(id.Sum(nil)[:8]), aead: aead}, nil
}

// wrap encrypts a key; bound says whose it is and must be said again to unwrap it.
func (k *kek) wrap(secret, bound []byte) []byte { return k.aead.Seal(nil, nil, secret, bound) }

func (k *kek) unwrap(wrapped, bound []byte) ([]byte, error) {
	secret, err := k.aead.Open(nil, nil, wrapped, bound)
	if err != nil {
		return nil, fmt.Errorf("unwrap: %w", err)
	}
	return secret, nil
}

func gcm(secret []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}
