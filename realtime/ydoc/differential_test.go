package ydoc

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

var (
	sessions = flag.Int("sessions", 120, "random sessions to compare with Yjs")
	seed     = flag.Uint64("seed", 0, "seed of the first session; 0 takes one from the clock")
)

var (
	allRoots = []string{"t", "t:zwei", "m", "a", "x"}
	snippets = []string{
		"ä", "ß", "Müller", "Übergang ", "😀", "👩‍🔬", "a", "b", "\n", "größer 🏥 ", "e\u0301", "§ 20", "Ziel: ",
		"längerer Text mit 🚲 und Übung, der auch zerschnitten wird", "𝔎",
	}
)

func firstSeed(t *testing.T) uint64 {
	s := *seed
	if s == 0 {
		s = uint64(time.Now().UnixNano()) % 1e9
	}
	t.Logf("first seed %d (repeat with -seed)", s)
	return s
}

func read(doc string) command { return command{"do": "read", "doc": doc, "roots": allRoots} }

// session is a random script for three to six Yjs replicas. It is settled before
// it runs: places are drawn as large numbers and reduced by the script's side.
type session struct {
	*rand.Rand
	rich     bool // all kinds of content, else text only
	causal   bool
	commands []command
	by       []int    // per update: its replica
	needs    [][]bool // per update: what its replica knew
	where    []int    // per update: the command that made it

	has  [][]bool // per replica: the updates it got
	away []int    // per replica: steps left in which it edits alone
}

// replicas draws how many take part.
func replicas(r *rand.Rand) int { return 3 + r.IntN(4) }

func name(replica int) string { return fmt.Sprint("r", replica) }

// writeSession makes so many steps for each replica.
func writeSession(s *session, steps int) {
	n := replicas(s.Rand)
	s.has, s.away = make([][]bool, n), make([]int, n)
	s.commands = []command{{"do": "reset"}}
	for i := range n {
		s.commands = append(s.commands, command{"do": "open", "doc": name(i), "client": 1 + s.Uint32N(1<<31), "gc": true})
	}
	for range steps * n {
		switch r := s.IntN(n); {
		case s.away[r] > 0:
			s.edit(r)
			if s.away[r]--; s.away[r] == 0 {
				s.sync(r, (r+1+s.IntN(n-1))%n)
			}
		case s.IntN(20) == 0:
			s.away[r] = 2 + s.IntN(10)
		case s.Float64() < 0.55:
			s.edit(r)
		default:
			s.deliver(r, 1+s.IntN(6))
		}
	}
	for r := range n {
		s.deliver(r, 1<<30)
		s.commands = append(s.commands, read(name(r)))
	}
	s.commands = append(s.commands, command{"do": "open", "doc": "all", "gc": true}, command{"do": "deliverAll", "doc": "all"}, read("all"))
}

func (s *session) edit(r int) {
	c := s.textEdit()
	if s.rich && s.IntN(3) > 0 {
		c = s.richEdit()
	}
	c["do"], c["doc"] = "edit", name(r)
	s.where = append(s.where, len(s.commands))
	s.commands = append(s.commands, c)
	s.needs = append(s.needs, slices.Clone(s.has[r]))
	s.by = append(s.by, r)
	for i := range s.has {
		s.has[i] = append(s.has[i], i == r)
	}
}

// sync brings two replicas to the same state as after a pause: each says what
// it has by its state vector and gets the rest in one piece.
func (s *session) sync(a, b int) {
	s.commands = append(s.commands, command{"do": "sync", "doc": name(a), "with": name(b)})
	for u := range s.has[a] {
		both := s.has[a][u] || s.has[b][u]
		s.has[a][u], s.has[b][u] = both, both
	}
}

func (s *session) textEdit() command {
	c := command{"root": "t", "at": s.Uint32N(1 << 20), "text": snippets[s.IntN(len(snippets))], "n": 1 + s.IntN(12), "does": "insert"}
	if s.IntN(5) == 0 {
		c["root"] = "t:zwei"
	}
	if s.IntN(3) == 0 {
		c["does"] = "delete"
	}
	if s.IntN(3) == 0 {
		c["at"] = s.Uint32N(4) // everybody at one spot
	}
	return c
}

