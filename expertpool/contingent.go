package expertpool

import "time"

// Contingent is what an expert gives of her time in one calendar month, and what of it is used: the minutes of conferences that she
// attended, and those of conferences that she is asked for or has accepted.
type Contingent struct {
	Hours    int // promised for each month; 0: none
	Attended time.Duration
	Planned  time.Duration
}

// Used is what is gone of it once everything planned has happened.
func (c Contingent) Used() time.Duration { return c.Attended + c.Planned }

// Total is what she gives.
func (c Contingent) Total() time.Duration { return time.Duration(c.Hours) * time.Hour }

// Left is what can still be asked for; never less than nothing.
func (c Contingent) Left() time.Duration { return max(0, c.Total()-c.Used()) }

// share is how much of it is used, from 0 to 1.
func (c Contingent) share() float64 {
	if c.Hours == 0 {
		return 1
	}
	return min(1, float64(c.Used())/float64(c.Total()))
}

// MonthOf is the calendar month in Zone that t lies in.
func MonthOf(t time.Time) Span {
	y, m, _ := t.In(Zone()).Date()
	return Span{From: time.Date(y, m, 1, 0, 0, 0, 0, Zone()), Until: time.Date(y, m+1, 1, 0, 0, 0, 0, Zone())}
}
