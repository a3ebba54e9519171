package realtime

import (
	"context"
	"time"
)

// This file is the agenda of a live conference: which phase it is, for everybody in the room. It is kept elsewhere (Agendas); what is said
// here has been committed there.

// Agenda is the agenda of a conference, and how far it is.
type Agenda struct {
	Phases []Phase
	At     int       // index of the phase that it is; -1: of none yet
	Since  time.Time // since when
}

// Phase is one part of a conference. Guests are told of it without its title and without who the owner is: both may speak of the case.
type Phase struct {
	Kind    string
	Title   string // empty: the word for its kind
	Minutes int    // planned
	Owner   string // who leads through it: moderator, caseworker, experts, guest, or seat for one person
	Name    string // of that person; empty where it is not one
	Person  string // her id
	Spent   time.Duration
}

// Agendas is where agendas are kept.
type Agendas interface {
	// Agenda reads that of a conference; without phases: there is none.
	Agenda(ctx context.Context, conference string) (Agenda, error)
	// Turn lets the conference go from one phase to another, as somebody who leads it wants, and returns the agenda as it is then. Where it
	// is not in phase from any more nothing changes.
	Turn(ctx context.Context, conference string, by Guest, from, to int) (Agenda, error)
}

// Bodies of text frames.
type (
	turn struct {
		From *int `json:"from"`
		To   *int `json:"to"`
	}
	agendaFrame struct {
		At     int          `json:"at"`
		For    int64        `json:"for"` // milliseconds in this phase
		Phases []phaseFrame `json:"phases"`
	}
	phaseFrame struct {
		Kind    string `json:"kind"`
		Title   string `json:"title"`
		Minutes int    `json:"minutes"`
		Owner   string `json:"owner"`
		Name    string `json:"name"`
		Person  string `json:"person"`
		Spent   int64  `json:"spent"` // milliseconds in this phase before
	}
)

// frame is the agenda as somebody in that part may see it.
func (a Agenda) frame(part string, now time.Time) []byte {
	f := agendaFrame{At: a.At, Phases: make([]phaseFrame, len(a.Phases))}
	if a.At >= 0 {
		f.For = max(0, now.Sub(a.Since)).Milliseconds()
	}
	for i, p := range a.Phases {
		if part == PartGuest {
			p.Title, p.Name, p.Person = "", "", ""
		}
		f.Phases[i] = phaseFrame{p.Kind, p.Title, p.Minutes, p.Owner, p.Name, p.Person, p.Spent.Milliseconds()}
	}
	return textFrame("agenda", f)
}

// showAgenda tells one socket in the room which phase it is. The first one makes the conference read it.
func (c *conference) showAgenda(s *socket) {
	if c.agenda == nil {
		c.readAgenda()
		return
	}
	if len(c.agenda.Phases) > 0 {
		s.out.put(c.agenda.frame(s.visitor.Part, c.hub.cfg.Now()))
	}
}

// readAgenda reads the agenda and tells everybody.
func (c *conference) readAgenda() {
	agendas := c.hub.cfg.Agendas
	if agendas == nil {
		return
	}
	c.askAgenda(func(ctx context.Context) (Agenda, error) { return agendas.Agenda(ctx, c.id) }, func() {})
}

// askAgenda does something that answers with the agenda as it is then; otherwise is called on the conference's goroutine where it does not.
func (c *conference) askAgenda(ask func(context.Context) (Agenda, error), otherwise func()) {
	var a Agenda
	c.clerk.do("agenda", func(ctx context.Context) (err error) {
		a, err = ask(ctx)
		return err
	}, func(err error) {
		c.mail.post(func() {
			if err != nil {
				otherwise()
				return
			}
			c.agenda = &a
			c.tellAgenda()
		})
	})
}

func (c *conference) tellAgenda() {
	now := c.hub.cfg.Now()
	frames := map[bool][]byte{}
	for _, s := range c.sockets {
		if v := s.visitor; v != nil && v.in && !v.going {
			guest := v.Part == PartGuest
			if frames[guest] == nil {
				frames[guest] = c.agenda.frame(v.Part, now)
			}
			s.out.put(frames[guest])
		}
	}
}

// turn goes to another phase, as somebody in the room wants.
func (c *conference) turn(s *socket, t turn) {
	agendas, v := c.hub.cfg.Agendas, s.visitor
	switch {
	case v == nil || !v.in || v.going || agendas == nil:
		return
	case v.Part != PartModerator:
		s.complain(aboutRights)
		return
	}
	c.askAgenda(func(ctx context.Context) (Agenda, error) {
		return agendas.Turn(ctx, c.id, s.guest, *t.From, *t.To)
	}, func() { s.complain("agenda") })
}

// AgendaChanged tells a live conference that its agenda was changed elsewhere.
func (h *Hub) AgendaChanged(conference string) {
	if c := h.find(conference); c != nil {
		c.mail.post(func() {
			if c.agenda != nil { // or nobody has asked for it yet
				c.readAgenda()
			}
		})
	}
}
