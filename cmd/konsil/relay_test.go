package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// issue writes a certificate with a number and its key, as of a moment.
func issue(t *testing.T, c *certificate, number int64, at time.Time) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{SerialNumber: big.NewInt(number), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, form, form, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{c.key: {Type: "PRIVATE KEY", Bytes: raw}, c.cert: {Type: "CERTIFICATE", Bytes: der}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, at, at); err != nil {
			t.Fatal(err)
		}
	}
}

func TestARenewedCertificateIsTakenUpAndABrokenOneIsNot(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := &certificate{cert: filepath.Join(dir, "cert.pem"), key: filepath.Join(dir, "key.pem")}
	number := func() int64 {
		t.Helper()
		got, err := c.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		return got.Leaf.SerialNumber.Int64()
	}
	if _, err := c.get(nil); err == nil {
		t.Error("there is none, and one is given")
	}
	begin := time.Now().Add(-time.Hour)
	issue(t, c, 1, begin)
	if n := number(); n != 1 {
		t.Errorf("the first has number %d", n)
	}
	issue(t, c, 2, begin.Add(time.Minute))
	if n := number(); n != 2 {
		t.Errorf("the renewed one has number %d", n)
	}
	if err := os.WriteFile(c.cert, []byte("half of a certific"), 0o600); err != nil {
		t.Fatal(err)
	}
	if n := number(); n != 2 {
		t.Errorf("beside a broken one number %d is used", n)
	}
}

func TestSettingsOfTheRelayAreCheckedAtTheStart(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config
		says string
	}{
		"no port":        {config{TURNAddr: "relay"}, "KONSIL_TURN_ADDR"},
		"TLS, no port":   {config{TURNTLSAddr: "relay"}, "KONSIL_TURN_TLS_ADDR"},
		"no certificate": {config{TURNTLSAddr: ":5349"}, "KONSIL_TLS_CERT"},
		"no such file":   {config{TURNTLSAddr: ":5349", TLSCert: "/none", TLSKey: "/none"}, "KONSIL_TLS_CERT"},
	} {
		if err := c.validateRelay(); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := (config{TURNAddr: ":3478"}).validateRelay(); err != nil {
		t.Errorf("a good one: %v", err)
	}
}
