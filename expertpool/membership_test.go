package expertpool

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/expertpool/account"
)

func ruleOf(err error) string {
	var refused *account.RefusedError
	var invalid *account.InvalidError
	switch {
	case errors.As(err, &refused):
		return refused.Rule
	case errors.As(err, &invalid):
		return invalid.Field + "." + invalid.Rule
	case errors.Is(err, account.ErrNotFound):
		return "not_found"
	case errors.Is(err, account.ErrDenied):
		return "denied"
	case errors.Is(err, account.ErrUnknown):
		return "dead_link"
	case err != nil:
		return err.Error()
	}
	return ""
}

func (f *fixture) wants(what string, err error, rule string) {
	f.Helper()
	if got := ruleOf(err); got != rule {
		f.Errorf("%s: %q, want %q", what, got, rule)
	}
}

// invitable asks whether the coordination could invite these experts now.
func (f *fixture) invitable(ids ...uuid.UUID) error {
	f.mu.Lock()
	now := f.clock
	f.mu.Unlock()
	return f.tx(func(tx pgx.Tx) error {
		_, err := Invitable(f.Context(), tx, f.people["coordinator"].Network, ids, now)
		return err
	})
}

func (f *fixture) verification(days int) Verification {
	return Verification{Checked: []string{"licence", "register"}, Note: "Urkunde gesehen", ValidUntil: Today(f.s.now()).AddDate(0, 0, days)}
}

func (f *fixture) sign(by account.Actor) error {
	d, err := f.s.Declaration(f.Context(), by)
	f.must(err)
	digest := d.Digest()
	return f.s.Sign(f.Context(), by, digest[:], by.Name)
}

// member is an application as a coordinator invites somebody with it.
func member(email string) Application {
	return Application{Name: "Dr. Neu Hier", Email: email, Profession: "physician", Discipline: "neurology", Workplace: "Klinik am See"}
}

func TestWhoCannotBeInvitedIsNamedByTheFirstRuleThatStandsAgainstIt(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 22, 30, 0, 0, time.UTC) // half past eleven at night in Germany
	last := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	good := Standing{Address: true, Active: true, VerifiedUntil: &last, Signed: 2, Current: 2}
	for _, c := range []struct {
		rule   string
		change func(*Standing)
	}{
		{"", func(*Standing) {}},
		{"left", func(s *Standing) { s.LeftAt = &now }},
		{"left", func(s *Standing) { s.Active = false }},
		{"no_address", func(s *Standing) { s.Address = false }},
		{"not_verified", func(s *Standing) { s.VerifiedUntil = nil }},
		{"verification_expired", func(s *Standing) { d := last.AddDate(0, 0, -1); s.VerifiedUntil = &d }},
		{"declaration_missing", func(s *Standing) { s.Signed = 0 }},
		{"declaration_outdated", func(s *Standing) { s.Signed = 1 }},
	} {
		s := good
		c.change(&s)
		if got := s.Bar(now); got != c.rule {
			t.Errorf("%q, want %q", got, c.rule)
		}
	}
	if got := good.Bar(now.Add(time.Hour)); got != "verification_expired" {
		t.Errorf("after midnight in Germany: %q", got)
	}
}

func TestTheWayIntoThePoolStepByStep(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx, clara := t.Context(), f.people["coordinator"]
	id, err := f.s.InviteToPool(ctx, clara, clara.Organisation, member("neu@pool.test"))
	f.must(err)
	f.wants("new", f.invitable(id), "experts.not_verified")
	if f.link("setup", "/setup/") == "" || f.mails("setup") != 1 {
		t.Error("no link to set up")
	}
	f.must(f.s.Verify(ctx, clara, id, f.verification(100)))
	f.wants("verified, not signed", f.invitable(id), "experts.declaration_missing")
	nea, err := f.accounts.ByID(ctx, id)
	f.must(err)
	f.wants("signing by a link from a mail", f.sign(nea), "not_found")
	nea.Session = uuid.New()
	d, _ := f.s.Declaration(ctx, nea)
	digest := d.Digest()
	f.wants("signing in somebody else's name", f.s.Sign(ctx, nea, digest[:], "Ganz Anders"), "name.not_yours")
	f.wants("signing another text", f.s.Sign(ctx, nea, []byte("x"), nea.Name), "declaration_changed")
	f.must(f.s.Sign(ctx, nea, digest[:], "dr neu hier"))
	f.wants("verified and signed", f.invitable(id), "")

	f.must(f.s.Publish(ctx, clara, d.Body+"\n\n8. Neu"))
	f.wants("after a new version", f.invitable(id), "experts.declaration_outdated")
	f.wants("the version before", f.s.Sign(ctx, nea, digest[:], nea.Name), "declaration_changed")
	if far, _ := f.s.Declaration(ctx, f.people["far expert"]); far.Version != 1 {
		t.Errorf("the other network has version %d", far.Version)
	}
	f.must(f.sign(nea))
	f.wants("signed anew", f.invitable(id), "")
	if old, g, err := f.s.Signed(ctx, nea, 1); err != nil || old.Body != d.Body || g.Name != "dr neu hier" {
		t.Errorf("what she signed first: %v, %q", err, g.Name)
	}

	f.pass(101 * oneDay)
	f.wants("expired", f.invitable(id), "experts.verification_expired")
	f.must(f.s.Verify(ctx, clara, id, f.verification(30)))
	f.wants("verified again", f.invitable(id), "")
	f.must(f.s.Unverify(ctx, clara, id, "Klinik verlassen"))
	f.wants("taken back", f.invitable(id), "experts.not_verified")
	f.wants("taken back twice", f.s.Unverify(ctx, clara, id, "noch einmal"), "not_verified")

	f.wants("an expert of another network", f.invitable(f.people["far expert"].ID), "experts.unknown")
	f.wants("the other, who has signed the first version only", f.invitable(f.people["expert"].ID), "experts.declaration_outdated")
	f.must(f.sign(f.people["expert"]))
	f.wants("one good, one bad", f.invitable(f.people["expert"].ID, id), "experts.not_verified")
}

