package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

const (
	joinEvery  = 237 * time.Millisecond // no multiple of a picture's time
	mediaWarm  = 3 * time.Second
	mediaAfter = time.Second // for repeats of what was lost at the end
	tillSeen   = time.Minute // for everybody to see everybody
)

// entrance is where live sockets are opened.
type entrance interface {
	dial(ctx context.Context, i int) (*websocket.Conn, error)
}

// roomDoor is the entrance of a child of ours.
type roomDoor struct{ address string }

func (d roomDoor) dial(ctx context.Context, i int) (*websocket.Conn, error) {
	return dial(ctx, "ws://"+d.address+"/?peer="+url.QueryEscape(fmt.Sprint("p", i)), http.Header{})
}

// hall is one run: a room, everybody in it, and what is measured. All of it
// runs in this process, so all times are of one clock.
type hall struct {
	door  entrance
	pid   int
	began time.Time
	quit  chan struct{}

	people []*attendee

	epoch    atomic.Int64 // of the keys
	counting atomic.Bool
	packets  atomic.Int64 // received in the part that counts
	latency  *latencies
	pictures *latencies // from dialling to a key frame
	ready    *latencies // from dialling to the connection

	before, begin, end usage // of the server
	missing            int   // packets, of all that were ever sent
	joined             int
	joinCPU            time.Duration // while people came
}

func newHall(door entrance, pid int) *hall {
	return &hall{
		door: door, pid: pid, began: time.Now(), quit: make(chan struct{}),
		latency: newLatencies(), pictures: newLatencies(), ready: newLatencies(),
	}
}

func (h *hall) now() time.Duration { return time.Since(h.began) }

// sleepUntil reports false when the hall is closed.
func (h *hall) sleepUntil(at time.Duration) bool {
	if d := at - h.now(); d > 0 {
		time.Sleep(d)
	}
	select {
	case <-h.quit:
		return false
	default:
		return true
	}
}

// hold lets people come, measures media for so long, and lets more come until
// enough joins are measured.
func (h *hall) hold(ctx context.Context, s scenario, joins int, length time.Duration) (err error) {
	defer h.close()
	if h.before, err = usageOf(h.pid); err != nil {
		return err
	}
	if err := h.gather(ctx, s.publishers, s.subscribers); err != nil {
		return err
	}
	if err := sleep(ctx, mediaWarm); err != nil {
		return err
	}
	if h.begin, err = usageOf(h.pid); err != nil {
		return err
	}
	h.counting.Store(true)
	if err := sleep(ctx, length); err != nil {
		return err
	}
	h.counting.Store(false)
	if h.end, err = usageOf(h.pid); err != nil {
		return err
	}
	if err := h.visit(ctx, s.publishers, joins); err != nil {
		return err
	}
	h.missing, err = h.lost(ctx)
	return err
}

// gather lets the first publisher in, then the others and the subscribers.
func (h *hall) gather(ctx context.Context, publishers, subscribers int) error {
	if _, err := h.arrive(ctx, "publisher 1", 0, nil); err != nil {
		return err
	}
	if err := h.settle(ctx); err != nil {
		return err
	}
	return h.joining(ctx, func() error {
		for i := 1; i < publishers+subscribers; i++ {
			publisher, seen := i, i
			if i >= publishers {
				publisher, seen = -1, publishers
			}
			if err := h.join(ctx, fmt.Sprint("person ", i+1), publisher, seen); err != nil {
				return err
			}
		}
		return nil
	})
}

// visit makes up for what is missing of the joins. Visitors leave when they have seen everybody, so that it does not become crowded.
func (h *hall) visit(ctx context.Context, publishers, joins int) error {
	stay := len(h.people)
	return h.joining(ctx, func() error {
		for h.joined < joins {
			if err := h.join(ctx, fmt.Sprint("visitor ", h.joined), -1, publishers); err != nil {
				return err
			}
			for _, v := range h.people[stay:] {
				if v.settled() {
					v.leave()
				}
			}
		}
		return nil
	})
}

// join lets somebody in who should see the first so many publishers.
func (h *hall) join(ctx context.Context, name string, publisher, seen int) error {
	awaits := map[int]bool{}
	for i := range seen {
		awaits[i] = true
	}
	h.joined++
	if _, err := h.arrive(ctx, name, publisher, awaits); err != nil {
		return err
	}
	return sleep(ctx, joinEvery)
}

// joining measures what the coming of people costs the server.
func (h *hall) joining(ctx context.Context, come func() error) error {
	before, err := usageOf(h.pid)
	if err != nil {
		return err
	}
	if err := come(); err != nil {
		return err
	}
	if err := h.settle(ctx); err != nil {
		return err
	}
	after, err := usageOf(h.pid)
	h.joinCPU += after.cpu - before.cpu
	return err
}

// settle waits until everybody is connected and sees what they should.
func (h *hall) settle(ctx context.Context) error {
	limit := time.Now().Add(tillSeen)
	for _, a := range h.people {
		for !a.settled() {
			if time.Now().After(limit) {
				return fmt.Errorf("%s has no picture", a.name)
			}
			if err := sleep(ctx, 5*time.Millisecond); err != nil {
				return err
			}
			select {
			case err := <-a.done:
				a.done <- err
				return fmt.Errorf("the live socket has ended: %w", err)
			default:
			}
		}
	}
	return nil
}

// lost lets what is on its way arrive and counts what is missing, anywhere.
func (h *hall) lost(ctx context.Context) (int, error) {
	sent := map[[2]int]uint32{}
	for _, a := range h.people {
		for _, s := range a.sources {
			sent[s.key()] = s.sent.Load()
		}
	}
	if err := sleep(ctx, mediaAfter); err != nil {
		return 0, err
	}
	lost := 0
	for _, a := range h.people {
		for _, s := range a.received() {
			lost += s.lost(sent[s.key()], a.left)
		}
	}
	return lost, nil
}

// close sends everybody home.
func (h *hall) close() {
	close(h.quit)
	for _, a := range h.people {
		a.leave()
	}
}
