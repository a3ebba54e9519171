package sfu

import (
	"cmp"
	"slices"
)

// This file decides who gets which layer of what. It is pure: Peer.adapt gathers the demands and carries out the choices.

// rung is a height on the ladder of a camera's layers.
type rung int8

const (
	paused rung = iota - 1
	low         // 180 lines
	mid         // 360
	high        // 720
)

var rungLines = [...]int{low: 180, mid: 360, high: 720}

// demand is one picture a viewer could get.
type demand struct {
	screen  bool
	prio    int    // what the page says: more comes first
	maxH    int    // lines the page can show, 0: not shown
	speaker int    // place in the order of speakers, the dominant one first
	rate    [3]int // bit/s of each rung, 0: there is no such layer. A picture in one stream has it at high
	now     rung   // chosen last
	held    bool   // lowered so lately for want of bandwidth that it does not rise yet
}

// choice is what a demand gets.
type choice struct {
	rung rung
	why  string // "" if it is all the publisher has, else "view", "lastN" or "bandwidth"
}

// allowance is what a viewer's connection and wishes leave room for.
type allowance struct {
	lastN int
	mode  string
	rate  int // bit/s for pictures, negative: as much as there is
}

// shareOut gives each demand its layer. First the page decides what is worth sending, then lastN, then bandwidth: everybody's
// smallest layer comes before anybody's better one, rung by rung in the order screen, chosen by the person, speaking, spoke before,
// rest.
func shareOut(all []demand, a allowance) []choice {
	order := rank(all)
	choices := make([]choice, len(all))
	wishes := make([]rung, len(all))
	cameras := 0
	for _, i := range order {
		d := &all[i]
		wishes[i], choices[i] = d.wish(a.mode)
		if wishes[i] == paused || d.screen {
			continue
		}
		if cameras++; cameras > a.shown() {
			wishes[i], choices[i] = paused, choice{paused, "lastN"}
		}
	}
	if a.rate >= 0 {
		fit(all, order, wishes, choices, a.rate)
	}
	return choices
}

// shown is how many cameras the viewer gets at most.
func (a allowance) shown() int {
	if a.mode == "few" {
		return min(a.lastN, fewCameras)
	}
	return a.lastN
}

// rank lists the places in all, the most important first.
func rank(all []demand) []int {
	order := make([]int, len(all))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(x, y int) int {
		a, b := &all[x], &all[y]
		if a.screen != b.screen {
			if a.screen {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(b.prio, a.prio), cmp.Compare(a.speaker, b.speaker))
	})
	return order
}

// wish is the smallest layer that fills the place on the page: a third more than it has lines is enlarged without anybody noticing.
func (d *demand) wish(mode string) (rung, choice) {
	if d.maxH <= 0 || mode == "audio" || mode == "text" || d.best() == paused {
		return paused, choice{paused, "view"}
	}
	limit := d.maxH
	if mode == "few" && !d.screen {
		limit = min(limit, rungLines[mid])
	}
	best := paused
	for r := low; r <= high; r++ {
		if d.rate[r] == 0 {
			continue
		}
		if best = r; rungLines[r]*4 >= limit*3 {
			break
		}
	}
	if best < d.best() {
		return best, choice{best, "view"}
	}
	return best, choice{best, ""}
}

func (d *demand) best() rung {
	for r := high; r >= low; r-- {
		if d.rate[r] > 0 {
			return r
		}
	}
	return paused
}

// next is the smallest layer above r up to the wish, or paused if there is none.
func (d *demand) next(r, wish rung) rung {
	for r++; r <= wish; r++ {
		if d.rate[r] > 0 {
			return r
		}
	}
	return paused
}

// fit lowers choices until they fit into rate.
func fit(all []demand, order []int, wishes []rung, choices []choice, rate int) {
	got := make([]rung, len(all))
	for i := range got {
		got[i] = paused
	}
	for range rungs {
		for _, i := range order {
			next := all[i].next(got[i], wishes[i])
			more := all[i].cost(next) - all[i].cost(got[i])
			if next != paused && more <= rate && !(all[i].held && next > all[i].now) {
				got[i], rate = next, rate-more
			}
		}
	}
	for i, wish := range wishes {
		if got[i] < wish {
			choices[i] = choice{got[i], "bandwidth"}
		}
	}
}

// cost is what a layer takes. A layer that would be new has to leave some room, so that its ups and downs do not switch it off and on.
func (d *demand) cost(r rung) int {
	switch {
	case r == paused:
		return 0
	case r > d.now:
		return d.rate[r] * 11 / 10
	}
	return d.rate[r]
}

// short is what would have to be free on top of rate for the next better choice of anything that bandwidth holds back; 0 if nothing.
func short(all []demand, choices []choice) int {
	least := 0
	for i, c := range choices {
		if c.why != "bandwidth" {
			continue
		}
		next := all[i].next(c.rung, high)
		if next == paused {
			continue
		}
		cost := all[i].rate[next]
		if c.rung != paused {
			cost -= all[i].rate[c.rung]
		}
		if cost > 0 && (least == 0 || cost < least) {
			least = cost
		}
	}
	return least
}
