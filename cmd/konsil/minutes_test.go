//go:build linux

package main

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/konsil-server/konsil/conference"
)

// said runs a command as main does and returns what it printed.
func said(t *testing.T, words ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := run(t.Context(), words, &out)
	return out.String(), err
}

// approved walks the conference of the rehearsal to its approved minutes and returns its code and their file.
func (h *house) approved() (code string, file []byte) {
	h.t.Helper()
	ctx := h.t.Context()
	must := func(err error) {
		h.t.Helper()
		if err != nil {
			h.t.Fatal(err)
		}
	}
	by, err := h.actor(ctx, one[string](h, `select a.name from conference c join account a on a.id = c.moderator_id`))
	must(err)
	code = one[string](h, `select code from conference`)
	v, err := h.conferences.ByCode(ctx, by, code)
	must(err)
	h.turnTo(v.StartsAt)
	must(h.conferences.Open(ctx, by, code))
	must(h.conferences.End(ctx, by, code))
	must(h.conferences.Minute(ctx, by, code, "Drei Vormittage in der Woche."))
	must(h.conferences.Approve(ctx, by, code, ""))
	file, err = h.conferences.MinutesFile(ctx, by, code)
	must(err)
	return code, file
}

func TestAFileOfMinutesIsVerifiedWithNothingButTheFile(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	code, file := h.approved()
	dir := t.TempDir()
	put := func(name, text string) string {
		t.Helper()
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	keyOf := func(dir string) string {
		t.Helper()
		key, err := conference.LoadMinutesKey(dir)
		if err != nil {
			t.Fatal(err)
		}
		return hex.EncodeToString(key.Public())
	}
	own, other := keyOf(h.keys()), keyOf(t.TempDir())
	good, ownFile := put("good.json", string(file)), put("own.key", own+"\n")
	changed := put("changed.json", strings.Replace(string(file), "Drei Vormittage", "Vier Vormittage", 1))
	for name, c := range map[string]struct {
		words string
		holds bool
		says  string
	}{
		"as handed out":             {good, true, "conference " + code + " of "},
		"with its notes":            {good, true, "seal of their notes up to row 0 "},
		"no key asked":              {good, true, "signed by key " + own + ", whose key that is was not asked"},
		"our key":                   {"-key " + own + " " + good, true, "which is the expected one"},
		"our key after the file":    {good + " -key " + own, true, "which is the expected one"},
		"our key in a file":         {"-key " + ownFile + " " + good, true, "which is the expected one"},
		"another house's key":       {"-key " + other + " " + good, false, "public_key: signed by " + own + ", expected was " + other},
		"a key that is none":        {"-key " + own[:60] + " " + good, false, "neither a public key nor a file"},
		"an empty key":              {"-key= " + good, false, "neither a public key nor a file"},
		"a key file that is none":   {"-key " + good + " " + good, false, "64 hexadecimal digits"},
		"a changed decision":        {changed, false, "sha256: "},
		"changed, and with a key":   {"-key " + own + " " + changed, false, "sha256: "},
		"a key in the file's place": {ownFile, false, "file: "},
		"no file":                   {"", false, "usage: "},
		"two files":                 {good + " " + changed, false, "usage: "},
		"a file that is not there":  {filepath.Join(dir, "none.json"), false, "none.json"},
	} {
		out, err := said(t, append([]string{"minutes", "verify"}, strings.Fields(c.words)...)...)
		if c.holds {
			if err != nil || !strings.HasPrefix(out, "minutes hold: ") || !strings.Contains(out, c.says) || strings.Count(out, "\n") != 1 {
				t.Errorf("%s: %v\n%s", name, err, out)
			}
		} else if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(out, "minutes hold") {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

// Not parallel: it sets what the environment says.
func TestTheMinutesKeyIsSaidAndVerifyingNeedsNoSettings(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	t.Setenv("KONSIL_DATA", data)
	first, err := said(t, "minutes", "key")
	if err != nil {
		t.Fatal(err)
	}
	key, err := conference.LoadMinutesKey(filepath.Join(data, "keys"))
	if err != nil || first != hex.EncodeToString(key.Public())+"\n" {
		t.Errorf("said %q, %v", first, err)
	}
	if second, err := said(t, "minutes", "key"); err != nil || second != first {
		t.Errorf("then %q, %v", second, err)
	}
	if _, err := said(t, "minutes", "key", "what"); err == nil {
		t.Error("words too many are taken")
	}
	t.Setenv("KONSIL_NOTHING", "x")
	if _, err := said(t, "minutes", "key"); err == nil || !strings.Contains(err.Error(), "KONSIL_NOTHING") {
		t.Errorf("the key of wrong settings: %v", err)
	}
	if _, err := said(t, "minutes", "verify", filepath.Join(data, "keys", "minutes.key")); err == nil || !strings.Contains(err.Error(), "minutes do not hold: file: ") {
		t.Errorf("verify: %v", err)
	}
}
