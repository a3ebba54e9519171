// Package trial lets people see what their calendars make of konsil's dates: an invitation that somebody sends to herself, moves and calls
// off, with what comes back of it.
//
// It owns the tables test_invitation, test_answer and calendar_choice. A test goes through the same calendar objects, mails and inbox as a
// real invitation and belongs to no case and no conference; what comes back for it ends here and reaches nobody else.
package trial

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference/ical"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/mail"
)

// Steps of a test, in their order.
const (
	Asked     = "asked"
	Moved     = "moved"
	Cancelled = "cancelled"
)

// most is how many test mails somebody can send herself in a day.
const most = 20

// kind is that of every mail of a test.
const kind = "trial"

// Trial is somebody's test as it stands.
type Trial struct {
	ID               uuid.UUID
	Step             string
	StartsAt, EndsAt time.Time
	Ticks            []string // what she saw, of Checks
	Answers          []Answer // what came back, the oldest first
	uid              string
	sequence         int
	stamped          time.Time
	organizer        string
}

// Answer is something that came back. Said is accepted, tentative, declined, proposed, asked_again, came_back or unclear; Old, that it is
// about a date from before the move.
type Answer struct {
	At   time.Time
	Said string
	Old  bool
}

// Checks are what to look for in one's calendar, by the step after which it can be seen.
func Checks() map[string][]string {
	return map[string][]string{
		Asked: {"arrived", "buttons", "time", "entry"}, Moved: {"moved", "asked_anew", "single"}, Cancelled: {"gone"},
	}
}

// Reached tells whether a test is at a step or past it.
func (t Trial) Reached(step string) bool {
	order := []string{Asked, Moved, Cancelled}
	return slices.Index(order, t.Step) >= slices.Index(order, step)
}

// Ticked tells whether she has seen something.
func (t Trial) Ticked(check string) bool { return slices.Contains(t.Ticks, check) }

// day is when a test takes place: in a week, at ten, on a day people work.
func day(now time.Time) time.Time {
	local := now.In(expertpool.Zone())
	at := time.Date(local.Year(), local.Month(), local.Day()+7, 10, 0, 0, 0, expertpool.Zone())
	for at.Weekday() == time.Saturday || at.Weekday() == time.Sunday {
		at = at.AddDate(0, 0, 1)
	}
	return at
}

func (t Trial) event(to mail.Address, zone, url string, private bool) ical.Event {
	return ical.Event{
		UID: t.uid, Sequence: t.sequence, Stamp: t.stamped, Start: t.StartsAt, End: t.EndsAt, Zone: zone, Private: private,
		Summary: "Testeinladung von konsil", Location: "Kein Ort, nur ein Test", Description: "Nur ein Test. Bitte sagen Sie zu oder ab, wie Sie es sonst tun.",
		URL: url, Organizer: ical.Address{Name: "konsil Termine", Email: t.organizer}, Attendee: ical.Address{Name: to.Name, Email: to.Email},
	}
}

// letter is the mail around a test's calendar object.
func (t Trial) letter(to mail.Address, when, url string) mail.Message {
	subject, lines := "Testeinladung von konsil", []string{"das ist die Testeinladung, die Sie sich geschickt haben:", when + ".", "Bitte sagen Sie in Ihrem Kalender zu oder ab."}
	switch t.Step {
	case Moved:
		subject, lines = "Neuer Termin: Testeinladung von konsil", []string{"der Testtermin ist verlegt:", when + ".", "Ihr Kalender sollte Sie noch einmal fragen. Bitte antworten Sie."}
	case Cancelled:
		subject, lines = "Abgesagt: Testeinladung von konsil", []string{"der Testtermin ist abgesagt:", when + ".", "Er sollte aus Ihrem Kalender verschwinden."}
	}
	l := mail.Letter{Lines: append([]string{"Guten Tag " + to.Name + ","}, lines...)}
	if t.Step != Cancelled {
		l.Button, l.URL = "Zur Prüfliste", url
	}
	return mail.Message{Kind: kind, Thread: t.ID.String(), From: t.organizer, To: to, Subject: subject + " · " + when, Text: l.Text(), HTML: l.HTML()}
}

// meaning is what a calendar object that came back says.
func meaning(o *ical.Object) string {
	switch o.Method {
	case "COUNTER":
		return "proposed"
	case "REFRESH":
		return "asked_again"
	case "REPLY":
		if len(o.Attendees) == 1 && !o.Attendees[0].Delegated {
			switch o.Attendees[0].Partstat {
			case "ACCEPTED":
				return "accepted"
			case "TENTATIVE":
				return "tentative"
			case "DECLINED":
				return "declined"
			}
		}
	}
	return "unclear"
}
