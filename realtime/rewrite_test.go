package realtime

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"

	"github.com/konsil-server/konsil/realtime/ydoc"
)

// rewrite writes the log of a note anew without a word, as [Notes] may find it afterwards.
func (a *archive) rewrite(t *testing.T, conference, word string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	k := a.notes[conference]
	old := documentOf(t, k.log)
	anew, ids := ydoc.New(), map[string]uint64{}
	k.Base, k.Upto, k.State, k.log, k.Retired = k.Head+1, 0, nil, nil, map[uint64]uint32{}
	for client := range k.Clients {
		k.Retired[client] = old.State(client)
	}
	k.Head = k.Base
	clients := maps.Clone(k.Clients)
	for _, key := range k.Sections {
		for _, run := range old.Runs(root(key)) {
			person := k.Clients[run.Client]
			if ids[person] == 0 {
				ids[person] = uint64(1e6) + uint64(k.Base)*100 + uint64(len(ids))
				clients[ids[person]] = person
			}
			change, err := anew.Edit(ids[person], root(key), anew.Len(root(key)), 0, strings.ReplaceAll(run.Text, word, ""))
			if err != nil {
				t.Error(err)
			}
			k.Head++
			k.log = append(k.log, Row{Seq: k.Head, Person: person, Data: anew.Encode(change)})
		}
	}
	k.Clients = clients
	k.texts = map[string]string{"lage": anew.Text("s:lage"), "plan": anew.Text("s:plan")}
	k.textsUpto = k.Head
}

func documentOf(t *testing.T, rows []Row) *ydoc.Doc {
	t.Helper()
	var updates []*ydoc.Update
	for _, r := range rows {
		u, err := ydoc.Decode(r.Data, ydoc.Limits{})
		if err != nil {
			t.Fatalf("row %d: %v", r.Seq, err)
		}
		updates = append(updates, u)
	}
	doc := ydoc.New()
	if _, err := doc.ApplyAll(updates); err != nil {
		t.Fatalf("replay: %v", err)
	}
	return doc
}

