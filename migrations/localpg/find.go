package localpg

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// oldest is the first major version whose ICU default locale the schema can rely on.
const oldest = 15

// installation is one set of PostgreSQL programs.
type installation struct {
	bin   string // directory of initdb and postgres, absolute
	major int
	npm   bool // from an npm package: a beta build with old libraries, for evaluation only
}

func (i installation) String() string {
	if i.npm {
		return fmt.Sprintf("PostgreSQL %d from npm (a beta build: for evaluation, not for production)", i.major)
	}
	return fmt.Sprintf("PostgreSQL %d from %s", i.major, i.bin)
}

// places are the directories to look at: bin directories, and node_modules directories.
type places struct {
	bins    []string
	modules []string
}

// machine collects the places where distributions, Homebrew, Postgres.app and npm put PostgreSQL.
func machine(ctx context.Context, search []string) places {
	var p places
	if out, err := exec.CommandContext(ctx, "pg_config", "--bindir").Output(); err == nil {
		p.bins = append(p.bins, strings.TrimSpace(string(out)))
	}
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin",
		"/usr/pgsql-*/bin",
		"/opt/homebrew/opt/postgresql@*/bin",
		"/usr/local/opt/postgresql@*/bin",
		"/Applications/Postgres.app/Contents/Versions/*/bin",
		"/usr/local/pgsql/bin",
		"/usr/bin",
	} {
		found, _ := filepath.Glob(pattern) // fails only on a malformed pattern
		p.bins = append(p.bins, found...)
	}
	for _, dir := range search {
		p.modules = append(p.modules, filepath.Join(dir, "node_modules"), filepath.Join(dir, "web", "node_modules"))
	}
	if dir, err := os.Getwd(); err == nil {
		for {
			p.modules = append(p.modules, filepath.Join(dir, "web", "node_modules"))
			parent := filepath.Dir(dir)
			if parent == dir {
				break
			}
			dir = parent
		}
	}
	return p
}

// choose picks the installation to use: of the given major version, or the newest when major is 0.
// npm's is taken only where the machine's own do not serve.
func (p places) choose(ctx context.Context, major int) (installation, error) {
	var all []installation
	var unusable []error
	for _, look := range []func(context.Context) ([]installation, []error){p.local, p.npm} {
		found, errs := look(ctx)
		all, unusable = append(all, found...), append(unusable, errs...)
		for _, i := range found {
			if i.major == major || major == 0 && i.major >= oldest {
				return i, nil
			}
		}
	}
	if major != 0 {
		return installation{}, versionError(major, all)
	}
	for _, i := range all {
		unusable = append(unusable, fmt.Errorf("%s: version %d is too old", i.bin, i.major))
	}
	return installation{}, errors.Join(append([]error{ErrNotFound}, unusable...)...)
}

func versionError(major int, all []installation) error {
	found := "none"
	if len(all) > 0 {
		var versions []string
		for _, i := range all {
			versions = append(versions, strconv.Itoa(i.major))
		}
		found = "only " + strings.Join(versions, ", ")
	}
	return fmt.Errorf("%w: the data directory is PostgreSQL %d, found %s; data left untouched. "+
		"Install PostgreSQL %d again, or set DATABASE_URL", ErrVersion, major, found, major)
}

// local lists the machine's own installations, newest first.
func (p places) local(ctx context.Context) ([]installation, []error) {
	return probeAll(ctx, p.bins, false)
}

// npm lists the installations from npm packages, newest first.
func (p places) npm(ctx context.Context) ([]installation, []error) {
	var bins []string
	var errs []error
	for _, modules := range p.modules {
		scope := filepath.Join(modules, "@embedded-postgres")
		packages, _ := os.ReadDir(scope) // no such directory is the usual case
		for _, pack := range packages {
			native := filepath.Join(scope, pack.Name(), "native")
			if err := linkLibraries(native); err != nil {
				errs = append(errs, err)
			}
			bins = append(bins, filepath.Join(native, "bin"))
		}
	}
	found, more := probeAll(ctx, bins, true)
	return found, append(errs, more...)
}

func probeAll(ctx context.Context, bins []string, npm bool) (found []installation, errs []error) {
	seen := map[string]bool{}
	for _, bin := range bins {
		bin, err := filepath.EvalSymlinks(bin)
		if err != nil || seen[bin] {
			continue // a place that does not exist is the usual case
		}
		seen[bin] = true
		if _, err := os.Stat(filepath.Join(bin, "initdb")); err != nil {
			continue // clients only
		}
		major, err := probe(ctx, bin)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		found = append(found, installation{bin: bin, major: major, npm: npm})
	}
	slices.SortStableFunc(found, func(a, b installation) int { return b.major - a.major })
	return found, errs
}

// probe asks the server itself: only a program that runs here can answer.
func probe(ctx context.Context, bin string) (major int, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, filepath.Join(bin, "postgres"), "--version").CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("%s: %w: %s", bin, err, strings.TrimSpace(string(out)))
	}
	return parseVersion(string(out))
}

// parseVersion reads the major version from a line such as "postgres (PostgreSQL) 15.18 (Debian 1)"
// or "postgres (PostgreSQL) 19beta1".
func parseVersion(line string) (int, error) {
	_, version, _ := strings.Cut(line, "(PostgreSQL) ")
	end := strings.IndexFunc(version, func(r rune) bool { return r < '0' || r > '9' })
	if end >= 0 {
		version = version[:end]
	}
	major, err := strconv.Atoi(version)
	if err != nil {
		return 0, fmt.Errorf("not a PostgreSQL version: %q", strings.TrimSpace(line))
	}
	return major, nil
}
