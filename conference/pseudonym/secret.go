package pseudonym

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Secret reads the 32 secret bytes that a file holds as hexadecimal digits, and makes the file (and its directory) when it is
// not there. The file must be readable by its owner only. Errors name the file, never what is in it.
func Secret(file string) ([]byte, error) {
	secret, err := readSecret(file)
	if err == nil && secret == nil {
		return makeSecret(file)
	}
	return secret, err
}

// readSecret is Secret that makes nothing: nil without an error says that there is no such file.
func readSecret(file string) ([]byte, error) {
	raw, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s must be readable by its owner only (chmod 600)", file)
	}
	secret, err := hex.DecodeString(strings.TrimSpace(string(raw)))
	if err != nil || len(secret) != 32 {
		return nil, fmt.Errorf("%s does not hold 64 hexadecimal digits", file)
	}
	return secret, nil
}

func makeSecret(file string) ([]byte, error) {
	secret := make([]byte, 32)
	rand.Read(secret)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, err
	}
	return secret, writeSecret(file, os.O_EXCL, secret)
}

// replaceSecret puts a secret into a file in one step: whoever reads it, at whatever moment the machine stops, finds the one before
// or this one.
func replaceSecret(file string, secret []byte) error {
	next := file + ".new"
	if err := writeSecret(next, os.O_TRUNC, secret); err != nil {
		return err
	}
	if err := os.Rename(next, file); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(file))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func writeSecret(file string, how int, secret []byte) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|how, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(hex.EncodeToString(secret) + "\n")
	return errors.Join(err, f.Sync(), f.Close())
}
