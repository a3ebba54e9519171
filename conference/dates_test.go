package conference

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference/ical"
	"github.com/konsil-server/konsil/conference/slot"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// asked makes a request that waits for a round of psychiatry and occupational medicine.
func (h *house) asked() uuid.UUID {
	h.t.Helper()
	id, err := h.s.Submit(h.t.Context(), h.caseworker, Request{
		CaseID: h.newCase(), Question: "Was geht?", Urgency: "normal", Disciplines: []string{"psychiatry", "occupational_medicine"}, OwnWish: "Drei Vormittage.",
	})
	h.must(err)
	return id
}

func wishes(disciplines ...string) []Wish {
	var found []Wish
	for _, d := range disciplines {
		found = append(found, Wish{Discipline: d})
	}
	return found
}

func TestDatesAreThoseThatEverybodyCanKeep(t *testing.T) {
	t.Parallel()
	h, ctx := newHouse(t), context.Background()
	pool := expertpool.NewStore(h.db, func() time.Time { return h.clock })
	kern, reimann := h.experts["Kern"], h.experts["Reimann"]
	h.must(pool.KeepWeek(ctx, kern, kern.ID, []slot.Weekly{{Day: time.Thursday, From: 14 * 60, To: 16 * 60}, {Day: time.Friday, From: 8 * 60, To: 10 * 60}}))
	h.must(pool.KeepWeek(ctx, reimann, reimann.ID, []slot.Weekly{{Day: time.Friday, From: 9 * 60, To: 12 * 60}}))
	request := h.asked()
	search := DateSearch{Wishes: wishes("psychiatry", "occupational_medicine"), Length: 45 * time.Minute, Weeks: 3}
	found, err := h.s.FindDates(ctx, h.coordinator, request, search)
	h.must(err)
	if len(found.Offers) != 3 || found.Needed != 2 {
		t.Fatalf("offers: %+v", found.Offers)
	}
	for i, o := range found.Offers {
		local := o.Start.In(expertpool.Zone())
		if local.Weekday() != time.Friday || local.Hour() != 9 || !o.Certain || o.Avoided {
			t.Errorf("offer %d: %v certain %v", i, local, o.Certain)
		}
		if !slices.Equal(o.Experts(), []uuid.UUID{kern.ID, reimann.ID}) {
			t.Errorf("round: %+v", o.Round)
		}
	}

	first := found.Offers[0]
	h.must(pool.BeAway(ctx, reimann, reimann.ID, expertpool.Today(first.Start), expertpool.Today(first.Start)))
	found, err = h.s.FindDates(ctx, h.coordinator, request, search)
	h.must(err)
	if len(found.Offers) != 2 || !found.Offers[0].Start.Equal(first.Start.AddDate(0, 0, 7)) {
		t.Errorf("with one of them away: %+v", found.Offers)
	}
	near := slices.IndexFunc(found.Near, func(n NearMiss) bool { return expertpool.Today(n.Start).Equal(expertpool.Today(first.Start)) })
	if near < 0 || found.Near[near].Wish != 1 {
		t.Errorf("the day of absence is no near miss: %+v", found.Near)
	}
	if found.Helps[1].Optional <= found.Starts {
		t.Errorf("without occupational medicine there are not more dates: %+v of %d", found.Helps, found.Starts)
	}
}

func TestWhatIsPromisedIsTakenAndWhoSaidNothingIsPossible(t *testing.T) {
	t.Parallel()
	h, ctx := newHouse(t), context.Background()
	request := h.asked()
	search := DateSearch{Wishes: []Wish{{Discipline: "orthopaedics"}}, Length: time.Hour, Weeks: 1}
	before, err := h.s.FindDates(ctx, h.coordinator, request, search)
	h.must(err)
	if len(before.Offers) == 0 || before.Offers[0].Certain || before.Offers[0].Round[0].ID != h.experts["Voss"].ID {
		t.Fatalf("%+v", before.Offers)
	}
	other := h.asked()
	_, err = h.s.Convene(ctx, h.coordinator, other, Panel{Experts: []uuid.UUID{h.experts["Voss"].ID}, Starts: before.Offers[0].Start, Length: time.Hour})
	h.must(err)
	after, err := h.s.FindDates(ctx, h.coordinator, request, search)
	h.must(err)
	for _, o := range after.Offers {
		if o.Start.Before(before.Offers[0].End.Add(changeover)) && o.End.After(before.Offers[0].Start.Add(-changeover)) {
			t.Errorf("%v is offered although it is promised", o.Start)
		}
	}
	if len(after.Offers) == 0 {
		t.Error("nothing is left")
	}
}

