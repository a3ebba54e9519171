package conference

import (
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/audit"
	"github.com/konsil-server/konsil/migrations/pgtest"
)

func TestTheAccessReportNamesPeopleForAYearAndNumbersThemAfterIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	code, id := h.convene("Kern", "Reimann")
	h.accept(code, "Kern", "Reimann")
	for _, who := range []string{"Kern", "Reimann", "Kern"} {
		_, err := h.s.ByCode(ctx, h.experts[who], code)
		h.must(err)
		h.clock = h.clock.Add(2 * time.Hour)
	}
	h.must(h.s.SetTerm(ctx, h.caseworker, "case", 3000, "Verfahren offen")) // the case outlives the year
	names := func() (list []string, numbers []int) {
		t.Helper()
		looks, err := h.s.Looks(ctx, h.caseworker, id, true)
		h.must(err)
		for _, l := range looks {
			if l.What == "view_summary" && l.Role == account.Expert {
				list, numbers = append(list, l.Name), append(numbers, l.Number)
				if l.Discipline == "" || l.Organisation == "" {
					t.Errorf("of %q there is neither a discipline nor an organisation: %+v", l.Name, l)
				}
			}
		}
		return list, numbers
	}
	if list, numbers := names(); !slices.Equal(list, []string{"Dr. Kern", "Dr. Reimann", "Dr. Kern"}) || slices.Max(numbers) != 0 {
		t.Fatalf("within the year the report says %q, %v", list, numbers)
	}
	h.sweep(300)
	if list, _ := names(); slices.Contains(list, "") {
		t.Errorf("after 300 days a name is forgotten: %q", list)
	}
	h.sweep(66)
	if list, numbers := names(); len(list) != 3 || list[0]+list[1]+list[2] != "" || !slices.Equal(numbers, []int{1, 2, 1}) {
		t.Errorf("after a year it says %q, %v", list, numbers)
	}
	for _, who := range []string{"Kern", "Reimann"} {
		if n := get[int](h, `select count(*) from audit.known where id = $1 and month <= $2`, h.experts[who].ID, h.clock.AddDate(-1, 0, 0)); n != 0 {
			t.Errorf("%s can still be found", who)
		}
	}
	protocol, err := h.s.Protocol(ctx, h.caseworker)
	h.must(err)
	if !slices.ContainsFunc(protocol, func(d Deleted) bool { return d.Class == "audit_names" && d.Count > 0 }) {
		t.Errorf("the protocol says %+v", protocol)
	}
	d, err := h.s.Disclose(ctx, signedIn(h.caseworker), id, "Antrag")
	h.must(err)
	if i := slices.IndexFunc(d.Chapters, func(c Chapter) bool { return c.Key == "recipient" }); i < 0 {
		t.Error("a disclosure has no recipients any more")
	}
	_, err = h.s.Withdraw(ctx, h.caseworker, id)
	h.must(err)
	receipt, err := h.cases.Receipt(ctx, h.caseworker, id)
	h.must(err)
	if len(receipt.Recipients()) == 0 || slices.ContainsFunc(receipt.Seen, func(s casefile.Sighting) bool { return s.Name == "" && s.Number == 0 }) {
		t.Errorf("the receipt says %+v", receipt.Seen)
	}
	if _, err := audit.Verify(ctx, h.db); err != nil {
		t.Errorf("the record does not hold: %v", err)
	}
}

func TestTheRecordIsCutAtItsTermAndNotWhileACaseIsOnHold(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	id := h.newCase()
	mine := func() int {
		return get[int](h, `select count(*) from audit.chain where organisation_id = $1`, h.caseworker.Organisation)
	}
	first := mine()
	if first < 2 {
		t.Fatalf("control: there are %d entries", first)
	}
	var invalid *account.InvalidError
	if err := h.s.SetTerm(ctx, h.caseworker, "audit", 364, ""); !errors.As(err, &invalid) || invalid.Field != "days" || invalid.Rule != "least" {
		t.Errorf("kept for less than a year: %v", err)
	}
	h.must(h.s.SetTerm(ctx, h.caseworker, "audit", 365, ""))
	h.must(h.s.SetTerm(ctx, h.foreign, "audit", 2000, "Revision")) // of another Jobcenter
	h.must(h.s.SetHold(ctx, h.caseworker, id, "Klage offen", h.clock.AddDate(0, 0, 500).Truncate(24*time.Hour)))
	others := get[int](h, `select count(*) from audit.chain where organisation_id = $1`, h.foreign.Organisation)
	h.sweep(400)
	if n := get[int](h, `select count(*) from audit.chain where organisation_id = $1 and case_id = $2`, h.caseworker.Organisation, id); n == 0 {
		t.Error("entries of a case on hold have gone")
	}
	h.sweep(101) // the hold ends, and the case is deleted, which is an entry
	if n := mine(); n > 2 {
		t.Errorf("%d of %d entries are left", n, first)
	}
	if n := get[int](h, `select count(*) from audit.chain where organisation_id = $1`, h.foreign.Organisation); n != others {
		t.Errorf("another's record has %d entries, had %d", n, others)
	}
	protocol, err := h.s.Protocol(ctx, h.caseworker)
	h.must(err)
	if !slices.ContainsFunc(protocol, func(d Deleted) bool { return d.Class == "audit" && d.Count > 0 }) {
		t.Errorf("the protocol says %+v", protocol)
	}
	if _, err := audit.Verify(ctx, h.db); err != nil {
		t.Errorf("what is left does not hold: %v", err)
	}
	if a, err := audit.Anchors(ctx, h.db); err != nil || len(a) != 1 || a[0].Organisation != h.caseworker.Organisation {
		t.Errorf("anchors %+v, %v", a, err)
	}
}

