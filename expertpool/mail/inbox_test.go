package mail

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
	"github.com/emersion/go-smtp"
	"github.com/jackc/pgx/v5"
)

// counting makes a receiver that leaves one row for every mail it decides about.
func counting(o *office) Receiver {
	o.t.Helper()
	if _, err := o.db.Exec(o.t.Context(), `create table effect (sender text)`); err != nil {
		o.t.Fatal(err)
	}
	return func(ctx context.Context, tx pgx.Tx, in Inbound) (Verdict, error) {
		_, err := tx.Exec(ctx, `insert into effect values ($1)`, in.From)
		return Verdict{State: Done}, err
	}
}

func (o *office) count(sql string, args ...any) int {
	o.t.Helper()
	var n int
	if err := o.db.QueryRow(o.t.Context(), sql, args...).Scan(&n); err != nil {
		o.t.Fatal(err)
	}
	return n
}

// await polls until a count is what it should be.
func (o *office) await(want int, sql string, args ...any) {
	o.t.Helper()
	for end := time.Now().Add(60 * time.Second); o.count(sql, args...) != want; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			o.t.Fatalf("%s: %d, not %d", sql, o.count(sql, args...), want)
		}
	}
}

func letter(from string) []byte {
	return crlf("From: " + from + "\nTo: termine@konsil.example\nContent-Type: text/plain\n\nGern.\n")
}

func TestAMailThatComesSeveralTimesHasItsEffectOnce(t *testing.T) {
	t.Parallel()
	o := newOffice(t, Outbox{})
	o.receive = counting(o)
	in := NewInbox(o.Queue, o.receive)
	for range 3 {
		for i := range 40 {
			if err := in.Ingest(t.Context(), "imap", "Termine@konsil.example", letter(fmt.Sprintf("p%d@praxis.example", i))); err != nil {
				t.Fatal(err)
			}
		}
		o.start()
	}
	o.await(40, `select count(*) from message_in where state = 'done'`)
	if n := o.count(`select count(*) from effect`); n != 40 {
		t.Errorf("40 mails had %d effects", n)
	}
}

func TestAMailThatMakesTheReceiverFailWaitsForAPersonAndStopsNoOther(t *testing.T) {
	t.Parallel()
	o := newOffice(t, Outbox{})
	count := counting(o)
	o.receive = func(ctx context.Context, tx pgx.Tx, in Inbound) (Verdict, error) {
		v, err := count(ctx, tx, in)
		switch in.From {
		case "fails@praxis.example":
			return v, errors.New("no")
		case "panics@praxis.example":
			panic("quotes the mail")
		}
		return v, err
	}
	in := NewInbox(o.Queue, o.receive)
	for _, from := range []string{"fails@praxis.example", "panics@praxis.example", "good@praxis.example"} {
		if err := in.Ingest(t.Context(), "imap", "termine@konsil.example", letter(from)); err != nil {
			t.Fatal(err)
		}
	}
	o.start()
	o.await(2, `select count(*) from message_in where state = 'kept' and rule = 'failed' and attempts = $1`, maxReads)
	o.await(1, `select count(*) from message_in where state = 'done'`)
	if n := o.count(`select count(*) from effect`); n != 1 {
		t.Errorf("what failed left %d effects", n-1)
	}
}

