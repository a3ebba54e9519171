package casefile

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference/pseudonym"
	"github.com/konsil-server/konsil/expertpool/account"
)

// ruleOf is the rule of a refusal or, with its field before it, of a broken field.
func ruleOf(err error) string {
	var refused *account.RefusedError
	var invalid *account.InvalidError
	switch {
	case errors.As(err, &refused):
		return refused.Rule
	case errors.As(err, &invalid):
		return invalid.Field + ":" + invalid.Rule
	case err != nil:
		return err.Error()
	}
	return ""
}

func (d *desk) latest(id uuid.UUID) Version {
	d.t.Helper()
	c, err := d.ByID(d.t.Context(), d.by, id)
	d.must(err)
	return c.Latest
}

func TestASummaryIsReleasedByASecondPersonAfterItWasChecked(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ctx := t.Context()
	id := d.newCase()
	want := func(what string, err error, rule string, state State) {
		t.Helper()
		if ruleOf(err) != rule {
			t.Errorf("%s: %v, want %q", what, err, rule)
		}
		if got := d.latest(id).State; got != state {
			t.Errorf("%s: the version is %s, want %s", what, got, state)
		}
	}
	want("a release of a draft", d.Release(ctx, d.second, id, Releasing{Version: 1}), "unchecked", Draft)
	want("a check of a version that is not there", d.Check(ctx, d.by, id, 2, ""), "no_draft", Draft)
	want("a check", d.Check(ctx, d.by, id, 1, ""), "", Checked)
	want("a second check", d.Check(ctx, d.second, id, 1, ""), "no_draft", Checked)
	want("a release by the author", d.Release(ctx, d.by, id, Releasing{Version: 1}), "second_person", Checked)
	want("a release by the author with a reason", d.Release(ctx, d.by, id, Releasing{Version: 1, Single: "Urlaub"}), "second_person", Checked)
	want("a release of a version that is not there", d.Release(ctx, d.second, id, Releasing{Version: 2}), "no_draft", Checked)
	want("a release", d.Release(ctx, d.second, id, Releasing{Version: 1}), "", Released)
	want("a second release", d.Release(ctx, d.second, id, Releasing{Version: 1}), "no_draft", Released)
	want("a check of what is released", d.Check(ctx, d.by, id, 1, ""), "no_draft", Released)

	d.must(d.Write(ctx, d.second, id, text()))
	d.must(d.Check(ctx, d.by, id, 2, ""))
	want("a release by the colleague who wrote it", d.Release(ctx, d.second, id, Releasing{Version: 2}), "second_person", Checked)
	d.must(d.Write(ctx, d.by, id, text()))
	want("a release of what gave way", d.Release(ctx, d.by, id, Releasing{Version: 2}), "no_draft", Draft)
	if c, err := d.ByID(ctx, d.by, id); err != nil || c.Released != 1 {
		t.Errorf("version %d counts, want 1: %v", c.Released, err)
	}
	d.must(d.Check(ctx, d.second, id, 3, "")) // somebody else may look, and then release
	want("a release by the one who checked", d.Release(ctx, d.second, id, Releasing{Version: 3}), "", Released)
}

func TestOnlyCaseworkersOfTheOrganisationCheckAndRelease(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ctx := t.Context()
	id := d.newCase()
	for name, who := range map[string]account.Actor{"another Jobcenter": d.foreign, "the coordination": d.lead} {
		for what, err := range map[string]error{
			"write": d.Write(ctx, who, id, text()), "check": d.Check(ctx, who, id, 1, ""), "release": d.Release(ctx, who, id, Releasing{Version: 1}),
		} {
			if !errors.Is(err, account.ErrNotFound) && !errors.Is(err, account.ErrDenied) {
				t.Errorf("%s of %s: %v", what, name, err)
			}
		}
	}
	if got := d.latest(id); got.State != Draft || got.Number != 1 {
		t.Errorf("the version is %+v", got)
	}
}