func TestHolidaysAndWeekendsAreNoDates(t *testing.T) {
	t.Parallel()
	h, ctx := newHouse(t), context.Background()
	h.clock = time.Date(2026, 12, 17, 9, 0, 0, 0, time.UTC)
	found, err := h.s.FindDates(ctx, h.coordinator, h.asked(), DateSearch{Wishes: []Wish{{Discipline: "psychiatry"}}, Length: time.Hour, Weeks: 4, Land: "BE"})
	h.must(err)
	days := map[string]bool{}
	for _, c := range found.Cells {
		days[c.Start.In(expertpool.Zone()).Format("01-02")] = true
	}
	for _, shut := range []string{"12-25", "12-26", "12-27", "01-01", "01-02"} {
		if days[shut] {
			t.Errorf("a conference on %s", shut)
		}
	}
	for _, works := range []string{"12-18", "12-24", "01-06"} { // the sixth is a holiday elsewhere
		if !days[works] {
			t.Errorf("none on %s", works)
		}
	}
	if o := found.Offers; len(o) == 0 || slices.ContainsFunc(o, func(o Offer) bool { return o.Avoided }) {
		t.Errorf("offers: %+v", o)
	}
}

func TestANamedExpertIsAskedForAndOthersOnlyNamedInstead(t *testing.T) {
	t.Parallel()
	h, ctx := newHouse(t), context.Background()
	pool := expertpool.NewStore(h.db, func() time.Time { return h.clock })
	kern := h.experts["Kern"]
	h.must(pool.KeepWeek(ctx, kern, kern.ID, []slot.Weekly{{Day: time.Saturday, From: 0, To: 60}}))
	search := DateSearch{Wishes: []Wish{{Discipline: "psychiatry", Expert: kern.ID}, {Discipline: "orthopaedics", Optional: true}}, Length: time.Hour, Weeks: 2}
	found, err := h.s.FindDates(ctx, h.coordinator, h.asked(), search)
	h.must(err)
	if len(found.Offers) != 0 || len(found.Near) == 0 || found.Near[0].Wish != 0 || found.Needed != 1 {
		t.Errorf("%d offers, near %+v", len(found.Offers), found.Near)
	}
	found, err = h.s.FindDates(ctx, h.coordinator, h.asked(), DateSearch{Wishes: wishes("debt_counselling"), Length: time.Hour, Weeks: 1})
	h.must(err)
	if len(found.Offers) != 0 || !slices.Equal(found.Nobody, []string{"debt_counselling"}) {
		t.Errorf("of a discipline without anybody: %+v", found)
	}
}

