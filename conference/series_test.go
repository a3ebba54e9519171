package conference

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference/ical"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

func on(t testing.TB, day string) time.Time {
	t.Helper()
	at, err := time.Parse(time.DateOnly, day)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// wednesdays is a slot of three places in Berlin, from one until two fifteen.
func wednesdays(t testing.TB) Series {
	return Series{
		Name: "Mittwochsrunde", Weekday: time.Wednesday, Begins: 13 * 60, Zone: expertpool.Zone().String(), Places: 3, Length: 25 * time.Minute,
		Land: "BE", From: on(t, "2026-11-01"),
	}
}

// local says places as clocks on the wall do.
func local(places []SeriesPlace) (all []string) {
	for _, p := range places {
		all = append(all, p.Starts.In(expertpool.Zone()).Format("2006-01-02 15:04"))
	}
	return all
}

func TestASeriesKeepsItsHourWhenClocksChange(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ now, want string }{
		{"2027-03-24", "2027-03-24T12:00:00Z"}, {"2027-03-31", "2027-03-31T11:00:00Z"}, // put forward on the 28th
		{"2027-10-27", "2027-10-27T11:00:00Z"}, {"2027-11-03", "2027-11-03T12:00:00Z"}, // put back on the 31st
	} {
		table := Timetable{Series: wednesdays(t), now: on(t, c.now)}
		next := table.Next(table.now, 3)
		if got := next[0].Starts.UTC().Format(time.RFC3339); got != c.want {
			t.Errorf("from %s: %s, want %s", c.now, got, c.want)
		}
		if want := []string{c.now + " 13:00", c.now + " 13:25", c.now + " 13:50"}; !slices.Equal(local(next), want) {
			t.Errorf("from %s: %v", c.now, local(next))
		}
	}
	odd := wednesdays(t)
	odd.Begins, odd.Places, odd.Length = 90, 3, time.Hour // no rule allows it; places are as long as they say all the same
	if got := local(odd.placesOn(on(t, "2027-03-28"))); !slices.Equal(got, []string{"2027-03-28 01:30", "2027-03-28 03:30", "2027-03-28 04:30"}) {
		t.Errorf("on the night itself: %v", got)
	}
}

func TestASeriesLeavesOutHolidaysAndDaysThatAreOff(t *testing.T) {
	t.Parallel()
	until := on(t, "2027-02-03")
	days := func(land ical.State, off ...string) (found []string) {
		r := wednesdays(t)
		r.Land, r.Until = land, &until
		table := Timetable{Series: r, now: on(t, "2026-11-12")}
		for _, d := range off {
			table.off = append(table.off, on(t, d))
		}
		for _, d := range table.Days(16) {
			if d.Unused() > 0 {
				found = append(found, d.Day.Format("01-02"))
			}
		}
		return found
	}
	for _, c := range []struct {
		land ical.State
		off  []string
		want []string
	}{
		{"BE", nil, []string{"11-18", "11-25", "12-02", "12-09", "12-16", "12-23", "12-30", "01-06", "01-13", "01-20", "01-27", "02-03"}},
		{"SN", nil, []string{"11-25", "12-02", "12-09", "12-16", "12-23", "12-30", "01-06", "01-13", "01-20", "01-27", "02-03"}}, // day of penance
		{"BY", []string{"2026-12-23"}, []string{"11-18", "11-25", "12-02", "12-09", "12-16", "12-30", "01-13", "01-20", "01-27", "02-03"}},
		{"", nil, []string{"11-25", "12-02", "12-09", "12-16", "12-23", "12-30", "01-13", "01-20", "01-27", "02-03"}},
	} {
		if got := days(c.land, c.off...); !slices.Equal(got, c.want) {
			t.Errorf("%q without %v: %v", c.land, c.off, got)
		}
	}
}

// slotHouse is a house with a series of the coordination.
type slotHouse struct {
	*house
	id uuid.UUID
}

