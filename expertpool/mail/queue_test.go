package mail

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"github.com/konsil-server/konsil/migrations/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// office is one installation: a database, its queue, and as many sending nodes as a test starts.
type office struct {
	t  *testing.T
	db *pgxpool.Pool
	*Queue
	receive Receiver // nil: no mail comes in
}

func newOffice(t *testing.T, way Transport) *office {
	t.Helper()
	db := pgtest.New(t)
	q, err := New(db, Config{From: "Termine@konsil.example", Host: "Konsil.example", Transport: way})
	if err != nil {
		t.Fatal(err)
	}
	q.pause = func(int) time.Duration { return 100 * time.Millisecond }
	return &office{t: t, db: db, Queue: q}
}

func relayed(t *testing.T, r *relay) *office {
	t.Helper()
	way, err := NewSMTP(r.url)
	if err != nil {
		t.Fatal(err)
	}
	return newOffice(t, way)
}

// start runs one more node until the test ends. It has a pool of its own, as another process would.
func (o *office) start() {
	o.t.Helper()
	db, err := pgxpool.NewWithConfig(context.Background(), o.db.Config())
	if err != nil {
		o.t.Fatal(err)
	}
	node := *o.Queue
	node.db = db
	workers := river.NewWorkers()
	node.Register(workers)
	if o.receive != nil {
		NewInbox(&node, o.receive).RegisterInbox(workers)
	}
	client, err := river.NewClient(riverpgxv5.New(db), &river.Config{
		Queues: map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 2}}, Workers: workers,
		FetchCooldown: 20 * time.Millisecond, FetchPollInterval: 50 * time.Millisecond, SoftStopTimeout: 5 * time.Second,
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), TestOnly: true,
	})
	if err != nil {
		o.t.Fatal(err)
	}
	if err := client.Start(context.Background()); err != nil {
		o.t.Fatal(err)
	}
	o.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
		defer cancel()
		if err := client.Stop(ctx); err != nil {
			o.t.Error(err)
		}
		db.Close()
	})
}

// put queues messages in one transaction.
func (o *office) put(list ...Message) []uuid.UUID {
	o.t.Helper()
	var ids []uuid.UUID
	err := pgx.BeginFunc(o.t.Context(), o.db, func(tx pgx.Tx) error {
		var err error
		ids, err = o.EnqueueAll(o.t.Context(), tx, list...)
		return err
	})
	if err != nil {
		o.t.Fatal(err)
	}
	return ids
}

// reach waits until a mail is in a state and returns it.
func (o *office) reach(id uuid.UUID, state string) Item {
	o.t.Helper()
	for end := time.Now().Add(60 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		item, err := o.Item(o.t.Context(), id)
		if err != nil {
			o.t.Fatal(err)
		}
		if item.State == state {
			return item
		}
		if time.Now().After(end) {
			o.t.Fatalf("the mail stays %s after %d attempts: %s", item.State, item.Attempts, item.LastError)
		}
	}
}

func (o *office) mayHaveReached(thread string) bool {
	o.t.Helper()
	var sent []string
	err := pgx.BeginFunc(o.t.Context(), o.db, func(tx pgx.Tx) (err error) {
		sent, err = o.Sent(o.t.Context(), tx, thread)
		return err
	})
	if err != nil {
		o.t.Fatal(err)
	}
	return len(sent) > 0
}

func note(thread, subject string) Message {
	return Message{
		Thread: thread, Kind: "note", Organisation: uuid.New(), Subject: subject, Text: "Guten Tag,\nbis bald.\n",
		To: Address{Name: "Änne Groß", Email: thread + "@praxis.example"},
	}
}

func TestMailsOfAThreadLeaveInOrderOneAtATimeFromAnyNode(t *testing.T) {
	t.Parallel()
	r := newRelay(t, nil)
	r.data = func(*smtp.Conn, delivery) error { time.Sleep(15 * time.Millisecond); return nil }
	o := relayed(t, r)
	var last [3]uuid.UUID
	var writers sync.WaitGroup
	for i := range last {
		writers.Go(func() {
			for n := range 6 {
				last[i] = o.put(note(fmt.Sprintf("person%d", i), fmt.Sprintf("nr %d", n)))[0]
			}
		})
	}
	o.start()
	o.start()
	writers.Wait()
	for _, id := range last {
		o.reach(id, "sent")
	}
	next := map[string]int{}
	for _, d := range r.mails() {
		if want := fmt.Sprintf("Subject: nr %d\r\n", next[d.to]); !strings.Contains(d.raw, want) {
			t.Errorf("%s does not get %q now", d.to, want)
		}
		next[d.to]++
	}
	if r.clash || len(r.mails()) != 18 {
		t.Errorf("%d mails, two at once: %v", len(r.mails()), r.clash)
	}
}

