package expertpool

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/expertpool/account"
)

// call makes a conference that an expert was asked for: so many hours from the fixture's clock, for an hour. It was asked for at
// stamped, and answered so long after it.
func (f *fixture) call(expert uuid.UUID, conference, invitation string, inHours int, stamped time.Time, answered time.Duration) {
	f.Helper()
	w, caseID, request, c, seat := f.people["caseworker"], uuid.New(), uuid.New(), uuid.New(), uuid.New()
	starts := f.s.now().Add(time.Duration(inHours) * time.Hour)
	f.exec(`insert into case_file (id, organisation_id, caseworker_id, pseudonym, state, created_at) values ($1, $2, $3, $4, 'open', now())`,
		caseID, w.Organisation, w.ID, uuid.NewString()[:8])
	f.exec(`insert into conference_request (id, organisation_id, case_id, caseworker_id, question, urgency, disciplines, own_wish, state, submitted_at)
		values ($1, $2, $3, $4, 'q', 'normal', '{psychiatry}', 'w', 'allocated', now())`, request, w.Organisation, caseID, w.ID)
	f.exec(`insert into conference (id, code, organisation_id, case_id, request_id, moderator_id, question, state, starts_at, ends_at, zone, created_at, kind)
		values ($1, $2, $3, $4, $5, $6, 'q', $7, $8, $9, 'Europe/Berlin', now(), 'case_conference')`,
		c, uuid.NewString(), w.Organisation, caseID, request, f.people["coordinator"].ID, conference, starts, starts.Add(time.Hour))
	f.exec(`insert into seat (id, conference_id, organisation_id, account_id, role) values ($1, $2, $3, $4, 'expert')`, seat, c, w.Organisation, expert)
	var at *time.Time
	if answered > 0 {
		then := stamped.Add(answered)
		at = &then
	}
	f.exec(`insert into invitation (id, conference_id, seat_id, organisation_id, account_id, uid, sequence, stamped_at, organizer, state, answered_at)
		values ($1, $2, $3, $4, $5, $6, 0, $7, 'o', $8, $9)`, uuid.New(), c, seat, w.Organisation, expert, uuid.NewString(), stamped, invitation, at)
}

func TestAnExpertAndHerCoordinationKeepHerTimeAndNobodyElse(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx, id := t.Context(), f.people["expert"].ID
	monday := []Rule{{Day: time.Monday, From: 840, To: 900}, {Day: time.Monday, From: 900, To: 960}}
	first, last := Today(f.clock).AddDate(0, 0, 3), Today(f.clock).AddDate(0, 0, 9)
	link := f.people["expert"]
	link.Session = uuid.Nil
	colleague := f.person("colleague", f.people["expert"].Organisation, account.Expert)
	officer := f.person("officer", f.people["caseworker"].Organisation, account.DataProtectionOfficer)
	for name, by := range map[string]account.Actor{
		"caseworker": f.people["caseworker"], "admin": f.people["admin"], "officer": officer, "another expert": colleague, "a link of hers": link,
		"the coordination of another network": f.people["far coordinator"], "an expert of another network": f.people["far expert"],
	} {
		_, err := f.s.Time(ctx, by, id)
		f.wants(name+" reads", err, "not_found")
		f.wants(name+" keeps the week", f.s.KeepWeek(ctx, by, id, monday), "not_found")
		f.wants(name+" enters days", f.s.BeAway(ctx, by, id, first, last), "not_found")
		f.wants(name+" takes days out", f.s.BeBack(ctx, by, id, uuid.New()), "not_found")
		f.wants(name+" pauses", f.s.Pause(ctx, by, id, true), "not_found")
		f.wants(name+" gives hours", f.s.KeepContingent(ctx, by, id, 9), "not_found")
	}
	if n := one[int](f, `select count(*) from availability`); n != 0 {
		t.Errorf("%d rows of people who may not", n)
	}
	for _, name := range []string{"expert", "coordinator"} {
		by := f.people[name]
		f.must(f.s.KeepWeek(ctx, by, id, monday))
		f.must(f.s.BeAway(ctx, by, id, first, last))
		f.must(f.s.Pause(ctx, by, id, true))
		f.must(f.s.KeepContingent(ctx, by, id, 5))
		got, err := f.s.Time(ctx, by, id)
		f.must(err)
		if !slices.Equal(got.Rules, []Rule{{Day: time.Monday, From: 840, To: 960}}) || len(got.Absences) != 1 || !got.Absences[0].Last.Equal(last) || got.Paused == nil || got.Contingent.Hours != 5 || got.Zone != "Europe/Berlin" {
			t.Errorf("%s: %+v", name, got)
		}
		f.must(f.s.BeBack(ctx, by, id, got.Absences[0].ID))
		f.must(f.s.Pause(ctx, by, id, false))
		f.must(f.s.KeepWeek(ctx, by, id, nil))
		if got, err = f.s.Time(ctx, by, id); err != nil || len(got.Rules)+len(got.Absences) != 0 || got.Paused != nil {
			t.Errorf("%s, taken back: %+v, %v", name, got, err)
		}
	}
	if n := one[int](f, `select count(*) from audit.entry where object_id = $1 and action in ('keep_week', 'be_away', 'be_back', 'pause', 'resume', 'keep_contingent')`, id.String()); n != 14 {
		t.Errorf("%d deeds in the record, want 14", n)
	}
}

