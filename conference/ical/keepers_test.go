package ical

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// keeper is a program that keeps somebody's calendar, khal, with a calendar of its own.
type keeper struct {
	*testing.T
	program, dir string
}

func newKeeper(t *testing.T) keeper {
	t.Helper()
	program, err := exec.LookPath("khal")
	if err != nil {
		absent(t, "khal")
	}
	k := keeper{t, program, t.TempDir()}
	config := fmt.Sprintf(`[calendars]
[[dates]]
path = %[1]s/dates
[sqlite]
path = %[1]s/cache
[locale]
local_timezone = UTC
default_timezone = UTC
timeformat = %%H:%%M
dateformat = %%Y-%%m-%%d
longdateformat = %%Y-%%m-%%d
datetimeformat = %%Y-%%m-%%d %%H:%%M
longdatetimeformat = %%Y-%%m-%%d %%H:%%M
`, k.dir)
	if err := os.WriteFile(filepath.Join(k.dir, "config"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(k.dir, "dates"), 0o700); err != nil {
		t.Fatal(err)
	}
	return k
}

func (k keeper) run(args ...string) string {
	k.Helper()
	c := exec.CommandContext(k.Context(), k.program, append([]string{"-c", filepath.Join(k.dir, "config")}, args...)...)
	c.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "HOME="+k.dir, "XDG_CONFIG_HOME="+k.dir, "XDG_DATA_HOME="+k.dir, "XDG_CACHE_HOME="+k.dir)
	said, err := c.CombinedOutput()
	if err != nil {
		k.Fatalf("khal %v: %v\n%s", args[0], err, said)
	}
	return string(said)
}

// takes imports what these events become, and says what stands in the calendar then.
func (k keeper) takes(events []Event, render func(Event) ([]byte, error)) []string {
	k.Helper()
	args := []string{"import", "--batch", "-a", "dates"}
	for i, e := range events {
		path := filepath.Join(k.dir, fmt.Sprintf("%d.ics", i))
		if err := os.WriteFile(path, must2(k)(render(e)), 0o600); err != nil {
			k.Fatal(err)
		}
		args = append(args, path)
	}
	k.run(args...)
	var stands []string
	for line := range strings.Lines(k.run("list", "--day-format", "", "--format", "{uid} {start-long} {end-long} {status}", "2027-01-01", "365d")) {
		if line = strings.TrimSpace(line); line != "" {
			stands = append(stands, line)
		}
	}
	slices.Sort(stands)
	return stands
}

// TestAProgramThatKeepsCalendarsTakesMovesAndCancelsOneDateForEachInvitation: an update is the same entry, and so is a cancellation; both on
// the days on which the clocks change.
func TestAProgramThatKeepsCalendarsTakesMovesAndCancelsOneDateForEachInvitation(t *testing.T) {
	t.Parallel()
	k := newKeeper(t)
	var events []Event
	for i, start := range []time.Time{
		sample(t).Start, time.Date(2027, 3, 28, 0, 30, 0, 0, time.UTC), time.Date(2027, 3, 28, 1, 0, 0, 0, time.UTC), time.Date(2027, 10, 31, 8, 0, 0, 0, time.UTC),
	} {
		e := sample(t)
		e.UID, e.Start, e.End = fmt.Sprintf("%032x@konsil.example", i), start, start.Add(45*time.Minute)
		events = append(events, e)
	}
	for _, step := range []struct {
		status string
		later  time.Duration
		render func(Event) ([]byte, error)
	}{{"CONFIRMED", 0, Request}, {"CONFIRMED", 26 * time.Hour, Request}, {"CANCELLED", 0, Cancel}} {
		var want []string
		for i := range events {
			e := &events[i]
			if step.later > 0 || step.status == "CANCELLED" {
				e.Sequence, e.Stamp = e.Sequence+1, e.Stamp.Add(time.Hour)
			}
			e.Start, e.End = e.Start.Add(step.later), e.End.Add(step.later)
			const minute = "2006-01-02 15:04"
			want = append(want, strings.Join([]string{e.UID, e.Start.UTC().Format(minute), e.End.UTC().Format(minute), step.status}, " "))
		}
		slices.Sort(want)
		if got := k.takes(events, step.render); !slices.Equal(got, want) {
			t.Errorf("%s:\n%s\nnot\n%s", step.status, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}
