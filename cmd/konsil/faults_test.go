//go:build linux

package main

import (
	"strconv"
	"strings"
	"syscall"
	"time"
)

// fault is one way in which things go wrong. When strike returns, nobody who was told or shown something before it began is
// still to hear of that, or else everything works again.
type fault struct {
	name   string
	strike func(*lossRig)
}

// schedule draws in which order things go wrong: as many kills as were asked for, every fourth of them of PostgreSQL too, and
// for each two of them one other fault, in turn.
func (r *lossRig) schedule(kills int) []fault {
	others := []fault{
		{"links that swallow and break", (*lossRig).damageLinks},
		{"a reader too slow", (*lossRig).slowReader},
		{"PostgreSQL stalled", (*lossRig).stallDatabase},
	}
	if r.volume != nil {
		others = append(others, fault{"disk full", (*lossRig).fillDisk})
	}
	var all []fault
	for i := range kills {
		if i%4 == 3 {
			all = append(all, fault{"PostgreSQL and server killed", (*lossRig).killBoth})
		} else {
			all = append(all, fault{"server killed", (*lossRig).killServer})
		}
		if i%2 == 1 {
			all = append(all, others[i/2%len(others)])
		}
	}
	r.rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

func (r *lossRig) killBoth() {
	r.door.Store(false)
	r.killDatabase()
	time.Sleep(time.Duration(r.rng.IntN(30)) * time.Millisecond)
	r.killServer()
}

// killServer leaves the door shut, for the log to be read before anybody is back.
func (r *lossRig) killServer() {
	r.door.Store(false)
	r.server.kill()
	r.until("everybody has noticed", (*scribe).back)
	r.startAgain()
}

func (r *lossRig) startAgain() {
	began := time.Now()
	r.server = r.serve()
	r.slowest = max(r.slowest, time.Since(began).Round(time.Millisecond))
}

// damageLinks lets some people's links swallow everything on one way or both, as when a cable is out and neither side has
// noticed, and others break in the middle of a frame.
func (r *lossRig) damageLinks() {
	var damaged []*link
	for _, k := range r.cable.standing() {
		switch r.rng.IntN(6) {
		case 0:
			k.up.Store(swallow)
		case 1:
			k.down.Store(swallow)
		case 2:
			k.up.Store(swallow)
			k.down.Store(swallow)
		case 3:
			k.up.Store(halve)
		case 4:
			k.down.Store(halve)
		default:
			continue
		}
		damaged = append(damaged, k)
	}
	time.Sleep(300*time.Millisecond + time.Duration(r.rng.IntN(900))*time.Millisecond)
	for _, k := range damaged {
		k.tear()
	}
}

// closedAsTooSlow is the close code for who does not read what waits.
const closedAsTooSlow = 4408

// slowReader lets one person ask for much and read a trickle, while everybody else saves and sees as before. She is closed
// for it, and is told so if she reads on within the time that the server leaves her for that. When it begins depends on how
// large the note has become, so she tries to come in time.
func (r *lossRig) slowReader() {
	r.t.Helper()
	for wait := 500 * time.Millisecond; wait < 4*time.Second; wait += 300 * time.Millisecond {
		r.until("everybody is back", (*scribe).online)
		if r.readsTooLate(wait) {
			return
		}
		r.slow.hangsUp() // a line that has been wide is no use for another try
	}
	r.t.Fatalf("who does not read is not closed as too slow\n%s", r.server.said())
}

// readsTooLate reads a trickle for that long, and says whether that was too slow.
func (r *lossRig) readsTooLate(wait time.Duration) bool {
	r.t.Helper()
	before := map[*scribe]int{}
	for _, s := range r.everybody() {
		before[s] = s.progress()
	}
	r.slow.forgetClose()
	r.throttle.Store(true)
	reads := time.Now().Add(wait)
	r.slow.asksForEverything()
	r.until("the others go on beside a slow reader", func(s *scribe) bool { return s == r.slow || s.progress() > before[s] })
	time.Sleep(time.Until(reads))
	r.throttle.Store(false)
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end) && r.slow.lastClose() == 0; {
		time.Sleep(5 * time.Millisecond)
	}
	return r.slow.lastClose() == closedAsTooSlow
}

