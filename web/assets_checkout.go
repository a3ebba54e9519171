//go:build !release

package web

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/konsil-server/konsil/web/checkout"
)

// build is the command that makes web/dist.
var build = []string{"npm", "run", "build"}

func ownBuild(ctx context.Context, say func(string)) (*Assets, error) {
	here, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("find the checkout: %w", err)
	}
	web, err := checkout.Find(here)
	if errors.Is(err, checkout.ErrNone) {
		return nil, ErrNoAssets
	}
	if err != nil {
		return nil, err
	}
	return buildCheckout(ctx, web, say)
}

// buildCheckout reads web/dist, made anew when it does not come from the sources as they are now. It reads under the lock: whoever builds
// next replaces the folder.
func buildCheckout(ctx context.Context, web string, say func(string)) (*Assets, error) {
	unlock, err := checkout.Lock(ctx, web)
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
	if !checkout.Installed(web) {
		commands = [][]string{checkout.Install, build}
		does = "npm ci and the build in web/, needs the network once"
	}
	say(fmt.Sprintf("web/dist %s: running %s", state, does))
	for _, command := range commands {
		if err := checkout.Run(ctx, web, command); err != nil {
			return fmt.Errorf("%w\nTo try by hand, in %s:\n  %s\n  %s", err, web, strings.Join(checkout.Install, " "), strings.Join(build, " "))
		}
	}
	return nil
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
