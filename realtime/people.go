package realtime

import (
	"slices"
	"strings"
	"time"
	"unicode"
)

// Parts in a room, as [Guest].Part has them.
const (
	PartModerator   = "moderator"
	PartParticipant = "participant"
	PartGuest       = "guest"
)

// kindInterpreter is the [Guest].Kind of somebody who interprets.
const kindInterpreter = "interpreter"

// person is one entry of the list of people, as everybody in the room sees it.
type person struct {
	Peer    string   `json:"peer"`
	Person  string   `json:"person"`
	Name    string   `json:"name"`
	Short   string   `json:"short"`
	Role    string   `json:"role"`
	Part    string   `json:"part"`
	Kind    string   `json:"kind"` // of a guest: client, trusted, interpreter
	Color   int      `json:"color"`
	Mic     bool     `json:"mic"`
	Camera  bool     `json:"camera"`
	Screen  bool     `json:"screen"`
	Hand    bool     `json:"hand"`
	HandAt  int      `json:"handAt"` // the hands that are up, by age; 0: it is down
	Live    bool     `json:"live"`
	Share   string   `json:"share"`   // the screen: "", asks, granted
	Muted   []string `json:"muted"`   // sources that a moderator has silenced
	Missing []string `json:"missing"` // peers whose media does not arrive here
	Roll    bool     `json:"roll"`    // has confirmed the roll call
	// Fingerprints of the keys that vouch for her: registered with her account
	// before the conference was opened. None of a guest.
	Devices  []string `json:"devices"`
	Captions bool     `json:"captions"` // may write captions
}

// What may stand in person.Share.
const (
	shareAsks    = "asks"
	shareGranted = "granted"
)

// visitor is a socket that has said hello: it waits in the lobby or is in the
// room. It belongs to the conference's goroutine.
type visitor struct {
	person
	guest   Guest
	in      bool
	going   bool  // shown out; in the room until its media has stopped
	plain   bool  // cannot encrypt: has no media and no keys
	pairs   bool  // can send straight to another
	way     int64 // the number of the way that its media takes
	severed bool  // was connected straight, and is cut off: has no keys any more
	// unmuting are silenced sources that were switched off since: switching
	// one on again lifts the silence. Who just goes on sending stays silent.
	unmuting []string
}

func newVisitor(peer string, g Guest, name string) *visitor {
	v := &visitor{guest: g, person: person{
		Peer: peer, Person: g.Person, Name: g.Name, Short: g.Short, Role: g.Role, Part: g.part(), Kind: g.Kind, Color: g.Color,
		Muted: []string{}, Missing: []string{}, Devices: append([]string{}, g.Devices...), // null would be no list to a browser
	}}
	if typed := cleanName(name); typed != "" && g.Part == PartGuest {
		v.Name, v.Short = typed, typed
	}
	return v
}

// maxName is the length of a name that a guest types, in characters.
const maxName = 40

// cleanName makes one line of what a guest calls herself. Characters that are
// not seen, or that turn the direction of what follows, are left out.
func cleanName(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r == unicode.ReplacementChar || !unicode.IsPrint(r):
			return -1
		}
		return r
	}, s)
	r := []rune(strings.Join(strings.Fields(s), " "))
	return strings.TrimSpace(string(r[:min(len(r), maxName)]))
}

// list is everybody in the room, in the order of arrival.
func (r *roomState) list() []person {
	list := []person{}
	for _, v := range r.visitors {
		if v.in {
			list = append(list, v.person)
		}
	}
	return list
}

// setMedia notes what somebody says she sends. What a moderator has silenced
// is not shown as sent until it was switched off and on again.
func (r *roomState) setMedia(v *visitor, c command, _ time.Time) []effect {
	sends := map[string]bool{sourceMic: c.Mic, sourceCamera: c.Camera, sourceScreen: c.Screen && v.Share == shareGranted}
	var effects []effect
	for _, source := range slices.Clone(v.Muted) {
		switch {
		case !sends[source] && !slices.Contains(v.unmuting, source):
			v.unmuting = append(v.unmuting, source)
		case sends[source] && slices.Contains(v.unmuting, source):
			v.unmuting = without(v.unmuting, source)
			v.Muted = without(v.Muted, source)
			effects = append(effects, effect{do: doSilence, to: v, what: source, on: false})
		case sends[source]:
			sends[source] = false
		}
	}
	v.Mic, v.Camera, v.Screen = sends[sourceMic], sends[sourceCamera], sends[sourceScreen]
	r.news.people = true
	return effects
}

// setHand raises or lowers a hand. Hands that go up are numbered on, so that
// who came first is seen.
func (r *roomState) setHand(v *visitor, up bool) {
	if v.Hand == up {
		return
	}
	v.Hand, v.HandAt = up, 0
	if up {
		r.hands++
		v.HandAt = r.hands
	}
	r.news.people = true
}

func (r *roomState) raiseHand(v *visitor, c command, _ time.Time) []effect {
	r.setHand(v, c.Up)
	return nil
}

// setLive notes whether media of a peer reaches the server.
func (r *roomState) setLive(v *visitor, live bool) {
	if v.Live != live {
		v.Live = live
		r.news.people = true
	}
}

// without is list less one entry. It never changes the list that it is given:
// frames under way may still show it.
func without(list []string, entry string) []string {
	return slices.DeleteFunc(append([]string{}, list...), func(s string) bool { return s == entry })
}