func (s *session) richEdit() command {
	c := command{
		"at": s.Uint32N(1 << 20), "n": 1 + s.IntN(4), "key": string(rune('p' + s.IntN(3))),
		"text": snippets[s.IntN(len(snippets))], "kind": []string{"text", "map", "array"}[s.IntN(3)],
	}
	if s.IntN(2) == 0 {
		c["odd"] = s.IntN(13)
	} else {
		c["value"] = []any{1, "zwei", nil, map[string]any{"drei": []int{3}}, "🏥"}[s.IntN(5)]
	}
	choice := [][2]string{
		{"a", "push"}, {"a", "push"}, {"a", "cut"}, {"a", "nest"}, {"a", "inner"}, {"m", "set"}, {"m", "set"}, {"m", "unset"},
		{"m", "nest"}, {"m", "inner"}, {"t", "format"}, {"t", "embed"}, {"x", "element"}, {"x", "cut"},
	}[s.IntN(14)]
	c["root"], c["does"] = choice[0], choice[1]
	switch c["does"] {
	case "format":
		delete(c, "odd")
		c["value"] = map[string]any{"fett": s.IntN(2) == 0}
	case "embed":
		delete(c, "odd")
		c["value"] = map[string]any{"bild": s.IntN(9)}
	}
	return c
}

// deliver hands up to n updates to a replica: in an order that respects what
// they build on, or in any order and some of them twice.
func (s *session) deliver(r, n int) {
	for ; n > 0; n-- {
		var ready []int
		for u, has := range s.has[r] {
			if !has && (!s.causal || covers(s.has[r], s.needs[u])) {
				ready = append(ready, u)
			}
		}
		if len(ready) == 0 {
			return
		}
		u := ready[s.IntN(len(ready))]
		s.has[r][u] = true
		times := 1
		if !s.causal && s.IntN(4) == 0 {
			times = 2
		}
		for range times {
			s.commands = append(s.commands, command{"do": "deliver", "doc": name(r), "update": u})
		}
	}
}

func covers(has, needs []bool) bool {
	for i, n := range needs {
		if n && !has[i] {
			return false
		}
	}
	return true
}

// play runs the session and returns its updates and what a replica reads.
func (s *session) play(y *yjs) (updates [][]byte, want reading) {
	rs := y.run(s.commands...)
	for _, at := range s.where {
		updates = append(updates, as[[]byte](y.t, rs[at]))
	}
	for i, r := range rs {
		if s.commands[i]["do"] != "read" {
			continue
		}
		got := as[reading](y.t, r)
		if want.JSON != "" && (got.JSON != want.JSON || got.Pending) {
			y.t.Fatalf("the Yjs replicas differ:\n%s\n%s", got.JSON, want.JSON)
		}
		want = got
	}
	return updates, want
}

func TestRandomSessionsEndAsInYjs(t *testing.T) {
	t.Parallel()
	y := startYjs(t)
	first := firstSeed(t)
	for i := range *sessions {
		s := &session{Rand: rand.New(rand.NewPCG(first+uint64(i), 1)), causal: i%2 == 0, rich: i%4 > 1}
		writeSession(s, 20)
		updates, want := s.play(y)
		c := &comparison{T: t, y: y, s: s, updates: updates, want: want, label: fmt.Sprintf("session %d of seed %d", i, first)}
		c.inOrder()
		c.together()
		c.retrying()
		c.ticks()
		if t.Failed() {
			return
		}
	}
}

// comparison checks what Go makes of a session.
type comparison struct {
	*testing.T
	y       *yjs
	s       *session
	updates [][]byte
	want    reading
	label   string
}

func decode(t testing.TB, b []byte) *Update {
	t.Helper()
	u, err := Decode(b, Limits{})
	if err != nil {
		t.Fatalf("%v in %x", err, b)
	}
	return u
}

// equal compares a document with Yjs' reading, directly and through Yjs.
func (c *comparison) equal(how string, d *Doc) {
	c.Helper()
	for root, text := range c.want.Texts {
		if got := d.Text(root); got != text {
			c.Errorf("%s, %s: text %q is\n%q, in Yjs\n%q", c.label, how, root, got, text)
		}
	}
	for root, n := range c.want.Lens {
		if root != "m" && d.Len(root) != n {
			c.Errorf("%s, %s: length of %q is %d, in Yjs %d", c.label, how, root, d.Len(root), n)
		}
	}
	if !bytes.Equal(d.StateVector(), c.want.Vector) {
		c.Errorf("%s, %s: state vector is %x, in Yjs %x", c.label, how, d.StateVector(), c.want.Vector)
	}
	full := c.y.fresh(d.EncodeState())
	c.same(how+", full state", full)
	if full.Formatted != c.want.Formatted {
		c.Errorf("%s, %s: formatting is\n%s, in Yjs\n%s", c.label, how, full.Formatted, c.want.Formatted)
	}
	checkDoc(c, d)
}

