package web

import (
	"net/http"
	"net/url"
	"testing"
	"time"
)

// aged is Anna's browser, eleven minutes after she signed in.
func (s *testServer) aged() *browser {
	s.t.Helper()
	b := s.as("Anna")
	s.clock.set(s.Now().Add(11 * time.Minute))
	return b
}

func TestWhoeverFindsADeskOpenIsAskedWhoSheIs(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	id := s.newCase("psychiatry").String()
	b := s.aged()
	a := b.get("/cases/" + id + "/access")
	if a.Path != confirmPath || !a.Has("Kurz bestätigen") || !a.Has(`name="confirm_next" value="/cases/`+id+`/access"`) {
		t.Fatalf("the copy is offered without asking, at %s", a.Path)
	}
	if a = b.post(confirmPath, typed("confirm_next", "/cases/"+id+"/access")); a.Path != "/cases/"+id+"/access" || a.Status != http.StatusOK {
		t.Errorf("after it: %d at %s", a.Status, a.Path)
	}
	s.clock.set(s.Now().Add(9 * time.Minute))
	if a = b.get("/cases/" + id + "/access"); a.Path != "/cases/"+id+"/access" {
		t.Errorf("asked again after nine minutes")
	}
}

func TestWhatWasTypedGoesOnAfterTheQuestionWhoOneIs(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	id := s.newCase("psychiatry").String()
	b := s.aged()
	reason := "Rückruf wegen \"Termin\"\n<am Montag>"
	var a answered
	s.unchanged("a look that was not confirmed", func() {
		a = b.post("/cases/"+id+"/identity", typed("reason", reason))
		if a.Status != http.StatusForbidden || a.Has("Geheimniss") || !a.Has(reason) {
			t.Fatalf("a look without a fresh factor answers %d", a.Status)
		}
	})
	a = b.post(confirmPath, typed("reason", reason, confirmAgain, "/cases/"+id+"/identity"))
	if a.Status != http.StatusOK || !a.Has("Geheimniss") {
		t.Errorf("after it: %d at %s", a.Status, a.Path)
	}
	s.clock.set(s.Now().Add(11 * time.Minute))
	for _, away := range []string{"//evil.test/", "https://evil.test/", `/\evil.test`} {
		if a := b.post(confirmPath, typed(confirmAgain, away)); a.Path != "/" && a.Status != http.StatusMethodNotAllowed {
			t.Errorf("%s leads to %s", away, a.Path)
		}
	}
}

func TestConfirmingChangesTheCookie(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	home, err := url.Parse(s.URL)
	s.must(err)
	b := s.aged()
	before := b.http.Jar.Cookies(home)
	b.post(confirmPath, typed("confirm_next", "/cases"))
	thief := s.visitor()
	thief.http.Jar.SetCookies(home, before)
	if a := thief.get("/cases"); a.Path == "/cases" {
		t.Error("the cookie from before still opens the cases")
	}
	if a := b.get("/cases"); a.Path != "/cases" {
		t.Error("the new cookie does not")
	}
}
