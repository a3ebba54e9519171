//go:build !release

package web

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/konsil-server/konsil/web/checkout"
)

// loaded are the checkout's own assets, built when they have to be.
func loaded(t *testing.T) *Assets {
	t.Helper()
	a, err := LoadAssets(t.Context(), "", func(line string) { t.Log(line) })
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func get(t *testing.T, server *httptest.Server, path string, header ...string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := (&http.Transport{DisableCompression: true}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

func body(t *testing.T, from io.Reader) string {
	t.Helper()
	content, err := io.ReadAll(from)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestEntriesAreServedForEverWithTheirTypeAndCompressed(t *testing.T) {
	t.Parallel()
	a := loaded(t)
	server := httptest.NewServer(a.Handler())
	defer server.Close()
	for name, mediaType := range map[string]string{
		"live.js": "text/javascript; charset=utf-8", "page.js": "text/javascript; charset=utf-8",
		"konsil.css": "text/css; charset=utf-8", "licences.txt": "text/plain; charset=utf-8", "icon.svg": "image/svg+xml",
	} {
		t.Run(name, func(t *testing.T) {
			if !regexp.MustCompile(`^/assets/\w+-\w{8}\.\w+$`).MatchString(a.URL(name)) {
				t.Errorf("URL(%q) = %q carries no hash", name, a.URL(name))
			}
			plain := get(t, server, a.URL(name))
			for header, want := range map[string]string{
				"Content-Type": mediaType, "X-Content-Type-Options": "nosniff", "Content-Encoding": "",
				"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding",
			} {
				if got := plain.Header.Get(header); got != want {
					t.Errorf("%s = %q, want %q", header, got, want)
				}
			}
			packed := get(t, server, a.URL(name), "Accept-Encoding", "br, gzip")
			if got := packed.Header.Get("Content-Encoding"); got != "gzip" {
				t.Fatalf("Content-Encoding = %q for a browser that takes gzip", got)
			}
			unpacked, err := gzip.NewReader(packed.Body)
			if err != nil {
				t.Fatal(err)
			}
			if body(t, unpacked) != body(t, plain.Body) {
				t.Error("the compressed file differs from the plain one")
			}
		})
	}
}

func TestFontsComeFromHereAndAreWoff2(t *testing.T) {
	t.Parallel()
	a := loaded(t)
	server := httptest.NewServer(a.Handler())
	defer server.Close()
	css := body(t, get(t, server, a.URL("konsil.css")).Body)
	fonts := regexp.MustCompile(`url\(([^)]*)\)`).FindAllStringSubmatch(css, -1)
	if len(fonts) < 4 {
		t.Fatalf("%d urls in the style sheet, want the faces of two families", len(fonts))
	}
	for _, found := range fonts {
		name := strings.Trim(found[1], `"'`)
		if !regexp.MustCompile(`^\./[\w-]+\.woff2$`).MatchString(name) {
			t.Errorf("the style sheet points to %q", name)
			continue
		}
		font := get(t, server, "/assets/"+strings.TrimPrefix(name, "./"))
		if content := body(t, font.Body); font.Header.Get("Content-Type") != "font/woff2" || !strings.HasPrefix(content, "wOF2") {
			t.Errorf("%s: %d, %s", name, font.StatusCode, font.Header.Get("Content-Type"))
		}
	}
}

func TestNothingElseIsServedOrListed(t *testing.T) {
	t.Parallel()
	a := loaded(t)
	server := httptest.NewServer(a.Handler())
	defer server.Close()
	entry := a.URL("live.js")
	for _, path := range []string{"/assets/", "/assets", "/", "/assets/manifest.json", entry + ".gz", "/assets/../go.mod", "/assets/live.js", "/assets/%2e%2e/go.mod", "/assets//" + strings.TrimPrefix(entry, "/assets/")} {
		resp := get(t, server, path)
		if resp.StatusCode != http.StatusNotFound || resp.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d, Cache-Control %q; want 404, not to be kept", path, resp.StatusCode, resp.Header.Get("Cache-Control"))
		}
	}
	resp, err := http.Post(server.URL+entry, "text/plain", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d, want 405", resp.StatusCode)
	}
}

func TestScriptsNeedNeitherEvalNorInlineStyles(t *testing.T) {
	t.Parallel()
	a := loaded(t)
	forbidden := regexp.MustCompile(`\beval\(|new Function\(|\.setAttribute\("style"|document\.write\(`)
	for name, file := range a.files {
		if strings.HasSuffix(name, ".js") {
			for _, found := range forbidden.FindAllString(string(file.plain), -1) {
				t.Errorf("%s contains %s, which the content security policy refuses", name, found)
			}
		}
	}
}

func TestAcceptEncodingIsReadWithWeights(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]bool{
		"": false, "gzip": true, "br, GZIP": true, "gzip;q=0": false, "gzip; q=0.5": true, "*": true, "deflate": false, "gzip;q=x": false, "xgzip": false,
	} {
		if got := acceptsGzip(header); got != want {
			t.Errorf("acceptsGzip(%q) = %v, want %v", header, got, want)
		}
	}
}

func TestTheLockFileNamesNoRegistryAndPinsEveryPackage(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(raw), `"resolved"`) {
		t.Error("package-lock.json says where packages were downloaded; build it with web/.npmrc in place")
	}
	var lock struct {
		Packages map[string]struct{ Integrity string }
	}
	if err := json.Unmarshal(raw, &lock); err != nil {
		t.Fatal(err)
	}
	for place, entry := range lock.Packages {
		if place != "" && !strings.HasPrefix(entry.Integrity, "sha512-") {
			t.Errorf("%s has no integrity hash", place)
		}
	}
	var asked struct{ Dependencies, DevDependencies, OptionalDependencies map[string]string }
	if raw, err = os.ReadFile("package.json"); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &asked); err != nil {
		t.Fatal(err)
	}
	exact := regexp.MustCompile(`^\d+\.\d+\.\d+(-[\w.]+)?$`)
	for _, list := range []map[string]string{asked.Dependencies, asked.DevDependencies, asked.OptionalDependencies} {
		if len(list) == 0 {
			t.Error("package.json lacks a list of dependencies")
		}
		for name, version := range list {
			if !exact.MatchString(version) {
				t.Errorf("%s is asked for as %q, not at one version", name, version)
			}
		}
	}
}

