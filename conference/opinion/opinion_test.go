package opinion

import (
	"errors"
	"math/rand/v2"
	"strconv"
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
		if others, of := p.Spread().Dissent(); others != c.others || of != c.of {
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
		if others, _ := p.Spread().Dissent(); apart < 0 || apart > 1 || (apart == 0) != (others == 0) {
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

// pointsOf reads points such as "yes/sure no/rather | yes/sure", the question of the conference first.
func pointsOf(opinions string) []Point {
	var points []Point
	for n, one := range strings.Split(opinions, "|") {
		p := pointOf(Tendency, one)
		p.Number = n
		points = append(points, p)
	}
	return points
}

func TestPointsFollowDisagreementThenFewerAnswersThenTheOrderOfAsking(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		opinions string
		order    string
	}{
		{" | | ", "0 1 2"},
		{"yes/sure yes/sure | yes/ no/ | yes/ partly/", "1 2 0"},
		{"yes/sure yes/sure | yes/ yes/ | ", "2 0 1"}, // alike, but nobody has said anything to the last
		{"yes/sure no/sure | yes/ | no/ no/", "0 1 2"},
		{"yes/sure yes/sure | unable/ unable/ unable/ | yes/", "1 2 0"}, // who cannot tell takes no position
		{"yes/sure no/sure | yes/ no/ | yes/ no/ no/", "0 1 2"},
		{"yes/sure no/sure yes/sure | yes/ no/ | yes/ no/ no/", "1 0 2"},
	} {
		points := pointsOf(c.opinions)
		Arrange(points)
		var order []string
		for _, p := range points {
			order = append(order, strconv.Itoa(p.Number))
		}
		if got := strings.Join(order, " "); got != c.order {
			t.Errorf("%q: %s, want %s", c.opinions, got, c.order)
		}
	}
}

func TestTheDistanceOfOpinionsIsAWord(t *testing.T) {
	t.Parallel()
	for opinions, want := range map[string]Distance{
		"": Unsaid, "unable/ unable/": Untold, "unable/ yes/": Single, "yes/ yes/": Agreed, "yes/ yes/ yes/ partly/": Near, "yes/ partly/": Apart, "yes/ no/": Far,
		"yes/sure yes/sure no/unsure": Apart, "yes/sure no/sure": Far,
	} {
		if got := pointOf(Tendency, opinions).Spread(); got.Distance != want {
			t.Errorf("%q: %+v, want %s", opinions, got, want)
		}
	}
}

func TestEachPointHasTheOpinionsThatSaySomethingToIt(t *testing.T) {
	t.Parallel()
	points := PartPoints("Wie viele Stunden?", Hours, []string{"Ist eine Reha sinnvoll?", "Wie viele Stunden zuerst?", "Wer zahlt?"})
	if points[1].Scale != Tendency || points[2].Scale != Hours || points[3].Number != 3 {
		t.Errorf("the points: %+v", points)
	}
	changed := Answer{Position: "from_6", Reason: "main", Parts: []PartAnswer{{Number: 1, Position: "no", Reason: "then"}}}
	same := changed
	same.Reason = "other"
	Fill(points, []Opinion{
		{Name: "A", Answer: changed, Earlier: []Version{{Answer: Answer{Position: "from_6", Parts: []PartAnswer{{Number: 1, Position: "yes"}}}}, {Answer: same}}, Addenda: []Addendum{{Text: "later"}}},
		{Name: "B", Answer: Answer{Position: "under_3", Parts: []PartAnswer{{Number: 2, Position: "under_3"}}}},
	})
	if len(points[0].Opinions) != 2 || len(points[1].Opinions) != 1 || len(points[2].Opinions) != 1 || len(points[3].Opinions) != 0 || !Given(points) {
		t.Fatalf("who says something to what: %+v", points)
	}
	a := points[1].Opinions[0]
	if a.Name != "A" || a.Position != "no" || a.Reason != "then" || len(a.Addenda) != 0 || len(a.Earlier) != 1 || a.Earlier[0].Position != "yes" {
		t.Errorf("what A says to the first part: %+v", a)
	}
	if main := points[0].Opinions[0]; len(main.Earlier) != 2 || len(main.Addenda) != 1 {
		t.Errorf("what A says to the question: %+v", main)
	}
}

func parts(said ...PartAnswer) func(*Answer) { return func(a *Answer) { a.Parts = said } }

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
		"nothing on a part":           {parts(PartAnswer{Number: 1, Reason: " "}), ""},
		"a position on a part":        {parts(PartAnswer{Number: 2, Position: "from_6"}), ""},
		"another scale on a part":     {parts(PartAnswer{Number: 2, Position: "yes"}), "position_2"},
		"a reason alone on a part":    {parts(PartAnswer{Number: 1, Reason: "Weil."}), "position_1"},
		"a long reason on a part":     {parts(PartAnswer{Number: 1, Position: "yes", Reason: strings.Repeat("x", longest+1)}), "reason_1"},
		"a part that is not asked":    {parts(PartAnswer{Number: 3, Position: "yes"}), "position_3"},
		"the question as a part":      {parts(PartAnswer{Number: 0, Position: "yes"}), "position_0"},
		"a part twice":                {parts(PartAnswer{Number: 1, Position: "yes"}, PartAnswer{Number: 1, Position: "no"}), "position_1"},
	} {
		a := good
		c.change(&a)
		var invalid *account.InvalidError
		err := a.Check(PartPoints("Was?", Tendency, []string{"Ist eine Reha sinnvoll?", "Wie viele Stunden?"}))
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
