package mail

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

func TestServerAddressesAreReadStrictlyAndNeverQuoted(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"smtp://mail.example:587", "smtps://konsil:geheim@mail.example:465", "smtp://[::1]:25", "smtp://a%40b:p%3Aw@mail.example:587"} {
		if _, err := NewSMTP(url); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
	for _, url := range []string{"", "mail.example:25", "http://mail.example:25", "smtp://mail.example", "smtp://:25", "smtp://mail.example:0",
		"smtp://mail.example:99999", "smtp://geheim@mail.example:25", "smtp://konsil:@mail.example:25", "smtp://mail.example:25/geheim",
		"smtp://mail.example:25?x=geheim", "smtp://konsil:geheim@mail example:25", "smtp://konsil:geheim%zz@mail.example:25", "smtp://-x:25"} {
		_, err := NewSMTP(url)
		var invalid *InvalidError
		if !errors.As(err, &invalid) || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%s: error %v", url, err)
		}
	}
}

// send delivers one small mail and returns how that ended.
func send(t *testing.T, url string) error {
	t.Helper()
	s, err := NewSMTP(url)
	if err != nil {
		t.Fatal(err)
	}
	return s.Send(t.Context(), []byte("Subject: x\r\n\r\n.punkt\r\nende\r\n"), "termine@konsil.example", "a@praxis.example")
}

// failedAt fails unless the error is a SendError of this step and reason without doubt, and returns it.
func failedAt(t *testing.T, err error, step, reason string) *SendError {
	t.Helper()
	var e *SendError
	if !errors.As(err, &e) || e.Step != step || e.Reason != reason {
		t.Fatalf("error %v, want %s: %s", err, step, reason)
	}
	if strings.Contains(e.Error(), "praxis") {
		t.Errorf("%v names the recipient", e)
	}
	return e
}

func TestRelayGetsTheBytesAsTheyAre(t *testing.T) {
	t.Parallel()
	r := newRelay(t, nil)
	if err := send(t, r.url); err != nil {
		t.Fatal(err)
	}
	want := delivery{"termine@konsil.example", "a@praxis.example", "Subject: x\r\n\r\n.punkt\r\nende\r\n"}
	if got := r.mails(); len(got) != 1 || got[0] != want {
		t.Errorf("got %q", got)
	}
}

func TestSignsInWhereThereIsAPassword(t *testing.T) {
	t.Parallel()
	r := newRelay(t, nil)
	r.pass = "ge:heim"
	with := func(pass string) string { return strings.Replace(r.url, "//", "//konsil:"+pass+"@", 1) }
	if err := send(t, with("ge%3Aheim")); err != nil {
		t.Fatal(err)
	}
	if e := failedAt(t, send(t, with("falsch")), "auth", "535 5.7.8"); e.Permanent {
		t.Error("a wrong password of ours gives the mail up")
	}
	failedAt(t, send(t, r.url), "from", "502 5.7.0")
}

func TestUnknownCertificateIsRefused(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	r := newRelay(t, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}})
	failedAt(t, send(t, r.url), "connect", "certificate")
	if len(r.mails()) != 0 {
		t.Error("the mail left all the same")
	}
}

func TestRepliesBecomeStepsAndCodes(t *testing.T) {
	t.Parallel()
	r := newRelay(t, nil)
	r.rcpt = permanent
	if e := failedAt(t, send(t, r.url), "to", "550 5.1.1"); !e.Permanent || e.InDoubt {
		t.Errorf("%+v", e)
	}
	r = newRelay(t, nil)
	r.data = func(_ *smtp.Conn, d delivery) error { return temporary(d.to) }
	if e := failedAt(t, send(t, r.url), "end", "451 4.7.1"); e.Permanent || e.InDoubt {
		t.Errorf("%+v", e)
	}
	r = newRelay(t, nil)
	r.data = func(c *smtp.Conn, _ delivery) error { return c.Conn().Close() }
	if e := failedAt(t, send(t, r.url), "end", "connection lost"); e.Permanent || !e.InDoubt {
		t.Errorf("%+v", e)
	}
	failedAt(t, send(t, "smtp://127.0.0.1:1"), "connect", "connection refused")
}

func TestStoppingWakesADeliveryThatWaits(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s, err := NewSMTP("smtp://" + l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	start := time.Now()
	err = s.Send(ctx, nil, "termine@konsil.example", "a@praxis.example")
	var e *SendError
	if !errors.As(err, &e) || e.Step != "connect" || time.Since(start) > 5*time.Second {
		t.Errorf("error %v after %s", err, time.Since(start))
	}
}
