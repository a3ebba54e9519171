package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestSettingsOfTheOrganisationsSignInAreCheckedAtTheStart(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("sesame\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	whole := config{PublicURL: "https://konsil.test", OIDCIssuer: "https://sso.test/realm", OIDCClient: "konsil", OIDCSecretFile: file, OIDCName: "Haus", OIDCTrust: "off", OIDCACR: "gold, silver"}
	p, err := whole.provider(time.Now)
	if err != nil || p.ClientSecret != "sesame" || p.Redirect != "https://konsil.test/oidc/callback" || strings.Join(p.ACR, "|") != "gold|silver" || p.Trusted {
		t.Fatalf("%+v, %v", p, err)
	}
	if p, err := (config{}).provider(time.Now); p != nil || err != nil {
		t.Errorf("without settings: %v, %v", p, err)
	}
	for names, change := range map[string]func(*config){
		"KONSIL_OIDC_ISSUER":             func(c *config) { c.OIDCIssuer = "http://sso.test/sesame" },
		"KONSIL_OIDC_ISSUER is missing":  func(c *config) { c.OIDCIssuer = "" },
		"KONSIL_OIDC_CLIENT_ID":          func(c *config) { c.OIDCClient = "" },
		"KONSIL_OIDC_TRUST":              func(c *config) { c.OIDCTrust = "yes" },
		"KONSIL_OIDC_CLIENT_SECRET":      func(c *config) { c.OIDCSecret = "sesame" },
		"KONSIL_OIDC_CLIENT_SECRET_FILE": func(c *config) { c.OIDCSecretFile = file + ".gone" },
	} {
		c := whole
		change(&c)
		if _, err := c.provider(time.Now); err == nil || !strings.Contains(err.Error(), names) || strings.Contains(err.Error(), "sesame") {
			t.Errorf("%s: %v", names, err)
		}
	}
}
