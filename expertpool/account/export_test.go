package account

import "golang.org/x/crypto/argon2"

// HashCheaply keeps passwords with the least memory that Argon2id takes, for tests that are not about what a guess costs.
func (s *Store) HashCheaply() {
	s.hasher.derive = func(password string, salt []byte) []byte { return argon2.IDKey([]byte(password), salt, 1, 8, 1, 32) }
}
