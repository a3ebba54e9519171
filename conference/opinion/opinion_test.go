package opinion

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/konsil-server/konsil/expertpool/account"
)

// pointOf reads opinions such as "yes/sure no/rather".
func pointOf(s Scale, opinions string) Point {
	p := Point{Scale: s}
	for i, one := range strings.Fields(opinions) {
		position, confidence, _ := strings.Cut(one, "/")
		p.Opinions = append(p.Opinions, Opinion{Name: string(rune('A' + i)), Answer: Answer{Position: position, Confidence: Confidence(confidence)}})
	}
	return p
}

func TestDisagreementIsHowFarOpinionsAreApart(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		scale    Scale
		opinions string
		apart    float64
		others   int
		of       int
	}{
		{Tendency, "", 0, 0, 0},
		{Tendency, "yes/sure", 0, 0, 1},
		{Tendency, "yes/sure yes/unsure yes/rather", 0, 0, 3},
		{Tendency, "yes/sure no/sure", 1, 1, 2},
		{Tendency, "yes/unsure no/unsure", 1, 1, 2},
		{Tendency, "yes/sure partly/sure", 0.5, 1, 2},
		{Hours, "under_3/sure 3_to_6/sure from_6/sure", 2.0 / 3, 2, 3},
		{Hours, "under_3/sure under_3/sure from_6/sure", 2.0 / 3, 1, 3},
		{Hours, "under_3/sure under_3/sure from_6/unsure", 6.0 / 15, 1, 3}, // pairs of 9, 3 and 3; two of them apart
		{Tendency, "yes/sure unable/sure", 0, 0, 1},
		{Tendency, "unable/sure unable/unsure", 0, 0, 0},
		{Tendency, "yes/sure no/sure unable/rather", 1, 1, 2},
		{Tendency, "yes/sure yes/sure no/sure no/sure", 4.0 / 6, 2, 4},
	} {
		p := pointOf(c.scale, c.opinions)
		if got := p.Disagreement(); got < c.apart-1e-9 || got > c.apart+1e-9 {
			t.Errorf("%q: %v, want %v", c.opinions, got, c.apart)
		}
		if others, of := p.Dissent(); others != c.others || of != c.of {
			t.Errorf("%q: %d of %d, want %d of %d", c.opinions, others, of, c.others, c.of)
		}
	}
}

func TestDisagreementIsBoundedAndDoesNotDependOnTheOrder(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		scale := Scales[r.IntN(len(Scales))]
		p := Point{Scale: scale}
		for range r.IntN(8) {
			all := scale.Positions()
			p.Opinions = append(p.Opinions, Opinion{Answer: Answer{Position: all[r.IntN(len(all))], Confidence: Confidences[r.IntN(len(Confidences))]}})
		}
		apart := p.Disagreement()
		if others, _ := p.Dissent(); apart < 0 || apart > 1 || (apart == 0) != (others == 0) {
			t.Fatalf("%+v: %v, %d", p.Opinions, apart, others)
		}
		r.Shuffle(len(p.Opinions), func(i, j int) { p.Opinions[i], p.Opinions[j] = p.Opinions[j], p.Opinions[i] })
		if again := p.Disagreement(); again < apart-1e-9 || again > apart+1e-9 {
			t.Fatalf("%+v: %v and %v", p.Opinions, apart, again)
		}
	}
}

func TestWhatIsDisputedMostStandsFirst(t *testing.T) {
	t.Parallel()
	points := []Point{
		pointOf(Tendency, "yes/sure yes/sure"), pointOf(Hours, "from_6/sure unable/sure from_6/sure under_3/rather"), pointOf(Tendency, "yes/rather partly/sure"),
	}
	Arrange(points)
	if points[0].Scale != Hours || points[1].Opinions[1].Position == "" || points[2].Disagreement() != 0 {
		t.Errorf("the order of points: %+v", points)
	}
	var names string
	for _, o := range points[0].Opinions {
		names += o.Name
	}
	if names != "DACB" { // the one who is alone, those who agree, who cannot tell
		t.Errorf("the order of opinions: %s", names)
	}
}

func TestAnAnswerIsHeldToItsForm(t *testing.T) {
	t.Parallel()
	good := Answer{Position: "yes", Reason: "Weil.", Confidence: Rather}
	for name, c := range map[string]struct {
		change func(*Answer)
		field  string
	}{
		"as it should be":             {func(*Answer) {}, ""},
		"no position":                 {func(a *Answer) { a.Position = "" }, "position"},
		"a position of another scale": {func(a *Answer) { a.Position = "from_6" }, "position"},
		"no reason":                   {func(a *Answer) { a.Reason = " " }, "reason"},
		"a long reason":               {func(a *Answer) { a.Reason = strings.Repeat("ä", longest+1) }, "reason"},
		"a reason just short enough":  {func(a *Answer) { a.Reason = strings.Repeat("ä", longest) }, ""},
		"long words":                  {func(a *Answer) { a.Words = strings.Repeat("x", longest+1) }, "words"},
		"much missing":                {func(a *Answer) { a.Missing = strings.Repeat("x", longest+1) }, "missing"},
		"no confidence":               {func(a *Answer) { a.Confidence = "" }, "confidence"},
	} {
		a := good
		c.change(&a)
		var invalid *account.InvalidError
		err := a.Check(Tendency)
		if errors.As(err, &invalid); (err == nil) != (c.field == "") || invalid != nil && invalid.Field != c.field {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheScaleFollowsTheQuestion(t *testing.T) {
	t.Parallel()
	for question, want := range map[string]Scale{
		"Wie viele Stunden sind zumutbar?": Hours, "Ist eine Arbeitszeit über sechs möglich?": Hours, "Ist eine Reha sinnvoll?": Tendency, "": Tendency,
	} {
		if got := ScaleFor(question); got != want {
			t.Errorf("%q: %s", question, got)
		}
	}
}
