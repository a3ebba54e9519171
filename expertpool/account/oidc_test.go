package account_test

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/expertpool/account"
)

// object is what JSON calls so.
type object = map[string]any

// idp is a provider of the organisation's sign-in on loopback. It gives for every code the token that the test has made.
type idp struct {
	*httptest.Server
	t       *testing.T
	key     *rsa.PrivateKey
	saysIss bool
	answer  func(challenge string) object // what the token end point says

	mu    sync.Mutex
	codes map[string]string // code → challenge of the authorization request
}

const client, clientSecret = "konsil", "ein geteiltes Geheimnis"

func newIDP(t *testing.T) *idp {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	i := &idp{t: t, key: key, codes: map[string]string{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		i.write(w, object{
			"issuer": i.URL, "authorization_endpoint": i.URL + "/authorize", "token_endpoint": i.URL + "/token", "jwks_uri": i.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"none", "HS256", "RS256"}, "authorization_response_iss_parameter_supported": i.saysIss,
		})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		i.write(w, object{"keys": []object{i.jwk(&i.key.PublicKey)}})
	})
	mux.HandleFunc("POST /token", i.token)
	i.Server = httptest.NewServer(mux)
	t.Cleanup(i.Close)
	return i
}

func (i *idp) write(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func (i *idp) jwk(key *rsa.PublicKey) object {
	return object{"kty": "RSA", "kid": "one", "use": "sig", "alg": "RS256", "n": b64(key.N.Bytes()), "e": b64(big.NewInt(int64(key.E)).Bytes())}
}

// token answers a code once, for whoever has the verifier and the secret. RFC 7636 §4.6
func (i *idp) token(w http.ResponseWriter, r *http.Request) {
	id, secret, _ := r.BasicAuth()
	i.mu.Lock()
	challenge, there := i.codes[r.FormValue("code")]
	delete(i.codes, r.FormValue("code"))
	i.mu.Unlock()
	sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	secret, _ = url.QueryUnescape(secret)
	if !there || b64(sum[:]) != challenge || id != client || secret != clientSecret {
		w.WriteHeader(http.StatusBadRequest)
		i.write(w, object{"error": "invalid_grant"})
		return
	}
	i.write(w, i.answer(challenge))
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func encoded(v any) string {
	b, _ := json.Marshal(v)
	return b64(b)
}

// signed is a token in compact form (RFC 7515 §7.1), signed with RS256 unless sign says otherwise.
func signed(header, claims object, sign func(string) []byte) string {
	input := encoded(header) + "." + encoded(claims)
	return input + "." + b64(sign(input))
}

func rs256(key *rsa.PrivateKey) func(string) []byte {
	return func(input string) []byte {
		sum := sha256.Sum256([]byte(input))
		s, _ := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
		return s
	}
}

func hs256(secret []byte) func(string) []byte {
	return func(input string) []byte {
		m := hmac.New(sha256.New, secret)
		m.Write([]byte(input))
		return m.Sum(nil)
	}
}

// gate is a desk with a provider, and somebody who is linked there.
type gate struct {
	*town
	idp      *idp
	provider *account.Provider
}

func newGate(t *testing.T, change ...func(*account.ProviderConfig)) *gate {
	t.Helper()
	g := &gate{town: newTown(t), idp: newIDP(t)}
	g.provider = g.at(g.idp, change...)
	g.exec(`insert into account_oidc (issuer, subject, account_id, linked_at) values ($1, 'sub-jana', $2, now())`, g.idp.URL, g.brandt.ID)
	return g
}

func (g *gate) at(i *idp, change ...func(*account.ProviderConfig)) *account.Provider {
	g.t.Helper()
	c := account.ProviderConfig{Issuer: i.URL, ClientID: client, ClientSecret: clientSecret, Redirect: "https://konsil.test/oidc/callback", Trusted: true}
	for _, do := range change {
		do(&c)
	}
	p, err := account.NewProvider(c, func() time.Time { return g.clock })
	if err != nil {
		g.t.Fatal(err)
	}
	return p
}

// claims of a token that holds.
func (g *gate) claims(nonce string) object {
	return object{
		"iss": g.idp.URL, "aud": client, "sub": "sub-jana", "nonce": nonce, "iat": g.clock.Unix(), "exp": g.clock.Add(time.Minute).Unix(),
		"email": "ada@o.test", "email_verified": true, // somebody else's: it must not count
	}
}

// visited is the browser's way through the provider: what it comes back with, and what the provider was asked.
func (g *gate) visited(d account.Departure) (account.Return, url.Values) {
	g.t.Helper()
	u, err := url.Parse(d.URL)
	if err != nil {
		g.t.Fatal(err)
	}
	asked, code := u.Query(), uuid.NewString()
	if asked.Get("code_challenge_method") != "S256" || asked.Get("scope") != "openid" || asked.Get("response_type") != "code" {
		g.t.Fatalf("asked for %v", asked)
	}
	g.idp.mu.Lock()
	g.idp.codes[code] = asked.Get("code_challenge")
	g.idp.mu.Unlock()
	return account.Return{State: asked.Get("state"), Code: code, Iss: g.idp.URL, Browser: d.Browser, Device: "Firefox"}, asked
}

func (g *gate) depart() account.Departure {
	g.t.Helper()
	d, err := g.SignInAt(g.t.Context(), g.provider, "/cases")
	if err != nil {
		g.t.Fatal(err)
	}
	return d
}

// arriveWith signs in with a token that make has made for the nonce.
func (g *gate) arriveWith(make func(nonce string) string) (account.Arrival, error) {
	g.t.Helper()
	back, asked := g.visited(g.depart())
	g.idp.answer = func(string) object {
		return object{"access_token": "at", "token_type": "Bearer", "id_token": make(asked.Get("nonce"))}
	}
	return g.Arrive(g.t.Context(), g.provider, back)
}

// holds makes the token that holds, with some claims changed; a nil value takes a claim out.
func (g *gate) holds(change object) func(string) string {
	return func(nonce string) string {
		c := g.claims(nonce)
		maps.Copy(c, change)
		maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
		return signed(object{"alg": "RS256", "kid": "one"}, c, rs256(g.idp.key))
	}
}

func TestTheRightTokenSignsInAndItsAddressDoesNotCount(t *testing.T) {
	t.Parallel()
	g := newGate(t)
	a, err := g.arriveWith(g.holds(nil))
	if err != nil || a.Next != "/cases" {
		t.Fatalf("%+v, %v", a, err)
	}
	if by := g.signedIn(a.Token); by.ID != g.brandt.ID || by.Method != account.ByOIDC {
		t.Errorf("signed in as %+v", by)
	}
}

func TestWrongTokensAreRefused(t *testing.T) {
	t.Parallel()
	g := newGate(t)
	mallory, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public := x509.MarshalPKCS1PublicKey(&g.idp.key.PublicKey)
	with := func(header object, sign func(string) []byte) func(string) string {
		return func(nonce string) string { return signed(header, g.claims(nonce), sign) }
	}
	none := func(string) []byte { return nil }
	unix := func(d time.Duration) int64 { return g.clock.Add(d).Unix() }
	ours, theirs := rs256(g.idp.key), rs256(mallory)
	wrong := map[string]func(string) string{
		"no algorithm":                     with(object{"alg": "none"}, none),
		"no algorithm, in capitals":        with(object{"alg": "NONE"}, none),
		"no header":                        func(n string) string { return "." + encoded(g.claims(n)) + "." },
		"no signature":                     with(object{"alg": "RS256", "kid": "one"}, none),
		"the public key as a secret":       with(object{"alg": "HS256", "kid": "one"}, hs256(public)),
		"our own secret":                   with(object{"alg": "HS256"}, hs256([]byte(clientSecret))),
		"an algorithm that was not agreed": with(object{"alg": "PS256", "kid": "one"}, ours),
		"another key":                      with(object{"alg": "RS256", "kid": "one"}, theirs),
		"another key of another name":      with(object{"alg": "RS256", "kid": "two"}, theirs),
		"a path as the name of a key":      with(object{"alg": "RS256", "kid": "../../../../dev/null"}, hs256(nil)),
		"a key that it brings itself":      with(object{"alg": "RS256", "jwk": g.idp.jwk(&mallory.PublicKey)}, theirs),
		"an address of its own keys":       with(object{"alg": "RS256", "kid": "one", "jku": g.idp.URL + "/token"}, theirs),
		"a header that must be understood": with(object{"alg": "RS256", "kid": "one", "crit": []string{"exp"}}, ours),
		"a changed claim": func(n string) string {
			parts := strings.Split(g.holds(nil)(n), ".")
			c := g.claims(n)
			c["sub"] = "sub-ada"
			return parts[0] + "." + encoded(c) + "." + parts[2]
		},
		"the signature of another token": func(n string) string {
			parts := strings.Split(g.holds(nil)(n), ".")
			return parts[0] + "." + parts[1] + "." + strings.Split(g.holds(object{"sub": "x"})(n), ".")[2]
		},
		"all its parts as JSON": func(n string) string {
			parts := strings.Split(g.holds(nil)(n), ".")
			all, _ := json.Marshal(object{"protected": parts[0], "payload": parts[1], "signature": parts[2]})
			return string(all)
		},
		"no token":                     func(string) string { return "" },
		"rubbish":                      func(string) string { return "a.b.c" },
		"another issuer":               g.holds(object{"iss": "https://elsewhere.test"}),
		"an issuer with a slash":       g.holds(object{"iss": g.idp.URL + "/"}),
		"no issuer":                    g.holds(object{"iss": nil}),
		"another audience":             g.holds(object{"aud": "another"}),
		"no audience":                  g.holds(object{"aud": nil}),
		"an audience beside us":        g.holds(object{"aud": []string{client, "another"}}),
		"made for somebody beside us":  g.holds(object{"aud": []string{client, "another"}, "azp": "another"}),
		"made for somebody else":       g.holds(object{"azp": "another"}),
		"expired":                      g.holds(object{"exp": unix(-time.Second)}),
		"without an end":               g.holds(object{"exp": nil}),
		"an end in words":              g.holds(object{"exp": "tomorrow"}),
		"not yet":                      g.holds(object{"nbf": unix(time.Hour)}),
		"from the future":              g.holds(object{"iat": unix(time.Hour), "exp": unix(2 * time.Hour)}),
		"from yesterday":               g.holds(object{"iat": unix(-24 * time.Hour)}),
		"no time of issue":             g.holds(object{"iat": nil}),
		"no nonce":                     g.holds(object{"nonce": nil}),
		"another nonce":                g.holds(object{"nonce": "another"}),
		"a list of nonces":             func(n string) string { return g.holds(object{"nonce": []string{n}})(n) },
		"nobody":                       g.holds(object{"sub": nil}),
		"an empty name":                g.holds(object{"sub": ""}),
		"a number as a name":           g.holds(object{"sub": 1}),
		"a list as a name":             g.holds(object{"sub": []string{"sub-jana"}}),
		"a name that is too long":      g.holds(object{"sub": strings.Repeat("x", 256)}),
		"the hash of another access":   g.holds(object{"at_hash": "bm90IGl0"}),
		"somebody without an account":  g.holds(object{"sub": "sub-ada"}),
		"her address without her name": g.holds(object{"sub": "sub-x", "email": "jana@o.test"}),
	}
	for name, make := range wrong {
		a, err := g.arriveWith(make)
		if a.Token != "" || !errors.Is(err, account.ErrUnknown) && !errors.Is(err, account.ErrDenied) {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
	}
	if len(wrong) < 25 {
		t.Errorf("only %d", len(wrong))
	}
	if _, err := g.arriveWith(g.holds(object{"aud": []string{client}, "azp": client, "nbf": unix(-time.Minute)})); err != nil {
		t.Errorf("a right one after all these: %v", err)
	}
}

func TestTheWayBackBelongsToOneBrowserAndWorksOnce(t *testing.T) {
	t.Parallel()
	g := newGate(t)
	g.idp.saysIss = true
	ctx := t.Context()
	var nonce string
	g.idp.answer = func(string) object {
		return object{"access_token": "at", "token_type": "Bearer", "id_token": g.holds(nil)(nonce)}
	}
	begin := func() account.Return {
		back, asked := g.visited(g.depart())
		nonce = asked.Get("nonce")
		return back
	}
	for name, change := range map[string]func(*account.Return){
		"another browser":       func(r *account.Return) { r.Browser = begin().Browser },
		"no browser":            func(r *account.Return) { r.Browser = "" },
		"a state of nobody":     func(r *account.Return) { r.State = "x" },
		"another provider":      func(r *account.Return) { r.Iss = "https://elsewhere.test" },
		"no name of a provider": func(r *account.Return) { r.Iss = "" },
		"a code of another":     func(r *account.Return) { r.Code = begin().Code },
		"too late":              func(*account.Return) { g.clock = g.clock.Add(11 * time.Minute) },
	} {
		back := begin()
		change(&back)
		if a, err := g.Arrive(ctx, g.provider, back); !errors.Is(err, account.ErrUnknown) || a.Token != "" {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
	}
	back := begin()
	if _, err := g.Arrive(ctx, g.provider, back); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Arrive(ctx, g.provider, back); !errors.Is(err, account.ErrUnknown) {
		t.Errorf("a second time: %v", err)
	}
	g.exec(`update account set disabled_at = now() where id = $1`, g.brandt.ID)
	if _, err := g.Arrive(ctx, g.provider, begin()); !errors.Is(err, account.ErrUnknown) {
		t.Errorf("a disabled account: %v", err)
	}
}

func TestOneFactorIsTwoOnlyWhereTheProviderSaysSoOrIsTrusted(t *testing.T) {
	t.Parallel()
	g := newGate(t, func(c *account.ProviderConfig) { c.Trusted, c.ACR = false, []string{"urn:two"} })
	for name, c := range map[string]struct {
		claims object
		whole  bool
	}{
		"a password":              {object{"amr": []string{"pwd"}}, false},
		"a password and a code":   {object{"amr": []string{"pwd", "otp", "mfa"}}, true},
		"nothing said":            {nil, false},
		"the level that we asked": {object{"acr": "urn:two"}, true},
		"another level":           {object{"acr": "urn:one"}, false},
		"an empty level":          {object{"acr": ""}, false},
	} {
		a, err := g.arriveWith(g.holds(c.claims))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := g.Session(t.Context(), a.Token); c.whole && err != nil || !c.whole && !errors.Is(err, account.ErrHalf) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnAccountIsLinkedByItsOwnerOrByItsInvitation(t *testing.T) {
	t.Parallel()
	g := newGate(t)
	ctx := t.Context()
	go2 := func(by account.Actor, subject string) (account.Arrival, error) {
		d, err := g.LinkAt(ctx, g.provider, by, "/me/security")
		if err != nil {
			t.Fatal(err)
		}
		back, asked := g.visited(d)
		g.idp.answer = func(string) object {
			return object{"access_token": "at", "token_type": "Bearer", "id_token": g.holds(object{"sub": subject})(asked.Get("nonce"))}
		}
		return g.Arrive(ctx, g.provider, back)
	}
	if _, err := go2(g.dpo, "sub-jana"); !errors.Is(err, account.ErrConflict) {
		t.Errorf("took somebody else's: %v", err)
	}
	if a, err := go2(g.dpo, "sub-dora"); err != nil || a.Token != "" || a.Next != "/me/security" {
		t.Errorf("linked herself: %+v, %v", a, err)
	}
	if a, err := g.arriveWith(g.holds(object{"sub": "sub-dora"})); err != nil || g.signedIn(a.Token).ID != g.dpo.ID {
		t.Errorf("and signs in: %v", err)
	}
	id, err := g.Invite(ctx, g.admin, account.New{Organisation: g.org, Role: account.Caseworker, Name: "Paul", Email: "paul@o.test"})
	if err != nil {
		t.Fatal(err)
	}
	paul, err := g.ByID(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	a, err := go2(paul, "sub-paul")
	if err != nil || g.signedIn(a.Token).ID != id {
		t.Fatalf("by the invitation: %+v, %v", a, err)
	}
	if _, err := go2(paul, "sub-mallory"); !errors.Is(err, account.ErrUnknown) {
		t.Errorf("an invitation that was used up links once more: %v", err)
	}
	gone := g.admin
	if err := g.SignOut(ctx, gone); err != nil {
		t.Fatal(err)
	}
	if _, err := go2(gone, "sub-ada"); !errors.Is(err, account.ErrUnknown) {
		t.Errorf("who has signed out meanwhile links: %v", err)
	}
	told := g.sent()
	if last := told[len(told)-1]; last.To != "paul@o.test" || !strings.Contains(last.Subject, "verknüpft") || g.did("link_oidc") != 2 {
		t.Errorf("last mail %+v, recorded %d", last, g.did("link_oidc"))
	}
	if err := g.Unlink(ctx, g.provider, g.dpo); err != nil {
		t.Fatal(err)
	}
	if _, err := g.arriveWith(g.holds(object{"sub": "sub-dora"})); !errors.Is(err, account.ErrDenied) {
		t.Errorf("signs in unlinked: %v", err)
	}
	elsewhere := newIDP(t)
	g.provider = g.at(elsewhere)
	g.idp = elsewhere
	if _, err := g.arriveWith(g.holds(nil)); !errors.Is(err, account.ErrDenied) {
		t.Errorf("the same name at another provider: %v", err)
	}
}

func TestSigningInAnewConfirmsAndAnOldSignInDoesNot(t *testing.T) {
	t.Parallel()
	g := newGate(t)
	ctx := t.Context()
	confirm := func(claims object) (account.Arrival, error) {
		d, err := g.ConfirmAt(ctx, g.provider, g.brandt, "/admin")
		if err != nil {
			t.Fatal(err)
		}
		back, asked := g.visited(d)
		if asked.Get("prompt") != "login" || asked.Get("max_age") != "0" {
			t.Errorf("asked for %v", asked)
		}
		g.idp.answer = func(string) object {
			return object{"access_token": "at", "token_type": "Bearer", "id_token": g.holds(claims)(asked.Get("nonce"))}
		}
		return g.Arrive(ctx, g.provider, back)
	}
	g.clock = g.clock.Add(11 * time.Minute)
	for name, claims := range map[string]object{
		"nothing said of when": nil,
		"this morning":         {"auth_time": g.clock.Add(-time.Hour).Unix()},
		"somebody else":        {"auth_time": g.clock.Unix(), "sub": "sub-x"},
	} {
		if a, err := confirm(claims); !errors.Is(err, account.ErrUnknown) || a.Token != "" {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
	}
	a, err := confirm(object{"auth_time": g.clock.Unix()})
	if err != nil {
		t.Fatal(err)
	}
	if by := g.signedIn(a.Token); by.Session != g.brandt.Session || !by.Fresh(g.clock) {
		t.Errorf("confirmed %+v", by)
	}
}

func TestAProviderIsReachedEncryptedOrNotAtAll(t *testing.T) {
	t.Parallel()
	for _, issuer := range []string{"", "idp.test", "http://idp.test", "ftp://idp.test", "https://", "https://u:p@idp.test", "https://idp.test?x=1", "https://idp.test#x"} {
		if _, err := account.NewProvider(account.ProviderConfig{Issuer: issuer, ClientID: client}, time.Now); err == nil {
			t.Errorf("%q was taken", issuer)
		}
	}
	g := newGate(t)
	g.idp.Close()
	if _, err := g.SignInAt(t.Context(), g.provider, "/"); err == nil {
		t.Error("a provider that is down was found")
	}
}
