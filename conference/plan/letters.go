package plan

import (
	"github.com/google/uuid"

	"github.com/konsil-server/konsil/expertpool/mail"
)

// Mails about measures name the conference by its pseudonym and the date, never what was agreed.

type letter struct {
	subject string
	mail.Letter
}

const noContent = "Diese Mail nennt weder Fall noch Maßnahme. Was vereinbart wurde, steht auf der Seite hinter dem Link."

func askToAccept(m Measure, url string) letter {
	return letter{m.called() + ": Nehmen Sie eine Maßnahme an?", mail.Letter{
		Lines: []string{
			"Guten Tag,",
			"in der " + m.called() + " wurde eine Maßnahme auf Ihren Namen vorgeschlagen, fällig am " + m.DueOn.Format("02.01.2006") + ".",
			"Sie gilt erst, wenn Sie sie annehmen.",
		},
		Button: "Maßnahme ansehen", URL: url,
		Foot: []string{noContent, "Der Link gehört zu Ihnen. Bitte leiten Sie ihn nicht weiter."},
	}}
}

func askForOutcome(m Measure, url string) letter {
	return letter{m.called() + ": Was wurde aus Ihrer Maßnahme?", mail.Letter{
		Lines: []string{
			"Guten Tag,",
			"Ihre Maßnahme aus der " + m.called() + " war fällig am " + m.DueOn.Format("02.01.2006") + ".",
			"Ein Tipp genügt: erledigt, noch nicht, oder nicht möglich, weil …",
		},
		Button: "Rückmeldung geben", URL: url,
		Foot: []string{noContent, "Der Link gehört zu Ihnen. Bitte leiten Sie ihn nicht weiter."},
	}}
}

// called is what the conference of a measure is called.
func (m Measure) called() string {
	if m.Case == uuid.Nil {
		return "Fachkonferenz " + m.ConferenceCode
	}
	return "Fallkonferenz " + m.ConferenceCode
}
