package expertpool

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/konsil-server/konsil/expertpool/account"
)

func fullProfile() Profile {
	return Profile{
		Discipline: "psychiatry", Profession: "physician", Specialties: []string{"addiction_medicine", "psychiatry"}, Specialty: "Angst",
		Topics: []string{"Angst", "Panik"}, Languages: []string{"tr", "de"}, Place: "Auenstadt", Postcode: "37154", TravelKM: 30,
		Modes: []string{"written", "video"}, LANR: "123456601", BSNR: "171234500", HoursPerMonth: 2, MaxCases: 5,
	}
}

func TestAProfileIsBroughtIntoShape(t *testing.T) {
	t.Parallel()
	p := fullProfile()
	p.Topics = []string{"  Angst ", "angst", "", "Panik  im   Raum"}
	p.Languages = []string{"tr", "de", "tr", ""}
	p.Postcode = " 37 154"
	if err := p.Check(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, got, want string }{
		{"topics", strings.Join(p.Topics, "|"), "Angst|Panik im Raum"},
		{"languages", strings.Join(p.Languages, "|"), "de|tr"},
		{"specialties", strings.Join(p.Specialties, "|"), "psychiatry|addiction_medicine"},
		{"modes", strings.Join(p.Modes, "|"), "video|written"},
		{"postcode", p.Postcode, "37154"},
	} {
		if c.got != c.want {
			t.Errorf("%s are %q, not %q", c.name, c.got, c.want)
		}
	}
}

func TestAProfileNamesTheFieldAndTheRuleItBreaks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		field, rule string
		bend        func(*Profile)
	}{
		{"discipline", "required", func(p *Profile) { p.Discipline = "" }},
		{"discipline", "unknown", func(p *Profile) { p.Discipline = "astrology" }},
		{"profession", "unknown", func(p *Profile) { p.Profession = "wizard" }},
		{"specialties", "unknown", func(p *Profile) { p.Specialties = []string{"psychiatry", "x"} }},
		{"specialties", "too_many", func(p *Profile) {
			for _, s := range Specialties()[:MaxSpecialties+1] {
				p.Specialties = append(p.Specialties, s.Code)
			}
		}},
		{"specialty", "too_long", func(p *Profile) { p.Specialty = strings.Repeat("ä", maxWords+1) }},
		{"topics", "too_long", func(p *Profile) { p.Topics = []string{strings.Repeat("ä", maxTopic+1)} }},
		{"topics", "text", func(p *Profile) { p.Topics = []string{"a\x00b"} }},
		{"topics", "too_many", func(p *Profile) {
			for i := range MaxTopics + 1 {
				p.Topics = append(p.Topics, strings.Repeat("x", i+1))
			}
		}},
		{"languages", "unknown", func(p *Profile) { p.Languages = []string{"klingon"} }},
		{"place", "too_long", func(p *Profile) { p.Place = strings.Repeat("x", maxPlace+1) }},
		{"postcode", "postcode", func(p *Profile) { p.Postcode = "3715" }},
		{"postcode", "postcode", func(p *Profile) { p.Postcode = "00123" }},
		{"postcode", "postcode", func(p *Profile) { p.Postcode = "3715a" }},
		{"travel_km", "range", func(p *Profile) { p.TravelKM = -1 }},
		{"modes", "required", func(p *Profile) { p.Modes = nil }},
		{"modes", "unknown", func(p *Profile) { p.Modes = []string{"pigeon"} }},
		{"lanr", "digits", func(p *Profile) { p.LANR = "12345660" }},
		{"lanr", "check_digit", func(p *Profile) { p.LANR = "123456901" }},
		{"lanr", "profession", func(p *Profile) { p.Profession = "coach" }},
		{"bsnr", "digits", func(p *Profile) { p.BSNR = "001234500" }},
		{"accessibility", "too_long", func(p *Profile) { p.Accessibility = strings.Repeat("x", maxAccessibility+1) }},
		{"hours_per_month", "range", func(p *Profile) { p.HoursPerMonth = MaxHoursPerMonth + 1 }},
		{"max_cases", "range", func(p *Profile) { p.MaxCases = -1 }},
	} {
		p := fullProfile()
		c.bend(&p)
		var invalid *account.InvalidError
		if err := p.Check(); !errors.As(err, &invalid) || invalid.Field != c.field || invalid.Rule != c.rule {
			t.Errorf("want %s: %s, got %v", c.field, c.rule, err)
		}
	}
}

func TestALANRIsTrueByItsCheckDigit(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("KONSIL_DATA_DIR")
	if dir == "" {
		dir = "../../shared/data"
	}
	file, err := os.ReadFile(filepath.Join(dir, "pii", "checkdigit_vectors.json"))
	if err != nil {
		t.Skip("no vectors of check digits: ", err)
	}
	var vectors []struct {
		Type, Value string
		Valid       bool
	}
	if err := json.Unmarshal(file, &vectors); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, v := range vectors {
		if v.Type != "LANR" {
			continue
		}
		if n++; (lanrRule(v.Value) == "") != v.Valid {
			t.Errorf("%s: valid is %v, the rule says %q", v.Value, v.Valid, lanrRule(v.Value))
		}
	}
	if n == 0 {
		t.Error("the vectors name no LANR")
	}
}

func TestTheTablesOfAProfileAreConsistent(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, s := range Specialties() {
		if seen[s.Code] || seen[s.Term] || s.Listed != "" && seen[s.System+s.Listed] {
			t.Errorf("%s stands twice", s.Code)
		}
		seen[s.Code], seen[s.Term], seen[s.System+s.Listed] = true, true, true
		if !KnownDiscipline(s.Discipline) || (s.System == "") != (s.Listed == "") {
			t.Errorf("%s: discipline %q, system %q, code %q", s.Code, s.Discipline, s.System, s.Listed)
		}
	}
	for _, d := range Disciplines {
		if !slices.ContainsFunc(Specialties(), func(s Specialty) bool { return s.Discipline == d }) {
			t.Errorf("%s has no specialty", d)
		}
	}
	oids := map[string]bool{}
	for _, p := range Professions() {
		for _, o := range p.OIDs {
			if oids[o] || !strings.HasPrefix(o, "1.2.276.0.76.4.") {
				t.Errorf("%s: %s", p.Code, o)
			}
			oids[o] = true
		}
	}
}
