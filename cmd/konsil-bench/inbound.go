package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/textproto"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/expertpool/mail"
)

// inboundFigures is the line that inbound prints.
type inboundFigures struct {
	Mails    int     `json:"mails"`
	Brought  int     `json:"brought"`  // duplicates included
	Stored   int     `json:"stored"`   // must be mails
	Answers  int     `json:"answers"`  // on record
	Overdue  int     `json:"overdue"`  // read after a newer one of the same person, and rightly without effect
	Twice    int     `json:"twice"`    // answers on record more than once: must be 0
	Lost     int     `json:"lost"`     // mails without effect or reason: must be 0
	Wrong    int     `json:"wrong"`    // invitations that do not say what was answered last: must be 0
	Seconds  float64 `json:"seconds"`  // until the last is read
	Accepted float64 `json:"accepted"` // seconds until the last is acknowledged
	Load     float64 `json:"load"`
}

// runInbound brings answers by mail as the house's mail server does, over LMTP, some of them several times, while they are read.
func runInbound(args []string, out io.Writer) error {
	f := flag.NewFlagSet("konsil-bench inbound", flag.ContinueOnError)
	n := f.Int("n", 1000, "mails")
	senders := f.Int("senders", 4, "connections that bring them, and as many workers that read")
	ctx, stop := context.WithTimeout(context.Background(), 10*time.Minute)
	defer stop()
	h, err := officeFor(ctx, f, args, "[-n N] [-senders N]", func() bool { return *n >= 1 && *senders >= 1 })
	if err != nil {
		return err
	}
	defer h.close()
	mails, err := h.answers(ctx, *n)
	if err != nil {
		return fmt.Errorf("inbound: %w", err)
	}
	fig, err := h.takeIn(ctx, mails, *senders)
	if err != nil {
		return fmt.Errorf("inbound: %w", err)
	}
	fig.Load = loadAverage()
	return json.NewEncoder(out).Encode(fig)
}

// answers are mails of the invited, each person's later ones newer than those before.
func (h *office) answers(ctx context.Context, n int) ([]string, error) {
	for range 1 + n/80 {
		if _, err := h.convene(8); err != nil {
			return nil, err
		}
	}
	rows, err := h.Query(ctx, `select i.uid, a.email from invitation i join account a on a.id = i.account_id order by i.id`)
	if err != nil {
		return nil, err
	}
	type invited struct{ UID, Email string }
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[invited])
	if err != nil {
		return nil, err
	}
	said := []string{"TENTATIVE", "DECLINED", "ACCEPTED"}
	began := time.Now().Add(-time.Hour)
	var mails []string
	for i := range n {
		v, round := all[i%len(all)], i/len(all)
		mails = append(mails, fmt.Sprintf("From: %s\r\nTo: termine@konsil.example\r\nSubject: Antwort %d\r\nMIME-Version: 1.0\r\nContent-Type: text/calendar; method=REPLY; charset=utf-8\r\n\r\n"+
			"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y//EN\r\nMETHOD:REPLY\r\nBEGIN:VEVENT\r\nUID:%s\r\nSEQUENCE:0\r\nDTSTAMP:%s\r\nATTENDEE;PARTSTAT=%s:mailto:%s\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
			v.Email, i, v.UID, began.Add(time.Duration(round)*time.Minute).UTC().Format("20060102T150405Z"), said[round%len(said)], v.Email))
	}
	return mails, nil
}

// takeIn brings the mails over several connections, a fifth of them twice, and reads them at the same time.
func (h *office) takeIn(ctx context.Context, mails []string, senders int) (inboundFigures, error) {
	inbox := mail.NewInbox(h.mails, h.meetings.Received)
	l, err := mail.ListenLMTP("127.0.0.1:0", inbox)
	if err != nil {
		return inboundFigures{}, err
	}
	served := make(chan error, 1)
	go func() { served <- l.Serve() }()
	defer func() { _ = l.Close(); <-served }()
	f := inboundFigures{Mails: len(mails)}
	random := rand.New(rand.NewPCG(1, 2))
	lots := make([][]string, senders)
	for i, m := range mails {
		at := i % senders
		lots[at] = append(lots[at], m)
		if f.Brought++; random.IntN(5) == 0 {
			other := random.IntN(senders) // another server of the house, which has not heard of the first's success
			lots[other] = append(lots[other], m)
			f.Brought++
		}
	}
	began := time.Now()
	if err := h.bringAndRead(ctx, inbox, l.Addr().String(), lots, func() { f.Accepted = time.Since(began).Seconds() }); err != nil {
		return f, err
	}
	f.Seconds = time.Since(began).Seconds()
	return f, h.countEffects(ctx, &f)
}

func (h *office) bringAndRead(ctx context.Context, inbox *mail.Inbox, address string, lots [][]string, brought func()) error {
	failed := make(chan error, 2*len(lots))
	var bringing, reading sync.WaitGroup
	done := make(chan struct{})
	for _, lot := range lots {
		bringing.Go(func() { failed <- bring(address, lot) })
		reading.Go(func() { failed <- readUntil(ctx, inbox, done) })
	}
	bringing.Wait()
	brought()
	close(done)
	reading.Wait()
	close(failed)
	var err error
	for e := range failed {
		err = errors.Join(err, e)
	}
	return err
}

// readUntil reads what waits, and once everything is brought, until nothing waits.
func readUntil(ctx context.Context, inbox *mail.Inbox, done <-chan struct{}) error {
	for {
		last := false
		select {
		case <-done:
			last = true
		default:
		}
		more, err := inbox.Next(ctx)
		if err != nil || last && !more {
			return err
		}
		if !more {
			time.Sleep(5 * time.Millisecond)
		}
	}
}

// bring hands mails over one connection. RFC 2033
func bring(address string, mails []string) error {
	c, err := textproto.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer c.Close()
	expect := func(code int) {
		if err == nil {
			_, _, err = c.ReadResponse(code)
		}
	}
	say := func(code int, line string) {
		if err == nil {
			err = c.PrintfLine("%s", line)
		}
		expect(code)
	}
	expect(220)
	say(250, "LHLO mx.example")
	for _, m := range mails {
		say(250, "MAIL FROM:<somebody@praxis.example>")
		say(250, "RCPT TO:<termine@konsil.example>")
		say(354, "DATA")
		if err != nil {
			return err
		}
		w := c.DotWriter()
		if _, err = io.WriteString(w, m); err == nil {
			err = w.Close()
		}
		expect(250)
	}
	return err
}

// countEffects looks what became of all of it.
func (h *office) countEffects(ctx context.Context, f *inboundFigures) error {
	return h.QueryRow(ctx, `
		with newest as (
			select distinct on (invitation_id) invitation_id, answer from response order by invitation_id, stamp desc, id desc
		)
		select (select count(*) from message_in),
			(select count(*) from response),
			(select count(*) from message_in where rule = 'older'),
			(select count(*) from (select from response group by invitation_id, stamp having count(*) > 1) d),
			(select count(*) from message_in where not (state = 'done' and rule = 'answer' or rule = 'older')),
			(select count(*) from newest n join invitation i on i.id = n.invitation_id where i.state <> n.answer)`).
		Scan(&f.Stored, &f.Answers, &f.Overdue, &f.Twice, &f.Lost, &f.Wrong)
}