func TestOnlyTheCoordinationLooksForDates(t *testing.T) {
	t.Parallel()
	h, ctx := newHouse(t), context.Background()
	request := h.asked()
	good := DateSearch{Wishes: wishes("psychiatry"), Length: time.Hour, Weeks: 1}
	for name, by := range map[string]account.Actor{"caseworker": h.caseworker, "foreign": h.foreign, "expert": h.experts["Kern"], "stranger": h.stranger} {
		if _, err := h.s.FindDates(ctx, by, request, good); !errors.Is(err, account.ErrDenied) && !errors.Is(err, account.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for field, spoil := range map[string]func(*DateSearch){
		"wishes": func(d *DateSearch) { d.Wishes = nil }, "weeks": func(d *DateSearch) { d.Weeks = 9 },
		"length": func(d *DateSearch) { d.Length = 0 }, "land": func(d *DateSearch) { d.Land = "XX" },
	} {
		bad := good
		spoil(&bad)
		_, err := h.s.FindDates(ctx, h.coordinator, request, bad)
		var invalid *account.InvalidError
		if !errors.As(err, &invalid) || invalid.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func TestTheLandOfTheAskingOrganisationDecidesWhoseHolidaysCount(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.clock = time.Date(2027, 5, 24, 8, 0, 0, 0, time.UTC) // Corpus Christi is on Thursday, 27 May
	kern := h.experts["Kern"]
	h.must(h.pool.KeepWeek(t.Context(), kern, kern.ID, []slot.Weekly{{Day: time.Thursday, From: 14 * 60, To: 15 * 60}}))
	request := h.asked()
	for _, c := range []struct {
		own, asked ical.State
		first      string
	}{{"", "", "2027-06-03"}, {"BE", "", "2027-05-27"}, {"BY", "", "2027-06-03"}, {"BY", "BE", "2027-05-27"}} {
		h.exec(`update organisation set land = $2 where id = $1`, h.caseworker.Organisation, c.own)
		found, err := h.s.FindDates(t.Context(), h.coordinator, request, DateSearch{Wishes: wishes("psychiatry"), Length: time.Hour, Weeks: 3, Land: c.asked})
		h.must(err)
		if len(found.Offers) == 0 || found.Offers[0].Start.In(expertpool.Zone()).Format(time.DateOnly) != c.first || found.Land != c.own {
			t.Errorf("%+v: %+v", c, found.Offers)
		}
	}
}

func TestEveryLandCanBeThatOfAnOrganisation(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, land := range ical.States {
		h.exec(`update organisation set land = $2 where id = $1`, h.caseworker.Organisation, land)
		if got, err := landOf(t.Context(), h.db, h.caseworker.Organisation); err != nil || got != land {
			t.Errorf("%s: %s, %v", land, got, err)
		}
	}
}

func TestWhatACalendarSaysGoesBeforeTheHoursOfAWeek(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.clock = berlin("2027-03-01 06:00")
	h.exec(`update organisation set land = 'BY' where id = $1`, h.caseworker.Organisation)
	kern := h.experts["Kern"]
	h.must(h.pool.KeepReminders(t.Context(), kern, true)) // the row that a calendar belongs to
	request := h.asked()
	// first is the earliest offer in the words of its day, and whether it is certain.
	first := func(read string, busy ...string) string {
		h.t.Helper()
		h.exec(`delete from busy_calendar`)
		h.exec(`
			insert into busy_calendar (account_id, organisation_id, address, added_at, due_at, read_at, covered_until) values ($1, $2, '', $3, $3, $3, $4)`,
			kern.ID, kern.Organisation, berlin(read), berlin("2027-03-12 00:00"))
		for i := 0; i < len(busy); i += 2 {
			h.exec(`insert into busy (account_id, from_at, until_at) values ($1, $2, $3)`, kern.ID, berlin(busy[i]), berlin(busy[i+1]))
		}
		found, err := h.s.FindDates(t.Context(), h.coordinator, request, DateSearch{Wishes: wishes("psychiatry"), Length: 15 * time.Minute, Weeks: 2})
		h.must(err)
		if len(found.Offers) == 0 {
			return "none"
		}
		certain := map[bool]string{true: " certain", false: " unknown"}[found.Offers[0].Certain]
		return found.Offers[0].Start.In(expertpool.Zone()).Format("01-02 15:04") + certain
	}
	now := "2027-03-01 06:00"
	for _, c := range []struct{ what, got, want string }{
		{"an empty calendar: free in office hours", first(now), "03-02 08:00 certain"},
		{"busy in the morning", first(now, "2027-03-02 07:00", "2027-03-02 11:50"), "03-02 12:00 certain"},
		{"busy for as long as is known: later is unknown", first(now, "2027-03-01 00:00", "2027-03-12 00:00"), "03-12 08:00 unknown"},
		{"read too long ago: nothing is certain", first("2027-02-26 06:00", "2027-03-02 07:00", "2027-03-02 11:50"), "03-02 08:00 unknown"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s, want %s", c.what, c.got, c.want)
		}
	}
	h.must(h.pool.KeepWeek(t.Context(), kern, kern.ID, []slot.Weekly{{Day: time.Tuesday, From: 11 * 60, To: 13 * 60}, {Day: time.Thursday, From: 9 * 60, To: 10 * 60}}))
	for _, c := range []struct{ what, got, want string }{
		{"her hours", first(now), "03-02 11:00 certain"},
		{"busy in her hours", first(now, "2027-03-02 10:00", "2027-03-02 13:00"), "03-04 09:00 certain"},
		{"busy in her hours, but read too long ago: others come first", first("2027-02-26 06:00", "2027-03-02 10:00", "2027-03-02 13:00"), "03-04 09:00 certain"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s, want %s", c.what, c.got, c.want)
		}
	}
}
