package ydoc

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
)

// edit types into d and returns the update that says so.
func edit(t testing.TB, d *Doc, client uint64, pos, del int, ins string) []byte {
	t.Helper()
	c, err := d.Edit(client, "s:lage", pos, del, ins)
	if err != nil {
		t.Fatal(err)
	}
	return d.Encode(c)
}

func apply(t testing.TB, d *Doc, update []byte) Change {
	t.Helper()
	c, err := d.Apply(decode(t, update))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestEditEncodesWhatYjsWouldSend(t *testing.T) {
	t.Parallel()
	d := New()
	want := []byte{1, 1, 7, 0, 4, 1, 6, 's', ':', 'l', 'a', 'g', 'e', 3, 0xc3, 0xa4, '!', 0}
	if got := edit(t, d, 7, 0, 0, "ä!"); !bytes.Equal(got, want) {
		t.Errorf("first text: % x, want % x", got, want)
	}
	if got := edit(t, d, 7, 0, 1, ""); !bytes.Equal(got, []byte{0, 1, 7, 1, 0, 1}) {
		t.Errorf("deletion: % x", got)
	}
	if got := edit(t, d, 7, 1, 0, "x"); !bytes.Equal(got, []byte{1, 1, 7, 2, 0x84, 7, 1, 1, 'x', 0}) {
		t.Errorf("text at the end: % x", got)
	}
	if got := d.StateVector(); !bytes.Equal(got, []byte{1, 7, 3}) {
		t.Errorf("state vector: % x", got)
	}
	if d.Text("s:lage") != "!x" || d.Len("s:lage") != 2 || d.State(7) != 3 || d.State(8) != 0 {
		t.Errorf("text %q, length %d, state %d", d.Text("s:lage"), d.Len("s:lage"), d.State(7))
	}
}

func TestEditsAtRandomPlacesMatchAPlainString(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 5))
	d, peer := New(), New()
	var plain []uint16
	for i := range 3000 {
		pos := r.IntN(len(plain) + 1)
		if i%500 == 0 {
			pos = 0
		}
		del := min(len(plain)-pos, r.IntN(4)*r.IntN(3))
		ins := []string{"", "a", "ö", "längeres Stück "}[r.IntN(4)]
		apply(t, peer, edit(t, d, uint64(1+i/100%3), pos, del, ins))
		plain = slices.Replace(plain, pos, pos+del, utf16.Encode([]rune(ins))...)
		if want := string(utf16.Decode(plain)); i%40 == 0 && d.Text("s:lage") != want {
			t.Fatalf("edit %d: %q, want %q", i, d.Text("s:lage"), want)
		}
	}
	if want := string(utf16.Decode(plain)); peer.Text("s:lage") != want || d.Text("s:lage") != want {
		t.Error("the replicas differ at the end")
	}
	checkDoc(t, d)
	checkDoc(t, peer)
}

func TestUpdateSaysWhatItBringsWithoutADocument(t *testing.T) {
	t.Parallel()
	d := New()
	first := decode(t, edit(t, d, 7, 0, 0, "Hallo"))
	if got := first.Inserts(); !slices.Equal(got, []Range{{7, 0, 5}}) {
		t.Errorf("inserts %v", got)
	}
	if got := first.Roots(); !slices.Equal(got, []string{"s:lage"}) || !first.Plain() || first.Empty() {
		t.Errorf("roots %v, plain %v, empty %v", got, first.Plain(), first.Empty())
	}
	second := decode(t, edit(t, d, 9, 1, 3, "ey"))
	if got := second.Deletes(); !slices.Equal(got, []Range{{7, 1, 3}}) {
		t.Errorf("deletes %v", got)
	}
	if got := second.Inserts(); !slices.Equal(got, []Range{{9, 0, 2}}) || len(second.Roots()) != 0 {
		t.Errorf("inserts %v, roots %v", got, second.Roots())
	}
	if nothing := decode(t, []byte{0, 0}); !nothing.Empty() || len(nothing.Inserts()) > 0 {
		t.Error("the empty update is not empty")
	}
}

