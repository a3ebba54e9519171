package web

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/conference/casefile/icf"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// profilePage is what becomes of a case over time: profile, capacity, phases, and the forms that add to them.
type profilePage struct {
	casefile.Case
	casefile.Course
	Casework   casefile.Casework
	Colleagues []casefile.Colleague
	Full       bool       // whoever leads the case leads as many as she should
	Todo       []icf.Code // of the network's list, not rated yet
	Code       icf.Code   // that the form rates; empty: none is chosen
	Label      icf.Label
	Form       form
}

// Of is the form of that name, as it was sent or blank.
func (p profilePage) Of(name string) form { return p.Form.named(name) }

func (s *server) profile(c echo.Context) error {
	code, _ := icf.ParseCode(c.QueryParam("code")) // anything else: none is chosen
	today := expertpool.Today(s.Now())
	f := fill("code", string(code), "month", today.Format("2006-01"), "rater", "professional", "occasion", "entry")
	f.Of = "observe"
	return s.showProfile(c, http.StatusOK, f)
}

func (s *server) showProfile(c echo.Context, status int, f form) error {
	of, err := s.openCase(c)
	if err != nil {
		return err
	}
	ctx, by := c.Request().Context(), me(c)
	p := profilePage{Case: of, Form: f}
	if p.Course, err = s.Cases.Course(ctx, by, of.ID); err != nil {
		return err
	}
	if p.Casework, err = s.Cases.Casework(ctx, by); err != nil {
		return err
	}
	if p.Colleagues, err = s.Cases.Colleagues(ctx, by); err != nil {
		return err
	}
	rated := map[icf.Code]bool{}
	for _, row := range p.Profile {
		rated[row.Code] = true
	}
	p.Todo = slices.DeleteFunc(slices.Clone(p.Casework.Codes), func(c icf.Code) bool { return rated[c] })
	if f.Of == "observe" {
		p.Code, _ = icf.ParseCode(f.Get("code"))
		p.Label = icf.Labels()[p.Code]
	}
	return s.page(c, status, "profile", p)
}

// profilePost does the one thing that the field act names.
func (s *server) profilePost(c echo.Context) error {
	id, f, err := formFor(c, "id")
	if err != nil {
		return err
	}
	f.Of = f.Get("act")
	ctx, by := c.Request().Context(), me(c)
	switch f.Of {
	case "observe":
		err = s.observe(c, id, f)
	case "unobserve":
		err = s.Cases.ForgetObservation(ctx, by, id, formID(f, "id"))
	case "score":
		err = s.Cases.AddScore(ctx, by, id, casefile.Score{
			Instrument: f.Get("instrument"), Version: f.Get("version"), Value: f.Get("value"), Min: f.Get("scale_min"), Max: f.Get("scale_max"),
			Band: f.Get("band"), MeasuredOn: readDate(f.Get("measured_on")), ComputedBy: f.Get("computed_by"), ClientSaw: f.Has("client_saw", "yes"),
		})
	case "whodas", "wai":
		var made casefile.Score
		if made, err = s.counted(f); err == nil {
			err = s.Cases.AddScore(ctx, by, id, made)
		}
	case "unscore":
		err = s.Cases.ForgetScore(ctx, by, id, formID(f, "id"))
	case "capacity":
		err = s.Cases.StateCapacity(ctx, by, id, casefile.WorkCapacity{Band: f.Get("band"), StatedOn: readDate(f.Get("stated_on")), Source: f.Get("source")})
	case "uncapacity":
		err = s.Cases.ForgetCapacity(ctx, by, id, formID(f, "id"))
	case "rate":
		err = s.rate(c, id, f)
	case "phase":
		err = s.Cases.Enter(ctx, by, id, f.Get("phase"), readDate(f.Get("began_on")))
	case "contact":
		err = s.Cases.TurnTo(ctx, by, id, formID(f, "contact"))
	default:
		return account.ErrNotFound
	}
	if f.wrong(err) {
		return s.showProfile(c, http.StatusUnprocessableEntity, f)
	}
	if err != nil {
		return err
	}
	return s.done(c, "/cases/"+id.String()+"/profile", "profile")
}

// formID reads an identifier that a form carries; anything else is nobody's.
func formID(f form, name string) uuid.UUID {
	id, _ := uuid.Parse(f.Get(name))
	return id
}

func (s *server) observe(c echo.Context, id uuid.UUID, f form) error {
	code, err := icf.ParseCode(f.Get("code"))
	if err != nil {
		return &account.InvalidError{Field: "code", Rule: "icf"}
	}
	o := casefile.Observation{
		Occasion: f.Get("occasion"), Rater: f.Get("rater"), Instrument: f.Get("instrument"), Note: f.Get("note"), Finding: icf.Blank(code),
	}
	if o.Month, err = time.Parse("2006-01", f.Get("month")); err != nil {
		return &account.InvalidError{Field: "month", Rule: "required"}
	}
	for _, name := range code.Component().Fields() {
		if typed := f.Get(name); typed != "" {
			q, err := strconv.ParseUint(typed, 10, 4)
			if err != nil {
				return &account.InvalidError{Field: name, Rule: "icf"}
			}
			o.Set(name, icf.Qualifier(q))
		}
	}
	return s.Cases.Observe(c.Request().Context(), me(c), id, o)
}

