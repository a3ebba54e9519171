package exchange

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/text/encoding/charmap"
	"pgregory.net/rapid"

	"github.com/konsil-server/konsil/expertpool"
)

var words = Words{
	"discipline.psychiatry": "Psychiatrie", "discipline.orthopaedics": "Orthopädie", "profession.physician": "Medizin (ärztlich)",
	"specialties.psychiatry": "Psychiatrie und Psychotherapie", "languages.de": "Deutsch", "languages.tr": "Türkisch", "modes.video": "Video",
	"modes.on_site": "vor Ort",
}

// someone draws an expert as the directory keeps her.
func someone(t *rapid.T, n int) Row {
	text := func(name string) string {
		s := rapid.StringMatching(`[A-Za-zÄÖÜäöüß=+@'\-;,"\\ ]{0,20}`).Draw(t, name)
		return strings.TrimSpace(strings.Join(strings.Fields(s), " "))
	}
	specialties := expertpool.Specialties()
	r := Row{Name: oneLine("Dr. " + text("name") + " Kern"), Profile: expertpool.Profile{
		Discipline: rapid.SampledFrom(expertpool.Disciplines).Draw(t, "discipline"), Profession: "physician", Specialty: text("specialty"),
		Specialties: []string{rapid.SampledFrom(specialties).Draw(t, "s").Code}, Place: text("place"), Postcode: rapid.SampledFrom([]string{"", "37154", "01067"}).Draw(t, "plz"),
		Languages: []string{"de", "tr"}, Modes: []string{"video", "on_site"}, TravelKM: rapid.IntRange(0, 1000).Draw(t, "km"), LANR: rapid.SampledFrom([]string{"", "123456601"}).Draw(t, "lanr"),
		HoursPerMonth: rapid.IntRange(0, 200).Draw(t, "hours"), MaxCases: rapid.IntRange(0, 1000).Draw(t, "cases"), Accessibility: text("access"),
	}}
	if rapid.Bool().Draw(t, "reachable") {
		r.Email = "p" + string(rune('a'+n)) + "@praxis.example"
	}
	for range rapid.IntRange(0, 3).Draw(t, "topics") {
		if s := strings.Trim(strings.Map(func(c rune) rune {
			if strings.ContainsRune(";,|", c) {
				return -1
			}
			return c
		}, text("topic")), " "); s != "" {
			r.Topics = append(r.Topics, s)
		}
	}
	r.check()
	return r
}

func several(t *rapid.T) []Row {
	rows := make([]Row, rapid.IntRange(1, 4).Draw(t, "n"))
	for i := range rows {
		rows[i] = someone(t, i)
	}
	return rows
}

// same compares what is read with what was written, but for the numbers of rows.
func same(t *rapid.T, how string, want, got []Row) {
	if len(want) != len(got) {
		t.Fatalf("%s: %d rows, not %d", how, len(got), len(want))
	}
	for i := range want {
		got[i].Number = 0
		a, _ := json.Marshal(want[i])
		b, _ := json.Marshal(got[i])
		if !bytes.Equal(a, b) {
			t.Fatalf("%s: row %d\nwas %s\nis  %s", how, i, a, b)
		}
	}
}

func TestWhatIsWrittenReadsBackAsItWas(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rows := several(t)
		var b bytes.Buffer
		if err := WriteCSV(&b, rows, words); err != nil {
			t.Fatal(err)
		}
		table, err := ReadTable(b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		got, err := table.Rows(table.Guess(), words)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "csv", rows, got)

		b.Reset()
		if err := WriteVCards(&b, rows); err != nil {
			t.Fatal(err)
		}
		if got, err = ReadVCards(b.Bytes(), "", nil); err != nil {
			t.Fatal(err)
		}
		same(t, "vcard", rows, got)

		b.Reset()
		ids := make([]string, len(rows))
		for i := range ids {
			ids[i] = uuid.NewString()
		}
		if err := WriteFHIR(&b, rows, ids); err != nil {
			t.Fatal(err)
		}
		if got, err = ReadFHIR(b.Bytes(), ""); err != nil {
			t.Fatal(err)
		}
		for i := range got {
			got[i].Number = 0
		}
		same(t, "fhir", rows, got)
	})
}

