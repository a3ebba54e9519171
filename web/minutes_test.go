package web

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference"
)

func TestMinutesFormKeepsATextThatIsTooLong(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.ended()
	long := strings.Repeat("x", 5001)
	for _, page := range []string{"/minutes", "/approve"} {
		refuses(t, s.as("Clara"), "/conferences/"+code+page, []wrongInput{
			{"too long at " + page, typed("decisions", long), "f-minutes-decisions", []string{long}},
			{"control characters at " + page, typed("decisions", "a\x01b"), "f-minutes-decisions", nil},
		})
	}
}

func TestMinutesWithoutDecisionsAreNotApproved(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.ended()
	a := s.as("Clara").post("/conferences/"+code+"/approve", nil)
	if a.Status != http.StatusUnprocessableEntity || !a.Has(`id="f-minutes-decisions-e"`) {
		t.Errorf("status %d", a.Status)
	}
	if state := query[string](s, `select state from minutes`); state != "draft" {
		t.Errorf("minutes are %s", state)
	}
}

func TestCaseworkerWritesMinutesAndTheModeratorApprovesThem(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.ended()
	anna, clara := s.as("Anna"), s.as("Clara")
	if a := anna.post("/conferences/"+code+"/minutes", typed("decisions", "Drei Stunden <täglich>.")); !a.Has("Der Entwurf ist gespeichert.") || a.Has("/approve") {
		t.Errorf("write: status %d", a.Status)
	}
	s.unchanged("a caseworker's approval", func() {
		if a := anna.post("/conferences/"+code+"/approve", typed("decisions", "heimlich")); a.Status != http.StatusNotFound {
			t.Errorf("approve as caseworker: status %d", a.Status)
		}
	})
	if a := clara.get("/conferences/" + code + "/minutes"); !a.Has("Danach ist das Protokoll abgeschlossen") {
		t.Error("nobody says what approving does")
	}
	a := clara.post("/conferences/"+code+"/approve", typed("decisions", "Drei Stunden <täglich>, ab 1. Dezember."))
	m, _, err := s.Conferences.Minutes(t.Context(), s.people["Clara"], code)
	s.must(err)
	canonical, err := json.Marshal(m.Body)
	s.must(err)
	kept := fmt.Sprintf("%x", sha256.Sum256(canonical))
	for _, want := range []string{"ab 1. Dezember.", "Freigegeben von Clara Coordes", kept[:8] + " " + kept[8:16], `class="sheet"`, "Dr. Ewald Psych"} {
		if a.Status != http.StatusOK || !a.Has(want) {
			t.Errorf("status %d, %q is missing", a.Status, want)
		}
	}
	if strings.Contains(a.Body, "<textarea") || strings.Contains(a.Body, "<täglich>") {
		t.Error("approved minutes can still be typed into, or typed text became markup")
	}
}

func TestApprovedMinutesAreLocked(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.ended()
	clara := s.as("Clara")
	clara.post("/conferences/"+code+"/approve", typed("decisions", "Drei Stunden."))
	s.unchanged("writing approved minutes", func() {
		for _, page := range []string{"/minutes", "/approve"} {
			for _, name := range []string{"Clara", "Anna"} {
				want := http.StatusConflict
				if name == "Anna" && page == "/approve" {
					want = http.StatusNotFound
				}
				if a := s.as(name).post("/conferences/"+code+page, typed("decisions", "anders")); a.Status != want || a.Has(">anders<") {
					t.Errorf("%s %s: status %d, want %d", name, page, a.Status, want)
				}
			}
		}
		if a := clara.post("/conferences/"+code+"/measures", measureForm(s, "what", "zu spät")); a.Status != http.StatusConflict {
			t.Errorf("measure after approval: status %d", a.Status)
		}
	})
}

func TestMinutesDoNotExistBeforeTheEnd(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.opened()
	for _, name := range []string{"Clara", "Anna", "Ewald"} {
		if a := s.as(name).get("/conferences/" + code + "/minutes"); a.Status != http.StatusNotFound {
			t.Errorf("%s: status %d", name, a.Status)
		}
	}
	if a := s.as("Frieda").get("/conferences/" + code + "/minutes"); a.Status != http.StatusGone {
		t.Errorf("somebody who has not accepted: status %d", a.Status)
	}
}

func TestApprovedMinutesAreHandedOutAsAFileThatProvesThem(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.ended()
	page, at := "/conferences/"+code+"/minutes", "/conferences/"+code+"/minutes.json"
	clara := s.as("Clara")
	if a := clara.get(at); a.Status != http.StatusNotFound || a.Header.Get("Content-Disposition") != "" {
		t.Errorf("a draft's file: status %d", a.Status)
	}
	if clara.get(page).Has(at) {
		t.Error("the page of a draft offers a file")
	}
	clara.post("/conferences/"+code+"/approve", typed("decisions", "Drei Stunden <täglich>."))
	for _, name := range []string{"Clara", "Anna", "Ewald"} {
		a := s.as(name).get(at)
		p, err := conference.VerifyMinutes([]byte(a.Body))
		if err != nil || a.Status != http.StatusOK || p.Body.Code != code || p.Body.Decisions != "Drei Stunden <täglich>." {
			t.Fatalf("%s: status %d, %v", name, a.Status, err)
		}
		for header, want := range map[string]string{
			"Content-Type": "application/json", "Content-Disposition": `attachment; filename="konsil-` + code + `.json"`, "Cache-Control": "no-store",
		} {
			if got := a.Header.Get(header); got != want {
				t.Errorf("%s: %s %q, want %q", name, header, got, want)
			}
		}
		sum := fmt.Sprintf("%x", p.SHA256)
		for _, want := range []string{`href="` + at + `"`, sum[:8] + " " + sum[8:16], "konsil minutes verify konsil-" + code + ".json"} {
			if !s.as(name).get(page).Has(want) {
				t.Errorf("%s: the page does not say %q", name, want)
			}
		}
	}
	for name, want := range map[string]int{"Frieda": http.StatusGone, "Gustav": http.StatusNotFound, "Bernd": http.StatusNotFound, "Rosa": http.StatusNotFound} {
		if a := s.as(name).get(at); a.Status != want || a.Has("Drei Stunden") {
			t.Errorf("%s: status %d, want %d", name, a.Status, want)
		}
	}
	if a := s.visitor().get(at); a.Has("Drei Stunden") || a.Header.Get("Content-Disposition") != "" {
		t.Errorf("somebody who is not signed in: status %d", a.Status)
	}
}

func TestAfterAWithdrawalThereIsNoFileOfMinutes(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.ended()
	at := "/conferences/" + code + "/minutes.json"
	clara := s.as("Clara")
	clara.post("/conferences/"+code+"/approve", typed("decisions", "Drei Stunden."))
	if a := clara.get(at); a.Status != http.StatusOK {
		t.Fatalf("before: status %d", a.Status)
	}
	_, err := s.Conferences.Withdraw(t.Context(), s.people["Anna"], query[uuid.UUID](s, `select case_id from conference where code = $1`, code))
	s.must(err)
	for _, name := range []string{"Clara", "Anna", "Ewald"} {
		if a := s.as(name).get(at); a.Status != http.StatusGone || a.Has("Drei Stunden") {
			t.Errorf("%s: status %d", name, a.Status)
		}
	}
}