func TestOnlyThoseWhoKeepThePoolOfTheNetworkKeepIt(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx, e := t.Context(), f.people["expert"].ID
	deeds := map[string]func(account.Actor) error{
		"verify":     func(a account.Actor) error { return f.s.Verify(ctx, a, e, f.verification(9)) },
		"unverify":   func(a account.Actor) error { return f.s.Unverify(ctx, a, e, "weil") },
		"look after": func(a account.Actor) error { return f.s.LookAfter(ctx, a, e) },
		"confirm":    func(a account.Actor) error { return f.s.ConfirmFor(ctx, a, e) },
	}
	inNetwork := map[string]func(account.Actor) error{
		"publish":      func(a account.Actor) error { return f.s.Publish(ctx, a, "Text") },
		"applications": func(a account.Actor) error { _, err := f.s.Applications(ctx, a); return err },
		"open":         func(a account.Actor) error { return f.s.OpenJoinPage(ctx, a, true) },
		"invite": func(a account.Actor) error {
			_, err := f.s.InviteToPool(ctx, a, a.Organisation, member(uuid.NewString()+"@pool.test"))
			return err
		},
		"agreement": func(a account.Actor) error { _, err := f.s.KeepAgreement(ctx, a, f.agreement("P", 100)); return err },
	}
	for name, a := range f.people {
		bare := a
		bare.Session = uuid.Nil
		for what, do := range deeds {
			want := "denied"
			switch name {
			case "coordinator":
				want = ""
			case "far coordinator":
				want = "not_found"
			}
			if what == "unverify" && want == "" {
				continue // its own test
			}
			f.wants(name+" "+what, do(a), want)
			f.wants(name+" by a link "+what, do(bare), "denied")
		}
		for what, do := range inNetwork {
			want := "denied"
			if strings.HasSuffix(name, "coordinator") {
				want = ""
			}
			f.wants(name+" "+what, do(a), want)
			f.wants(name+" by a link "+what, do(bare), "denied")
		}
		_, err := f.s.Membership(ctx, a, e)
		want := "not_found"
		if name == "coordinator" || name == "expert" {
			want = ""
		}
		f.wants(name+" membership", err, want)
	}
}

