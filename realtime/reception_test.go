package realtime

import (
	"encoding/json"
	"slices"
	"testing"
)

// peopleSeen is the list of people as c saw it last.
func (c *client) peopleSeen() []person {
	var list peopleList
	json.Unmarshal(c.textOf("people"), &list)
	return list.People
}

func TestEverybodySeesWhoGetsNothingFromWhom(t *testing.T) {
	t.Parallel()
	r := newRig(t, withRooms(t))
	a, b, d := r.join("k1", "anna", 1), r.join("k1", "bert", 2), r.join("k1", "dora", 3)
	for _, c := range []*client{a, b, d} {
		c.text("hello", struct{}{})
		until(t, "welcome", func() bool { return c.textOf("welcome") != nil })
	}
	missing := func(sources ...string) map[string]any {
		var list []any
		for _, peer := range sources {
			list = append(list, map[string]any{"peer": peer, "source": "mic"}, map[string]any{"peer": peer, "source": "camera"})
		}
		return map[string]any{"missing": list}
	}
	b.text("stats", missing(a.hubPeer(), b.hubPeer(), d.hubPeer(), "nobody"))
	seen := func(want ...string) func() bool {
		return func() bool {
			for _, c := range []*client{a, b} {
				i := slices.IndexFunc(c.peopleSeen(), func(p person) bool { return p.Peer == b.hubPeer() })
				if i < 0 || !slices.Equal(c.peopleSeen()[i].Missing, want) {
					return false
				}
			}
			return true
		}
	}
	until(t, "bert gets nothing of the two others", seen(a.hubPeer(), d.hubPeer()))
	d.ws.Close()
	until(t, "who has gone is not missed", seen(a.hubPeer()))
	b.text("stats", missing())
	until(t, "all is well again", seen())
	b.text("stats", map[string]any{"missing": "no list"})
	until(t, "a broken one is complained about", func() bool { return b.textOf("error") != nil })
}
