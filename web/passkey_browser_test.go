//go:build linux

package web

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

// atLocalhost serves the same konsil under a name: browsers have no passkeys on an IP address.
func (s *testServer) atLocalhost() {
	s.t.Helper()
	front := httptest.NewUnstartedServer(nil)
	s.URL = "http://" + strings.Replace(front.Listener.Addr().String(), "127.0.0.1", "localhost", 1)
	s.must(s.Accounts.Secure(make([]byte, 32), s.URL))
	h, err := New(s.Parts)
	s.must(err)
	front.Config.Handler = h
	front.Start()
	s.t.Cleanup(front.Close)
}

// authenticator gives the tab a device that holds passkeys and says that it is she.
func (b *tab) authenticator() {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, webauthn.Enable, webauthn.EnableParams{}); err != nil {
		b.t.Fatal(err)
	}
	_, err := chromedp.Call(b.ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
		HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
	}})
	if err != nil {
		b.t.Fatal(err)
	}
}

// says waits until words stand on the page at a path.
func (b *tab) says(path, words string) {
	b.t.Helper()
	b.until(path+" says "+words, `location.pathname === "`+path+`" && document.body.innerText.includes("`+words+`")`)
}

func TestAPasskeyIsMadeSignsInConfirmsAndIsTheLastWayIn(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	s.atLocalhost()
	id := s.newCase("psychiatry").String()
	token, err := s.Accounts.StartOver(t.Context(), "anna@konsil.test")
	s.must(err)
	blank, _ := newChromium(t)
	anna := blank.open(s)
	anna.authenticator()

	anna.visits("/setup/" + token)
	anna.presses("Passkey anlegen")
	anna.says("/me/enrol", "Zweiten Schritt einrichten")
	anna.presses("Passkey anlegen")
	anna.says("/", "Was auf Sie wartet")

	anna.presses("Abmelden")
	anna.says("/", "Mit Passkey anmelden")
	anna.does(`document.querySelector("[data-passkey=use] button")?.click()`)
	anna.says("/", "Was auf Sie wartet")
	if n := query[int](s, `select count(*) from session where method = 'passkey' and factors = 2`); n < 1 {
		t.Error("no session began with a passkey")
	}

	s.clock.set(s.Now().Add(11 * time.Minute))
	anna.visits("/cases/" + id + "/identity")
	anna.does(`document.querySelector("[name=reason]").value = "Anruf der Klinik"`)
	anna.presses("Identität anzeigen")
	anna.until("she is asked who she is", `document.body.innerText.includes("Kurz bestätigen")`)
	anna.presses("Mit Passkey bestätigen")
	anna.until("what she typed has gone on", `document.body.innerText.includes("Geheimniss")`)

	_, err = s.Accounts.Rehearse(t.Context(), s.people["Anna"].ID, "Mozilla/5.0 (Windows NT 10.0) Firefox/140.0")
	s.must(err)
	anna.visits("/me/security")
	anna.says("/me/security", "Firefox, Windows")
	anna.presses("Überall sonst abmelden")
	anna.says("/me/security", "Überall sonst sind Sie abgemeldet.")
	anna.presses("Entfernen")
	anna.until("the last way in stays", `document.body.innerText.includes("Das ist Ihr letzter Weg hinein")`)
}
