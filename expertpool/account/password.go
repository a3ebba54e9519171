package account

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"runtime"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Argon2id with 64 MiB and two passes (RFC 9106 §4).
const (
	argonMemory = 64 << 10 // KiB
	argonPasses = 2
)

// Passwords may be as long as this, in bytes; what is longer costs nothing to refuse.
const maxPassword = 1024

// hasher computes password hashes, on half of the cores at most, so that a flood of sign-ins costs time: neither all memory, nor the
// time of those who are in.
type hasher struct {
	places chan struct{}
	derive func(password string, salt []byte) []byte
}

func newHasher() hasher {
	return hasher{make(chan struct{}, max(1, runtime.NumCPU()/2)), func(password string, salt []byte) []byte {
		return argon2.IDKey([]byte(password), salt, argonPasses, argonMemory, 1, 32)
	}}
}

func (h hasher) key(password string, salt []byte) []byte {
	h.places <- struct{}{}
	defer func() { <-h.places }()
	return h.derive(password, salt)
}

func (h hasher) hash(password string) string {
	salt := make([]byte, 16)
	rand.Read(salt)
	enc := base64.RawStdEncoding
	return fmt.Sprintf("argon2id$%s$%s", enc.EncodeToString(salt), enc.EncodeToString(h.key(password, salt)))
}

// matches takes the same time whether there is a hash or not: an unknown address must not answer faster.
func (h hasher) matches(password, hash string) bool {
	parts := strings.Split(hash, "$")
	if len(parts) != 3 || parts[0] != "argon2id" {
		h.key(password, make([]byte, 16))
		return false
	}
	enc := base64.RawStdEncoding
	salt, err1 := enc.DecodeString(parts[1])
	want, err2 := enc.DecodeString(parts[2])
	if err1 != nil || err2 != nil {
		return false
	}
	return subtle.ConstantTimeCompare(h.key(password, salt), want) == 1
}
