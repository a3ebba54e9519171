package mail

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

func TestTheSameStateOfADateIsNeverQueuedTwice(t *testing.T) {
	t.Parallel()
	o := newOffice(t, Outbox{})
	asked, stamp := invitation("REQUEST"), time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC)
	o.put(asked)
	twice := func(list ...Message) bool {
		err := pgx.BeginFunc(t.Context(), o.db, func(tx pgx.Tx) error {
			_, err := o.EnqueueAll(t.Context(), tx, list...)
			return err
		})
		var refused *pgconn.PgError
		if err != nil && (!errors.As(err, &refused) || refused.ConstraintName != "message_out_once") {
			t.Fatal(err)
		}
		return err != nil
	}
	state := func(thread, method string, sequence int, stamp time.Time) Message {
		m := invitation(method)
		m.Thread, m.Calendar = thread, calendarPart(method, sequence, stamp)
		return m
	}
	reworded := asked
	reworded.Subject, reworded.Kind = "Anders", "update"
	for what, m := range map[string]Message{"the same": asked, "in other words": reworded} {
		if !twice(m) {
			t.Errorf("%s is queued twice", what)
		}
	}
	later := stamp.Add(time.Second)
	if m := state(asked.Thread, "REQUEST", 0, later); !twice(m, m) {
		t.Error("the same is queued twice at once")
	}
	for what, m := range map[string]Message{
		"a newer stamp": state(asked.Thread, "REQUEST", 0, later), "a higher sequence": state(asked.Thread, "REQUEST", 1, stamp),
		"another method": state(asked.Thread, "CANCEL", 0, stamp), "another thread": state("another", "REQUEST", 0, stamp),
	} {
		if twice(m) {
			t.Errorf("%s counts as the same", what)
		}
	}
	if twice(note(asked.Thread, "eins"), note(asked.Thread, "eins")) {
		t.Error("a mail without a date counts as one")
	}
}

func TestACalendarPartSaysWhichStateOfTheDateItTells(t *testing.T) {
	t.Parallel()
	o := newOffice(t, Outbox{})
	for line, instead := range map[string]string{"SEQUENCE:0\r\n": "", "DTSTAMP:20270301T090000Z\r\n": "", "SEQUENCE:0": "SEQUENCE:x", "DTSTAMP:2027": "DTSTAMP:today"} {
		m := invitation("REQUEST")
		m.Calendar = []byte(strings.Replace(string(m.Calendar), line, instead, 1))
		var invalid *InvalidError
		if _, err := o.Rendered(m); !errors.As(err, &invalid) || invalid.Rule != "revision" {
			t.Errorf("%q instead of %q: %v", instead, line, err)
		}
	}
	refusal := invitation("DECLINECOUNTER")
	refusal.Calendar = []byte(strings.Replace(string(refusal.Calendar), "SEQUENCE:0\r\n", "", 1))
	if r := refusal.revision(); r == nil || r.sequence != 0 {
		t.Errorf("a refusal without a SEQUENCE is of %v", r)
	}
}

func TestManyMailsAreQueuedInTheirOrder(t *testing.T) {
	t.Parallel()
	o := newOffice(t, Outbox{})
	opening, update := invitation("REQUEST"), invitation("REQUEST")
	opening.Opens = true
	update.Calendar = calendarPart("REQUEST", 1, time.Date(2027, 3, 1, 9, 0, 1, 0, time.UTC))
	ids := o.put(opening, note("b", "eins"), update, note("b", "zwei"))
	var first string
	for i, id := range ids {
		item, err := o.Item(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		var before int
		var raw []byte
		err = o.db.QueryRow(t.Context(), `
			select raw, (select count(*) from message_out e where e.position < m.position) from message_out m where id = $1`, id).Scan(&raw, &before)
		if err != nil || before != i {
			t.Errorf("mail %d is number %d: %v", i, before, err)
		}
		if i == 0 {
			first = item.MessageID
		}
		if refers := strings.Contains(string(raw), "In-Reply-To: "+first); refers != (i == 2) {
			t.Errorf("mail %d refers to the first: %v", i, refers)
		}
	}
	var later Message = update
	later.Calendar = calendarPart("REQUEST", 2, time.Date(2027, 3, 1, 9, 0, 2, 0, time.UTC))
	if !strings.Contains(o.rawOf(later), "In-Reply-To: "+first) {
		t.Error("a later mail does not refer to the one that opened the thread")
	}
	if ids := o.put(); ids != nil {
		t.Errorf("nothing is queued as %v", ids)
	}
}

func TestAMailThatOpensItsThreadWaitsForNobody(t *testing.T) {
	t.Parallel()
	o := newOffice(t, Outbox{})
	tx, err := o.db.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(t.Context())
	locks := func() (n int) {
		if err := tx.QueryRow(t.Context(), `select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	opening := invitation("REQUEST")
	opening.Opens = true
	if _, err := o.Enqueue(t.Context(), tx, opening); err != nil || locks() != 0 {
		t.Errorf("%d locks, %v", locks(), err)
	}
	if _, err := o.EnqueueAll(t.Context(), tx, note("b", "eins"), note("a", "eins"), note("b", "zwei")); err != nil || locks() != 2 {
		t.Errorf("%d locks of two threads, %v", locks(), err)
	}
}