func TestWhatIsNoTimeIsNamed(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx, by := t.Context(), f.people["expert"]
	today := Today(f.clock)
	for _, c := range []struct {
		first, last time.Time
		rule        string
	}{
		{time.Time{}, today, "first_day.required"}, {today, time.Time{}, "last_day.required"}, {today, today.AddDate(0, 0, -1), "last_day.order"},
		{today.AddDate(0, 0, -9), today.AddDate(0, 0, -1), "last_day.past"}, {today, today.AddDate(2, 0, 1), "last_day.two_years"},
		{today.AddDate(0, 0, -9), today, ""},
	} {
		f.wants("away", f.s.BeAway(ctx, by, by.ID, c.first, c.last), c.rule)
	}
	for i := range maxAbsences - 1 {
		f.must(f.s.BeAway(ctx, by, by.ID, today.AddDate(0, 0, i), today.AddDate(0, 0, i)))
	}
	f.wants("one more", f.s.BeAway(ctx, by, by.ID, today, today), "many_absences")
	f.wants("fewer than no hours", f.s.KeepContingent(ctx, by, by.ID, -1), "hours_per_month.range")
	f.wants("more hours than there are", f.s.KeepContingent(ctx, by, by.ID, 201), "hours_per_month.range")
	f.wants("a quarter of an hour", f.s.KeepWeek(ctx, by, by.ID, []Rule{{Day: time.Monday, From: 15, To: 60}}), "rules.unknown")
	f.wants("nobody's time", f.s.Pause(ctx, f.people["coordinator"], uuid.New(), true), "not_found")
	f.wants("a coordinator's", f.s.Pause(ctx, f.people["coordinator"], f.people["coordinator"].ID, true), "not_found")
}

func TestTheContingentIsUsedByWhatWasAttendedAndByWhatIsPlannedInTheMonth(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	e := f.people["expert"].ID
	f.attend(e, "closed", "case_conference", "2026-11-03T09:00:00Z", "2026-11-03T09:25:00Z", "2026-11-03T09:30:00Z")    // 25 min
	f.attend(e, "minutes_draft", "case_conference", "2026-11-04T09:00:00Z", "", "2026-11-04T09:40:00Z")                 // 40 min: until it ended
	f.attend(e, "sealed", "case_conference", "2026-10-31T23:30:00Z", "2026-10-31T23:45:00Z", "")                        // 15 min, of November in Germany
	f.attend(e, "closed", "case_conference", "2026-10-31T22:30:00Z", "2026-10-31T23:30:00Z", "2026-10-31T23:30:00Z")    // October
	f.attend(e, "cancelled", "case_conference", "2026-11-05T09:00:00Z", "2026-11-05T09:30:00Z", "2026-11-05T09:30:00Z") // did not take place
	f.attend(f.people["far expert"].ID, "closed", "case_conference", "2026-11-05T09:00:00Z", "2026-11-05T09:30:00Z", "2026-11-05T09:30:00Z")
	f.call(e, "inviting", "offered", 24, f.clock, 0)
	f.call(e, "quorate", "accepted", 48, f.clock, time.Hour)
	f.call(e, "live", "accepted", 0, f.clock, time.Hour)
	f.call(e, "inviting", "declined", 24, f.clock, time.Hour)
	f.call(e, "inviting", "cancelled", 24, f.clock, 0)
	f.call(e, "cancelled", "accepted", 24, f.clock, time.Hour)
	f.call(e, "inviting", "accepted", 24*8, f.clock, time.Hour) // December
	got, err := f.s.Time(t.Context(), f.people["expert"], e)
	f.must(err)
	if c := got.Contingent; c.Attended != 80*time.Minute || c.Planned != 3*time.Hour || c.Left() != 0 {
		t.Errorf("attended %s, planned %s, left %s", c.Attended, c.Planned, c.Left())
	}
}

