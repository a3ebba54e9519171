package trial

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/ical"
	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/mail"
	"github.com/konsil-server/konsil/migrations/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// desk is somebody who tries her calendar, on a database of its own.
type desk struct {
	t *testing.T
	*Store
	by    account.Actor
	email string
	inbox *mail.Inbox
	lost  int // mails that were not for a test
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{t: t, email: "karin@konsil.test"}
	clock := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	db := pgtest.New(t)
	mails, err := mail.New(db, mail.Config{From: "termine@konsil.test", Host: "konsil.test", Transport: mail.Outbox{}})
	d.must(err)
	d.Store = &Store{DB: db, Mails: mails, URL: "https://konsil.test", Organizer: "termine@konsil.test", Now: func() time.Time { return clock }}
	network, organisation := uuid.New(), uuid.New()
	d.exec(`insert into network (id, name) values ($1, 'N')`, network)
	d.exec(`insert into organisation (id, network_id, name, kind) values ($1, $2, 'Pool', 'pool')`, organisation, network)
	accounts := account.NewStore(db, d.Now)
	id, err := accounts.Add(t.Context(), account.New{Organisation: organisation, Role: account.Coordinator, Name: "Karin Oelze", Email: d.email})
	d.must(err)
	d.by, err = accounts.ByID(t.Context(), id)
	d.must(err)
	d.by.Session = uuid.New()
	d.inbox = mail.NewInbox(mails, func(ctx context.Context, tx pgx.Tx, in mail.Inbound) (mail.Verdict, error) {
		v, mine, err := d.Received(ctx, tx, in)
		if !mine {
			d.lost++
			v = mail.Verdict{State: mail.Kept, Rule: "words"}
		}
		return v, err
	})
	return d
}

func (d *desk) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) exec(sql string, args ...any) {
	d.t.Helper()
	_, err := d.DB.Exec(d.t.Context(), sql, args...)
	d.must(err)
}

func (d *desk) own() *Trial {
	d.t.Helper()
	t, _, err := d.Own(d.t.Context(), d.by)
	d.must(err)
	return t
}

// sent are the calendar objects that went out, the oldest first.
func (d *desk) sent() []*ical.Object {
	d.t.Helper()
	rows, err := d.DB.Query(d.t.Context(), `select calendar from message_out where kind = 'trial' order by position`)
	d.must(err)
	all, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (o *ical.Object, err error) {
		var raw []byte
		if err = r.Scan(&raw); err == nil {
			o, err = ical.Parse(raw)
		}
		return o, err
	})
	d.must(err)
	return all
}

func (d *desk) comes(raw string) {
	d.t.Helper()
	d.must(d.inbox.Ingest(d.t.Context(), "imap", "termine@konsil.test", []byte(strings.ReplaceAll(raw, "\n", "\r\n"))))
	for more := true; more; {
		var err error
		more, err = d.inbox.Next(d.t.Context())
		d.must(err)
	}
}

func (d *desk) answers(method, uid string, sequence int, line string) {
	d.t.Helper()
	d.comes(fmt.Sprintf("From: %s\nContent-Type: text/calendar; method=%s\n\nBEGIN:VCALENDAR\nMETHOD:%s\nBEGIN:VEVENT\nUID:%s\nSEQUENCE:%d\nDTSTAMP:20261120T100000Z\n%s\nEND:VEVENT\nEND:VCALENDAR\n",
		d.email, method, method, uid, sequence, line))
}

func TestATestIsAskedMovedAndCalledOffLikeARealDate(t *testing.T) {
	t.Parallel()
	d, ctx := newDesk(t), t.Context()
	if d.own() != nil || !errors.Is(d.Move(ctx, d.by), account.ErrNotFound) || !errors.Is(d.Tick(ctx, d.by, nil), account.ErrNotFound) {
		t.Error("there is a test before one is begun")
	}
	d.must(d.Begin(ctx, d.by))
	if err := d.Begin(ctx, d.by); !errors.Is(err, account.ErrConflict) {
		t.Errorf("a second one at the same time: %v", err)
	}
	d.must(d.Move(ctx, d.by))
	d.must(d.Cancel(ctx, d.by))
	if err := d.Move(ctx, d.by); !errors.Is(err, account.ErrConflict) {
		t.Errorf("moved after it was called off: %v", err)
	}
	all := d.sent()
	for i, want := range []string{"REQUEST", "REQUEST", "CANCEL"} {
		o := all[i]
		if o.Method != want || o.Sequence != i || o.UID != all[0].UID || len(o.Attendees) != 1 || o.Attendees[0].Email != d.email || i > 0 && !o.Stamp.After(all[i-1].Stamp) {
			t.Errorf("mail %d: %+v", i, o)
		}
	}
	if all[1].Start.Equal(all[0].Start) || !all[2].Start.Equal(all[1].Start) || all[0].Start.Weekday() == time.Saturday || all[0].Start.Weekday() == time.Sunday {
		t.Errorf("dates %v, %v, %v", all[0].Start, all[1].Start, all[2].Start)
	}
	d.must(d.Begin(ctx, d.by))
	if again := d.sent()[3]; again.UID == all[0].UID || again.Sequence != 0 {
		t.Errorf("a new test: %+v", again)
	}
}

