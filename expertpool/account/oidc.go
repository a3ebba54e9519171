package account

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// ProviderConfig is what an installation says about the sign-in of its organisation (OpenID Connect Core 1.0, authorization code
// with PKCE).
type ProviderConfig struct {
	Issuer       string // https, or http on loopback
	ClientID     string
	ClientSecret string   // empty: a public client, for which PKCE alone must do
	Redirect     string   // our address that it sends people back to
	Name         string   // as people know it
	Trusted      bool     // who has signed in there counts as having shown two factors, whatever its tokens say
	ACR          []string // values of acr that stand for two factors
}

// Provider is the sign-in of an organisation. It is asked about itself when it is first needed, so a provider that is down keeps no server
// from starting.
type Provider struct {
	ProviderConfig
	now    func() time.Time
	client *http.Client

	mu    sync.Mutex
	known *metadata
}

// metadata is what the provider says about itself. OpenID Connect Discovery 1.0 §3.
type metadata struct {
	provider *oidc.Provider
	verifier *oidc.IDTokenVerifier
	saysIss  bool // RFC 9207: it names itself in its answers
}

// algorithms are the signatures that ID tokens may have: none that is made with a secret which both sides know.
var algorithms = []string{
	oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA,
}

// NewProvider takes the configuration; it asks nobody. now decides what has expired.
func NewProvider(c ProviderConfig, now func() time.Time) (*Provider, error) {
	u, err := url.Parse(c.Issuer)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil || u.Scheme != "https" && (u.Scheme != "http" || !local(u.Hostname())) {
		return nil, &InvalidError{"issuer", "address"}
	}
	if c.ClientID == "" {
		return nil, &InvalidError{"client_id", "required"}
	}
	client := &http.Client{
		Timeout:       10 * time.Second,
		Transport:     bounded{http.DefaultTransport},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return &Provider{ProviderConfig: c, now: now, client: client}, nil
}

func local(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// bounded reads no more than a mebibyte of any answer.
type bounded struct{ http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		answer.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(answer.Body, 1<<20), answer.Body}
	}
	return answer, err
}

// discovered asks the provider about itself, once it has answered never again.
func (p *Provider) discovered(ctx context.Context) (*metadata, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known != nil {
		return p.known, nil
	}
	// keys are fetched with this context for as long as the server runs
	found, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), p.client), p.Issuer)
	if err != nil {
		return nil, fmt.Errorf("sign-in provider: %w", err)
	}
	var said struct {
		Algorithms []string `json:"id_token_signing_alg_values_supported"`
		Iss        bool     `json:"authorization_response_iss_parameter_supported"`
	}
	if err := found.Claims(&said); err != nil {
		return nil, fmt.Errorf("sign-in provider: %w", err)
	}
	agreed := slices.DeleteFunc(slices.Clone(algorithms), func(a string) bool { return !slices.Contains(said.Algorithms, a) })
	if len(agreed) == 0 {
		return nil, errors.New("sign-in provider: it signs in no way that is accepted")
	}
	p.known = &metadata{found, found.Verifier(&oidc.Config{ClientID: p.ClientID, SupportedSigningAlgs: agreed, Now: p.now}), said.Iss}
	return p.known, nil
}

func (p *Provider) oauth(m *metadata) oauth2.Config {
	return oauth2.Config{
		ClientID: p.ClientID, ClientSecret: p.ClientSecret, Endpoint: m.provider.Endpoint(), RedirectURL: p.Redirect,
		Scopes: []string{oidc.ScopeOpenID}, // neither name nor address: nothing of what it says about a person is used
	}
}

// address is where the browser goes for an attempt.
func (p *Provider) address(m *metadata, state string, a attempt) string {
	more := []oauth2.AuthCodeOption{oidc.Nonce(a.Nonce), oauth2.S256ChallengeOption(a.Verifier)}
	if len(p.ACR) > 0 {
		more = append(more, oauth2.SetAuthURLParam("acr_values", strings.Join(p.ACR, " ")))
	}
	if a.Purpose == toConfirm {
		more = append(more, oauth2.SetAuthURLParam("prompt", "login"), oauth2.SetAuthURLParam("max_age", "0"))
	}
	c := p.oauth(m)
	return c.AuthCodeURL(state, more...)
}

// somebody is whom a provider has recognised.
type somebody struct {
	subject string
	factors int
}

// errToken says that an answer of the provider does not hold. It never says more than why, and nothing of what is in it.
var errToken = errors.New("answer of the sign-in provider does not hold")

func unsound(why string) error { return fmt.Errorf("%w: %s", errToken, why) }

// redeem turns the code of an answer into whom it is about. The ID token is checked as OpenID Connect Core 1.0 §3.1.3.7 says.
func (p *Provider) redeem(ctx context.Context, code, iss string, a attempt) (somebody, error) {
	m, err := p.discovered(ctx)
	if err != nil {
		return somebody{}, err
	}
	if iss != "" && iss != p.Issuer || iss == "" && m.saysIss { // RFC 9207 §2.4
		return somebody{}, unsound("it comes from another provider")
	}
	c := p.oauth(m)
	answer, err := c.Exchange(oidc.ClientContext(ctx, p.client), code, oauth2.VerifierOption(a.Verifier))
	if err != nil {
		return somebody{}, unsound("no token for the code")
	}
	raw, _ := answer.Extra("id_token").(string)
	if strings.Count(raw, ".") != 2 || strings.Contains(raw, "{") { // the compact form only: RFC 7519 §1
		return somebody{}, unsound("no ID token")
	}
	token, err := m.verifier.Verify(oidc.ClientContext(ctx, p.client), raw)
	if err != nil {
		return somebody{}, unsound("ID token")
	}
	if token.AccessTokenHash != "" && token.VerifyAccessToken(answer.AccessToken) != nil {
		return somebody{}, unsound("access token")
	}
	return p.claimed(token, a)
}

// claims are those that go-oidc leaves to us.
type claims struct {
	Azp      string   `json:"azp"`
	AMR      []string `json:"amr"`
	ACR      string   `json:"acr"`
	AuthTime int64    `json:"auth_time"`
}

// skew is how far the clocks of two servers may lie apart, and how old a token may be that was made a moment ago.
const skew = 5 * time.Minute

func (p *Provider) claimed(token *oidc.IDToken, a attempt) (somebody, error) {
	var c claims
	if err := token.Claims(&c); err != nil {
		return somebody{}, unsound("claims")
	}
	now := p.now()
	switch {
	case subtle.ConstantTimeCompare([]byte(token.Nonce), []byte(a.Nonce)) != 1:
		return somebody{}, unsound("nonce")
	case len(token.Audience) > 1 && c.Azp == "" || c.Azp != "" && c.Azp != p.ClientID:
		return somebody{}, unsound("it was made for somebody else")
	case token.Subject == "" || len(token.Subject) > 255: // §2: at most 255 ASCII characters
		return somebody{}, unsound("subject")
	case token.IssuedAt.After(now.Add(skew)) || token.IssuedAt.Before(now.Add(-skew)):
		return somebody{}, unsound("time of issue")
	case a.Purpose == toConfirm && time.Unix(c.AuthTime, 0).Before(a.BegunAt.Add(-time.Minute)): // §3.1.2.1: max_age wants auth_time
		return somebody{}, unsound("nobody has signed in anew")
	}
	who := somebody{token.Subject, 1}
	if p.Trusted || slices.Contains(c.AMR, "mfa") || c.ACR != "" && slices.Contains(p.ACR, c.ACR) { // RFC 8176 §2
		who.factors = 2
	}
	return who, nil
}
