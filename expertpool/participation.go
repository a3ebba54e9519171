package expertpool

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/konsil-server/konsil/expertpool/account"
)

// Quarter is a quarter of a calendar year, as proofs of participation go by it.
type Quarter struct{ Year, Number int }

// QuarterOf is the quarter that now falls into, in Zone.
func QuarterOf(now time.Time) Quarter {
	day := Today(now)
	return Quarter{day.Year(), (int(day.Month())-1)/3 + 1}
}

// ParseQuarter reads what String writes: 2026-4.
func ParseQuarter(s string) (Quarter, error) {
	year, number, ok := strings.Cut(s, "-")
	y, err := strconv.Atoi(year)
	n, err2 := strconv.Atoi(number)
	q := Quarter{y, n}
	if !ok || err != nil || err2 != nil || y < 2000 || y > 2999 || n < 1 || n > 4 || q.String() != s {
		return Quarter{}, &account.InvalidError{Field: "quarter", Rule: "unknown"}
	}
	return q, nil
}

func (q Quarter) String() string { return fmt.Sprintf("%d-%d", q.Year, q.Number) }

// Begins is the first day.
func (q Quarter) Begins() time.Time {
	return time.Date(q.Year, time.Month(3*q.Number-2), 1, 0, 0, 0, 0, time.UTC)
}

// Ends is the last day.
func (q Quarter) Ends() time.Time { return q.Begins().AddDate(0, 3, -1) }

// Before is the quarter before.
func (q Quarter) Before() Quarter {
	if q.Number == 1 {
		return Quarter{q.Year - 1, 4}
	}
	return Quarter{q.Year, q.Number - 1}
}

// Attendance is one conference that somebody took part in. It leads back to no case.
type Attendance struct {
	On      time.Time // a date
	Minutes int       // begun minutes count in full
	Kind    string    // of conference
}

// Participation is the proof of a quarter.
type Participation struct {
	Name     string
	Quarter  Quarter
	Attended []Attendance // in the order of their dates
}

// Minutes is the sum.
func (p Participation) Minutes() int {
	sum := 0
	for _, a := range p.Attended {
		sum += a.Minutes
	}
	return sum
}

// HoursAndMinutes says a span as on a bill: 1:50.
func HoursAndMinutes(minutes int) string { return fmt.Sprintf("%d:%02d", minutes/60, minutes%60) }
