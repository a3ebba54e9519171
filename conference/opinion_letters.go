package conference

import (
	"time"

	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/mail"
)

// Until says a moment as the end of a term: Freitag, 4. Dezember 2026, 18:00 Uhr.
func Until(t time.Time) string {
	return Day(t) + ", " + t.In(expertpool.Zone()).Format("15:04") + " Uhr"
}

// inWriting asks somebody for a written opinion instead of coming. There is no date, so that it has no calendar object.
func (i invite) inWriting() mail.Message {
	until := Until(i.c.OpinionsDue())
	l := mail.Letter{
		Lines: []string{
			"Guten Tag " + i.to.Name + ",", "Sie werden um ein schriftliches Votum gebeten, ohne Treffen und ohne Termin. Es dauert wenige Minuten und ist möglich bis:", until + ".",
			"Ein Tipp genügt, um zu- oder abzusagen; eine Anmeldung ist dafür nicht nötig. Danach melden Sie sich an und antworten auf einer Seite.",
		},
		Button: "Zusagen oder absagen", URL: i.answerURL,
		Foot: []string{noContent, "Der Link gehört zu Ihnen und gilt bis zum Ende der Frist. Bitte leiten Sie ihn nicht weiter."},
	}
	return i.plain("invitation", "Schriftliches Votum "+i.c.Code+" · bis "+until, l)
}

// inWritingOff ends what inWriting asked for.
func (i invite) inWritingOff() mail.Message {
	return i.plain("cancel", "Nicht mehr nötig: schriftliches Votum "+i.c.Code, mail.Letter{
		Lines: []string{"Guten Tag " + i.to.Name + ",", "das schriftliche Votum " + i.c.Code + " wird von Ihnen nicht mehr gebraucht. Sie müssen nichts weiter tun."},
		Foot:  []string{noContent},
	})
}

func (i invite) plain(kind, subject string, l mail.Letter) mail.Message {
	return mail.Message{
		From: i.organizer, Thread: i.thread, Opens: i.opens, Kind: kind, Conference: i.c.Code, Organisation: i.c.Organisation, To: i.to,
		Subject: subject, Text: l.Text(), HTML: l.HTML(),
	}
}

// opinionAsked asks an expert who has accepted for her first opinion.
func opinionAsked(c Conference, to mail.Address, url string) mail.Message {
	return news(c, to, "opinion_asked", "Ihre Einschätzung", "wir bitten Sie um eine kurze Einschätzung in drei Zeilen, bis "+Until(c.OpinionsDue())+
		". Die anderen lesen sie erst, wenn alle geantwortet haben.", "Einschätzung schreiben", url+"/opinion")
}

// opinionDue reminds an expert, once.
func opinionDue(c Conference, to mail.Address, url string) mail.Message {
	return news(c, to, "opinion_due", "Ihr Votum fehlt noch", "für das schriftliche Votum "+c.Code+" ist noch Zeit bis "+Until(c.OpinionsDue())+".",
		"Votum schreiben", url+"/opinion")
}

// opinionLonger tells an expert who has not answered that there is more time.
func opinionLonger(c Conference, to mail.Address, url string) mail.Message {
	return news(c, to, "opinion_longer", "mehr Zeit", "für das schriftliche Votum "+c.Code+" ist mehr Zeit, bis "+Until(c.OpinionsDue())+".",
		"Votum schreiben", url+"/opinion")
}

// opinionsIn tells the moderation that a conference in writing has come to its end.
func opinionsIn(c Conference, to mail.Address, url string) mail.Message {
	return news(c, to, "opinions_in", "die Voten liegen vor", "zur schriftlichen Konferenz "+c.Code+" liegen die Voten vor. Das Protokoll ist als Entwurf angelegt.",
		"Protokoll ansehen", url+"/minutes")
}