func TestAnApplicationSaysTheSameWhateverTheAddress(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx, clara := t.Context(), f.people["coordinator"]
	page, err := f.s.OwnJoinPage(ctx, clara)
	f.must(err)
	f.wants("closed", f.s.Apply(ctx, page.Slug, member("a@x.test")), "not_found")
	f.must(f.s.OpenJoinPage(ctx, clara, true))
	f.wants("nobody's page", f.s.Apply(ctx, "anders", member("a@x.test")), "not_found")
	known := one[string](f, `select email from account where id = $1`, f.people["far expert"].ID)
	for _, address := range []string{"new@x.test", strings.ToUpper(known), "NEW@x.test", "new@x.test"} {
		f.wants(address, f.s.Apply(ctx, page.Slug, member(address)), "")
	}
	if n := f.mails("application"); n != 2 {
		t.Errorf("%d mails, want one to each address", n)
	}
	f.wants("an address no relay can carry", f.s.Apply(ctx, page.Slug, member("ü@x.test")), "email.address")
	f.wants("our own address", f.s.Apply(ctx, page.Slug, member("termine@konsil.test")), "email.address")
	waiting := func() []Application { a, err := f.s.Applications(ctx, clara); f.must(err); return a }
	if len(waiting()) != 0 {
		t.Error("seen before the address is confirmed")
	}
	token := one[string](f, `select substring(body_text from '/joining/([A-Z2-7]+)') from message_out where to_email = 'new@x.test'`)
	if _, err := f.s.Applied(ctx, token); err != nil { // mail programs look
		t.Error(err)
	}
	f.must(f.s.ConfirmAddress(ctx, token))
	f.wants("the same link again", f.s.ConfirmAddress(ctx, token), "dead_link")
	if len(waiting()) != 1 {
		t.Fatalf("%d wait", len(waiting()))
	}
	id := waiting()[0].ID
	_, err = f.s.Admit(ctx, f.people["far coordinator"], id, f.people["far coordinator"].Organisation)
	f.wants("foreign", err, "not_found")
	_, err = f.s.Admit(ctx, clara, id, f.people["far coordinator"].Organisation)
	f.wants("into a foreign house", err, "organisation.required")
	_, err = f.s.Admit(ctx, clara, id, clara.Organisation)
	f.wants("admit", err, "")
	_, err = f.s.Admit(ctx, clara, id, clara.Organisation)
	f.wants("twice", err, "application_decided")
	f.wants("decline what was admitted", f.s.Decline(ctx, clara, id), "application_decided")

	f.must(f.s.Apply(ctx, page.Slug, member("late@x.test")))
	late := f.link("application", "/joining/")
	f.pass(49 * time.Hour)
	f.wants("after two days", f.s.ConfirmAddress(ctx, late), "dead_link")
	_, err = f.s.Sweep(ctx)
	f.must(err)
	if n := one[int](f, `select count(*) from application where state in ('sent', 'known')`); n != 0 {
		t.Errorf("%d unconfirmed applications are still there", n)
	}
}

func TestRemindersGoOutOnceEachAndOnTime(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx, clara, e := t.Context(), f.people["coordinator"], f.people["expert"].ID
	sweep := func() int {
		t.Helper()
		n, err := f.s.Sweep(ctx)
		f.must(err)
		again, err := f.s.Sweep(ctx)
		f.must(err)
		if again != 0 {
			t.Errorf("a second sweep sent %d", again)
		}
		return n
	}
	f.pass(time.Minute) // the fixture's verification is the older one
	f.must(f.s.Verify(ctx, clara, e, f.verification(60)))
	for _, step := range []struct{ days, mails int }{{29, 0}, {1, 2}, {22, 0}, {1, 2}, {6, 0}, {2, 0}} { // to her and to the coordinator each
		f.pass(time.Duration(step.days) * oneDay)
		before := f.mails("verification")
		sweep()
		if got := f.mails("verification") - before; got != step.mails {
			t.Errorf("%s: %d mails, want %d", f.clock.Format(time.DateOnly), got, step.mails)
		}
	}
	if text := one[string](f, `select string_agg(body_text || subject, ' ') from message_out where kind = 'verification'`); strings.Contains(text, "Dr.") ||
		strings.Contains(text, "Urkunde") {
		t.Errorf("a mail says too much: %s", text)
	}
	f.must(f.s.Verify(ctx, clara, e, f.verification(5)))
	if before := f.mails("verification"); sweep() != 1 || f.mails("verification")-before != 2 {
		t.Error("a short verification is reminded of once")
	}
}

func TestEntriesAreAskedAboutEveryQuarterAndConfirmedByOneTap(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx, e := t.Context(), f.people["expert"]
	listings := func() int { _, err := f.s.Sweep(ctx); f.must(err); return f.mails("listing") }
	f.pass(90 * oneDay)
	if listings() != 0 {
		t.Error("asked before a quarter is over")
	}
	f.pass(2 * oneDay)
	if n := listings(); n != 2 { // one in each network
		t.Errorf("%d asked", n)
	}
	if n := listings(); n != 2 {
		t.Errorf("asked again at once: %d", n)
	}
	st, err := f.s.Standings(ctx, f.people["coordinator"], []uuid.UUID{e.ID, f.people["far expert"].ID})
	f.must(err)
	if len(st) != 1 || st[e.ID].Fade(f.clock) != (Fade{Weeks: 13, Step: 1}) {
		t.Errorf("fading: %+v", st)
	}
	token := one[string](f, `select substring(body_text from '/confirm/([A-Za-z0-9_-]+)') from message_out m join account a on a.email = m.to_email
		where m.kind = 'listing' and a.id = $1`, e.ID)
	by, subject, err := f.accounts.Follow(ctx, token, ForListing)
	f.must(err)
	if by.ID != e.ID || subject != e.ID {
		t.Error("the link is somebody else's")
	}
	f.must(f.s.ConfirmListing(ctx, by))
	st, _ = f.s.Standings(ctx, f.people["coordinator"], []uuid.UUID{e.ID})
	if got := st[e.ID].Fade(f.clock); got != (Fade{}) {
		t.Errorf("still faded: %+v", got)
	}
	f.wants("somebody who is not in the pool", f.s.ConfirmListing(ctx, f.people["caseworker"]), "not_found")
	if got := fade(f.clock, f.clock.AddDate(0, 0, 121)); got.Step != 2 {
		t.Errorf("after 121 days: %+v", got)
	}
}

