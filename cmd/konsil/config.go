package main

import (
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"net/netip"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konsil-server/konsil/expertpool/mail"
)

// config is everything the environment can say; the tags are the documentation.
type config struct {
	Addr        string `env:"KONSIL_ADDR" envDefault:"127.0.0.1:8080"`              // HTTP listener
	PublicURL   string `env:"KONSIL_PUBLIC_URL" envDefault:"http://localhost:8080"` // what links and cookies use
	Data        string `env:"KONSIL_DATA" envDefault:"./.konsil"`                   // private cluster, keys
	VaultKey    string `env:"KONSIL_VAULT_KEY,unset"`                               // 64 hexadecimal digits, instead of the file vault.key
	VaultKeyOld string `env:"KONSIL_VAULT_KEY_OLD,unset"`                           // the one before, while keys are changed
	DatabaseURL string `env:"DATABASE_URL"`                                         // PostgreSQL 15 or newer; unset: private cluster, evaluation mode
	SMTPURL     string `env:"KONSIL_SMTP_URL"`                                      // unset: mails stay in the outbox page
	MailFrom    string `env:"KONSIL_MAIL_FROM" envDefault:"termine@localhost"`      // organiser and From address
	IMAPURL     string `env:"KONSIL_IMAP_URL"`                                      // mailbox of KONSIL_MAIL_FROM, for answers by mail; unset: none
	LMTPAddr    string `env:"KONSIL_LMTP_ADDR"`                                     // where the house's mail server hands answers over: unix:/path or a port of this machine
	MailFile    string `env:"KONSIL_MAIL_ATTACHMENT" envDefault:"on"`               // off: dates stand in the mail only, not as an attached file too
	MailUTC     string `env:"KONSIL_MAIL_UTC" envDefault:"off"`                     // on: dates go out in UTC, for calendars that stumble over zones
	RTCAddr     string `env:"KONSIL_RTC_ADDR" envDefault:":8443"`                   // media port, UDP and TCP
	RTCPublicIP string `env:"KONSIL_RTC_PUBLIC_IP"`                                 // candidates behind NAT, comma separated
	TURNAddr    string `env:"KONSIL_TURN_ADDR"`                                     // relay over UDP and TCP; unset: none
	TURNTLSAddr string `env:"KONSIL_TURN_TLS_ADDR"`                                 // relay over TLS; unset: none
	TLSCert     string `env:"KONSIL_TLS_CERT"`                                      // for it: PEM, the chain, in the name of the public URL
	TLSKey      string `env:"KONSIL_TLS_KEY"`                                       // and its key
	PeerToPeer  string `env:"KONSIL_PEER_TO_PEER" envDefault:"off"`                 // on: two people who are alone send to each other straight

	OIDCIssuer     string `env:"KONSIL_OIDC_ISSUER"`                          // the organisation's own sign-in (OpenID Connect); unset: none
	OIDCClient     string `env:"KONSIL_OIDC_CLIENT_ID"`                       // as what it knows konsil
	OIDCSecret     string `env:"KONSIL_OIDC_CLIENT_SECRET,unset"`             // the secret between the two; unset: PKCE alone
	OIDCSecretFile string `env:"KONSIL_OIDC_CLIENT_SECRET_FILE"`              // or the file that holds it
	OIDCName       string `env:"KONSIL_OIDC_NAME" envDefault:"Ihr Hauskonto"` // what people call it
	OIDCTrust      string `env:"KONSIL_OIDC_TRUST" envDefault:"off"`          // on: whoever has signed in there has shown two factors
	OIDCACR        string `env:"KONSIL_OIDC_ACR"`                             // values of acr that stand for two factors, comma separated

	TrustedProxies string `env:"KONSIL_TRUSTED_PROXIES"`                      // addresses and networks whose X-Forwarded-For and -Proto count; unset: nobody's
	OpsAddr        string `env:"KONSIL_OPS_ADDR" envDefault:"127.0.0.1:9090"` // /metrics and profiles, on loopback only; off: none
}

// readConfig reads the environment. Unknown names with our prefix and invalid values stop the start.
func readConfig() (config, error) {
	var c config
	known := []string{}
	for f := range reflect.TypeFor[config]().Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("env"), ",")
		known = append(known, name)
	}
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		if strings.HasPrefix(name, "KONSIL_") && !slices.Contains(known, name) {
			return c, fmt.Errorf("%s is not a setting of konsil; there are: %s", name, strings.Join(known, ", "))
		}
	}
	if err := env.Parse(&c); err != nil {
		return c, fmt.Errorf("settings: %w", err)
	}
	c.PublicURL = strings.TrimSuffix(c.PublicURL, "/")
	return c, c.validate()
}

