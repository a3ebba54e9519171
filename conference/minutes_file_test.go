package conference

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/konsil-server/konsil/expertpool/account"
)

// drafted makes a conference that has ended, with a draft of its minutes.
func (h *house) drafted() string {
	h.t.Helper()
	code, _ := h.convene("Kern", "Reimann")
	h.accept(code, "Kern", "Reimann")
	h.open(code)
	h.must(h.s.End(h.t.Context(), h.coordinator, code))
	h.must(h.s.Minute(h.t.Context(), h.caseworker, code, "„Drei\" Stunden\\Tag <täglich> & mehr,\nab 1. Dezember."))
	return code
}

// approvedFile is the file of minutes that were just approved.
func (h *house) approvedFile() (code string, file []byte) {
	h.t.Helper()
	code = h.drafted()
	h.must(h.s.Approve(h.t.Context(), h.coordinator, code, ""))
	file, err := h.s.MinutesFile(h.t.Context(), h.caseworker, code)
	h.must(err)
	return code, file
}

func TestApprovedMinutesProveThemselvesByTheirFileAlone(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	code, file := h.approvedFile()
	p, err := VerifyMinutes(file)
	h.must(err)
	m, _, err := h.s.Minutes(t.Context(), h.experts["Kern"], code)
	h.must(err)
	if p.Body.Code != code || p.Body.Decisions != m.Body.Decisions || !bytes.Equal(p.SHA256, m.SHA256) || !p.Key.Equal(h.key.Public()) {
		t.Errorf("the file proves %+v, the minutes are %+v", p, m)
	}
	var f map[string]string
	h.must(json.Unmarshal(file, &f))
	if sum := sha256.Sum256([]byte(f["body"])); !bytes.Equal(sum[:], m.SHA256) {
		t.Error("the file's body is not byte for byte what was hashed at the approval")
	}
	signature, err := base64.StdEncoding.DecodeString(f["signature"])
	if err != nil || !ed25519.Verify(h.key.Public(), []byte(f["body"]), signature) {
		t.Errorf("a plain check of the signature with the installation's key fails: %v", err)
	}
	if again, err := h.s.MinutesFile(t.Context(), h.experts["Kern"], code); err != nil || !bytes.Equal(again, file) {
		t.Errorf("another person gets another file: %v", err)
	}
}

func TestEveryFlippedBitOfAFileIsFound(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, file := h.approvedFile()
	for at, was := range file {
		for bit := range 8 {
			changed := bytes.Clone(file)
			changed[at] ^= 1 << bit
			// White space between the values says nothing, so another kind of it changes nothing. There is none in strings.
			harmless := strings.ContainsRune("\t\n\r", rune(was)) && strings.ContainsRune("\t\n\r", rune(changed[at])) && changed[at] < 0x80
			if _, err := VerifyMinutes(changed); (err == nil) != harmless {
				t.Fatalf("byte %d, %q made %q: %v", at, was, changed[at], err)
			}
		}
	}
	for cut := range len(file) - 1 {
		if _, err := VerifyMinutes(file[:cut]); err == nil {
			t.Fatalf("the first %d of %d bytes hold", cut, len(file))
		}
	}
	var tight bytes.Buffer
	h.must(json.Compact(&tight, file))
	if _, err := VerifyMinutes(tight.Bytes()); err != nil {
		t.Errorf("without white space: %v", err)
	}
}

func TestAWrongFileNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, file := h.approvedFile()
	whole := string(file)
	swap := func(from, to string) string {
		t.Helper()
		if strings.Count(whole, from) != 1 {
			t.Fatalf("the file has %q %d times", from, strings.Count(whole, from))
		}
		return strings.Replace(whole, from, to, 1)
	}
	other := sha256.Sum256([]byte("x"))
	var f minutesFile
	h.must(json.Unmarshal(file, &f))
	for name, c := range map[string]struct{ file, says string }{
		"empty":                    {"", "file: not JSON"},
		"a picture of it":          {"%PDF-1.7\n" + whole, "file: not JSON"},
		"something after it":       {whole + whole, "file: not JSON"},
		"too long":                 {whole + strings.Repeat(" ", MaxMinutesFile), "file: longer than 16 MiB"},
		"a list":                   {"[" + whole + "]", "file: json"},
		"null":                     {"null", "format:"},
		"other JSON":               {"{}", "format:"},
		"a later format":           {swap("konsil-minutes-1", "konsil-minutes-2"), `format: "konsil-minutes-2"`},
		"an unknown field":         {swap(`"algorithm"`, `"also": 1, "algorithm"`), `unknown field "also"`},
		"a field twice":            {swap(`"algorithm"`, `"sha256": "`+f.SHA256+`", "algorithm"`), "a field twice"},
		"a field in capitals":      {swap(`"sha256"`, `"SHA256"`), "out of place"},
		"a field missing":          {swap(`"algorithm": "ed25519"`, `"algorithm": ""`), "algorithm:"},
		"another spelling":         {swap(`"ed25519"`, `"\u0065d25519"`), "spelt differently"},
		"another algorithm":        {swap(`"ed25519"`, `"none"`), `algorithm: "none"`},
		"another text":             {swap("ab 1. Dezember", "ab 2. Dezember"), "sha256: "},
		"another hash":             {swap(f.SHA256, hex.EncodeToString(other[:])), "sha256: "},
		"no key":                   {swap(base64.StdEncoding.EncodeToString(f.PublicKey), ""), "public_key: 0 bytes"},
		"no signature":             {swap(base64.StdEncoding.EncodeToString(f.Signature), ""), "signature: "},
		"loose ends of the base64": {swap("=\",\n\t\"algorithm\"", "=\\n\",\n\t\"algorithm\""), "spelt differently"},
	} {
		if _, err := VerifyMinutes([]byte(c.file)); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

func TestASignedTextThatIsNoMinutesDoesNotHold(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, file := h.approvedFile()
	var f minutesFile
	h.must(json.Unmarshal(file, &f))
	p, err := VerifyMinutes(file)
	h.must(err)
	signed := func(body string) error {
		sum := sha256.Sum256([]byte(body))
		raw, err := json.Marshal(minutesFile{minutesFormat, body, hex.EncodeToString(sum[:]), ed25519.Sign(h.key.private, []byte(body)), h.key.Public(), minutesAlgorithm})
		h.must(err)
		_, err = VerifyMinutes(raw)
		return err
	}
	h.must(signed(f.Body))
	for name, body := range map[string]string{
		"prose":                  "Drei Stunden.",
		"a field more":           strings.Replace(f.Body, `{"code"`, `{"also":1,"code"`, 1),
		"a field twice":          strings.Replace(f.Body, `{"code"`, `{"code":"K7-0000-000000","code"`, 1),
		"white space":            strings.Replace(f.Body, `{"code"`, `{ "code"`, 1),
		"two bodies":             f.Body + f.Body,
		"another code":           strings.Replace(f.Body, p.Body.Code, "K7-0000-000001", 1),
		"signs for the terminal": strings.Replace(f.Body, `"code":"K7`, `"code":"\u001b[`, 1),
		"an end before the start": strings.Replace(f.Body, `"ends_at":"`+p.Body.EndsAt.Format("2006"),
			`"ends_at":"1999`, 1),
	} {
		if body == f.Body {
			t.Fatalf("%s: nothing changed", name)
		}
		if err := signed(body); err == nil || !strings.HasPrefix(err.Error(), "body: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheSealCoversTextsPeopleAndTheLog(t *testing.T) {
	t.Parallel()
	h, ctx := newHouse(t), t.Context()
	code, _ := h.convene("Kern", "Reimann")
	h.accept(code, "Kern", "Reimann")
	h.open(code)
	w := h.writers(code)
	w.save(w.edit(h.experts["Kern"], "assessment", 0, 0, "Belastbar am Vormittag 🙂."))
	w.save(w.edit(h.coordinator, "decisions", 0, 0, "Drei Stunden."), w.edit(h.experts["Reimann"], "assessment", 0, 0, "Gut "))
	w.flush()
	h.must(h.s.End(ctx, h.coordinator, code))
	h.must(h.s.Minute(ctx, h.caseworker, code, "Drei Stunden am Tag."))
	h.must(h.s.Approve(ctx, h.coordinator, code, ""))
	file, err := h.s.MinutesFile(ctx, h.caseworker, code)
	h.must(err)
	p, err := VerifyMinutes(file)
	h.must(err)
	seal := p.Body.Seal
	if seal == nil || seal.HeadSeq != 3 || seal.HeadHash != hex.EncodeToString(h.chain(w.note.ID)) || len(seal.Sections) != len(caseSections) {
		t.Fatalf("the seal is %+v", seal)
	}
	if i := slices.Index(caseSections, "decisions"); seal.Sections[i] != (SealedSection{"decisions", textHash("Drei Stunden.")}) {
		t.Error("the decisions as they were noted are not sealed")
	}
	resigned := func(change func(*Body)) error {
		var b Body
		h.must(json.Unmarshal([]byte(h.body(code)), &b))
		change(&b)
		body, err := json.Marshal(b)
		h.must(err)
		sum := sha256.Sum256(body)
		raw, err := json.Marshal(minutesFile{minutesFormat, string(body), hex.EncodeToString(sum[:]), ed25519.Sign(h.key.private, body), h.key.Public(), minutesAlgorithm})
		h.must(err)
		_, err = VerifyMinutes(raw)
		return err
	}
	h.must(resigned(func(*Body) {}))
	h.must(resigned(func(b *Body) { b.Seal = nil })) // as minutes were before
	flip := func(s *string, at int) { b := []byte(*s); b[at] ^= 1; *s = string(b) }
	for name, change := range map[string]func(*Body){
		"a byte of a section":          func(b *Body) { flip(&b.Notes[0].Text, 0) },
		"a section under another name": func(b *Body) { flip(&b.Notes[0].Key, 0) },
		"a section more":               func(b *Body) { b.Notes = append(b.Notes, MinuteNote{"dissent", "Nein."}) },
		"a byte of a name":             func(b *Body) { flip(&b.People[1].Name, 0) },
		"who was there":                func(b *Body) { b.People[1].Attended = !b.People[1].Attended },
		"a person less":                func(b *Body) { b.People = b.People[1:] },
		"the last row":                 func(b *Body) { b.Seal.HeadSeq++ },
		"a byte of the log's hash":     func(b *Body) { flip(&b.Seal.HeadHash, 1) },
		"a log's hash cut short":       func(b *Body) { b.Seal.HeadHash = b.Seal.HeadHash[2:] },
		"no log's hash":                func(b *Body) { b.Seal.HeadHash = "" },
		"a byte of a section's hash":   func(b *Body) { flip(&b.Seal.Sections[2].SHA256, 1) },
		"the hash of an empty section": func(b *Body) { flip(&b.Seal.Sections[3].SHA256, 1) },
		"the sections' order":          func(b *Body) { slices.Reverse(b.Seal.Sections) },
		"a byte of the seal":           func(b *Body) { flip(&b.Seal.SHA256, 1) },
		"nothing but an empty seal":    func(b *Body) { b.Seal = &Seal{} },
	} {
		if err := resigned(change); err == nil || !strings.HasPrefix(err.Error(), "body: seal: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// chain computes the hash of a note's last row from the rows themselves.
func (h *house) chain(note int64) (hash []byte) {
	h.t.Helper()
	tx, err := h.db.Begin(h.t.Context())
	h.must(err)
	defer tx.Rollback(h.t.Context())
	rows, err := noteRows(h.t.Context(), tx, note, 0)
	h.must(err)
	for _, r := range rows {
		r.At = r.At.UTC()
		hash = rowHash(hash, note, r)
	}
	return hash
}

// body is the canonical text of approved minutes.
func (h *house) body(code string) string {
	h.t.Helper()
	return get[string](h, `select m.body::text from minutes m join conference c on c.id = m.conference_id where c.code = '`+code+`'`)
}

func TestDraftsAndMinutesFromBeforeSigningHaveNoFile(t *testing.T) {
	t.Parallel()
	h, ctx := newHouse(t), t.Context()
	code := h.drafted()
	seen := func() int { return get[int](h, `select count(*) from audit.entry where action = 'view_minutes'`) }
	if file, err := h.s.MinutesFile(ctx, h.coordinator, code); !errors.Is(err, account.ErrNotFound) || file != nil {
		t.Errorf("a draft has a file of %d bytes: %v", len(file), err)
	}
	if n := seen(); n != 0 {
		t.Errorf("%d looks at what was not shown are on record", n)
	}
	if _, err := h.db.Exec(ctx, `update minutes set signature = $1, signed_by = $2`, make([]byte, 64), make([]byte, 32)); err == nil {
		t.Error("the database let a draft be signed")
	}
	h.must(h.s.Approve(ctx, h.coordinator, code, ""))
	if _, err := h.db.Exec(ctx, `update minutes set signature = null, signed_by = null`); err == nil {
		t.Error("the database let a signature be taken away")
	}
	if _, err := h.s.MinutesFile(ctx, h.coordinator, code); err != nil || seen() != 1 {
		t.Errorf("%v, %d looks on record", err, seen())
	}
	h.exec(`alter table minutes disable trigger minutes_stay`)
	h.exec(`update minutes set signature = null, signed_by = null`)
	if _, err := h.s.MinutesFile(ctx, h.coordinator, code); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("minutes without a signature have a file: %v", err)
	}
	if m, _, err := h.s.Minutes(ctx, h.coordinator, code); err != nil || m.Signed() || m.Body.Decisions == "" || len(m.SHA256) != 32 {
		t.Errorf("they cannot be read any more: %+v, %v", m, err)
	}
}

func TestTheMinutesKeyIsMadeOnceAndRefusedWhenOthersCanReadIt(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "keys")
	made, err := LoadMinutesKey(dir)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := LoadMinutesKey(dir); err != nil || !again.Public().Equal(made.Public()) {
		t.Errorf("the second start has another key: %v", err)
	}
	if other, err := LoadMinutesKey(t.TempDir()); err != nil || other.Public().Equal(made.Public()) {
		t.Errorf("another installation has the same key: %v", err)
	}
	if err := os.Chmod(filepath.Join(dir, "minutes.key"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadMinutesKey(dir); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a key that everybody can read: %v", err)
	}
}
