package conference

import (
	"github.com/konsil-server/konsil/expertpool/mail"
)

// standInAsked asks somebody to come in another's place: no calendar object, because the place may be gone before she reads it.
func standInAsked(c Conference, to mail.Address, url string) mail.Message {
	l := mail.Letter{
		Lines: []string{
			"Guten Tag " + to.Name + ",",
			"für die " + c.called() + " wird kurzfristig eine Vertretung gesucht:",
			When(c.StartsAt, c.EndsAt) + ", per Video.",
			"Ein Tipp genügt. Mehrere werden gefragt; der Platz gehört der ersten Zusage.",
		},
		Button: "Einspringen oder absagen", URL: url,
		Foot: []string{c.foot(), "Der Link gehört zu Ihnen. Bitte leiten Sie ihn nicht weiter."},
	}
	return mail.Message{
		Kind: "stand_in", Conference: c.Code, Organisation: c.Organisation, To: to,
		Subject: "Können Sie einspringen? " + c.called() + " · " + When(c.StartsAt, c.EndsAt), Text: l.Text(), HTML: l.HTML(),
	}
}

// standInThanks tells somebody who was asked that she need not come.
func standInThanks(c Conference, to mail.Address) mail.Message {
	l := mail.Letter{
		Lines: []string{
			"Guten Tag " + to.Name + ",",
			"für die " + c.called() + " am " + When(c.StartsAt, c.EndsAt) + " wird keine Vertretung mehr gebraucht. Danke, dass wir Sie fragen durften.",
		},
		Foot: []string{c.foot()},
	}
	return mail.Message{
		Kind: "stand_in_thanks", Conference: c.Code, Organisation: c.Organisation, To: to,
		Subject: "Danke, schon vergeben: " + c.called(), Text: l.Text(), HTML: l.HTML(),
	}
}

// standInFound and standInMissing tell the coordination how a search has ended, and neither who nor of which discipline.
func standInFound(c Conference, to mail.Address, url string) mail.Message {
	return news(c, to, "stand_in_found", "eine Vertretung ist da",
		"für die "+c.called()+" am "+When(c.StartsAt, c.EndsAt)+" hat eine Vertretung zugesagt.", "Runde ansehen", url)
}

func standInMissing(c Conference, to mail.Address, url string) mail.Message {
	return news(c, to, "stand_in_missing", "keine Vertretung gefunden",
		"für die "+c.called()+" am "+When(c.StartsAt, c.EndsAt)+" hat niemand zugesagt. Bitte entscheiden Sie, wie es weitergeht.", "Entscheiden", url+"#stand-in")
}