// candidate is one of the network's psychiatrists as a suggestion sees her.
func (f *fixture) candidate(n Need, id uuid.UUID) Candidate {
	f.Helper()
	var all []Candidate
	n.Disciplines, n.Now = []string{"psychiatry"}, f.s.now()
	f.must(f.tx(func(tx pgx.Tx) (err error) {
		all, err = Candidates(f.Context(), tx, f.people["coordinator"].Network, n)
		return err
	}))
	i := slices.IndexFunc(all, func(c Candidate) bool { return c.ID == id })
	if i < 0 {
		f.Fatalf("not among %d candidates", len(all))
	}
	if slices.ContainsFunc(all, func(c Candidate) bool { return c.ID == f.people["far expert"].ID }) {
		f.Error("somebody of another network is among the candidates")
	}
	return all[i]
}

func TestACandidateIsSeenWithHerHistory(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	e, now := f.people["expert"].ID, f.clock
	ago := func(days int) time.Time { return now.AddDate(0, 0, -days) }
	f.exec(`update expert set max_cases = 3, topics = '{Angst}', postcode = '37154' where account_id = $1`, e)
	if c := f.candidate(Need{}, e); c.LastAsked != nil || c.Asked+c.Asks+c.OpenCases != 0 || c.MaxCases != 3 || c.KM >= 0 || c.Out != "" || !slices.Equal(c.Topics, []string{"Angst"}) {
		t.Errorf("never asked: %+v", c)
	}
	f.call(e, "closed", "accepted", -24*99, ago(100), 2*time.Hour)
	f.call(e, "approved", "accepted", -24*39, ago(40), 4*time.Hour)
	f.call(e, "cancelled", "declined", -24*39, ago(40), 9*time.Hour)
	f.call(e, "inviting", "offered", 24, ago(10), 0)
	f.call(e, "inviting", "offered", 24, ago(1), 0)                  // may still be answered
	f.call(e, "cancelled", "cancelled", 24, ago(5), 0)               // taken back
	f.call(e, "closed", "accepted", -24*400, ago(401), 30*time.Hour) // too long ago to say anything
	c := f.candidate(Need{}, e)
	if c.Asked != 3 || c.LastAsked == nil || !c.LastAsked.Equal(ago(1)) || c.Asks != 4 || c.Answered != 3 || c.Median != 4*time.Hour || c.OpenCases != 3 {
		t.Errorf("asked %d, last %v, %d of %d answered in %s, %d open cases", c.Asked, c.LastAsked, c.Answered, c.Asks, c.Median, c.OpenCases)
	}
}

func TestACandidateIsSeenWithHerTimeTiesAndStanding(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx, e, house := t.Context(), f.people["expert"], f.people["caseworker"].Organisation
	date := Span{From: f.clock.AddDate(0, 0, 10), Until: f.clock.AddDate(0, 0, 10).Add(time.Hour)} // in December
	f.must(f.s.BeAway(ctx, e, e.ID, Today(date.From), Today(date.From)))
	f.call(e.ID, "inviting", "accepted", 24*9, f.clock, time.Hour) // in December
	if c := f.candidate(Need{At: date}, e.ID); c.Availability.At(date) != Absent || c.Contingent.Planned != time.Hour {
		t.Errorf("on the date: %+v, %+v", c.Availability, c.Contingent)
	}
	if c := f.candidate(Need{}, e.ID); c.Contingent.Planned != 0 {
		t.Errorf("without a date, of this month: %+v", c.Contingent)
	}
	f.exec(`insert into expert_tie (id, expert_id, organisation_id, institution, kind, stated_at) values ($1, $2, $3, '', 'employer', now())`, uuid.New(), e.ID, house)
	if !f.candidate(Need{Organisation: house}, e.ID).Partial || f.candidate(Need{Organisation: uuid.New()}, e.ID).Partial || f.candidate(Need{}, e.ID).Partial {
		t.Error("a tie counts for the organisation that it is to")
	}
	f.pass(366 * 24 * time.Hour)
	if c := f.candidate(Need{}, e.ID); c.Out != "verification_expired" {
		t.Errorf("a year later: %q", c.Out)
	}
}

