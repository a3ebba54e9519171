package conference

import (
	"fmt"
	"strings"
	"time"

	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/mail"
)

// Mails about a poll follow the rule of letters.go: code, dates and links. Nobody reads who else is asked, or what for.

// stamped says a moment as people say it: Donnerstag, 3. Dezember 2026, 14:00 Uhr.
func stamped(t time.Time) string {
	return Day(t) + ", " + t.In(expertpool.Zone()).Format("15:04") + " Uhr"
}

func pollLetter(p Poll, to mail.Address, kind, subject string, l mail.Letter) mail.Message {
	l.Lines = append([]string{"Guten Tag " + to.Name + ","}, l.Lines...)
	c := Conference{Code: p.Code}
	l.Foot = append([]string{c.foot()}, l.Foot...)
	return mail.Message{
		Kind: kind, Conference: p.Code, Organisation: p.Organisation, To: to,
		Subject: c.called() + ": " + subject, Text: l.Text(), HTML: l.HTML(),
	}
}

const ownPollLink = "Der Link gehört zu Ihnen und endet mit der Umfrage. Bitte leiten Sie ihn nicht weiter."

func pollAsked(p Poll, to mail.Address, url string) mail.Message {
	var dates []string
	for _, o := range p.Options {
		dates = append(dates, When(o.Start, o.Start.Add(p.Length)))
	}
	return pollLetter(p, to, "poll", "Welcher Termin passt Ihnen?", mail.Letter{
		Lines: []string{
			fmt.Sprintf("für eine Konferenz per Video von %d Minuten wird ein Termin gesucht. Zur Wahl stehen:", int(p.Length.Minutes())),
			strings.Join(dates, "\n"),
			"Bitte antworten Sie bis " + stamped(p.Deadline) + ". Eine Anmeldung ist dafür nicht nötig.",
			"Damit ist noch nichts zugesagt: Steht der Termin fest, bekommen Sie eine Einladung.",
		},
		Button: "Sagen, was passt", URL: url, Foot: []string{ownPollLink},
	})
}

func pollReminder(p Poll, to mail.Address, url string) mail.Message {
	return pollLetter(p, to, "poll_reminder", "Ihre Antwort zum Termin fehlt noch", mail.Letter{
		Lines:  []string{"bei der Suche nach einem Termin fehlt noch Ihre Antwort. Bitte geben Sie sie bis " + stamped(p.Deadline) + "."},
		Button: "Sagen, was passt", URL: url, Foot: []string{ownPollLink},
	})
}

func pollGrown(p Poll, to mail.Address, url string) mail.Message {
	return pollLetter(p, to, "poll", "ein weiterer Termin steht zur Wahl", mail.Letter{
		Lines: []string{
			"bei der Suche nach einem Termin steht ein weiterer zur Wahl. Was Sie schon geantwortet haben, bleibt. Bitte antworten Sie bis " + stamped(p.Deadline) + ".",
		},
		Button: "Sagen, was passt", URL: url, Foot: []string{ownPollLink},
	})
}

// pollOver tells somebody who was asked that nobody waits for her any more, and not why.
func pollOver(p Poll, to mail.Address) mail.Message {
	return pollLetter(p, to, "poll_over", "Ihre Antwort wird nicht mehr gebraucht", mail.Letter{
		Lines: []string{"die Suche nach einem Termin ist beendet. Diesmal werden Sie nicht gebraucht und müssen nichts weiter tun. Vielen Dank!"},
	})
}

// pollFound tells whoever leads a poll that a date is kept free.
func pollFound(p Poll, start, until time.Time, to mail.Address, url string) mail.Message {
	return pollLetter(p, to, "poll_found", "ein Termin ist gefunden", mail.Letter{
		Lines: []string{
			"am " + When(start, start.Add(p.Length)) + " können alle, die gebraucht werden. Bis " + stamped(until) + " ist diese Zeit vorgemerkt.",
			"Eingeladen ist noch niemand: Bitte bestätigen Sie den Termin.",
		},
		Button: "Termin ansehen", URL: url,
	})
}

// pollAnswered tells whoever leads a poll that nobody owes an answer.
func pollAnswered(p Poll, to mail.Address, url string) mail.Message {
	return pollLetter(p, to, "poll_answered", "alle haben geantwortet", mail.Letter{
		Lines: []string{"alle, die Sie nach einem Termin gefragt haben, haben geantwortet."}, Button: "Antworten ansehen", URL: url,
	})
}

// pollOverdue tells whoever leads a poll that answers are missing although the deadline has passed: how many, not whose.
func pollOverdue(p Poll, to mail.Address, url string) mail.Message {
	asked := p.Asked()
	return pollLetter(p, to, "poll_overdue", "die Frist ist abgelaufen", mail.Letter{
		Lines: []string{
			fmt.Sprintf("bei der Suche nach einem Termin ist die Frist abgelaufen. Antworten liegen vor von %d der %d Gefragten.", asked-len(p.Waiting()), asked),
			"Sie können einen Termin bestätigen, die Frist verlängern oder die Suche beenden.",
		},
		Button: "Antworten ansehen", URL: url,
	})
}
