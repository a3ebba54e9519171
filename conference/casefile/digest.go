package casefile

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"path/filepath"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference/pseudonym"
)

// Digests tell whether a passage that was let through is the same as another, and nothing else: names can be guessed, so a plain hash of
// one would be the name.
type Digests struct{ key []byte }

// LoadDigests reads the key from dir/guard.key, and makes it on the first start. The file must be readable by its owner only.
func LoadDigests(dir string) (*Digests, error) {
	key, err := pseudonym.Secret(filepath.Join(dir, "guard.key"))
	if err != nil {
		return nil, fmt.Errorf("guard key: %w", err)
	}
	return &Digests{key}, nil
}

func newDigests() *Digests {
	key := make([]byte, 32)
	rand.Read(key)
	return &Digests{key}
}

// Of is the digest of a passage within an organisation.
func (d *Digests) Of(organisation uuid.UUID, passage string) []byte {
	mac := hmac.New(sha256.New, d.key)
	mac.Write(organisation[:])
	mac.Write([]byte(passage))
	return mac.Sum(nil)[:16]
}