func TestTiesAreTheExpertsAndTheCoordinatorsToState(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx, e := t.Context(), f.people["expert"]
	house := f.people["caseworker"].Organisation
	f.must(f.s.AddTie(ctx, e, e.ID, Tie{Institution: "Klinik am See", Kind: "employer"}))
	f.must(f.s.AddTie(ctx, f.people["coordinator"], e.ID, Tie{Organisation: house, Kind: "contract"}))
	f.wants("twice", f.s.AddTie(ctx, e, e.ID, Tie{Institution: "klinik am see", Kind: "employer"}), "tie_known")
	f.wants("a foreign house", f.s.AddTie(ctx, e, e.ID, Tie{Organisation: f.people["far caseworker"].Organisation, Kind: "board"}), "organisation.unknown")
	f.wants("somebody else's list", f.s.AddTie(ctx, f.people["far expert"], e.ID, Tie{Institution: "X", Kind: "other"}), "not_found")
	f.wants("a caseworker", f.s.AddTie(ctx, f.people["caseworker"], e.ID, Tie{Institution: "X", Kind: "other"}), "not_found")
	var of map[uuid.UUID][]Tie
	f.must(f.tx(func(tx pgx.Tx) (err error) { of, err = Conflicts(ctx, tx, []uuid.UUID{e.ID}); return err }))
	ties := of[e.ID]
	if len(ties) != 2 || !slices.ContainsFunc(ties, func(t Tie) bool { return t.Organisation == house && t.Institution == "Jobcenter" }) {
		t.Fatalf("%+v", ties)
	}
	f.wants("dropped by another", f.s.DropTie(ctx, f.people["far coordinator"], e.ID, ties[0].ID), "not_found")
	f.must(f.s.DropTie(ctx, e, e.ID, ties[0].ID))
	f.wants("dropped twice", f.s.DropTie(ctx, e, e.ID, ties[0].ID), "not_found")
}

func TestWhoHasLeftIsGoneButForTheProofs(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx, e, clara := t.Context(), f.people["expert"], f.people["coordinator"]
	f.must(f.s.AddTie(ctx, e, e.ID, Tie{Institution: "Klinik", Kind: "employer"}))
	leave := func(by account.Actor) error {
		return f.tx(func(tx pgx.Tx) error {
			if _, err := MayLeave(ctx, tx, by, e.ID); err != nil {
				return err
			}
			return f.s.Leave(ctx, tx, by, e.ID)
		})
	}
	for _, name := range []string{"far coordinator", "caseworker", "admin", "far expert"} {
		f.wants(name, leave(f.people[name]), "not_found")
	}
	f.must(leave(e))
	f.wants("twice", leave(clara), "left_pool")
	f.wants("verify", f.s.Verify(ctx, clara, e.ID, f.verification(9)), "left_pool")
	f.wants("sign", f.sign(e), "left_pool")
	f.wants("invite", f.invitable(e.ID), "experts.left")
	f.wants("confirm", f.s.ConfirmListing(ctx, e), "not_found")
	if _, err := f.accounts.ByID(ctx, e.ID); !errors.Is(err, account.ErrUnknown) {
		t.Errorf("the account: %v", err)
	}
	if left := one[string](f, `select a.email || e.specialty || e.place || e.lanr || (select count(*) from expert_tie where expert_id = a.id)
		from account a join expert e on e.account_id = a.id where a.id = $1`, e.ID); left != "0" {
		t.Errorf("left behind: %q", left)
	}
	if m, err := f.s.Membership(ctx, clara, e.ID); err != nil || len(m.Signatures) != 1 || len(m.Verifications) != 1 {
		t.Errorf("proofs: %+v, %v", m, err)
	}
	if f.mails("leaving") != 1 {
		t.Error("nobody has said good-bye")
	}
	f.pass(4 * 366 * oneDay)
	_, err := f.s.Sweep(ctx)
	f.must(err)
	if name := one[string](f, `select name from account where id = $1`, e.ID); name != "Ehemaliges Mitglied" {
		t.Errorf("after the term she is still called %q", name)
	}
}
