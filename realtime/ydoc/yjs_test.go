package ydoc

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/konsil-server/konsil/web/checkout"
)

// yjs is a node process with real Yjs documents, see testdata/yjs.mjs.
type yjs struct {
	t   testing.TB
	in  *json.Encoder
	out *json.Decoder
}

type command map[string]any

// reading is what a Yjs document says of itself.
type reading struct {
	Texts map[string]string
	Lens  map[string]int
	JSON  string // all content but the formatting of texts

	// Formatting, as far as it can be compared: a Yjs replica tidies it up
	// after each transaction from outside, by deletions of its own.
	Formatted string

	Vector  []byte
	State   []byte
	Pending bool
}

// startYjs starts node, or skips the test if node or yjs is not installed.
func startYjs(t testing.TB) *yjs {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("SKIPPED: no node on the path, nothing compared with real Yjs")
	}
	modules := findModules()
	if modules == "" && checkout.Prepare(t.Context(), func(line string) { t.Log(line) }) == nil {
		modules = findModules()
	}
	if modules == "" {
		t.Skip("SKIPPED: yjs is not installed (npm ci in web/, or KONSIL_NODE_MODULES), nothing compared with real Yjs")
	}
	cmd := exec.Command(node, filepath.Join("testdata", "yjs.mjs"), modules)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Error("node:", err)
		}
	})
	return &yjs{t, json.NewEncoder(in), json.NewDecoder(bufio.NewReaderSize(out, 1<<16))}
}

// findModules returns the node_modules directory that holds yjs.
func findModules() string {
	has := func(dir string) bool {
		_, err := os.Stat(filepath.Join(dir, "yjs", "package.json"))
		return err == nil
	}
	if dir := os.Getenv("KONSIL_NODE_MODULES"); dir != "" && has(dir) {
		return dir
	}
	dir, err := os.Getwd()
	for err == nil {
		if m := filepath.Join(dir, "web", "node_modules"); has(m) {
			return m
		}
		if filepath.Dir(dir) == dir {
			break
		}
		dir = filepath.Dir(dir)
	}
	return ""
}

// run has the commands executed and returns their results.
func (y *yjs) run(commands ...command) []json.RawMessage {
	y.t.Helper()
	if err := y.in.Encode(commands); err != nil {
		y.t.Fatal("to node:", err)
	}
	var answer json.RawMessage
	if err := y.out.Decode(&answer); err != nil {
		y.t.Fatal("from node:", err)
	}
	var results []json.RawMessage
	if err := json.Unmarshal(answer, &results); err != nil {
		y.t.Fatalf("node: %s", answer)
	}
	return results
}

func (y *yjs) bytes(c command) []byte { return as[[]byte](y.t, y.run(c)[0]) }

// fresh reads a new document made of the given updates.
func (y *yjs) fresh(updates ...[]byte) reading {
	cs := []command{{"do": "open", "doc": "fresh", "gc": true}}
	for _, u := range updates {
		cs = append(cs, command{"do": "apply", "doc": "fresh", "bytes": u})
	}
	rs := y.run(append(cs, read("fresh"))...)
	return as[reading](y.t, rs[len(rs)-1])
}

func as[T any](t testing.TB, raw json.RawMessage) (v T) {
	t.Helper()
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatalf("node answered %s: %v", raw, err)
	}
	return v
}
