package web

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var feedAddress = regexp.MustCompile(`/feed/[A-Za-z0-9_-]+\.ics`)

// subscribed is the path of somebody's feed, as the page shows it once.
func (s *testServer) subscribed(name string) string {
	s.t.Helper()
	a := s.as(name).post("/me/feed", typed("act", "make"))
	path := feedAddress.FindString(a.Body)
	if a.Status != http.StatusOK || path == "" {
		s.t.Fatalf("status %d: %s", a.Status, a.Body)
	}
	return path
}

func TestAFeedIsAnsweredToProgramsAndOnlyWhenItHasChanged(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.convened()
	path := s.subscribed("Ewald")
	if a := s.as("Ewald").get("/me/feed"); !a.Has("Es gibt eine Adresse seit") || feedAddress.MatchString(a.Body) {
		t.Errorf("the page afterwards: %s", a.Body)
	}
	ask := func(tag string) (*http.Response, string) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+path, nil)
		s.must(err)
		r.Header.Set("If-None-Match", tag)
		answer, err := http.DefaultClient.Do(r)
		s.must(err)
		defer answer.Body.Close()
		b := make([]byte, 64<<10)
		n, _ := answer.Body.Read(b)
		return answer, string(b[:n])
	}
	first, feed := ask("")
	tag := first.Header.Get("ETag")
	if first.StatusCode != http.StatusOK || first.Header.Get("Content-Type") != "text/calendar; charset=utf-8" || tag == "" || !strings.Contains(feed, code) {
		t.Fatalf("status %d, %v\n%s", first.StatusCode, first.Header, feed)
	}
	if same, body := ask(`"x", W/` + tag); same.StatusCode != http.StatusNotModified || body != "" {
		t.Errorf("unchanged it is answered %d with %d octets", same.StatusCode, len(body))
	}
	s.accept(code, "Ewald")
	if changed, _ := ask(tag); changed.StatusCode != http.StatusOK || changed.Header.Get("ETag") == tag {
		t.Errorf("changed it is answered %d", changed.StatusCode)
	}
	s.as("Ewald").post("/me/feed", typed("act", "end"))
	if gone, _ := ask(tag); gone.StatusCode != http.StatusNotFound {
		t.Errorf("taken back it is answered %d", gone.StatusCode)
	}
}

func TestAProgramThatKeepsCalendarsSubscribes(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("vdirsyncer")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("not installed: vdirsyncer")
		}
		t.Skip("no vdirsyncer on this machine: apt-get install vdirsyncer")
	}
	s := newTestServer(t)
	code := s.convened()
	path := s.subscribed("Ewald")
	dir := t.TempDir()
	config := filepath.Join(dir, "config")
	s.must(os.WriteFile(config, []byte(fmt.Sprintf(`[general]
status_path = "%[1]s/status"
[pair dates]
a = "there"
b = "here"
collections = null
[storage there]
type = "http"
url = "%[2]s"
[storage here]
type = "filesystem"
path = "%[1]s/here"
fileext = ".ics"
`, dir, s.URL+path)), 0o600))
	s.must(os.Mkdir(filepath.Join(dir, "here"), 0o700))
	for _, step := range []string{"discover", "sync"} {
		c := exec.CommandContext(t.Context(), program, "-c", config, step)
		c.Stdin, c.Env = strings.NewReader("y\ny\n"), append(os.Environ(), "LC_ALL=C.UTF-8", "HOME="+dir)
		if said, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", step, err, said)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "here", "*.ics"))
	s.must(err)
	if len(files) != 1 {
		t.Fatalf("%d dates arrived", len(files))
	}
	raw, err := os.ReadFile(files[0])
	s.must(err)
	if !strings.Contains(string(raw), code) || !strings.Contains(string(raw), "BEGIN:VTIMEZONE") {
		t.Errorf("%s", raw)
	}
}