func TestUncommittedEarlierMailIsNotOvertaken(t *testing.T) {
	t.Parallel()
	o := newOffice(t, Outbox{})
	ctx := t.Context()
	first, err := o.db.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Rollback(context.WithoutCancel(ctx))
	early, err := o.Enqueue(ctx, first, note("x", "early"))
	if err != nil {
		t.Fatal(err)
	}
	second := make(chan uuid.UUID)
	go func() { second <- o.put(note("x", "late"))[0] }()
	select {
	case <-second:
		t.Fatal("the later transaction did not wait")
	case <-time.After(200 * time.Millisecond):
	}
	if err := first.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	late := <-second
	o.start()
	a, b := o.reach(early, "sent"), o.reach(late, "sent")
	if b.SentAt.Before(*a.SentAt) {
		t.Errorf("early left at %s, late at %s", a.SentAt, b.SentAt)
	}
}

func TestTemporaryRefusalIsTriedAgain(t *testing.T) {
	t.Parallel()
	r := newRelay(t, nil)
	var visits atomic.Int32
	r.rcpt = func(to string) error {
		if visits.Add(1) < 3 {
			return temporary(to)
		}
		return nil
	}
	o := relayed(t, r)
	o.start()
	id := o.put(note("a", "eins"))[0]
	item := o.reach(id, "sent")
	if item.Attempts != 3 || item.Via != "smtp" || item.LastError != "" || len(r.mails()) != 1 {
		t.Errorf("%d attempts by %q, %d mails, error %q", item.Attempts, item.Via, len(r.mails()), item.LastError)
	}
}

func TestLostConnectionRepeatsTheSameBytes(t *testing.T) {
	t.Parallel()
	r := newRelay(t, nil)
	o := relayed(t, r)
	var seen []string
	r.data = func(c *smtp.Conn, d delivery) error {
		if seen = append(seen, d.raw); len(seen) == 1 {
			return errors.Join(c.Conn().Close(), errors.New("gone")) // everything arrived, no answer goes back
		}
		return nil
	}
	o.start()
	item := o.reach(o.put(note("a", "eins"))[0], "sent")
	if len(seen) != 2 || seen[0] != seen[1] || item.Attempts != 2 {
		t.Errorf("%d deliveries, %d attempts, equal: %v", len(seen), item.Attempts, len(seen) == 2 && seen[0] == seen[1])
	}
}

func TestFinalRefusalFailsAndLetsTheThreadGoOn(t *testing.T) {
	t.Parallel()
	r := newRelay(t, nil)
	var visits atomic.Int32
	r.rcpt = func(to string) error {
		if visits.Add(1) == 1 {
			return permanent(to)
		}
		return nil
	}
	o := relayed(t, r)
	ids := o.put(note("a", "eins"), note("a", "zwei"))
	o.start()
	item := o.reach(ids[0], "failed")
	if item.LastError != "to: 550 5.1.1" || item.Attempts != 1 || item.SentAt != nil {
		t.Errorf("failed with %q after %d attempts", item.LastError, item.Attempts)
	}
	o.reach(ids[1], "sent")
	if len(r.mails()) != 1 || !strings.Contains(r.mails()[0].raw, "zwei") {
		t.Errorf("the relay has %d mails", len(r.mails()))
	}
}

func TestTriesEnd(t *testing.T) {
	t.Parallel()
	r := newRelay(t, nil)
	r.rcpt = temporary
	o := relayed(t, r)
	o.pause = func(int) time.Duration { return 0 }
	o.start()
	item := o.reach(o.put(note("a", "eins"))[0], "failed")
	if item.Attempts != maxTries || item.LastError != "to: 451 4.7.1" || o.mayHaveReached("a") {
		t.Errorf("%d attempts, %q, may have reached: %v", item.Attempts, item.LastError, o.mayHaveReached("a"))
	}
}

func TestPausesGrowToAboutADayAndAHalf(t *testing.T) {
	t.Parallel()
	var sum time.Duration
	for n := 1; n < maxTries; n++ {
		if pauseAfter(n+1) <= pauseAfter(n) {
			t.Errorf("pause %d is not longer than the one before", n+1)
		}
		sum += pauseAfter(n)
	}
	if pauseAfter(1) != time.Second || sum < 20*time.Hour || sum > 48*time.Hour {
		t.Errorf("first pause %s, all %s", pauseAfter(1), sum)
	}
}

// TestCrashBetweenAcceptanceAndCommitRepeatsTheSameBytes takes the sender's connection to the database away while
// the server is about to say 250: the mail is out, and nothing could be written down.
func TestCrashBetweenAcceptanceAndCommitRepeatsTheSameBytes(t *testing.T) {
	t.Parallel()
	r := newRelay(t, nil)
	o := relayed(t, r)
	inDoubt := false
	r.data = func(*smtp.Conn, delivery) error {
		if len(r.mails()) > 0 {
			return nil
		}
		inDoubt = o.mayHaveReached("a")
		var killed int
		err := pgtest.Owner(t, o.db).QueryRow(context.Background(), `
			select count(*) filter (where pg_terminate_backend(pid))
			from pg_locks, hashtextextended('a', $1) k
			where locktype = 'advisory' and classid = (k >> 32 & 4294967295)::oid and objid = (k & 4294967295)::oid
				and database = (select oid from pg_database where datname = current_database())`, deliverySeed).Scan(&killed)
		if err != nil || killed != 1 {
			t.Errorf("%d connections cut, error %v", killed, err)
		}
		return nil
	}
	o.start()
	item := o.reach(o.put(note("a", "eins"))[0], "sent")
	got := r.mails()
	if len(got) != 2 || got[0] != got[1] || item.Attempts != 2 {
		t.Fatalf("%d deliveries, %d attempts", len(got), item.Attempts)
	}
	if !inDoubt {
		t.Error("while it leaves, the mail counts as not sent")
	}
}

