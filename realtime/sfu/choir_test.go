package sfu

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

func TestSomebodySpeaksAfterThreeLoudPacketsAndNotAfterAClick(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for _, c := range []struct {
		levels []int16
		speaks int // number of the first packet with which somebody does; 0: never
	}{
		{[]int16{127, 127, 127, 127}, 0},
		{[]int16{127, 20, 20, 127, 127, 20, 20, 127}, 0}, // clicks
		{[]int16{127, 20, 20, 20}, 4},
		{[]int16{20, 127, 20, 20}, 4},
		{[]int16{speechLevel, speechLevel, speechLevel, speechLevel}, 0},
	} {
		var v voice
		first := 0
		for i, level := range c.levels {
			if v.hear(level, now) && first == 0 {
				first = i + 1
			}
		}
		if first != c.speaks {
			t.Errorf("%v: speaks with packet %d, not %d", c.levels, first, c.speaks)
		}
	}
}

// silentChoir are ten people of whom the first six have places and nobody speaks; 5 spoke last.
func silentChoir(now time.Time) (all []singer) {
	for i := range 10 {
		s := singer{id: fmt.Sprint(i), placed: i < choirSize}
		if s.placed {
			s.spoke = now.Add(time.Duration(i-20) * time.Second).UnixNano()
		}
		all = append(all, s)
	}
	return all
}

func TestPlacesAreKeptUntilSomebodyNeedsThem(t *testing.T) {
	t.Parallel()
	now := time.Now()
	speaks := func(loud uint32, who ...int) func([]singer) {
		return func(all []singer) {
			for _, i := range who {
				all[i].spoke, all[i].loud = now.UnixNano(), loud
			}
		}
	}
	for name, c := range map[string]struct {
		change []func([]singer)
		want   []int
	}{
		"silence":                        {nil, []int{0, 1, 2, 3, 4, 5}},
		"whoever was silent longest":     {[]func([]singer){speaks(100, 8)}, []int{1, 2, 3, 4, 5, 8}},
		"two begin":                      {[]func([]singer){speaks(100, 8, 9)}, []int{2, 3, 4, 5, 8, 9}},
		"all places speak, no louder":    {[]func([]singer){speaks(300, 0, 1, 2, 3, 4, 5), speaks(340, 8)}, []int{0, 1, 2, 3, 4, 5}},
		"all places speak, much louder":  {[]func([]singer){speaks(300, 1, 2, 3, 4, 5), speaks(200, 0), speaks(300, 8)}, []int{1, 2, 3, 4, 5, 8}},
		"seven speak, three have places": {[]func([]singer){speaks(300, 6, 7, 8, 9), speaks(290, 0, 1, 2)}, []int{0, 1, 2, 6, 7, 8}},
	} {
		all := silentChoir(now)
		for _, change := range c.change {
			change(all)
		}
		got := choose(all, now)
		slices.Sort(got)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v are sent on, not %v", name, got, c.want)
		}
	}
}

// hushed counts the microphones that c was told are held back for louder ones.
func (c *client) hushed() (who []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	state := map[string]LayerState{}
	for _, e := range c.told {
		if e.Layers != nil && e.Layers.Source == "mic" {
			state[e.Layers.Peer] = *e.Layers
		}
	}
	for peer, s := range state {
		if s.State == "paused" && s.Why == "louder" {
			who = append(who, peer)
		}
	}
	slices.Sort(who)
	return who
}

// crowded is a room in which fourteen have their microphones on, six of them speak, and one listens.
func crowded(t *testing.T) (all []*client, listener *client) {
	t.Helper()
	s := newSFU(t)
	listener = join(t, s, "r", "listener")
	for i := range 14 {
		c := join(t, s, "r", fmt.Sprintf("p%02d", i))
		c.deaf = true // fourteen times thirteen streams prove no more
		c.loud = 127
		if i < choirSize {
			c.loud = 30
		}
		if i == 12 {
			c.peer.Lead()
		}
		c.publish("mic")
		all = append(all, c)
	}
	eventually(t, "seven are held back", func() bool {
		return slices.Equal(listener.hushed(), []string{"p06", "p07", "p08", "p09", "p10", "p11", "p13"})
	})
	return all, listener
}

func TestInACrowdTheLoudestAreHeardAndWhoeverBeginsToSpeak(t *testing.T) {
	t.Parallel()
	all, listener := crowded(t)
	listener.dries("p13", "mic")
	for _, heard := range []int{0, 5, 12} { // two who speak, and who leads
		listener.sees(all[heard].id, "mic", 25)
	}
	_, offers := listener.lastOffer()
	before := listener.got("p13", "mic")

	mic := all[13].sources["mic"]
	began := mic.counter.Load()
	mic.loud.Store(5)
	listener.sees("p13", "mic", 20)
	after := listener.got("p13", "mic")
	first := uint32(0)
	for n := range after.counters {
		if before.counters[n] == 0 && (first == 0 || n < first) {
			first = n
		}
	}
	t.Logf("begins to speak after packet %d, is heard from packet %d on", began, first)
	if first > began+10 { // 200 ms
		t.Errorf("speaks from packet %d on and is heard from %d on", began+1, first)
	}
	if after.breaks != 0 || after.foreign != 0 {
		t.Errorf("%d breaks in the numbers, %d packets of others", after.breaks, after.foreign)
	}
	eventually(t, "one of the first six has given up the place", func() bool {
		h := listener.hushed()
		return len(h) == 7 && !slices.Contains(h, "p13")
	})
	if _, now := listener.lastOffer(); now != offers {
		t.Errorf("it took %d offers", now-offers)
	}
}

func TestWhomSomebodyHasChosenIsHeardByThatOneHoweverManySpeak(t *testing.T) {
	t.Parallel()
	_, listener := crowded(t)
	listener.dries("p08", "mic")
	listener.peer.View([]ViewItem{{Peer: "p08", Source: "camera", MaxH: 720, Prio: 2}}, 0, "all")
	listener.sees("p08", "mic", 25)
	listener.peer.View([]ViewItem{{Peer: "p08", Source: "camera", MaxH: 720, Prio: 1}}, 0, "all")
	eventually(t, "p08 is held back again", func() bool { return slices.Contains(listener.hushed(), "p08") })
	listener.dries("p08", "mic")
	if r := listener.got("p08", "mic"); r.breaks != 0 {
		t.Errorf("%d breaks in the numbers", r.breaks)
	}
}
