package realtime

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/konsil-server/konsil/realtime/ydoc"
)

func TestFiveWritersConvergeAndTheLogReadsTheSame(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	words := []string{"Übergang ", "Schule ", "🙂", "müde ", "\n", "straße "}
	var clients []*client
	var typing sync.WaitGroup
	for i := range 5 {
		c := r.join("k1", name(i), uint64(100+i))
		clients = append(clients, c)
		until(t, "synced", c.saved)
		typing.Go(func() {
			rng := rand.New(rand.NewPCG(7, uint64(i)))
			for range 60 {
				section := []string{"lage", "plan"}[rng.IntN(2)]
				c.mu.Lock()
				length := c.doc.Len(root(section))
				c.mu.Unlock()
				if rng.IntN(4) == 0 && length > 0 {
					deleteWhole(c, section)
				} else {
					c.edit(section, 0, 0, words[rng.IntN(len(words))])
				}
				time.Sleep(time.Duration(rng.IntN(8)) * time.Millisecond)
			}
		})
	}
	typing.Wait()
	for _, c := range clients {
		until(t, "everything saved", c.saved)
	}
	log := r.notes.replay(t, "k1")
	if len(log["lage"])+len(log["plan"]) == 0 {
		t.Fatal("nothing was written")
	}
	for i, c := range clients {
		for _, key := range []string{"lage", "plan"} {
			until(t, "converged", func() bool { return c.read1(key) == log[key] })
		}
		if n := len(c.refused); n > 0 {
			t.Errorf("client %d was refused %d times", i, n)
		}
	}
	late := r.join("k1", "p9", 900)
	until(t, "a late reader reads the same", func() bool { return late.read1("lage") == log["lage"] && late.read1("plan") == log["plan"] })
}

// deleteWhole deletes the first code point, whatever it is now.
func deleteWhole(c *client, section string) {
	c.mu.Lock()
	first, _ := utf8.DecodeRuneInString(c.doc.Text(root(section)))
	n := min(utf16.RuneLen(first), c.doc.Len(root(section)))
	change, err := c.doc.Edit(c.id, root(section), 0, n, "")
	update := c.doc.Encode(change)
	c.mu.Unlock()
	if err == nil {
		c.update(update)
	}
}

func TestNothingIsAcknowledgedOrShownBeforeAppendHasReturned(t *testing.T) {
	t.Parallel()
	if acksBeforeCommit {
		t.Skip("this build acknowledges before the commit, on purpose")
	}
	r := newRig(t)
	a, b := r.join("k1", "anna", 1), r.join("k1", "bert", 2)
	until(t, "both are in", func() bool { return a.saved() && b.saved() })

	gate := make(chan struct{})
	r.notes.mu.Lock()
	r.notes.gate = gate
	r.notes.mu.Unlock()
	a.edit("lage", 0, 0, "Hallo")
	until(t, "the commit is under way", func() bool { r.notes.mu.Lock(); defer r.notes.mu.Unlock(); return r.notes.tries > 0 })
	a.edit("lage", 5, 0, " Welt") // gathers in the next tick meanwhile

	// Somebody who comes now must not be shown what is not committed either.
	late := r.join("k1", "carl", 3)
	time.Sleep(150 * time.Millisecond)
	if a.saved() || b.read1("lage") != "" || late.read1("lage") != "" {
		t.Fatalf("before the commit: saved %v, others read %q and %q", a.saved(), b.read1("lage"), late.read1("lage"))
	}
	r.notes.mu.Lock()
	r.notes.gate = nil
	r.notes.mu.Unlock()
	close(gate)
	until(t, "saved", a.saved)
	until(t, "shown", func() bool { return b.read1("lage") == "Hallo Welt" && late.read1("lage") == "Hallo Welt" })
}