func TestRolledBackTransactionLeavesNothing(t *testing.T) {
	t.Parallel()
	o := newOffice(t, Outbox{})
	stop := errors.New("no")
	err := pgx.BeginFunc(t.Context(), o.db, func(tx pgx.Tx) error {
		if _, err := o.Enqueue(t.Context(), tx, note("a", "eins")); err != nil {
			return err
		}
		return stop
	})
	if !errors.Is(err, stop) {
		t.Fatal(err)
	}
	var rows, jobs int
	err = o.db.QueryRow(t.Context(), `select (select count(*) from message_out), (select count(*) from river_job)`).Scan(&rows, &jobs)
	if err != nil || rows != 0 || jobs != 0 {
		t.Errorf("%d mails, %d jobs, error %v", rows, jobs, err)
	}
}

func TestJobsCarryOnlyTheId(t *testing.T) {
	t.Parallel()
	o := newOffice(t, Outbox{})
	id := o.put(note("a", "eins"))[0]
	var args string
	err := o.db.QueryRow(t.Context(), `select args::text from river_job`).Scan(&args)
	if err != nil || args != `{"message": "`+id.String()+`"}` {
		t.Errorf("arguments %s, error %v", args, err)
	}
}

func TestWithoutAServerMailsStayInTheOutbox(t *testing.T) {
	t.Parallel()
	o := newOffice(t, Outbox{})
	o.start()
	m := invitation("REQUEST")
	ids := o.put(note("a", "eins"), m)
	item := o.reach(ids[1], "sent")
	if item.Via != "outbox" || item.Subject != m.Subject || item.ToName != m.To.Name || item.ToEmail != m.To.Email ||
		item.Text != m.Text || item.HTML != m.HTML || string(item.Calendar) != string(m.Calendar) || item.Method != "REQUEST" ||
		item.Organisation != m.Organisation || item.From != "termine@konsil.example" || item.SentAt == nil {
		t.Errorf("the outbox shows %+v", item)
	}
	list, err := o.Outbox(t.Context(), 1)
	if err != nil || len(list) != 1 || list[0].ID != ids[1] {
		t.Errorf("%d newest mails, error %v", len(list), err)
	}
	if _, err := o.Item(t.Context(), uuid.New()); !errors.Is(err, ErrNotFound) {
		t.Errorf("an unknown id gives %v", err)
	}
}

func TestCancellationOvertakesWhatHasNotLeft(t *testing.T) {
	t.Parallel()
	o := newOffice(t, Outbox{})
	drop := func(thread string) (owed bool) {
		err := pgx.BeginFunc(t.Context(), o.db, func(tx pgx.Tx) (err error) {
			if err = o.Supersede(t.Context(), tx, thread); err != nil {
				return err
			}
			sent, err := o.Sent(t.Context(), tx, thread)
			owed = len(sent) > 0
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return owed
	}
	never := o.put(note("never", "eins"))[0]
	if drop("never") {
		t.Error("a cancellation is owed for an invitation that never left")
	}
	o.start()
	asked := o.put(note("asked", "eins"))[0]
	o.reach(asked, "sent")
	if !drop("asked") || o.reach(asked, "sent").State != "sent" {
		t.Error("a sent invitation needs its cancellation")
	}
	o.reach(o.put(note("never", "zwei"))[0], "sent")
	if item := o.reach(never, "superseded"); item.Attempts != 0 {
		t.Errorf("a superseded mail was tried %d times", item.Attempts)
	}
}

func TestMailInTheMiddleOfLeavingIsNotSuperseded(t *testing.T) {
	t.Parallel()
	r := newRelay(t, nil)
	o := relayed(t, r)
	owed := make(chan bool, 1)
	r.data = func(*smtp.Conn, delivery) error {
		err := pgx.BeginFunc(context.Background(), o.db, func(tx pgx.Tx) error {
			if err := o.Supersede(context.Background(), tx, "a"); err != nil {
				return err
			}
			sent, err := o.Sent(context.Background(), tx, "a")
			owed <- len(sent) > 0
			return err
		})
		if err != nil {
			t.Error(err)
		}
		return nil
	}
	o.start()
	o.reach(o.put(note("a", "eins"))[0], "sent")
	if !<-owed {
		t.Error("no cancellation is owed for a mail that is just leaving")
	}
}
