package realtime

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Limits of awareness: a state is a cursor and a few words.
const (
	maxState       = 2 << 10 // bytes of one state
	maxStateField  = 128     // bytes of one extra string
	maxStateFields = 8
	maxHeld        = 4 // client ids one socket may speak for
)

// awareness keeps who points where: y-protocols' awareness states, each held
// by the socket that sent it. It is never stored, and belongs to the
// conference's goroutine. What peers receive is made here, field by field.
type awareness struct {
	states map[uint64]*awareState
	dirty  map[uint64]bool
}

type awareState struct {
	clock  uint64
	json   []byte // nil: gone, to be told once and then forgotten
	holder *socket
}

// awareEntry is one state of an awareness update, as it came.
type awareEntry struct {
	client, clock uint64
	state         []byte
}

func newAwareness() awareness {
	return awareness{states: make(map[uint64]*awareState), dirty: make(map[uint64]bool)}
}

// parseAwareness splits an awareness update: count, then client, clock and
// state (JSON) of each. The states are not looked into.
func parseAwareness(b []byte) ([]awareEntry, error) {
	count, b, err := readInteger(b)
	if err != nil {
		return nil, err
	}
	if count > uint64(len(b))/3 { // three integers at least per entry
		return nil, fmt.Errorf("%w: awareness count", errFrame)
	}
	entries := make([]awareEntry, count)
	for i := range entries {
		e := &entries[i]
		if e.client, b, err = readInteger(b); err != nil {
			return nil, err
		}
		if e.clock, b, err = readInteger(b); err != nil {
			return nil, err
		}
		if e.state, b, err = readBytes(b); err != nil {
			return nil, err
		}
	}
	if len(b) > 0 {
		return nil, fmt.Errorf("%w: awareness is too long", errFrame)
	}
	return entries, nil
}

// take accepts the states s may speak for. owner names the person a client id
// is bound to by the note, if it is.
func (a *awareness) take(s *socket, entries []awareEntry, owner map[uint64]string, sections map[string]bool) {
	for _, e := range entries {
		if !a.holds(s, e, owner) {
			continue
		}
		state := &awareState{clock: e.clock, holder: s}
		if string(e.state) != "null" {
			clean, err := cleanState(e.state, s.guest, sections)
			if err != nil {
				continue
			}
			state.json = clean
		}
		a.states[e.client] = state
		a.dirty[e.client] = true
	}
}

// holds decides whether s may set this state now. Who the note says owns the
// id comes first; otherwise whoever spoke for it first keeps it, and the same
// person may go on with it over a new socket.
func (a *awareness) holds(s *socket, e awareEntry, owner map[uint64]string) bool {
	if bound, ok := owner[e.client]; ok && bound != s.guest.Person {
		return false
	}
	old := a.states[e.client]
	if old == nil {
		return string(e.state) != "null" && a.held(s) < maxHeld
	}
	if old.holder == s {
		return e.clock > old.clock
	}
	_, bound := owner[e.client]
	return (bound || old.holder.guest.Person == s.guest.Person) && a.held(s) < maxHeld
}

func (a *awareness) held(s *socket) int {
	n := 0
	for _, st := range a.states {
		if st.holder == s {
			n++
		}
	}
	return n
}

// leave removes what a socket said. The clock stays, as in y-protocols: equal
// clock and no state means removed.
func (a *awareness) leave(s *socket) {
	for client, st := range a.states {
		if st.holder == s && st.json != nil {
			st.json = nil
			a.dirty[client] = true
		}
	}
}

// news is the update that tells what has changed since the last one.
func (a *awareness) news() []byte {
	b := binary.AppendUvarint(nil, uint64(len(a.dirty)))
	for client := range a.dirty {
		b = a.append(b, client)
		if a.states[client].json == nil {
			delete(a.states, client)
		}
	}
	clear(a.dirty)
	return b
}

// everything is the update for somebody who knows nothing; nil when empty.
func (a *awareness) everything() []byte {
	n := 0
	var states []byte
	for client, st := range a.states {
		if st.json != nil {
			states = a.append(states, client)
			n++
		}
	}
	if n == 0 {
		return nil
	}
	return append(binary.AppendUvarint(nil, uint64(n)), states...)
}

