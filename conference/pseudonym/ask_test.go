package pseudonym

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/expertpool/account"
)

func TestAColleaguesCaseTakesTwo(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ctx := t.Context()
	id := d.put(d.Vault, d.anna, erfunda)
	if _, err := d.Reveal(ctx, d.ben, id, "Vertretung"); !ruled(err, account.ErrClosed, "colleague") {
		t.Fatalf("alone: %v", err)
	}
	if err := d.Ask(ctx, d.anna, id, "Rückruf"); !ruled(err, account.ErrConflict, "no_need") {
		t.Errorf("her own case: %v", err)
	}
	d.must(d.Ask(ctx, d.ben, id, "Vertretung"))
	if err := d.Ask(ctx, d.ben, id, "Vertretung"); !ruled(err, account.ErrConflict, "asked") {
		t.Errorf("asked twice: %v", err)
	}
	waiting, err := d.Waiting(ctx, d.anna)
	if err != nil || len(waiting) != 1 || waiting[0].AskedByName != "ben" || waiting[0].Reason != "Vertretung" || waiting[0].CaseID != id {
		t.Fatalf("waits for the colleague: %+v, %v", waiting, err)
	}
	if own, err := d.Waiting(ctx, d.ben); err != nil || len(own) > 0 {
		t.Errorf("waits for the one who asked: %v, %v", own, err)
	}
	ask := waiting[0].ID
	for who, c := range map[string]struct {
		by   account.Actor
		want error
	}{
		"the one who asked": {d.ben, account.ErrDenied}, "a coordinator": {d.coordinator, account.ErrDenied}, "an expert": {d.expert, account.ErrDenied},
		"another organisation": {d.far, account.ErrNotFound}, "a link": {account.Actor{ID: d.cem.ID, Role: account.Caseworker}, account.ErrDenied},
	} {
		if err := d.Answer(ctx, c.by, ask, true); !errors.Is(err, c.want) {
			t.Errorf("%s answers: %v", who, err)
		}
	}
	if _, err := d.Reveal(ctx, d.ben, id, "Vertretung"); !ruled(err, account.ErrClosed, "colleague") {
		t.Fatalf("before the answer: %v", err)
	}
	d.must(d.Answer(ctx, d.cem, ask, true))
	if err := d.Answer(ctx, d.anna, ask, false); !ruled(err, account.ErrConflict, "decided") {
		t.Errorf("answered twice: %v", err)
	}
	d.clock = d.clock.Add(RevealFor - time.Second)
	if got, err := d.Reveal(ctx, d.ben, id, "something else"); err != nil || got != erfunda {
		t.Fatalf("with a colleague: %v, %v", got, err)
	}
	if _, err := d.Reveal(ctx, d.cem, id, "Vertretung"); !ruled(err, account.ErrClosed, "colleague") {
		t.Errorf("the one who agreed: %v", err)
	}
	d.clock = d.clock.Add(time.Second)
	if _, err := d.Reveal(ctx, d.ben, id, "Vertretung"); !ruled(err, account.ErrClosed, "colleague") {
		t.Errorf("after a quarter of an hour: %v", err)
	}
	d.must(d.Ask(ctx, d.ben, id, "noch einmal"))
	if n := d.count(`select count(*) from audit.entry where action = 'reveal' and reason = 'Vertretung' and actor_id = $1`, d.ben.ID); n != 1 {
		t.Errorf("%d looks are recorded with the reason that was agreed to", n)
	}
	if n := d.count(`select count(*) from audit.entry where action in ('ask_reveal', 'grant_reveal', 'refuse_reveal')`); n != 3 {
		t.Errorf("%d entries about asking", n)
	}
}

func TestARefusedAskOpensNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ctx := t.Context()
	id := d.put(d.Vault, d.anna, erfunda)
	d.must(d.Ask(ctx, d.ben, id, "Neugier"))
	a, err := d.Access(ctx, d.anna, id)
	if err != nil || !a.Alone || len(a.Asks) != 1 {
		t.Fatalf("%+v, %v", a, err)
	}
	d.must(d.Answer(ctx, d.anna, a.Asks[0].ID, false))
	if _, err := d.Reveal(ctx, d.ben, id, "Neugier"); !ruled(err, account.ErrClosed, "colleague") {
		t.Errorf("refused: %v", err)
	}
	if a, err = d.Access(ctx, d.ben, id); err != nil || a.Alone || a.Granted(d.ben.ID, d.clock) != nil || a.Waiting(d.ben.ID) != nil || a.Asks[0].DecidedBy != "anna" {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestWhoIsAloneLooksAloneWithAReason(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ctx := t.Context()
	id, far := d.put(d.Vault, d.anna, erfunda), d.put(d.Vault, d.far, erfunda)
	for _, by := range []account.Actor{d.coordinator, d.expert, {ID: d.anna.ID, Organisation: d.anna.Organisation, Role: account.Caseworker}} {
		_, look := d.Reveal(ctx, by, id, "Grund")
		_, see := d.Access(ctx, by, id)
		for _, err := range []error{look, see, d.Ask(ctx, by, id, "Grund")} {
			if !errors.Is(err, account.ErrDenied) {
				t.Errorf("%s: %v", by.Role, err)
			}
		}
	}
	_, look := d.Reveal(ctx, d.anna, far, "Grund")
	for _, err := range []error{look, d.Ask(ctx, d.anna, far, "Grund"), d.Ask(ctx, d.anna, uuid.New(), "Grund")} {
		if !errors.Is(err, account.ErrNotFound) {
			t.Errorf("another organisation's case: %v", err)
		}
	}
	var invalid *account.InvalidError
	if _, err := d.Reveal(ctx, d.anna, id, " "); !errors.As(err, &invalid) {
		t.Errorf("without a reason: %v", err)
	}
	if n := d.count(`select count(*) from audit.entry where action = 'reveal'`); n != 0 {
		t.Fatalf("%d looks are recorded", n)
	}
	d.exec(`update account set disabled_at = now() where name in ('anna', 'cem')`)
	if _, err := d.Reveal(ctx, d.ben, id, "Vertretung"); err != nil {
		t.Errorf("nobody else is there: %v", err)
	}
}
