package ical

import (
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
}

// TestReadersThatAreNotOursUnderstandTheSame: libical finds nothing to complain about, and python-icalendar and vobject see the same
// instant, identity and name, on the days the clocks change and with names that are hard to write.
func TestReadersThatAreNotOursUnderstandTheSame(t *testing.T) {
	t.Parallel()
	const python = "/usr/bin/python3"
	if err := exec.Command(python, "-c", "import icalendar, vobject").Run(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("python3-icalendar and python3-vobject are not installed")
		}
		t.Skip("no readers on this machine: apt-get install python3-icalendar python3-vobject libical3")
	}
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
		e.Sequence, e.Stamp = 1, e.Stamp.Add(time.Second)
		put(name+"-update", e, Request)
		put(name+"-refused", e, DeclineCounter)
		e.Sequence, e.Private = 2, true
		put(name+"-cancel", e, Cancel)
		put(name+"-feed", e, func(e Event) ([]byte, error) { return Feed("konsil", e.Zone, []Dated{{Event: e}}) })
	}
	for i, cn := range []string{`Eva "Evi" Groß`, "Müller; Söhne, GbR", "Zoë 😀 Ängström", "^n ^' Test: x"} {
		e := sample(t)
		e.Attendee.Name, e.Sequence = cn, i
		put("name-"+string(rune('a'+i)), e, Request)
	}
	args := []string{filepath.Join("testdata", "readers.py")}
	for path := range want {
		args = append(args, path)
	}
	out, err := exec.Command(python, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	read := 0
	for d := json.NewDecoder(strings.NewReader(string(out))); d.More(); read++ {
		var u understood
		if err := d.Decode(&u); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		e, name := want[u.File], u.Reader+" "+filepath.Base(u.File)
		cn := cleanName(e.Attendee.Name)
		if strings.HasSuffix(u.File, "-feed.ics") {
			cn = ""
		}
		switch {
		case u.Reader == "libical" && strings.HasSuffix(u.File, "-refused.ics"): // its table for DECLINECOUNTER wants a bare UID, which calendars cannot show
		case u.Reader == "libical":
			if !u.OK && !strings.HasSuffix(u.File, "-feed.ics") || u.Errors != 0 {
				t.Errorf("%s: restrictions kept: %v, %d errors", name, u.OK, u.Errors)
			}
		case u.UID != e.UID || u.Sequence != e.Sequence || u.Start != e.Start.UTC().Format(utcFormat) || u.End != e.End.UTC().Format(utcFormat) || u.CN != cn:
			t.Errorf("%s: %+v, not %+v", name, u, e)
		}
	}
	if read < 2*len(want) {
		t.Errorf("%d readings of %d objects", read, len(want))
	}
}