func newSlotHouse(t testing.TB) slotHouse {
	t.Helper()
	return newHouse(t).slot()
}

func (h *house) slot() slotHouse {
	h.t.Helper()
	id, err := h.s.KeepSeries(h.t.Context(), h.coordinator, wednesdays(h.t))
	h.must(err)
	return slotHouse{h, id}
}

func (h slotHouse) table() Timetable {
	h.t.Helper()
	table, err := h.s.SeriesByID(h.t.Context(), h.coordinator, h.id)
	h.must(err)
	return table
}

// panel asks Kern and Reimann for a place.
func (h slotHouse) panel(p SeriesPlace) Panel {
	return Panel{
		Experts: []uuid.UUID{h.experts["Kern"].ID, h.experts["Reimann"].ID}, Starts: p.Starts, Length: p.Ends.Sub(p.Starts), Series: h.id,
	}
}

// put convenes a new case in the next free place.
func (h slotHouse) put() string {
	h.t.Helper()
	code, err := h.s.Convene(h.t.Context(), h.coordinator, h.submit(h.wanting()), h.panel(h.table().Next(h.clock, 1)[0]))
	h.must(err)
	return code
}

// agenda is a day as codes by place; free places are "".
func (h slotHouse) agenda(day string) (codes []string) {
	h.t.Helper()
	d, _ := h.table().On(on(h.t, day))
	for _, p := range d.Places {
		codes = append(codes, p.Code)
	}
	return codes
}

func (h slotHouse) sequences(code string) []int {
	h.t.Helper()
	return get[[]int](h.house, `select array_agg(i.sequence order by i.sequence) from invitation i join conference c on c.id = i.conference_id where c.code = $1`, code)
}

func broken(err error) string {
	var invalid *account.InvalidError
	if errors.As(err, &invalid) {
		return invalid.Field + "." + invalid.Rule
	}
	return ""
}

func TestTheLastPlaceOfADayIsTakenByOneOfTwo(t *testing.T) {
	t.Parallel()
	h := newSlotHouse(t)
	first, second := h.put(), h.put()
	last := h.table().Next(h.clock, 1)[0]
	requests := []uuid.UUID{h.submit(h.wanting()), h.submit(h.wanting())}
	errs := make([]error, len(requests))
	var both sync.WaitGroup
	for i, r := range requests {
		both.Go(func() { _, errs[i] = h.s.Convene(context.Background(), h.coordinator, r, h.panel(last)) })
	}
	both.Wait()
	winner := slices.Index(errs, nil)
	if winner < 0 || broken(errs[1-winner]) != "starts.place_taken" {
		t.Fatalf("the two: %v", errs)
	}
	if got := h.agenda("2026-11-25"); len(got) != 3 || got[0] != first || got[1] != second || got[2] == "" {
		t.Errorf("the day: %q", got)
	}
	if next := local(h.table().Next(h.clock, 1)); next[0] != "2026-12-02 13:00" {
		t.Errorf("the next place is %v", next)
	}
	if state := get[string](h.house, `select state from conference_request where id = $1`, requests[1-winner]); state != "submitted" {
		t.Errorf("the request that came too late is %s", state)
	}
	if n := get[int](h.house, `select count(*) from message_out where kind = 'invitation'`); n != 6 { // two experts, three cases: each an invitation of its own
		t.Errorf("%d invitations", n)
	}
}

