package web

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/konsil-server/konsil/expertpool/account"
)

// idp is the sign-in of an organisation on loopback: whoever comes is subject, and has just shown what amr says.
type idp struct {
	*httptest.Server
	key     *rsa.PrivateKey
	clock   *testClock
	subject string
	amr     []string
	nonce   string
}

func newIDP(t *testing.T, clock *testClock) *idp {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	i := &idp{key: key, clock: clock}
	mux := http.NewServeMux()
	say := func(w http.ResponseWriter, v map[string]any) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(v)
	}
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		say(w, map[string]any{
			"issuer": i.URL, "authorization_endpoint": i.URL + "/authorize", "token_endpoint": i.URL + "/token", "jwks_uri": i.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"RS256"},
		})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		e := big.NewInt(int64(key.E)).Bytes()
		say(w, map[string]any{"keys": []any{map[string]any{"kty": "RSA", "alg": "RS256", "use": "sig", "n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()), "e": base64.RawURLEncoding.EncodeToString(e)}}})
	})
	mux.HandleFunc("GET /authorize", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		i.nonce = q.Get("nonce")
		http.Redirect(w, r, q.Get("redirect_uri")+"?code=c&state="+url.QueryEscape(q.Get("state")), http.StatusFound)
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, _ *http.Request) {
		say(w, map[string]any{"access_token": "at", "token_type": "Bearer", "id_token": i.token()})
	})
	i.Server = httptest.NewServer(mux)
	t.Cleanup(i.Close)
	return i
}

func (i *idp) token() string {
	now := i.clock.now().Unix()
	claims, _ := json.Marshal(map[string]any{
		"iss": i.URL, "aud": "konsil", "sub": i.subject, "nonce": i.nonce, "iat": now, "exp": now + 60, "amr": i.amr, "auth_time": now,
	})
	input := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256"}`)) + "." + base64.RawURLEncoding.EncodeToString(claims)
	sum := sha256.Sum256([]byte(input))
	sig, _ := rsa.SignPKCS1v15(rand.Reader, i.key, crypto.SHA256, sum[:])
	return input + "." + base64.RawURLEncoding.EncodeToString(sig)
}

// provisioned is a server whose organisation has a sign-in of its own.
func provisioned(t *testing.T) (*testServer, *idp) {
	t.Helper()
	s := newTestServer(t)
	i := newIDP(t, s.clock)
	front := httptest.NewUnstartedServer(nil)
	s.URL = "http://" + front.Listener.Addr().String()
	var err error
	s.Provider, err = account.NewProvider(account.ProviderConfig{
		Issuer: i.URL, ClientID: "konsil", Redirect: s.URL + oidcPath, Name: "Haus-Anmeldung",
	}, s.Now)
	s.must(err)
	front.Config.Handler, err = New(s.Parts)
	s.must(err)
	front.Start()
	t.Cleanup(front.Close)
	return s, i
}

// away follows the page that leads to the provider, and the redirects from there back to us.
func (b *browser) away(a answered) answered {
	b.s.t.Helper()
	to, found := strings.CutPrefix(a.Header.Get("Refresh"), "0;url=")
	if a.Status != http.StatusOK || !found {
		b.s.t.Fatalf("no way to the provider: %d", a.Status)
	}
	u, err := url.Parse(to)
	b.s.must(err)
	r, err := b.http.Get(u.String())
	b.s.must(err)
	defer r.Body.Close()
	return answered{Status: r.StatusCode, Path: r.Request.URL.Path, Header: r.Header}
}

func TestSomebodyLinksHerAccountAndSignsInAtHerOrganisation(t *testing.T) {
	t.Parallel()
	s, i := provisioned(t)
	i.subject, i.amr = "sub-1", []string{"mfa"}
	if a := s.visitor().away(s.visitorAt("/sign-in/oidc", "next", "/cases")); a.Status != http.StatusForbidden {
		t.Errorf("a way that another browser began: %d", a.Status)
	}
	stranger := s.visitor()
	if a := stranger.away(stranger.post("/sign-in/oidc", nil)); a.Status != http.StatusForbidden || stranger.get("/cases").Path != "/" {
		t.Errorf("somebody without an account came in: %d", a.Status)
	}
	anna := s.as("Anna")
	if a := anna.away(anna.post("/me/oidc", nil)); a.Path != "/me/oidc" || !anna.get("/me/oidc").Has("Verknüpft seit") {
		t.Fatalf("linking: %d at %s", a.Status, a.Path)
	}
	b := s.visitor()
	if !b.get("/").Has("Mit Haus-Anmeldung anmelden") {
		t.Error("the door does not offer it")
	}
	if a := b.away(b.post("/sign-in/oidc", typed("next", "/cases"))); a.Path != "/cases" || a.Status != http.StatusOK {
		t.Fatalf("signing in: %d at %s", a.Status, a.Path)
	}
	s.clock.set(s.Now().Add(11 * time.Minute))
	if a := b.post("/me/oidc/unlink", nil); a.Status != http.StatusForbidden || !a.Has("Mit Haus-Anmeldung anmelden") {
		t.Errorf("unlinked without a fresh factor: %d", a.Status)
	}
	if a := b.away(b.post(confirmPath+"/oidc", typed("confirm_next", "/me/oidc"))); a.Path != "/me/oidc" {
		t.Errorf("confirming: %d at %s", a.Status, a.Path)
	}
	if a := b.post("/me/oidc/unlink", nil); a.Status != http.StatusOK || !a.Has("Mit Haus-Anmeldung verknüpfen") {
		t.Errorf("unlinking: %d", a.Status)
	}
	for _, query := range []string{"", "?code=c&state=x", "?error=access_denied&state=x"} {
		if a := b.get(oidcPath + query); a.Status != http.StatusForbidden {
			t.Errorf("%s: %d", query, a.Status)
		}
	}
}

// visitorAt is what somebody gets who posts a form from a browser of her own.
func (s *testServer) visitorAt(path string, form ...string) answered {
	s.t.Helper()
	return s.visitor().post(path, typed(form...))
}

func TestOneFactorAtTheOrganisationOpensNothingYet(t *testing.T) {
	t.Parallel()
	s, i := provisioned(t)
	i.subject, i.amr = "sub-1", []string{"pwd"}
	s.exec(`insert into account_oidc (issuer, subject, account_id, linked_at) values ($1, 'sub-1', $2, now())`, i.URL, s.people["Anna"].ID)
	b := s.visitor()
	b.away(b.post("/sign-in/oidc", nil))
	if a := b.get("/cases"); a.Path == "/cases" {
		t.Errorf("one factor is in: %d at %s", a.Status, a.Path)
	}
}

func TestWithoutAProviderThereIsNoWayToOne(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	b := s.as("Anna")
	for _, path := range []string{oidcPath, "/me/oidc"} {
		if a := b.get(path); a.Status != http.StatusNotFound {
			t.Errorf("%s: %d", path, a.Status)
		}
	}
	if a := b.post("/sign-in/oidc", nil); a.Status != http.StatusNotFound {
		t.Errorf("sign-in: %d", a.Status)
	}
	if b.get("/?people").Has("Mit  anmelden") {
		t.Error("the door offers a sign-in of nobody")
	}
}