// tree makes a small one whose build script counts its runs, with a real node and npm.
func tree(t *testing.T) (web string) {
	t.Helper()
	if _, err := exec.LookPath("npm"); err != nil {
		t.Skip("SKIPPED: npm is not on this machine")
	}
	root := t.TempDir()
	web = filepath.Join(root, "web")
	for name, content := range map[string]string{
		"go.mod":                               "module github.com/konsil-server/konsil\n",
		"web/package.json":                     `{"name":"x","private":true,"scripts":{"build":"node build.mjs"}}`,
		"web/package-lock.json":                `{"name":"x","lockfileVersion":3,"packages":{"":{"name":"x"}}}`,
		"web/node_modules/.package-lock.json":  `{"packages":{}}`,
		"web/css/a.css":                        "a{}",
		"web/ts/deep/b.ts":                     "b",
		"conference/keep":                      "",
		"web/build.mjs":                        buildScript,
		"web/node_modules/keep/unlisted.md":    "npm ci would remove this",
		"elsewhere/go.mod":                     "module example.org/other\n",
		"elsewhere/web/package.json":           "{}",
		"elsewhere/web/node_modules/unrelated": "",
	} {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return web
}

// buildScript stands for build.mjs: it takes a while, and leaves a line per run. The source hash comes from the environment because the
// real script's own is compared in TestASecondLoadBuildsNothing.
const buildScript = `
import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
appendFileSync("runs", "run\n");
await new Promise((done) => setTimeout(done, 300));
if (process.env.KONSIL_TEST_FAIL === "1") { console.error("style sheet is broken"); process.exit(3); }
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
const hash = createHash("sha256");
for (const name of ["build.mjs", "css/a.css", "package-lock.json", "ts/deep/b.ts"]) {
  const content = readFileSync(name);
  hash.update(name + "\0" + content.length + "\0").update(content);
}
mkdirSync("dist", { recursive: true });
writeFileSync("dist/a-1.css", readFileSync("css/a.css"));
writeFileSync("dist/manifest.json", JSON.stringify({ source: hash.digest("hex"), files: { "a.css": "a-1.css" } }));
`

func runs(t *testing.T, web string) int {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(web, "runs"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return strings.Count(string(raw), "run")
}

func TestTwoAtOnceBuildOnceAndBothGetTheFiles(t *testing.T) {
	t.Parallel()
	web := tree(t)
	var wait sync.WaitGroup
	var mu sync.Mutex
	var said []string
	for range 2 {
		wait.Go(func() {
			a, err := buildCheckout(t.Context(), web, func(line string) {
				mu.Lock()
				defer mu.Unlock()
				said = append(said, line)
			})
			if err != nil {
				t.Error(err)
				return
			}
			if a.URL("a.css") != "/assets/a-1.css" || string(a.files["a-1.css"].plain) != "a{}" {
				t.Errorf("got %q", a.URL("a.css"))
			}
		})
	}
	wait.Wait()
	if got := runs(t, web); got != 1 {
		t.Errorf("%d builds, want 1", got)
	}
	if len(said) != 1 || !strings.Contains(said[0], "web/dist is missing") || strings.Contains(said[0], "npm ci") {
		t.Errorf("said %q; want one line, and no npm ci while node_modules matches", said)
	}
	if _, err := os.Stat(filepath.Join(web, "node_modules", "keep", "unlisted.md")); err != nil {
		t.Error("node_modules was emptied although it matched the lock file")
	}
}

func TestAChangedSourceIsBuiltAnew(t *testing.T) {
	t.Parallel()
	web := tree(t)
	var said []string
	say := func(line string) { said = append(said, line) }
	for range 2 {
		if _, err := buildCheckout(t.Context(), web, say); err != nil {
			t.Fatal(err)
		}
	}
	if got := runs(t, web); got != 1 {
		t.Fatalf("%d builds of unchanged sources, want 1", got)
	}
	if err := os.WriteFile(filepath.Join(web, "css", "a.css"), []byte("a{b:c}"), 0o644); err != nil {
		t.Fatal(err)
	}
	a, err := buildCheckout(t.Context(), web, say)
	if err != nil {
		t.Fatal(err)
	}
	if string(a.files["a-1.css"].plain) != "a{b:c}" {
		t.Error("the old build was served")
	}
	if len(said) != 2 || !strings.Contains(said[1], "older than its sources") {
		t.Errorf("said %q", said)
	}
}

func TestAFailedBuildShowsNpmsErrorAndTheCommands(t *testing.T) {
	web := tree(t)
	t.Setenv("KONSIL_TEST_FAIL", "1")
	_, err := buildCheckout(t.Context(), web, func(string) {})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"style sheet is broken", "npm ci --include=dev --include=optional", "npm run build", web} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %q:\n%v", want, err)
		}
	}
}

