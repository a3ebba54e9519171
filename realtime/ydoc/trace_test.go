package ydoc

import (
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// trace is one of josephg/editing-traces (CC BY 4.0); all that are read here
// stay within the basic plane, so that code points are UTF-16 units.
type trace struct {
	StartContent, EndContent string
	NumAgents                int
	Txns                     []struct {
		Agent   int
		Parents []int
		Patches [][3]any
	}
}

func loadTrace(t *testing.T, name string) *trace {
	t.Helper()
	dir := os.Getenv("KONSIL_DATA_DIR")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	f, err := os.Open(filepath.Join(dir, "traces", name+".json.gz"))
	if err != nil {
		t.Skipf("SKIPPED: trace %s is not here (KONSIL_DATA_DIR)", name)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	tr := &trace{NumAgents: 1}
	if err := json.NewDecoder(z).Decode(tr); err != nil {
		t.Fatal(err)
	}
	return tr
}

// shorten keeps the first n transactions and works out the text after them.
func (tr *trace) shorten(n int) {
	tr.Txns = tr.Txns[:n]
	text := []rune(tr.StartContent)
	for _, txn := range tr.Txns {
		for _, p := range txn.Patches {
			pos, del := int(p[0].(float64)), int(p[1].(float64))
			text = slices.Replace(text, pos, pos+del, []rune(p[2].(string))...)
		}
	}
	tr.EndContent = string(text)
}

// typeIn makes one edit of a trace, hands its update to the peers and
// returns it.
func typeIn(t *testing.T, d *Doc, client uint64, p [3]any, peers ...*Doc) []byte {
	t.Helper()
	c, err := d.Edit(client, "t", int(p[0].(float64)), int(p[1].(float64)), p[2].(string))
	if err != nil {
		t.Fatal(err)
	}
	b := d.Encode(c)
	for _, peer := range peers {
		apply(t, peer, b)
	}
	return b
}

func TestSequentialTracesEndInTheirText(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"automerge-paper", "sveltecomponent", "json-crdt-blog-post"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr := loadTrace(t, name)
			if raced && len(tr.Txns) > 10_000 {
				t.Log("under the race detector only the first 10,000 transactions are replayed")
				tr.shorten(10_000)
			}
			d, peer := New(), New()
			peer.Strict = true
			typeIn(t, d, 1, [3]any{0.0, 0.0, tr.StartContent}, peer)
			for _, txn := range tr.Txns {
				for _, p := range txn.Patches {
					typeIn(t, d, 1, p, peer)
				}
			}
			if d.Text("t") != tr.EndContent || peer.Text("t") != tr.EndContent {
				t.Error("the text differs from the trace's")
			}
			if string(d.EncodeState()) != string(peer.EncodeState()) {
				t.Error("the two replicas encode differently")
			}
			again := New()
			apply(t, again, d.EncodeState())
			if again.Text("t") != tr.EndContent {
				t.Error("the full state holds another text")
			}
			checkDoc(t, peer)
		})
	}
}

// TestTheConcurrentTraceEndsInItsText keeps a replica per author and, before
// each transaction, brings it exactly the history that the trace names. Each
// author's transactions form a chain, so a history is a count per author.
func TestTheConcurrentTraceEndsInItsText(t *testing.T) {
	t.Parallel()
	tr := loadTrace(t, "friendsforever")
	authors := make([]*Doc, tr.NumAgents)
	has := make([][]int, tr.NumAgents)    // per author: how much of each author's log is in its replica
	log := make([][][]byte, tr.NumAgents) // per author: one entry per transaction
	for i := range authors {
		authors[i], has[i] = New(), make([]int, tr.NumAgents)
	}
	history := make([][]int, len(tr.Txns))
	observer := New()
	merges := 0
	for i, txn := range tr.Txns {
		a := txn.Agent
		history[i] = make([]int, tr.NumAgents)
		for _, p := range txn.Parents {
			for b, n := range history[p] {
				history[i][b] = max(history[i][b], n)
			}
		}
		for b, n := range history[i] {
			if b == a && n != has[a][a] {
				t.Fatalf("transaction %d does not follow its author's last one", i)
			}
			if n > has[a][b] {
				merges++
			}
			for ; has[a][b] < n; has[a][b]++ {
				apply(t, authors[a], log[b][has[a][b]])
			}
		}
		if len(txn.Patches) != 1 {
			t.Fatalf("transaction %d has %d patches", i, len(txn.Patches))
		}
		log[a] = append(log[a], typeIn(t, authors[a], uint64(1+a), txn.Patches[0], observer))
		history[i][a]++
		has[a][a]++
	}
	if observer.Text("t") != tr.EndContent {
		t.Error("the observer's text differs from the trace's")
	}
	if got := authors[tr.Txns[len(tr.Txns)-1].Agent].Text("t"); got != tr.EndContent {
		t.Error("the last author's text differs from the trace's")
	}
	if merges < 1000 {
		t.Errorf("only %d merges: the trace is not concurrent", merges)
	}
	checkDoc(t, observer)
}
