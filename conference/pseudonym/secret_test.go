package pseudonym

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestASecretIsMadeOnceAndStays(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "keys", "own.key")
	made, err := Secret(file)
	if err != nil || len(made) != 32 {
		t.Fatalf("%d bytes, %v", len(made), err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", info.Mode(), err)
	}
	if again, err := Secret(file); err != nil || !bytes.Equal(again, made) {
		t.Errorf("read back differently, %v", err)
	}
	other, err := Secret(filepath.Join(t.TempDir(), "own.key"))
	if err != nil || bytes.Equal(other, made) {
		t.Errorf("two files hold the same secret, %v", err)
	}
}

func TestASecretThatOthersCanReadOrThatIsDamagedIsRefused(t *testing.T) {
	t.Parallel()
	digits := strings.Repeat("5e", 32)
	for name, c := range map[string]struct {
		text string
		mode os.FileMode
		says string
	}{
		"readable by the group": {digits, 0o640, "chmod 600"},
		"readable by everybody": {digits, 0o604, "chmod 600"},
		"empty":                 {"", 0o600, "64 hexadecimal digits"},
		"cut short":             {digits[:62], 0o600, "64 hexadecimal digits"},
		"not hexadecimal":       {digits[:63] + "g", 0o600, "64 hexadecimal digits"},
	} {
		file := filepath.Join(t.TempDir(), "own.key")
		if err := os.WriteFile(file, []byte(c.text), c.mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, c.mode); err != nil { // whatever the umask
			t.Fatal(err)
		}
		_, err := Secret(file)
		if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v", name, err)
		} else if c.text != "" && strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: the error shows the secret", name)
		}
	}
}
