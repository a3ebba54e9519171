package main

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/konsil-server/konsil/realtime/ydoc"
)

// runTrace replays each trace named in args and prints one line for it.
func runTrace(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("trace", flag.ContinueOnError)
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("trace: %w", err)
	}
	if flags.NArg() == 0 {
		return errors.New("trace: no file given")
	}
	lines := json.NewEncoder(out)
	for _, file := range flags.Args() {
		r, err := measureTrace(file)
		if err != nil {
			return fmt.Errorf("trace %s: %w", filepath.Base(file), err)
		}
		if err := lines.Encode(r); err != nil {
			return fmt.Errorf("trace: %w", err)
		}
	}
	return nil
}

// traceResult is one line of output.
type traceResult struct {
	Trace        string  `json:"trace"`
	Patches      int     `json:"patches"`
	Updates      int     `json:"updates"`
	USPerUpdate  float64 `json:"us_per_update"` // decoding and applying
	HeapBytes    uint64  `json:"heap_bytes"`    // of the second replica, after a collection
	EncodedBytes int     `json:"encoded_bytes"` // of its whole state
	SHA256       string  `json:"sha256"`        // of its text
	Match        bool    `json:"match"`         // both replicas end in the trace's text
}

// traceFile is an editing trace. In a concurrent one each transaction names
// its author and the transactions it was made after.
type traceFile struct {
	Kind         string     `json:"kind"`
	StartContent string     `json:"startContent"`
	EndContent   string     `json:"endContent"`
	NumAgents    int        `json:"numAgents"`
	Txns         []traceTxn `json:"txns"`
}

type traceTxn struct {
	Agent   int     `json:"agent"`
	Parents []int   `json:"parents"`
	Patches []patch `json:"patches"`
}

// patch replaces Del code points at Pos by Ins.
type patch struct {
	Pos, Del int
	Ins      string
}

func (p *patch) UnmarshalJSON(b []byte) error {
	return json.Unmarshal(b, &[]any{&p.Pos, &p.Del, &p.Ins})
}

func readTrace(file string) (*traceFile, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	tr := &traceFile{NumAgents: 1}
	if err := json.NewDecoder(z).Decode(tr); err != nil {
		return nil, err
	}
	return tr, tr.check()
}

func (tr *traceFile) check() error {
	concurrent := tr.Kind == "concurrent"
	for i := range tr.Txns {
		t := &tr.Txns[i]
		if !concurrent && i > 0 {
			t.Parents = []int{i - 1}
		}
		if t.Agent < 0 || t.Agent >= tr.NumAgents {
			return fmt.Errorf("transaction %d: unknown agent", i)
		}
		for _, p := range t.Parents {
			if p < 0 || p >= i {
				return fmt.Errorf("transaction %d: parent is not earlier", i)
			}
		}
	}
	return nil
}

const (
	root        = "s:trace"
	firstClient = 1000 // agents get ids from here; the start text comes from the one before
)

func measureTrace(file string) (*traceResult, error) {
	tr, err := readTrace(file)
	if err != nil {
		return nil, err
	}
	r := &traceResult{Trace: strings.TrimSuffix(filepath.Base(file), ".json.gz")}
	for _, t := range tr.Txns {
		r.Patches += len(t.Patches)
	}
	updates, written, err := writeTrace(tr)
	if err != nil {
		return nil, err
	}
	r.Updates = len(updates)
	second := ydoc.New()
	second.Strict = true // as the server applies what browsers send
	runtime.GC()
	start := time.Now()
	if err := applyEach(second, updates); err != nil {
		return nil, err
	}
	r.USPerUpdate = float64(time.Since(start).Nanoseconds()) / 1e3 / float64(max(1, len(updates)))
	text := second.Text(root)
	sum := sha256.Sum256([]byte(text))
	r.SHA256 = hex.EncodeToString(sum[:])
	r.Match = text == tr.EndContent && written == tr.EndContent
	r.EncodedBytes = len(second.EncodeState())
	r.HeapBytes = heapWith(&second)
	return r, nil
}

func applyEach(doc *ydoc.Doc, updates [][]byte) error {
	for i, b := range updates {
		u, err := ydoc.Decode(b, ydoc.Limits{})
		if err != nil {
			return fmt.Errorf("update %d: %w", i, err)
		}
		if _, err := doc.Apply(u); err != nil {
			return fmt.Errorf("update %d: %w", i, err)
		}
	}
	return nil
}

// heapWith returns how much of the heap goes away with *doc, and lets it go.
func heapWith(doc **ydoc.Doc) uint64 {
	with := liveHeap()
	runtime.KeepAlive(*doc)
	*doc = nil
	return with - min(with, liveHeap())
}