func TestPicksAreFiguresAndNothingElse(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	e, n := f.people["expert"], Need{Disciplines: []string{"psychiatry"}, Now: f.clock}
	pick := func(chosen ...Expert) {
		t.Helper()
		f.must(f.tx(func(tx pgx.Tx) error {
			from, err := Candidates(t.Context(), tx, e.Network, n)
			if err != nil {
				return err
			}
			return CountPicks(t.Context(), tx, e.Network, f.clock, Suggest(n, from), chosen)
		}))
	}
	pick(Expert{ID: e.ID}, Expert{ID: uuid.New()})
	pick(Expert{ID: e.ID})
	f.must(f.s.Pause(t.Context(), e, e.ID, true))
	pick(Expert{ID: e.ID})
	got := one[string](f, `select string_agg(concat_ws(' ', month, discipline, rank, picks), '; ' order by discipline, rank) from suggestion_pick where network_id = $1`, e.Network)
	if want := "2026-11-01  0 1; 2026-11-01 psychiatry 0 1; 2026-11-01 psychiatry 1 2"; got != want {
		t.Errorf("kept %q", got)
	}
}

func TestGroupsAreTheCoordinationsOfOneNetwork(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx, by, e := t.Context(), f.people["coordinator"], f.people["expert"].ID
	far, farExpert := f.people["far coordinator"], f.people["far expert"].ID
	id, err := f.s.NewGroup(ctx, by, "  Landkreis Nord ")
	f.must(err)
	f.must(f.s.Enrol(ctx, by, id, e))
	f.must(f.s.Enrol(ctx, by, id, e))
	f.wants("somebody of another network", f.s.Enrol(ctx, by, id, farExpert), "expert.unknown")
	for _, name := range []string{"", "landkreis nord", "x\x00"} {
		if _, err := f.s.NewGroup(ctx, by, name); err == nil {
			t.Errorf("a group called %q", name)
		}
	}
	for _, name := range []string{"caseworker", "admin", "expert", "far expert"} {
		who := f.people[name]
		_, err := f.s.Groups(ctx, who)
		f.wants(name+" lists", err, "denied")
		_, err = f.s.Group(ctx, who, id)
		f.wants(name+" reads", err, "denied")
		_, err = f.s.InGroups(ctx, who, []uuid.UUID{id})
		f.wants(name+" takes all", err, "denied")
		_, err = f.s.NewGroup(ctx, who, name)
		f.wants(name+" makes one", err, "denied")
		f.wants(name+" enrols", f.s.Enrol(ctx, who, id, e), "denied")
		f.wants(name+" expels", f.s.Expel(ctx, who, id, e), "denied")
		f.wants(name+" removes", f.s.RemoveGroup(ctx, who, id), "denied")
	}
	_, err = f.s.Group(ctx, far, id)
	f.wants("another network reads", err, "not_found")
	f.wants("another network enrols", f.s.Enrol(ctx, far, id, farExpert), "not_found")
	f.wants("another network expels", f.s.Expel(ctx, far, id, e), "not_found")
	f.wants("another network removes", f.s.RemoveGroup(ctx, far, id), "not_found")
	if found, err := f.s.InGroups(ctx, far, []uuid.UUID{id}); err != nil || len(found) != 0 {
		t.Errorf("another network takes %v, %v", found, err)
	}
	if _, err := f.s.NewGroup(ctx, far, "Landkreis Nord"); err != nil {
		t.Errorf("the same name in another network: %v", err)
	}
	g, err := f.s.Group(ctx, by, id)
	if err != nil || g.Name != "Landkreis Nord" || len(g.Members) != 1 || g.Members[0].ID != e {
		t.Fatalf("%+v, %v", g, err)
	}
	if found, err := f.s.InGroups(ctx, by, []uuid.UUID{id, id, uuid.New()}); err != nil || !slices.Equal(found, []uuid.UUID{e}) {
		t.Errorf("%v, %v", found, err)
	}
	f.exec(`update account set disabled_at = now() where id = $1`, e)
	if found, err := f.s.InGroups(ctx, by, []uuid.UUID{id}); err != nil || len(found) != 0 {
		t.Errorf("whose account is disabled is still taken: %v, %v", found, err)
	}
	f.must(f.s.RemoveGroup(ctx, by, id))
	_, err = f.s.Group(ctx, by, id)
	f.wants("a group that is gone", err, "not_found")
}

func TestAGroupHasRoomForAsManyAsCanBeInvited(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx, by := t.Context(), f.people["coordinator"]
	id, err := f.s.NewGroup(ctx, by, "Runde")
	f.must(err)
	for i := range maxMembers + 1 {
		e := f.person("expert "+string(rune('a'+i)), by.Organisation, account.Expert)
		f.must(f.s.Add(ctx, by.Network, by.Organisation, Expert{ID: e.ID, Discipline: "nursing"}))
		rule := ""
		if i == maxMembers {
			rule = "group_full"
		}
		f.wants("enrol", f.s.Enrol(ctx, by, id, e.ID), rule)
		if i == 0 {
			f.must(f.s.Expel(ctx, by, id, e.ID))
			f.must(f.s.Enrol(ctx, by, id, e.ID))
		}
	}
}
