package icf

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestNotationIsReadAndWrittenBack(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"d850": "d850", " D850.3 ": "d850.3", "d850.34": "d850.34", "b130.2": "b130.2", "s730.812": "s730.812",
		"e310.3": "e310.3", "e310+2": "e310+2", "e310+8": "e310+8", "b28013.4": "b28013.4", "d4500.0": "d4500.0", "b130.8": "b130.8", "b130.9": "b130.9",
	} {
		f, err := Parse(in)
		if err != nil || f.String() != want {
			t.Errorf("%q is read as %q, %v", in, f, err)
		}
	}
	for _, in := range []string{
		"", "d", "d8", "d85", "b999", "d050", "a130", "e610", "d850.", "d850.5", "d850.345", "b130.22", "b130+2", "d850+1", "e310+", "e310.22",
		"e310+22", "s730.8123", "d850.x", "d123456", "b130.-1", "F33.1", "d８50",
	} {
		if f, err := Parse(in); err == nil {
			t.Errorf("%q is read as %q", in, f)
		} else if !errors.Is(err, ErrCode) && !errors.Is(err, ErrQualifier) {
			t.Errorf("%q: %v", in, err)
		}
	}
}

func TestQualifiersBelongToTheirComponent(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		code        Code
		name, wrong string
		q           Qualifier
	}{
		{"b130", "extent", "", 4}, {"b130", "performance", "performance", 1}, {"b130", "extent", "extent", 7},
		{"d850", "capacity", "", 0}, {"d850", "extent", "extent", 0}, {"d850", "barrier", "barrier", 1},
		{"s730", "nature", "", 7}, {"s730", "location", "", 5}, {"s730", "nature", "nature", 10},
		{"e310", "facilitator", "", 4}, {"e310", "capacity", "capacity", 4}, {"e310", "barrier", "barrier", -2},
	} {
		f := Blank(c.code)
		f.Set(c.name, c.q)
		err := f.Validate()
		var of *FieldError
		if errors.As(err, &of); (err == nil) != (c.wrong == "") || of != nil && of.Field != c.wrong {
			t.Errorf("%s %s %d: %v", c.code, c.name, c.q, err)
		}
	}
	both := Blank("e310")
	both.Barrier, both.Facilitator = 1, 1
	if both.Validate() == nil {
		t.Error("a barrier and a facilitator at once")
	}
}

func TestBiggestGapComesFirst(t *testing.T) {
	t.Parallel()
	var found []Finding
	for _, s := range []string{"b130.4", "d155.11", "d850.41", "d720.31", "e310+3", "d240.8", "d230.13"} {
		f, err := Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, f)
	}
	slices.SortFunc(found, Compare)
	if got, want := fmt.Sprint(found), "[d850.41 d720.31 d155.11 d230.13 b130.4 d240.8 e310+3]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestBuiltInListsHaveLabels(t *testing.T) {
	t.Parallel()
	labels := Labels()
	for _, list := range [][]Code{Brief(), Working(), Generic()} {
		for _, c := range list {
			if labels[c].Label == "" || labels[c].Plain == "" {
				t.Errorf("%s has no label", c)
			}
		}
	}
	if len(Brief()) != 13 || len(Generic()) != 7 || len(slices.Compact(slices.Sorted(slices.Values(Working())))) != len(Working()) {
		t.Errorf("%d, %d, %d categories", len(Brief()), len(Generic()), len(Working()))
	}
	for c := range labels {
		if _, err := ParseCode(string(c)); err != nil {
			t.Errorf("%s: %v", c, err)
		}
	}
	if len(Capacities()) != 13 {
		t.Errorf("%d capacities", len(Capacities()))
	}
}

func TestScoresAreThoseOfTheirInstruments(t *testing.T) {
	t.Parallel()
	if n, err := WHODAS12([12]int{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 5}); n != 16 || err != nil {
		t.Error(n, err)
	}
	if _, err := WHODAS12([12]int{1}); err == nil {
		t.Error("eleven answers are missing")
	}
	for index, want := range map[int]string{7: "poor", 27: "poor", 28: "moderate", 36: "moderate", 37: "good", 43: "good", 44: "excellent", 49: "excellent", 6: "", 50: ""} {
		if got, err := WorkAbilityBand(index); got != want || (err == nil) != (want != "") {
			t.Errorf("%d: %q, %v", index, got, err)
		}
	}
	best := WorkAbility{10, 5, 5, Mixed, 0, 6, 0, 7, [3]int{4, 4, 4}}
	worst := WorkAbility{0, 1, 1, Physical, 9, 1, 200, 1, [3]int{}}
	middle := WorkAbility{6, 2, 4, Mental, 1, 4, 12, 4, [3]int{2, 2, 3}}
	for want, w := range map[int]WorkAbility{49: best, 7: worst, 32: middle} {
		if got, err := w.Score(); got != want || err != nil {
			t.Errorf("%d, %v, want %d", got, err, want)
		}
	}
	for _, w := range []WorkAbility{{}, {Current: 11}, func() WorkAbility { w := best; w.Prognosis = 5; return w }(), func() WorkAbility { w := best; w.Job = ""; return w }()} {
		if _, err := w.Score(); err == nil {
			t.Errorf("%+v is scored", w)
		}
	}
}

const sample = `<?xml version="1.0" encoding="UTF-8"?>
<ClaML version="2.0.0"><Title name="ICF" date="2022-01-01" version="2022">Muster</Title>
<Class code="d8" kind="chapter"><Rubric kind="preferred"><Label xml:lang="de">Kapitel</Label></Rubric></Class>
<Class code="d850" kind="category"><Meta name="x" value="y"/><SuperClass code="d8"/>
<Rubric kind="preferred"><Label xml:lang="en">Paid work</Label><Label xml:lang="de">Bezahlte
 Arbeit</Label></Rubric><Rubric kind="definition"><Label>lang</Label></Rubric></Class>
<Class code="b130" kind="category"><Rubric kind="preferred"><Label>Antrieb</Label></Rubric></Class></ClaML>`

func TestOfficialFileIsReadAndAnythingElseRefused(t *testing.T) {
	t.Parallel()
	edition, entries, err := ReadClaML(strings.NewReader(sample))
	if err != nil || edition != "2022" || !slices.Equal(entries, []Entry{{"d850", "Bezahlte Arbeit"}, {"b130", "Antrieb"}}) {
		t.Errorf("%s %v %v", edition, entries, err)
	}
	for _, bad := range []string{
		"", "x", "<ClaML/>", sample[:400], strings.Replace(sample, `version="2022"`, "", 1), strings.Replace(sample, ">Antrieb<", "><", 1),
		strings.Replace(sample, ">Antrieb<", ">"+strings.Repeat("x", 600)+"<", 1), `<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><ClaML>&x;</ClaML>`,
	} {
		if _, _, err := ReadClaML(strings.NewReader(bad)); !errors.Is(err, ErrFile) {
			t.Errorf("%.60q: %v", bad, err)
		}
	}
}

func FuzzParseReadsWhatItWrites(f *testing.F) {
	for _, s := range []string{"d850.34", "e310+2", "s730.812", "b130"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		one, err := Parse(s)
		if err != nil {
			return
		}
		if again, err := Parse(one.String()); err != nil || again != one {
			t.Errorf("%q: %q, then %q, %v", s, one, again, err)
		}
	})
}
