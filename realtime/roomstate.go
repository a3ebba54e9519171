package realtime

import (
	"slices"
	"time"
)

// This file is the room of a conference as pure rules: from its state, what
// happened and the time follow the next state and what is to be done. It knows
// neither sockets nor media; roomdoor.go does what it says.

// Sources of media.
const (
	sourceMic    = "mic"
	sourceCamera = "camera"
	sourceScreen = "screen"
)

// Phases of a room. Guests are in it only while the phase is theirs.
const (
	phaseExperts = "experts"
	phaseGuest   = "guest"
)

// roomState is who is in the room or waits for it, and what the moderators
// have decided. It lives as long as the conference's goroutine, which owns it;
// that somebody was removed outlives it (see Rights.Wait).
type roomState struct {
	visitors []*visitor      // in the order of arrival
	passes   map[string]pass // by person
	scribes  map[string]bool // by person: whom a moderator lets write captions, or not
	open     bool            // guests are foreseen in this conference
	locked   bool            // strangers may not even knock
	phase    string
	roll     bool  // a roll call is under way
	epoch    int64 // of the media keys: raised whenever somebody comes or goes
	hands    int   // hands raised so far
	way      way
	news     roomNews
}

// roomNews is what has changed since everybody was told.
type roomNews struct{ people, room, lobby bool }

func (n roomNews) any() bool { return n.people || n.room || n.lobby }

// pass is what the moderators have decided about a person.
type pass struct {
	standing  standing
	notBefore time.Time // of the next knock, after a refusal
}

type standing uint8

const (
	undecided standing = iota
	admitted           // a guest who may come back without knocking again
	returned           // sent back to the lobby
	removed            // shown out
)

func newRoomState() *roomState {
	return &roomState{passes: map[string]pass{}, scribes: map[string]bool{}, phase: phaseExperts}
}

// effect is something to be done because the room decided it.
type effect struct {
	do   effectKind
	to   *visitor // whom it concerns; nil: the room as a whole
	by   *visitor // the moderator who wanted it
	what string   // a reason, a source of media, or what goes on record
	on   bool
}

type effectKind uint8

const (
	doWait     effectKind = iota // tell a socket that it waits
	doDeny                       // refuse a socket that waits: what says why
	doLetIn                      // welcome a socket
	doEpoch                      // tell everybody inside about the epoch: what is join or leave
	doSendBack                   // end all sockets of a person, which come back and wait
	doRemove                     // end all sockets of a person for good
	doReplace                    // end one socket for a newer one of the same person
	doComplain                   // answer a socket with an error
	doSilence                    // drop, or no longer, the packets of a source
	doAllow                      // let a source be published, or no longer
	doRecord                     // write down what happened
	doWay                        // tell a socket about the way that its media takes now
)

// command is the body of any frame that asks something of the room.
type command struct {
	IDs     []string `json:"ids"`
	ID      string   `json:"id"`
	Peer    string   `json:"peer"`
	Source  string   `json:"source"`
	Phase   string   `json:"phase"`
	On      bool     `json:"on"`
	Up      bool     `json:"up"`
	Mic     bool     `json:"mic"`
	Camera  bool     `json:"camera"`
	Screen  bool     `json:"screen"`
	Way     int64    `json:"way"`
	Missing []struct {
		Peer string `json:"peer"`
	} `json:"missing"`
}

// commands is what a text frame may ask of the room: who may ask, and what it
// does to whom. One that changes nothing has no effect.
var commands = map[string]struct {
	moderators bool
	do         func(*roomState, *visitor, command, time.Time) []effect
}{
	"media":         {do: (*roomState).setMedia},
	"hand":          {do: (*roomState).raiseHand},
	"stats":         {do: (*roomState).setMissing},
	"present":       {do: (*roomState).confirmPresence},
	"share.request": {do: (*roomState).requestShare},
	"way.up":        {do: (*roomState).wayIsUp},
	"way.failed":    {do: (*roomState).failWay},
	"lobby.admit":   {true, (*roomState).admit},
	"lobby.deny":    {true, (*roomState).deny},
	"lobby.return":  {true, (*roomState).sendBack},
	"mod.kick":      {true, (*roomState).kick},
	"mod.lock":      {true, (*roomState).lock},
	"mod.phase":     {true, (*roomState).changePhase},
	"mod.mute":      {true, (*roomState).mute},
	"mod.share":     {true, (*roomState).share},
	"mod.hand":      {true, (*roomState).lowerHand},
	"mod.roll":      {true, (*roomState).callRoll},
	"mod.caption":   {true, (*roomState).letCaption},
}

