package conference

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/conference/casefile/icf"
	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/migrations/pgtest"
)

func TestEveryTableThatHoldsDataOfClientsHasATerm(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	rows, err := h.db.Query(t.Context(), `
		select distinct c.table_name::text from information_schema.columns c
		join information_schema.tables t on t.table_schema = c.table_schema and t.table_name = c.table_name and t.table_type = 'BASE TABLE'
		where c.table_schema = 'public' and c.column_name in ('case_id', 'conference_id', 'note_id', 'invitation_id', 'measure_id', 'attachment_id', 'consent_id', 'conference')
		order by 1`)
	h.must(err)
	classes, known := dataClass(), map[string]bool{}
	for _, term := range terms() {
		known[term.Class] = true
	}
	for rows.Next() {
		var table string
		h.must(rows.Scan(&table))
		if !known[classes[table]] {
			t.Errorf("table %s has no term after which its rows are deleted", table)
		}
	}
	h.must(rows.Err())
	for table := range classes {
		if get[*string](h, `select to_regclass($1)::text`, table) == nil {
			t.Errorf("there is no table %s", table)
		}
	}
}

// sweep sweeps after so many days from now.
func (h *house) sweep(days int) int {
	h.t.Helper()
	h.clock = h.clock.AddDate(0, 0, days)
	n, err := h.s.Sweep(h.t.Context())
	h.must(err)
	return n
}

// full makes a case of which every table has something, and ends its conference.
func (h *house) full(word string) (code string, id uuid.UUID) {
	h.t.Helper()
	ctx := h.t.Context()
	code, id = h.convene("Kern", "Reimann")
	h.accept(code, "Kern", "Reimann")
	h.open(code)
	w := h.writers(code)
	w.save(w.edit(h.experts["Kern"], "assessment", 0, 0, "Notiz "+word+"."))
	w.flush()
	h.must(h.s.Propose(ctx, h.caseworker, code, "Etwas mit "+word, h.caseworker.ID, h.clock.AddDate(0, 0, 20), "Grund"))
	h.must(h.s.End(ctx, h.coordinator, code))
	h.must(h.s.Minute(ctx, h.caseworker, code, "Beschluss "+word))
	h.must(h.s.Approve(ctx, h.coordinator, code, ""))
	h.must(h.cases.Write(ctx, h.caseworker, id, casefile.Summary{Situation: "Neu " + word, Resources: "r", Tried: "t", Goals: "g", Limits: "l"}))
	found := icf.Blank("d850")
	found.Performance = 3
	h.must(h.cases.Observe(ctx, h.caseworker, id, casefile.Observation{Occasion: "entry", Rater: "self", Month: h.clock, Finding: found, Note: "Anmerkung " + word}))
	return code, id
}

func TestACaseIsDeletedWhenItsTimeIsOverAndNoWordOfItIsLeft(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.s.Tombstones = filepath.Join(t.TempDir(), "tombstones")
	ctx := t.Context()
	const first, second = "Qwertzwort", "Uiopüwort"
	_, id := h.full(first + second)
	dir := pgtest.Files(t, h.db)
	if found := inFiles(t, dir, first, second); len(found) < 4 {
		t.Fatalf("control: before, the words are in %v only", found)
	}
	if n := h.sweep(364); n != 0 {
		t.Fatalf("%d cases are deleted before their time", n)
	}
	due, err := h.s.Preview(ctx, h.caseworker, 10)
	if err != nil || len(due) != 1 || due[0].CaseID != id || due[0].Class != "case" {
		t.Fatalf("the preview says %+v, %v", due, err)
	}
	if n := h.sweep(3); n != 1 {
		t.Fatalf("%d cases are deleted", n)
	}
	kept := map[string]bool{"consent": true, "case_file": true, "case_deletion": true}
	for table := range dataClass() {
		if n := get[int](h, `select count(*) from `+table); n != 0 && !kept[table] {
			t.Errorf("%d rows are left in %s", n, table)
		}
	}
	if _, err := h.cases.ByID(ctx, h.caseworker, id); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("the case is still shown: %v", err)
	}
	if list, err := h.cases.List(ctx, h.caseworker); err != nil || len(list) != 0 {
		t.Errorf("it is listed: %v, %v", list, err)
	}
	if logs, err := h.s.Purge(ctx); err != nil || !logs {
		t.Errorf("purge: %v, %v", logs, err)
	}
	if found := inFiles(t, dir, first, second, strings.ToLower(first)); len(found) > 0 {
		t.Errorf("after the deletion: %v", found)
	}
	if said, err := os.ReadFile(h.s.Tombstones); err != nil || !strings.HasPrefix(string(said), id.String()+" 2027-11-") {
		t.Errorf("the tombstone reads %q, %v", said, err)
	}
	protocol, err := h.s.Protocol(ctx, h.caseworker)
	var classes []string
	for _, d := range protocol {
		classes = append(classes, d.Class)
	}
	slices.Sort(classes)
	if err != nil || !slices.Equal(slices.Compact(classes), []string{"audit_names", "case", "mail", "plan"}) && !slices.Equal(slices.Compact(classes), []string{"audit_names", "case", "plan"}) {
		t.Errorf("the protocol says %v, %v", classes, err)
	}
	if n := h.sweep(3*365 + 400); n != 0 || get[int](h, `select count(*) from consent`) != 0 {
		t.Errorf("the proof of consent is kept for ever")
	}
}