func (a *awareness) append(b []byte, client uint64) []byte {
	st := a.states[client]
	b = binary.AppendUvarint(b, client)
	b = binary.AppendUvarint(b, st.clock)
	if st.json == nil {
		return appendBytes(b, []byte("null"))
	}
	return appendBytes(b, st.json)
}

// awareUser is the part of a state that the server writes: who it is.
type awareUser struct {
	Name       string `json:"name"`
	Short      string `json:"short"`
	Color      string `json:"color"`
	ColorLight string `json:"colorLight"`
	Person     string `json:"person"`
}

// awareCursor is y-codemirror's cursor: two Yjs relative positions.
type awareCursor struct {
	Anchor *relativePosition `json:"anchor"`
	Head   *relativePosition `json:"head"`
}

type relativePosition struct {
	Type  *struct{} `json:"type"` // nested types do not exist here
	Root  *string   `json:"tname"`
	Item  *itemID   `json:"item"`
	Assoc int       `json:"assoc"`
}

type itemID struct {
	Client uint64 `json:"client"`
	Clock  uint64 `json:"clock"`
}

// cleanState makes the state that peers may see: the cursor, if it is one of a
// section of this note, a few plain fields, and the signed-in person as user.
func cleanState(raw []byte, g Guest, sections map[string]bool) ([]byte, error) {
	var in map[string]json.RawMessage
	if len(raw) > maxState || !utf8.Valid(raw) {
		return nil, fmt.Errorf("%w: awareness state", errFrame)
	}
	if err := json.Unmarshal(raw, &in); err != nil || in == nil {
		return nil, fmt.Errorf("%w: awareness state is no object", errFrame)
	}
	out := make(map[string]any)
	for key, value := range in {
		if len(out) < maxStateFields && isExtraField(key) {
			if plain, ok := plainValue(value); ok {
				out[key] = plain
			}
		}
	}
	if c := cleanCursor(in["cursor"], sections); c != nil {
		out["cursor"] = c
	}
	color := colorOf(g.Color)
	out["user"] = awareUser{g.Name, g.Short, color, color + "33", g.Person}
	return json.Marshal(out)
}

// isExtraField lets names like "section" through, which cannot mean anything
// special to a JavaScript object.
func isExtraField(key string) bool {
	plain := strings.IndexFunc(key, func(r rune) bool { return r < 'A' || r > 'z' || r > 'Z' && r < 'a' }) < 0
	return plain && key != "" && len(key) <= 32 && key != "cursor" && key != "user"
}

// plainValue lets booleans, finite numbers and short strings through.
func plainValue(raw json.RawMessage) (any, bool) {
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return nil, false
	}
	switch v := v.(type) {
	case bool, float64:
		return v, true
	case string:
		return v, len(v) <= maxStateField
	}
	return nil, false
}

func cleanCursor(raw json.RawMessage, sections map[string]bool) *awareCursor {
	var c awareCursor
	if json.Unmarshal(raw, &c) != nil || !c.Anchor.clean(sections) || !c.Head.clean(sections) {
		return nil
	}
	return &c
}

// clean says whether a browser can resolve the position without surprise.
func (p *relativePosition) clean(sections map[string]bool) bool {
	if p == nil || p.Root != nil && !sections[*p.Root] || p.Root == nil && p.Item == nil {
		return false
	}
	if p.Item != nil && (p.Item.Client > maxInteger || p.Item.Clock > maxInteger) {
		return false
	}
	p.Type = nil
	p.Assoc = max(-1, min(p.Assoc, 1))
	return true
}

// colorOf gives the caret colours of the people: dark enough to carry white
// names, and told apart by lightness too. Numbers wrap.
func colorOf(n int) string {
	colors := [...]string{"#0b5a5e", "#7b3f8c", "#8a5a00", "#1f4f9c", "#9c2f4a", "#3d6b1f", "#6b4a3a", "#4a4a6b"}
	return colors[((n%len(colors))+len(colors))%len(colors)]
}
