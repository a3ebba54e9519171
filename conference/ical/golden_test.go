package ical

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestObjectsMatchTheirGoldenFiles(t *testing.T) {
	t.Parallel()
	moved := sample(t)
	moved.Sequence, moved.Stamp = 1, moved.Stamp.Add(time.Hour)
	moved.Start, moved.End = moved.Start.AddDate(0, 0, 7), moved.End.AddDate(0, 0, 7)
	cancelled := moved
	cancelled.Sequence, cancelled.Stamp = 2, cancelled.Stamp.Add(time.Hour)
	hold := sample(t)
	hold.Tentative, hold.Optional, hold.DisallowCounter, hold.Location = true, true, true, ""
	utc := sample(t)
	utc.Zone = "UTC"
	inZone := func(zone string) Event {
		e := sample(t)
		e.Zone = zone
		return e
	}
	for _, c := range []struct {
		file   string
		render func() ([]byte, error)
	}{
		{"request.ics", func() ([]byte, error) { return Request(sample(t)) }},
		{"update.ics", func() ([]byte, error) { return Request(moved) }},
		{"cancel.ics", func() ([]byte, error) { return Cancel(cancelled) }},
		{"hold.ics", func() ([]byte, error) { return Request(hold) }},
		{"utc.ics", func() ([]byte, error) { return Request(utc) }},
		{"accepted.ics", func() ([]byte, error) { return Answered(sample(t), "ACCEPTED") }},
		{"newyork.ics", func() ([]byte, error) { return Request(inZone("America/New_York")) }},
		{"dublin.ics", func() ([]byte, error) { return Request(inZone("Europe/Dublin")) }},
		{"tokyo.ics", func() ([]byte, error) { return Request(inZone("Asia/Tokyo")) }},
		{"casablanca.ics", func() ([]byte, error) { return Request(inZone("Africa/Casablanca")) }},
	} {
		got, err := c.render()
		if err != nil {
			t.Errorf("%s: %v", c.file, err)
			continue
		}
		path := filepath.Join("testdata", c.file)
		if *update {
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: got\n%s\nwant\n%s", c.file, got, want)
		}
	}
}