func TestAPlaceIsFreeAgainWhenItsCaseLeavesIt(t *testing.T) {
	t.Parallel()
	h := newSlotHouse(t)
	first, second := h.put(), h.put()
	h.must(h.s.Cancel(t.Context(), h.coordinator, first))
	h.must(h.s.Move(t.Context(), h.coordinator, second, h.clock.AddDate(0, 0, 3), 25*time.Minute))
	if got := h.agenda("2026-11-25"); !slices.Equal(got, []string{"", "", ""}) {
		t.Errorf("the day: %q", got)
	}
	third := h.put()
	if got := h.agenda("2026-11-25"); got[0] != third {
		t.Errorf("the day: %q", got)
	}
	p := h.panel(h.table().Next(h.clock, 1)[0])
	request := h.submit(h.wanting())
	for want, spoil := range map[string]func(*Panel){
		"starts.no_place":   func(p *Panel) { p.Starts = p.Starts.Add(5 * time.Minute) },
		"series.unknown":    func(p *Panel) { p.Series = uuid.New() },
		"series.in_writing": func(p *Panel) { p.Written, p.DueOn = true, on(t, "2026-12-04") },
	} {
		wrong := p
		spoil(&wrong)
		if _, err := h.s.Convene(t.Context(), h.coordinator, request, wrong); broken(err) != want {
			t.Errorf("%s: %v", want, err)
		}
	}
	open, err := h.s.Openings(t.Context(), h.coordinator, request)
	h.must(err)
	if len(open) != openingsEach || local([]SeriesPlace{open[0].SeriesPlace})[0] != "2026-11-25 13:25" {
		t.Errorf("offered: %v", open)
	}
}

func TestTwoCasesChangePlacesInOneStep(t *testing.T) {
	t.Parallel()
	h := newSlotHouse(t)
	a, b, c := h.put(), h.put(), h.put()
	h.accept(a, "Kern", "Reimann")
	h.must(h.s.SwapPlaces(t.Context(), h.coordinator, h.id, a, c))
	if got := h.agenda("2026-11-25"); !slices.Equal(got, []string{c, b, a}) {
		t.Errorf("the day: %q, want %q", got, []string{c, b, a})
	}
	for code, want := range map[string][]int{a: {1, 1}, b: {0, 0}, c: {1, 1}} {
		if got := h.sequences(code); !slices.Equal(got, want) {
			t.Errorf("invitations of %s have SEQUENCE %v, want %v", code, got, want)
		}
	}
	if h.state(a) != Inviting {
		t.Error("a yes to the old date counts for the new one")
	}
	if err := h.s.SwapPlaces(t.Context(), h.coordinator, h.id, a, a); broken(err) != "second.same" {
		t.Errorf("with itself: %v", err)
	}
	other, _ := h.convene("Kern")
	if err := h.s.SwapPlaces(t.Context(), h.coordinator, h.id, a, other); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("with a conference that has no place: %v", err)
	}
	h.must(h.s.Cancel(t.Context(), h.coordinator, b))
	h.must(h.s.PutInPlace(t.Context(), h.coordinator, h.id, a, h.table().Next(h.clock, 1)[0].Starts))
	if got := h.agenda("2026-11-25"); !slices.Equal(got, []string{c, a, ""}) {
		t.Errorf("after the gap is closed: %q, want %q", got, []string{c, a, ""})
	}
	if err := h.s.PutInPlace(t.Context(), h.coordinator, h.id, a, on(t, "2026-11-25").Add(12*time.Hour)); !isConflict(err, "series_day_changed") {
		t.Errorf("where another is: %v", err)
	}
	b = h.put()
	var all sync.WaitGroup
	for _, pair := range [][2]string{{a, b}, {b, c}, {c, a}, {b, a}} {
		all.Go(func() { h.must(h.s.SwapPlaces(context.Background(), h.coordinator, h.id, pair[0], pair[1])) })
	}
	all.Wait()
	got := h.agenda("2026-11-25")
	if slices.Sort(got); !slices.Equal(got, slices.Sorted(slices.Values([]string{a, b, c}))) {
		t.Errorf("after four at once: %q", got)
	}
	h.discreet()
}

