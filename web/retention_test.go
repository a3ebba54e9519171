package web

import (
	"testing"
	"time"
)

func TestRetentionIsSetSeenAndHeld(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	b, id := s.as("Anna"), s.newCase("psychiatry").String()
	if a := b.get("/retention"); !a.Has("365 Tage") || a.Has("/cases/"+id+"/retention") {
		t.Error("a new case is listed as due, or the terms are not shown")
	}
	for field, form := range map[string][]string{"days": {"class", "case", "days", "viele"}, "reason": {"class", "case", "days", "400"}} {
		if a := b.post("/retention", typed(form...)); a.Status != 422 || !a.Has(`href="#f-`+field+`"`) {
			t.Errorf("%s: %d", field, a.Status)
		}
	}
	wantAt(t, b.post("/retention", typed("class", "case", "days", "30")), "/retention")
	if a := b.get("/retention"); !a.Has("/cases/"+id+"/retention") || !a.Has("30 Tage") {
		t.Error("with the shorter term the case is not listed")
	}
	at := "/cases/" + id + "/retention"
	if a := b.post(at, typed("act", "hold", "reason", "", "until", "2030-01-01")); a.Status != 422 || !a.Has(`href="#f-hold-reason"`) {
		t.Errorf("a hold without a reason: %d", a.Status)
	}
	until := s.Now().AddDate(1, 0, 0)
	wantAt(t, b.post(at, typed("act", "hold", "reason", "Klage offen", "until", until.Format(time.DateOnly))), at)
	if a := b.get(at); !a.Has("Klage offen") || !a.Has(until.Format("02.01.2006")) {
		t.Error("the hold is not shown")
	}
	wantAt(t, b.post(at, typed("act", "lift")), at)
	wantAt(t, b.post(at, typed("act", "left", "left_on", s.Now().AddDate(0, 0, -1).Format(time.DateOnly))), at)
	if a := b.get(at); a.Has("Klage offen") {
		t.Error("a lifted hold is shown")
	}
	s.exec(`insert into case_summary (case_id, version, organisation_id, state, situation, resources, tried, goals, limits, author_id, written_at)
		select id, 9, organisation_id, 'draft', 's', 'r', 't', 'g', 'l', caseworker_id, $2 from case_file where id = $1`, id, s.Now().AddDate(0, 0, -20))
	if a := b.get(at); !a.Has("Fassung 9") || a.Has(`value="draft"`) {
		t.Error("a draft's last day is not told, or it can be put off already")
	}
	s.exec(`update case_summary set written_at = $2 where case_id = $1 and version = 9`, id, s.Now().AddDate(0, 0, -25))
	if a := b.get(at); !a.Has(`value="draft"`) {
		t.Error("a draft that goes soon cannot be kept")
	}
	wantAt(t, b.post(at, typed("act", "draft")), at)
	if a := b.get(at); a.Has(`value="draft"`) || !a.Has(s.Now().AddDate(0, 0, 35).Format("02.01.2006")) {
		t.Error("the draft's new last day is not told")
	}
	if a := b.post(at, typed("act", "draft")); a.Status != 409 {
		t.Errorf("kept twice: %d", a.Status)
	}
	for _, who := range []string{"Bernd", "Clara", "Ewald"} {
		if a := s.as(who).post(at, typed("act", "lift")); a.Status != 403 && a.Status != 404 {
			t.Errorf("%s: %d", who, a.Status)
		}
	}
}
