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
	for _, who := range []string{"Bernd", "Clara", "Ewald"} {
		if a := s.as(who).post(at, typed("act", "lift")); a.Status != 403 && a.Status != 404 {
			t.Errorf("%s: %d", who, a.Status)
		}
	}
}