func TestOnlyPlainContentIsPlain(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		update string
		plain  bool
	}{
		"text":          {"\x01\x01\x07\x00\x04\x01\x01t\x01a\x00", true},
		"values":        {"\x01\x01\x07\x00\x08\x01\x01t\x02\x7e\x78\x00", true},
		"deleted":       {"\x01\x01\x07\x00\x01\x01\x01t\x05\x00", true},
		"gc and skip":   {"\x01\x02\x07\x00\x00\x05\x0a\x03\x00", true},
		"format":        {"\x01\x01\x07\x00\x06\x01\x01t\x01b\x04true\x00", false},
		"embed":         {"\x01\x01\x07\x00\x05\x01\x01t\x02{}\x00", false},
		"nested type":   {"\x01\x01\x07\x00\x07\x01\x01t\x02\x00", false},
		"binary":        {"\x01\x01\x07\x00\x03\x01\x01t\x02ab\x00", false},
		"json":          {"\x01\x01\x07\x00\x02\x01\x01t\x01\x011\x00", false},
		"map entry":     {"\x01\x01\x07\x00\x28\x01\x01t\x01k\x01\x7e\x00", false},
		"key by origin": {"\x01\x01\x07\x01\xa4\x07\x00\x01a\x00", false},
		"inside a type": {"\x01\x01\x07\x01\x04\x00\x07\x00\x01a\x00", false},
	}
	for name, c := range cases {
		if got := decode(t, []byte(c.update)).Plain(); got != c.plain {
			t.Errorf("%s: plain is %v", name, got)
		}
	}
}

func TestWhatIsMissingIsNamedAndChangesNothing(t *testing.T) {
	t.Parallel()
	d := New()
	one := edit(t, d, 7, 0, 0, "eins ")
	two := edit(t, d, 7, 5, 0, "zwei")
	del := edit(t, d, 7, 6, 1, "")
	peer := New()
	for _, b := range [][]byte{two, del} {
		if _, err := peer.Apply(decode(t, b)); !errors.Is(err, ErrMissing) {
			t.Errorf("error %v, want ErrMissing", err)
		}
	}
	if got := peer.EncodeState(); !bytes.Equal(got, []byte{0, 0}) || len(peer.clients) > 0 {
		t.Errorf("a refused update left % x", got)
	}
	if _, err := peer.ApplyAll([]*Update{decode(t, del), decode(t, two)}); !errors.Is(err, ErrMissing) {
		t.Errorf("error %v, want ErrMissing", err)
	}
	c, err := peer.ApplyAll([]*Update{decode(t, del), decode(t, two), decode(t, one), decode(t, two)})
	if err != nil || peer.Text("s:lage") != d.Text("s:lage") {
		t.Fatalf("together: %v, %q", err, peer.Text("s:lage"))
	}
	if !slices.Equal(c.Inserted, []Range{{7, 0, 9}}) || !slices.Equal(c.Deleted, []Range{{7, 6, 1}}) {
		t.Errorf("change %v", c)
	}
	if c := apply(t, peer, two); !c.Empty() {
		t.Errorf("applying again changed %v", c)
	}
}

func TestStructsThatWaitForEachOtherInACircleAreMissing(t *testing.T) {
	t.Parallel()
	// Client 1 builds on client 2 and the other way round.
	b := "\x02\x01\x02\x00\x84\x01\x00\x01a\x01\x01\x00\x84\x02\x00\x01b\x00"
	if _, err := New().Apply(decode(t, []byte(b))); !errors.Is(err, ErrMissing) {
		t.Errorf("error %v, want ErrMissing", err)
	}
	// Here each needs only the other's first struct: solvable.
	b = "\x02\x02\x02\x00\x04\x01\x01t\x01a\x84\x01\x00\x01c" + "\x01\x01\x00\x84\x02\x00\x01b\x00"
	d := New()
	apply(t, d, []byte(b))
	if d.Text("t") != "abc" {
		t.Errorf("text %q", d.Text("t"))
	}
}

func TestTwoRowsOfATickMayDependOnEachOther(t *testing.T) {
	t.Parallel()
	d := New()
	base := d.EncodeState()
	changes := map[uint64]*Change{1: {}, 2: {}}
	for _, e := range []struct {
		client   uint64
		pos, del int
		ins      string
	}{{1, 0, 0, "aaa"}, {2, 1, 0, "bbb"}, {1, 2, 0, "cc"}, {2, 3, 1, "d"}, {1, 0, 2, ""}} {
		c, err := d.Edit(e.client, "s:lage", e.pos, e.del, e.ins)
		if err != nil {
			t.Fatal(err)
		}
		changes[e.client].Merge(c)
	}
	one, two := d.Encode(*changes[1]), d.Encode(*changes[2])
	for _, rows := range [][][]byte{{one, two}, {two, one}} {
		peer := New()
		apply(t, peer, base)
		if _, err := peer.ApplyAll([]*Update{decode(t, rows[0]), decode(t, rows[1])}); err != nil {
			t.Fatal(err)
		}
		if peer.Text("s:lage") != d.Text("s:lage") || !bytes.Equal(peer.StateVector(), d.StateVector()) {
			t.Errorf("%q, want %q", peer.Text("s:lage"), d.Text("s:lage"))
		}
	}
	if got := decode(t, one).Inserts(); !slices.Equal(got, []Range{{1, 0, 5}}) {
		t.Errorf("the first author's row carries %v", got)
	}
}