func TestWhatComesBackFromABackupIsDeletedAgain(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.s.Tombstones = filepath.Join(t.TempDir(), "tombstones")
	ctx := t.Context()
	_, id := h.convene("Kern")
	h.exec(`update conference set state = 'closed'`)
	if n, err := h.s.Reapply(ctx); n != 0 || err != nil {
		t.Fatalf("without a file: %d, %v", n, err)
	}
	h.exec(`create table copy as select * from case_summary`)
	if n := h.sweep(400); n != 1 {
		t.Fatalf("%d deleted", n)
	}
	h.exec(`update case_file set deleted_at = null, state = 'open', sealed_at = null`)
	h.exec(`insert into case_summary select * from copy`)
	if n, err := h.s.Reapply(ctx); n != 1 || err != nil || get[int](h, `select count(*) from case_summary`) != 0 {
		t.Errorf("%d deleted again, %v", n, err)
	}
	if n, err := h.s.Reapply(ctx); n != 0 || err != nil {
		t.Errorf("and again: %d, %v", n, err)
	}
	if _, err := h.cases.ByID(ctx, h.caseworker, id); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("it is shown: %v", err)
	}
}

func TestAHoldKeepsACaseAndAnEarlierEndShortensItsTime(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	held, left, gone := h.newCase(), h.newCase(), h.newCase()
	until := h.clock.AddDate(0, 0, 500).Truncate(24 * time.Hour)
	h.must(h.s.SetHold(ctx, h.caseworker, held, "Widerspruch ist offen", until))
	h.must(h.s.Leave(ctx, h.colleague, left, h.clock.AddDate(0, 0, -1).Truncate(24*time.Hour)))
	if _, err := h.s.Withdraw(ctx, h.caseworker, gone); err != nil {
		t.Fatal(err)
	}
	due, hold, err := h.s.DueOf(ctx, h.caseworker, held)
	if err != nil || hold == nil || hold.Reason != "Widerspruch ist offen" || due.Held == nil {
		t.Errorf("%+v, %+v, %v", due, hold, err)
	}
	if due, _, err := h.s.DueOf(ctx, h.caseworker, left); err != nil || due.Class != "left" {
		t.Errorf("who has left: %+v, %v", due, err)
	}
	if due, _, err := h.s.DueOf(ctx, h.caseworker, gone); err != nil || due.Class != "withdrawn" {
		t.Errorf("withdrawn: %+v, %v", due, err)
	}
	state := func() (s string) {
		for _, id := range []uuid.UUID{held, left, gone} {
			if get[bool](h, `select deleted_at is null from case_file where id = $1`, id) {
				s += "1"
			} else {
				s += "0"
			}
		}
		return s
	}
	for _, c := range []struct {
		days int
		want string
	}{{6, "111"}, {3, "110"}, {79, "110"}, {2, "100"}, {380, "100"}, {40, "000"}} {
		h.sweep(c.days)
		if got := state(); got != c.want {
			t.Errorf("on %s the cases are %s, want %s", h.clock.Format(time.DateOnly), got, c.want)
		}
	}
	if err := h.s.LiftHold(ctx, h.caseworker, held); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("a hold of what is gone: %v", err)
	}
}