// handsOver opens a socket for the house's mail server until the test ends, and starts a node that reads what comes.
func handsOver(t *testing.T, o *office) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "lmtp") // t.TempDir is too long for a socket's path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	l, err := ListenLMTP("unix:"+path, NewInbox(o.Queue, o.receive))
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- l.Serve() }()
	t.Cleanup(func() {
		l.Close()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	o.start()
	return path
}

func TestTheHousesMailServerHandsMailOverAndHearsWhatIsRefused(t *testing.T) {
	t.Parallel()
	o := newOffice(t, Outbox{})
	o.receive = counting(o)
	path := handsOver(t, o)
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	c := smtp.NewClientLMTP(conn)
	defer c.Close()
	hand := func(to string, raw []byte) error {
		if err := c.Mail("ruth@praxis.example", nil); err != nil {
			return err
		}
		if err := c.Rcpt(to, nil); err != nil {
			return errors.Join(err, c.Reset())
		}
		w, err := c.Data()
		if err != nil {
			return err
		}
		w.Write(raw)
		return w.Close()
	}
	if err := hand("termine@konsil.example", letter("ruth@praxis.example")); err != nil {
		t.Errorf("a mail for us: %v", err)
	}
	var refused *smtp.SMTPError
	if err := hand("other@konsil.example", letter("x@y.example")); !errors.As(err, &refused) || refused.Code != 550 {
		t.Errorf("a mail for somebody else: %v", err)
	}
	if err := hand("termine@konsil.example", []byte("From: x@y.example\r\n\r\n"+strings.Repeat("0123456789abcdef\r\n", 70_000))); !errors.As(err, &refused) || refused.Code != 552 {
		t.Errorf("a mail that is too large: %v", err)
	}
	o.await(1, `select count(*) from effect`)
}

func TestLMTPIsNotOpenedToTheWorld(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"0.0.0.0:24", ":24", "192.0.2.1:24", "mail.example:24", "nonsense"} {
		_, err := ListenLMTP(address, nil)
		var invalid *InvalidError
		if !errors.As(err, &invalid) || invalid.Field != "LMTP" {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// mailbox is a mail server in memory with one user.
func mailbox(t *testing.T) (*imapmemserver.User, string) {
	t.Helper()
	user := imapmemserver.NewUser("termine", "geheim")
	if err := user.Create("INBOX", nil); err != nil {
		t.Fatal(err)
	}
	server := imapmemserver.New()
	server.AddUser(user)
	s := imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return server.NewSession(), nil, nil
		},
		Caps: imap.CapSet{imap.CapIMAP4rev1: {}, imap.CapIdle: {}, imap.CapMove: {}}, InsecureAuth: true, Logger: silent{},
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(l) }()
	t.Cleanup(func() { s.Close(); <-done })
	return user, "imap://termine:geheim@" + l.Addr().String()
}

// bring puts a mail into the mailbox.
func bring(t *testing.T, user *imapmemserver.User, raw []byte) {
	t.Helper()
	if _, err := user.Append("INBOX", literal{bufio.NewReader(strings.NewReader(string(raw))), int64(len(raw))}, &imap.AppendOptions{}); err != nil {
		t.Fatal(err)
	}
}

type literal struct {
	*bufio.Reader
	size int64
}

func (l literal) Size() int64 { return l.size }

func TestMailIsFetchedWhenItComesAndMovedAway(t *testing.T) {
	t.Parallel()
	o := newOffice(t, Outbox{})
	o.receive = counting(o)
	o.start()
	user, address := mailbox(t)
	for i := range imapBatch + 5 { // more than one batch waits
		bring(t, user, letter(fmt.Sprintf("p%d@praxis.example", i)))
	}
	m, err := NewIMAP(address, NewInbox(o.Queue, o.receive))
	if err != nil {
		t.Fatal(err)
	}
	m.poll = 10 * time.Minute // so that what comes later can only have been pushed
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); m.Run(ctx, func(step string) { t.Errorf("trouble: %s", step) }) }()
	o.await(imapBatch+5, `select count(*) from effect`)
	bring(t, user, letter("late@praxis.example"))
	o.await(1, `select count(*) from effect where sender = 'late@praxis.example'`)
	left := func(box string) uint32 {
		s, err := user.Status(box, &imap.StatusOptions{NumMessages: true})
		if err != nil {
			t.Fatal(err)
		}
		return *s.NumMessages
	}
	for end := time.Now().Add(60 * time.Second); left("INBOX") > 0 || left(imapDone) != imapBatch+6; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d mails are left, %d were moved", left("INBOX"), left(imapDone))
		}
	}
	cancel()
	<-done
}

func TestAMailboxThatCannotBeOpenedSaysAtWhichStep(t *testing.T) {
	t.Parallel()
	_, address := mailbox(t)
	for step, url := range map[string]string{
		"login":   strings.Replace(address, "geheim", "falsch", 1),
		"mailbox": address + "/Anderswo",
		"connect": "imap://a:b@127.0.0.1:1",
	} {
		m, err := NewIMAP(url, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Reach(t.Context()); err == nil || err.Error() != "imap: "+step {
			t.Errorf("%s: %v", step, err)
		}
	}
	m, err := NewIMAP(address, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Reach(t.Context()); err != nil {
		t.Error(err)
	}
}