func TestAFailedAppendLosesNothingBecauseClientsResend(t *testing.T) {
	t.Parallel()
	if acksBeforeCommit {
		t.Skip("this build acknowledges before the commit, on purpose")
	}
	for name, break1 := range map[string]func(*archive){
		"nothing was committed":         func(a *archive) { a.fail = errors.New("server closed the connection") },
		"it was committed all the same": func(a *archive) { a.unsure = errors.New("connection reset after commit") },
		"another server took the note":  func(a *archive) { a.notes["k1"].Epoch++ },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			a, b := r.join("k1", "anna", 1), r.join("k1", "bert", 2)
			until(t, "both are in", func() bool { return a.saved() && b.saved() })
			a.edit("lage", 0, 0, "eins ")
			until(t, "saved", a.saved)
			until(t, "shown", func() bool { return b.read1("lage") == "eins " })

			r.notes.mu.Lock()
			break1(r.notes)
			r.notes.mu.Unlock()
			a.edit("lage", 5, 0, "zwei")
			for _, c := range []*client{a, b} {
				if code, _ := c.ended(); code != closeReload {
					t.Errorf("closed with %d", code)
				}
			}
			if a.saved() || b.read1("lage") != "eins " {
				t.Fatalf("saved %v, the other reads %q", a.saved(), b.read1("lage"))
			}
			again := r.joinWith(guest("k1", "anna"), 1, a.doc)
			b2 := r.join("k1", "bert", 20)
			until(t, "saved now", again.saved)
			until(t, "shown now", func() bool { return b2.read1("lage") == "eins zwei" })
			if got := r.notes.replay(t, "k1")["lage"]; got != "eins zwei" {
				t.Errorf("the log reads %q", got)
			}
		})
	}
}

func TestOneNoteThatFailsDoesNotTakeTheOthersWithIt(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a, b := r.join("k1", "anna", 1), r.join("k2", "bert", 2)
	until(t, "both are in", func() bool { return a.saved() && b.saved() })
	r.notes.with("k1", func(k *kept) { k.Sealed = true })
	a.edit("lage", 0, 0, "zu spät")
	b.edit("lage", 0, 0, "rechtzeitig")
	until(t, "the other note is saved", b.saved)
	if code, _ := a.ended(); code != closeReload {
		t.Errorf("closed with %d", code)
	}
	again := r.joinWith(guest("k1", "anna"), 1, a.doc)
	until(t, "answered", again.saved)
	if again.refused[1] != refusedSealed || again.states[0][0] != uint64(stateSealed) || again.hello[2] != 1 {
		t.Errorf("refused %v, states %v, hello %v", again.refused, again.states, again.hello)
	}
}

func TestWhatMayNotBeWrittenIsRefusedAndNobodyElseNotices(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a, b := r.join("k1", "anna", 1), r.join("k1", "bert", 2)
	until(t, "both are in", func() bool { return a.saved() && b.saved() })
	a.edit("lage", 0, 0, "gut 🙂")
	b.edit("plan", 0, 0, "x")
	until(t, "saved", func() bool { return a.saved() && b.saved() })
	until(t, "seen", func() bool { return b.read1("lage") == "gut 🙂" && a.read1("plan") == "x" })
	rows, before := len(r.notes.rows("k1")), b.docs

	huge := ydoc.New()
	change, _ := huge.Edit(77, "s:lage", 0, 0, strings.Repeat("lang ", 14<<10))
	for what, bad := range map[string]struct {
		update []byte
		want   refusal
	}{
		"the client id of somebody else":     {forged(t, b), refusedClient},
		"a root that is no section":          {in("meta", 5), refusedMalformed},
		"a map in place of text":             {[]byte{1, 1, 6, 0, 40, 1, 6, 's', ':', 'l', 'a', 'g', 'e', 1, 'k', 1, 119, 1, 'v', 0}, refusedMalformed},
		"an embedded object":                 {[]byte{1, 1, 7, 0, 5, 1, 6, 's', ':', 'l', 'a', 'g', 'e', 2, '{', '}', 0}, refusedMalformed},
		"a nested type":                      {[]byte{1, 1, 8, 0, 7, 1, 6, 's', ':', 'l', 'a', 'g', 'e', 2, 0}, refusedMalformed},
		"garbage":                            {[]byte{255, 255, 255, 255, 255, 1}, refusedMalformed},
		"nothing at all":                     {nil, refusedMalformed},
		"more than a frame may hold":         {huge.Encode(change), refusedSize},
		"more than a note may hold":          {[]byte{1, 1, 9, 0, 0, 0x80, 0x80, 0x40, 0}, refusedSize},
		"a letter after one that is missing": {[]byte{1, 1, 1, 50, 4, 1, 6, 's', ':', 'l', 'a', 'g', 'e', 1, 'x', 0}, refusedDependency},
		"a border inside an emoji":           {[]byte{1, 1, 11, 0, 0x84, 1, 4, 1, 'x', 0}, refusedMalformed},
		"the deletion of half an emoji":      {[]byte{0, 1, 1, 1, 4, 1}, refusedMalformed},
	} {
		n := a.update(bad.update)
		until(t, what+" is answered", a.is(func() bool { return a.acked >= n }))
		a.mu.Lock()
		if got := a.refused[n]; got != bad.want {
			t.Errorf("%s: refused with %d, want %d", what, got, bad.want)
		}
		a.mu.Unlock()
		until(t, "settled", a.saved)
	}
	time.Sleep(50 * time.Millisecond)
	if got := len(r.notes.rows("k1")); got != rows {
		t.Errorf("%d rows were added", got-rows)
	}
	b.mu.Lock()
	if b.docs != before {
		t.Errorf("the other one received %d frames", b.docs-before)
	}
	b.mu.Unlock()
	a.edit("lage", 0, 0, "Sehr ")
	until(t, "the connection lives", func() bool { return a.saved() && b.read1("lage") == "Sehr gut 🙂" })
}

