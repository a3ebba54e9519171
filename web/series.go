package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/conference"
	"github.com/konsil-server/konsil/conference/ical"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// seriesShown is how many weeks of a series its page shows, and seriesListed how many days of it the list.
const seriesShown, seriesListed = 8, 3

// seriesFields are what the form for a rule asks for.
type seriesFields struct {
	Form     form
	Weekdays []string
	Lengths  []string
	Lands    []ical.State
	Groups   []expertpool.Group
}

// allSeriesPage lists the fixed slots of the network, with the form for another.
type allSeriesPage struct {
	Lines  []conference.Timetable
	Fields seriesFields
}

// seriesPage is one of them: its days, and the form to change its rule.
type seriesPage struct {
	conference.Timetable
	Shown  []conference.SeriesDay
	Fields seriesFields
}

func (s *server) allSeries(c echo.Context) error {
	return s.showAllSeries(c, http.StatusOK, fill("length", lengths[0], "places", "4", "from", expertpool.Today(s.Now()).Format(time.DateOnly)))
}

func (s *server) showAllSeries(c echo.Context, status int, f form) error {
	p := allSeriesPage{}
	var err error
	if p.Lines, err = s.Conferences.AllSeries(c.Request().Context(), me(c)); err != nil {
		return err
	}
	if p.Fields, err = s.seriesFields(c.Request().Context(), me(c), f); err != nil {
		return err
	}
	return s.page(c, status, "all-series", p)
}

func (s *server) seriesFields(ctx context.Context, by account.Actor, f form) (seriesFields, error) {
	f.Of = "series"
	groups, err := s.Pool.Groups(ctx, by)
	return seriesFields{f, []string{"1", "2", "3", "4", "5"}, lengths, ical.States, groups}, err
}

// series shows a fixed slot with its next days.
func (s *server) series(c echo.Context) error {
	id, err := paramID(c, "id")
	if err != nil {
		return err
	}
	return s.showSeries(c, http.StatusOK, id, form{})
}

// showSeries shows a slot with the form that came back, or one that says what the rule is.
func (s *server) showSeries(c echo.Context, status int, id uuid.UUID, f form) error {
	t, err := s.Conferences.SeriesByID(c.Request().Context(), me(c), id)
	if err != nil {
		return err
	}
	if f.Values == nil {
		f = ruleForm(t.Series)
	}
	p := seriesPage{Timetable: t, Shown: t.Days(seriesShown)}
	if p.Fields, err = s.seriesFields(c.Request().Context(), me(c), f); err != nil {
		return err
	}
	return s.page(c, status, "series", p)
}

// newSeries makes a slot.
func (s *server) newSeries(c echo.Context) error {
	f, err := formOf(c)
	if err != nil {
		return err
	}
	id, err := s.Conferences.KeepSeries(c.Request().Context(), me(c), ruleIn(f))
	if f.wrong(err) {
		return s.showAllSeries(c, http.StatusUnprocessableEntity, f)
	}
	if err != nil {
		return err
	}
	return s.done(c, seriesAt(id), "series")
}

// changeSeries gives a slot another rule.
func (s *server) changeSeries(c echo.Context) error {
	id, f, err := formFor(c, "id")
	if err != nil {
		return err
	}
	rule := ruleIn(f)
	rule.ID = id
	_, err = s.Conferences.KeepSeries(c.Request().Context(), me(c), rule)
	if f.wrong(err) {
		return s.showSeries(c, http.StatusUnprocessableEntity, id, f)
	}
	if err != nil {
		return err
	}
	return s.done(c, seriesAt(id), "series")
}

func seriesAt(id uuid.UUID) string { return "/network/series/" + id.String() }

// ruleIn reads a rule. What cannot be read becomes a value that the domain refuses with the name of its field.
func ruleIn(f form) conference.Series {
	number := func(name string) int {
		n, err := strconv.ParseUint(f.Get(name), 10, 16)
		if err != nil {
			return 0
		}
		return int(n)
	}
	r := conference.Series{
		Name: f.Get("series_name"), Weekday: time.Weekday(number("weekday")), Places: number("places"), From: readDate(f.Get("from")),
		Land: ical.State(f.Get("land")),
	}
	if at, err := time.Parse("15:04", f.Get("begins")); err == nil {
		r.Begins = at.Hour()*60 + at.Minute()
	}
	if slices.Contains(lengths, f.Get("length")) {
		r.Length = time.Duration(number("length")) * time.Minute
	}
	if f.Get("until") != "" {
		until := readDate(f.Get("until")) // what is no date is before every beginning
		r.Until = &until
	}
	if typed := f.Get("group"); typed != "" {
		if r.Group = strictID(typed); r.Group == uuid.Nil {
			r.Group = uuid.Max // refused as unknown
		}
	}
	return r
}

