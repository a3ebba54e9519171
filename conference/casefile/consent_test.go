package casefile

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// consent is one for a day towards experts of the foreign organisation.
func (d *desk) consent(circle ...string) Consent {
	today := expertpool.Today(d.clock)
	return Consent{
		Purposes: []Purpose{Conference}, Circle: circle, Organisations: []uuid.UUID{d.foreign.Organisation},
		ValidUntil: today, SignedOn: today, Explained: true,
	}
}

func (d *desk) grant(id uuid.UUID, c Consent) error {
	return pgx.BeginFunc(d.t.Context(), d.db, func(tx pgx.Tx) error { return d.Grant(d.t.Context(), tx, d.by, id, c) })
}

func (d *desk) narrow(id uuid.UUID, c Consent) error {
	return pgx.BeginFunc(d.t.Context(), d.db, func(tx pgx.Tx) error { return d.Narrow(d.t.Context(), tx, d.by, id, c) })
}

func (d *desk) withdraw(by account.Actor, id uuid.UUID) error {
	return pgx.BeginFunc(d.t.Context(), d.db, func(tx pgx.Tx) error { return d.Withdraw(d.t.Context(), tx, by, id) })
}

func TestTheGateOpensOnlyForWhatWasAgreedToThoseItWasAgreedFor(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 12, 3, 22, 30, 0, 0, time.UTC) // 23:30 in Germany
	today := expertpool.Today(now)
	owner, pool, other, network := uuid.New(), uuid.New(), uuid.New(), uuid.New()
	consent := func(change func(*Consent)) *Consent {
		c := &Consent{
			Purposes: []Purpose{Conference, Statistics}, Circle: []string{"psychiatry"}, Organisations: []uuid.UUID{pool},
			ValidFrom: today, ValidUntil: today, GrantedAt: &now,
		}
		change(c)
		return c
	}
	as := func(role account.Role, organisation, in uuid.UUID, discipline string) reader {
		by := account.Actor{ID: uuid.New(), Organisation: organisation, Network: in, Role: role}
		return reader{by, discipline, owner, network}
	}
	unchanged := func(*Consent) {}
	expert, lead := as(account.Expert, pool, network, "psychiatry"), as(account.Caseworker, owner, network, "")
	for _, c := range []struct {
		name    string
		sealed  bool
		consent *Consent
		who     reader
		purpose Purpose
		rule    string // "": open
	}{
		{"an expert of the circle", false, consent(unchanged), expert, Conference, ""},
		{"who keeps the case", false, consent(unchanged), lead, Conference, ""},
		{"the coordination of the network", false, consent(unchanged), as(account.Coordinator, pool, network, ""), Conference, ""},
		{"the client", false, consent(unchanged), as(account.Client, owner, uuid.Nil, ""), Conference, ""},
		{"no consent", false, nil, lead, Conference, "no_consent"},
		{"another discipline", false, consent(unchanged), as(account.Expert, pool, network, "nursing"), Conference, "not_in_circle"},
		{"no discipline", false, consent(unchanged), as(account.Expert, pool, network, ""), Conference, "not_in_circle"},
		{"another organisation", false, consent(unchanged), as(account.Expert, other, network, "psychiatry"), Conference, "not_in_circle"},
		{"another network's expert", false, consent(unchanged), as(account.Expert, pool, uuid.New(), "psychiatry"), Conference, "not_in_circle"},
		{"another network's coordination", false, consent(unchanged), as(account.Coordinator, pool, uuid.New(), ""), Conference, "not_in_circle"},
		{"another Jobcenter", false, consent(unchanged), as(account.Caseworker, other, network, ""), Conference, "not_in_circle"},
		{"another client", false, consent(unchanged), as(account.Client, other, uuid.Nil, ""), Conference, "not_in_circle"},
		{"an administrator", false, consent(unchanged), as(account.Admin, owner, network, ""), Conference, "not_in_circle"},
		{"nobody", false, consent(unchanged), reader{organisation: owner, network: network}, Conference, "not_in_circle"},
		{"a person who is excluded", false, consent(func(c *Consent) { c.Excluded = []uuid.UUID{expert.ID} }), expert, Conference, "not_in_circle"},
		{"a purpose that was agreed to", false, consent(unchanged), lead, Statistics, ""},
		{"a purpose that was not", false, consent(unchanged), lead, Memory, "not_agreed"},
		{"no purpose at all", false, consent(unchanged), lead, "", "not_agreed"},
		{"a purpose that nobody knows", false, consent(unchanged), lead, "advertising", "not_agreed"},
		{"a guest without presence", false, consent(unchanged), as(account.Guest, owner, uuid.Nil, ""), Presence, "not_agreed"},
		{"a guest with presence", false, consent(func(c *Consent) { c.Purposes = append(c.Purposes, Presence) }), as(account.Guest, owner, uuid.Nil, ""), Presence, ""},
		{"a guest who reads", false, consent(unchanged), as(account.Guest, owner, uuid.Nil, ""), Conference, "not_in_circle"},
		{"the plan for its recipient", false, consent(func(c *Consent) { c.Purposes, c.PlanTo = append(c.Purposes, PassPlan), []uuid.UUID{other} }),
			as(account.Caseworker, other, network, ""), PassPlan, ""},
		{"the plan for somebody else", false, consent(func(c *Consent) { c.Purposes, c.PlanTo = append(c.Purposes, PassPlan), []uuid.UUID{other} }),
			as(account.Caseworker, pool, network, ""), PassPlan, "not_in_circle"},
		{"the term is over", false, consent(func(c *Consent) { c.ValidFrom, c.ValidUntil = today.AddDate(0, 0, -9), today.AddDate(0, 0, -1) }), lead, Conference, "consent_expired"},
		{"the term has not begun", false, consent(func(c *Consent) { c.ValidFrom, c.ValidUntil = today.AddDate(0, 0, 1), today.AddDate(0, 0, 9) }), lead, Conference, "consent_not_yet"},
		{"withdrawn", false, consent(func(c *Consent) { c.WithdrawnAt = &now }), lead, Conference, "withdrawn"},
		{"sealed", true, consent(unchanged), expert, Conference, "withdrawn"},
	} {
		err := opens(c.sealed, c.consent, c.who, c.purpose, now)
		if got := ruleOf(err); got != c.rule || err != nil && !errors.Is(err, account.ErrClosed) {
			t.Errorf("%s: %v, want %q", c.name, err, c.rule)
		}
	}
}

