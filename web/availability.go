package web

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/conference"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// timePage is when an expert can be asked: her own page, or the coordination's for her.
type timePage struct {
	expertpool.Time
	Own   bool
	At    string // address of the page
	Week  []weekdayHours
	Month string               // in words
	Form  form                 // the one that came back
	Polls []conference.PollAsk // that go by her time without asking her; on her own page
}

// weekdayHours is one day of an ordinary week, as half hours to tap on.
type weekdayHours struct {
	Day   time.Weekday
	Hours []halfHour
	Says  string // 8:00–12:00, 14:00–16:00
	Quick []expertpool.Rule
	Open  bool
}

type halfHour struct {
	Value, From, Until string
	On                 bool
}

// The half hours that are offered; whoever has others is shown them too. And what is added with one tap.
const (
	firstHalfHour = 7 * 60
	lastHalfHour  = 20 * 60
)

func quickHours() [][2]int {
	return [][2]int{{8 * 60, 12 * 60}, {13 * 60, 17 * 60}, {17 * 60, 20 * 60}}
}

// timeOf is the expert whose time a page is about: the one in the address, or the one who looks.
func timeOf(c echo.Context) (id uuid.UUID, at string, err error) {
	if c.Param("id") == "" {
		return me(c).ID, "/me/availability", nil
	}
	id, err = paramID(c, "id")
	return id, "/experts/" + id.String() + "/availability", err
}

func (s *server) availability(c echo.Context) error {
	return s.showTime(c, http.StatusOK, form{})
}

func (s *server) showTime(c echo.Context, status int, f form) error {
	id, at, err := timeOf(c)
	if err != nil {
		return err
	}
	p := timePage{Own: id == me(c).ID, At: at, Form: f}
	if p.Time, err = s.Pool.Time(c.Request().Context(), me(c), id); err != nil {
		return err
	}
	month := expertpool.MonthOf(s.Now()).From
	p.Month = s.words.t("month.", int(month.Month()))
	p.Week = weekOf(p.Rules, c.QueryParam("day"))
	if p.Own {
		if p.Polls, err = s.Conferences.PollsUnasked(c.Request().Context(), me(c)); err != nil {
			return err
		}
	}
	return s.page(c, status, "availability", p)
}

// weekOf lays out the hours of a week from Monday on. The day that was changed last is unfolded.
func weekOf(rules []expertpool.Rule, changed string) []weekdayHours {
	first, last := firstHalfHour, lastHalfHour
	for _, r := range rules {
		first, last = min(first, r.From), max(last, r.To)
	}
	week := make([]weekdayHours, 7)
	for i := range week {
		d := time.Weekday((i + 1) % 7)
		w := weekdayHours{Day: d, Open: changed == strconv.Itoa(int(d))}
		var says []string
		for _, r := range rules {
			if r.Day == d {
				says = append(says, clockOf(r.From)+"–"+clockOf(r.To))
			}
		}
		w.Says = strings.Join(says, ", ")
		for m := first; m < last; m += 30 {
			on := slices.ContainsFunc(rules, func(r expertpool.Rule) bool { return r.Day == d && r.From <= m && m < r.To })
			w.Hours = append(w.Hours, halfHour{hourValue(d, m), clockOf(m), clockOf(m + 30), on})
		}
		for _, q := range quickHours() {
			w.Quick = append(w.Quick, expertpool.Rule{Day: d, From: q[0], To: q[1]})
		}
		week[i] = w
	}
	return week
}

func clockOf(minutes int) string { return fmt.Sprintf("%d:%02d", minutes/60, minutes%60) }

func hourValue(d time.Weekday, minutes int) string { return fmt.Sprintf("%d-%d", d, minutes) }

// Share is what of the contingent is used, in words.
func (p timePage) Share() string {
	return share(int(p.Contingent.Used().Minutes()), int(p.Contingent.Total().Minutes()))
}

// Attended and Planned are the two parts of it.
func (p timePage) Attended() string { return hoursOf(int(p.Contingent.Attended.Minutes())) }
func (p timePage) Planned() string  { return hoursOf(int(p.Contingent.Planned.Minutes())) }

// Minutes are what the bar is drawn from: used and all.
func (p timePage) Minutes() [2]int {
	return [2]int{int(p.Contingent.Used().Minutes()), int(p.Contingent.Total().Minutes())}
}

// HoursForm is the form for the contingent: as it came back, or as it stands.
func (p timePage) HoursForm() form {
	if p.Form.Of == "contingent" {
		return p.Form
	}
	f := fill("hours_per_month", strconv.Itoa(p.Contingent.Hours))
	f.Of = "contingent"
	return f
}

// AwayForm is the form for days of absence.
func (p timePage) AwayForm() form { return p.Form.named("away") }

// availabilityPost takes one of the small forms of the page; act says which.
func (s *server) availabilityPost(c echo.Context) error {
	id, at, err := timeOf(c)
	if err != nil {
		return err
	}
	f, err := formOf(c)
	if err != nil {
		return err
	}
	ctx, by := c.Request().Context(), me(c)
	switch f.Of = f.Get("act"); f.Of {
	case "week":
		rules := hoursIn(f)
		day, added := quickIn(f.Get("quick"), &rules)
		if added {
			at += "?day=" + day + "#day-" + day
		}
		err = s.Pool.KeepWeek(ctx, by, id, rules)
	case "away":
		err = s.Pool.BeAway(ctx, by, id, readDate(f.Get("first_day")), readDate(f.Get("last_day")))
	case "back":
		err = s.Pool.BeBack(ctx, by, id, strictID(f.Get("absence")))
	case "pause", "resume":
		err = s.Pool.Pause(ctx, by, id, f.Of == "pause")
	case "contingent":
		hours, wrong := strconv.Atoi(f.Get("hours_per_month"))
		if wrong != nil {
			hours = -1
		}
		err = s.Pool.KeepContingent(ctx, by, id, hours)
	default:
		err = &account.InvalidError{Field: "act", Rule: "unknown"}
	}
	if f.wrong(err) {
		return s.showTime(c, http.StatusUnprocessableEntity, f)
	}
	if err != nil {
		return err
	}
	return s.done(c, at, "availability."+f.Of)
}

// hoursIn reads the half hours that are ticked. What is none becomes a rule that the domain refuses.
func hoursIn(f form) []expertpool.Rule {
	var rules []expertpool.Rule
	for _, typed := range f.Values["at"] {
		r := expertpool.Rule{Day: -1}
		var day, from int
		if n, err := fmt.Sscanf(typed, "%d-%d", &day, &from); err == nil && n == 2 && hourValue(time.Weekday(day), from) == typed {
			r = expertpool.Rule{Day: time.Weekday(day), From: from, To: from + 30}
		}
		rules = append(rules, r)
	}
	return rules
}

// quickIn adds what a button with several hours stands for, or takes a whole day out: 1-480-1020, 1-none.
func quickIn(typed string, rules *[]expertpool.Rule) (day string, pressed bool) {
	if typed == "" {
		return "", false
	}
	day, hours, _ := strings.Cut(typed, "-")
	d, err := strconv.Atoi(day)
	if err != nil {
		d = -1
	}
	if hours == "none" {
		*rules = slices.DeleteFunc(*rules, func(r expertpool.Rule) bool { return r.Day == time.Weekday(d) })
		return day, true
	}
	r := expertpool.Rule{Day: time.Weekday(d)}
	fmt.Sscanf(hours, "%d-%d", &r.From, &r.To) // what cannot be read has no length, which the domain refuses
	*rules = append(*rules, r)
	return day, true
}
