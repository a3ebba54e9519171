package realtime

import (
	"fmt"
	"slices"

	"github.com/konsil-server/konsil/realtime/ydoc"
)

// coverage is a set of clocks per client: what a document has deleted.
type coverage struct {
	ranges map[uint64][]ydoc.Range // disjoint, ascending
}

func deletedIn(doc *ydoc.Doc) *coverage {
	c := &coverage{ranges: make(map[uint64][]ydoc.Range)}
	u, err := ydoc.Decode(doc.EncodeState(), ydoc.Limits{Bytes: loadedBytes, Structs: loadedStruct})
	if err != nil {
		return c // covers nothing, so nothing passes for known
	}
	for _, r := range u.Deletes() {
		c.ranges[r.Client] = append(c.ranges[r.Client], r)
	}
	for client, rs := range c.ranges {
		c.ranges[client] = joined(rs)
	}
	return c
}

// joined sorts ranges of one client and unites those that touch.
func joined(rs []ydoc.Range) []ydoc.Range {
	slices.SortFunc(rs, func(a, b ydoc.Range) int { return int(int64(a.Clock) - int64(b.Clock)) })
	out := rs[:1]
	for _, r := range rs[1:] {
		last := &out[len(out)-1]
		if r.Clock <= last.Clock+last.Len {
			last.Len = max(last.Len, r.Clock+r.Len-last.Clock)
		} else {
			out = append(out, r)
		}
	}
	return out
}

func (c *coverage) covers(rs []ydoc.Range) bool {
	for _, r := range rs {
		mine := c.ranges[r.Client]
		i, found := slices.BinarySearchFunc(mine, r.Clock, func(m ydoc.Range, clock uint32) int {
			return int(int64(m.Clock) - int64(clock))
		})
		if !found {
			i--
		}
		if i < 0 || r.Clock+r.Len > mine[i].Clock+mine[i].Len {
			return false
		}
	}
	return true
}

// verify proves that a state, read back into an empty document, says what the
// live document said. A snapshot that does not is never stored: the rows are
// the truth, and a wrong snapshot would replace them.
func verify(state []byte, texts map[string]string) error {
	u, err := ydoc.Decode(state, ydoc.Limits{Bytes: loadedBytes, Structs: loadedStruct})
	if err != nil {
		return fmt.Errorf("snapshot does not decode: %w", err)
	}
	doc := ydoc.New()
	if _, err := doc.Apply(u); err != nil {
		return fmt.Errorf("snapshot does not apply: %w", err)
	}
	for key, text := range texts {
		if doc.Text(root(key)) != text {
			return fmt.Errorf("snapshot reads differently in section %q", key)
		}
	}
	return nil
}