func TestADayIsCalledOffAsItWasSaid(t *testing.T) {
	t.Parallel()
	h := newSlotHouse(t)
	a, b := h.put(), h.put()
	day := on(t, "2026-11-25")
	told, err := h.s.IfDropped(t.Context(), h.coordinator, h.id, day, false)
	h.must(err)
	if len(told) != 2 || told[0].Code != a || told[0].Moved() {
		t.Fatalf("it is said: %v", told)
	}
	c := h.put() // meanwhile
	if err := h.s.DropDay(t.Context(), h.coordinator, h.id, day, false, told); !isConflict(err, "series_day_changed") {
		t.Errorf("something else than was said: %v", err)
	}
	if told, err = h.s.IfDropped(t.Context(), h.coordinator, h.id, day, false); err != nil {
		t.Fatal(err)
	}
	h.must(h.s.DropDay(t.Context(), h.coordinator, h.id, day, false, told))
	for _, code := range []string{a, b, c} {
		if h.state(code) != Cancelled {
			t.Errorf("%s is %s", code, h.state(code))
		}
	}
	if d, is := h.table().On(day); !is || !d.Off || len(d.Places) != 0 {
		t.Errorf("the day: %v", d)
	}
	if _, err := h.s.IfDropped(t.Context(), h.coordinator, h.id, day, false); !isConflict(err, "series_day_off") {
		t.Errorf("a second time: %v", err)
	}
	h.must(h.s.ResumeDay(t.Context(), h.coordinator, h.id, day))
	if got := h.agenda("2026-11-25"); len(got) != 3 {
		t.Errorf("after it is taken back: %q", got)
	}
	if n := get[int](h.house, `select count(*) from audit.entry where action = 'cancel'`); n != 3 {
		t.Errorf("%d of three are in the record", n)
	}
}

func TestADayMovesToTheNextFreePlaces(t *testing.T) {
	t.Parallel()
	h := newSlotHouse(t)
	a, b := h.put(), h.put()
	day := on(t, "2026-11-25")
	elsewhere, err := h.s.Convene(t.Context(), h.coordinator, h.submit(h.wanting()), h.panel(h.table().Next(on(t, "2026-12-02"), 2)[1]))
	h.must(err)
	told, err := h.s.IfDropped(t.Context(), h.coordinator, h.id, day, true)
	h.must(err)
	h.must(h.s.DropDay(t.Context(), h.coordinator, h.id, day, true, told))
	if got := h.agenda("2026-12-02"); !slices.Equal(got, []string{a, elsewhere, b}) {
		t.Errorf("the next day: %q, want %q", got, []string{a, elsewhere, b})
	}
	if got := h.agenda("2026-11-25"); len(got) != 0 {
		t.Errorf("the day: %q", got)
	}
	if got := h.sequences(a); !slices.Equal(got, []int{1, 1}) {
		t.Errorf("invitations have SEQUENCE %v", got)
	}
	r := h.table().Series
	until := on(t, "2026-12-02")
	r.Until = &until
	_, err = h.s.KeepSeries(t.Context(), h.coordinator, r)
	h.must(err)
	if _, err := h.s.IfDropped(t.Context(), h.coordinator, h.id, until, true); !isConflict(err, "series_full") {
		t.Errorf("when there is no other day: %v", err)
	}
	h.clock = on(t, "2026-12-03")
	if _, err := h.s.IfDropped(t.Context(), h.coordinator, h.id, until, false); !isConflict(err, "series_day_over") {
		t.Errorf("when it is over: %v", err)
	}
}

