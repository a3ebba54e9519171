package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/konsil-server/konsil/expertpool/account"
)

// provider is the organisation's own sign-in as the settings name it; nil when they name none.
func (c config) provider(now func() time.Time) (*account.Provider, error) {
	if c.OIDCIssuer == "" {
		if c.OIDCClient != "" || c.OIDCSecret != "" || c.OIDCSecretFile != "" {
			return nil, errors.New("KONSIL_OIDC_ISSUER is missing: the other settings of that name need it")
		}
		return nil, nil
	}
	if c.OIDCTrust != "on" && c.OIDCTrust != "off" {
		return nil, fmt.Errorf("KONSIL_OIDC_TRUST: %q is neither on nor off", c.OIDCTrust)
	}
	secret, err := c.oidcSecret()
	if err != nil {
		return nil, err
	}
	p, err := account.NewProvider(account.ProviderConfig{
		Issuer: c.OIDCIssuer, ClientID: c.OIDCClient, ClientSecret: secret, Redirect: c.PublicURL + "/oidc/callback",
		Name: c.OIDCName, Trusted: c.OIDCTrust == "on", ACR: strings.FieldsFunc(c.OIDCACR, func(r rune) bool { return r == ',' || r == ' ' }),
	}, now)
	var invalid *account.InvalidError
	if errors.As(err, &invalid) { // without the value: it may be a secret in the wrong place
		return nil, fmt.Errorf("KONSIL_OIDC_%s: %s", strings.ToUpper(invalid.Field), map[string]string{
			"address": "is not an address like https://sso.example.org", "required": "is missing",
		}[invalid.Rule])
	}
	return p, err
}

// oidcSecret is what the settings or the file say.
func (c config) oidcSecret() (string, error) {
	if c.OIDCSecretFile == "" {
		return c.OIDCSecret, nil
	}
	if c.OIDCSecret != "" {
		return "", errors.New("KONSIL_OIDC_CLIENT_SECRET and KONSIL_OIDC_CLIENT_SECRET_FILE: one of them is enough")
	}
	raw, err := os.ReadFile(c.OIDCSecretFile)
	if err != nil {
		return "", fmt.Errorf("KONSIL_OIDC_CLIENT_SECRET_FILE: %w", err)
	}
	return strings.TrimSpace(string(raw)), nil
}
