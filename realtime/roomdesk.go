package realtime

import (
	"slices"
	"time"
)

// This file is what moderators do about people who are in the room, and the
// roll call.

// mute silences a source of somebody: its packets are dropped until she has
// switched it off and on again herself. Nobody can switch on another's
// microphone.
func (r *roomState) mute(by *visitor, c command, _ time.Time) []effect {
	if !isSource(c.Source) {
		return complain(by, "malformed")
	}
	v := r.inside(c.Peer)
	if v == nil || slices.Contains(v.Muted, c.Source) {
		return nil
	}
	v.Muted = append(slices.Clone(v.Muted), c.Source)
	switch c.Source {
	case sourceMic:
		v.Mic = false
	case sourceCamera:
		v.Camera = false
	case sourceScreen:
		v.Screen = false
	}
	r.news.people = true
	return []effect{{do: doSilence, to: v, what: c.Source, on: true}}
}

// requestShare asks for the screen, or gives it back.
func (r *roomState) requestShare(v *visitor, c command, _ time.Time) []effect {
	switch {
	case v.Part == PartModerator:
		return nil // has it anyway
	case c.On && v.Share == "":
		v.Share = shareAsks
		r.news.people = true
	case !c.On:
		return r.setShare(v, false)
	}
	return nil
}

// share lets somebody share the screen, or no longer.
func (r *roomState) share(_ *visitor, c command, _ time.Time) []effect {
	v := r.inside(c.Peer)
	if v == nil || v.Part == PartModerator {
		return nil
	}
	return r.setShare(v, c.On)
}

func (r *roomState) setShare(v *visitor, on bool) []effect {
	next := ""
	if on {
		next = shareGranted
	}
	if v.Share == next {
		return nil
	}
	was := v.Share
	v.Share = next
	r.news.people = true
	if !on {
		v.Screen = false
	}
	if was != shareGranted && !on {
		return nil // a request taken back: there is nothing to forbid
	}
	return []effect{{do: doAllow, to: v, what: sourceScreen, on: on}}
}

func (r *roomState) lowerHand(_ *visitor, c command, _ time.Time) []effect {
	if v := r.inside(c.Peer); v != nil {
		r.setHand(v, false)
	}
	return nil
}

// callRoll begins or ends a roll call. A new one begins from nothing.
func (r *roomState) callRoll(by *visitor, c command, _ time.Time) []effect {
	if r.roll == c.On {
		return nil
	}
	r.roll = c.On
	r.news.room, r.news.people = true, true
	if !c.On {
		return []effect{{do: doRecord, by: by, what: didEndRoll}}
	}
	for _, v := range r.visitors {
		v.Roll = false
	}
	return []effect{{do: doRecord, by: by, what: didRoll}}
}

// confirmPresence answers the roll call, for all pages of that person.
func (r *roomState) confirmPresence(v *visitor, _ command, _ time.Time) []effect {
	if !r.roll || v.Roll {
		return nil
	}
	for _, page := range r.ofPerson(v.Person, true) {
		page.Roll = true
	}
	r.news.people = true
	return []effect{{do: doRecord, to: v, by: v, what: didPresent}}
}
