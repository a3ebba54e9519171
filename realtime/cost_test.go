package realtime

import (
	"testing"
	"time"

	"github.com/konsil-server/konsil/realtime/ydoc"
)

// What is done once instead of many times must come to the same.

func TestRightsAreReadOncePerSignInAndTakenFromAllItsSockets(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	other := guest("k1", "anna")
	other.Session = "another"
	annas := []*client{r.join("k1", "anna", 1), r.join("k1", "anna", 2), r.joinWith(other, 3, ydoc.New())}
	bert := r.join("k1", "bert", 4)
	for _, c := range append(annas, bert) {
		until(t, "all are in", c.saved)
	}
	looks := make(chan []Guest, 1)
	r.gate.set(func(p *porter) {
		p.asked = func(guests []Guest) {
			select {
			case looks <- guests:
			default:
			}
		}
	})
	seen := map[string]int{}
	for _, g := range <-looks {
		seen[g.Person+" "+g.Session]++
	}
	if len(seen) != 3 || seen["anna s-anna"] != 1 || seen["anna another"] != 1 || seen["bert s-bert"] != 1 {
		t.Errorf("asked for %v", seen)
	}
	r.gate.set(func(p *porter) { p.denied["anna"] = "rights" })
	for _, c := range annas {
		if code, reason := c.ended(); code != closeEnded || reason != "rights" {
			t.Errorf("closed with %d %q", code, reason)
		}
	}
	bert.edit("lage", 0, 0, "noch da")
	until(t, "the other one goes on", bert.saved)
}

func TestDeliveriesGatherUnlessTheNoteHasRested(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for name, c := range map[string]struct {
		delivered time.Time
		want      time.Duration
	}{
		"never before": {time.Time{}, 0},
		"long ago":     {now.Add(-restAfter - time.Millisecond), 0},
		"a tick ago":   {now.Add(-deliverEvery), deliverEvery},
		"meanwhile":    {now.Add(time.Millisecond), deliverEvery}, // while this one was committed
	} {
		if got := (&conference{delivered: c.delivered, oldest: now}).patience(); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
