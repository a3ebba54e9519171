package realtime

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// enters joins and says hello.
func (r *rig) enters(conference, person string, id uint64) *client {
	r.t.Helper()
	c := r.join(conference, person, id)
	c.text("hello", struct{}{})
	until(r.t, person+" is welcomed", func() bool { return c.textOf("welcome") != nil })
	return c
}

// epochs gives the epochs a client was told of.
func (c *client) epochs() (all []epochBegins) {
	for _, body := range c.all("epoch") {
		var e epochBegins
		json.Unmarshal(body, &e)
		all = append(all, e)
	}
	return all
}

// inEpoch waits until the newest epoch a client knows has these members.
func (c *client) inEpoch(reason string, members ...*client) epochBegins {
	c.t.Helper()
	var want []string
	for _, m := range members {
		want = append(want, m.hubPeer())
	}
	slices.Sort(want)
	var last epochBegins
	until(c.t, "an epoch of these members", func() bool {
		all := c.epochs()
		if len(all) == 0 {
			return false
		}
		last = all[len(all)-1]
		return last.Reason == reason && slices.Equal(last.Members, want)
	})
	return last
}

// keys gives the envelopes that a client got.
func (c *client) keys() (all []keyFrom) {
	for _, body := range c.all("key.put") {
		var k keyFrom
		json.Unmarshal(body, &k)
		all = append(all, k)
	}
	return all
}

func TestEveryComingAndGoingBeginsAnEpochForThoseWhoAreThere(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	anna := r.enters("k1", "anna", 1)
	first := anna.inEpoch("join", anna)
	bert := r.enters("k1", "bert", 2)
	second := anna.inEpoch("join", anna, bert)
	if got := bert.inEpoch("join", anna, bert); got.N != second.N || second.N != first.N+1 {
		t.Fatalf("epochs %d, then %d with anna and %d with bert", first.N, second.N, got.N)
	}
	var w welcome
	json.Unmarshal(bert.textOf("welcome"), &w)
	if w.Epoch != second.N {
		t.Errorf("bert is welcomed to epoch %d, which is %d", w.Epoch, second.N)
	}
	r.enters("k2", "carl", 3)
	r.hub.Drop("k1", "bert", "rights")
	third := anna.inEpoch("leave", anna)
	if third.N != second.N+1 {
		t.Errorf("epoch %d after %d; another conference's epochs are its own", third.N, second.N)
	}
	if all := bert.epochs(); all[len(all)-1].N > second.N {
		t.Errorf("bert was told of %+v after he was shown out", all[len(all)-1])
	}
}

func TestSomebodyWhoOnlyWritesBeginsNoEpoch(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	anna := r.enters("k1", "anna", 1)
	before := anna.inEpoch("join", anna)
	scribe := r.join("k1", "scribe", 2)
	until(t, "the scribe is in", scribe.is(func() bool { return scribe.synced }))
	scribe.ws.Close()
	<-scribe.gone
	bert := r.enters("k1", "bert", 3)
	if after := anna.inEpoch("join", anna, bert); after.N != before.N+1 {
		t.Errorf("epoch %d after %d", after.N, before.N)
	}
}

func TestAnEnvelopeReachesItsReceiverAsItWasAndNobodyElse(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	anna, bert, carl := r.enters("k1", "anna", 1), r.enters("k1", "bert", 2), r.enters("k1", "carl", 3)
	other := r.enters("k2", "dora", 4)
	writer := r.join("k1", "emil", 5) // has not said hello
	alphabet := "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	long := strings.Repeat(alphabet, maxEnvelope/len(alphabet))
	anna.text("key.put", keyPut{7, bert.hubPeer(), long})
	anna.text("key.put", keyPut{7, other.hubPeer(), "elsewhere"})
	anna.text("key.put", keyPut{7, "nobody", "lost"})
	anna.text("key.put", keyPut{8, "", "all"})
	writer.text("key.put", keyPut{8, bert.hubPeer(), "unseen"})
	want := []keyFrom{{7, anna.hubPeer(), long}, {8, anna.hubPeer(), "all"}}
	until(t, "bert has his", func() bool { return len(bert.keys()) == 2 })
	until(t, "carl has what is for all", func() bool { return len(carl.keys()) == 1 })
	if got := bert.keys(); !slices.Equal(got, want) {
		t.Errorf("bert got %+v", got)
	}
	if got := carl.keys(); !slices.Equal(got, want[1:]) {
		t.Errorf("carl got %+v", got)
	}
	for name, c := range map[string]*client{"the sender": anna, "another conference": other, "a scribe": writer} {
		if got := c.keys(); len(got) > 0 {
			t.Errorf("%s got %+v", name, got)
		}
	}
}

func TestABrowserThatCannotEncryptGetsNeitherMediaNorKeys(t *testing.T) {
	t.Parallel()
	r := newRig(t, withRooms(t))
	anna, bert := r.enters("k1", "anna", 1), r.enters("k1", "bert", 2)
	old := r.join("k1", "carl", 3)
	old.text("hello", map[string]bool{"e2ee": false})
	until(t, "carl is welcome, without media", func() bool {
		return old.textOf("welcome") != nil && string(old.textOf("error")) == `{"what":"e2ee"}`
	})
	anna.inEpoch("join", anna, bert)
	anna.text("key.put", keyPut{3, old.hubPeer(), "secret"})
	anna.text("key.put", keyPut{3, "", "forall"})
	until(t, "bert has what is for all", func() bool { return len(bert.keys()) == 1 })
	old.text("pub.offer", map[string]any{"gen": 1, "sdp": "v=0", "tracks": []any{}})
	until(t, "carl offers in vain", func() bool { return len(old.all("error")) == 2 })
	if got := old.keys(); len(got) > 0 {
		t.Errorf("carl got %+v", got)
	}
}

func TestAnEnvelopeThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	for name, k := range map[string]keyPut{
		"empty":           {1, "peer", ""},
		"too long":        {1, "peer", strings.Repeat("A", maxEnvelope+1)},
		"long to all":     {1, "", strings.Repeat("A", maxNotice+1)},
		"not base64url":   {1, "peer", "a+b/c="},
		"words":           {1, "peer", "Grüße"},
		"a broken number": {-1, "peer", "AAAA"},
	} {
		if k.usable() {
			t.Errorf("%s is passed on", name)
		}
	}
	r := newRig(t)
	anna, bert := r.enters("k1", "anna", 1), r.enters("k1", "bert", 2)
	anna.text("key.put", map[string]any{"epoch": 1, "to": bert.hubPeer(), "blob": map[string]int{"a": 1}})
	anna.text("key.put", nil)
	until(t, "two complaints", func() bool { return len(anna.all("error")) == 2 })
	if got := bert.keys(); len(got) > 0 {
		t.Errorf("bert got %+v", got)
	}
}