// ruleForm is the form filled with a rule.
func ruleForm(r conference.Series) form {
	f := fill("series_name", r.Name, "weekday", strconv.Itoa(int(r.Weekday)), "begins", fmt.Sprintf("%02d:%02d", r.Begins/60, r.Begins%60), "places", strconv.Itoa(r.Places),
		"length", strconv.Itoa(int(r.Length.Minutes())), "from", r.From.Format(time.DateOnly), "land", string(r.Land))
	if r.Until != nil {
		f.Values["until"] = []string{r.Until.Format(time.DateOnly)}
	}
	if r.Group != uuid.Nil {
		f.Values["group"] = []string{r.Group.String()}
	}
	return f
}

// ruleOf says a rule in one line: Mittwoch ab 13:00 Uhr, 4 Plätze zu 25 Minuten.
func (s *server) ruleOf(r conference.Series) string {
	return s.words.f("series.rule", s.words.t("weekday.", int(r.Weekday)), clockOf(r.Begins), s.count("places", r.Places), int(r.Length.Minutes()))
}

// listedDays are the days of a series that the list shows.
func listedDays(t conference.Timetable) []conference.SeriesDay {
	days := t.Days(seriesShown)
	return days[:min(len(days), seriesListed)]
}

// seriesDayPage is the agenda of one day, with what would become of its cases without it.
type seriesDayPage struct {
	conference.SeriesDay
	Series conference.Series
	Cancel outlook
	Move   outlook
	Swap   form
	Notice string
}

// outlook is what would become of the cases of a day, or why it cannot be.
type outlook struct {
	Shifts  []conference.Shift
	Refused string
}

// Told is what a form says that it was shown.
func (o outlook) Told() []string {
	told := make([]string, len(o.Shifts))
	for i, m := range o.Shifts {
		told[i] = m.Code
		if m.Moved() {
			told[i] += " " + m.Starts.UTC().Format(time.RFC3339) + " " + m.Ends.UTC().Format(time.RFC3339)
		}
	}
	return told
}

// toldIn reads what a form says that it was shown. What cannot be read is something else than what will be.
func toldIn(f form) []conference.Shift {
	var shifts []conference.Shift
	for _, line := range f.Values["told"] {
		code, dates, moved := strings.Cut(line, " ")
		m := conference.Shift{Code: code}
		if moved {
			starts, ends, _ := strings.Cut(dates, " ")
			m.Starts, _ = time.Parse(time.RFC3339, starts)
			m.Ends, _ = time.Parse(time.RFC3339, ends)
		}
		shifts = append(shifts, m)
	}
	return shifts
}

// Swappable says that a case can have another place of the day.
func (p seriesDayPage) Swappable() bool { return len(p.Planned()) > 0 && len(p.Targets()) > 1 }

// Targets are the places that a case can be given: those of others, and free ones.
func (p seriesDayPage) Targets() []conference.SeriesPlace {
	return slices.DeleteFunc(slices.Clone(p.Places), func(of conference.SeriesPlace) bool { return !of.Free() && !of.State.Planned() })
}

// Planned are the places whose cases are still to come.
func (p seriesDayPage) Planned() []conference.SeriesPlace {
	return slices.DeleteFunc(p.Taken(), func(of conference.SeriesPlace) bool { return !of.State.Planned() })
}

// placeValue is what a form calls a place: by the case that has it, or by when it begins.
func placeValue(p conference.SeriesPlace) string {
	if p.Free() {
		return p.Starts.UTC().Format(time.RFC3339)
	}
	return p.Code
}

func (s *server) seriesDay(c echo.Context) error {
	return s.showSeriesDay(c, http.StatusOK, seriesDayPage{})
}

