//go:build linux

package main

import (
	"context"
	"flag"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference"
	"github.com/konsil-server/konsil/realtime/ydoc"
)

// The flags of the loss test.
var (
	kills = flag.Int("kills", 12, "how often the loss test kills the server; for each two kills something else goes wrong once")
	seed  = flag.Uint64("seed", 0, "of the loss test's chances; 0: a new one")
)

// TestKilledServerLosesNothingAcknowledged lets people type while everything goes wrong that schedule has, above all: the
// server, and every fourth time its PostgreSQL before it, is killed and started again. After each fault the log must hold
// whatever anybody had been told is saved, and whatever anybody had been shown; after a kill before anybody may come back and
// say things twice. The real program runs on a private cluster with fsync on, as everywhere. A kill tests the process; it is
// no power cut. A long run, of which every failure names the seed:
//
//	go test -v -run TestKilled -timeout 90m ./cmd/konsil -kills 200
//
// With KONSIL_EXPECT_LOSS=1 the test is its own control: on a build that acknowledges before the commit it passes if it finds
// a loss, and fails if it cannot see one.
func TestKilledServerLosesNothingAcknowledged(t *testing.T) {
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	bin := os.Getenv(rigProgram)
	if bin == "" {
		bin = program(t, "release")
		if apart(t, bin, "-seed", *seed, "-kills", *kills) {
			return
		}
	}
	t.Logf("-seed %d -kills %d", *seed, *kills)
	rig := newLossRig(t, bin, rand.New(rand.NewPCG(*seed, 0)))
	expectLoss := os.Getenv("KONSIL_EXPECT_LOSS") == "1"
	lost := 0
	for i, f := range rig.schedule(*kills) {
		if lost = rig.round(f); t.Failed() || lost > 0 {
			break
		}
		if (i+1)%25 == 0 {
			t.Logf("%d faults: %d tokens acknowledged, none lost", i+1, rig.acknowledged)
		}
	}
	t.Logf("%d tokens acknowledged, %d of them lost; %v from a start to readiness at most", rig.acknowledged, lost, rig.slowest)
	t.Logf("what went wrong: %v", rig.struck)
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
	volume   *volume // nil: the data is on a disk that cannot be filled
	cable    *cable  // between people and the server
	door     atomic.Bool
	code     string
	writers  []*scribe
	readers  []*scribe
	slow     *scribe // one of the readers, over a line that can be throttled
	throttle atomic.Bool
	ledger   *ledger
	stopType func()

	acknowledged int
	slowest      time.Duration
	struck       map[string]int
}

func newLossRig(t *testing.T, bin string, rng *rand.Rand) *lossRig {
	v := newVolume(t)
	r := &lossRig{site: newSite(t, bin), rng: rng, volume: v, struck: map[string]int{}}
	if v != nil {
		r.moveTo(v.dir)
	}
	r.cable = newCable(t, r.addr)
	r.server = r.serve()
	r.code = value[string](r.site, `select code from conference order by created_at limit 1`)
	r.ledger = &ledger{doc: ydoc.New(), next: map[uint64]uint32{}, writer: map[uint64]string{}, tokens: map[string]int{}}
	people := r.seated()
	moderator, err := signIn(t.Context(), r.url, people[0])
	if err == nil {
		err = moderator.post(t.Context(), "/conferences/"+r.code+"/open", "", nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	for i, account := range people {
		r.writers = append(r.writers, r.scribe(string(rune('a'+i)), account, r.cable.dialer()))
	}
	for i, account := range people[:2] { // the same people once more, on another device
		r.readers = append(r.readers, r.scribe(string(rune('r'+i)), account, r.cable.dialer()))
	}
	r.slow = r.scribe("s", people[2], narrow(&r.throttle))
	r.readers = append(r.readers, r.slow)
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
		where s.conference_id = (select id from conference where code = $1) and (s.role <> 'expert' or i.state = 'accepted')
		order by s.role <> 'moderator', s.account_id`, r.code)
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

func (r *lossRig) scribe(name, account string, d *websocket.Dialer) *scribe {
	r.t.Helper()
	b, err := signIn(r.t.Context(), r.url, account)
	if err != nil {
		r.t.Fatal(err)
	}
	client := uint64(r.rng.Uint32())
	r.ledger.writer[client] = account
	s := newScribe(r.t, b, &r.door, r.code, name, account, client)
	s.dialer = d
	return s
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

// round lets people work for a moment, then lets something go wrong. It returns how many acknowledged tokens the log does not
// have.
func (r *lossRig) round(f fault) (lost int) {
	r.t.Helper()
	time.Sleep(400*time.Millisecond + time.Duration(r.rng.IntN(900))*time.Millisecond)
	r.struck[f.name]++
	f.strike(r)
	lost = r.compare(f.name)
	r.door.Store(true)
	r.until("everybody is back", (*scribe).online)
	return lost
}

// compare holds what everybody was told and shown so far against the log, which may have gone on since. What is news to the
// log goes into the ledger, so the strokes are counted first: those that were lost may have been shown as well.
func (r *lossRig) compare(after string) (lost int) {
	r.t.Helper()
	saved, shown := map[*scribe][]*stroke{}, map[*scribe][]*ydoc.Update{}
	for _, s := range r.everybody() {
		saved[s], shown[s] = s.take()
	}
	r.readLog()
	for s, strokes := range saved {
		r.acknowledged += len(strokes)
		lost += r.ledger.missing(s, strokes)
	}
	for s, updates := range shown {
		if err := r.ledger.shows(updates); err != nil && lost == 0 {
			r.t.Errorf("after the fault %q: %s was shown what the log does not have: %v", after, s.name, err)
		}
	}
	return lost
}

func (r *lossRig) until(what string, is func(*scribe) bool) {
	r.t.Helper()
	end := time.Now().Add(90 * time.Second)
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
	moment := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err := pgx.BeginTxFunc(r.t.Context(), conn, moment, func(tx pgx.Tx) error { return r.ledger.read(r.t.Context(), tx) })
	if err != nil {
		r.t.Fatal(err)
	}
}