func TestWaitingForAnotherBuildEndsWithTheContext(t *testing.T) {
	t.Parallel()
	web := tree(t)
	unlock, err := checkout.Lock(t.Context(), web)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
	defer cancel()
	if _, err := buildCheckout(ctx, web, func(string) {}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the context's end", err)
	}
}

func TestACheckoutIsFoundFromBelowAndNobodyElses(t *testing.T) {
	t.Parallel()
	web := tree(t)
	root := filepath.Dir(web)
	for _, from := range []string{root, web, filepath.Join(root, "conference"), filepath.Join(root, "elsewhere", "web")} {
		if got, err := checkout.Find(from); err != nil || got != web {
			t.Errorf("from %s: %q, %v; want %q", from, got, err, web)
		}
	}
	if _, err := checkout.Find(t.TempDir()); !errors.Is(err, checkout.ErrNone) {
		t.Errorf("outside: %v, want ErrNone", err)
	}
}

func TestInstalledComparesWhatThisMachineNeeds(t *testing.T) {
	t.Parallel()
	const want = `{"packages":{"":{"version":"0"},
		"node_modules/a":{"version":"1.0.0","integrity":"sha512-a"},
		"node_modules/b":{"version":"2.0.0","integrity":"sha512-b","optional":true,"os":["plan9"]}}}`
	for name, test := range map[string]struct {
		have string
		want bool
	}{
		"nothing installed":                   {"", false},
		"the same, foreign optionals missing": {`{"packages":{"node_modules/a":{"version":"1.0.0","integrity":"sha512-a"}}}`, true},
		"another version":                     {`{"packages":{"node_modules/a":{"version":"1.0.1","integrity":"sha512-a"}}}`, false},
		"another content":                     {`{"packages":{"node_modules/a":{"version":"1.0.0","integrity":"sha512-x"}}}`, false},
		"a package missing":                   {`{"packages":{}}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			web := tree(t)
			if err := os.WriteFile(filepath.Join(web, "package-lock.json"), []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
			record := filepath.Join(web, "node_modules", ".package-lock.json")
			if err := os.WriteFile(record, []byte(test.have), 0o644); err != nil {
				t.Fatal(err)
			}
			if got := checkout.Installed(web); got != test.want {
				t.Errorf("installed = %v, want %v", got, test.want)
			}
		})
	}
}

func TestASecondLoadBuildsNothing(t *testing.T) {
	t.Parallel()
	loaded(t)
	_, err := LoadAssets(t.Context(), "", func(line string) {
		t.Errorf("the second load said %q: build.mjs and assets_checkout.go hash differently", line)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAGivenFolderIsServedAsItIs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := LoadAssets(t.Context(), dir, func(string) {}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder without manifest: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "manifest.json"), []byte(`{"files":{"live.js":"live-1.js"}}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadAssets(t.Context(), dir, func(string) {}); err == nil || !strings.Contains(err.Error(), "live-1.js") {
		t.Errorf("a build that lacks a file of its manifest: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "live-1.js"), []byte("1"), 0o644); err != nil {
		t.Fatal(err)
	}
	a, err := LoadAssets(t.Context(), dir, func(string) {})
	if err != nil || a.URL("live.js") != "/assets/live-1.js" {
		t.Errorf("%v, %v", a, err)
	}
}