func TestAnotherRuleChangesFreePlacesOnly(t *testing.T) {
	t.Parallel()
	h := newSlotHouse(t)
	a := h.put()
	h.put()
	r := h.table().Series
	r.Length, r.Begins = 45*time.Minute, 13*60+10
	_, err := h.s.KeepSeries(t.Context(), h.coordinator, r)
	h.must(err)
	d, _ := h.table().On(on(t, "2026-11-25"))
	if got := local(d.Places); !slices.Equal(got, []string{"2026-11-25 13:00", "2026-11-25 13:25", "2026-11-25 13:55", "2026-11-25 14:40"}) || d.Unused() != 2 || d.Places[0].Code != a {
		t.Errorf("the day: %v, %d free", got, d.Unused())
	}
	h.exec(`update organisation set land = 'SN' where id = $1`, h.coordinator.Organisation)
	r.Weekday, r.Land = time.Thursday, ""
	_, err = h.s.KeepSeries(t.Context(), h.coordinator, r)
	h.must(err)
	if land := h.table().Land; land != "SN" {
		t.Errorf("without a Land of its own it keeps the holidays of %q", land)
	}
	days := h.table().Days(2)
	if len(days) != 3 || days[0].Unused() != 0 || len(days[0].Taken()) != 2 || days[1].Day != on(t, "2026-11-26") || days[1].Unused() != 3 {
		t.Errorf("on another day: %v", days)
	}
	if h.sequences(a)[0] != 0 {
		t.Error("somebody is asked anew")
	}
}

func TestASeriesBelongsToTheCoordinationOfItsNetwork(t *testing.T) {
	t.Parallel()
	h := newSlotHouse(t)
	ctx := t.Context()
	if _, err := h.s.SeriesByID(ctx, h.stranger, h.id); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("a stranger reads: %v", err)
	}
	if all, err := h.s.AllSeries(ctx, h.stranger); err != nil || len(all) != 0 {
		t.Errorf("a stranger lists: %v, %v", all, err)
	}
	r := h.table().Series
	if _, err := h.s.KeepSeries(ctx, h.stranger, r); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("a stranger changes: %v", err)
	}
	if err := h.s.DropDay(ctx, h.stranger, h.id, on(t, "2026-11-25"), false, nil); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("a stranger drops a day: %v", err)
	}
	for _, who := range []account.Actor{h.caseworker, h.experts["Kern"]} {
		if _, err := h.s.AllSeries(ctx, who); !errors.Is(err, account.ErrDenied) {
			t.Errorf("%s lists: %v", who.Role, err)
		}
		if _, err := h.s.KeepSeries(ctx, who, r); !errors.Is(err, account.ErrDenied) {
			t.Errorf("%s changes: %v", who.Role, err)
		}
	}
	var err error
	r.Group, err = h.pool.NewGroup(ctx, h.coordinator, "Runde")
	h.must(err)
	_, err = h.s.KeepSeries(ctx, h.coordinator, r)
	h.must(err)
	if got := h.table(); got.Group != r.Group || got.GroupName != "Runde" {
		t.Errorf("the standing round is %q", got.GroupName)
	}
	h.must(h.pool.RemoveGroup(ctx, h.coordinator, r.Group))
	if got := h.table(); got.Group != uuid.Nil || got.GroupName != "" {
		t.Errorf("without the group it is %q", got.GroupName)
	}
	r.ID, r.Group = uuid.Nil, uuid.Nil
	for want, spoil := range map[string]func(*Series){
		"series_name.taken":    func(r *Series) { r.Name = "mittwochsrunde" },
		"series_name.required": func(r *Series) { r.Name = " " },
		"weekday.required":     func(r *Series) { r.Weekday = time.Sunday },
		"begins.hours":         func(r *Series) { r.Begins = 18 * 60 },
		"places.twelve":        func(r *Series) { r.Places = 13 },
		"length.length":        func(r *Series) { r.Length = 0 },
		"from.required":        func(r *Series) { r.From = time.Time{} },
		"until.before_from":    func(r *Series) { day := r.From.AddDate(0, 0, -1); r.Until = &day },
		"land.unknown":         func(r *Series) { r.Land = "XX" },
		"group.unknown":        func(r *Series) { r.Group = uuid.New() },
	} {
		wrong := r
		spoil(&wrong)
		if wrong.Name == r.Name {
			wrong.Name = "Andere"
		}
		if _, err := h.s.KeepSeries(ctx, h.coordinator, wrong); broken(err) != want {
			t.Errorf("%s: %v", want, err)
		}
	}
}