func TestAConsentGoesThroughItsStatesAndNeverBack(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ctx, id := t.Context(), d.newCase()
	stands := func(want ConsentState) {
		t.Helper()
		c, err := d.ByID(ctx, d.by, id)
		d.must(err)
		of := c.Consent
		if of == nil {
			of = c.Prepared
		}
		if got := of.State(d.clock); got != want {
			t.Errorf("the consent is %q, want %q", got, want)
		}
		opened := ruleOf(d.Open(ctx, d.db, id, d.by, Conference)) == ""
		if opened != (want == Granted || want == Narrowed) {
			t.Errorf("%q: the gate is open: %v", want, opened)
		}
	}
	stands("")
	if got := ruleOf(d.narrow(id, d.consent("psychiatry"))); got != "no_consent" {
		t.Errorf("narrowed without a consent: %q", got)
	}
	if got := ruleOf(d.withdraw(d.by, id)); got != "no_consent" {
		t.Errorf("withdrew what was not given: %q", got)
	}
	if _, err := d.NewClientLink(ctx, d.by, id); ruleOf(err) != "no_consent" {
		t.Errorf("a client's link to nothing: %v", err)
	}
	d.must(d.Prepare(ctx, d.by, id, d.consent("psychiatry")))
	stands(Asked)
	if got := ruleOf(d.narrow(id, d.consent("psychiatry"))); got != "no_consent" {
		t.Errorf("narrowed what nobody has signed: %q", got)
	}
	if got := ruleOf(d.withdraw(d.by, id)); got != "no_consent" {
		t.Errorf("withdrew what nobody has signed: %q", got)
	}
	wide := d.consent("psychiatry", "nursing")
	wide.ValidUntil = wide.ValidUntil.AddDate(0, 1, 0)
	d.must(d.grant(id, wide))
	stands(Granted)
	small := wide
	small.Circle = []string{"nursing"}
	d.must(d.narrow(id, small))
	stands(Narrowed)
	if got := ruleOf(d.narrow(id, wide)); got != "circle:wider" {
		t.Errorf("widened by narrowing: %q", got)
	}
	d.clock = d.clock.AddDate(0, 2, 0)
	stands(Expired)
	if got := ruleOf(d.narrow(id, small)); got != "no_consent" {
		t.Errorf("narrowed after the term: %q", got)
	}
	d.must(d.grant(id, d.consent("psychiatry")))
	stands(Granted)
	d.must(d.withdraw(d.by, id))
	stands(Withdrawn)
	for what, err := range map[string]error{
		"prepare": d.Prepare(ctx, d.by, id, d.consent("psychiatry")), "grant": d.grant(id, d.consent("psychiatry")),
		"narrow": d.narrow(id, d.consent("psychiatry")), "link": second(d.NewClientLink(ctx, d.by, id)),
	} {
		if !errors.Is(err, account.ErrClosed) {
			t.Errorf("%s after the withdrawal: %v", what, err)
		}
	}
	if got := ruleOf(d.withdraw(d.by, id)); got != "already_withdrawn" {
		t.Errorf("withdrew twice: %q", got)
	}
	var due time.Time
	d.must(d.db.QueryRow(ctx, `select due_at from case_deletion where case_id = $1`, id).Scan(&due))
	if !due.Equal(d.clock.Add(deleteAfter)) {
		t.Errorf("deletion is due at %v", due)
	}
}

