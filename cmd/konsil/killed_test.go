//go:build linux

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference"
	"github.com/konsil-server/konsil/realtime/ydoc"
)

// The flags of the loss test.
var (
	kills = flag.Int("kills", 20, "how often the loss test kills the server")
	seed  = flag.Uint64("seed", 0, "of the loss test's chances; 0: a new one")
)

// TestKilledServerLosesNothingAcknowledged lets people type while the server, and every fourth time its PostgreSQL before it,
// is killed and started again. After each start, before anybody may come back and say things twice, the log must hold
// whatever anybody had been told is saved, and whatever anybody had been shown. The real program runs on real disks: fsync is
// on, as in every cluster of its own. A kill tests the process; it is no power cut.
//
// With KONSIL_EXPECT_LOSS=1 the test is its own control: on a build that acknowledges before the commit it passes if it finds
// a loss, and fails if it cannot see one.
func TestKilledServerLosesNothingAcknowledged(t *testing.T) {
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	t.Logf("-seed %d -kills %d", *seed, *kills)
	rig := newLossRig(t, rand.New(rand.NewPCG(*seed, 0)))
	expectLoss := os.Getenv("KONSIL_EXPECT_LOSS") == "1"
	lost := 0
	for round := 1; round <= *kills && !t.Failed() && lost == 0; round++ {
		lost = rig.round(round)
	}
	t.Logf("%d tokens acknowledged, %d of them lost; %v from a start to readiness at most", rig.acknowledged, lost, rig.slowest)
	switch {
	case expectLoss && lost == 0:
		t.Fatal("acknowledging before the commit lost nothing: this test would not notice a loss")
	case expectLoss:
		return
	case lost > 0:
		t.Fatal("what was acknowledged is not in the log")
	case !t.Failed():
		rig.heal()
	}
}

// lossRig is a conference of the rehearsal whose server dies again and again.
type lossRig struct {
	*site
	rng      *rand.Rand
	server   *process
	door     atomic.Bool
	code     string
	writers  []*scribe
	readers  []*scribe
	ledger   *ledger
	stopType func()

	acknowledged int
	slowest      time.Duration
}

