package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// writeGzip stores a trace of our own where the program can read it.
func writeGzip(t *testing.T, name, text string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), name+".json.gz")
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

const (
	sequential = `{"startContent": "Lage 😀", "endContent": "Lage 🚲!",
		"txns": [{"patches": [[5, 1, "🚲x"], [7, 0, "!"]]}, {"patches": [[6, 1, ""]]}]}`
	concurrent = `{"kind": "concurrent", "numAgents": 2, "endContent": "<ab>", "txns": [
		{"agent": 0, "parents": [], "patches": [[0, 0, "ab"]]},
		{"agent": 1, "parents": [0], "patches": [[2, 0, ">"]]},
		{"agent": 0, "parents": [0], "patches": [[0, 0, "<"]]},
		{"agent": 1, "parents": [1, 2], "patches": [[4, 0, ""]]}]}`
)

func TestTraceReplaysBothKinds(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	err := run([]string{"trace", writeGzip(t, "eins", sequential), writeGzip(t, "zwei", concurrent)}, &out)
	if err != nil {
		t.Fatal(err)
	}
	lines := json.NewDecoder(&out)
	for _, want := range []struct {
		name             string
		patches, updates int
	}{{"eins", 3, 4}, {"zwei", 4, 4}} {
		var got map[string]any
		if err := lines.Decode(&got); err != nil {
			t.Fatal(err)
		}
		if got["trace"] != want.name || got["match"] != true || got["patches"] != float64(want.patches) || got["updates"] != float64(want.updates) {
			t.Errorf("line %v, want %+v", got, want)
		}
		for _, key := range []string{"us_per_update", "heap_bytes", "encoded_bytes", "sha256"} {
			if _, ok := got[key]; !ok {
				t.Errorf("key %s is missing in %v", key, got)
			}
		}
		if len(got) != 8 {
			t.Errorf("%d keys in %v", len(got), got)
		}
	}
}

func TestTraceReportsAnotherEndText(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	file := writeGzip(t, "falsch", strings.Replace(concurrent, `"<ab>"`, `"<ba>"`, 1))
	if err := run([]string{"trace", file}, &out); err != nil {
		t.Fatal("the run itself worked, so it is no error:", err)
	}
	if !strings.Contains(out.String(), `"match":false`) {
		t.Errorf("output %s", out.String())
	}
}

func TestRunsThatCannotWorkFail(t *testing.T) {
	t.Parallel()
	cases := map[string][]string{
		"no command":      nil,
		"unknown command": {"nichts"},
		"no file":         {"trace"},
		"absent file":     {"trace", filepath.Join(t.TempDir(), "fehlt.json.gz")},
		"no trace":        {"trace", writeGzip(t, "kaputt", `{"txns": 3}`)},
		"parent is later": {"trace", writeGzip(t, "zyklus", strings.Replace(concurrent, "[1, 2]", "[1, 3]", 1))},
		"outside":         {"trace", writeGzip(t, "weit", strings.Replace(concurrent, `[2, 0, ">"]`, `[9, 0, ">"]`, 1))},
		"forgotten":       {"trace", writeGzip(t, "lose", strings.Replace(concurrent, `"parents": [1, 2]`, `"parents": [2]`, 1))},
	}
	for name, args := range cases {
		var out bytes.Buffer
		if err := run(args, &out); err == nil {
			t.Errorf("%s: no error, output %s", name, out.String())
		}
	}
}