func liveHeap() uint64 {
	runtime.GC()
	runtime.GC() // the first may leave what finalizers and pools still held
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// author is one replica that edits come from.
type author struct {
	doc    *ydoc.Doc
	client uint64
	has    []int // per agent: how many of its transactions are in doc
}

// replay lets each author type its transactions, knowing exactly what the
// trace says it knew.
type replay struct {
	tr      *traceFile
	wide    bool // positions must be converted
	authors []author
	own     [][]int    // per agent: its transactions, in order
	history [][]int    // per transaction: how many of each agent's it builds on, itself included
	bytes   [][][]byte // per transaction: its updates
	all     [][]byte
}

// writeTrace makes one update of every patch, and returns them with the text
// that the author of the last one ends with.
func writeTrace(tr *traceFile) (updates [][]byte, end string, err error) {
	r := &replay{
		tr: tr, wide: tr.wide(), authors: make([]author, tr.NumAgents), own: make([][]int, tr.NumAgents),
		history: make([][]int, len(tr.Txns)), bytes: make([][][]byte, len(tr.Txns)),
	}
	if err := r.open(); err != nil {
		return nil, "", err
	}
	for i := range tr.Txns {
		if err := r.txn(i); err != nil {
			return nil, "", fmt.Errorf("transaction %d: %w", i, err)
		}
	}
	last := 0
	if n := len(tr.Txns); n > 0 {
		last = tr.Txns[n-1].Agent
	}
	return r.all, r.authors[last].doc.Text(root), nil
}

// open gives every author a replica with the start text.
func (r *replay) open() error {
	first := ydoc.New()
	if r.tr.StartContent != "" {
		c, err := first.Edit(firstClient-1, root, 0, 0, r.tr.StartContent)
		if err != nil {
			return err
		}
		r.all = append(r.all, first.Encode(c))
	}
	for i := range r.authors {
		r.authors[i] = author{ydoc.New(), firstClient + uint64(i), make([]int, len(r.authors))}
		if err := applyEach(r.authors[i].doc, r.all); err != nil {
			return err
		}
	}
	return nil
}

func (r *replay) txn(i int) error {
	t := &r.tr.Txns[i]
	a := &r.authors[t.Agent]
	r.recall(i)
	if err := r.catchUp(a, r.history[i], t.Agent); err != nil {
		return err
	}
	for _, p := range t.Patches {
		pos, end := p.Pos, p.Pos+p.Del
		if r.wide {
			pos, end = unitsAt(a.doc.Text(root), pos, end)
		}
		c, err := a.doc.Edit(a.client, root, pos, end-pos, p.Ins)
		if err != nil {
			return err
		}
		r.bytes[i] = append(r.bytes[i], a.doc.Encode(c))
	}
	r.all = append(r.all, r.bytes[i]...)
	r.own[t.Agent] = append(r.own[t.Agent], i)
	r.history[i][t.Agent] = len(r.own[t.Agent])
	a.has[t.Agent] = len(r.own[t.Agent])
	return nil
}

// recall finds out what transaction i builds on. Each author's transactions
// form a chain, so a count per author says it all.
func (r *replay) recall(i int) {
	r.history[i] = make([]int, len(r.authors))
	for _, p := range r.tr.Txns[i].Parents {
		for agent, n := range r.history[p] {
			r.history[i][agent] = max(r.history[i][agent], n)
		}
	}
}

// catchUp brings to a what it has not seen of the others' history.
func (r *replay) catchUp(a *author, history []int, self int) error {
	var news []int
	for agent, n := range history {
		if agent != self && n > a.has[agent] {
			news = append(news, r.own[agent][a.has[agent]:n]...)
			a.has[agent] = n
		}
	}
	if a.has[self] != history[self] {
		return errors.New("author has forgotten a transaction of its own")
	}
	slices.Sort(news)
	for _, i := range news {
		if err := applyEach(a.doc, r.bytes[i]); err != nil {
			return fmt.Errorf("transaction %d: %w", i, err)
		}
	}
	return nil
}

// wide reports whether code points and UTF-16 units differ anywhere.
func (tr *traceFile) wide() bool {
	astral := func(s string) bool {
		return strings.ContainsFunc(s, func(r rune) bool { return r > 0xffff })
	}
	if astral(tr.StartContent) {
		return true
	}
	return slices.ContainsFunc(tr.Txns, func(t traceTxn) bool {
		return slices.ContainsFunc(t.Patches, func(p patch) bool { return astral(p.Ins) })
	})
}

// unitsAt converts two positions in s, from ≤ to, from code points to UTF-16
// units.
func unitsAt(s string, from, to int) (int, int) {
	units, n, start := 0, 0, 0
	for _, r := range s {
		if n == from {
			start = units
		}
		if n == to {
			return start, units
		}
		units += utf16.RuneLen(r)
		n++
	}
	if n == from {
		start = units
	}
	return start, units
}