func TestOnlyCaseworkersOfTheOrganisationTouchAConsent(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ctx, id := t.Context(), d.newCase()
	d.must(d.grant(id, d.consent("psychiatry")))
	deeds := func(by account.Actor) map[string]error {
		in := func(do func(pgx.Tx) error) error { return pgx.BeginFunc(ctx, d.db, do) }
		return map[string]error{
			"prepare": d.Prepare(ctx, by, id, d.consent("psychiatry")),
			"grant":   in(func(tx pgx.Tx) error { return d.Grant(ctx, tx, by, id, d.consent("psychiatry")) }),
			"narrow":  in(func(tx pgx.Tx) error { return d.Narrow(ctx, tx, by, id, d.consent("psychiatry")) }),
			"link":    second(d.NewClientLink(ctx, by, id)),
			"receipt": second(d.Receipt(ctx, by, id)),
		}
	}
	for _, role := range []account.Role{account.Coordinator, account.Expert, account.Admin, account.Guest, account.Client, ""} {
		by := d.by
		by.Role = role
		for what, err := range deeds(by) {
			if role == account.Client && (what == "receipt" || what == "narrow") {
				continue // hers, by her link
			}
			if !errors.Is(err, account.ErrDenied) {
				t.Errorf("%s as %q: %v", what, role, err)
			}
		}
		if err := d.withdraw(by, id); role != account.Client && !errors.Is(err, account.ErrDenied) {
			t.Errorf("withdraw as %q: %v", role, err)
		}
	}
	for what, err := range deeds(d.foreign) {
		if !errors.Is(err, account.ErrNotFound) {
			t.Errorf("%s by another organisation: %v", what, err)
		}
	}
	if err := d.withdraw(d.foreign, id); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("withdraw by another organisation: %v", err)
	}
}

