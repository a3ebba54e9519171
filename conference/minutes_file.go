package conference

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/konsil-server/konsil/conference/pseudonym"
	"github.com/konsil-server/konsil/expertpool/account"
)

// MaxMinutesFile is how long a file of minutes can be, in bytes: several times what the largest note makes.
const MaxMinutesFile = 16 << 20

const (
	minutesFormat    = "konsil-minutes-1"
	minutesAlgorithm = "ed25519"
)

// MinutesKey is the key with which an installation signs minutes. It is used for nothing else, so what it signs is the plain
// text of the minutes, which any other tool that knows Ed25519 can check as well. RFC 8032 §5.1
type MinutesKey struct{ private ed25519.PrivateKey }

// LoadMinutesKey reads the key from dir/minutes.key, and makes it on the first start. The file must be readable by its owner
// only.
func LoadMinutesKey(dir string) (*MinutesKey, error) {
	seed, err := pseudonym.Secret(filepath.Join(dir, "minutes.key"))
	if err != nil {
		return nil, fmt.Errorf("minutes key: %w", err)
	}
	return &MinutesKey{ed25519.NewKeyFromSeed(seed)}, nil
}

// Public is the 32 bytes that others check signatures with. They are also the key's name.
func (k *MinutesKey) Public() ed25519.PublicKey { return k.private.Public().(ed25519.PublicKey) }

// minutesFile is what leaves the house: everything needed to check it. A file has one form only, but for white space between
// its values, so that two files which differ in anything else are never both right.
type minutesFile struct {
	Format    string `json:"format"`
	Body      string `json:"body"` // the canonical text, byte for byte
	SHA256    string `json:"sha256"`
	Signature []byte `json:"signature"`
	PublicKey []byte `json:"public_key"`
	Algorithm string `json:"algorithm"`
}

// Signed tells whether there is a file of these minutes. Drafts have none, nor have minutes that were approved before konsil
// signed them.
func (m Minutes) Signed() bool { return m.signature != nil }

// file is the minutes as one file that VerifyMinutes takes.
func (m Minutes) file() ([]byte, error) {
	if !m.Signed() {
		return nil, account.ErrNotFound
	}
	raw, err := json.MarshalIndent(minutesFile{
		minutesFormat, string(m.canonical), hex.EncodeToString(m.SHA256), m.signature, m.signedBy, minutesAlgorithm,
	}, "", "\t")
	if err != nil {
		return nil, err
	}
	return append(raw, '\n'), nil
}

// Proof is what a file of minutes shows: whoever has the private half of Key has approved Body. Whose key that is the file
// cannot show.
type Proof struct {
	Body   Body
	SHA256 []byte
	Key    ed25519.PublicKey
}

// VerifyMinutes checks a file that konsil has handed out, with nothing but the file. The error says which part does not hold.
func VerifyMinutes(file []byte) (Proof, error) {
	f, err := readMinutesFile(file)
	if err != nil {
		return Proof{}, err
	}
	sum := sha256.Sum256([]byte(f.Body))
	switch {
	case f.Algorithm != minutesAlgorithm:
		return Proof{}, fmt.Errorf("algorithm: %q is not %s", f.Algorithm, minutesAlgorithm)
	case f.SHA256 != hex.EncodeToString(sum[:]):
		return Proof{}, errors.New("sha256: it is not that of the body")
	case len(f.PublicKey) != ed25519.PublicKeySize:
		return Proof{}, fmt.Errorf("public_key: %d bytes instead of %d", len(f.PublicKey), ed25519.PublicKeySize)
	case !ed25519.Verify(f.PublicKey, []byte(f.Body), f.Signature):
		return Proof{}, errors.New("signature: it does not hold under public_key")
	}
	p := Proof{SHA256: sum[:], Key: f.PublicKey}
	if p.Body, err = readBody(f.Body); err != nil {
		return Proof{}, fmt.Errorf("body: %w", err)
	}
	return p, nil
}

// readMinutesFile takes the one form of a file. Writing it again finds what the decoder forgives: fields twice, missing, or
// in another order or case, other escapes, loose ends of base64, text that is not UTF-8.
func readMinutesFile(file []byte) (minutesFile, error) {
	var f minutesFile
	if len(file) > MaxMinutesFile {
		return f, fmt.Errorf("file: longer than %d MiB", MaxMinutesFile>>20)
	}
	var tight bytes.Buffer
	if err := json.Compact(&tight, file); err != nil {
		return f, fmt.Errorf("file: not JSON: %w", err)
	}
	if err := strictly(tight.Bytes(), &f); err != nil {
		return f, fmt.Errorf("file: %w", err)
	}
	if f.Format != minutesFormat {
		return f, fmt.Errorf("format: %.40q is not %s", f.Format, minutesFormat)
	}
	if again, err := json.Marshal(f); err != nil || !bytes.Equal(again, tight.Bytes()) {
		return f, errors.New("file: not as konsil writes it (a field twice, missing or out of place, or a value spelt differently)")
	}
	return f, nil
}

// readBody takes the canonical text of a body and nothing else.
func readBody(canonical string) (Body, error) {
	var b Body
	if err := strictly([]byte(canonical), &b); err != nil {
		return b, err
	}
	if again, err := json.Marshal(b); err != nil || string(again) != canonical {
		return b, errors.New("not in its canonical form")
	}
	if code, ok := pseudonym.Read(b.Code); !ok || code != b.Code || !ofConference(code) {
		return b, errors.New("its code is not that of a conference")
	}
	if !b.EndsAt.After(b.StartsAt) {
		return b, errors.New("it ends before it begins")
	}
	if b.Seal != nil {
		if err := b.Seal.holds(b); err != nil {
			return b, fmt.Errorf("seal: %w", err)
		}
	}
	return b, nil
}

// ofConference tells the codes of conferences, with a case or without, from other pseudonyms.
func ofConference(code string) bool {
	return strings.HasPrefix(code, pseudonym.OfConference+"-") || strings.HasPrefix(code, pseudonym.OfTopic+"-")
}

func strictly(text []byte, to any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	return d.Decode(to)
}
