package realtime

import (
	"crypto/rand"
	"sync"
	"time"
)

// ticketLife is how long a ticket waits for its socket.
const ticketLife = 30 * time.Second

// tickets are the one-time keys to sockets, kept in memory: a socket lives on
// this node, and a ticket that a restart forgets is asked for again.
type tickets struct {
	mu   sync.Mutex
	open map[string]ticket
	room int // size at which expired ones are swept out
}

type ticket struct {
	guest   Guest
	expires time.Time
}

func (t *tickets) issue(g Guest, now time.Time) string {
	code := rand.Text() // 130 bits: not to be guessed in 30 seconds
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open == nil {
		t.open = make(map[string]ticket)
	}
	if len(t.open) >= t.room {
		t.sweep(now)
	}
	t.open[code] = ticket{g, now.Add(ticketLife)}
	return code
}

// sweep forgets the expired. Doubling the threshold keeps it linear overall.
func (t *tickets) sweep(now time.Time) {
	for code, k := range t.open {
		if !now.Before(k.expires) {
			delete(t.open, code)
		}
	}
	t.room = max(64, 2*len(t.open))
}

func (t *tickets) redeem(code string, now time.Time) (Guest, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k, ok := t.open[code]
	delete(t.open, code)
	return k.guest, ok && now.Before(k.expires)
}