func newLossRig(t *testing.T, rng *rand.Rand) *lossRig {
	r := &lossRig{site: newSite(t, program(t, "release")), rng: rng}
	r.server = r.serve()
	r.code = value[string](r.site, `select code from conference`)
	r.ledger = &ledger{doc: ydoc.New(), next: map[uint64]uint32{}, writer: map[uint64]string{}}
	people := r.seated()
	moderator, err := signIn(t.Context(), r.url, people[0])
	if err == nil {
		err = moderator.post(t.Context(), "/conferences/"+r.code+"/open", "", nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	for i, account := range people {
		r.writers = append(r.writers, r.scribe(string(rune('a'+i)), account))
	}
	for i, account := range people[:2] { // the same people once more, on another device
		r.readers = append(r.readers, r.scribe(string(rune('r'+i)), account))
	}
	r.begin()
	return r
}

// seated are the accounts that may enter the room, the moderator's first.
func (r *lossRig) seated() (accounts []string) {
	conn := r.database()
	defer conn.Close(context.Background())
	rows, err := conn.Query(r.t.Context(), `
		select s.account_id::text
		from seat s left join invitation i on i.conference_id = s.conference_id and i.account_id = s.account_id
		where s.role <> 'expert' or i.state = 'accepted'
		order by s.role <> 'moderator', s.account_id`)
	if err == nil {
		accounts, err = pgx.CollectRows(rows, pgx.RowTo[string])
	}
	if err != nil {
		r.t.Fatal(err)
	}
	if len(accounts) < 4 {
		r.t.Fatalf("%d people may enter the rehearsal's room, want 4", len(accounts))
	}
	return accounts
}

func (r *lossRig) scribe(name, account string) *scribe {
	r.t.Helper()
	b, err := signIn(r.t.Context(), r.url, account)
	if err != nil {
		r.t.Fatal(err)
	}
	client := uint64(r.rng.Uint32())
	r.ledger.writer[client] = account
	return newScribe(r.t, b, &r.door, r.code, name, account, client)
}

func (r *lossRig) everybody() []*scribe {
	return append(r.readers[:len(r.readers):len(r.readers)], r.writers...)
}

// begin brings everybody to the room and lets the writers type until stopType is called.
func (r *lossRig) begin() {
	ctx, leave := context.WithCancel(context.Background())
	typing, stop := context.WithCancel(ctx)
	var hands sync.WaitGroup
	r.stopType = sync.OnceFunc(func() { stop(); hands.Wait() })
	r.t.Cleanup(func() {
		r.stopType()
		leave()
		for _, s := range r.everybody() {
			<-s.gone
		}
	})
	r.door.Store(true)
	for _, s := range r.everybody() {
		go s.live(ctx)
	}
	r.until("everybody is in the room", (*scribe).online)
	for _, s := range r.writers {
		own := rand.New(rand.NewPCG(r.rng.Uint64(), 0))
		hands.Go(func() { s.typing(typing, conference.CaseConference.Sections(), own) })
	}
}

// round lets people work for a moment, kills, starts again, and compares before it lets anybody in. It returns how many
// acknowledged tokens the log does not have.
func (r *lossRig) round(number int) (lost int) {
	r.t.Helper()
	time.Sleep(400*time.Millisecond + time.Duration(r.rng.IntN(900))*time.Millisecond)
	r.door.Store(false)
	if number%4 == 0 {
		r.killDatabase()
		time.Sleep(time.Duration(r.rng.IntN(30)) * time.Millisecond)
	}
	r.server.kill()
	r.until("everybody has noticed", (*scribe).back)
	began := time.Now()
	r.server = r.serve()
	r.slowest = max(r.slowest, time.Since(began).Round(time.Millisecond))
	r.readLog()
	lost = r.compare(number)
	r.door.Store(true)
	r.until("everybody is back", (*scribe).online)
	return lost
}

// compare holds what everybody was told and shown before a kill against the log. What is news to the log goes into the
// ledger, so the strokes are counted first: those that were lost may have been shown as well.
func (r *lossRig) compare(kill int) (lost int) {
	r.t.Helper()
	shown := map[*scribe][]*ydoc.Update{}
	for _, s := range r.everybody() {
		var saved []*stroke
		saved, shown[s] = s.take()
		r.acknowledged += len(saved)
		lost += r.ledger.missing(s, saved)
	}
	for s, updates := range shown {
		if err := r.ledger.shows(updates); err != nil && lost == 0 {
			r.t.Errorf("kill %d: %s was shown what the log does not have: %v", kill, s.name, err)
		}
	}
	return lost
}

func (r *lossRig) until(what string, is func(*scribe) bool) {
	r.t.Helper()
	end := time.Now().Add(20 * time.Second)
	for _, s := range r.everybody() {
		for !is(s) {
			if time.Now().After(end) {
				r.t.Fatalf("never: %s (missing: %s)\n%s", what, s.name, r.server.said())
			}
			time.Sleep(2 * time.Millisecond)
		}
	}
}

// readLog brings the ledger up to the end of the log.
func (r *lossRig) readLog() {
	r.t.Helper()
	conn := r.database()
	defer conn.Close(context.Background())
	if err := r.ledger.read(r.t.Context(), conn); err != nil {
		r.t.Fatal(err)
	}
}

// heal lets everybody finish and compares all there is: log, snapshots, replicas, a newcomer, and what people had done.
func (r *lossRig) heal() {
	r.t.Helper()
	r.stopType()
	r.until("everything is saved", (*scribe).settled)
	r.readLog()
	texts := map[string]string{}
	for _, key := range conference.CaseConference.Sections() {
		texts[key] = r.ledger.doc.Text("s:" + key)
	}
	late := r.scribe("z", r.writers[0].account)
	r.readers = append(r.readers, late)
	ctx, leave := context.WithCancel(context.Background())
	r.t.Cleanup(leave)
	go late.live(ctx)
	for key, text := range texts {
		r.until("section "+key+" reads the same everywhere", func(s *scribe) bool { return s.text(key) == text })
	}
	r.compareTokens(texts)
	r.compareSnapshots(texts)
	r.server.stop()
	r.t.Logf("%d rows, %d characters; frames that lacked something: %d", r.ledger.head, len([]rune(strings.Join(values(texts), ""))), r.refusals())
}

func values(m map[string]string) (all []string) {
	for v := range maps.Values(m) {
		all = append(all, v)
	}
	return all
}

func (r *lossRig) refusals() (n int) {
	for _, s := range r.everybody() {
		s.mu.Lock()
		n += s.refused
		s.mu.Unlock()
	}
	return n
}

// compareTokens looks at the text alone: each token that was typed and left stands there once, in its writer's order, and
// there is nothing else.
func (r *lossRig) compareTokens(texts map[string]string) {
	r.t.Helper()
	for key, text := range texts {
		length := 0
		for _, s := range r.writers {
			last := -1
			for _, token := range s.mine[key] {
				length += len(token)
				at := strings.Index(text, token)
				switch {
				case at < 0 || strings.LastIndex(text, token) != at:
					r.t.Errorf("section %s has %s %d times", key, token, strings.Count(text, token))
				case at < last:
					r.t.Errorf("section %s has %s before what %s had written earlier", key, token, s.name)
				}
				last = at
			}
		}
		if length != len(text) {
			r.t.Errorf("section %s has %d bytes, what people wrote and left there has %d", key, len(text), length)
		}
	}
}

// compareSnapshots reads the note as a start would from each snapshot: its state and the rows after it.
func (r *lossRig) compareSnapshots(texts map[string]string) {
	r.t.Helper()
	conn := r.database()
	defer conn.Close(context.Background())
	rows, err := conn.Query(r.t.Context(), `
		select s.upto_seq, s.state, array(select data from note_update u where u.note_id = s.note_id and u.seq > s.upto_seq order by seq)
		from note_snapshot s`)
	if err != nil {
		r.t.Fatal(err)
	}
	var upto int64
	var state []byte
	var after [][]byte
	n := 0
	_, err = pgx.ForEachRow(rows, []any{&upto, &state, &after}, func() error {
		n++
		doc := ydoc.New()
		if err := apply(doc, append([][]byte{state}, after...)); err != nil {
			return fmt.Errorf("snapshot at %d: %w", upto, err)
		}
		for key, text := range texts {
			if doc.Text("s:"+key) != text {
				r.t.Errorf("section %s reads differently from the snapshot at %d on", key, upto)
			}
		}
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Logf("%d snapshots", n)
}

// ledger is the log as the database has it, read row by row.
type ledger struct {
	doc    *ydoc.Doc
	head   int64
	next   map[uint64]uint32 // client id → clock that its next row must begin with
	writer map[uint64]string // client id → account
}

// read takes the rows that are new. Each character is in exactly one row, and that row is its writer's.
func (l *ledger) read(ctx context.Context, conn *pgx.Conn) error {
	rows, err := conn.Query(ctx, `select seq, account_id::text, data from note_update where seq > $1 order by seq`, l.head)
	if err != nil {
		return err
	}
	var seq int64
	var account *string
	var data []byte
	var all [][]byte
	_, err = pgx.ForEachRow(rows, []any{&seq, &account, &data}, func() error {
		if l.head++; seq != l.head {
			return fmt.Errorf("row %d follows row %d", seq, l.head-1)
		}
		all = append(all, append([]byte(nil), data...))
		return l.book(seq, account, data)
	})
	if err != nil {
		return err
	}
	var head int64
	if err := conn.QueryRow(ctx, `select head_seq from note`).Scan(&head); err != nil {
		return err
	}
	if head != l.head {
		return fmt.Errorf("the note's head is %d, its last row %d", head, l.head)
	}
	return apply(l.doc, all)
}

func (l *ledger) book(seq int64, account *string, data []byte) error {
	u, err := ydoc.Decode(data, ydoc.Limits{})
	if err != nil {
		return fmt.Errorf("row %d: %w", seq, err)
	}
	for _, r := range u.Inserts() {
		if l.next[r.Client] != r.Clock {
			return fmt.Errorf("row %d has clock %d of client %d after clock %d", seq, r.Clock, r.Client, l.next[r.Client])
		}
		l.next[r.Client] += r.Len
		if account == nil || l.writer[r.Client] != *account {
			return fmt.Errorf("row %d says another writer than client %d belongs to", seq, r.Client)
		}
	}
	return nil
}

func apply(doc *ydoc.Doc, updates [][]byte) error {
	all := make([]*ydoc.Update, len(updates))
	for i, data := range updates {
		var err error
		if all[i], err = ydoc.Decode(data, ydoc.Limits{}); err != nil {
			return err
		}
	}
	_, err := doc.ApplyAll(all)
	return err
}

// shows expects that updates are no news to the log.
func (l *ledger) shows(updates []*ydoc.Update) error {
	change, err := l.doc.ApplyAll(updates)
	if err != nil {
		return err
	}
	if !change.Empty() {
		return fmt.Errorf("inserted %v, deleted %v", change.Inserted, change.Deleted)
	}
	return nil
}

// missing counts the strokes that were acknowledged and are news to the log.
func (l *ledger) missing(s *scribe, saved []*stroke) (n int) {
	for _, w := range saved {
		u, err := ydoc.Decode(w.update, ydoc.Limits{})
		var change ydoc.Change
		if err == nil {
			change, err = l.doc.Apply(u)
		}
		if err != nil && !errors.Is(err, ydoc.ErrMissing) {
			s.t.Errorf("a stroke of %s cannot be read: %v", s.name, err)
		}
		if err != nil || !change.Empty() {
			n++
		}
	}
	return n
}
