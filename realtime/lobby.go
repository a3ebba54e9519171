package realtime

import (
	"slices"
	"time"
)

// This file is how one comes into a room and is shown out of it.

const (
	maxWaiting  = 25 // sockets in one lobby
	maxUnknown  = 2  // of them, that came with one guest's link and are not that guest
	knockAgain  = time.Minute
	reasonFull  = "full"
	reasonNo    = "denied"
	reasonLock  = "locked"
	reasonKick  = "kicked"
	reasonBack  = "returned"
	aboutRights = "rights"
	aboutPhase  = "phase"
)

// waits says whether somebody has to wait for a moderator.
func (r *roomState) waits(g Guest) bool {
	p := r.passes[g.Person]
	switch g.part() {
	case PartModerator:
		return false
	case PartGuest:
		return p.standing != admitted || r.phase != phaseGuest
	}
	return p.standing == returned || p.standing == removed
}

// holdBack notes that somebody was removed earlier, as the record says. What was
// decided here since is newer.
func (r *roomState) holdBack(person string) {
	if r.passes[person].standing == undecided {
		r.passes[person] = pass{standing: removed}
	}
}

// knock is a socket that says hello: it comes in, waits or is refused.
func (r *roomState) knock(v *visitor, now time.Time) []effect {
	if !r.waits(v.guest) {
		r.visitors = append(r.visitors, v)
		return r.letIn(v)
	}
	var effects []effect
	for _, old := range r.ofPerson(v.Person, false) { // a page loaded again
		r.depart(old)
		effects = append(effects, effect{do: doReplace, to: old})
	}
	if why := r.refuses(v, now); why != "" {
		return append(effects, effect{do: doDeny, to: v, what: why})
	}
	r.visitors = append(r.visitors, v)
	r.news.lobby = true
	return append(effects, effect{do: doWait, to: v})
}

// refuses says why somebody may not even wait; "" when she may.
func (r *roomState) refuses(v *visitor, now time.Time) string {
	waiting, unknown := 0, 0
	for _, other := range r.visitors {
		if !other.in {
			waiting++
			if other.guest.Unknown && other.guest.Session == v.guest.Session {
				unknown++
			}
		}
	}
	switch {
	case now.Before(r.passes[v.Person].notBefore):
		return reasonNo
	case v.guest.Unknown && r.locked:
		return reasonLock
	case waiting >= maxWaiting, v.guest.Unknown && unknown >= maxUnknown:
		return reasonFull
	}
	return ""
}

// letIn makes visitors part of the room. They share an epoch, which their
// welcome says and which begins when all of them are welcome.
func (r *roomState) letIn(together ...*visitor) []effect {
	var effects []effect
	for _, v := range together {
		v.in = true
		if v.Part == PartModerator {
			v.Share = shareGranted
			r.news.lobby = true // to this one it is
		}
		v.Captions = r.mayCaption(v)
		v.Roll = r.roll && slices.ContainsFunc(r.ofPerson(v.Person, true), func(other *visitor) bool { return other.Roll })
		effects = append(effects, effect{do: doLetIn, to: v})
	}
	r.news.people = true
	effects = append(effects, r.turn("join"))
	return append(effects, r.chooseWay()...)
}

// admit lets in those named, or, when nobody is, all that wait except those
// whom nobody should let in unseen: strangers with somebody's link, and who was
// removed.
func (r *roomState) admit(by *visitor, c command, _ time.Time) []effect {
	var effects []effect
	var welcome []*visitor
	refused := false
	for _, v := range r.visitors {
		named := slices.Contains(c.IDs, v.Peer)
		all := len(c.IDs) == 0 && !v.guest.Unknown && r.passes[v.Person].standing != removed
		switch {
		case v.in || !named && !all:
		case v.Part == PartGuest && r.phase != phaseGuest:
			refused = true
		default:
			r.passes[v.Person] = pass{standing: admitted}
			r.news.lobby = true
			welcome = append(welcome, v)
			effects = append(effects, effect{do: doRecord, to: v, by: by, what: didAdmit})
		}
	}
	switch {
	case len(welcome) > 0:
		return append(effects, r.letIn(welcome...)...)
	case refused:
		return complain(by, aboutPhase)
	}
	return nil
}