// validate finds every wrong value that can be found without a database, so that a start which is refused has made nothing.
func (c config) validate() error {
	u, err := url.Parse(c.PublicURL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Path != "" {
		return fmt.Errorf("KONSIL_PUBLIC_URL: %q is not an address like https://konsil.example.org", c.PublicURL)
	}
	if strings.Contains(u.Hostname(), ":") { // the addresses of mails and calendar entries are made from it
		return fmt.Errorf("KONSIL_PUBLIC_URL: %q must have a name or an IPv4 address", c.PublicURL)
	}
	if !hostPort(c.Addr) {
		return fmt.Errorf("KONSIL_ADDR: %q is not host:port", c.Addr)
	}
	if !hostPort(c.RTCAddr) {
		return fmt.Errorf("KONSIL_RTC_ADDR: %q is not host:port", c.RTCAddr)
	}
	if _, err := c.publicIPs(); err != nil {
		return err
	}
	if err := c.validateRelay(); err != nil {
		return err
	}
	if _, err := c.proxies(); err != nil {
		return err
	}
	if err := c.validateOps(); err != nil {
		return err
	}
	for name, value := range map[string]string{"KONSIL_PEER_TO_PEER": c.PeerToPeer, "KONSIL_MAIL_ATTACHMENT": c.MailFile, "KONSIL_MAIL_UTC": c.MailUTC} {
		if value != "on" && value != "off" {
			return fmt.Errorf("%s: %q is neither on nor off", name, value)
		}
	}
	if _, err := c.provider(time.Now); err != nil {
		return err
	}
	if a, err := netmail.ParseAddress(c.MailFrom); err != nil || a.Address != c.MailFrom {
		return fmt.Errorf("KONSIL_MAIL_FROM: %q is not a mail address", c.MailFrom)
	}
	if _, err := c.transport(); err != nil {
		return err
	}
	if _, err := c.mailbox(nil); err != nil {
		return err
	}
	if _, err := pgxpool.ParseConfig(c.DatabaseURL); err != nil && !c.evaluation() {
		return errors.New("DATABASE_URL is not an address of PostgreSQL") // the parser's error may show the password
	}
	return c.validateMode(u)
}

// validateMode: who can be signed in as with one click must not be reachable from elsewhere, and what is reachable from
// elsewhere must be encrypted.
func (c config) validateMode(public *url.URL) error {
	if c.evaluation() {
		if !loopback(c.Addr) || !loopback(public.Host) {
			return errors.New("without DATABASE_URL konsil runs in evaluation mode, on loopback only: " +
				"KONSIL_ADDR and KONSIL_PUBLIC_URL must name localhost")
		}
		return nil
	}
	if public.Scheme != "https" && !loopback(public.Host) {
		return errors.New("KONSIL_PUBLIC_URL must begin with https: cookies and cameras need it")
	}
	return nil
}

func hostPort(s string) bool {
	_, port, err := net.SplitHostPort(s)
	if err != nil {
		return false
	}
	_, err = strconv.ParseUint(port, 10, 16)
	return err == nil
}

// transport is the way that mails go.
func (c config) transport() (mail.Transport, error) {
	if c.SMTPURL == "" {
		return mail.Outbox{}, nil
	}
	t, err := mail.NewSMTP(c.SMTPURL)
	if err != nil {
		return nil, fmt.Errorf("KONSIL_SMTP_URL is not like smtps://user:password@relay.example.org:465: %w", err)
	}
	return t, nil
}

// pairs: two people who are alone in a room may send to each other straight.
func (c config) pairs() bool { return c.PeerToPeer == "on" }

// evaluation: no database was given, so this is a rehearsal on a private one.
func (c config) evaluation() bool { return c.DatabaseURL == "" }

func (c config) publicIPs() ([]netip.Addr, error) {
	var ips []netip.Addr
	for s := range strings.SplitSeq(c.RTCPublicIP, ",") {
		if s = strings.TrimSpace(s); s == "" {
			continue
		}
		ip, err := netip.ParseAddr(s)
		if err != nil {
			return nil, fmt.Errorf("KONSIL_RTC_PUBLIC_IP: %q is not an IP address", s)
		}
		ips = append(ips, ip)
	}
	return ips, nil
}

// loopback tells whether a host, with or without port, is this machine.
func loopback(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport
	}
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && ip.IsLoopback()
}
