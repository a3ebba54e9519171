package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"os"
	"path"
	"strconv"
	"strings"
)

// ErrNoAssets says that there is neither a release build nor a checkout to take the browser's files from.
var ErrNoAssets = errors.New("no browser files: this program was built without them and no checkout is around; " +
	"take the release build (go build -tags release) or start it inside a checkout")

// assetPrefix is where Handler must be mounted; URL answers below it.
const assetPrefix = "/assets/"

// Assets are the files the browser loads: style sheet, scripts, fonts. LoadAssets makes them; they never change afterwards and are
// kept in memory (under 4 MB, most of it source maps), so a later build in the same checkout cannot pull a file from under a page that is being loaded.
type Assets struct {
	entries map[string]string // name in the sources → name with hash
	files   map[string]asset
}

type asset struct {
	plain, gzipped []byte // gzipped is nil where it would not be smaller (fonts)
	mediaType      string
}

// manifest is what build.mjs leaves beside the files.
type manifest struct {
	Source string            `json:"source"` // see sourceHash
	Files  map[string]string `json:"files"`
}

// LoadAssets returns the browser's files. A dir names a finished build. An empty dir means: the files inside the program when it was
// built with the tag "release", otherwise the checkout that holds the working directory; there a missing or outdated build is made
// first with npm (needs the network once), and say is told in one line. Several processes may call it at once: one builds, the others
// wait. Returns ErrNoAssets when there is nothing to take them from.
func LoadAssets(ctx context.Context, dir string, say func(string)) (*Assets, error) {
	if dir != "" {
		return readAssets(os.DirFS(dir))
	}
	own, err := ownBuild(ctx, say)
	if err != nil {
		return nil, fmt.Errorf("browser files: %w", err)
	}
	return own, nil
}

func readAssets(built fs.FS) (*Assets, error) {
	list, err := readManifest(built)
	if err != nil {
		return nil, err
	}
	names, err := fs.Glob(built, "*")
	if err != nil {
		return nil, fmt.Errorf("list the built files: %w", err)
	}
	a := &Assets{entries: list.Files, files: make(map[string]asset, len(names))}
	for _, name := range names {
		if name == "manifest.json" || strings.HasSuffix(name, ".gz") {
			continue
		}
		if a.files[name], err = readAsset(built, name); err != nil {
			return nil, err
		}
	}
	for entry, name := range a.entries {
		if _, there := a.files[name]; !there {
			return nil, fmt.Errorf("the manifest names %s for %s, which is not in the build", name, entry)
		}
	}
	return a, nil
}

func readManifest(built fs.FS) (manifest, error) {
	var list manifest
	raw, err := fs.ReadFile(built, "manifest.json")
	if err != nil {
		return list, fmt.Errorf("read the build's manifest: %w", err)
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return list, fmt.Errorf("read the build's manifest: %w", err)
	}
	return list, nil
}

func readAsset(built fs.FS, name string) (asset, error) {
	plain, err := fs.ReadFile(built, name)
	if err != nil {
		return asset{}, fmt.Errorf("read a built file: %w", err)
	}
	gzipped, err := fs.ReadFile(built, name+".gz")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return asset{}, fmt.Errorf("read a built file: %w", err)
	}
	if len(gzipped) >= len(plain) {
		gzipped = nil
	}
	return asset{plain: plain, gzipped: gzipped, mediaType: mediaType(name)}, nil
}

// mediaType does not ask the machine's MIME tables first: they differ, and with nosniff a wrong type is a dead script.
func mediaType(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".woff2":
		return "font/woff2"
	case ".map":
		return "application/json"
	case ".txt":
		return "text/plain; charset=utf-8"
	}
	if known := mime.TypeByExtension(path.Ext(name)); known != "" {
		return known
	}
	return "application/octet-stream"
}

// URL is the path of an entry ("live.js", "page.js", "konsil.css", "icon.svg", "licences.txt") below /assets/, with the hash of its content in it. An unknown name
// gives a path that answers 404: a template's slip shows in the browser's console, not as a crash.
func (a *Assets) URL(name string) string {
	if hashed, known := a.entries[name]; known {
		return assetPrefix + hashed
	}
	return assetPrefix + name
}

// Handler answers GET and HEAD below /assets/. Names carry the hash of their content, so an answer may be kept for ever (RFC 8246); it
// lists nothing and answers 404, not to be kept, for every other name.
func (a *Assets) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		name, below := strings.CutPrefix(r.URL.Path, assetPrefix)
		file, known := a.files[name]
		if !below || !known {
			w.Header().Set("Cache-Control", "no-store")
			http.Error(w, "not found", http.StatusNotFound)
			return
		}
		file.serve(w, r)
	})
}

func (f asset) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", f.mediaType)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	body := f.plain
	if f.gzipped != nil {
		h.Set("Vary", "Accept-Encoding")
		if acceptsGzip(r.Header.Get("Accept-Encoding")) {
			h.Set("Content-Encoding", "gzip")
			body = f.gzipped
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method == http.MethodGet {
		_, _ = w.Write(body) // the only error here is that the browser has left
	}
}

// acceptsGzip reads Accept-Encoding (RFC 9110 §12.5.3): gzip or * named, and not with weight zero.
func acceptsGzip(header string) bool {
	for offer := range strings.SplitSeq(header, ",") {
		coding, params, _ := strings.Cut(strings.TrimSpace(offer), ";")
		if coding = strings.TrimSpace(coding); !strings.EqualFold(coding, "gzip") && coding != "*" {
			continue
		}
		weight, given := strings.CutPrefix(strings.ReplaceAll(params, " ", ""), "q=")
		if !given {
			return true
		}
		q, err := strconv.ParseFloat(weight, 64)
		return err == nil && q > 0
	}
	return false
}
