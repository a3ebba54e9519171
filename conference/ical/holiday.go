package ical

import (
	"slices"
	"time"
)

// State is a German Land, by the letters of ISO 3166-2:DE.
type State string

// States are all sixteen, by name.
var States = []State{"BW", "BY", "BE", "BB", "HB", "HH", "HE", "MV", "NI", "NW", "RP", "SL", "SN", "ST", "SH", "TH"}

// Holiday is a public holiday.
type Holiday struct {
	Day  time.Time // midnight UTC
	Name string    // German
}

// rule is one holiday of the law: a fixed day, or so many days after Easter Sunday.
type rule struct {
	name  string
	month time.Month // 0: moves with Easter
	day   int        // of the month, or after Easter
	where []State    // none: everywhere
	since int        // first year in which it held; 0: longer than anybody asks
}

var law = []rule{
	{name: "Neujahr", month: time.January, day: 1},
	{name: "Heilige Drei Könige", month: time.January, day: 6, where: []State{"BW", "BY", "ST"}},
	{name: "Internationaler Frauentag", month: time.March, day: 8, where: []State{"BE"}, since: 2019},
	{name: "Internationaler Frauentag", month: time.March, day: 8, where: []State{"MV"}, since: 2023},
	{name: "Karfreitag", day: -2},
	{name: "Ostersonntag", day: 0, where: []State{"BB"}},
	{name: "Ostermontag", day: 1},
	{name: "Tag der Arbeit", month: time.May, day: 1},
	{name: "Christi Himmelfahrt", day: 39},
	{name: "Pfingstsonntag", day: 49, where: []State{"BB"}},
	{name: "Pfingstmontag", day: 50},
	{name: "Fronleichnam", day: 60, where: []State{"BW", "BY", "HE", "NW", "RP", "SL"}},
	{name: "Mariä Himmelfahrt", month: time.August, day: 15, where: []State{"SL"}},
	{name: "Weltkindertag", month: time.September, day: 20, where: []State{"TH"}, since: 2019},
	{name: "Tag der Deutschen Einheit", month: time.October, day: 3},
	{name: "Reformationstag", month: time.October, day: 31, where: []State{"BB", "MV", "SN", "ST", "TH"}},
	{name: "Reformationstag", month: time.October, day: 31, where: []State{"HB", "HH", "NI", "SH"}, since: 2018},
	{name: "Allerheiligen", month: time.November, day: 1, where: []State{"BW", "BY", "NW", "RP", "SL"}},
	{name: "Buß- und Bettag", month: time.November, day: -1, where: []State{"SN"}},
	{name: "Erster Weihnachtstag", month: time.December, day: 25},
	{name: "Zweiter Weihnachtstag", month: time.December, day: 26},
}

// Holidays are the public holidays of a Land in a year, in order: those that hold in all of it. What holds in some
// municipalities only (Mariä Himmelfahrt in parts of Bavaria, Fronleichnam in parts of Saxony and Thuringia, Friedensfest in
// Augsburg) is for the house to add. An unknown Land has those that hold everywhere.
func Holidays(s State, year int) []Holiday {
	var found []Holiday
	for _, r := range law {
		if r.where != nil && !slices.Contains(r.where, s) || year < r.since {
			continue
		}
		found = append(found, Holiday{r.in(year), r.name})
	}
	slices.SortFunc(found, func(a, b Holiday) int { return a.Day.Compare(b.Day) })
	return found
}

func (r rule) in(year int) time.Time {
	switch {
	case r.month == 0:
		return easter(year).AddDate(0, 0, r.day)
	case r.day > 0:
		return time.Date(year, r.month, r.day, 0, 0, 0, 0, time.UTC)
	}
	// Penance day: the Wednesday before 23 November.
	d := time.Date(year, time.November, 22, 0, 0, 0, 0, time.UTC)
	return d.AddDate(0, 0, -(int(d.Weekday())-int(time.Wednesday)+7)%7)
}

// easter is Easter Sunday of a Gregorian year, after Gauß in Lichtenberg's form, which needs no exceptions.
func easter(x int) time.Time {
	k := x / 100
	m := 15 + (3*k+3)/4 - (8*k+13)/25
	s := 2 - (3*k+3)/4
	a := x % 19
	d := (19*a + m) % 30
	r := (d + a/11) / 29
	og := 21 + d - r
	sz := 7 - (x+x/4+s)%7
	oe := 7 - (og-sz)%7
	return time.Date(x, time.March, og+oe, 0, 0, 0, 0, time.UTC)
}
