package mail

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// relay is a mail server on loopback that keeps what it took.
type relay struct {
	url  string
	rcpt func(to string) error                // nil: everybody lives here
	data func(c *smtp.Conn, d delivery) error // before 250; nil: take it
	pass string                               // if set, the password to ask for

	mu    sync.Mutex
	taken []delivery
	busy  map[string]int // deliveries in progress by recipient
	clash bool           // two at once for one recipient
}

type delivery struct{ from, to, raw string }

func newRelay(t *testing.T, secure *tls.Config) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{url: "smtp://" + l.Addr().String(), busy: map[string]int{}}
	if secure != nil {
		r.url, l = "smtps://"+l.Addr().String(), tls.NewListener(l, secure)
	}
	s := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &visit{relay: r, conn: c}, nil }))
	s.Domain, s.AllowInsecureAuth = "relay.example", true
	s.ReadTimeout, s.WriteTimeout = 20*time.Second, 20*time.Second
	s.ErrorLog = quiet{}
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(l) }()
	t.Cleanup(func() { s.Close(); <-done })
	return r
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

func (r *relay) mails() []delivery {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.taken)
}

// visit is one connection.
type visit struct {
	relay *relay
	conn  *smtp.Conn
	delivery
	known bool
}

func (v *visit) AuthMechanisms() []string { return []string{sasl.Plain} }

func (v *visit) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, pass string) error {
		if v.known = user == "konsil" && pass == v.relay.pass; !v.known {
			return smtp.ErrAuthFailed
		}
		return nil
	}), nil
}

func (v *visit) Mail(from string, _ *smtp.MailOptions) error {
	if v.relay.pass != "" && !v.known {
		return smtp.ErrAuthRequired
	}
	v.from = from
	return nil
}

func (v *visit) Rcpt(to string, _ *smtp.RcptOptions) error {
	if v.to != "" {
		return errors.New("a second recipient")
	}
	v.to = to
	if v.relay.rcpt != nil {
		return v.relay.rcpt(to)
	}
	return nil
}

func (v *visit) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	v.raw = string(raw)
	v.relay.enter(v.to, 1)
	defer v.relay.enter(v.to, -1)
	if v.relay.data != nil {
		if err := v.relay.data(v.conn, v.delivery); err != nil {
			return err
		}
	}
	v.relay.mu.Lock()
	v.relay.taken = append(v.relay.taken, v.delivery)
	v.relay.mu.Unlock()
	return nil
}

func (r *relay) enter(to string, n int) {
	r.mu.Lock()
	r.busy[to] += n
	r.clash = r.clash || r.busy[to] > 1
	r.mu.Unlock()
}

func (v *visit) Reset()        { v.delivery = delivery{} }
func (v *visit) Logout() error { return nil }

// temporary and permanent quote the address back, as servers do.
func temporary(to string) error {
	return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "<" + to + "> please wait"}
}

func permanent(to string) error {
	return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "<" + to + "> unknown"}
}
