package web

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/konsil-server/konsil/conference"
	"github.com/konsil-server/konsil/expertpool"
)

// onDay lays conferences out that are from and until such a time on the clock.
func onDay(t *testing.T, day string, spans ...[2]string) dayPage {
	t.Helper()
	on, err := time.Parse(time.DateOnly, day)
	if err != nil {
		t.Fatal(err)
	}
	p := dayPage{Day: midnight(on)}
	for _, span := range spans {
		at := func(clock string) time.Time {
			local, err := time.ParseInLocation("2006-01-02 15:04", day+" "+clock, expertpool.Zone())
			if err != nil {
				t.Fatal(err)
			}
			return local
		}
		p.Held = append(p.Held, dayEntry{View: conference.View{Conference: conference.Conference{StartsAt: at(span[0]), EndsAt: at(span[1])}}})
	}
	p.draw()
	return p
}

func TestADayIsDrawnByTheHoursThatPass(t *testing.T) {
	t.Parallel()
	labels := func(p dayPage) (all []string) {
		for _, h := range p.Axis.Hours {
			all = append(all, h.Label)
		}
		return all
	}
	usual := []string{"08", "09", "10", "11", "12", "13", "14", "15", "16", "17"}
	for day, want := range map[string][]string{
		"2026-11-25": usual,
		"2027-03-28": usual, // the clocks change at night
		"2027-10-31": usual,
	} {
		p := onDay(t, day, [2]string{"10:00", "10:30"}, [2]string{"10:15", "11:00"}, [2]string{"13:00", "13:30"}, [2]string{"16:30", "17:00"})
		if got := labels(p); !slices.Equal(got, want) {
			t.Errorf("%s: %v", day, got)
		}
		if a, b, c := p.Held[0], p.Held[1], p.Held[2]; a.X != 2*hourWide || a.Width != hourWide/2 || b.Y == a.Y || c.Y != a.Y {
			t.Errorf("%s: %d %d, lanes at %d %d %d", day, a.X, a.Width, a.Y, b.Y, c.Y)
		}
		if a, late := p.Held[0], p.Held[3]; a.Ends || a.Label <= a.X+a.Width || !late.Ends || late.Label >= late.X {
			t.Errorf("%s: labels at %d and %d", day, a.Label, late.Label)
		}
	}
	early := []string{"01", "03", "04", "05", "06", "07"}
	if got := labels(onDay(t, "2027-03-28", [2]string{"01:30", "03:30"})); !slices.Equal(got[:6], early) {
		t.Errorf("in spring: %v", got)
	}
	early = []string{"01", "02", "02", "03", "04", "05"}
	if got := labels(onDay(t, "2027-10-31", [2]string{"01:30", "03:30"})); !slices.Equal(got[:6], early) {
		t.Errorf("in autumn: %v", got)
	}
}

func TestTheDayShowsWhatSomebodyHasAPartInAndWhatIsMissing(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.convened()
	s.accept(code, "Ewald")
	day := expertpool.Today(query[time.Time](s, `select starts_at from conference`))
	at := dayURL(day)
	if a := s.as("Clara").get(at); !a.Has(code) || !a.Has("Es fehlt noch:") || !a.Has("Physiotherapie") || !a.Has(`<svg viewBox="-12 0 `) {
		t.Errorf("the coordination: %d", a.Status)
	}
	if a := s.as("Ewald").get(at); !a.Has(code) || a.Has("Es fehlt noch:") {
		t.Errorf("an expert: %d", a.Status)
	}
	for _, who := range []string{"Gustav", "Bernd", "Rosa"} {
		if a := s.as(who).get(at); a.Status != http.StatusOK || a.Has(code) {
			t.Errorf("%s: %d", who, a.Status)
		}
	}
	b := s.as("Anna")
	for path, want := range map[string]string{
		dayURL(day.AddDate(0, 0, 1)): "An diesem Tag ist keine Konferenz.", "/conferences/day/2027-01-01": "Feiertag: Neujahr<", "/conferences/day/2027-01-06": "BW, BY, ST",
		"/conferences": `href="` + dayURL(expertpool.Today(s.Now())) + `"`,
	} {
		if a := b.get(path); a.Status != http.StatusOK || !a.Has(want) {
			t.Errorf("%s: %d, without %q", path, a.Status, want)
		}
	}
	for _, path := range []string{"/conferences/day/2026-02-30", "/conferences/day/x", "/conferences/day/9999-01-01"} {
		if a := b.get(path); a.Status != http.StatusNotFound {
			t.Errorf("%s: %d", path, a.Status)
		}
	}
}
