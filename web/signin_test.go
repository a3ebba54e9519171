package web

import (
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

func TestAStrangerLearnsWhatKonsilIsAndMaySignIn(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	b := s.visitor()
	if a := b.get("/"); a.Status != http.StatusOK || !a.Has("Eine Frage, die richtigen Fachleute, ein Termin.") || !a.Has("Anna Amt") {
		t.Errorf("the start page answers %d without what it should say", a.Status)
	}
	a := b.post("/sign-in", typed("email", "anna@konsil.test", "password", "richtig-langes-Wort"))
	if a.Status != http.StatusOK || a.Path != "/me/enrol" || a.Has("Anna Amt") {
		t.Errorf("after the password: %d at %s", a.Status, a.Path)
	}
}

func TestASignInThatFailsSaysNotWhichOfTheTwoWasWrong(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	for name, c := range map[string]struct{ email, password, field, says string }{
		"no address":      {"", "richtig-langes-Wort", "email", "Bitte geben Sie Ihre E-Mail-Adresse an."},
		"no password":     {"anna@konsil.test", "", "password", "Bitte geben Sie Ihr Passwort an."},
		"wrong password":  {"anna@konsil.test", "falsch-langes-Wort", "email", "Adresse und Passwort gehören nicht zusammen."},
		"unknown address": {"nobody@konsil.test", "richtig-langes-Wort", "email", "Adresse und Passwort gehören nicht zusammen."},
		"endless":         {"anna@konsil.test", strings.Repeat("x", 5000), "email", "Adresse und Passwort gehören nicht zusammen."},
	} {
		b := s.visitor()
		s.unchanged(name, func() {
			a := b.post("/sign-in", typed("email", c.email, "password", c.password, "next", "/cases"))
			wantRefused(t, name, a, "sign_in-"+c.field, c.says)
			if c.email != "" && !a.Has(`value="`+c.email+`"`) {
				t.Errorf("%s: the address that was typed is gone", name)
			}
			if c.password != "" && a.Has(c.password) {
				t.Errorf("%s: the password comes back in the page", name)
			}
			if !a.Has(`name="next" value="/cases"`) {
				t.Errorf("%s: where to go is forgotten", name)
			}
		})
		if a := b.get("/cases"); a.Path == "/cases" {
			t.Errorf("%s: signed in all the same", name)
		}
	}
}

// wantRefused holds a form that came back to the rules: 422, a summary that leads to the field, the error at the field.
func wantRefused(t *testing.T, name string, a answered, field, says string) {
	t.Helper()
	if a.Status != http.StatusUnprocessableEntity {
		t.Errorf("%s: answered %d, want 422", name, a.Status)
		return
	}
	if !a.Has(`<div class="errors"`) || !a.Has(`<a href="#f-`+field+`">`) {
		t.Errorf("%s: the summary does not lead to %s", name, field)
	}
	_, after, found := strings.Cut(html.UnescapeString(a.Body), `id="f-`+field+`-e">`)
	if said, _, _ := strings.Cut(after, "<"); !found || !strings.Contains(said, says) || !a.Has(`id="f-`+field+`"`) {
		t.Errorf("%s: the error at %s says %q, want %q", name, field, said, says)
	}
}

func TestAfterTheSignInComesThePageThatWasAskedFor(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	b := s.visitor()
	if a := b.get("/experts?discipline=psychiatry"); a.Path != "/" || !a.Has(`name="next" value="/experts?discipline=psychiatry"`) {
		t.Fatalf("asked to sign in at %s, without a way on", a.Path)
	}
	if a := b.post("/rehearse/"+s.people["Anna"].ID.String(), typed("next", "/experts?discipline=psychiatry")); a.Path != "/experts" || !a.Has("Ewald") {
		t.Errorf("after the sign-in at %s", a.Path)
	}
}

func TestAWayOnNeverLeadsToAnotherServer(t *testing.T) {
	t.Parallel()
	for next, want := range map[string]string{
		"/cases": "/cases", "/experts?discipline=a%2Fb": "/experts?discipline=a%2Fb", "": "/", "cases": "/", "//evil.test": "/", "///evil.test": "/",
		"/\\evil.test": "/", "https://evil.test/": "/", "javascript:alert(1)": "/", "/\tevil": "/", "/a\r\nSet-Cookie: x": "/", "/%": "/", "http:/x": "/",
	} {
		if got := localPath(next); got != want {
			t.Errorf("localPath(%q) = %q, want %q", next, got, want)
		}
	}
}

func TestGuessingIsSlowedDown(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	b := s.visitor()
	tooLongToHash := strings.Repeat("x", 2000) // so that ten tries take no time in which the budget grows again
	for range 12 {
		b.post("/sign-in", typed("email", "anna@konsil.test", "password", tooLongToHash))
	}
	a := b.post("/sign-in", typed("email", "anna@konsil.test", "password", "richtig-langes-Wort"))
	if a.Status != http.StatusTooManyRequests || a.Header.Get("Retry-After") == "" || !a.Has("Zu viele Versuche") {
		t.Errorf("the try after twelve wrong ones answers %d", a.Status)
	}
}

func TestRehearsalDoorsAreShutOnARealServer(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	p := s.Parts
	p.Evaluation = false
	h, err := New(p)
	s.must(err)
	real := httptest.NewServer(h)
	t.Cleanup(real.Close)
	s.URL = real.URL
	b := s.visitor()
	if a := b.get("/"); a.Has("Anna Amt") || a.Has("Übungsbetrieb") {
		t.Error("a real server names rehearsal people")
	}
	s.unchanged("rehearse", func() {
		if a := b.post("/rehearse/"+s.people["Anna"].ID.String(), nil); a.Status != http.StatusNotFound {
			t.Errorf("rehearse answers %d", a.Status)
		}
	})
	if a := b.get("/cases"); a.Path == "/cases" {
		t.Error("signed in by rehearsal on a real server")
	}
}

func TestOnlyRehearsalPeopleAreSignedInWithOneClick(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	s.exec(`update account set rehearsal = false where id = $1`, s.people["Anna"].ID)
	b := s.visitor()
	for _, id := range []string{s.people["Anna"].ID.String(), "no-id", strings.ToUpper(s.people["Bernd"].ID.String()), "00000000-0000-0000-0000-000000000000"} {
		if a := b.post("/rehearse/"+id, nil); a.Status != http.StatusNotFound {
			t.Errorf("rehearse as %s answers %d", id, a.Status)
		}
	}
}

func TestSigningOutAndSwitchingEndTheSessionBefore(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	home, err := url.Parse(s.URL)
	s.must(err)
	for name, leave := range map[string]func(b *browser){
		"signing out": func(b *browser) {
			if a := b.post("/sign-out", nil); !a.Has("Sie sind abgemeldet.") {
				t.Error("no receipt for signing out")
			}
		},
		"switching": func(b *browser) { b.post("/rehearse/"+s.people["Clara"].ID.String(), nil) },
	} {
		b := s.as("Anna")
		before := b.http.Jar.Cookies(home)
		leave(b)
		thief := s.visitor()
		thief.http.Jar.SetCookies(home, before)
		if a := thief.get("/cases"); a.Path == "/cases" {
			t.Errorf("%s: the cookie from before still opens the cases", name)
		}
	}
}

func TestHeadAnswersLikeGetWithoutABody(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	id := s.newCase("psychiatry").String()
	anna := s.as("Anna")
	s.unchanged("HEAD", func() {
		for path, status := range map[string]int{"/": 200, "/cases/" + id: 200, "/cases/1": 404, "/livez": 200, "/conferences": 200, "/answer/nothing": 404} {
			if a := anna.do(http.MethodHead, path, nil); a.Status != status || a.Body != "" {
				t.Errorf("HEAD %s answers %d with %d bytes, want %d", path, a.Status, len(a.Body), status)
			}
		}
	})
}
