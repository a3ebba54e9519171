package sfu

import "time"

// gaps are the packets a publisher sent and we did not get. At most maxGaps are followed; more is not loss but a break.
type gaps struct {
	list []gap // maxGaps of them once there was one
	n    int
}

const maxGaps = 128

type gap struct {
	ext   int64
	next  time.Time // when to ask
	tries int
}

func (g *gaps) reset() { g.n = 0 }

// open adds the packets from…to-1. False: too many, and all are forgotten.
func (g *gaps) open(from, to int64, now time.Time) bool {
	if to-from > int64(maxGaps-g.n) {
		g.n = 0
		return false
	}
	if g.list == nil {
		g.list = make([]gap, maxGaps)
	}
	for ext := from; ext < to; ext++ {
		g.list[g.n] = gap{ext: ext, next: now.Add(firstNackAfter)}
		g.n++
	}
	return true
}

// fill takes out a packet that has come after all.
func (g *gaps) fill(ext int64) {
	for i := range g.list[:g.n] {
		if g.list[i].ext == ext {
			g.take(i)
			return
		}
	}
}

func (g *gaps) take(i int) {
	copy(g.list[i:g.n], g.list[i+1:g.n])
	g.n--
}

// due appends the numbers to ask for now, and tells how many were given up.
func (g *gaps) due(now time.Time, to []uint16) (numbers []uint16, lost int) {
	for i := 0; i < g.n; {
		e := &g.list[i]
		switch {
		case now.Before(e.next):
			i++
		case e.tries >= nackTries:
			g.take(i)
			lost++
		default:
			to = append(to, uint16(e.ext))
			e.tries++
			e.next = now.Add(nackEvery)
			i++
		}
	}
	return to, lost
}