// stallDatabase stops every process of PostgreSQL for a while; now and then for longer than a commit is waited for, so that
// nobody knows whether the last one was made.
func (r *lossRig) stallDatabase() {
	r.t.Helper()
	pause := 200*time.Millisecond + time.Duration(r.rng.IntN(1200))*time.Millisecond
	if r.rng.IntN(4) == 0 {
		pause += 5 * time.Second
	}
	stopped := r.signalDatabase(syscall.SIGSTOP)
	time.Sleep(pause)
	if r.signalDatabase(syscall.SIGCONT); stopped == 0 {
		r.t.Error("no PostgreSQL was there to be stopped")
	}
	r.until("everybody is back", (*scribe).online)
}

func (r *lossRig) signalDatabase(sig syscall.Signal) (n int) {
	r.t.Helper()
	for _, line := range inhabitants(r.t, r.data) {
		text, _, _ := strings.Cut(line, " ")
		pid, err := strconv.Atoi(text)
		if err != nil {
			r.t.Fatal(err)
		}
		if syscall.Kill(pid, sig) == nil { // it may have ended by now
			n++
		}
	}
	return n
}

// fillDisk lets the volume of PostgreSQL's data and log be full until people notice, and a while longer. PostgreSQL refuses
// what it has no room for, or gives up where that is its log; then the server ends as well and is started again.
func (r *lossRig) fillDisk() {
	r.t.Helper()
	sessions := map[*scribe]int{}
	for _, s := range r.everybody() {
		sessions[s] = s.sessionsSoFar()
	}
	r.volume.fill()
	r.until("a full disk is noticed", func(s *scribe) bool { return !s.online() || s.sessionsSoFar() > sessions[s] })
	time.Sleep(time.Duration(r.rng.IntN(1000)) * time.Millisecond)
	r.volume.free()
	freed, refused := time.Now(), strings.Contains(r.server.said(), diskFull)
	for r.missingSomebody() {
		select {
		case <-r.server.ended:
			r.struck["… which ended PostgreSQL"]++
			refused = true
			r.startAgain()
		case <-time.After(20 * time.Millisecond):
		}
		if time.Since(freed) > 90*time.Second {
			r.t.Fatalf("90 s after there is room again people are still out\n%s", r.server.said())
		}
	}
	if !refused {
		r.t.Error("people noticed something else than a full disk")
	}
}

// diskFull is PostgreSQL's code for it, as the server's log says it.
const diskFull = "SQLSTATE 53100"

func (r *lossRig) missingSomebody() bool {
	for _, s := range r.everybody() {
		if !s.online() {
			return true
		}
	}
	return false
}

func (s *scribe) sessionsSoFar() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions
}

// progress grows with everything that is acknowledged and shown, until the next take.
func (s *scribe) progress() int {
	saved, shown := s.work()
	return saved + shown
}

// hangsUp ends a connection that still stands, to come back with a new one.
func (s *scribe) hangsUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ws != nil {
		s.ws.Close()
		s.asked = false
	}
}

func (s *scribe) lastClose() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

func (s *scribe) forgetClose() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = 0
}

// asksForEverything asks again and again for the whole note, as a client does that has none of it: for more than may wait for
// a socket, in bytes or in frames, and for fewer frames than the burst of 400 that it is allowed.
func (s *scribe) asksForEverything() {
	s.mu.Lock()
	defer s.mu.Unlock()
	const enough = 10 << 20
	for range min(390, enough/len(s.doc.EncodeState())+20) {
		if s.ws != nil {
			s.send(wireSync, syncStep1, []byte{0})
		}
	}
}
