package ydoc

import "fmt"

// plan is the order in which the parts of an update can be integrated. It is
// made before anything changes, so that an update which lacks something
// leaves the document as it was. All its slices are indexed like
// Update.names.
type plan struct {
	u       *Update
	clients []uint32 // place in Doc.clients, or nobody
	state   []uint32 // of the client once the planned parts are in
	next    []int    // its first part that is not planned
	waiting []bool   // on the stack
	stack   []wish
	order   []int // planned parts
	cover   []int // the same, sorted; see checkBorders
	borders []ref
}

// wish wants the client's state to pass a clock, or, if all is set, every
// part of the client to be planned.
type wish struct {
	client uint32
	clock  uint32
	all    bool
}

func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	s = s[:n]
	clear(s)
	return s
}

// prepare plans the update for the document as it stands.
func (d *Doc) prepare(u *Update) (*plan, error) {
	p, n := &d.plan, len(u.names)
	p.u, p.stack, p.order = u, p.stack[:0], p.order[:0]
	p.clients, p.state = resize(p.clients, n), resize(p.state, n)
	p.next, p.waiting = resize(p.next, n), resize(p.waiting, n)
	for i, name := range u.names {
		p.next[i] = u.sites[i].from
		if p.clients[i] = d.client(name); p.clients[i] != nobody {
			p.state[i] = d.clients[p.clients[i]].state
		}
	}
	for i := range u.names {
		if err := p.fulfil(wish{client: uint32(i), all: true}); err != nil {
			return nil, err
		}
	}
	for _, s := range u.deletes {
		if s.end() > p.state[s.client] {
			return nil, p.missing(s.client, p.state[s.client])
		}
	}
	return p, nil
}

func (p *plan) missing(client, clock uint32) error {
	return fmt.Errorf("%w: client %d from clock %d", ErrMissing, p.u.names[client], clock)
}

// fulfil plans parts until the wish is met. A part that needs another client
// further on puts a wish for it on the stack; a wish for a client that is
// already waiting there can never be met. Each part is looked at once for
// each of its at most three references, so the whole is linear.
func (p *plan) fulfil(first wish) error {
	p.push(first)
	for len(p.stack) > 0 {
		w := p.stack[len(p.stack)-1]
		if !w.all && p.state[w.client] > w.clock {
			p.pop()
			continue
		}
		if p.next[w.client] == p.u.sites[w.client].to {
			if !w.all {
				return p.missing(w.client, w.clock)
			}
			p.pop()
			continue
		}
		if err := p.step(w.client); err != nil {
			return err
		}
	}
	return nil
}

// step takes the client's next part, or puts what it waits for on the stack.
func (p *plan) step(client uint32) error {
	i := p.next[client]
	part := &p.u.parts[i]
	switch {
	case part.kind == kindSkip, part.end() <= p.state[client]:
	case part.id.clock > p.state[client]:
		return p.missing(client, p.state[client])
	default:
		if r := p.unmet(part); r.some() {
			if p.waiting[r.client] {
				return p.missing(r.client, r.clock)
			}
			p.push(wish{client: r.client, clock: r.clock})
			return nil
		}
		p.order = append(p.order, i)
		p.state[client] = part.end()
	}
	p.next[client]++
	return nil
}

// unmet returns a unit that the part refers to and that is neither here nor
// planned.
func (p *plan) unmet(part *part) ref {
	if r := part.origin; r.some() && r.clock >= p.state[r.client] {
		return r
	}
	if r := part.right; r.some() && r.clock >= p.state[r.client] {
		return r
	}
	if part.more != nil {
		if r := part.more.owner; r.some() && r.clock >= p.state[r.client] {
			return r
		}
	}
	return none()
}

func (p *plan) push(w wish) {
	p.waiting[w.client] = true
	p.stack = append(p.stack, w)
}

func (p *plan) pop() {
	w := p.stack[len(p.stack)-1]
	p.waiting[w.client] = false
	p.stack = p.stack[:len(p.stack)-1]
}
