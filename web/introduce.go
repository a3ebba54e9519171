package web

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference"
	"github.com/konsil-server/konsil/conference/agenda"
	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/realtime"
)

// conference and realtime do not know each other. LiveNotes, LiveGate and LiveAgendas introduce them: they turn the values of one into
// those of the other.

// LiveNotes keeps the notes of live conferences in s.
func LiveNotes(s *conference.Store) realtime.Notes { return liveNotes{s} }

// LiveGate asks s who may be in a live conference.
func LiveGate(s *conference.Store) realtime.Gate { return liveGate{s} }

// LiveAgendas keeps the agendas of live conferences in s.
func LiveAgendas(s *conference.Store) realtime.Agendas { return liveAgendas{s} }

type liveAgendas struct{ *conference.Store }

func (l liveAgendas) Agenda(ctx context.Context, conf string) (realtime.Agenda, error) {
	a, err := l.RoomAgenda(ctx, parseID(conf))
	return roomAgenda(a), err
}

func (l liveAgendas) Turn(ctx context.Context, conf string, by realtime.Guest, from, to int) (realtime.Agenda, error) {
	a, err := l.TurnAgenda(ctx, parseID(by.Person), parseID(conf), from, to)
	return roomAgenda(a), err
}

func roomAgenda(a conference.Agenda) realtime.Agenda {
	out := realtime.Agenda{At: a.At, Since: a.Since}
	for i, p := range a.Phases {
		seat := a.Owner(p)
		phase := realtime.Phase{
			Kind: string(p.Kind), Title: p.Title, Minutes: p.Minutes, Owner: string(p.Owner.Role), Person: idText(seat.AccountID), Spent: a.Spent[i],
		}
		if p.Owner.Role == agenda.Seat {
			phase.Name = seat.Name
		}
		out.Phases = append(out.Phases, phase)
	}
	return out
}

type liveNotes struct{ *conference.Store }

func (n liveNotes) Open(ctx context.Context, id string) (realtime.Note, error) {
	conf, err := uuid.Parse(id)
	if err != nil {
		return realtime.Note{}, err
	}
	note, err := n.OpenNote(ctx, conf)
	if err != nil {
		return realtime.Note{}, err
	}
	out := realtime.Note{
		ID: note.ID, Epoch: note.Epoch, Head: note.Head, Base: note.Base, Sections: note.Sections, Sealed: note.Sealed,
		Upto: note.Upto, State: note.State, Clients: map[uint64]string{}, Retired: note.Retired,
	}
	for _, r := range note.Rows {
		out.Rows = append(out.Rows, realtime.Row{Seq: r.Seq, Person: idText(r.Person), Session: idText(r.Session), At: r.At, Data: r.Data})
	}
	for client, person := range note.Clients {
		out.Clients[client] = idText(person)
	}
	return out, nil
}

func (n liveNotes) Append(ctx context.Context, batches []realtime.Batch) ([]error, error) {
	in := make([]conference.NoteBatch, len(batches))
	for i, b := range batches {
		in[i] = conference.NoteBatch{Note: b.Note, Epoch: b.Epoch, Head: b.Head, Clients: map[uint64]uuid.UUID{}}
		for _, r := range b.Rows {
			in[i].Rows = append(in[i].Rows, conference.NoteRow{Person: parseID(r.Person), Session: parseID(r.Session), At: r.At, Data: r.Data})
		}
		for client, person := range b.Clients {
			in[i].Clients[client] = parseID(person)
		}
	}
	left, err := n.AppendNotes(ctx, in)
	for i, e := range left {
		switch {
		case errors.Is(e, conference.ErrFenced):
			left[i] = realtime.ErrFenced
		case errors.Is(e, account.ErrClosed):
			left[i] = realtime.ErrSealed
		}
	}
	return left, err
}

func (n liveNotes) Snapshot(ctx context.Context, note, upto int64, state []byte) error {
	return n.SnapshotNote(ctx, note, upto, state)
}

func (n liveNotes) Sections(ctx context.Context, note, upto int64, texts map[string]string) error {
	return n.WriteSections(ctx, note, upto, texts)
}

type liveGate struct{ *conference.Store }

func (g liveGate) Rights(ctx context.Context, conf string, guests []realtime.Guest) ([]realtime.Rights, error) {
	id := parseID(conf)
	reasons, err := g.reasons(ctx, id, guests)
	if err != nil {
		return nil, err
	}
	room, err := g.RoomOf(ctx, id)
	if err != nil {
		return nil, err
	}
	rights := make([]realtime.Rights, len(guests))
	for i, p := range guests {
		in := reasons[i] == ""
		rights[i] = realtime.Rights{
			Enter: in, Write: in && p.Part != realtime.PartGuest, Reason: reasons[i],
			Wait: room.Removed[parseID(p.Person)], Open: room.Open,
		}
	}
	return rights, nil
}

// reasons asks for people with an account and for guests, and gives the answers in the order of both together.
func (g liveGate) reasons(ctx context.Context, id uuid.UUID, guests []realtime.Guest) ([]string, error) {
	var present []conference.Presence
	var links []uuid.UUID
	for _, p := range guests {
		if p.Part == realtime.PartGuest {
			links = append(links, parseID(p.Session))
		} else {
			present = append(present, conference.Presence{Person: parseID(p.Person), Session: parseID(p.Session)})
		}
	}
	ofPresent, err := g.Stay(ctx, id, present)
	if err != nil || len(links) == 0 {
		return ofPresent, err
	}
	ofLinks, err := g.GuestsStay(ctx, id, links)
	if err != nil {
		return nil, err
	}
	all := make([]string, len(guests))
	for i, p := range guests {
		of := &ofPresent
		if p.Part == realtime.PartGuest {
			of = &ofLinks
		}
		all[i], *of = (*of)[0], (*of)[1:]
	}
	return all, nil
}

func (g liveGate) Joined(ctx context.Context, p realtime.Guest) error {
	if p.Part == realtime.PartGuest {
		return g.GuestJoined(ctx, parseID(p.Session))
	}
	return g.Store.Joined(ctx, parseID(p.Conference), parseID(p.Person))
}

func (g liveGate) Left(ctx context.Context, p realtime.Guest) error {
	if p.Part == realtime.PartGuest {
		return g.GuestLeft(ctx, parseID(p.Session))
	}
	return g.Store.Left(ctx, parseID(p.Conference), parseID(p.Person))
}

func (g liveGate) Record(ctx context.Context, conf string, d realtime.Deed) error {
	out := conference.Deed{Did: d.Did, To: parseID(d.To.Person)}
	if d.By.Part != realtime.PartGuest {
		out.By = parseID(d.By.Person)
	}
	if d.To.Part == realtime.PartGuest {
		out.Guest = parseID(d.To.Session)
	}
	return g.RecordDeed(ctx, parseID(conf), out)
}

// parseID reads an id that this server wrote; anything else is nobody.
func parseID(s string) uuid.UUID {
	u, err := uuid.Parse(s)
	if err != nil {
		return uuid.Nil
	}
	return u
}

func idText(u uuid.UUID) string {
	if u == uuid.Nil {
		return ""
	}
	return u.String()
}
