package main

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
)

func linesOf[T any](t *testing.T, args ...string) []T {
	t.Helper()
	var out bytes.Buffer
	if err := run(args, &out); err != nil {
		t.Fatal(err)
	}
	var all []T
	for d := json.NewDecoder(&out); d.More(); {
		var l T
		if err := d.Decode(&l); err != nil {
			t.Fatal(err)
		}
		all = append(all, l)
	}
	return all
}

func TestACalendarFileIsTold(t *testing.T) {
	t.Parallel()
	got := linesOf[objectFigures](t, "ical", filepath.Join("..", "..", "conference", "ical", "testdata", "update.ics"), "ical.go")
	if len(got) != 2 || got[1].OK || got[1].Error == "" {
		t.Fatalf("%+v", got)
	}
	want := objectFigures{
		File: got[0].File, OK: true, MS: got[0].MS, Method: "REQUEST", UID: "0123456789abcdef0123456789abcdef@konsil.example", Sequence: 1,
		Start: "2027-04-06T15:30:00Z", End: "2027-04-06T16:15:00Z", Attendees: []string{"A.Gross@Praxis.example"},
	}
	if len(got[0].Attendees) != 1 || got[0].Attendees[0] != want.Attendees[0] || strings.Join([]string{got[0].Start, got[0].End, got[0].UID, got[0].Method}, " ") !=
		strings.Join([]string{want.Start, want.End, want.UID, want.Method}, " ") || got[0].Sequence != want.Sequence {
		t.Errorf("%+v", got[0])
	}
}

// TestNoInputOfAMebibyteHoldsMoreThanTwentyMegabytes: time is told by the program, and not asserted on a machine that others use.
func TestNoInputOfAMebibyteHoldsMoreThanTwentyMegabytes(t *testing.T) { // not parallel: it counts what the process allocates
	kinds := 0
	for _, l := range linesOf[hostileFigures](t, "ical", "-hostile") {
		kinds++
		if l.Heap > 20_000_000 || l.Bytes < 900_000 {
			t.Errorf("%s: %d bytes held for %d", l.Kind, l.Heap, l.Bytes)
		}
		t.Logf("%s: %.1f ms, %d kB %s", l.Kind, l.MS, l.Heap>>10, l.Error)
	}
	if kinds < 30 {
		t.Errorf("%d kinds", kinds)
	}
}

func TestAnswersBroughtTwiceCountOnce(t *testing.T) {
	t.Parallel()
	got := linesOf[inboundFigures](t, "inbound", "-n", "40")
	if l := got[0]; l.Stored != 40 || l.Brought <= 40 || l.Answers+l.Overdue != 40 || l.Twice != 0 || l.Lost != 0 || l.Wrong != 0 {
		t.Errorf("%+v", l)
	}
}

func TestConferencesAndInvitationsAreMeasured(t *testing.T) {
	t.Parallel()
	if l := linesOf[confirmFigures](t, "confirm", "-n", "2", "-seats", "3")[0]; l.Conferences != 2 || l.P95 <= 0 || l.Statements < 10 || l.Postgres <= 0 || l.Postgres > l.Max {
		t.Errorf("%+v", l)
	}
	if l := linesOf[renderFigures](t, "invitations", "-seconds", "0.1")[0]; l.Rendered == 0 || l.Bytes < 4000 {
		t.Errorf("%+v", l)
	}
}
