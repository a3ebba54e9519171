package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// marked is a file with one document of a person and one of nobody.
func marked(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notes.jsonl")
	text := `{"id":"a","text":"Für lüwi 😀 kommt Herr Kessemeier am 3.4.2027.","entities":[{"start":4,"end":8,"type":"PER","ref":"subject"},{"start":22,"end":32,"type":"PER"}],"vault":{"given":"Lüwi","family":"Tunçalp"}}
{"id":"b","text":"Nichts.","entities":[]}
`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func guardLines(t *testing.T, args ...string) []map[string]any {
	t.Helper()
	var out bytes.Buffer
	if err := run(append([]string{"guard"}, args...), &out); err != nil {
		t.Fatal(err)
	}
	var all []map[string]any
	for lines := bufio.NewScanner(&out); lines.Scan(); {
		line := map[string]any{}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		all = append(all, line)
	}
	return all
}

func TestGuardPrintsALineForEachClassAndOneForAll(t *testing.T) {
	t.Parallel()
	path := marked(t)
	for _, c := range []struct {
		args    []string
		covered float64
	}{{[]string{path}, 2}, {[]string{"-no-vault", path}, 1}} {
		all := guardLines(t, c.args...)
		if row := all[0]; row["class"] != "PER" || row["gold"] != 2.0 || row["covered"] != c.covered || row["recall"] != c.covered/2 {
			t.Errorf("%v: %v", c.args, row)
		}
		last := all[len(all)-1]
		if last["precision"] == nil || last["bytes_per_second"].(float64) <= 0 || len(last) != 2 {
			t.Errorf("%v: the last line is %v", c.args, last)
		}
	}
}

func TestGuardSpansCountCodePoints(t *testing.T) {
	t.Parallel()
	all := guardLines(t, "-spans", marked(t))
	if len(all) != 2 || all[0]["id"] != "a" || len(all[1]["findings"].([]any)) != 0 {
		t.Fatalf("%v", all)
	}
	first := all[0]["findings"].([]any)[0].(map[string]any)
	second := all[0]["findings"].([]any)[1].(map[string]any)
	if first["start"] != 4.0 || first["end"] != 8.0 || first["confidence"] != "high" || second["start"] != 22.0 || second["end"] != 32.0 || second["class"] != "person" {
		t.Errorf("%v, %v", first, second)
	}
}
