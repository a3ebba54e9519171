package realtime

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/konsil-server/konsil/realtime/ydoc"
)

// clearings is an update of n structs of one cleared unit each, two bytes apiece, under a client id.
func clearings(client, n uint64) []byte {
	b := binary.AppendUvarint([]byte{1}, n)
	b = append(binary.AppendUvarint(b, client), 0)
	for range n {
		b = append(b, 0, 1)
	}
	return append(b, 0)
}

// letters is an update that puts n letters into a section under a client id.
func letters(t *testing.T, client uint64, n int) []byte {
	t.Helper()
	doc := ydoc.New()
	change, err := doc.Edit(client, root("lage"), 0, 0, strings.Repeat("x", n))
	if err != nil {
		t.Fatal(err)
	}
	return doc.Encode(change)
}

// answered sends a document frame and returns what the server says to it.
func (c *client) answered(update []byte) refusal {
	c.t.Helper()
	n := c.update(update)
	until(c.t, "an answer", c.is(func() bool { return c.acked >= n }))
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.refused[n]
}

func TestAFrameMayHoldExactlySoMuch(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a := r.join("k1", "anna", 1)
	until(t, "in", a.saved)
	frame := func(update []byte) int { return len(appendBytes([]byte{msgSync, syncUpdate}, update)) }
	fits := maxFrame - (frame(letters(t, 7, maxFrame)) - maxFrame)
	if n := frame(letters(t, 7, fits)); n != maxFrame {
		t.Fatalf("a frame of %d bytes instead of %d", n, maxFrame)
	}
	for _, c := range []struct {
		what   string
		update []byte
		want   refusal
	}{
		{"one byte too many", letters(t, 7, fits+1), refusedSize},
		{"as many bytes as allowed", letters(t, 7, fits), accepted},
		{"one struct too many", clearings(8, maxStructs+1), refusedSize},
		{"as many structs as allowed", clearings(8, maxStructs), accepted},
	} {
		if got := a.answered(c.update); got != c.want {
			t.Errorf("%s: answered with %d, want %d", c.what, got, c.want)
		}
	}
}

func TestAFullNoteRefusesLettersAndTakesDeletions(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a, b := r.join("k1", "anna", 1), r.join("k1", "bert", 2)
	until(t, "both are in", func() bool { return a.saved() && b.saved() })
	const part = 32 << 10
	for i := range maxNote / part {
		a.edit([]string{"lage", "plan"}[i%2], 0, 0, strings.Repeat("x", part))
	}
	until(t, "the note is full and seen to be", func() bool { return a.saved() && len(b.read1("lage"))+len(b.read1("plan")) == maxNote })
	if len(a.refused) > 0 {
		t.Fatalf("refused before it was full: %v", a.refused)
	}
	if got := b.answered(letters(t, 2, 1)); got != refusedSize {
		t.Errorf("a letter too many is answered with %d", got)
	}
	a.edit("plan", 0, 5, "")
	until(t, "a deletion is taken", a.saved)
	if got := b.answered(letters(t, 2, 5)); got != accepted {
		t.Errorf("letters in place of others are answered with %d", got)
	}
	if got := b.answered(letters(t, 3, 1)); got != refusedSize {
		t.Errorf("a letter too many is answered with %d the second time", got)
	}
}

func TestOneSocketBringsFewClientIds(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a := r.join("k1", "anna", 1)
	until(t, "in", a.saved)
	for id := range uint64(maxBinding) {
		if got := a.answered(in("s:lage", byte(10+id))); got != accepted {
			t.Fatalf("client id %d is answered with %d", id+1, got)
		}
	}
	if got := a.answered(in("s:lage", 100)); got != refusedClient {
		t.Errorf("one client id too many is answered with %d", got)
	}
	other := r.join("k1", "anna", 2)
	until(t, "in", other.saved)
	if got := other.answered(in("s:lage", 100)); got != accepted {
		t.Errorf("another socket's first is answered with %d", got)
	}
}