func (s *server) showSeriesDay(c echo.Context, status int, p seriesDayPage) error {
	ctx, by := c.Request().Context(), me(c)
	id, day, err := seriesDayIn(c)
	if err != nil {
		return err
	}
	t, err := s.Conferences.SeriesByID(ctx, by, id)
	if err != nil {
		return err
	}
	var is bool
	if p.SeriesDay, is = t.On(day); !is {
		return account.ErrNotFound
	}
	if p.Swap.Values == nil && p.Swappable() {
		p.Swap = fill("second", placeValue(p.Targets()[1]))
	}
	p.Series, p.Swap.Of = t.Series, "swap"
	for move, o := range map[bool]*outlook{false: &p.Cancel, true: &p.Move} {
		if *o, err = s.outlook(ctx, by, id, day, move); err != nil {
			return err
		}
	}
	return s.page(c, status, "series-day", p)
}

func (s *server) outlook(ctx context.Context, by account.Actor, id uuid.UUID, day time.Time, move bool) (o outlook, err error) {
	o.Shifts, err = s.Conferences.IfDropped(ctx, by, id, day, move)
	var refused *account.RefusedError
	if errors.Is(err, account.ErrConflict) && errors.As(err, &refused) {
		o.Refused, err = refused.Rule, nil
	}
	return o, err
}

func seriesDayIn(c echo.Context) (uuid.UUID, time.Time, error) {
	id, err := paramID(c, "id")
	if err != nil {
		return id, time.Time{}, err
	}
	day, err := time.Parse(time.DateOnly, c.Param("day"))
	if err != nil {
		return id, day, account.ErrNotFound
	}
	return id, day, nil
}

// seriesDayPost changes the agenda of a day: two cases change places, all of them go, or the day comes back.
func (s *server) seriesDayPost(c echo.Context) error {
	ctx, by := c.Request().Context(), me(c)
	id, day, err := seriesDayIn(c)
	if err != nil {
		return err
	}
	f, err := formOf(c)
	if err != nil {
		return err
	}
	act := f.Get("act")
	switch act {
	case "swap":
		if free, isFree := time.Parse(time.RFC3339, f.Get("second")); isFree == nil {
			err = s.Conferences.PutInPlace(ctx, by, id, f.Get("first"), free)
		} else {
			err = s.Conferences.SwapPlaces(ctx, by, id, f.Get("first"), f.Get("second"))
		}
	case "cancel", "move":
		err = s.Conferences.DropDay(ctx, by, id, day, act == "move", toldIn(f))
	case "resume":
		err = s.Conferences.ResumeDay(ctx, by, id, day)
	default:
		err = &account.InvalidError{Field: "act", Rule: "unknown"}
	}
	var refused *account.RefusedError
	switch {
	case f.wrong(err):
		return s.showSeriesDay(c, http.StatusUnprocessableEntity, seriesDayPage{Swap: f})
	case errors.Is(err, account.ErrConflict) && errors.As(err, &refused):
		return s.showSeriesDay(c, http.StatusConflict, seriesDayPage{Notice: refused.Rule})
	case err != nil:
		return err
	}
	return s.done(c, seriesAt(id)+"/days/"+day.Format(time.DateOnly), "series_"+act)
}

// takePlace is the address of a request's page with the form filled for a place: its date, and the standing round.
func takePlace(request uuid.UUID, o conference.Opening) string {
	at := o.Starts.In(expertpool.Zone())
	q := url.Values{
		"series": {o.Series.ID.String()}, "date": {at.Format(time.DateOnly)}, "time": {at.Format("15:04")},
		"length": {strconv.Itoa(int(o.Ends.Sub(o.Starts).Minutes()))},
	}
	if o.Series.Group != uuid.Nil {
		q.Set("groups", o.Series.Group.String())
	}
	return "/requests/" + request.String() + "?" + q.Encode() + "#round"
}

// places finds the free places that a request can have, and the slot that the form is for, if it is.
func (s *server) places(ctx context.Context, by account.Actor, p *requestPage) (err error) {
	if p.Openings, err = s.Conferences.Openings(ctx, by, p.ID); err != nil {
		return err
	}
	chosen := strictID(p.Convene.Get("series"))
	if chosen == uuid.Nil {
		return nil
	}
	t, err := s.Conferences.SeriesByID(ctx, by, chosen)
	if errors.Is(err, account.ErrNotFound) {
		return nil
	}
	p.Series = &t.Series
	return err
}
