package account_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/mail"
)

// notified makes the desk one that mails.
func (d *desk) notified() *desk {
	d.t.Helper()
	q, err := mail.New(d.db, mail.Config{From: "termine@konsil.test", Host: "konsil.test", Transport: mail.Outbox{}})
	if err != nil {
		d.t.Fatal(err)
	}
	d.Notify(q, "https://konsil.test")
	return d
}

type sentMail struct{ To, Subject, Text string }

// sent are the mails so far, in order.
func (d *desk) sent() []sentMail {
	d.t.Helper()
	rows, err := d.db.Query(d.t.Context(), `select to_email, subject, body_text from message_out order by position`)
	if err != nil {
		d.t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[sentMail])
	if err != nil {
		d.t.Fatal(err)
	}
	return list
}

func (d *desk) inTx(do func(pgx.Tx) error) error {
	return pgx.BeginFunc(d.t.Context(), d.db, do)
}

func TestEveryNoticeIsASentenceOfItsOwn(t *testing.T) {
	t.Parallel()
	d := newDesk(t).notified()
	id := d.add(account.New{Role: account.Expert, Name: "Dr. Eva Kern", Email: "eva@pool.test"})
	all := constantsOf(t, "notice.go", "Notice")
	for _, n := range all {
		if err := d.inTx(func(tx pgx.Tx) error { return d.Tell(t.Context(), tx, id, account.Notice(n)) }); err != nil {
			t.Fatalf("%s: %v", n, err)
		}
	}
	subjects := map[string]bool{}
	for _, m := range d.sent() {
		if m.To != "eva@pool.test" || !strings.Contains(m.Text, "Dr. Eva Kern") || strings.Contains(m.Text, "http") {
			t.Errorf("mail %+v", m)
		}
		subjects[m.Subject] = true
	}
	if len(subjects) != len(all) {
		t.Errorf("%d subjects for %d notices", len(subjects), len(all))
	}
}

func TestADeedThatIsTakenBackTellsNobody(t *testing.T) {
	t.Parallel()
	d := newDesk(t).notified()
	id := d.add(account.New{Role: account.Expert, Name: "Eva Kern", Email: "eva@pool.test"})
	back := d.inTx(func(tx pgx.Tx) error {
		if err := d.Tell(t.Context(), tx, id, account.PasswordChanged); err != nil {
			return err
		}
		return account.ErrConflict
	})
	if back == nil || len(d.sent()) != 0 {
		t.Errorf("%v, sent %v", back, d.sent())
	}
}

func TestWhoCannotBeMailedCanBeLockedAllTheSame(t *testing.T) {
	t.Parallel()
	d := newDesk(t).notified()
	odd := d.add(account.New{Role: account.Expert, Name: "Eva Kern", Email: "eva@pool_of.test"})
	listed := uuid.New()
	d.exec(`insert into account (id, organisation_id, role, name, email, created_at) values ($1, $2, 'expert', 'Listed', '', now())`, listed, d.org)
	for _, id := range []uuid.UUID{odd, listed} {
		err := d.inTx(func(tx pgx.Tx) error {
			done, err := d.DisableIn(t.Context(), tx, id)
			if !done {
				t.Error("was not open")
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	if got := d.sent(); len(got) != 0 {
		t.Errorf("sent %v", got)
	}
}

func TestDisablingTellsOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t).notified()
	d.add(account.New{Role: account.Expert, Name: "Eva Kern", Email: "eva@pool.test"})
	for range 2 {
		if err := d.Disable(t.Context(), "eva@pool.test"); err != nil {
			t.Fatal(err)
		}
	}
	if got := d.sent(); len(got) != 1 || !strings.Contains(got[0].Subject, "gesperrt") {
		t.Errorf("sent %v", got)
	}
}