func TestATableIsReadAsSpreadsheetsWriteIt(t *testing.T) {
	t.Parallel()
	german := "Name;E-Mail-Adresse;Fachgebiet;Postleitzahl;Sprachen;Bemerkung\r\nDr. Jörg Weiß;JW@praxis.example;Orthopädie;37154;Deutsch, Türkisch;x\r\n\r\n"
	latin, err := charmap.Windows1252.NewEncoder().String(german)
	if err != nil {
		t.Fatal(err)
	}
	for name, raw := range map[string]string{
		"utf-8": german, "utf-8 with a mark": "\uFEFF" + german, "windows-1252": latin, "commas and quotes": strings.ReplaceAll(strings.ReplaceAll(german, "Deutsch, Türkisch", "Deutsch|Türkisch"), ";", ","),
		"tabs": strings.ReplaceAll(german, ";", "\t"),
	} {
		table, err := ReadTable([]byte(raw))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if want := []string{"name", "email", "discipline", "postcode", "languages", ""}; !slices.Equal(table.Guess(), want) {
			t.Errorf("%s: guessed %q", name, table.Guess())
		}
		rows, err := table.Rows(table.Guess(), words)
		if err != nil || len(rows) != 1 {
			t.Errorf("%s: %d rows, %v", name, len(rows), err)
			continue
		}
		r := rows[0]
		if r.Name != "Dr. Jörg Weiß" || r.Email != "jw@praxis.example" || r.Discipline != "orthopaedics" || !slices.Equal(r.Languages, []string{"de", "tr"}) || r.Number != 2 || len(r.Wrong) != 0 {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestARowThatIsWrongSaysWhereAndComesBackToBeMended(t *testing.T) {
	t.Parallel()
	table, err := ReadTable([]byte("name;email;discipline;postcode;hours_per_month\nA;a@x.example;Psychiatrie;37154;2\nB;b at x;Alchemie;3715;viel\nC;a@x.example;Psychiatrie;37154;2\nD;d@x.example;Psychiatrie\n=cmd|x;e@x.example;Psychiatrie;37154;1\n"))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := table.Rows(table.Guess(), words)
	if err != nil {
		t.Fatal(err)
	}
	want := [][]Wrong{nil, {{"hours_per_month", "number"}, {"email", "address"}, {"discipline", "unknown"}}, {{"email", "twice"}}, {{"row", "columns"}}, nil}
	for i, r := range rows {
		if !reflect.DeepEqual(r.Wrong, want[i]) {
			t.Errorf("row %d: %v, not %v", i, r.Wrong, want[i])
		}
	}
	var b bytes.Buffer
	if err := table.WriteWrong(&b, rows, func(w Wrong) string { return w.Field + ": " + w.Rule + "." }); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\r\n")
	if len(lines) != 4 || !strings.HasSuffix(lines[0], ";Fehler") || !strings.HasPrefix(lines[1], "B;b at x;Alchemie;3715;viel;hours_per_month: number.") {
		t.Errorf("given back:\n%s", b.String())
	}
}

func TestWhatIsGuardedAlreadyIsNotGuardedTwiceWhenItComesBackToBeMended(t *testing.T) {
	t.Parallel()
	table, err := ReadTable([]byte("Name;Fachrichtung\n'=cmd;Alchemie\n"))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := table.Rows(table.Guess(), words)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := table.WriteWrong(&b, rows, func(w Wrong) string { return w.Rule }); err != nil || !strings.Contains(b.String(), "\r\n'=cmd;Alchemie;unknown\r\n") {
		t.Errorf("given back: %q, %v", b.String(), err)
	}
	b.Reset()
	if err := WriteWrong(&b, rows, words, func(w Wrong) string { return w.Rule }); err != nil || !strings.Contains(b.String(), "\r\n'=cmd;;Alchemie;") || !strings.HasSuffix(b.String(), ";unknown\r\n") {
		t.Errorf("given back as a table: %q, %v", b.String(), err)
	}
}

func TestNoCellBecomesAFormula(t *testing.T) {
	t.Parallel()
	for _, evil := range []string{`=HYPERLINK("http://x")`, "+49 30", "-1+1", "@SUM(A1)", "'=1", "''=1"} {
		var b bytes.Buffer
		r := Row{Name: evil, Profile: expertpool.Profile{Discipline: "psychiatry"}}
		if err := WriteCSV(&b, []Row{r}, words); err != nil {
			t.Fatal(err)
		}
		line := strings.Split(b.String(), "\r\n")[1]
		if cell := strings.Trim(line, `"`); strings.ContainsRune(formula, rune(cell[0])) {
			t.Errorf("%q is written as %q", evil, line)
		}
		if got := unguard(guard(evil)); got != evil {
			t.Errorf("%q comes back as %q", evil, got)
		}
	}
	if guard("O'Neill") != "O'Neill" || unguard("'n Abend") != "'n Abend" {
		t.Error("an honest apostrophe is touched")
	}
}

func TestATableGuardsEveryCellAndNothingElse(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"": "", "Müller": "Müller", "=1+1": "'=1+1", "+49": "'+49", "-2": "'-2", "@x": "'@x", "\tx": "'\tx", "a=b": "a=b", "'x": "'x",
	} {
		var b bytes.Buffer
		if err := WriteTable(&b, []string{"Kopf"}, [][]string{{in}}); err != nil {
			t.Fatal(err)
		}
		if got := b.String(); got != "\uFEFFKopf\r\n"+want+"\r\n" {
			t.Errorf("%q is written as %q, want %q", in, got, want)
		}
	}
}

func TestABundleOfTheDirectoryIsUnderstood(t *testing.T) {
	t.Parallel()
	raw := `{"resourceType":"Bundle","type":"searchset","total":1,"entry":[
	 {"fullUrl":"https://directory.example/Practitioner/1","resource":{"resourceType":"Practitioner","id":"1","meta":{"tag":[{"code":"ldap"}]},
	  "identifier":[{"system":"https://gematik.de/fhir/sid/telematik-id","value":"1-2"},{"system":"https://fhir.kbv.de/NamingSystem/KBV_NS_Base_ANR","value":"123456601"}],
	  "name":[{"use":"official","family":"Weiß","given":["Jörg","Maria"],"prefix":["Dr. med."]}],"address":[{"city":"Northeim","postalCode":"37154","line":["Am Markt 1"]}],
	  "communication":[{"coding":[{"system":"urn:ietf:bcp:47","code":"tr-TR"}]}],
	  "qualification":[{"code":{"coding":[{"system":"https://gematik.de/fhir/directory/CodeSystem/PractitionerProfessionOID","code":"1.2.276.0.76.4.30"}]}}]}},
	 {"resource":{"resourceType":"Location","id":"9"}},
	 {"resource":{"resourceType":"PractitionerRole","practitioner":{"reference":"Practitioner/1"},"telecom":[{"system":"email","value":"Weiss@kim.example"}],
	  "specialty":[{"coding":[{"system":"urn:oid:1.3.6.1.4.1.19376.3.276.1.5.4","code":"PSYC"}]}]}}]}`
	rows, err := ReadFHIR([]byte(raw), "")
	if err != nil || len(rows) != 1 {
		t.Fatalf("%+v, %v", rows, err)
	}
	r := rows[0]
	if r.Name != "Dr. med. Jörg Maria Weiß" || r.Email != "weiss@kim.example" || r.Profession != "physician" || r.Discipline != "psychiatry" || r.LANR != "123456601" ||
		r.Postcode != "37154" || !slices.Equal(r.Languages, []string{"tr"}) || !slices.Equal(r.Specialties, []string{"psychiatry"}) || len(r.Wrong) != 0 {
		t.Errorf("%+v", r)
	}
}

func TestAFileThatIsNoneSaysWhy(t *testing.T) {
	t.Parallel()
	large := bytes.Repeat([]byte("x"), MaxBytes+1)
	for name, c := range map[string]struct {
		read func() error
		rule string
	}{
		"large table":   {func() error { _, err := ReadTable(large); return err }, "too_large"},
		"no line":       {func() error { _, err := ReadTable([]byte("name;discipline\n")); return err }, "empty"},
		"open quote":    {func() error { _, err := ReadTable([]byte("name;x\n\"a;b\nc;d\n")); return err }, "structure"},
		"sixteen bits":  {func() error { _, err := ReadTable([]byte("\xff\xfen\x00a\x00")); return err }, "encoding"},
		"too many rows": {func() error { _, err := ReadTable([]byte("name;x\n" + strings.Repeat("a;b\n", MaxRows+1))); return err }, "too_many"},
		"no card":       {func() error { _, err := ReadVCards([]byte("hello"), "", nil); return err }, "empty"},
		"a portrait": {func() error {
			_, err := ReadVCards([]byte("BEGIN:VCARD\r\nPHOTO:"+strings.Repeat("x", 2<<20)), "", nil)
			return err
		}, "too_large"},
		"no bundle":          {func() error { _, err := ReadFHIR([]byte(`{"resourceType":"Patient"}`), ""); return err }, "structure"},
		"a bundle of nobody": {func() error { _, err := ReadFHIR([]byte(`{"resourceType":"Bundle","entry":[]}`), ""); return err }, "empty"},
	} {
		var file *FileError
		if err := c.read(); !errors.As(err, &file) || file.Rule != c.rule {
			t.Errorf("%s: %v, not %s", name, err, c.rule)
		}
	}
}

func FuzzReaders(f *testing.F) {
	f.Add([]byte("name;discipline\nA;psychiatry\n"))
	f.Add([]byte("BEGIN:VCARD\r\nVERSION:4.0\r\nFN:A\r\nEND:VCARD\r\n"))
	f.Add([]byte(`{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Practitioner","name":[{}]}}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if table, err := ReadTable(raw); err == nil {
			_, _ = table.Rows(table.Guess(), words)
		}
		_, _ = ReadVCards(raw, "psychiatry", words)
		_, _ = ReadFHIR(raw, "psychiatry")
	})
}
