package conference

import (
	"slices"
	"time"

	"github.com/konsil-server/konsil/conference/ical"
	"github.com/konsil-server/konsil/conference/slot"
	"github.com/konsil-server/konsil/expertpool"
)

// Hours in which a mail may arrive that could as well arrive later, in minutes after midnight.
const mailsFrom, mailsUntil = 7 * 60, 20 * 60

// DecentTime is the first moment from t on at which a mail may go that need not go at once: on a working day of the Land, between
// seven and eight in the evening as clocks in expertpool.Zone show it. A moment that is decent already comes back as it is. An unknown
// Land has the holidays of all Länder.
func DecentTime(t time.Time, land ical.State) time.Time {
	zone := expertpool.Zone()
	for day := expertpool.Today(t); ; day = day.AddDate(0, 0, 1) {
		y, m, d := day.Date()
		if !workday(day, land) || !t.Before(slot.Wall(y, m, d, mailsUntil, zone)) {
			continue
		}
		if begins := slot.Wall(y, m, d, mailsFrom, zone); t.Before(begins) {
			return begins
		}
		return t
	}
}

// workdayBefore is the last working day of the Land before a day; days are midnight UTC, as expertpool.Today gives them.
func workdayBefore(day time.Time, land ical.State) time.Time {
	day = day.AddDate(0, 0, -1)
	for !workday(day, land) {
		day = day.AddDate(0, 0, -1)
	}
	return day
}

// workday tells whether people of the Land are at work on a day, which is midnight UTC: Monday to Friday, and no holiday.
func workday(day time.Time, land ical.State) bool {
	if day.Weekday() == time.Saturday || day.Weekday() == time.Sunday {
		return false
	}
	return !slices.ContainsFunc(holidays(land, day.Year()), func(h ical.Holiday) bool { return h.Day.Equal(day) })
}

// holidays are those of a Land in a year; of an unknown Land, those of all Länder, some of them more than once.
func holidays(land ical.State, year int) []ical.Holiday {
	if land != "" {
		return ical.Holidays(land, year)
	}
	var found []ical.Holiday
	for _, l := range ical.States {
		found = append(found, ical.Holidays(l, year)...)
	}
	return found
}