// rate reads the ratings: a field for each capacity of the list, by its place in it.
func (s *server) rate(c echo.Context, id uuid.UUID, f form) error {
	ctx, by := c.Request().Context(), me(c)
	set, err := s.Cases.Casework(ctx, by)
	if err != nil {
		return err
	}
	values := map[string]int{}
	for i, name := range set.Capacities {
		typed := f.Get("rating" + strconv.Itoa(i))
		if typed == "" {
			continue
		}
		if values[name], err = strconv.Atoi(typed); err != nil {
			return &account.InvalidError{Field: "ratings", Rule: "unknown"}
		}
	}
	return s.Cases.Rate(ctx, by, id, f.Get("occasion"), f.Get("view"), values)
}

// counted makes a score of the numbers that somebody has answered an instrument with. Its items are on the paper beside her.
func (s *server) counted(f form) (casefile.Score, error) {
	made := casefile.Score{MeasuredOn: readDate(f.Get("measured_on")), ComputedBy: s.words.t("profile.counted"), ClientSaw: f.Has("client_saw", "yes")}
	number := func(name string) int {
		n, err := strconv.Atoi(f.Get(name))
		if err != nil {
			return -1 // of no instrument
		}
		return n
	}
	if f.Of == "whodas" {
		var answers [12]int
		for i := range answers {
			answers[i] = number("item" + strconv.Itoa(i+1))
		}
		sum, err := icf.WHODAS12(answers)
		if err != nil {
			return made, &account.InvalidError{Field: "items", Rule: "whodas"}
		}
		made.Instrument, made.Version, made.Value, made.Min, made.Max = "WHODAS 2.0", s.words.t("profile.whodas.version"), strconv.Itoa(sum), "12", "60"
		return made, nil
	}
	index, err := icf.WorkAbility{
		Current: number("wai1"), PhysicalPart: number("wai2a"), MentalPart: number("wai2b"), Job: icf.Demand(f.Get("job")), Diseases: number("wai3"),
		Impairment: number("wai4"), SickDays: number("wai5"), Prognosis: number("wai6"), Resources: [3]int{number("wai7a"), number("wai7b"), number("wai7c")},
	}.Score()
	if err != nil {
		return made, &account.InvalidError{Field: "items", Rule: "wai"}
	}
	band, err := icf.WorkAbilityBand(index)
	if err != nil {
		return made, err
	}
	made.Instrument, made.Version, made.Value, made.Min, made.Max = "Work Ability Index", s.words.t("profile.wai.version"), strconv.Itoa(index), "7", "49"
	made.Band = s.words.t("wai.", band)
	return made, nil
}

// waiFields are the numbers of a Work Ability Index, as the form asks for them.
func waiFields() []string {
	return []string{"wai1", "wai2a", "wai2b", "wai3", "wai4", "wai5", "wai6", "wai7a", "wai7b", "wai7c"}
}

// whodasFields are the twelve items, in the order of the sheet.
func whodasFields() []string {
	names := make([]string, 12)
	for i := range names {
		names[i] = "item" + strconv.Itoa(i+1)
	}
	return names
}

// bar is one degree as a picture: what hinders to the left of the middle, what helps to the right. Lengths are of a drawing 200
// wide.
type bar struct {
	Occasion    string
	X, Y, Width int
	Could       int // where a line says what the person could do; 0: none
}

const (
	barMiddle = 100
	barDegree = 24
	barHeight = 12
)

// bars draws a row of the profile, occasion by occasion.
func bars(row casefile.ProfileRow) (drawn []bar) {
	for _, occasion := range casefile.Occasions {
		o := row.Of(occasion)
		if o == nil {
			continue
		}
		degree, given := o.Degree()
		if !given {
			continue
		}
		b := bar{Occasion: occasion, X: barMiddle - barDegree*max(degree, 0), Y: barHeight * len(drawn), Width: max(barDegree*max(degree, -degree), 1)}
		if o.Performance.Graded() && o.Capacity.Graded() {
			b.Could = barMiddle - barDegree*int(o.Capacity)
		}
		drawn = append(drawn, b)
	}
	return drawn
}

// degreeOf says an observation in words: "erheblich, könnte leicht".
func (s *server) degreeOf(o *casefile.Observation) string {
	if o == nil {
		return "–"
	}
	var said []string
	for _, name := range o.Code.Component().Fields() {
		if q := o.Get(name); q != icf.Unset {
			said = append(said, s.words.f("icf.said."+name, s.qualifier(name, q)))
		}
	}
	return strings.Join(said, ", ")
}

func (s *server) qualifier(name string, q icf.Qualifier) string {
	if name == "nature" || name == "location" {
		return strconv.Itoa(int(q))
	}
	return s.words.t("icf.degree.", strconv.Itoa(int(q)))
}

// degrees are what can be chosen for a qualifier.
func degrees(name string) []string {
	if name == "nature" || name == "location" {
		return []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}
	}
	return []string{"0", "1", "2", "3", "4", "8", "9"}
}

// editions are those that the codes of a profile belong to.
func editions(rows []casefile.ProfileRow) []string {
	var all []string
	for _, row := range rows {
		all = append(all, row.Last().Edition)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
