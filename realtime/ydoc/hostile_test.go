package ydoc

import (
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// samples are updates with all kinds of content. Client 7 makes a base that
// the others refer to.
func samples() [][]byte {
	d := New()
	var out [][]byte
	edit := func(client uint64, pos, del int, ins string) {
		c, err := d.Edit(client, "t", pos, del, ins)
		if err != nil {
			panic(err)
		}
		out = append(out, d.Encode(c))
	}
	edit(7, 0, 0, "Ausgangslage 😀 größer")
	edit(9, 12, 0, " hier")
	edit(7, 2, 4, "x")
	edit(300000, 5, 5, "")
	out = append(out, d.EncodeState())
	for _, s := range []string{
		"\x01\x03\x0b\x00\x08\x01\x01a\x03\x7d\x05\x77\x02hi\x75\x02\x7e\x76\x01\x01k\x79\x84\x0b\x02\x01z\x86\x0b\x03\x01b\x04true\x00",
		"\x01\x02\x0c\x00\x27\x01\x01m\x01k\x00\x08\x00\x0c\x00\x02\x7b\x00\x00\x00\x00\x00\x00\x00\x00\x7c\x00\x00\x00\x00\x01\x0c\x01\x00\x01",
		"\x01\x02\x0d\x00\x05\x01\x01t\x02{}\x82\x0d\x00\x02\x09undefined\x011\x00",
		"\x01\x03\x0e\x00\x00\x05\x0a\x02\x01\x01\x01t\x05\x00",
		"\x01\x01\x0f\x00\x09\x01\x01m\x02id\x76\x00\x00",
		"\x01\x01\x10\x00\x03\x01\x01m\x02\x00\xff\x00",
		"\x01\x01\x11\x00\x07\x01\x01x\x03\x01p\x00",
	} {
		out = append(out, []byte(s))
	}
	return out
}

// base is a document that the samples' references lead into.
func base(t testing.TB, strict bool) *Doc {
	d := New()
	for _, b := range samples() {
		_, err := d.Apply(decode(t, b))
		if err != nil && !errors.Is(err, ErrMissing) {
			t.Fatal(err)
		}
	}
	d.Strict = strict
	return d
}

// poke applies arbitrary bytes and checks all that must then hold.
func poke(t testing.TB, d *Doc, b []byte) {
	u, err := Decode(b, Limits{Bytes: 1 << 16, Structs: 1 << 13})
	if err != nil {
		if !errors.Is(err, ErrMalformed) {
			t.Fatalf("error %v", err)
		}
		return
	}
	u.Inserts()
	u.Deletes()
	u.Roots()
	u.Plain()
	before := d.StateVector()
	change, err := d.Apply(u)
	if err != nil {
		if string(before) != string(d.StateVector()) {
			t.Fatalf("refused with %v, yet the state changed", err)
		}
		return
	}
	checkDoc(t, d)
	copied := New()
	if _, err := copied.Apply(decode(t, d.EncodeState())); err != nil {
		t.Fatalf("our own state: %v", err)
	}
	for root := range d.roots {
		if copied.Text(root) != d.Text(root) || copied.Len(root) != d.Len(root) {
			t.Fatalf("our own state reads differently:\n%q\n%q", copied.Text(root), d.Text(root))
		}
	}
	if _, err := Decode(d.Encode(change), Limits{}); err != nil {
		t.Fatalf("our own encoding of the change: %v", err)
	}
	if again, err := d.Apply(u); err != nil || !again.Empty() {
		t.Fatalf("a second time: %v, %v", again, err)
	}
}

func TestMutatedUpdatesNeverPanicAndCostLittle(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	valid := samples()
	d, accepted, slowest := base(t, true), 0, time.Duration(0)
	for i := range 20000 {
		if i%200 == 0 {
			d = base(t, i%400 == 0)
		}
		b := mutate(r, valid)
		if _, err := Decode(b, Limits{}); err == nil {
			accepted++
		}
		start := time.Now()
		poke(t, d, b)
		slowest = max(slowest, time.Since(start))
	}
	t.Logf("%d of 20000 mutants decode; the slowest took %v with all checks", accepted, slowest)
	if accepted < 1000 {
		t.Errorf("only %d mutants decode: the test reaches nothing", accepted)
	}
	if slowest > 2*time.Second {
		t.Errorf("one mutant took %v", slowest)
	}
}

// mutate changes a few bytes of a sample, or splices two.
func mutate(r *rand.Rand, valid [][]byte) []byte {
	b := append([]byte(nil), valid[r.IntN(len(valid))]...)
	for range 1 + r.IntN(3) {
		at := r.IntN(len(b))
		switch r.IntN(5) {
		case 0:
			b[at] = byte(r.Uint32())
		case 1:
			b[at] ^= 1 << r.IntN(8)
		case 2:
			b[at] += byte(r.IntN(3)) - 1
		case 3:
			other := valid[r.IntN(len(valid))]
			b = append(b[:at:at], other[r.IntN(len(other)):]...)
		case 4:
			b = append(b[:at:at], append([]byte{byte(r.IntN(16))}, b[at:]...)...)
		}
	}
	return b
}

var writeSeeds = flag.Bool("write-seeds", false, "write the fuzz seeds in testdata anew")

// TestFuzzSeedsAreCurrent keeps testdata/fuzz in step with the samples.
func TestFuzzSeedsAreCurrent(t *testing.T) {
	t.Parallel()
	want := map[string]string{}
	for i, b := range samples() {
		want[fmt.Sprintf("FuzzUpdate/sample%02d", i)] = fmt.Sprintf("go test fuzz v1\n[]byte(%q)\n", b)
	}
	for i, b := range [][]byte{New().StateVector(), base(t, false).StateVector()} {
		want[fmt.Sprintf("FuzzStateVector/sample%02d", i)] = fmt.Sprintf("go test fuzz v1\n[]byte(%q)\n", b)
	}
	for name, text := range want {
		file := filepath.Join("testdata", "fuzz", filepath.FromSlash(name))
		if *writeSeeds {
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(file); err != nil || string(got) != text {
			t.Errorf("%s is out of date (go test -run Seeds -write-seeds): %v", name, err)
		}
	}
}

func FuzzUpdate(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		poke(t, base(t, false), b)
		poke(t, base(t, true), b)
		poke(t, New(), b)
	})
}

