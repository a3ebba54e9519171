package realtime

import (
	"context"
	"testing"
	"time"
)

func TestEditsAreTakenUntilTheAnnouncedSeal(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a, b := r.join("k1", "anna", 1), r.join("k1", "bert", 2)
	elsewhere := r.join("k2", "cora", 3)
	for _, c := range []*client{a, b, elsewhere} {
		until(t, "in", c.saved)
	}
	const grace = 1500 * time.Millisecond
	began, over := time.Now(), make(chan time.Duration, 1)
	go func() {
		r.hub.Sealing("k1", grace)
		over <- time.Since(began)
	}()
	sealing := func(c *client) func() bool {
		return c.is(func() bool { return len(c.states) > 0 && c.states[0][0] == uint64(stateSealing) })
	}
	for _, c := range []*client{a, b} {
		until(t, "told", sealing(c))
		if left := c.states[0][1]; left == 0 || left > uint64(grace.Milliseconds()) {
			t.Errorf("%d ms left of %v", left, grace)
		}
	}
	time.Sleep(50 * time.Millisecond)
	late := r.join("k1", "dora", 4)
	until(t, "told on arrival", sealing(late))
	if late.states[0][1] >= a.states[0][1] {
		t.Errorf("who comes later has %d ms, who was there had %d", late.states[0][1], a.states[0][1])
	}
	a.edit("lage", 0, 0, "im letzten Moment")
	until(t, "saved", a.saved)
	until(t, "shown", func() bool { return b.read1("lage") == "im letzten Moment" })
	if took := <-over; took < grace {
		t.Errorf("returned after %v", took)
	}
	if len(elsewhere.states) > 0 {
		t.Errorf("another conference was told %v", elsewhere.states)
	}
	if err := r.hub.Flush(context.Background(), "k1"); err != nil {
		t.Fatal(err)
	}
	r.hub.Close("k1", "closed")
	if texts := r.notes.replay(t, "k1"); texts["lage"] != "im letzten Moment" {
		t.Errorf("the log reads %q", texts["lage"])
	}
}

func TestSealingWaitsForNobodyWhereNobodyIs(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	began := time.Now()
	r.hub.Sealing("k1", time.Hour)
	a := r.join("k1", "anna", 1)
	until(t, "in", a.saved)
	gone := make(chan struct{})
	go func() { defer close(gone); r.hub.Sealing("k1", time.Hour) }()
	until(t, "told", a.is(func() bool { return len(a.states) == 1 }))
	r.hub.Close("k1", "closed")
	<-gone
	if took := time.Since(began); took > time.Minute {
		t.Errorf("it took %v", took)
	}
}

func TestAnAnnouncementThatIsTakenBackIsSaidToEverybody(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a := r.join("k1", "anna", 1)
	until(t, "in", a.saved)
	r.hub.Sealing("k1", time.Millisecond)
	r.hub.Unseal("k1")
	until(t, "told", a.is(func() bool { return len(a.states) == 2 && a.states[1][0] == uint64(stateOpen) }))
	b := r.join("k1", "bert", 2)
	until(t, "in", b.saved)
	a.edit("lage", 0, 0, "weiter")
	until(t, "saved", a.saved)
	if len(b.states) > 0 {
		t.Errorf("who comes afterwards is told %v", b.states)
	}
}
