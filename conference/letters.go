package conference

import (
	"fmt"
	"strings"
	"time"

	"github.com/konsil-server/konsil/conference/ical"
	"github.com/konsil-server/konsil/conference/pseudonym"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/mail"
)

// What goes out by mail and calendar: code, date and links. Never the question, a discipline, another person or anything of
// the case: the words below are all there is.

const noContent = "Diese Mail enthält keine Angaben zum Fall. Alles Weitere finden Sie nach der Anmeldung."

// called is what a conference is called in mails and calendars, where its code tells which series it is of.
func (c Conference) called() string {
	if c.topical() {
		return "Fachkonferenz " + c.Code
	}
	return "Fallkonferenz " + c.Code
}

func (c Conference) topical() bool { return strings.HasPrefix(c.Code, pseudonym.OfTopic+"-") }

// silent says that a mail, or a date, tells nothing of what the conference is about.
func (c Conference) silent(what string) string {
	if c.topical() {
		return what + " nennt kein Thema und keine Inhalte."
	}
	return what + " enthält keine Angaben zum Fall."
}

// foot is the last line of mails about a conference.
func (c Conference) foot() string {
	return c.silent("Diese Mail") + " Alles Weitere finden Sie nach der Anmeldung."
}

// invite is what a mail about an invitation is made of.
type invite struct {
	c         Conference
	thread    string // of its mails
	opens     bool   // nothing went before in it
	uid       string
	sequence  int
	stamped   time.Time
	organizer string
	to        mail.Address
	answerURL string
	joinURL   string
	utc       bool // by the installation's choice
	private   bool // by hers
	optional  bool // it can be held without her
	standIn   bool // she has said yes already
}

func (i invite) event() ical.Event {
	zone := expertpool.Zone().String()
	if i.utc {
		zone = "UTC"
	}
	return ical.Event{
		UID: i.uid, Sequence: i.sequence, Stamp: i.stamped, Start: i.c.StartsAt, End: i.c.EndsAt, Zone: zone, Private: i.private,
		Optional: i.optional, DisallowCounter: i.c.Fixed,
		Summary:     i.c.called(),
		Description: "Videokonferenz. Beitritt ab 30 Minuten vor Beginn, nach der Anmeldung: " + i.joinURL + "\n" + i.c.silent("Dieser Termin"),
		Location:    "Video",
		URL:         i.joinURL,
		Organizer:   ical.Address{Name: "konsil Termine", Email: i.organizer},
		Attendee:    ical.Address{Name: i.to.Name, Email: i.to.Email},
	}
}

func (i invite) message(kind, subject string, l mail.Letter) mail.Message {
	return i.plain(kind, fmt.Sprintf("%s · %s", subject, When(i.c.StartsAt, i.c.EndsAt)), l)
}

func (i invite) request(moved bool) (mail.Message, error) {
	raw, err := ical.Request(i.event())
	if err != nil {
		return mail.Message{}, err
	}
	kind, subject := "invitation", i.c.called()
	first := "Sie werden zur " + i.c.called() + " gebeten:"
	if moved {
		kind, subject = "update", "Neuer Termin: "+i.c.called()
		first = "die " + i.c.called() + " ist verlegt. Bitte antworten Sie noch einmal, auch wenn Sie schon zugesagt hatten:"
	}
	last, button := "Ein Tipp genügt; eine Anmeldung ist dafür nicht nötig.", "Zusagen oder absagen"
	if i.standIn {
		first, last, button = "danke, dass Sie einspringen. Hier ist der Termin für Ihren Kalender:", "Ihre Zusage ist notiert; Sie müssen sie nicht wiederholen.", "Antwort ansehen oder ändern"
	}
	m := i.message(kind, subject, mail.Letter{
		Lines:  []string{"Guten Tag " + i.to.Name + ",", first, When(i.c.StartsAt, i.c.EndsAt) + ", per Video.", last},
		Button: button, URL: i.answerURL,
		Foot: []string{i.c.foot(), "Der Link gehört zu Ihnen und gilt bis zum Ende der Konferenz. Bitte leiten Sie ihn nicht weiter.", "Bitte nehmen Sie " + i.organizer + " in Ihr Adressbuch auf, damit Termine ankommen."},
	})
	m.Calendar, m.Method = raw, "REQUEST"
	return m, nil
}

func (i invite) cancel() (mail.Message, error) {
	raw, err := ical.Cancel(i.event())
	if err != nil {
		return mail.Message{}, err
	}
	m := i.message("cancel", "Abgesagt: "+i.c.called(), mail.Letter{
		Lines: []string{"Guten Tag " + i.to.Name + ",", "der Termin der " + i.c.called() + " am " + When(i.c.StartsAt, i.c.EndsAt) + " findet für Sie nicht statt. Sie müssen nichts weiter tun."},
		Foot:  []string{i.c.foot()},
	})
	m.Calendar, m.Method = raw, "CANCEL"
	return m, nil
}

// stays tells an expert that the date she would have liked better is not to be had.
func (i invite) stays() mail.Message {
	return i.message("proposal_refused", "Es bleibt beim Termin: "+i.c.called(), mail.Letter{
		Lines: []string{
			"Guten Tag " + i.to.Name + ",",
			"danke für Ihren Vorschlag. Die " + i.c.called() + " lässt sich leider nicht verlegen und bleibt bei diesem Termin:",
			When(i.c.StartsAt, i.c.EndsAt) + ", per Video.",
			"Ihre Antwort können Sie über den Link in der Einladung weiterhin geben oder ändern.",
		},
		Foot: []string{i.c.foot()},
	})
}

// seatFree tells the coordination that an expert has left the round, and neither who nor why.
func seatFree(c Conference, to mail.Address, url string) mail.Message {
	return news(c, to, "seat_free", "ein Platz ist frei",
		"in der "+c.called()+" am "+When(c.StartsAt, c.EndsAt)+" ist ein Platz wieder frei.", "Runde ansehen", url)
}

// informationAsked tells the caseworker that the round misses something.
func informationAsked(c Conference, to mail.Address, url string) mail.Message {
	return news(c, to, "information_asked", "eine Rückfrage",
		"zur "+c.called()+" am "+When(c.StartsAt, c.EndsAt)+" gibt es eine Rückfrage an Sie.", "Rückfrage ansehen", url+"#information")
}

// informationGiven tells whoever asked that there is an answer.
func informationGiven(c Conference, to mail.Address, url string) mail.Message {
	return news(c, to, "information_given", "Antwort auf Ihre Rückfrage",
		"zur "+c.called()+" am "+When(c.StartsAt, c.EndsAt)+" ist Ihre Rückfrage beantwortet.", "Antwort ansehen", url+"#information")
}

// news is a mail with one neutral sentence and the way to the conference.
func news(c Conference, to mail.Address, kind, subject, sentence, button, url string) mail.Message {
	l := mail.Letter{Lines: []string{"Guten Tag " + to.Name + ",", sentence}, Button: button, URL: url, Foot: []string{c.foot()}}
	return mail.Message{
		Kind: kind, Conference: c.Code, Organisation: c.Organisation, To: to,
		Subject: c.called() + ": " + subject, Text: l.Text(), HTML: l.HTML(),
	}
}

// outcome tells an expert that a measure she advised on has come to an end.
func outcome(c Conference, to mail.Address, url string) mail.Message {
	return news(c, to, "outcome", "Rückmeldung",
		"zur "+c.called()+", in der Sie beraten haben, gibt es eine Rückmeldung. Danke, dass Sie dabei waren.", "Ansehen, was daraus wurde", url)
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