func TestAnEncodingWithAGapCarriesOnlyItsChange(t *testing.T) {
	t.Parallel()
	d := New()
	edit(t, d, 7, 0, 0, "eins")
	b := edit(t, d, 7, 0, 0, "zwei")
	edit(t, d, 7, 4, 0, "drei")
	outer := Change{Inserted: []Range{{7, 0, 4}, {7, 8, 4}}}
	u := decode(t, d.Encode(outer))
	if got := u.Inserts(); !slices.Equal(got, outer.Inserted) {
		t.Fatalf("carries %v", got)
	}
	peer := New()
	if _, err := peer.ApplyAll([]*Update{u, decode(t, b)}); err != nil || peer.Text("s:lage") != d.Text("s:lage") {
		t.Errorf("%v: %q, want %q", err, peer.Text("s:lage"), d.Text("s:lage"))
	}
}

func TestDiffSendsWhatThePeerLacks(t *testing.T) {
	t.Parallel()
	d, peer := New(), New()
	apply(t, peer, edit(t, d, 7, 0, 0, "Guten Morgen"))
	before := peer.StateVector()
	edit(t, d, 7, 0, 5, "Schönen")
	edit(t, d, 9, 7, 0, " guten")
	diff, err := d.Diff(before)
	if err != nil {
		t.Fatal(err)
	}
	apply(t, peer, diff)
	if peer.Text("s:lage") != "Schönen guten Morgen" {
		t.Errorf("peer has %q", peer.Text("s:lage"))
	}
	if u := decode(t, diff); !slices.Equal(u.Inserts(), []Range{{7, 12, 7}, {9, 0, 6}}) {
		t.Errorf("diff carries %v", u.Inserts())
	}
	for _, bad := range []string{"", "\x01", "\x01\x07", "\x00\x00", "\x02\x07\x01\x07\x02", "\xff\xff\xff\xff\xff\xff\xff\xff\x7f"} {
		if _, err := d.Diff([]byte(bad)); !errors.Is(err, ErrMalformed) {
			t.Errorf("state vector %q: %v", bad, err)
		}
	}
}

func TestPositionsOutsideTheTextAreRefused(t *testing.T) {
	t.Parallel()
	d := New()
	edit(t, d, 7, 0, 0, "a😀b")
	before := d.EncodeState()
	cases := []struct {
		client   uint64
		pos, del int
		ins      string
		want     error
	}{
		{7, -1, 0, "x", ErrRange}, {7, 5, 0, "x", ErrRange}, {7, 2, 3, "", ErrRange}, {7, 0, -1, "", ErrRange},
		{maxSafe + 1, 0, 0, "x", ErrRange},
		{7, 2, 0, "x", ErrSurrogate}, {7, 0, 2, "", ErrSurrogate}, {7, 2, 1, "", ErrSurrogate},
		{7, 0, 0, "\xff", ErrMalformed},
	}
	for _, c := range cases {
		if _, err := d.Edit(c.client, "s:lage", c.pos, c.del, c.ins); !errors.Is(err, c.want) {
			t.Errorf("edit %+v: %v", c, err)
		}
	}
	if !bytes.Equal(before, d.EncodeState()) {
		t.Error("a refused edit changed the document")
	}
	edit(t, d, 7, 1, 2, "")
	if d.Text("s:lage") != "ab" {
		t.Errorf("text %q", d.Text("s:lage"))
	}
}