func TestASealedSummaryTakesNoStepAnyMore(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ctx := t.Context()
	id := d.newCase()
	d.must(d.Check(ctx, d.by, id, 1, ""))
	_, err := d.db.Exec(ctx, `update case_file set state = 'sealed', sealed_at = $2 where id = $1`, id, d.clock)
	d.must(err)
	for what, err := range map[string]error{
		"write": d.Write(ctx, d.by, id, text()), "check": d.Check(ctx, d.by, id, 1, ""), "release": d.Release(ctx, d.second, id, Releasing{Version: 1}),
	} {
		if !errors.Is(err, account.ErrClosed) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestASureFindingNeedsOneReasonOnItsWay(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ctx := t.Context()
	id := d.newCase()
	named := text()
	named.Situation = "Frau Xylophonia kommt gern."
	d.must(d.Write(ctx, d.by, id, named))
	if err := d.Check(ctx, d.by, id, 2, ""); ruleOf(err) != "reason:names" {
		t.Fatalf("checked without a reason: %v", err)
	}
	d.must(d.Check(ctx, d.by, id, 2, "Sie möchte es so."))
	c, err := d.ByID(ctx, d.second, id)
	d.must(err)
	if c.Summary.CheckReason != "Sie möchte es so." || c.Summary.CheckedBy == "" {
		t.Errorf("the one who releases is not told why: %+v", c.Summary)
	}
	d.must(d.Release(ctx, d.second, id, Releasing{Version: 2}))

	d.must(d.Write(ctx, d.by, id, text()))
	d.must(d.Check(ctx, d.by, id, 3, ""))
	_, err = d.db.Exec(ctx, `update case_summary set situation = 'Frau Xylophonia' where case_id = $1 and version = 3`, id) // as if the guard had learned it since
	d.must(err)
	if err := d.Release(ctx, d.second, id, Releasing{Version: 3}); ruleOf(err) != "reason:names" {
		t.Errorf("released what nobody gave a reason for: %v", err)
	}
	d.must(d.Release(ctx, d.second, id, Releasing{Version: 3, Reason: "Sie möchte es so."}))
}

func TestWhoIsAloneReleasesOnlyWhereTheHouseAllowsItAndWithAReason(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ctx := t.Context()
	id, err := d.New(ctx, d.foreign, pseudonym.Identity{FirstName: "E", LastName: "M"}, text())
	d.must(err)
	d.must(d.Check(ctx, d.foreign, id, 1, ""))
	if err := d.Release(ctx, d.foreign, id, Releasing{Version: 1, Single: "Ich bin allein."}); ruleOf(err) != "no_second_person" {
		t.Fatalf("released alone: %v", err)
	}
	if err := AllowSingleRelease(ctx, d.db, "Nirgendwo", true, d.clock); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("allowed nobody: %v", err)
	}
	d.must(AllowSingleRelease(ctx, d.db, d.foreign.OrganisationName, true, d.clock))
	if err := d.Release(ctx, d.foreign, id, Releasing{Version: 1}); ruleOf(err) != "single:required" {
		t.Fatalf("released alone without a reason: %v", err)
	}
	d.must(d.Release(ctx, d.foreign, id, Releasing{Version: 1, Single: "Ich bin allein."}))

	own := d.newCase() // where there are two, the setting changes nothing
	_, err = d.db.Exec(ctx, `update organisation set single_release = true where id = $1`, d.by.Organisation)
	d.must(err)
	d.must(d.Check(ctx, d.by, own, 1, ""))
	if err := d.Release(ctx, d.by, own, Releasing{Version: 1, Single: "Keine Lust."}); ruleOf(err) != "second_person" {
		t.Errorf("released without the colleague: %v", err)
	}
}

func TestEachCaseworkerIsToldWhatTheCaseWaitsForFromHer(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ctx := t.Context()
	id := d.newCase()
	d.must(d.grant(id, d.consent("psychiatry")))
	want := func(when string, by account.Actor, todo ...string) {
		t.Helper()
		c, err := d.ByID(ctx, by, id)
		d.must(err)
		if got := c.Todo(by.ID, d.clock); !slices.Equal(got, todo) {
			t.Errorf("%s: %v, want %v", when, got, todo)
		}
		if n, err := d.Waiting(ctx, by); err != nil || n != len(todo) {
			t.Errorf("%s: %d cases wait, want %d (%v)", when, n, len(todo), err)
		}
	}
	want("the author of a draft", d.by, "check")
	want("her colleague", d.second, "check")
	d.must(d.Check(ctx, d.by, id, 1, ""))
	want("the author of what is checked", d.by)
	want("the colleague of whose author checked", d.second, "release")
	d.must(d.Release(ctx, d.second, id, Releasing{Version: 1}))
	want("the author of what is released", d.by)
	want("who released", d.second)
}

func TestTemplatesAreKeptByTheCoordinationAndHoldTheSummariesTheyMade(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ctx := t.Context()
	for name, err := range map[string]error{
		"a caseworker ships": d.ShipTemplates(ctx, d.by), "a caseworker keeps": d.KeepTemplate(ctx, d.by, Template{Name: "N"}),
		"a caseworker retires": d.RetireTemplate(ctx, d.by, uuid.New()),
	} {
		if !errors.Is(err, account.ErrDenied) {
			t.Errorf("%s: %v", name, err)
		}
	}
	d.must(d.ShipTemplates(ctx, d.lead))
	d.must(d.ShipTemplates(ctx, d.lead)) // pressing twice adds nothing
	found, err := d.Templates(ctx, d.foreign)
	d.must(err)
	if len(found) != len(shipped) {
		t.Fatalf("%d templates, want %d", len(found), len(shipped))
	}
	i := slices.IndexFunc(found, func(t Template) bool { return !t.Required("resources") })
	if i < 0 {
		t.Fatal("no template makes the resources optional")
	}
	chosen := found[i]
	short := text()
	short.TemplateID, short.Resources = chosen.ID, ""
	id, err := d.New(ctx, d.by, identity, short)
	d.must(err)
	short.Goals = ""
	if err := d.Write(ctx, d.by, id, short); ruleOf(err) != "goals:required" {
		t.Errorf("a template left the goals out: %v", err)
	}
	plainOne := text()
	plainOne.Resources = ""
	if err := d.Write(ctx, d.by, id, plainOne); ruleOf(err) != "resources:required" {
		t.Errorf("without a template: %v", err)
	}
	changed := chosen
	changed.Fields = map[string]TemplateField{"tried": {Heading: "Ganz anders"}, "limits": {Optional: true}}
	d.must(d.KeepTemplate(ctx, d.lead, changed))
	c, err := d.ByID(ctx, d.by, id)
	d.must(err)
	if got := c.Summary.Template.Fields["tried"].Heading; got != chosen.Fields["tried"].Heading {
		t.Errorf("the summary changed its heading to %q", got)
	}
	if err := d.KeepTemplate(ctx, d.lead, Template{Name: chosen.Name}); ruleOf(err) != "name:taken" {
		t.Errorf("two templates of one name: %v", err)
	}
	if err := d.RetireTemplate(ctx, d.lead, chosen.ID); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("retired one that was replaced: %v", err)
	}
	unknown := text()
	unknown.TemplateID = uuid.New()
	if err := d.Write(ctx, d.by, id, unknown); ruleOf(err) != "template:unknown" {
		t.Errorf("a template of nobody: %v", err)
	}
}
