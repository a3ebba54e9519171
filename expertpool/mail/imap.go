package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

const (
	imapPoll    = time.Minute     // how long a push is waited for before we look ourselves
	imapPatient = 2 * time.Minute // how long the server may take for one answer
	imapBatch   = 20
	// imapDone is where mail goes that has been taken in. It is the operator's to empty.
	imapDone = "konsil-gelesen"
)

// IMAP fetches mail from a mailbox of the house's mail server: pushed where the server can (IDLE), otherwise every minute.
type IMAP struct {
	host, port, user, pass, box string
	secure                      bool // TLS from the first byte; otherwise STARTTLS, or plain on this machine
	inbox                       *Inbox
	poll                        time.Duration
}

// NewIMAP reads imap(s)://user:pass@host:port[/mailbox]. Errors are *InvalidError and never quote the address.
func NewIMAP(rawURL string, b *Inbox) (*IMAP, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, &InvalidError{"IMAP", "url"}
	}
	if u.Scheme != "imap" && u.Scheme != "imaps" {
		return nil, &InvalidError{"IMAP", "scheme"}
	}
	if port, err := strconv.Atoi(u.Port()); err != nil || port < 1 || port > 65535 {
		return nil, &InvalidError{"IMAP", "port"}
	}
	if net.ParseIP(u.Hostname()) == nil && !isDomain(u.Hostname()) {
		return nil, &InvalidError{"IMAP", "host"}
	}
	m := &IMAP{host: u.Hostname(), port: u.Port(), box: strings.Trim(u.Path, "/"), secure: u.Scheme == "imaps", inbox: b, poll: imapPoll}
	m.user = u.User.Username()
	m.pass, _ = u.User.Password()
	if m.user == "" || m.pass == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, &InvalidError{"IMAP", "user-and-password"}
	}
	if m.box == "" {
		m.box = "INBOX"
	}
	return m, nil
}

// Run fetches until ctx ends. After a lost connection it tries again, more and more slowly up to a minute. trouble is told what went
// wrong, in words that contain nothing of a mail or of the server's answer.
func (m *IMAP) Run(ctx context.Context, trouble func(step string)) {
	for pause := time.Second; ctx.Err() == nil; pause = min(2*pause, m.poll) {
		began := time.Now()
		step := m.session(ctx)
		if ctx.Err() != nil {
			return
		}
		trouble(step)
		if time.Since(began) > m.poll {
			pause = time.Second
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// Reach connects, signs in, and looks whether the mailbox is there. The error names the step only.
func (m *IMAP) Reach(ctx context.Context) error {
	c, step := m.open(ctx, nil)
	if step != "" {
		return errors.New("imap: " + step)
	}
	return c.Close()
}

// session lasts as long as one connection and returns the step at which it ended.
func (m *IMAP) session(ctx context.Context) string {
	news := make(chan struct{}, 1)
	c, step := m.open(ctx, func() {
		select {
		case news <- struct{}{}:
		default:
		}
	})
	if step != "" {
		return step
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	for ctx.Err() == nil {
		if err := m.fetch(ctx, c); err != nil {
			return "fetch"
		}
		if err := m.wait(ctx, c, news); err != nil {
			return "idle"
		}
	}
	return "stopped"
}

// open connects, signs in and selects the mailbox.
func (m *IMAP) open(ctx context.Context, arrived func()) (*imapclient.Client, string) {
	conn, err := (&net.Dialer{Timeout: imapPatient}).DialContext(ctx, "tcp", net.JoinHostPort(m.host, m.port))
	if err != nil {
		return nil, "connect"
	}
	options := &imapclient.Options{TLSConfig: &tls.Config{ServerName: m.host, MinVersion: tls.VersionTLS12}}
	if arrived != nil {
		options.UnilateralDataHandler = &imapclient.UnilateralDataHandler{
			Mailbox: func(data *imapclient.UnilateralDataMailbox) {
				if data.NumMessages != nil {
					arrived()
				}
			},
		}
	}
	var c *imapclient.Client
	switch {
	case m.secure:
		c = imapclient.New(tls.Client(conn, options.TLSConfig), options)
	case isLoopback(m.host):
		c = imapclient.New(conn, options)
	default:
		if c, err = imapclient.NewStartTLS(conn, options); err != nil {
			conn.Close()
			return nil, "tls"
		}
	}
	defer context.AfterFunc(ctx, func() { c.Close() })()
	deadline := time.AfterFunc(imapPatient, func() { c.Close() })
	defer deadline.Stop()
	if err := c.Login(m.user, m.pass).Wait(); err != nil {
		c.Close()
		return nil, "login"
	}
	if _, err := c.Select(m.box, nil).Wait(); err != nil {
		c.Close()
		return nil, "mailbox"
	}
	return c, ""
}

// fetch takes in everything in the mailbox and moves it away. What was stored before a crash is stored again, once: Ingest knows it.
func (m *IMAP) fetch(ctx context.Context, c *imapclient.Client) error {
	for {
		deadline := time.AfterFunc(imapPatient, func() { c.Close() })
		n, err := m.batch(ctx, c)
		deadline.Stop()
		if err != nil || n < imapBatch {
			return err
		}
	}
}

func (m *IMAP) batch(ctx context.Context, c *imapclient.Client) (int, error) {
	found, err := c.UIDSearch(&imap.SearchCriteria{NotFlag: []imap.Flag{imap.FlagDeleted}}, nil).Wait()
	if err != nil {
		return 0, err
	}
	uids := found.AllUIDs()
	uids = uids[:min(len(uids), imapBatch)]
	if len(uids) == 0 {
		return 0, nil
	}
	section := &imap.FetchItemBodySection{Peek: true, Partial: &imap.SectionPartial{Size: MaxInbound + 1}}
	mails, err := c.Fetch(imap.UIDSetNum(uids...), &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{section}}).Collect()
	if err != nil {
		return 0, err
	}
	for _, mail := range mails {
		if len(mail.BodySection) != 1 {
			return 0, errors.New("a mail without content")
		}
		if err := m.inbox.Ingest(ctx, "imap", m.inbox.from.Address, mail.BodySection[0].Bytes); err != nil {
			return 0, err
		}
	}
	return len(uids), m.away(c, imap.UIDSetNum(uids...))
}

// away moves what was taken in to a folder of its own, which it makes when it is not there.
func (m *IMAP) away(c *imapclient.Client, uids imap.UIDSet) error {
	_, err := c.Move(uids, imapDone).Wait()
	var refused *imap.Error
	if errors.As(err, &refused) {
		if err := c.Create(imapDone, nil).Wait(); err != nil {
			return fmt.Errorf("make folder: %w", err)
		}
		_, err = c.Move(uids, imapDone).Wait()
	}
	return err
}

// wait returns when there may be new mail.
func (m *IMAP) wait(ctx context.Context, c *imapclient.Client, news <-chan struct{}) error {
	var idle *imapclient.IdleCommand
	if c.Caps().Has(imap.CapIdle) {
		var err error
		if idle, err = c.Idle(); err != nil {
			return err
		}
	}
	gone := c.Closed()
	if idle == nil {
		news = nil
	}
	select {
	case <-ctx.Done():
	case <-gone:
	case <-news:
	case <-time.After(m.poll):
	}
	if idle == nil {
		return nil
	}
	if err := idle.Close(); err != nil {
		return err
	}
	return idle.Wait()
}
