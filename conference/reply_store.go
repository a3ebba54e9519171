package conference

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/ical"
	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/mail"
)

// maxRefresh is how often in a day a calendar is sent its invitation again.
const maxRefresh = 3

// Received follows a mail that came in: an answer, a proposal of another date, a question for the date, or a mail of ours that came back. It
// is a mail.Receiver. Nothing vanishes: what cannot be followed is kept for the coordination, with a rule that says why.
func (s *Store) Received(ctx context.Context, tx pgx.Tx, in mail.Inbound) (mail.Verdict, error) {
	switch {
	case in.Report != nil || in.Bounced != uuid.Nil:
		return s.cameBack(ctx, tx, in)
	case in.Calendar != nil:
		return s.calendarSaid(ctx, tx, in)
	case in.Automatic:
		return mail.Verdict{State: mail.Ignored, Rule: "automatic"}, nil
	}
	v, err := referred(ctx, tx, in)
	v.State, v.Rule = mail.Kept, "words"
	if in.Unreadable != "" {
		v.Rule = "unreadable"
	}
	return v, err
}

// referred finds the mail of ours that a mail answers.
func referred(ctx context.Context, tx pgx.Tx, in mail.Inbound) (mail.Verdict, error) {
	var v mail.Verdict
	err := tx.QueryRow(ctx, `
		select thread, organisation_id from message_out
		where id = $1 or message_id = any($2)
		order by id = $1 desc, position desc limit 1`, in.Bounced, in.Refers).Scan(&v.Thread, &v.Organisation)
	if err != nil && !isNone(err) {
		return v, fmt.Errorf("referred mail: %w", err)
	}
	return v, nil
}

// cameBack notes that an invitation did not arrive. RFC 3464 §2.3.3
func (s *Store) cameBack(ctx context.Context, tx pgx.Tx, in mail.Inbound) (mail.Verdict, error) {
	v, err := referred(ctx, tx, in)
	if err != nil {
		return v, err
	}
	switch {
	case v.Thread == "":
		v.State, v.Rule = mail.Kept, "bounce_unknown"
		return v, nil
	case in.Report == nil && in.Automatic:
		v.State, v.Rule = mail.Ignored, "automatic" // holiday replies go to the return path too
		return v, nil
	case in.Report == nil:
		v.State, v.Rule = mail.Kept, "words"
		return v, nil
	case in.Report.Action != "failed":
		v.State, v.Rule, v.Detail = mail.Ignored, "bounce_delayed", in.Report.Status
		return v, nil
	}
	status := in.Report.Status
	if status == "" {
		status = "5.0.0"
	}
	done, err := tx.Exec(ctx, `
		update invitation set undeliverable = $2, undeliverable_at = $3
		where id::text = $1 and state <> 'cancelled'`, v.Thread, status, s.Now())
	if err != nil {
		return v, fmt.Errorf("came back: %w", err)
	}
	v.State, v.Rule, v.Detail = mail.Done, "bounce", status
	if done.RowsAffected() == 0 {
		v.State = mail.Kept // a mail about a measure, or to somebody who is out: somebody should know
	}
	return v, nil
}

// calendarSaid follows what a calendar says about one of our dates.
func (s *Store) calendarSaid(ctx context.Context, tx pgx.Tx, in mail.Inbound) (mail.Verdict, error) {
	o, err := ical.Parse(in.Calendar)
	if err != nil {
		v, err := referred(ctx, tx, in)
		v.State, v.Rule = mail.Kept, "unreadable"
		return v, err
	}
	a, err := s.addressed(ctx, tx, o.UID)
	if isNone(err) {
		v, err := referred(ctx, tx, in)
		v.State, v.Rule = mail.Kept, "unknown_invitation"
		return v, err
	}
	if err != nil {
		return mail.Verdict{}, err
	}
	v := mail.Verdict{State: mail.Done, Thread: a.v.id.String(), Organisation: a.c.Organisation}
	known, err := a.knows(ctx, tx, in.From, o)
	if err != nil {
		return v, err
	}
	o.Stamp = givenAt(o.Stamp, s.Now())
	r := readReply(o, a.v.sequence, a.last)
	switch {
	case r.ignored == "method" && !in.Automatic && in.Text != "":
		v.State, v.Rule = mail.Kept, "words" // somebody wrote, and our own invitation hangs on it
	case r.ignored != "":
		v.State, v.Rule = mail.Ignored, r.ignored
	case !known:
		v.State, v.Rule = mail.Kept, "unknown_sender"
	case r.kept != "":
		v.State, v.Rule = mail.Kept, r.kept
	default:
		v.Rule, err = s.follow(ctx, tx, in, a, r)
	}
	var refused *account.RefusedError
	var invalid *account.InvalidError
	switch {
	case errors.As(err, &refused): // the date is over, cancelled, or the seat left
		v.State, v.Rule, err = mail.Kept, refused.Rule, nil
	case errors.As(err, &invalid): // a proposal that lies in the past, or a year ahead
		v.State, v.Rule, err = mail.Kept, "no_date", nil
	}
	return v, err
}

