package web

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
)

const annasPassword = "richtig-langes-Wort"

var secretOnPage = regexp.MustCompile(`class="secret num">([A-Z2-7 ]+)<`)

// enrolled is Anna's browser after she has signed in by password and given her account an app, and the app's secret.
func (s *testServer) enrolled() (*browser, string) {
	s.t.Helper()
	b := s.visitor()
	a := b.post("/sign-in", typed("email", "anna@konsil.test", "password", annasPassword))
	if a.Path != "/me/enrol" {
		s.t.Fatalf("after the password at %s: %d", a.Path, a.Status)
	}
	a = b.post("/me/security/codes", nil)
	found := secretOnPage.FindStringSubmatch(a.Body)
	if a.Path != "/me/security/codes" || found == nil || !a.Has("<svg class=\"qr\"") {
		s.t.Fatalf("no secret at %s: %d", a.Path, a.Status)
	}
	secret := strings.ReplaceAll(found[1], " ", "")
	a = b.post("/me/security/codes/confirm", typed("code", s.code(secret)))
	if a.Status != http.StatusOK || !a.Has("Ihre Ersatzcodes") || strings.Count(a.Body, "<li>") < 10 {
		s.t.Fatalf("after the first code: %d at %s", a.Status, a.Path)
	}
	return b, secret
}

// code is what an app shows now.
func (s *testServer) code(secret string) string {
	s.t.Helper()
	code, err := totp.GenerateCode(secret, s.Now())
	s.must(err)
	return code
}

func TestWithOneFactorNoPageCanBeUsed(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	b := s.visitor()
	b.post("/sign-in", typed("email", "anna@konsil.test", "password", annasPassword))
	s.unchanged("one factor", func() {
		for _, path := range []string{"/cases", "/cases/new", "/conferences", "/experts", "/plan", "/requests", "/search", "/me/security", confirmPath, "/retention"} {
			if a := b.get(path); a.Path != "/me/enrol" || a.Has("Anna Amt") {
				t.Errorf("%s leads to %s: %d", path, a.Path, a.Status)
			}
		}
		for _, path := range []string{"/cases", "/me/security/password", "/me/security/recovery", "/me/security/sessions/others", "/nettest"} {
			if a := b.post(path, nil); a.Path != "/me/enrol" {
				t.Errorf("POST %s leads to %s: %d", path, a.Path, a.Status)
			}
		}
	})
	if a := b.get("/"); a.Path != "/me/enrol" {
		t.Errorf("the start page leads to %s", a.Path)
	}
}

func TestTheWayInIsKeptOverTheSecondStep(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	_, secret := s.enrolled()
	s.clock.set(s.Now().Add(time.Minute))
	b := s.visitor()
	a := b.post("/sign-in", typed("email", "anna@konsil.test", "password", annasPassword, "next", "/cases?x=1"))
	if a.Path != secondPath || !a.Has(`name="next" value="/cases?x=1"`) {
		t.Fatalf("after the password at %s, way on lost", a.Path)
	}
	before := s.cookies(b)
	wantRefused(t, "a wrong code", b.post(secondPath, typed("code", "000000", "next", "/cases")), "second-code", "Dieser Code stimmt nicht.")
	if a = b.post(secondPath, typed("code", s.code(secret), "next", "/cases")); a.Path != "/cases" {
		t.Fatalf("after the code at %s: %d", a.Path, a.Status)
	}
	thief := s.visitor()
	home, _ := url.Parse(s.URL)
	thief.http.Jar.SetCookies(home, before)
	if a := thief.get("/cases"); a.Path == "/cases" {
		t.Error("the cookie from before the second factor opens the cases")
	}
}

func (s *testServer) cookies(b *browser) []*http.Cookie {
	home, err := url.Parse(s.URL)
	s.must(err)
	return b.http.Jar.Cookies(home)
}

