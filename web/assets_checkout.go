//go:build !release

package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// moduleLine is how a checkout of ours is told from any other Go module that has a folder called web.
const moduleLine = "module github.com/konsil-server/konsil"

var (
	install = []string{"npm", "ci", "--include=dev", "--include=optional"} // NODE_ENV=production would leave esbuild out
	build   = []string{"npm", "run", "build"}
)

func ownBuild(ctx context.Context, say func(string)) (*Assets, error) {
	here, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("find the checkout: %w", err)
	}
	web, err := findCheckout(here)
	if err != nil {
		return nil, err
	}
	return buildCheckout(ctx, web, say)
}

// findCheckout walks up from dir to our go.mod with web/package.json beside it and returns that web folder.
func findCheckout(dir string) (string, error) {
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
			return "", ErrNoAssets
		}
		dir = up
	}
}

// buildCheckout reads web/dist, made anew when it does not come from the sources as they are now. It reads under the lock: whoever builds
// next replaces the folder.
func buildCheckout(ctx context.Context, web string, say func(string)) (*Assets, error) {
	unlock, err := lockBuild(ctx, web)
	if err != nil {
		return nil, err
	}
	defer unlock()
	wanted, err := sourceHash(web)
	if err != nil {
		return nil, err
	}
	built := os.DirFS(filepath.Join(web, "dist"))
	list, err := readManifest(built)
	if err == nil && list.Source == wanted {
		return readAssets(built)
	}
	state := "is older than its sources"
	if errors.Is(err, fs.ErrNotExist) {
		state = "is missing"
	}
	if err := makeBuild(ctx, web, state, say); err != nil {
		return nil, err
	}
	return readAssets(built)
}

func makeBuild(ctx context.Context, web, state string, say func(string)) error {
	commands := [][]string{build}
	does := "the build in web/"
	if !installed(web) {
		commands = [][]string{install, build}
		does = "npm ci and the build in web/, needs the network once"
	}
	say(fmt.Sprintf("web/dist %s: running %s", state, does))
	for _, command := range commands {
		if err := run(ctx, web, command); err != nil {
			return fmt.Errorf("%w\nTo try by hand, in %s:\n  %s\n  %s", err, web, strings.Join(install, " "), strings.Join(build, " "))
		}
	}
	return nil
}

func run(ctx context.Context, dir string, command []string) error {
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &said, &said
	cmd.WaitDelay = 5 * time.Second // npm's children may hold the pipe after npm is gone
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(command, " "), err, strings.TrimSpace(said.String()))
	}
	return nil
}

// lockBuild takes web/.build.lock for this process: terminals and parallel test packages meet here. The kernel lets go of it when the
// process dies.
func lockBuild(ctx context.Context, web string) (unlock func(), err error) {
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

// sourceHash is the twin of the function in build.mjs: SHA-256 over "name NUL length NUL content" of build.mjs, package-lock.json, css/**
// and ts/**, sorted by name in bytes.
func sourceHash(web string) (string, error) {
	names := []string{"build.mjs", "package-lock.json"}
	for _, folder := range []string{"css", "ts"} {
		err := filepath.WalkDir(filepath.Join(web, folder), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return err
			}
			name, err := filepath.Rel(web, path)
			names = append(names, filepath.ToSlash(name))
			return err
		})
		if err != nil {
			return "", fmt.Errorf("list the front end's sources: %w", err)
		}
	}
	slices.Sort(names)
	sum := sha256.New()
	for _, name := range names {
		content, err := os.ReadFile(filepath.Join(web, filepath.FromSlash(name)))
		if err != nil {
			return "", fmt.Errorf("read the front end's sources: %w", err)
		}
		fmt.Fprintf(sum, "%s\x00%d\x00", name, len(content))
		sum.Write(content)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
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

// installed says whether node_modules holds what the lock file asks for on this machine. npm ci empties the folder first, and a private
// PostgreSQL may be running from it, so it must not run without need.
func installed(web string) bool {
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
