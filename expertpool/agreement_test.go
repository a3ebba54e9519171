package expertpool

import (
	"testing"
	"time"

	"github.com/google/uuid"
)

func (f *fixture) agreement(partner string, days int) Agreement {
	today := Today(f.s.now())
	return Agreement{
		Partner: partner, SignedOn: today.AddDate(0, 0, -10), ValidUntil: today.AddDate(0, 0, days), Contact: "Frau Muster", ContactEmail: "k@partner.test",
		Contingent: "10 Plätze im Quartal", Reference: "Akte 4711",
	}
}

func TestAgreementsRunAreProlongedRemindedOfAndEnd(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx, clara := t.Context(), f.people["coordinator"]
	id, err := f.s.KeepAgreement(ctx, clara, f.agreement("jobcenter", 100))
	f.must(err)
	read := func() Agreement { a, err := f.s.Agreement(ctx, clara, id); f.must(err); return a }
	a := read()
	if a.Organisation != f.people["caseworker"].Organisation || a.OwnerID != clara.ID || a.State(f.clock) != "running" {
		t.Errorf("%+v", a)
	}
	for _, step := range []struct {
		days, mails int
		state       string
	}{{39, 0, "running"}, {1, 1, "ending"}, {29, 0, "ending"}, {1, 1, "ending"}, {31, 0, "ended"}} {
		f.pass(time.Duration(step.days) * oneDay)
		before := f.mails("agreement")
		_, err := f.s.Sweep(ctx)
		f.must(err)
		_, err = f.s.Sweep(ctx)
		f.must(err)
		if got := f.mails("agreement") - before; got != step.mails || read().State(f.clock) != step.state {
			t.Errorf("%s: %d mails, %s", f.clock.Format(time.DateOnly), got, read().State(f.clock))
		}
	}
	if read().Fade(f.clock).Step != 1 {
		t.Error("what nobody has confirmed for 101 days does not fade")
	}
	a.ValidUntil = Today(f.clock).AddDate(0, 0, 20)
	_, err = f.s.KeepAgreement(ctx, clara, a)
	f.must(err)
	if n, err := f.s.Sweep(ctx); err != nil || n == 0 || read().Fade(f.clock).Step != 0 || read().State(f.clock) != "ending" {
		t.Errorf("prolonged: %d mails, %v", n, err)
	}
	f.must(f.s.EndAgreement(ctx, clara, id))
	f.wants("ended twice", f.s.EndAgreement(ctx, clara, id), "agreement_ended")
	f.wants("confirmed when ended", f.s.ConfirmAgreement(ctx, clara, id), "agreement_ended")
	_, err = f.s.KeepAgreement(ctx, clara, a)
	f.wants("changed when ended", err, "agreement_ended")
}

func TestAgreementsOfAnotherNetworkDoNotExist(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx, far := t.Context(), f.people["far coordinator"]
	id, err := f.s.KeepAgreement(ctx, f.people["coordinator"], f.agreement("Klinik", 100))
	f.must(err)
	_, err = f.s.Agreement(ctx, far, id)
	f.wants("look", err, "not_found")
	a := f.agreement("Meins", 50)
	a.ID = id
	_, err = f.s.KeepAgreement(ctx, far, a)
	f.wants("change", err, "not_found")
	f.wants("end", f.s.EndAgreement(ctx, far, id), "not_found")
	f.wants("confirm", f.s.ConfirmAgreement(ctx, far, id), "not_found")
	a.ID = uuid.New()
	_, err = f.s.KeepAgreement(ctx, far, a)
	f.wants("an id of her own making", err, "not_found")
	found, err := f.s.Agreements(ctx, far)
	if err != nil || len(found) != 0 {
		t.Errorf("list: %v, %v", found, err)
	}
	_, err = f.s.Agreements(ctx, f.people["expert"])
	f.wants("an expert", err, "denied")
}

func TestAnAgreementHasToMakeSense(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	today := Today(now)
	good := Agreement{Partner: "P", Contact: "K", SignedOn: today, ValidUntil: today.AddDate(1, 0, 0)}
	for rule, change := range map[string]func(*Agreement){
		"":                          func(*Agreement) {},
		"partner.required":          func(a *Agreement) { a.Partner = " " },
		"contact.required":          func(a *Agreement) { a.Contact = "" },
		"contact_email.address":     func(a *Agreement) { a.ContactEmail = "x" },
		"signed_on.required":        func(a *Agreement) { a.SignedOn = time.Time{} },
		"signed_on.past":            func(a *Agreement) { a.SignedOn = today.AddDate(0, 0, 1) },
		"valid_until.required":      func(a *Agreement) { a.ValidUntil = time.Time{} },
		"valid_until.before_signed": func(a *Agreement) { a.ValidUntil = today.AddDate(0, 0, -1) },
		"valid_until.thirty_years":  func(a *Agreement) { a.ValidUntil = today.AddDate(31, 0, 0) },
	} {
		a := good
		change(&a)
		if got := ruleOf(a.validate(now)); got != rule {
			t.Errorf("%q, want %q", got, rule)
		}
	}
}