// forged is a well-formed insertion that continues the client id of c.
func forged(t *testing.T, c *client) []byte {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	copied := replicaOf(c.doc)
	change, err := copied.Edit(c.id, "s:plan", 0, 0, "nie gesagt")
	if err != nil {
		t.Fatal(err)
	}
	return copied.Encode(change)
}

// in inserts a letter into a root under a client id.
func in(root string, client byte) []byte {
	return append(append([]byte{1, 1, client, 0, 4, 1, byte(len(root))}, root...), 1, 'x', 0)
}

func TestAMissingDependencyIsAskedForAndNothingIsLost(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a := r.join("k1", "anna", 1)
	until(t, "in", a.saved)
	a.mu.Lock()
	a.doc.Edit(1, "s:lage", 0, 0, "verschluckt ") // never sent by itself
	a.mu.Unlock()
	a.edit("lage", 12, 0, "gesendet")
	until(t, "saved", a.saved)
	if a.refused[2] != refusedDependency {
		t.Errorf("refused: %v", a.refused)
	}
	if got := r.notes.replay(t, "k1")["lage"]; got != "verschluckt gesendet" {
		t.Errorf("the log reads %q", got)
	}
}

func TestAReaderMayAnswerWithWhatIsKnownAndNotWrite(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a := r.join("k1", "anna", 1)
	until(t, "in", a.saved)
	a.edit("lage", 0, 0, "Wort weg")
	a.edit("lage", 4, 4, "")
	until(t, "saved", a.saved)
	r.gate.set(func(p *porter) { p.mute["lea"] = true })

	lea := r.joinWith(guest("k1", "lea"), 5, a.copyDoc()) // knows everything, deletions too
	until(t, "her answer is taken", lea.saved)
	if len(lea.refused) > 0 || lea.hello[2] != 1 {
		t.Errorf("refused %v, hello %v", lea.refused, lea.hello)
	}
	lea.edit("lage", 0, 0, "darf nicht ")
	until(t, "answered", lea.saved)
	lea.update([]byte{0, 1, 1, 1, 0, 2}) // deletes two letters
	until(t, "answered", lea.saved)
	if lea.refused[2] != refusedRight || lea.refused[3] != refusedRight {
		t.Errorf("refused %v", lea.refused)
	}
	if got := r.notes.replay(t, "k1")["lage"]; got != "Wort" {
		t.Errorf("the log reads %q", got)
	}
}

func TestRowsNameTheirAuthorAndClientIdsStayBound(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a, b := r.join("k1", "anna", 1), r.join("k1", "bert", 2)
	until(t, "both are in", func() bool { return a.saved() && b.saved() })
	a.edit("lage", 0, 0, "A")
	until(t, "saved", a.saved)
	b.edit("plan", 0, 0, "B")
	until(t, "saved", b.saved)
	rows := r.notes.rows("k1")
	if len(rows) != 2 || rows[0].Person != "anna" || rows[0].Session != "s-anna" || rows[1].Person != "bert" {
		t.Errorf("rows: %+v", rows)
	}
	a.ws.Close()
	b.ws.Close()
	until(t, "unloaded", func() bool { return r.hub.find("k1") == nil })
	thief := r.join("k1", "carl", 1)
	until(t, "in", thief.saved)
	thief.edit("lage", 0, 0, "als anna")
	until(t, "answered", thief.saved)
	if len(thief.refused) != 1 || r.notes.replay(t, "k1")["lage"] != "A" {
		t.Errorf("refused %v", thief.refused)
	}
}