// deny refuses somebody who waits. She may knock again after a while.
func (r *roomState) deny(by *visitor, c command, now time.Time) []effect {
	v := r.find(c.ID)
	if v == nil || v.in {
		return nil
	}
	p := r.passes[v.Person]
	p.notBefore = now.Add(knockAgain)
	r.passes[v.Person] = p
	r.depart(v)
	return []effect{{do: doRecord, to: v, by: by, what: didDeny}, {do: doDeny, to: v, what: reasonNo}}
}

// sendBack returns somebody to the lobby.
func (r *roomState) sendBack(by *visitor, c command, _ time.Time) []effect {
	return r.showOut(by, c.Peer, returned, effect{do: doSendBack, by: by, what: didReturn})
}

// kick removes somebody. She comes no further than the lobby from now on.
func (r *roomState) kick(by *visitor, c command, _ time.Time) []effect {
	return r.showOut(by, c.Peer, removed, effect{do: doRemove, by: by, what: didRemove})
}

func (r *roomState) showOut(by *visitor, peer string, s standing, e effect) []effect {
	v := r.inside(peer)
	switch {
	case v == nil:
		return nil
	case v.Part == PartModerator:
		return complain(by, aboutRights)
	}
	r.passes[v.Person] = pass{standing: s}
	e.to = v
	effects := []effect{{do: doRecord, to: v, by: by, what: e.what}}
	return append(append(effects, r.departs(v.Person)...), e)
}

// departs marks all sockets of a person that are in the room.
func (r *roomState) departs(person string) (effects []effect) {
	for _, v := range r.ofPerson(person, true) {
		effects = append(effects, r.depart(v)...)
	}
	return effects
}

// lock keeps strangers from knocking. Whoever has a seat or a link of her own
// still may, and who waits is told.
func (r *roomState) lock(by *visitor, c command, _ time.Time) []effect {
	if r.locked == c.On {
		return nil
	}
	r.locked = c.On
	r.news.room = true
	did := didUnlock
	if c.On {
		did = didLock
	}
	effects := []effect{{do: doRecord, by: by, what: did}}
	for _, v := range r.visitors {
		if !v.in {
			effects = append(effects, effect{do: doWait, to: v})
		}
	}
	return effects
}

// changePhase begins or ends the guests' phase. When it ends they are sent back
// to the lobby.
func (r *roomState) changePhase(by *visitor, c command, _ time.Time) []effect {
	switch {
	case r.phase == c.Phase:
		return nil
	case c.Phase == phaseExperts:
		return r.endGuestPhase(by)
	case c.Phase != phaseGuest || !r.open:
		return complain(by, aboutPhase)
	}
	r.phase = phaseGuest
	r.news.room = true
	return []effect{{do: doRecord, by: by, what: didGuests}}
}

func (r *roomState) endGuestPhase(by *visitor) []effect {
	r.phase = phaseExperts
	r.news.room = true
	effects := []effect{{do: doRecord, by: by, what: didExperts}}
	for _, v := range slices.Clone(r.visitors) {
		if v.Part != PartGuest || !v.in || v.going {
			continue
		}
		r.passes[v.Person] = pass{standing: returned}
		effects = append(effects, r.departs(v.Person)...)
		effects = append(effects, effect{do: doSendBack, to: v})
	}
	// Who was let in and is away for the moment must not walk in next time.
	for person, p := range r.passes {
		if p.standing == admitted {
			delete(r.passes, person)
		}
	}
	return effects
}

// waiting is who waits, in the order of arrival.
func (r *roomState) waiting() []lobbyEntry {
	list := []lobbyEntry{}
	for _, v := range r.visitors {
		if !v.in {
			list = append(list, lobbyEntry{v.Peer, v.Name, v.Role, v.Part, v.Kind, !v.guest.Unknown, r.whyWaits(v)})
		}
	}
	return list
}

// whyWaits says what a moderator did before to somebody who waits: "", returned
// or kicked.
func (r *roomState) whyWaits(v *visitor) string {
	switch r.passes[v.Person].standing {
	case returned:
		return reasonBack
	case removed:
		return reasonKick
	}
	return ""
}