// redact removes a word while the conference is live.
func (r *rig) redact(word string) {
	r.t.Helper()
	err := r.hub.Rewrite(r.t.Context(), "k1", func(context.Context) error {
		r.notes.rewrite(r.t, "k1", word)
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

// says types a word at the end until it is saved: a frame that is refused because its document is outdated is made again.
func (c *client) says(section, word string) {
	for {
		until(c.t, "in", c.is(func() bool { return c.synced }))
		c.mu.Lock()
		at := c.doc.Len(root(section))
		c.mu.Unlock()
		c.edit(section, at, 0, word)
		var n uint64
		until(c.t, "answered", c.is(func() bool { n = c.sent; return c.acked >= n }))
		c.mu.Lock()
		why := c.refused[n]
		c.mu.Unlock()
		switch why {
		case accepted:
			return
		case refusedOutdated, refusedDependency:
		default:
			c.t.Errorf("refused: %d", why)
			return
		}
	}
}

func TestARedactionWhileOthersTypeLosesNothingElse(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var clients []*client
	for i := range 5 {
		c := r.join("k1", name(i), uint64(100+i))
		c.text("hello", struct{}{})
		clients = append(clients, c)
		until(t, "in", func() bool { return c.saved() && c.textOf("welcome") != nil })
	}
	clients[0].says("lage", "GEHEIMNIS ")
	const words = 40
	var typing sync.WaitGroup
	for i, c := range clients[1:] {
		typing.Go(func() {
			for k := range words {
				c.says([]string{"lage", "plan"}[k%2], fmt.Sprintf("<%d.%d>", i+1, k))
			}
		})
	}
	until(t, "others are typing", func() bool { return len(r.notes.rows("k1")) > 30 })
	r.redact("GEHEIMNIS ")
	clients[0].says("plan", "danach ")
	r.redact("danach ")
	typing.Wait()

	log := r.notes.replay(t, "k1")
	for _, key := range []string{"lage", "plan"} {
		for i, c := range clients {
			until(t, "converged", func() bool { return c.read1(key) == log[key] })
			if strings.Contains(c.read1(key), "GEHEIM") {
				t.Errorf("%d still reads it", i)
			}
		}
	}
	for i := range clients[1:] {
		for k := range words {
			if n := strings.Count(log["lage"]+log["plan"], fmt.Sprintf("<%d.%d>", i+1, k)); n != 1 {
				t.Errorf("word %d of %d is there %d times", k, i+1, n)
			}
		}
	}
	authors := map[string]string{}
	r.notes.with("k1", func(k *kept) {
		doc := documentOf(t, k.log)
		for _, run := range append(doc.Runs("s:lage"), doc.Runs("s:plan")...) {
			authors[k.Clients[run.Client]] += run.Text
		}
	})
	for i := range clients[1:] {
		if got := authors[name(i+1)]; strings.Count(got, "<") != words || strings.Count(got, fmt.Sprintf("<%d.", i+1)) != words {
			t.Errorf("%s is said to have written %q", name(i+1), got)
		}
	}
}

func TestWhatWasMadeBeforeARedactionIsRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a, b := r.join("k1", "anna", 1), r.join("k1", "bert", 2)
	a.text("hello", struct{}{})
	b.text("hello", struct{}{})
	until(t, "in", func() bool { return a.saved() && b.saved() && b.textOf("welcome") != nil && a.textOf("welcome") != nil })
	a.says("lage", "Name. ")
	b.says("lage", "Rest.")
	before := b.copyDoc()
	r.redact("Name. ")
	until(t, "told", b.is(func() bool { return len(b.states) > 0 && b.synced }))
	b.mu.Lock()
	state, base := b.states[0], uint64(0)
	b.mu.Unlock()
	r.notes.with("k1", func(k *kept) { base = uint64(k.Base) })
	if len(state) != 5 || state[1] != base || state[2] != 1 || state[3] != 2 || state[4] != 5 {
		t.Errorf("told %v, the log begins after %d", state, base)
	}
	// The undo of somebody whose page did not take the news, over the socket she has; and all that she knows, over a new one.
	for what, c := range map[string]*client{
		"over the socket": b,
		"after coming back": func() *client {
			c := r.joinWith(guest("k1", "bert"), 2, before)
			until(t, "back", c.saved)
			return c
		}(),
	} {
		if c != b && c.refused[1] != refusedOutdated {
			t.Errorf("the whole document of before: refused with %v", c.refused)
		}
		n := c.update(before.EncodeState())
		until(t, "refused "+what, c.is(func() bool { return c.refused[n] == refusedOutdated }))
		deletion, err := before.Edit(2, "s:lage", 0, 3, "")
		if err != nil {
			t.Fatal(err)
		}
		n = c.update(before.Encode(deletion))
		until(t, "a deletion of before refused "+what, c.is(func() bool { return c.refused[n] == refusedOutdated }))
	}
	until(t, "settled", a.saved)
	if log := r.notes.replay(t, "k1"); log["lage"] != "Rest." || a.read1("lage") != "Rest." {
		t.Errorf("the log reads %q, others %q", log["lage"], a.read1("lage"))
	}
	r.notes.with("k1", func(k *kept) {
		if k.texts["lage"] != "Rest." {
			t.Errorf("the section reads %q", k.texts["lage"])
		}
	})
}

func TestAFrameUnderWayDuringARedactionIsRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a := r.join("k1", "anna", 1)
	a.text("hello", struct{}{})
	until(t, "in", func() bool { return a.saved() && a.textOf("welcome") != nil })
	a.says("lage", "eins ")
	var n uint64
	err := r.hub.Rewrite(t.Context(), "k1", func(context.Context) error {
		fresh := ydoc.New() // of another tab, say, that has never written: nothing in it tells its age
		change, err := fresh.Edit(77, "s:plan", 0, 0, "spät")
		n = a.update(fresh.Encode(change))
		r.notes.rewrite(t, "k1", "eins ")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	until(t, "refused", a.is(func() bool { return a.refused[n] == refusedOutdated }))
	if log := r.notes.replay(t, "k1"); log["plan"] != "" {
		t.Errorf("the log reads %q", log["plan"])
	}
	a.says("plan", "noch einmal")
	if log := r.notes.replay(t, "k1"); log["plan"] != "noch einmal" {
		t.Errorf("the log reads %q", log["plan"])
	}
}

func TestARedactionThatFailsChangesNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a := r.join("k1", "anna", 1)
	a.text("hello", struct{}{})
	until(t, "in", func() bool { return a.saved() && a.textOf("welcome") != nil })
	a.says("lage", "eins ")
	changed := errors.New("the passage has changed")
	if err := r.hub.Rewrite(t.Context(), "k1", func(context.Context) error { return changed }); !errors.Is(err, changed) {
		t.Errorf("outcome: %v", err)
	}
	a.says("lage", "zwei")
	if log := r.notes.replay(t, "k1"); log["lage"] != "eins zwei" || len(a.states) > 0 || len(a.refused) > 0 {
		t.Errorf("the log reads %q; told %v, refused %v", log["lage"], a.states, a.refused)
	}
}

func TestAStockClientIsClosedByARedaction(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a := r.join("k1", "anna", 1)
	until(t, "in", a.saved)
	a.says("lage", "Name")
	r.redact("Name")
	if code, _ := a.ended(); code != closeReload {
		t.Errorf("closed with %d", code)
	}
	late := r.join("k1", "bert", 2)
	until(t, "in", late.saved)
	if got := late.read1("lage"); got != "" {
		t.Errorf("reads %q", got)
	}
}

func TestANoteIsRewrittenWithNobodyThere(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a := r.join("k1", "anna", 1)
	until(t, "in", a.saved)
	a.says("lage", "Name, sonst nichts")
	a.ws.Close()
	r.redact("Name, ")
	if log := r.notes.replay(t, "k1"); log["lage"] != "sonst nichts" {
		t.Errorf("the log reads %q", log["lage"])
	}
	until(t, "unloaded", func() bool { return r.hub.find("k1") == nil })
	r.notes.with("k1", func(k *kept) {
		if strings.Contains(string(k.State), "Name") || k.texts["lage"] != "sonst nichts" {
			t.Errorf("left behind: %q, %q", k.State, k.texts["lage"])
		}
	})
}