// same compares what Yjs reads from our bytes with what it had.
func (c *comparison) same(how string, got reading) {
	c.Helper()
	if got.JSON != c.want.JSON || !bytes.Equal(got.Vector, c.want.Vector) || got.Pending {
		c.Errorf("%s, %s: Yjs reads\n%s, wanted\n%s, vectors %x and %x, pending %v", c.label, how, got.JSON, c.want.JSON, got.Vector, c.want.Vector, got.Pending)
	}
}

// inOrder applies the updates as they were made; half way it notes a state
// vector for a diff.
func (c *comparison) inOrder() {
	d := New()
	d.Strict = true
	var early []byte
	for i, b := range c.updates {
		if _, err := d.Apply(decode(c, b)); err != nil {
			c.Fatalf("%s: update %d: %v", c.label, i, err)
		}
		if i == len(c.updates)/2 {
			early = d.StateVector()
		}
	}
	c.equal("in order", d)
	if len(c.updates) == 0 {
		return
	}
	diff, err := d.Diff(early)
	if err != nil {
		c.Fatal(err)
	}
	half := c.updates[:len(c.updates)/2+1]
	c.same("diff", c.y.fresh(append(slices.Clone(half), diff)...))
}

// together applies everything at once, shuffled and some of it twice.
func (c *comparison) together() {
	var us []*Update
	for _, b := range c.updates {
		us = append(us, decode(c, b))
		if c.s.IntN(4) == 0 {
			us = append(us, us[len(us)-1])
		}
	}
	c.s.Shuffle(len(us), func(i, j int) { us[i], us[j] = us[j], us[i] })
	d := New()
	if _, err := d.ApplyAll(us); err != nil {
		c.Fatalf("%s: %v", c.label, err)
	}
	c.equal("together", d)
}

// retrying applies shuffled updates one by one; those that come too early
// must leave no trace and succeed later.
func (c *comparison) retrying() {
	d := New()
	queue := slices.Clone(c.updates)
	c.s.Shuffle(len(queue), func(i, j int) { queue[i], queue[j] = queue[j], queue[i] })
	for tries := 0; len(queue) > 0; tries++ {
		if tries > len(c.updates)*len(c.updates) {
			c.Fatalf("%s: %d updates never become applicable", c.label, len(queue))
		}
		before := d.EncodeState()
		_, err := d.Apply(decode(c, queue[0]))
		switch {
		case errors.Is(err, ErrMissing):
			if !bytes.Equal(before, d.EncodeState()) {
				c.Fatalf("%s: a refused update changed the document", c.label)
			}
			queue = append(queue, queue[0])
		case err != nil:
			c.Fatalf("%s: %v", c.label, err)
		}
		queue = queue[1:]
	}
	c.equal("retrying", d)
}

// ticks applies the updates in order and sends each tick's changes, one
// encoding per author, to a Yjs and a Go replica.
func (c *comparison) ticks() {
	d, peer := New(), New()
	var sent [][]byte
	for i := 0; i < len(c.updates); {
		changes := make([]Change, len(c.s.has))
		for end := min(len(c.updates), i+1+c.s.IntN(8)); i < end; i++ {
			change, err := d.Apply(decode(c, c.updates[i]))
			if err != nil {
				c.Fatalf("%s: %v", c.label, err)
			}
			changes[c.s.by[i]].Merge(change)
		}
		var tick [][]byte
		var us []*Update
		for _, change := range changes {
			if !change.Empty() {
				tick = append(tick, d.Encode(change))
				us = append(us, decode(c, tick[len(tick)-1]))
			}
		}
		c.s.Shuffle(len(tick), func(i, j int) { tick[i], tick[j] = tick[j], tick[i] })
		c.s.Shuffle(len(us), func(i, j int) { us[i], us[j] = us[j], us[i] })
		sent = append(sent, tick...)
		if _, err := peer.ApplyAll(us); err != nil {
			c.Fatalf("%s: tick: %v", c.label, err)
		}
	}
	c.equal("by ticks", peer)
	c.same("ticks", c.y.fresh(sent...))
}

// TestGoAndYjsTypeTogether lets a Go replica write too.
func TestGoAndYjsTypeTogether(t *testing.T) {
	t.Parallel()
	y := startYjs(t)
	first := firstSeed(t)
	for i := range max(1, *sessions/6) {
		m := &mixed{T: t, y: y, Rand: rand.New(rand.NewPCG(first+uint64(i), 2)), label: fmt.Sprintf("session %d of seed %d", i, first)}
		m.play()
		if t.Failed() {
			return
		}
	}
}

// mixed is a session of Yjs replicas and one of ours, the last.
type mixed struct {
	*testing.T
	*rand.Rand
	y       *yjs
	label   string
	doc     *Doc
	updates [][]byte
	seen    []int // how many of the updates each replica has
	away    []int // steps left in which a replica is offline
}

