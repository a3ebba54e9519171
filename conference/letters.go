package conference

import (
	"fmt"
	"time"

	"github.com/konsil-server/konsil/conference/ical"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/mail"
)

// What goes out by mail and calendar: code, date and links. Never the question, a discipline, another person or anything of
// the case: the words below are all there is.

const noContent = "Diese Mail enthält keine Angaben zum Fall. Alles Weitere finden Sie nach der Anmeldung."

// invite is what a mail about an invitation is made of.
type invite struct {
	c         Conference
	uid       string
	sequence  int
	stamped   time.Time
	organizer string
	to        mail.Address
	answerURL string
	joinURL   string
	utc       bool // by the installation's choice
	private   bool // by hers
}

func (i invite) event() ical.Event {
	zone := expertpool.Zone().String()
	if i.utc {
		zone = "UTC"
	}
	return ical.Event{
		UID: i.uid, Sequence: i.sequence, Stamp: i.stamped, Start: i.c.StartsAt, End: i.c.EndsAt, Zone: zone, Private: i.private,
		Summary:     "Fallkonferenz " + i.c.Code,
		Description: "Videokonferenz. Beitritt ab 30 Minuten vor Beginn, nach der Anmeldung: " + i.joinURL + "\nDieser Termin enthält keine Angaben zum Fall.",
		Location:    "Video",
		URL:         i.joinURL,
		Organizer:   ical.Address{Name: "konsil Termine", Email: i.organizer},
		Attendee:    ical.Address{Name: i.to.Name, Email: i.to.Email},
	}
}

func (i invite) message(kind, subject string, l mail.Letter) mail.Message {
	return mail.Message{
		From: i.organizer, Kind: kind, Conference: i.c.Code, Organisation: i.c.Organisation, To: i.to,
		Subject: fmt.Sprintf("%s · %s", subject, When(i.c.StartsAt, i.c.EndsAt)), Text: l.Text(), HTML: l.HTML(),
	}
}

func (i invite) request(moved bool) (mail.Message, error) {
	raw, err := ical.Request(i.event())
	if err != nil {
		return mail.Message{}, err
	}
	kind, subject := "invitation", "Fallkonferenz "+i.c.Code
	first := "Sie werden zu einer Fallkonferenz gebeten:"
	if moved {
		kind, subject = "update", "Neuer Termin: Fallkonferenz "+i.c.Code
		first = "die Fallkonferenz " + i.c.Code + " ist verlegt. Bitte antworten Sie noch einmal, auch wenn Sie schon zugesagt hatten:"
	}
	m := i.message(kind, subject, mail.Letter{
		Lines:  []string{"Guten Tag " + i.to.Name + ",", first, When(i.c.StartsAt, i.c.EndsAt) + ", per Video.", "Ein Tipp genügt; eine Anmeldung ist dafür nicht nötig."},
		Button: "Zusagen oder absagen", URL: i.answerURL,
		Foot: []string{noContent, "Der Link gehört zu Ihnen und gilt bis zum Ende der Konferenz. Bitte leiten Sie ihn nicht weiter.", "Bitte nehmen Sie " + i.organizer + " in Ihr Adressbuch auf, damit Termine ankommen."},
	})
	m.Calendar, m.Method = raw, "REQUEST"
	return m, nil
}

func (i invite) cancel() (mail.Message, error) {
	raw, err := ical.Cancel(i.event())
	if err != nil {
		return mail.Message{}, err
	}
	m := i.message("cancel", "Abgesagt: Fallkonferenz "+i.c.Code, mail.Letter{
		Lines: []string{"Guten Tag " + i.to.Name + ",", "der Termin der Fallkonferenz " + i.c.Code + " am " + When(i.c.StartsAt, i.c.EndsAt) + " findet für Sie nicht statt. Sie müssen nichts weiter tun."},
		Foot:  []string{noContent},
	})
	m.Calendar, m.Method = raw, "CANCEL"
	return m, nil
}

// stays tells an expert that the date she would have liked better is not to be had.
func (i invite) stays() mail.Message {
	return i.message("proposal_refused", "Es bleibt beim Termin: Fallkonferenz "+i.c.Code, mail.Letter{
		Lines: []string{
			"Guten Tag " + i.to.Name + ",",
			"danke für Ihren Vorschlag. Die Fallkonferenz " + i.c.Code + " lässt sich leider nicht verlegen und bleibt bei diesem Termin:",
			When(i.c.StartsAt, i.c.EndsAt) + ", per Video.",
			"Ihre Antwort können Sie über den Link in der Einladung weiterhin geben oder ändern.",
		},
		Foot: []string{noContent},
	})
}

// seatFree tells the coordination that an expert has left the round, and neither who nor why.
func seatFree(c Conference, to mail.Address, url string) mail.Message {
	return news(c, to, "seat_free", "ein Platz ist frei",
		"in der Fallkonferenz "+c.Code+" am "+When(c.StartsAt, c.EndsAt)+" ist ein Platz wieder frei.", "Runde ansehen", url)
}

// informationAsked tells the caseworker that the round misses something.
func informationAsked(c Conference, to mail.Address, url string) mail.Message {
	return news(c, to, "information_asked", "eine Rückfrage",
		"zur Fallkonferenz "+c.Code+" am "+When(c.StartsAt, c.EndsAt)+" gibt es eine Rückfrage an Sie.", "Rückfrage ansehen", url+"#information")
}

// informationGiven tells whoever asked that there is an answer.
func informationGiven(c Conference, to mail.Address, url string) mail.Message {
	return news(c, to, "information_given", "Antwort auf Ihre Rückfrage",
		"zur Fallkonferenz "+c.Code+" am "+When(c.StartsAt, c.EndsAt)+" ist Ihre Rückfrage beantwortet.", "Antwort ansehen", url+"#information")
}

// news is a mail with one neutral sentence and the way to the conference.
func news(c Conference, to mail.Address, kind, subject, sentence, button, url string) mail.Message {
	l := mail.Letter{Lines: []string{"Guten Tag " + to.Name + ",", sentence}, Button: button, URL: url, Foot: []string{noContent}}
	return mail.Message{
		Kind: kind, Conference: c.Code, Organisation: c.Organisation, To: to,
		Subject: "Fallkonferenz " + c.Code + ": " + subject, Text: l.Text(), HTML: l.HTML(),
	}
}

// outcome tells an expert that a measure she advised on has come to an end.
func outcome(c Conference, to mail.Address, url string) mail.Message {
	return news(c, to, "outcome", "Rückmeldung",
		"zur Fallkonferenz "+c.Code+", in der Sie beraten haben, gibt es eine Rückmeldung. Danke, dass Sie dabei waren.", "Ansehen, was daraus wurde", url)
}

// newDevice tells somebody that a browser has become one of hers. It names neither a conference nor the browser.
func newDevice(to mail.Address, at time.Time) mail.Message {
	l := mail.Letter{
		Lines: []string{
			"Guten Tag " + to.Name + ",",
			"am " + Day(at) + " ist unter Ihrem Namen ein neues Gerät in einen Raum gekommen. Waren Sie das, ist nichts zu tun.",
			"Waren Sie es nicht, melden Sie sich bitte bei der Verwaltung Ihrer Einrichtung, damit Ihr Konto gesperrt wird.",
		},
		Foot: []string{noContent, "Ein Gerät heißt hier: ein Browser. Ein anderer Browser oder ein anderes Profil zählt als neues Gerät."},
	}
	return mail.Message{Kind: "device", To: to, Subject: "Neues Gerät in Ihrem Konto", Text: l.Text(), HTML: l.HTML()}
}
