package conference

import (
	"fmt"
	"time"

	"github.com/konsil-server/konsil/expertpool"
)

var weekdays = [...]string{"Sonntag", "Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag"}
var months = [...]string{"", "Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"}

// Day says a date as people say it: Donnerstag, 3. Dezember 2026.
func Day(t time.Time) string {
	t = t.In(expertpool.Zone())
	return fmt.Sprintf("%s, %d. %s %d", weekdays[t.Weekday()], t.Day(), months[t.Month()], t.Year())
}

// When says a date with its hours: Donnerstag, 3. Dezember 2026, 14:00–14:25 Uhr.
func When(starts, ends time.Time) string {
	return Day(starts) + ", " + Hours(starts, ends)
}

// Hours says from when to when: 14:00–14:25 Uhr.
func Hours(starts, ends time.Time) string {
	z := expertpool.Zone()
	return starts.In(z).Format("15:04") + "–" + ends.In(z).Format("15:04") + " Uhr"
}