func TestNoFileOfTheDatabaseKnowsWhoWasForgotten(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id := h.newCase()
	salt := get[[]byte](h, `select salt from audit.known where id = $1`, h.caseworker.ID)
	dir := pgtest.Files(t, h.db)
	if found := inFiles(t, dir, string(salt)); len(found) == 0 {
		t.Fatal("control: before, no file has the salt")
	}
	h.must(h.s.SetHold(t.Context(), h.caseworker, id, "Klage", h.clock.AddDate(0, 0, 3).Truncate(24*time.Hour)))
	h.sweep(400)
	if logs, err := h.s.Purge(t.Context()); err != nil || !logs {
		t.Fatalf("purge: %v, %v", logs, err)
	}
	if found := inFiles(t, pgtest.Files(t, h.db), string(salt)); len(found) > 0 {
		t.Errorf("after it: %v", found)
	}
}

func TestOnlyAHoldFromAfterItsDeletionKeepsACaseThatABackupBrought(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.s.Tombstones = filepath.Join(t.TempDir(), "tombstones")
	ctx := t.Context()
	id := h.newCase()
	h.must(h.s.SetHold(ctx, h.caseworker, id, "Klage offen", h.clock.AddDate(0, 0, 900).Truncate(24*time.Hour)))
	h.exec(`create table backup as select * from legal_hold`)
	h.must(h.s.LiftHold(ctx, h.caseworker, id))
	if n := h.sweep(370); n != 1 {
		t.Fatalf("%d cases are deleted", n)
	}
	restore := func() {
		h.exec(`update case_file set deleted_at = null, state = 'open', sealed_at = null`)
	}
	gone := func() bool { return get[bool](h, `select deleted_at is not null from case_file where id = $1`, id) }
	restore()
	h.exec(`insert into legal_hold select * from backup`)
	if n, err := h.s.Reapply(ctx); n != 1 || err != nil || !gone() {
		t.Errorf("with a hold from before: %d deleted again, %v", n, err)
	}
	restore()
	h.clock = h.clock.AddDate(0, 0, 1)
	h.must(h.s.SetHold(ctx, h.caseworker, id, "Das Gericht will die Sicherung sehen", h.clock.AddDate(0, 0, 5).Truncate(24*time.Hour)))
	if n, err := h.s.Reapply(ctx); n != 0 || err != nil || gone() {
		t.Errorf("with a hold from after: %d deleted again, %v", n, err)
	}
	h.clock = h.clock.AddDate(0, 0, 6)
	if n, err := h.s.Reapply(ctx); n != 1 || err != nil || !gone() {
		t.Errorf("when it has ended: %d deleted again, %v", n, err)
	}
}

func TestAReceiptCountsDisclosuresAndGuestsWithoutTheirNames(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	code, id := h.convene("Kern")
	for kind, came := range map[GuestKind]bool{"client": true, "interpreter": true, "trusted": false} {
		h.exec(`
			insert into conference_guest (id, conference_id, organisation_id, kind, token_hash, confirmed, created_at, created_by, attended_at)
			select gen_random_uuid(), id, organisation_id, $2, uuid_send(gen_random_uuid()), 'presence-1', $3, $4, case when $5 then $3::timestamptz end
			from conference where code = $1`, code, kind, h.clock, h.caseworker.ID, came)
	}
	_, err := h.s.Disclose(ctx, signedIn(h.caseworker), id, "Antrag")
	h.must(err)
	_, err = h.s.Withdraw(ctx, h.caseworker, id)
	h.must(err)
	r, err := h.cases.Receipt(ctx, h.caseworker, id)
	h.must(err)
	if !slices.ContainsFunc(r.Seen, func(s casefile.Sighting) bool {
		return s.What == "disclose" && s.Name == h.caseworker.Name && !s.Outside
	}) {
		t.Errorf("the receipt has %+v", r.Seen)
	}
	var kinds []string
	for _, g := range r.Guests {
		kinds = append(kinds, g.Kind)
		if !g.At.Equal(h.clock) || g.Code != code {
			t.Errorf("a guest was there at %v of %s", g.At, g.Code)
		}
	}
	if slices.Sort(kinds); !slices.Equal(kinds, []string{"client", "interpreter"}) {
		t.Errorf("guests on the receipt are %v", kinds)
	}
}