func TestTheNoteIsStoredWhenTheLastOneLeavesAndLoadsFromThere(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a := r.join("k1", "anna", 1)
	until(t, "in", a.saved)
	a.edit("lage", 0, 0, "bleibt")
	until(t, "saved", a.saved)
	a.edit("plan", 0, 0, "letztes Wort") // and gone at once
	a.ws.Close()
	until(t, "unloaded", func() bool { return r.hub.find("k1") == nil })
	r.notes.with("k1", func(k *kept) {
		if k.Upto != k.Head || k.snapshots != 1 || k.texts["lage"] != "bleibt" || k.texts["plan"] != "letztes Wort" || k.textsUpto != k.Head {
			t.Errorf("head %d, snapshot %d, texts %q up to %d", k.Head, k.Upto, k.texts, k.textsUpto)
		}
	})
	b := r.join("k1", "bert", 2)
	until(t, "reads the snapshot", func() bool { return b.read1("lage") == "bleibt" && b.read1("plan") == "letztes Wort" })
	r.gate.set(func(p *porter) {
		if got := p.events; len(got) < 2 || got[0] != "joined anna" || got[1] != "left anna" {
			t.Errorf("attendance: %v", got)
		}
	})
}

func TestFlushWritesTheTextsOfWhatHasBeenTyped(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a := r.join("k1", "anna", 1)
	until(t, "in", a.saved)
	for i := range 50 {
		a.edit("lage", i, 0, "x")
	}
	until(t, "saved", a.saved)
	if err := r.hub.Flush(context.Background(), "k1"); err != nil {
		t.Fatal(err)
	}
	r.notes.with("k1", func(k *kept) {
		if k.texts["lage"] != strings.Repeat("x", 50) || k.textsUpto != k.Head {
			t.Errorf("texts up to %d of %d: %q", k.textsUpto, k.Head, k.texts)
		}
	})
}

func TestFlushReadsTheLogWhenNobodyIsThere(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.notes.with("k1", func(k *kept) { // as after a kill: a row, no texts
		k.Head, k.log = 1, []Row{{Seq: 1, Person: "anna", Data: in("s:lage", 1)}}
	})
	if err := r.hub.Flush(context.Background(), "k1"); err != nil {
		t.Fatal(err)
	}
	r.notes.with("k1", func(k *kept) {
		if k.texts["lage"] != "x" {
			t.Errorf("texts: %q", k.texts)
		}
	})
	until(t, "unloaded", func() bool { return r.hub.find("k1") == nil })
}

func TestASnapshotIsTakenEveryFiveHundredRows(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	written := ydoc.New()
	r.notes.with("k1", func(k *kept) {
		for i := range snapshotEvery - 1 {
			change, err := written.Edit(9, "s:lage", i, 0, "y")
			if err != nil {
				t.Fatal(err)
			}
			k.log = append(k.log, Row{Seq: int64(i + 1), Person: "emil", Data: written.Encode(change)})
		}
		k.Head, k.Clients[9] = snapshotEvery-1, "emil"
	})
	snapshots := func() (n int) {
		r.notes.with("k1", func(k *kept) { n = k.snapshots })
		return n
	}
	a := r.join("k1", "anna", 1)
	until(t, "in, and the old rows are there", func() bool { return a.saved() && len(a.read1("lage")) == snapshotEvery-1 })
	time.Sleep(1200 * time.Millisecond)
	if snapshots() > 0 {
		t.Error("too early")
	}
	a.edit("lage", 0, 0, "z")
	until(t, "snapshot while open", func() bool { return snapshots() == 1 })
}

func TestASnapshotThatReadsDifferentlyIsNotStored(t *testing.T) {
	t.Parallel()
	doc := ydoc.New()
	if _, err := doc.Edit(1, "s:lage", 0, 0, "wahr"); err != nil {
		t.Fatal(err)
	}
	if err := verify(doc.EncodeState(), map[string]string{"lage": "wahr"}); err != nil {
		t.Error(err)
	}
	if verify(doc.EncodeState(), map[string]string{"lage": "falsch"}) == nil || verify([]byte{9}, nil) == nil {
		t.Error("a wrong state passes")
	}
}

func TestWhoAsksForTheNoteAllTheTimeHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a, b := r.join("k1", "anna", 1), r.join("k1", "bert", 2)
	a.edit("lage", 0, 0, strings.Repeat("ein langer Text ", 50))
	until(t, "both are in", func() bool { return a.saved() && b.saved() })
	answers := func() int {
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.docs
	}
	before := answers()
	for range 150 {
		a.send(msgSync, syncStep1, []byte{0})
	}
	b.edit("lage", 0, 0, "weiter")
	until(t, "the other one's words are saved", b.saved)
	until(t, "every question is answered", func() bool { return answers() >= before+150 })
}
