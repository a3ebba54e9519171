package expertpool

import (
	"slices"
	"testing"
)

func TestASentenceIsUnderstoodByTheWordsOfTheLexicon(t *testing.T) {
	t.Parallel()
	for sentence, want := range map[string]string{
		"Was sagt die Psychiaterin zur Belastbarkeit?": "psychiatry",
		"Braucht es eine Ergotherapie?":                "occupational_therapy",
		"Wie hoch sind die Schulden?":                  "debt_counselling",
		"Welcher Suchtberatung kann sie vertrauen?":    "addiction_counselling",
		"Hilft ein Kardiologe?":                        "general_medicine", // by the specialty
	} {
		if got := Understand(sentence); !slices.Contains(got.Fields(), want) {
			t.Errorf("%q is for %v", sentence, got.Fields())
		}
	}
	for _, sentence := range []string{"Kann sie wieder arbeiten?", "Welche Hilfe gibt es im Alltag?", "Wann soll es losgehen?"} {
		if got := Understand(sentence); len(got.Fields()) > 0 {
			t.Errorf("%q is taken to be for %v", sentence, got.Fields())
		}
	}
}

func TestAnyOneOfAnExpertiseIsEnough(t *testing.T) {
	t.Parallel()
	e := Expertise{Disciplines: []string{"psychiatry"}, Specialties: []string{"sleep_medicine"}, Topics: []string{"Schichtarbeit"}}
	for _, c := range []struct {
		Candidate
		want bool
	}{
		{Candidate{Expert: Expert{Discipline: "psychiatry"}}, true},
		{Candidate{Expert: Expert{Discipline: "neurology"}, Specialties: []string{"sleep_medicine"}}, true},
		{Candidate{Expert: Expert{Discipline: "coaching"}, Topics: []string{"Schichtarbeit und Familie"}}, true},
		{Candidate{Expert: Expert{Discipline: "coaching", Specialty: "Schichtarbeit"}}, true},
		{Candidate{Expert: Expert{Discipline: "coaching", Specialty: "Berufswahl"}, Specialties: []string{"nutrition"}, Topics: []string{"Angst"}}, false},
	} {
		if e.Of(c.Candidate) != c.want {
			t.Errorf("%+v: %v", c.Candidate, !c.want)
		}
	}
}
