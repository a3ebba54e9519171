package conference

import (
	"regexp"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference/pseudonym"
)

func TestAConferenceIsKnownByItsRequestsPseudonymAndAWordToSay(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	code, caseID := h.convene("Kern")
	r, err := h.s.Request(t.Context(), h.coordinator, get[uuid.UUID](h, `select request_id from conference where code = $1`, code))
	h.must(err)
	own := get[string](h, `select pseudonym from case_file where id = $1`, caseID)
	if r.Code != code || r.CasePseudonym != code && h.coordinator.Organisation != r.Organisation || code == own {
		t.Errorf("conference %s, request %+v", code, r)
	}
	spoken := get[string](h, `select spoken from conference where code = $1`, code)
	if !regexp.MustCompile(`^\p{L}+ [1-9]\d?$`).MatchString(spoken) {
		t.Errorf("aloud it is %q", spoken)
	}
	if n := get[int](h, `select count(*) from audit.entry where action = 'link' and object_id = $1 and case_id = $2`, code, caseID); n != 1 {
		t.Errorf("%d links are recorded", n)
	}
	// Another one cannot have the same word while this one is to come.
	h.exec(`update conference set spoken = 'Ahorn 7' where code = $1`, code)
	other, err := h.s.Submit(t.Context(), h.caseworker, Request{
		CaseID: caseID, Question: "Und nun?", Urgency: "normal", Disciplines: []string{"psychiatry"}, OwnWish: "Ruhe.",
	})
	h.must(err)
	next, err := h.s.Convene(t.Context(), h.coordinator, other, Panel{
		Experts: []uuid.UUID{h.experts["Kern"].ID}, Starts: h.clock.Add(48 * time.Hour), Length: 30 * time.Minute,
	})
	h.must(err)
	if _, ok := pseudonym.Read(next); !ok || next == code {
		t.Errorf("the second is %s", next)
	}
	if _, err := h.db.Exec(t.Context(), `update conference set spoken = 'Ahorn 7' where code = $1`, next); err == nil {
		t.Error("two conferences are called the same aloud")
	}
}