func TestASheetThatSaysTooLittleOrTooMuchIsRefused(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	id := d.newCase()
	tomorrow := expertpool.Today(d.clock).AddDate(0, 0, 1)
	release := func(holder string) func(*Consent) {
		return func(c *Consent) { c.Releases = []SecrecyRelease{{Profession: "general_medicine", Holder: holder}} }
	}
	for want, change := range map[string]func(*Consent){
		"purposes:conference":     func(c *Consent) { c.Purposes = []Purpose{Statistics} },
		"purposes:unknown":        func(c *Consent) { c.Purposes = append(c.Purposes, "research") },
		"organisations:required":  func(c *Consent) { c.Organisations = nil },
		"plan_to:required":        func(c *Consent) { c.Purposes = append(c.Purposes, PassPlan) },
		"valid_from:before_until": func(c *Consent) { c.ValidFrom = tomorrow },
		"valid_until:two_years":   func(c *Consent) { c.ValidUntil = tomorrow.AddDate(3, 0, 0) },
		"language:unknown":        func(c *Consent) { c.Language = "tlh" },
		"counselled_on:past":      func(c *Consent) { c.CounselledOn = &tomorrow },
		"signed_on:required":      func(c *Consent) { c.SignedOn = time.Time{} },
		"signed_on:past":          func(c *Consent) { c.SignedOn = tomorrow },
		"releases:profession":     func(c *Consent) { c.Releases = []SecrecyRelease{{Profession: "astrology", Holder: "jemand"}} },
		"releases:required":       release(" "),
		"releases:names":          release("Frau Dr. Müller-Lüdenscheidt"),
		"releases:six":            func(c *Consent) { c.Releases = make([]SecrecyRelease, 7) },
		"circle:unknown":          func(c *Consent) { c.Circle = []string{"astrology"} },
	} {
		c := d.consent("psychiatry")
		change(&c)
		if got := ruleOf(d.grant(id, c)); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	c := d.consent("psychiatry")
	release("meine Hausärztin")(&c)
	d.must(d.grant(id, c))
	got, err := d.ByID(t.Context(), d.by, id)
	if err != nil || len(got.Consent.Releases) != 1 || got.Consent.Releases[0].Holder != "meine Hausärztin" {
		t.Errorf("%+v, %v", got.Consent, err)
	}
}

func TestTheClientsLinkLeadsToHerConsentUntilAMonthAfterItsEnd(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ctx, id := t.Context(), d.newCase()
	leads := func(token string) (ConsentState, error) {
		c, err := d.ByClientLink(ctx, d.db, token)
		return c.Consent.State(d.clock), err
	}
	d.must(d.Prepare(ctx, d.by, id, d.consent("psychiatry")))
	old, err := d.NewClientLink(ctx, d.by, id)
	d.must(err)
	token, err := d.NewClientLink(ctx, d.by, id)
	d.must(err)
	if state, err := leads(token); err != nil || state != Asked {
		t.Errorf("a prepared sheet: %q, %v", state, err)
	}
	for _, dead := range []string{old, token + "A", ""} {
		if _, err := leads(dead); !errors.Is(err, account.ErrUnknown) {
			t.Errorf("a link that is none: %v", err)
		}
	}
	var kept int
	d.must(d.db.QueryRow(ctx, `select count(*) from client_link l where l::text like '%' || $1 || '%'`, token).Scan(&kept))
	if kept > 0 {
		t.Error("the token is kept in clear")
	}
	d.must(d.grant(id, d.consent("psychiatry")))
	for days, want := range map[int]error{0: nil, 30: nil, 31: account.ErrUnknown} {
		began := d.clock
		d.clock = began.AddDate(0, 0, days)
		if _, err := leads(token); !errors.Is(err, want) {
			t.Errorf("%d days after the last day: %v", days, err)
		}
		d.clock = began
	}
	c, err := d.ByClientLink(ctx, d.db, token)
	d.must(err)
	other := d.newCase()
	d.must(d.grant(other, d.consent("psychiatry")))
	d.must(d.withdraw(c.Client, id))
	if r, err := d.Receipt(ctx, c.Client, id); err != nil || r.DeletedOn == nil {
		t.Errorf("the client's receipt: %+v, %v", r, err)
	}
	if state, err := leads(token); err != nil || state != Withdrawn {
		t.Errorf("after her withdrawal: %q, %v", state, err)
	}
	d.clock = d.clock.AddDate(0, 0, 31)
	if _, err := leads(token); !errors.Is(err, account.ErrUnknown) {
		t.Errorf("a month later: %v", err)
	}
}

// What somebody did not agree to, or how she took part, is nowhere: there is no column that could hold it.
func TestNoColumnRecordsCooperationRefusalOrSanction(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	rows, err := d.db.Query(t.Context(), `
		select table_name || '.' || column_name from information_schema.columns
		where table_schema in ('public', 'vault') and table_name not like 'river%'`)
	d.must(err)
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	d.must(err)
	if !slices.Contains(names, "consent.withdrawn_at") {
		t.Fatal("the columns were not looked at")
	}
	for _, name := range names {
		for _, bad := range []string{"cooperat", "complian", "sanction", "refus", "attitude", "motivation", "denied", "unwilling", "no_show"} {
			if strings.Contains(name, bad) {
				t.Errorf("%s could record what must not be recorded", name)
			}
		}
	}
	id := d.newCase()
	refused := d.consent("psychiatry") // two of three ticks
	refused.Purposes = []Purpose{Conference, Statistics}
	d.must(d.grant(id, refused))
	var row string
	d.must(d.db.QueryRow(t.Context(), `select k::text from consent k where case_id = $1`, id).Scan(&row))
	if strings.Contains(row, string(Memory)) {
		t.Errorf("a purpose without a tick is on record: %s", row)
	}
}
