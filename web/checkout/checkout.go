// Package checkout knows the source tree on which konsil is developed and tried out: it finds its front end and has npm install
// what that needs, among it a PostgreSQL for machines without one. A released program needs none of it.
package checkout

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// ErrNone says that neither the folder nor any above it is a checkout of konsil.
var ErrNone = errors.New("not within a source checkout of konsil")

// moduleLine is how a checkout of ours is told from any other Go module that has a folder called web.
const moduleLine = "module github.com/konsil-server/konsil"

// Install is the command that installs the packages. NODE_ENV=production would leave esbuild out, hence the two options.
var Install = []string{"npm", "ci", "--include=dev", "--include=optional"}

// Prepare has the packages of the checkout around the working directory installed if they are not, saying so in one line.
// ErrNone outside of a checkout. Several processes may call it at once: one works, the others wait for it until ctx ends.
func Prepare(ctx context.Context, say func(string)) error {
	here, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("find the checkout: %w", err)
	}
	web, err := Find(here)
	if err != nil {
		return err
	}
	unlock, err := Lock(ctx, web)
	if err != nil {
		return err
	}
	defer unlock()
	if Installed(web) {
		return nil
	}
	say("npm packages are missing: running npm ci in web/, needs the network once")
	return Run(ctx, web, Install)
}

// Find walks up from dir to our go.mod with web/package.json beside it and returns that web folder.
func Find(dir string) (string, error) {
	for {
		gomod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && slices.Contains(strings.Split(strings.ReplaceAll(string(gomod), "\r", ""), "\n"), moduleLine) {
			web := filepath.Join(dir, "web")
			if _, err := os.Stat(filepath.Join(web, "package.json")); err == nil {
				return web, nil
			}
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", ErrNone
		}
		dir = up
	}
}

// Run runs a command in dir. The error carries what it said.
func Run(ctx context.Context, dir string, command []string) error {
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &said, &said
	cmd.WaitDelay = 5 * time.Second // npm's children may hold the pipe after npm is gone
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(command, " "), err, strings.TrimSpace(said.String()))
	}
	return nil
}

// Lend lets a program that is started in dir find the packages of the checkout around the working directory, as it would
// within it. dir must exist and have no folder web.
func Lend(dir string) error {
	here, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("find the checkout: %w", err)
	}
	web, err := Find(here)
	if err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(dir, "web"), 0o755); err != nil {
		return fmt.Errorf("lend packages: %w", err)
	}
	return os.Symlink(filepath.Join(web, "node_modules"), filepath.Join(dir, "web", "node_modules"))
}

// Lock takes web/.build.lock for this process: terminals and parallel test packages meet here. The kernel lets go of it when the
// process dies.
func Lock(ctx context.Context, web string) (unlock func(), err error) {
	file, err := os.OpenFile(filepath.Join(web, ".build.lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock the build: %w", err)
	}
	for {
		err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = file.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return nil, errors.Join(fmt.Errorf("lock the build: %w", err), file.Close())
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("wait for another build: %w", ctx.Err()), file.Close())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// lockfile is the part of package-lock.json, and of npm's record of what it installed, that says which package is where.
type lockfile struct {
	Packages map[string]struct {
		Version   string   `json:"version"`
		Integrity string   `json:"integrity"`
		Optional  bool     `json:"optional"`
		OS        []string `json:"os"`
		CPU       []string `json:"cpu"`
	} `json:"packages"`
}

// Installed says whether node_modules holds what the lock file asks for on this machine. npm ci empties the folder first, and a private
// PostgreSQL may be running from it, so it must not run without need.
func Installed(web string) bool {
	var want, have lockfile
	if readJSON(filepath.Join(web, "package-lock.json"), &want) != nil || readJSON(filepath.Join(web, "node_modules", ".package-lock.json"), &have) != nil {
		return false
	}
	for place, wanted := range want.Packages {
		if place == "" || wanted.Optional && !(fits(wanted.OS, runtime.GOOS) && fits(wanted.CPU, nodeArch())) {
			continue
		}
		if there, ok := have.Packages[place]; !ok || there.Version != wanted.Version || there.Integrity != wanted.Integrity {
			return false
		}
	}
	return true
}

func fits(allowed []string, mine string) bool {
	return len(allowed) == 0 || slices.Contains(allowed, mine)
}

// nodeArch is this machine's processor in node's words.
func nodeArch() string {
	switch runtime.GOARCH {
	case "amd64":
		return "x64"
	case "386":
		return "ia32"
	}
	return runtime.GOARCH
}

func readJSON(path string, into any) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, into)
}