// command does what a visitor asks for. Who is not in the room asks in vain.
func (r *roomState) command(from *visitor, kind string, c command, now time.Time) []effect {
	asked, known := commands[kind]
	switch {
	case !known || from == nil || !from.in || from.going:
		return nil
	case asked.moderators && from.Part != PartModerator:
		return complain(from, "rights")
	}
	return asked.do(r, from, c, now)
}

func complain(to *visitor, about string) []effect {
	return []effect{{do: doComplain, to: to, what: about}}
}

// find gives the visitor of a peer id, wherever it is.
func (r *roomState) find(peer string) *visitor {
	for _, v := range r.visitors {
		if v.Peer == peer {
			return v
		}
	}
	return nil
}

// inside gives a visitor who is in the room to stay.
func (r *roomState) inside(peer string) *visitor {
	if v := r.find(peer); v != nil && v.in && !v.going {
		return v
	}
	return nil
}

// ofPerson gives the sockets of a person, in the room or before it.
func (r *roomState) ofPerson(person string, in bool) (found []*visitor) {
	for _, v := range r.visitors {
		if v.Person == person && v.in == in && !v.going {
			found = append(found, v)
		}
	}
	return found
}

// members are the peers that may have the keys of this epoch, sorted.
func (r *roomState) members() []string {
	peers := []string{}
	for _, v := range r.visitors {
		if v.in && !v.plain && !v.severed {
			peers = append(peers, v.Peer)
		}
	}
	slices.Sort(peers)
	return peers
}

// drop takes a visitor out of the list.
func (r *roomState) drop(v *visitor) {
	r.visitors = slices.DeleteFunc(r.visitors, func(x *visitor) bool { return x == v })
}

// turn begins a new epoch: from now on members encrypt with keys that those who
// have left do not get, and those who have come did not miss. After a leave this
// must not be before the media of whoever left is closed, or it would be sent
// what it cannot be trusted to be unable to read.
func (r *roomState) turn(why string) effect {
	r.epoch++
	return effect{do: doEpoch, what: why}
}

// depart notes that a socket is ended. Who waited is gone; who was in the room
// is until gone, when her media has stopped.
func (r *roomState) depart(v *visitor) []effect {
	if v.in {
		v.going = true
		return r.sever(v)
	}
	r.drop(v)
	r.news.lobby = true
	return nil
}

// gone notes that nothing of a socket is left, media included: only now does
// the list change and a key come that this peer does not get.
func (r *roomState) gone(v *visitor) []effect {
	if r.find(v.Peer) == nil {
		return nil
	}
	r.drop(v)
	if !v.in {
		r.news.lobby = true
		return nil
	}
	for _, other := range r.visitors {
		other.Missing = without(other.Missing, v.Peer)
	}
	r.news.people = true
	effects := r.chooseWay()
	if v.severed {
		return effects
	}
	return append(effects, r.turn("leave"))
}

// setOpen notes whether guests are foreseen at all, which may change while the
// room is in use. Without them their phase ends.
func (r *roomState) setOpen(open bool) []effect {
	if r.open == open {
		return nil
	}
	r.open = open
	r.news.room = true
	if !open && r.phase == phaseGuest {
		return r.endGuestPhase(nil)
	}
	return nil
}

// status is what everybody inside knows about the room.
func (r *roomState) status() roomStatus {
	return roomStatus{r.locked, r.phase, r.mode(), r.roll, r.epoch}
}

// isSource says whether there is such a source of media.
func isSource(s string) bool { return s == sourceMic || s == sourceCamera || s == sourceScreen }

// mode is what kind of conference this is (mission.md: pseudonymous or open).
func (r *roomState) mode() string {
	if r.open {
		return "open"
	}
	return "pseudonymous"
}
