package ydoc

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
)

func joinRuns(runs []Run) string {
	var b strings.Builder
	for _, r := range runs {
		b.WriteString(r.Text)
	}
	return b.String()
}

func TestRunsSayWhichClientInsertedEveryUnit(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(11, 3))
	d := New()
	type unit struct {
		code   uint16
		client uint64
		clock  uint32
	}
	var plain []unit
	for i := range 2000 {
		client := uint64(1 + r.IntN(4))
		pos := r.IntN(len(plain) + 1)
		del := min(len(plain)-pos, r.IntN(4)*r.IntN(3))
		ins := []string{"", "a", "ö", "längeres Stück ", "ß"}[r.IntN(5)]
		clock := d.State(client)
		edit(t, d, client, pos, del, ins)
		var fresh []unit
		for k, code := range utf16.Encode([]rune(ins)) {
			fresh = append(fresh, unit{code, client, clock + uint32(k)})
		}
		plain = slices.Replace(plain, pos, pos+del, fresh...)
		if i%50 != 0 {
			continue
		}
		var got []unit
		for _, run := range d.Runs("s:lage") {
			codes := utf16.Encode([]rune(run.Text))
			if len(codes) != int(run.Len) {
				t.Fatalf("run %v reads %q", run.Range, run.Text)
			}
			for k, code := range codes {
				got = append(got, unit{code, run.Client, run.Clock + uint32(k)})
			}
		}
		if !slices.Equal(got, plain) {
			t.Fatalf("after edit %d the runs differ from what was typed", i)
		}
	}
	if joinRuns(d.Runs("s:lage")) != d.Text("s:lage") {
		t.Error("the runs together are not the text")
	}
	if d.Runs("s:nirgends") != nil {
		t.Error("a root that nobody wrote to has runs")
	}
}

func TestRunsAreCutBetweenCharactersOnly(t *testing.T) {
	t.Parallel()
	run := Run{Range{7, 20, 5}, "aü🙂z"}
	for n, want := range []string{"", "a", "aü", "aü🙂", "aü🙂", "aü🙂z"} {
		left, right := run.Cut(uint32(n))
		if left.Text != want || left.Text+right.Text != run.Text || left.Len+right.Len != 5 ||
			int(left.Len) != len(utf16.Encode([]rune(want))) || right.Clock != 20+left.Len || left.Clock != 20 || right.Client != 7 {
			t.Errorf("cut at %d: %+v | %+v", n, left, right)
		}
	}
}

func TestRootsOfAChangeAreThoseItWroteOrDeletedIn(t *testing.T) {
	t.Parallel()
	d := New()
	change := func(root string, pos, del int, ins string) Change {
		c, err := d.Edit(7, root, pos, del, ins)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	first := change("s:lage", 0, 0, "Hallo")
	second := change("s:plan", 0, 0, "Termin")
	gone := change("s:plan", 0, 6, "")
	for _, c := range []struct {
		change Change
		want   []string
	}{{first, []string{"s:lage"}}, {second, []string{"s:plan"}}, {gone, []string{"s:plan"}}, {Change{}, nil}} {
		if got := d.RootsOf(c.change); !slices.Equal(got, c.want) {
			t.Errorf("roots of %+v: %v, want %v", c.change, got, c.want)
		}
	}
	first.Merge(gone)
	if got := d.RootsOf(first); !slices.Equal(got, []string{"s:lage", "s:plan"}) {
		t.Errorf("roots of both: %v", got)
	}
	if got := d.RootsOf(Change{Inserted: []Range{{99, 0, 3}, {7, 500, 1}}}); len(got) != 0 {
		t.Errorf("roots of what is not there: %v", got)
	}
}
