package ical

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// understood is what a reader that is not ours makes of an object.
type understood struct {
	File, Reader, UID, Start, End, CN string
	Sequence, Errors                  int
	OK                                bool
	Refused                           []string // what libical finds against a method's rules
}

// rendered writes what we send, on the days the clocks change and with names that are hard to write, and says of which event each file is.
func rendered(t *testing.T) map[string]Event {
	t.Helper()
	dir := t.TempDir()
	want := map[string]Event{}
	put := func(name string, e Event, render func(Event) ([]byte, error)) {
		path := filepath.Join(dir, name+".ics")
		if err := os.WriteFile(path, must2(t)(render(e)), 0o644); err != nil {
			t.Fatal(err)
		}
		want[path] = e
	}
	for name, start := range map[string]time.Time{
		"plain": sample(t).Start, "before-summer": time.Date(2027, 3, 28, 0, 30, 0, 0, time.UTC), "summer": time.Date(2027, 3, 28, 1, 0, 0, 0, time.UTC),
		"before-winter": time.Date(2027, 10, 30, 22, 30, 0, 0, time.UTC), "winter": time.Date(2027, 10, 31, 8, 0, 0, 0, time.UTC),
	} {
		e := sample(t)
		e.Start, e.End = start, start.Add(45*time.Minute)
		put(name+"-request", e, Request)
		put(name+"-refused", e, declined)
		e.Sequence, e.Stamp = 1, e.Stamp.Add(time.Second)
		put(name+"-update", e, Request)
		put(name+"-moved-refused", e, declined)
		e.Sequence, e.Private = 2, true
		put(name+"-cancel", e, Cancel)
		put(name+"-feed", e, func(e Event) ([]byte, error) { return Feed("konsil", e.Zone, time.Now(), []Dated{{Event: e}}) })
	}
	for i, cn := range []string{`Eva "Evi" Groß`, "Müller; Söhne, GbR", "Zoë 😀 Ängström", "^n ^' Test: x"} {
		e := sample(t)
		e.Attendee.Name, e.Sequence = cn, i
		put("name-"+string(rune('a'+i)), e, Request)
	}
	return want
}

// TestReadersThatAreNotOursUnderstandTheSame: libical finds nothing to complain about, and python-icalendar and vobject see the same
// instant, identity and name.
func TestReadersThatAreNotOursUnderstandTheSame(t *testing.T) {
	t.Parallel()
	const python = "/usr/bin/python3"
	if err := exec.Command(python, "-c", "import icalendar, vobject").Run(); err != nil {
		absent(t, "python3-icalendar python3-vobject libical3")
	}
	compare(t, rendered(t), python, filepath.Join("testdata", "readers.py"))
}

// TestReadersInBrowsersUnderstandTheSame: so do ical.js and node-ical.
func TestReadersInBrowsersUnderstandTheSame(t *testing.T) {
	t.Parallel()
	node, err := exec.LookPath("node")
	if err != nil || os.Getenv("NODE_READERS") == "" {
		absent(t, "ical.js node-ical, in a folder that NODE_READERS names")
	}
	compare(t, rendered(t), node, filepath.Join("testdata", "readers.mjs"))
}

// absent skips where readers are not installed, and fails where they have to be.
func absent(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal("not installed: " + what)
	}
	t.Skip("no readers on this machine: " + what)
}

// compare lets a program read files and holds what it says, in lines of JSON, against what was meant.
func compare(t *testing.T, want map[string]Event, program ...string) {
	t.Helper()
	args := program[1:]
	for path := range want {
		args = append(args, path)
	}
	cmd := exec.Command(program[0], args...)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, said.Bytes())
	}
	read := 0
	for d := json.NewDecoder(bytes.NewReader(out)); d.More(); read++ {
		var u understood
		if err := d.Decode(&u); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		e, name := want[u.File], u.Reader+" "+filepath.Base(u.File)
		cn, start, end := cleanName(e.Attendee.Name), e.Start.UTC().Format(utcFormat), e.End.UTC().Format(utcFormat)
		if strings.HasSuffix(u.File, "-feed.ics") {
			cn = ""
		}
		if strings.HasSuffix(u.File, "-refused.ics") {
			cn, start, end = "", "", ""
		}
		switch {
		case u.Reader == "libical" && strings.HasSuffix(u.File, "-moved-refused.ics"):
			// Its table allows no SEQUENCE at all, where RFC 5546 §3.2.8 demands one above 0. Nothing else may be wrong.
			if len(u.Refused) != 1 || !strings.Contains(u.Refused[0], "SEQUENCE") {
				t.Errorf("%s: %q", name, u.Refused)
			}
		case u.Reader == "libical":
			if !u.OK && !strings.HasSuffix(u.File, "-feed.ics") || u.Errors != 0 {
				t.Errorf("%s: restrictions kept: %v, %d errors, %q", name, u.OK, u.Errors, u.Refused)
			}
		case u.UID != e.UID || u.Sequence != e.Sequence || u.Start != start || u.End != end || u.CN != cn:
			t.Errorf("%s: %+v, not %+v", name, u, e)
		}
	}
	if read < 2*len(want) {
		t.Errorf("%d readings of %d objects", read, len(want))
	}
}
