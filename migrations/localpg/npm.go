package localpg

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// linkLibraries makes the links between shared libraries that npm cannot ship: packages carry no
// symlinks, and the script that would make them does not run under ignore-scripts. The package
// lists them in native/pg-symlinks.json. Links that are already right are left alone, so that a
// running cluster and a read-only node_modules are not disturbed.
func linkLibraries(native string) error {
	text, err := os.ReadFile(filepath.Join(native, "pg-symlinks.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // this build needs none
	}
	if err != nil {
		return err
	}
	var links []struct{ Source, Target string } // both relative to the package
	if err := json.Unmarshal(text, &links); err != nil {
		return fmt.Errorf("%s/pg-symlinks.json: %w", native, err)
	}
	pack := filepath.Dir(native)
	for _, l := range links {
		if !filepath.IsLocal(l.Source) || !filepath.IsLocal(l.Target) {
			return fmt.Errorf("%s/pg-symlinks.json: a link leaves the package", native)
		}
		if err := link(filepath.Join(pack, l.Source), filepath.Join(pack, l.Target)); err != nil {
			return err
		}
	}
	return nil
}

// link makes name a relative link to file. Another process may be doing the same.
func link(file, name string) error {
	to, err := filepath.Rel(filepath.Dir(name), file)
	if err != nil {
		return err
	}
	if have, err := os.Readlink(name); err == nil && have == to {
		return nil
	}
	if _, err := os.Stat(name); err == nil {
		return nil // a copy, or a link put there by another installer
	}
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	err = os.Symlink(to, name)
	if have, readErr := os.Readlink(name); readErr == nil && have == to {
		return nil
	}
	return err
}
