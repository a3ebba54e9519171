package realtime

import "sync"

// mailbox hands calls to the goroutine that owns some state. Posting never
// blocks; who posts is bounded elsewhere (one result per tick, one look per
// second, one command per caller that waits for it).
type mailbox struct {
	mu    sync.Mutex
	calls []func()
	wake  chan struct{} // holds at most one token: there is something
}

func newMailbox() *mailbox { return &mailbox{wake: make(chan struct{}, 1)} }

func (m *mailbox) post(call func()) {
	m.mu.Lock()
	m.calls = append(m.calls, call)
	m.mu.Unlock()
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// work runs what has been posted so far, in order, without the lock.
func (m *mailbox) work() {
	m.mu.Lock()
	calls := m.calls
	m.calls = nil
	m.mu.Unlock()
	for _, call := range calls {
		call()
	}
}
