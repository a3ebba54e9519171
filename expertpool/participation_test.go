package expertpool

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/expertpool/account"
)

func TestQuartersBeginAndEndOnTheirDays(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ now, quarter, begins, ends string }{
		{"2026-12-31T22:59:00Z", "2026-4", "2026-10-01", "2026-12-31"},
		{"2026-12-31T23:00:00Z", "2027-1", "2027-01-01", "2027-03-31"}, // midnight in Germany
		{"2028-02-29T12:00:00Z", "2028-1", "2028-01-01", "2028-03-31"},
		{"2026-06-30T21:59:00Z", "2026-2", "2026-04-01", "2026-06-30"},
	} {
		now, err := time.Parse(time.RFC3339, c.now)
		if err != nil {
			t.Fatal(err)
		}
		q := QuarterOf(now)
		if q.String() != c.quarter || q.Begins().Format(time.DateOnly) != c.begins || q.Ends().Format(time.DateOnly) != c.ends {
			t.Errorf("%s: %s from %s to %s", c.now, q, q.Begins(), q.Ends())
		}
		if back, err := ParseQuarter(q.String()); err != nil || back != q {
			t.Errorf("%s: %v, %v", q, back, err)
		}
	}
	for _, bad := range []string{"", "2026", "2026-0", "2026-5", "2026-04", "02026-4", "1999-1", "-", "2026-4-1", "２０２６-4"} {
		if _, err := ParseQuarter(bad); err == nil {
			t.Errorf("%q is a quarter", bad)
		}
	}
	if q := (Quarter{2026, 1}).Before(); q != (Quarter{2025, 4}) {
		t.Error(q)
	}
}

// attend makes a conference of Anna's network that an expert took part in.
func (f *fixture) attend(expert uuid.UUID, state, kind, from, to, ended string) {
	f.Helper()
	at := func(s string) *time.Time {
		if s == "" {
			return nil
		}
		v, err := time.Parse(time.RFC3339, s)
		f.must(err)
		return &v
	}
	w, c := f.people["caseworker"], uuid.New()
	caseID, request := uuid.New(), uuid.New()
	f.exec(`insert into case_file (id, organisation_id, caseworker_id, pseudonym, state, created_at) values ($1, $2, $3, $4, 'open', now())`,
		caseID, w.Organisation, w.ID, uuid.NewString()[:8])
	f.exec(`insert into conference_request (id, organisation_id, case_id, caseworker_id, question, urgency, disciplines, own_wish, state, submitted_at)
		values ($1, $2, $3, $4, 'q', 'normal', '{psychiatry}', 'w', 'allocated', now())`, request, w.Organisation, caseID, w.ID)
	f.exec(`insert into conference (id, code, organisation_id, case_id, request_id, moderator_id, question, state, starts_at, ends_at, zone, created_at, ended_at, kind)
		values ($1, $2, $3, $4, $5, $6, 'q', $7, $8, $9, 'Europe/Berlin', now(), $10, $11)`,
		c, uuid.NewString(), w.Organisation, caseID, request, f.people["coordinator"].ID, state, at(from), at(from).Add(time.Hour), at(ended), kind)
	f.exec(`insert into seat (id, conference_id, organisation_id, account_id, role, attended_at, left_at) values ($1, $2, $3, $4, 'expert', $5, $6)`,
		uuid.New(), c, w.Organisation, expert, at(from), at(to))
}

func TestTheProofOfAQuarterStaysWhenItsConferencesAreGone(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx, e := t.Context(), f.people["expert"]
	f.attend(e.ID, "closed", "case_conference", "2026-10-01T08:00:00Z", "2026-10-01T08:24:10Z", "2026-10-01T08:24:20Z") // 25 begun minutes
	f.attend(e.ID, "minutes_draft", "case_conference", "2026-11-03T09:00:00Z", "", "2026-11-03T09:40:00Z")              // broke off: until the end
	f.attend(e.ID, "sealed", "participation_plan_conference", "2026-12-31T22:30:00Z", "2026-12-31T23:30:00Z", "")       // begins in this year, in Germany too
	f.attend(e.ID, "live", "case_conference", "2026-11-05T09:00:00Z", "", "")                                           // not over
	f.attend(e.ID, "closed", "case_conference", "2026-09-30T22:30:00Z", "2026-09-30T22:40:00Z", "2026-09-30T23:00:00Z") // the first of October in Germany
	f.attend(e.ID, "approved", "case_conference", "2026-12-31T23:00:00Z", "2026-12-31T23:10:00Z", "2026-12-31T23:10:00Z")
	f.attend(f.people["far expert"].ID, "closed", "case_conference", "2026-11-05T09:00:00Z", "2026-11-05T09:10:00Z", "2026-11-05T09:10:00Z")
	q := Quarter{2026, 4}
	proof := func(by account.Actor) Participation {
		t.Helper()
		p, err := f.s.Participation(ctx, by, e.ID, q)
		f.must(err)
		return p
	}
	check := func(when string) {
		t.Helper()
		p := proof(e)
		if len(p.Attended) != 4 || p.Minutes() != 25+40+60+10 || HoursAndMinutes(p.Minutes()) != "2:15" || p.Attended[3].Kind != "participation_plan_conference" {
			t.Errorf("%s: %+v", when, p)
		}
	}
	check("before it is counted")
	_, err := f.s.Sweep(ctx)
	f.must(err)
	check("after it is counted")
	_, err = f.s.Sweep(ctx)
	f.must(err)
	check("counted twice")
	f.exec(`delete from seat`)
	check("when the cases are gone")
	proof(f.people["coordinator"])
	for _, name := range []string{"far coordinator", "caseworker", "admin", "far expert", "far caseworker"} {
		_, err := f.s.Participation(ctx, f.people[name], e.ID, q)
		f.wants(name, err, "not_found")
	}
	bare := e
	bare.Session = uuid.Nil
	_, err = f.s.Participation(ctx, bare, e.ID, q)
	f.wants("by a link", err, "not_found")
	f.pass(4 * 366 * oneDay)
	_, err = f.s.Sweep(ctx)
	f.must(err)
	if n := one[int](f, `select count(*) from participation where on_day < '2027-01-01'`); n != 0 {
		t.Errorf("%d proofs are kept for ever", n)
	}
}
