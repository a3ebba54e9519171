package main

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"golang.org/x/sync/errgroup"

	"github.com/konsil-server/konsil/expertpool/mail"
)

// mailIn is how answers and bounces reach this installation; without settings for it they do not, and the page behind the link in
// each invitation is the only way to answer.
type mailIn struct {
	inbox *mail.Inbox
	imap  *mail.IMAP
	lmtp  *mail.LMTP
}

// comesIn tells whether mail can come back to us: only then are return paths worth their length.
func (c config) comesIn() bool { return c.IMAPURL != "" || c.LMTPAddr != "" }

// mailbox is the mailbox that answers are fetched from; nil without one.
func (c config) mailbox(b *mail.Inbox) (*mail.IMAP, error) {
	if c.IMAPURL == "" {
		return nil, nil
	}
	m, err := mail.NewIMAP(c.IMAPURL, b)
	if err != nil {
		return nil, fmt.Errorf("KONSIL_IMAP_URL: %w", err)
	}
	return m, nil
}

func (s *server) wireMailIn(workers *river.Workers) error {
	s.in.inbox = mail.NewInbox(s.mails, s.received)
	s.in.inbox.RegisterInbox(workers)
	var err error
	if s.in.imap, err = s.mailbox(s.in.inbox); err != nil || s.LMTPAddr == "" {
		return err
	}
	if s.in.lmtp, err = mail.ListenLMTP(s.LMTPAddr, s.in.inbox); err != nil {
		return fmt.Errorf("KONSIL_LMTP_ADDR: %w", err)
	}
	return nil
}

// received follows a mail that came in. What belongs to a test of somebody's calendar reaches no conference and no coordination.
func (s *server) received(ctx context.Context, tx pgx.Tx, in mail.Inbound) (mail.Verdict, error) {
	if v, mine, err := s.trials.Received(ctx, tx, in); mine || err != nil {
		return v, err
	}
	return s.conferences.Received(ctx, tx, in)
}

// start takes mail in until ctx ends.
func (in *mailIn) start(ctx context.Context, g *errgroup.Group, trouble func(step string)) {
	if in.imap != nil {
		g.Go(func() error { in.imap.Run(ctx, trouble); return nil })
	}
	if in.lmtp != nil {
		g.Go(in.lmtp.Serve)
		g.Go(func() error { <-ctx.Done(); return in.lmtp.Close() })
	}
}