func TestWhatComesBackForATestIsShownThereAndNowhereElse(t *testing.T) {
	t.Parallel()
	d, ctx := newDesk(t), t.Context()
	d.must(d.Begin(ctx, d.by))
	uid := d.sent()[0].UID
	d.answers("REPLY", uid, 0, "ATTENDEE;PARTSTAT=ACCEPTED:mailto:"+d.email)
	d.must(d.Move(ctx, d.by))
	d.answers("COUNTER", uid, 1, "DTSTART:20261202T100000Z\nDURATION:PT1H")
	d.answers("REFRESH", uid, 1, "ATTENDEE:mailto:"+d.email)
	var letter uuid.UUID
	var message string
	d.must(d.DB.QueryRow(ctx, `select id, message_id from message_out order by position limit 1`).Scan(&letter, &message))
	d.comes("From: mx@mx.test\nReferences: " + message + "\nAuto-Submitted: auto-replied\nContent-Type: multipart/report; boundary=r\n\n--r\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx\n\nAction: failed\nStatus: 5.1.1\n\n--r--\n")
	d.comes("From: " + d.email + "\nIn-Reply-To: " + message + "\nContent-Type: text/plain\n\nKommt an.\n")
	d.comes("From: " + d.email + "\nIn-Reply-To: " + message + "\nAuto-Submitted: auto-replied\nContent-Type: text/plain\n\nIch bin im Urlaub.\n")
	var said []string
	for _, a := range d.own().Answers {
		said = append(said, a.Said+map[bool]string{true: " old"}[a.Old])
	}
	if got := strings.Join(said, ", "); got != "accepted old, proposed, asked_again, came_back old, unclear old" {
		t.Errorf("the page says %s", got)
	}
	if d.lost != 0 {
		t.Errorf("%d mails reach the coordination", d.lost)
	}
	d.must(d.Cancel(ctx, d.by))
	d.must(d.Begin(ctx, d.by))
	d.comes("From: " + d.email + "\nIn-Reply-To: " + message + "\nContent-Type: text/plain\n\nNoch etwas.\n")
	if d.lost != 0 || len(d.own().Answers) != 0 {
		t.Errorf("what is late: %d lost, %+v", d.lost, d.own().Answers)
	}
	d.answers("REPLY", ical.NewUID("konsil.test"), 0, "ATTENDEE;PARTSTAT=ACCEPTED:mailto:"+d.email)
	if d.lost != 1 {
		t.Error("an answer to something else is taken for one to a test")
	}
}

func TestTicksAndTheChoiceOfPrivateDatesStay(t *testing.T) {
	t.Parallel()
	d, ctx := newDesk(t), t.Context()
	d.must(d.Choose(ctx, d.by, true))
	d.must(d.Begin(ctx, d.by))
	d.must(d.Tick(ctx, d.by, []string{"time", "nonsense", "arrived", "time"}))
	found, private, err := d.Own(ctx, d.by)
	d.must(err)
	if !private || strings.Join(found.Ticks, " ") != "arrived time" || !found.Reached(Asked) || found.Reached(Moved) {
		t.Errorf("private %v, %+v", private, found)
	}
	var raw []byte
	d.must(d.DB.QueryRow(ctx, `select calendar from message_out`).Scan(&raw))
	if !strings.Contains(string(raw), "\r\nCLASS:PRIVATE\r\n") {
		t.Error("her date is not marked private")
	}
	d.must(d.Choose(ctx, d.by, false))
	if _, private, err := d.Own(ctx, d.by); private || err != nil {
		t.Errorf("private %v, %v", private, err)
	}
}

func TestTestMailsHaveAnEndForTheDay(t *testing.T) {
	t.Parallel()
	d, ctx := newDesk(t), t.Context()
	var err error
	n := 0
	for ; err == nil && n < 2*most; n++ {
		if err = d.Begin(ctx, d.by); err == nil {
			d.must(d.Cancel(ctx, d.by))
		}
	}
	if !errors.Is(err, account.ErrConflict) || len(d.sent()) > most+1 {
		t.Errorf("%d mails, then %v", len(d.sent()), err)
	}
}