func TestTheSecurityPageChangesWhatItSays(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	b, secret := s.enrolled()
	other := s.visitor()
	s.clock.set(s.Now().Add(time.Minute))
	other.post("/sign-in", typed("email", "anna@konsil.test", "password", annasPassword))
	other.post(secondPath, typed("code", s.code(secret)))
	a := b.get("/me/security")
	if a.Path != "/me/security" || !a.Has("dieser Browser") || !a.Has("10 Ersatzcodes") || !a.Has("Überall sonst abmelden") {
		t.Fatalf("the page: %d at %s", a.Status, a.Path)
	}
	wantRefused(t, "another old password", b.post("/me/security/password", typed("old", "nicht das alte Wort", "password", "zwölf andere Zeichen")), "password-old", "Das ist nicht Ihr bisheriges Passwort.")
	wantRefused(t, "a common one", b.post("/me/security/password", typed("old", annasPassword, "password", "Passwort12345!")), "password-password", "zu oft benutzt")
	wantRefused(t, "her name", b.post("/me/security/password", typed("old", annasPassword, "password", "AnnaAmt2026!!")), "password-password", "aus Ihrem Namen")
	if a := b.post("/me/security/recovery", nil); !a.Has("Ihre Ersatzcodes") {
		t.Errorf("new recovery codes: %d", a.Status)
	}
	if a := b.post("/me/security/codes/remove", nil); a.Status != http.StatusConflict || !a.Has("Das ist Ihr letzter Weg hinein") {
		t.Errorf("the last factor goes: %d", a.Status)
	}
	if a := b.post("/me/security/sessions/others", nil); !a.Has("Überall sonst sind Sie abgemeldet.") {
		t.Errorf("ending the others: %d", a.Status)
	}
	if a := other.get("/cases"); a.Path == "/cases" {
		t.Error("the other browser is still in")
	}
	if a := b.post("/me/security/password", typed("old", annasPassword, "password", "zwölf andere Zeichen")); !a.Has("Das Passwort ist geändert.") {
		t.Errorf("changing the password: %d at %s", a.Status, a.Path)
	}
	s.clock.set(s.Now().Add(11 * time.Minute))
	if a := b.get("/me/security"); a.Path != confirmPath || !a.Has("Code aus Ihrer App") {
		t.Errorf("after eleven minutes at %s", a.Path)
	}
	wantRefused(t, "the old password", b.post(confirmPath, typed("confirm_next", "/me/security", "confirm_password", annasPassword, "confirm_code", s.code(secret))), "confirm-confirm_password", "Das Passwort stimmt nicht.")
	if a := b.post(confirmPath, typed("confirm_next", "/me/security", "confirm_password", "zwölf andere Zeichen", "confirm_code", s.code(secret))); a.Path != "/me/security" {
		t.Errorf("after confirming at %s: %d", a.Path, a.Status)
	}
	for _, kind := range []string{"Codes aus einer App", "Neue Ersatzcodes", "Anmeldungen beendet", "Ihr Passwort hat sich geändert"} {
		if n := query[int](s, `select count(*) from message_out where to_email = 'anna@konsil.test' and subject = $1`, "konsil: "+kind); n != 1 {
			t.Errorf("%d mails say %q", n, kind)
		}
	}
}

func TestASetUpLinkIsGoodOnceAndForNothingElse(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	token, err := s.Accounts.StartOver(t.Context(), "bernd@konsil.test")
	s.must(err)
	b := s.visitor()
	s.unchanged("looking at the link", func() {
		if a := b.get("/setup/" + token); a.Status != http.StatusOK || !a.Has("bernd@konsil.test") || a.Header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("the page: %d", a.Status)
		}
		wantRefused(t, "short", b.post("/setup/"+token, typed("password", "kurz")), "setup-password", "mindestens zwölf Zeichen")
		wantRefused(t, "his name", b.post("/setup/"+token, typed("password", "bernd bezirk")), "setup-password", "aus Ihrem Namen")
	})
	if a := b.post("/setup/"+token, typed("password", "vier ruhige Gänse")); a.Path != "/me/enrol" {
		t.Errorf("after the password at %s: %d", a.Path, a.Status)
	}
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		if a := s.visitor().do(method, "/setup/"+token, typed("password", "fünf ruhige Gänse")); a.Status != http.StatusNotFound {
			t.Errorf("%s again: %d", method, a.Status)
		}
	}
	token, err = s.Accounts.StartOver(t.Context(), "bernd@konsil.test")
	s.must(err)
	s.clock.set(s.Now().Add(24*time.Hour + time.Second))
	if a := s.visitor().get("/setup/" + token); a.Status != http.StatusNotFound {
		t.Errorf("after a day: %d", a.Status)
	}
}