// addressee is the invitation that a calendar object is about, and whose it is.
type addressee struct {
	v     invitation
	c     Conference
	by    account.Actor
	email string
	last  time.Time // stamp of the newest answer for this sequence number; one on the web counts by our clock
	said  Answer    // the answer that stands, and what was written beside it
	words string
}

func (s *Store) addressed(ctx context.Context, tx pgx.Tx, uid string) (addressee, error) {
	var a addressee
	var last *time.Time
	err := tx.QueryRow(ctx, `
		select i.id, i.account_id, w.email,
			(select date_trunc('second', max(coalesce(r.stamp, r.at))) from response r where r.invitation_id = i.id and r.sequence = i.sequence)
		from invitation i join account w on w.id = i.account_id
		where i.uid = $1`, uid).Scan(&a.v.id, &a.v.account, &a.email, &last)
	if err != nil {
		return a, err
	}
	if last != nil {
		a.last = *last
	}
	if a.by, err = s.Accounts.ByIDIn(ctx, tx, a.v.account); err != nil {
		return a, pgx.ErrNoRows // she has no account any more: like an invitation that is not there
	}
	v, asked, c, err := s.asked(ctx, tx, a.by, a.v.id, " for update of c, i")
	a.v, a.c, a.said, a.words = v, c, asked.Answer, asked.Comment
	return a, err
}

// knows tells whether a mail comes from the invited person: by her address, or by one that somebody has confirmed to be hers. Forging it
// takes the UID, which only she was sent.
func (a addressee) knows(ctx context.Context, tx pgx.Tx, from string, o *ical.Object) (bool, error) {
	said := []string{strings.ToLower(from)}
	if len(o.Attendees) == 1 {
		said = append(said, strings.ToLower(o.Attendees[0].Email))
	}
	var known bool
	err := tx.QueryRow(ctx, `
		select lower($1) = any($2) or exists (select from mail_alias where account_id = $3 and email = any($2))`, a.email, said, a.v.account).Scan(&known)
	if err != nil {
		return false, fmt.Errorf("known address: %w", err)
	}
	return known, nil
}

// follow does what a reply says. It returns a word for the record, or a refusal.
func (s *Store) follow(ctx context.Context, tx pgx.Tx, in mail.Inbound, a addressee, r reply) (string, error) {
	if err := answerable(a.c, a.v.state, a.v.declared, a.v.sequence, a.v.sequence, s.Now()); err != nil {
		return "", err
	}
	switch r.method {
	case "REFRESH":
		return "refresh", s.refresh(ctx, tx, a)
	case "COUNTER":
		return "proposal", s.propose(ctx, tx, a, Proposal{StartsAt: r.start, EndsAt: r.end, Comment: r.comment, Source: "mail"})
	}
	if r.stamp.Equal(a.last) && r.answer == a.said && r.comment == a.words {
		return "repeated", nil // the same answer once more, by another way or in another envelope
	}
	rule := "answer"
	if r.raisedSequence {
		rule = "sequence_raised"
	}
	if err := s.storeFrom(ctx, tx, a.c, a.v, r.answer, r.comment, origin{"mail", &r.stamp, &in.ID}); err != nil {
		return "", err
	}
	if err := s.settle(ctx, tx, a.c); err != nil {
		return "", err
	}
	return rule, s.record(ctx, tx, a.by, a.c, "answer_"+string(r.answer), "invitation", a.v.id.String(), "mail")
}

// refresh sends an invitation as it stands once more, with a newer stamp: calendars take that for the same date.
func (s *Store) refresh(ctx context.Context, tx pgx.Tx, a addressee) error {
	var today int
	err := tx.QueryRow(ctx, `
		select count(*) from message_out where thread = $1 and method = 'REQUEST' and queued_at > now() - interval '1 day'`, a.v.id.String()).Scan(&today)
	if err != nil {
		return fmt.Errorf("refresh: %w", err)
	}
	if today > maxRefresh {
		return account.Refuse(account.ErrConflict, "refreshed_often")
	}
	return s.askAgain(ctx, tx, a.c, false, a.v)
}
