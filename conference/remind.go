package conference

import (
	"time"

	"github.com/konsil-server/konsil/conference/ical"
	"github.com/konsil-server/konsil/conference/slot"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/mail"
)

const (
	// reminderGap lies at least between an invitation and a reminder, and between two of them.
	reminderGap = 12 * time.Hour
	// noReminder is how long before a date nobody is reminded any more: who reads it then cannot arrange anything.
	noReminder = 2 * time.Hour
	// eveHour is when those who come are reminded, on the working day before, in minutes after midnight; noon when answers are needed.
	eveHour, noon = 9 * 60, 12 * 60
)

// answerBy is until when the round needs an answer, so that somebody else can be found: noon of the last working day before the date.
func answerBy(starts time.Time, land ical.State) time.Time {
	return onDay(workdayBefore(expertpool.Today(starts), land), noon)
}

// eveOf is when those who come to a date are reminded of it.
func eveOf(starts time.Time, land ical.State) time.Time {
	return onDay(workdayBefore(expertpool.Today(starts), land), eveHour)
}

func onDay(day time.Time, minutes int) time.Time {
	return slot.Wall(day.Year(), day.Month(), day.Day(), minutes, expertpool.Zone())
}

// reminders are when somebody who was asked for a date and has not answered is reminded, at most twice: half way, and a working
// day before the answer is needed. Each is a DecentTime; where the time is short, there is one of them or none.
func reminders(asked, starts time.Time, land ical.State) []time.Time {
	half := asked.Add(starts.Sub(asked) / 2)
	if first := asked.Add(reminderGap); half.Before(first) {
		half = first
	}
	last := onDay(workdayBefore(expertpool.Today(answerBy(starts, land)), land), noon)
	var at []time.Time
	if half = DecentTime(half, land); half.Before(starts.Add(-noReminder)) {
		at = append(at, half)
	}
	if len(at) == 1 && !last.Before(half.Add(reminderGap)) {
		at = append(at, last)
	}
	return at
}

// nextReminder is the reminder that is due after sent of them; nil when that was all.
func nextReminder(asked, starts time.Time, sent int, land ical.State) *time.Time {
	if all := reminders(asked, starts, land); sent < len(all) {
		return &all[sent]
	}
	return nil
}

// remind asks once more. It says until when the answer is needed while that is still to come.
func (i invite) remind(now time.Time, land ical.State) mail.Message {
	lines := []string{
		"Guten Tag " + i.to.Name + ",",
		"zur " + i.c.called() + " fehlt noch Ihre Antwort:",
		When(i.c.StartsAt, i.c.EndsAt) + ", per Video.",
	}
	if by := answerBy(i.c.StartsAt, land); now.Before(by) {
		lines = append(lines, "Bitte antworten Sie bis "+Day(by)+", "+by.In(expertpool.Zone()).Format("15:04")+" Uhr. Auch eine Absage hilft: Dann kann jemand anderes gefragt werden.")
	}
	return i.message("reminder", "Erinnerung: "+i.c.called(), mail.Letter{
		Lines:  append(lines, "Ein Tipp genügt; eine Anmeldung ist dafür nicht nötig."),
		Button: "Zusagen oder absagen", URL: i.answerURL,
		Foot: []string{i.c.foot(), "Der Link gehört zu Ihnen und gilt bis zum Ende der Konferenz. Bitte leiten Sie ihn nicht weiter."},
	})
}

// remindOfDate tells somebody who comes when it is.
func (i invite) remindOfDate(settings string) mail.Message {
	return i.message("date_reminder", "Ihr Termin: "+i.c.called(), mail.Letter{
		Lines: []string{
			"Guten Tag " + i.to.Name + ",",
			"Sie haben zur " + i.c.called() + " zugesagt:",
			When(i.c.StartsAt, i.c.EndsAt) + ", per Video.",
			"Der Raum öffnet 30 Minuten vorher. Kommt etwas dazwischen, sagen Sie bitte über den Link in der Einladung ab.",
		},
		Button: "Zur Konferenz", URL: i.joinURL,
		Foot: []string{i.c.foot(), "Diese Erinnerung lässt sich abstellen: " + settings},
	})
}