func FuzzStateVector(f *testing.F) {
	d := base(f, false)
	f.Fuzz(func(t *testing.T, b []byte) {
		diff, err := d.Diff(b)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatalf("error %v", err)
			}
			return
		}
		if _, err := Decode(diff, Limits{}); err != nil {
			t.Fatalf("our own diff: %v", err)
		}
	})
}

func FuzzAnyValue(f *testing.F) {
	f.Add([]byte("\x75\x02\x7e\x76\x01\x01k\x79"))
	f.Add([]byte("\x7d\xc1\x02"))
	f.Add([]byte("\x77\x04\U0001F600"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := reader{buf: b}
		if v := r.any(); r.err == nil && string(v) != string(b[:r.at]) {
			t.Fatalf("read %x of %x", v, b)
		}
	})
}

func TestMalformedBytesAreRefused(t *testing.T) {
	t.Parallel()
	for name, b := range map[string]string{
		"nothing":                  "",
		"bytes after the end":      "\x00\x00\x00",
		"too many structs":         "\x01\xff\xff\xff\x7f\x07\x00",
		"too many clients":         "\xff\xff\xff\x7f",
		"client named twice":       "\x02\x01\x07\x00\x00\x01\x01\x07\x01\x00\x01\x00",
		"client beyond 2^53":       "\x01\x01\xff\xff\xff\xff\xff\xff\xff\x7f\x00\x00\x01\x00",
		"clock beyond 2^31":        "\x01\x01\x07\x80\x80\x80\x80\x08\x00\x01\x00",
		"clock and length beyond":  "\x01\x01\x07\xff\xff\xff\xff\x07\x00\x01\x00",
		"length of nothing":        "\x01\x01\x07\x00\x00\x00\x00",
		"empty text":               "\x01\x01\x07\x00\x04\x01\x01t\x00\x00",
		"text is not UTF-8":        "\x01\x01\x07\x00\x04\x01\x01t\x01\xff\x00",
		"half a pair in the text":  "\x01\x01\x07\x00\x04\x01\x01t\x03\xed\xa0\x80\x00",
		"unknown struct":           "\x01\x01\x07\x00\x0b\x01\x01t\x00",
		"unknown type":             "\x01\x01\x07\x00\x07\x01\x01t\x07\x00",
		"unknown value":            "\x01\x01\x07\x00\x08\x01\x01t\x01\x10\x00",
		"unknown parent":           "\x01\x01\x07\x00\x04\x02\x01t\x01a\x00",
		"gc with flags":            "\x01\x01\x07\x00\x80\x07\x00\x01\x00",
		"embed is not JSON":        "\x01\x01\x07\x00\x05\x01\x01t\x01{\x00",
		"origin is itself":         "\x01\x01\x07\x05\x84\x07\x05\x01a\x00",
		"right origin is later":    "\x01\x01\x07\x05\x44\x07\x06\x01a\x00",
		"inside itself":            "\x01\x01\x07\x05\x04\x00\x07\x05\x01a\x00",
		"deleted range too long":   "\x00\x01\x07\x01\x01\xff\xff\xff\xff\x07",
		"subdocument without opts": "\x01\x01\x07\x00\x09\x01\x01m\x02id\x7e\x00",
		"nested too deeply":        "\x01\x01\x07\x00\x08\x01\x01t\x01" + strings.Repeat("\x75\x01", 100) + "\x7e\x00",
	} {
		if _, err := Decode([]byte(b), Limits{}); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	whole := samples()[4]
	for n := range whole {
		if _, err := Decode(whole[:n], Limits{}); !errors.Is(err, ErrMalformed) {
			t.Errorf("cut off after %d bytes: %v", n, err)
		}
	}
}

func TestLimitsHold(t *testing.T) {
	t.Parallel()
	d := New()
	for i := range 50 {
		edit(t, d, uint64(1+i), 0, 0, "a")
	}
	b := d.EncodeState()
	cases := []struct {
		lim Limits
		ok  bool
	}{{Limits{}, true}, {Limits{Bytes: len(b), Structs: 50}, true}, {Limits{Bytes: len(b) - 1}, false}, {Limits{Structs: 49}, false}}
	for _, c := range cases {
		if _, err := Decode(b, c.lim); (err == nil) != c.ok || err != nil && !(errors.Is(err, ErrTooLarge) && errors.Is(err, ErrMalformed)) {
			t.Errorf("%+v: %v", c.lim, err)
		}
	}
	values := "\x01\x01\x07\x00\x08\x01\x01t\x20" + strings.Repeat("\x7e", 32) + "\x00"
	if _, err := Decode([]byte(values), Limits{Structs: 31}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("32 values under a limit of 31: %v", err)
	}
}

// atOneSpot is an update in which n clients each insert one character at the
// beginning of a text, without knowing of each other.
func atOneSpot(n int, ascending bool) []byte {
	b := binary.AppendUvarint(nil, uint64(n))
	for i := range n {
		client := uint64(n - i)
		if ascending {
			client = uint64(1 + i)
		}
		b = append(b, 1)
		b = binary.AppendUvarint(b, client)
		b = append(b, "\x00\x04\x01\x01t\x01a"...)
	}
	return append(b, 0)
}

// manyOrigins is the worst that one client alone can do: structs with one
// origin and ever different right origins, so that no search ends early.
func manyOrigins(n int) []byte {
	w := writer{d: New()}
	w.uint(2)
	w.uint(1)
	w.uint(2)
	w.out = append(w.out, "\x00\x04\x01\x01t"...)
	w.text([]byte(strings.Repeat("b", n+1)))
	w.uint(uint64(n))
	w.uint(1)
	w.uint(0)
	for i := range n {
		w.out = append(w.out, 0x44, 2)
		w.uint(uint64(n - i))
		w.out = append(w.out, "\x01a"...)
	}
	w.uint(0)
	return w.out
}

func TestManyInsertsAtOneSpotStayAffordable(t *testing.T) { // alone: it takes the time
	const n = 3000
	cases := []struct {
		name   string
		update []byte
		steps  uint32 // comparisons that the order of the clients costs
	}{
		{"descending clients", atOneSpot(n, false), n},
		{"ascending clients", atOneSpot(n, true), n * (n + 1) / 2},
		{"one client", manyOrigins(n), n * (n + 1) / 2},
	}
	for _, c := range cases {
		d := New()
		start := time.Now()
		apply(t, d, c.update)
		took := time.Since(start)
		t.Logf("%s: %d bytes, %d comparisons, %v", c.name, len(c.update), d.stamp, took)
		checkDoc(t, d)
		if d.Len("t") < n {
			t.Errorf("%s: length %d", c.name, d.Len("t"))
		}
		if d.stamp > c.steps || took > 5*time.Second {
			t.Errorf("%s: %d comparisons, expected at most %d; %v", c.name, d.stamp, c.steps, took)
		}
	}
}

func TestCutsOfOneLongTextStayAffordable(t *testing.T) { // alone: it takes the time
	const n = 250_000
	d := New()
	d.Strict = true
	if _, err := d.Edit(7, "t", 0, 0, strings.Repeat("ä😀", n/3)); err != nil {
		t.Fatal(err)
	}
	// One frame with cuts deletions, and one with as many inserts from the end.
	const cuts = 6000
	w := writer{d: d}
	w.uint(0)
	w.out = append(w.out, 1, 7)
	w.uint(cuts)
	for i := range cuts {
		w.uint(uint64(3 * i))
		w.out = append(w.out, 1)
	}
	deletions := w.out
	w = writer{d: d}
	w.out = append(w.out, 1)
	w.uint(cuts)
	w.out = append(w.out, 9, 0)
	for i := range cuts {
		at := uint64(n - n%3 - 4 - 3*i)
		w.out = append(w.out, 0xc4, 7)
		w.uint(at)
		w.uint(7)
		w.uint(at + 1)
		w.out = append(w.out, "\x01x"...)
	}
	inserts := append(w.out, 0)
	for name, b := range map[string][]byte{"deletions": deletions, "inserts": inserts} {
		start := time.Now()
		apply(t, d, b)
		took := time.Since(start)
		t.Logf("%s: %d bytes, %v", name, len(b), took)
		if took > 3*time.Second {
			t.Errorf("%s took %v", name, took)
		}
	}
	checkDoc(t, d)
}

func TestDecodingAndApplyingIsLinear(t *testing.T) { // alone: it takes the time
	cost := func(n int) time.Duration {
		d := New()
		for i := range n {
			edit(t, d, uint64(1+i%5), d.Len("s:lage")/2, 0, "ab")
		}
		b := d.EncodeState()
		best := time.Hour
		for range 5 {
			start := time.Now()
			apply(t, New(), b)
			best = min(best, time.Since(start))
		}
		return best
	}
	small, large := cost(2000), cost(16000)
	t.Logf("2,000 structs %v, 16,000 structs %v", small, large)
	if large > 8*6*small {
		t.Errorf("eight times the structs cost %v instead of %v", large, small)
	}
}