func TestTermsAreShorterByAClickAndLongerByAReason(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	var invalid *account.InvalidError
	for field, set := range map[string]func() error{
		"class":  func() error { return h.s.SetTerm(ctx, h.caseworker, "everything", 3, "") },
		"days":   func() error { return h.s.SetTerm(ctx, h.caseworker, "case", 4000, "weil") },
		"reason": func() error { return h.s.SetTerm(ctx, h.caseworker, "case", 400, " ") },
	} {
		if err := set(); !errors.As(err, &invalid) || invalid.Field != field {
			t.Errorf("%v, want %s", err, field)
		}
	}
	for _, by := range []account.Actor{h.coordinator, h.experts["Kern"]} {
		if err := h.s.SetTerm(ctx, by, "case", 3, ""); !errors.Is(err, account.ErrDenied) {
			t.Errorf("by a %s: %v", by.Role, err)
		}
	}
	id := h.newCase()
	for what, err := range map[string]error{
		"hold": h.s.SetHold(ctx, h.foreign, id, "x", h.clock), "leave": h.s.Leave(ctx, h.foreign, id, h.clock.Truncate(24*time.Hour)), "lift": h.s.LiftHold(ctx, h.foreign, id),
	} {
		if !errors.Is(err, account.ErrNotFound) {
			t.Errorf("%s by another Jobcenter: %v", what, err)
		}
	}
	h.must(h.s.SetTerm(ctx, h.foreign, "case", 1, "")) // of another Jobcenter
	if n := h.sweep(5); n != 0 {
		t.Errorf("%d cases are deleted by another's term", n)
	}
	h.must(h.s.SetTerm(ctx, h.caseworker, "case", 10, ""))
	set, err := h.s.Terms(ctx, h.colleague)
	i := slices.IndexFunc(set, func(t Term) bool { return t.Class == "case" })
	if err != nil || set[i].Days != 10 || set[i].SetBy != h.caseworker.Name || set[i].Longer() {
		t.Errorf("%+v, %v", set, err)
	}
	if n := h.sweep(6); n != 1 {
		t.Errorf("%d cases are deleted by the shorter term", n)
	}
}

func TestExpertsSeeTheProfileAndScoresOnlyWithTheConsentForEach(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	code, id := h.convene("Kern")
	h.accept(code, "Kern")
	found := icf.Blank("d850")
	found.Performance = 3
	h.must(h.cases.Observe(ctx, h.caseworker, id, casefile.Observation{Occasion: "entry", Rater: "self", Month: h.clock, Finding: found}))
	on := h.clock.AddDate(0, 0, -1).Truncate(24 * time.Hour)
	h.must(h.cases.AddScore(ctx, h.caseworker, id, casefile.Score{
		Instrument: "rehaScore", Version: "1", Value: "3", Min: "0", Max: "5", MeasuredOn: on, ComputedBy: "DRV",
	}))
	for _, c := range []struct {
		also            []casefile.Purpose
		profile, scores int
	}{{nil, 0, 0}, {[]casefile.Purpose{casefile.Profile}, 1, 0}, {[]casefile.Purpose{casefile.Risk}, 0, 1}, {[]casefile.Purpose{casefile.Profile, casefile.Risk}, 1, 1}} {
		consent := h.consent("psychiatry", "occupational_medicine")
		consent.Purposes = append(consent.Purposes, c.also...)
		h.must(h.s.Grant(ctx, h.caseworker, id, consent))
		v, err := h.s.ByCode(ctx, h.experts["Kern"], code)
		if err != nil || v.Shut != "" || len(v.Course.Profile) != c.profile || len(v.Course.Scores) != c.scores || v.Course.Phases != nil {
			t.Errorf("with %v: %q, %d categories, %d scores, %v", c.also, v.Shut, len(v.Course.Profile), len(v.Course.Scores), err)
		}
	}
}