func TestStrictDocumentsRefuseToCutASurrogatePair(t *testing.T) {
	t.Parallel()
	base := "\x01\x01\x07\x00\x04\x01\x01t\x06a\U0001F600b\x00" // units a, two halves, b
	cases := map[string]struct {
		update string
		cut    bool
	}{
		"origin on the first half":    {"\x01\x01\x09\x00\x84\x07\x01\x01x\x00", true},
		"origin on the second half":   {"\x01\x01\x09\x00\x84\x07\x02\x01x\x00", false},
		"right origin in the pair":    {"\x01\x01\x09\x00\x44\x07\x02\x01x\x00", true},
		"right origin before it":      {"\x01\x01\x09\x00\xc4\x07\x00\x07\x01\x01x\x00", false},
		"deletion up to the pair":     {"\x00\x01\x07\x01\x00\x01", false},
		"deletion into the pair":      {"\x00\x01\x07\x01\x00\x02", true},
		"deletion from inside":        {"\x00\x01\x07\x01\x02\x02", true},
		"deletion of the pair":        {"\x00\x01\x07\x01\x01\x02", false},
		"many deletions, one inside":  {"\x00\x01\x07\x02\x00\x01\x02\x02", true},
		"a pair of its own":           {"\x01\x02\x09\x00\x04\x01\x01t\x04\U0001F600\x84\x09\x00\x01x\x00", true},
		"known units end in the pair": {"\x01\x01\x07\x03\x84\x07\x02\x05b\U0001F600\x00", false},
	}
	for name, c := range cases {
		d := New()
		d.Strict = true
		apply(t, d, []byte(base))
		before := d.EncodeState()
		_, err := d.Apply(decode(t, []byte(c.update)))
		if errors.Is(err, ErrSurrogate) != c.cut || err != nil && !bytes.Equal(before, d.EncodeState()) {
			t.Errorf("%s: error %v, document changed %v", name, err, !bytes.Equal(before, d.EncodeState()))
		}
		d.Strict = false
		apply(t, d, []byte(c.update))
		checkDoc(t, d)
		if strings.Contains(d.Text("t"), replacement) != c.cut && !strings.Contains(name, "deletion") {
			t.Errorf("%s: not strict, the text becomes %q", name, d.Text("t"))
		}
	}
}

func TestKnownUnitsThatEndInsideAPairAreRefused(t *testing.T) {
	t.Parallel()
	d := New()
	d.Strict = true
	apply(t, d, []byte("\x01\x01\x07\x00\x04\x01\x01t\x02ab\x00"))
	// The same client's first struct again, now longer and with other text.
	longer := "\x01\x01\x07\x00\x04\x01\x01t\x05a\U0001F600\x00"
	if _, err := d.Apply(decode(t, []byte(longer))); !errors.Is(err, ErrSurrogate) {
		t.Errorf("error %v, want ErrSurrogate", err)
	}
	if d.Text("t") != "ab" {
		t.Errorf("text %q", d.Text("t"))
	}
}

func TestDeletedContentIsForgotten(t *testing.T) {
	t.Parallel()
	d := New()
	edit(t, d, 7, 0, 0, "bleibt Geheimnis bleibt")
	edit(t, d, 7, 7, 10, "")
	if bytes.Contains(d.EncodeState(), []byte("Geheimnis")) {
		t.Error("the state still holds deleted text")
	}
	for _, it := range d.clients[0].items {
		if it.deleted && it.payload != nil {
			t.Error("a deleted item still holds its text")
		}
	}
}

func TestChangesMerge(t *testing.T) {
	t.Parallel()
	a := Change{Inserted: []Range{{7, 4, 2}, {9, 0, 1}}}
	b := a
	a.Merge(Change{Inserted: []Range{{7, 0, 4}, {7, 8, 1}}, Deleted: []Range{{1, 5, 5}, {1, 7, 6}}})
	if !slices.Equal(a.Inserted, []Range{{7, 0, 6}, {7, 8, 1}, {9, 0, 1}}) || !slices.Equal(a.Deleted, []Range{{1, 5, 8}}) {
		t.Errorf("merged into %v", a)
	}
	if !slices.Equal(b.Inserted, []Range{{7, 4, 2}, {9, 0, 1}}) {
		t.Errorf("the copy became %v", b)
	}
	if a.Empty() || !(Change{}).Empty() {
		t.Error("emptiness is wrong")
	}
}

func TestOneUpdateMayBeAppliedToSeveralDocuments(t *testing.T) {
	t.Parallel()
	d := New()
	u := decode(t, edit(t, d, 7, 0, 0, "gemeinsam"))
	one, two := New(), New()
	for _, d := range []*Doc{one, two} {
		if _, err := d.Apply(u); err != nil {
			t.Fatal(err)
		}
	}
	edit(t, one, 7, 9, 0, "er Anfang")
	edit(t, one, 7, 0, 3, "")
	if two.Text("s:lage") != "gemeinsam" {
		t.Errorf("the second document became %q", two.Text("s:lage"))
	}
}
