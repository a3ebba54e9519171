//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package localpg

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// locales lists what initdb may be given, best first. Words are stemmed by the C library's idea of
// a letter up to version 17, so plain C breaks German search there although ICU sorts; from 18 on
// the database's own locale decides. Not every machine has every line.
func locales(major int) [][]string {
	if major >= 18 {
		return [][]string{
			{"--locale=C", "--locale-provider=icu", "--icu-locale=de-DE"},
			{"--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"},
			{"--locale=C.UTF-8"},
			{"--locale=en_US.UTF-8"},
		}
	}
	return [][]string{
		{"--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=de-DE"},
		{"--locale=en_US.UTF-8", "--locale-provider=icu", "--icu-locale=de-DE"},
		{"--locale=C.UTF-8"},
		{"--locale=en_US.UTF-8"},
	}
}

// existing finds the data directory that a cluster once ran on, and its version; both are zero when
// there is none. Of several, left by somebody who moved their data, the newest version is current.
func existing(dir string) (data string, major int, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", 0, err
	}
	for _, e := range entries {
		digits, ok := strings.CutPrefix(e.Name(), "pg")
		if _, err := strconv.Atoi(digits); !ok || err != nil {
			continue
		}
		n, err := versionOf(filepath.Join(dir, e.Name()))
		if err != nil {
			return "", 0, fmt.Errorf("%w; data left untouched", err)
		}
		if n > major {
			data, major = filepath.Join(dir, e.Name()), n
		}
	}
	return data, major, nil
}

// versionOf reads the version that wrote a data directory, 0 when nothing did. A directory of
// another user's is not to be read, and must not be taken for an empty one.
func versionOf(data string) (int, error) {
	text, err := os.ReadFile(filepath.Join(data, "PG_VERSION"))
	if errors.Is(err, fs.ErrPermission) {
		if _, why := candidates(owner(data)); why != nil {
			err = why
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, fmt.Errorf("%s/PG_VERSION holds no version", data)
	}
	return n, nil
}

// initdb makes a data directory for the first time. It appears under its name only when complete.
func (l *launch) initdb(ctx context.Context, locale []string) error {
	making := l.data + ".new"
	if err := os.RemoveAll(making); err != nil {
		return err
	}
	if err := os.Mkdir(making, 0o700); err != nil {
		return err
	}
	if err := os.Lchown(making, l.id.uid, l.id.gid); err != nil {
		return err
	}
	args := append([]string{"-D", making, "-U", role, "-E", "UTF8", "--no-instructions",
		"-A", "scram-sha-256", "--pwfile", filepath.Join(l.dir, passwordFile)}, locale...)
	if l.Test {
		args = append(args, "--no-sync")
	}
	cmd := l.id.command(ctx, l.lock, filepath.Join(l.bin, "initdb"), args...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb %s: %w: %s", strings.Join(locale, " "), err, lastLine(out))
	}
	if err := os.Rename(making, l.data); err != nil {
		return err
	}
	return syncDir(l.dir)
}

// syncDir makes the names in dir survive a power cut, as their contents already do.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func lastLine(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1]
}

const passwordFile = "postgres.password"

// password reads the password of the role, making one for a new data directory. The file belongs
// to whom PostgreSQL runs as, because initdb reads it too.
func (l *launch) password(fresh bool) (string, error) {
	name := filepath.Join(l.dir, passwordFile)
	word, err := readPassword(name)
	if err == nil && word != "" {
		return word, os.Lchown(name, l.id.uid, l.id.gid)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if !fresh {
		return "", fmt.Errorf("%s is missing or empty; without it the data cannot be opened", name)
	}
	word = rand.Text()
	f, err := l.create(name, os.O_TRUNC)
	if err != nil {
		return "", err
	}
	_, err = f.WriteString(word + "\n")
	return word, errors.Join(err, f.Sync(), f.Close())
}

func readPassword(name string) (string, error) {
	text, err := os.ReadFile(name)
	return strings.TrimSpace(string(text)), err
}

// create opens a file of the directory for writing, mode 0600, and gives it to whom PostgreSQL runs as.
func (l *launch) create(name string, flag int) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|syscall.O_NOFOLLOW|flag, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.Chown(l.id.uid, l.id.gid); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