func (m *mixed) ours() int { return len(m.seen) - 1 }

func (m *mixed) play() {
	m.doc = New()
	m.doc.Strict = true
	n := replicas(m.Rand)
	m.seen, m.away = make([]int, n), make([]int, n)
	m.y.run(command{"do": "reset"})
	for r := range m.ours() {
		m.y.run(command{"do": "open", "doc": name(r), "client": uint32(200+r) + m.Uint32N(1<<28)<<3, "gc": true})
	}
	for range 17 * n {
		m.step(m.IntN(n))
	}
	for r := range n {
		m.catchUp(r)
	}
	for r := range m.ours() {
		want := as[reading](m, m.y.run(read(name(r)))[0])
		c := &comparison{T: m.T, y: m.y, want: want, label: fmt.Sprintf("%s, replica %d", m.label, r)}
		c.equal("typing together", m.doc)
	}
}

// step lets a replica write, or take what the others wrote unless it is
// offline. Ours writes more than each of the others.
func (m *mixed) step(r int) {
	switch m.away[r]--; {
	case m.away[r] == 0 && r != m.ours():
		m.sync(r)
	case m.away[r] < 0 && m.IntN(12) == 0:
		m.away[r] = 2 + m.IntN(10)
	case m.away[r] < 0 && m.IntN(4) == 0:
		m.catchUp(r)
	case r == m.ours():
		m.edit()
		m.edit()
	default:
		c := (&session{Rand: m.Rand}).textEdit()
		c["do"], c["doc"] = "edit", name(r)
		m.updates = append(m.updates, m.y.bytes(c))
	}
}

// sync lets ours and one other exchange what they lack by state vectors.
func (m *mixed) sync(r int) {
	theirs := as[reading](m, m.y.run(read(name(r)))[0])
	mine, err := m.doc.Diff(theirs.Vector)
	if err != nil {
		m.Fatalf("%s: %v", m.label, err)
	}
	back := m.y.bytes(command{"do": "diff", "doc": name(r), "vector": m.doc.StateVector()})
	m.y.run(command{"do": "apply", "doc": name(r), "bytes": mine})
	if _, err := m.doc.Apply(decode(m, back)); err != nil {
		m.Fatalf("%s: %v", m.label, err)
	}
}

// edit types into our replica, between a few others.
func (m *mixed) edit() {
	for range 1 + m.IntN(5) {
		n := m.doc.Len("t")
		pos := m.IntN(n + 1)
		del := 0
		if m.IntN(2) == 0 {
			del = min(m.IntN(6), n-pos)
		}
		change, err := m.doc.Edit(150, "t", pos, del, snippets[m.IntN(len(snippets))])
		if errors.Is(err, ErrSurrogate) {
			continue
		}
		if err != nil {
			m.Fatal(err)
		}
		m.updates = append(m.updates, m.doc.Encode(change))
	}
}

// catchUp brings all updates so far to a replica, its own included.
func (m *mixed) catchUp(r int) {
	for ; m.seen[r] < len(m.updates); m.seen[r]++ {
		b := m.updates[m.seen[r]]
		if r != m.ours() {
			m.y.run(command{"do": "apply", "doc": name(r), "bytes": b})
			continue
		}
		if _, err := m.doc.Apply(decode(m, b)); err != nil {
			m.Fatalf("%s: %v", m.label, err)
		}
	}
}

// TestLinearHistoryEncodesAsInYjs compares bytes: without concurrency both
// sides merge the same items.
func TestLinearHistoryEncodesAsInYjs(t *testing.T) {
	t.Parallel()
	y := startYjs(t)
	r := rand.New(rand.NewPCG(firstSeed(t), 3))
	script := &session{Rand: r}
	cs := []command{{"do": "reset"}, {"do": "open", "doc": "r0", "client": 4711, "gc": true}}
	for range 1500 {
		c := script.textEdit()
		c["do"], c["doc"] = "edit", "r0"
		cs = append(cs, c)
	}
	rs := y.run(append(cs, read("r0"))...)
	d := New()
	for _, raw := range rs[2 : len(rs)-1] {
		if _, err := d.Apply(decode(t, as[[]byte](t, raw))); err != nil {
			t.Fatal(err)
		}
	}
	want := as[reading](t, rs[len(rs)-1])
	if !bytes.Equal(d.EncodeState(), want.State) {
		t.Errorf("full state differs: %d bytes, in Yjs %d", len(d.EncodeState()), len(want.State))
	}
	if !json.Valid([]byte(want.JSON)) || len(want.State) < 5000 {
		t.Errorf("the history is too small to prove anything: %d bytes", len(want.State))
	}
}