func TestAForgottenPasswordTellsNobodyWhoHasAnAccount(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	pages := map[string]string{}
	for _, email := range []string{"anna@konsil.test", "nobody@konsil.test", "bernd@konsil.test"} { // with a password, unknown, without one
		a := s.visitor().post("/forgotten", typed("email", email))
		if a.Status != http.StatusOK {
			t.Errorf("%s: %d", email, a.Status)
		}
		pages[strings.ReplaceAll(a.Body, email, "")] = email
	}
	if len(pages) != 1 {
		t.Errorf("the answers differ: %v", pages)
	}
	if n := query[int](s, `select count(*) from message_out where subject = 'konsil: Neues Passwort'`); n != 1 {
		t.Fatalf("%d mails", n)
	}
	_, rest, _ := strings.Cut(query[string](s, `select body_text from message_out where subject = 'konsil: Neues Passwort'`), "/setup/")
	token := strings.Fields(rest)[0]
	s.clock.set(s.Now().Add(10*time.Minute - time.Second))
	b := s.visitor()
	if a := b.post("/setup/"+token, typed("password", "vier ruhige Gänse")); a.Path != "/me/enrol" {
		t.Errorf("after the new password at %s: %d", a.Path, a.Status)
	}
	s.visitor().post("/forgotten", typed("email", "anna@konsil.test"))
	_, rest, _ = strings.Cut(query[string](s, `select body_text from message_out where subject = 'konsil: Neues Passwort' order by position desc limit 1`), "/setup/")
	s.clock.set(s.Now().Add(10*time.Minute + time.Second))
	if a := b.get("/setup/" + strings.Fields(rest)[0]); a.Status != http.StatusNotFound {
		t.Errorf("after ten minutes: %d", a.Status)
	}
}

func TestThousandGuessesOverTwentyAddressesAreStoppedAndThePersonStillComesIn(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	b, secret := s.enrolled()
	b.post("/sign-out", nil)
	blocked := 0
	for i := range 20 {
		guesser := s.visitor()
		from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(1+i))}}
		guesser.http.Transport = &http.Transport{DialContext: from.DialContext}
		for j := range 50 {
			a := guesser.post("/sign-in", typed("email", "anna@konsil.test", "password", fmt.Sprint("guess number ", 50*i+j)))
			if a.Status == http.StatusTooManyRequests {
				blocked++
			}
		}
	}
	if blocked < 950 {
		t.Errorf("%d of 1000 were stopped", blocked)
	}
	if a := s.visitor().post("/sign-in", typed("email", "anna@konsil.test", "password", annasPassword)); a.Status != http.StatusTooManyRequests || a.Header.Get("Retry-After") == "" {
		t.Errorf("a stranger with the right password: %d", a.Status)
	}
	s.clock.set(s.Now().Add(time.Minute))
	a := b.post("/sign-in", typed("email", "anna@konsil.test", "password", annasPassword))
	if a.Path != secondPath {
		t.Fatalf("Anna in her own browser: %d at %s", a.Status, a.Path)
	}
	if a := b.post(secondPath, typed("code", s.code(secret), "next", "/cases")); a.Path != "/cases" {
		t.Errorf("and with her code: %d at %s", a.Status, a.Path)
	}
}

func TestASignInFromAnotherSiteIsRefused(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	for _, path := range []string{"/sign-in", secondPath, "/passkey/answer", "/forgotten", confirmPath, "/rehearse/" + s.people["Anna"].ID.String()} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+path, strings.NewReader("email=anna%40konsil.test&password=x"))
		s.must(err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", "https://evil.test")
		a, err := s.visitor().http.Do(r)
		s.must(err)
		a.Body.Close()
		if a.StatusCode != http.StatusForbidden || len(a.Cookies()) > 0 {
			t.Errorf("%s from elsewhere: %d", path, a.StatusCode)
		}
	}
}

func TestBrowsersAreNamedAsPeopleDo(t *testing.T) {
	t.Parallel()
	for agent, want := range map[string]string{
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36":                        "Chrome, Linux",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0":                                             "Firefox, Windows",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile Safari/1": "Safari, iPhone",
		"Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0":                                        "Edge, Windows",
		"curl/8": "Browser", "": "Browser",
	} {
		if got := browserName(agent); got != want {
			t.Errorf("%q is %q, want %q", agent, got, want)
		}
	}
}
