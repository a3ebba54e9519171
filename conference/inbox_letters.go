package conference

import (
	"fmt"

	"github.com/konsil-server/konsil/expertpool/mail"
)

// requestUrgent tells the coordination that somebody needs an answer soon.
func requestUrgent(r Request, to mail.Address, url string) mail.Message {
	return aboutRequest(r, to, "request_urgent", "Dringende Anfrage", "eine dringende Anfrage wartet auf die Koordination.", "Anfrage ansehen", url)
}

// requestDeclined tells the caseworker that there is a decision, not which.
func requestDeclined(r Request, to mail.Address, url string) mail.Message {
	return aboutRequest(r, to, "request_decided", "Ihre Anfrage", "über Ihre Anfrage ist entschieden. Was Sie jetzt tun können, steht dabei.", "Entscheidung ansehen", url)
}

// inquiryMade tells the caseworker that the coordination asks back.
func inquiryMade(r Request, to mail.Address, url string) mail.Message {
	return aboutRequest(r, to, "inquiry", "eine Rückfrage", "zu Ihrer Anfrage gibt es eine Rückfrage der Koordination.", "Rückfrage ansehen", url+"#inquiry")
}

// inquiryAnswered tells whoever asked back that there is an answer.
func inquiryAnswered(r Request, to mail.Address, url string) mail.Message {
	return aboutRequest(r, to, "inquiry_answered", "Antwort auf Ihre Rückfrage", "eine Anfrage, zu der Sie eine Rückfrage hatten, wartet wieder auf die Koordination.", "Antwort ansehen", url+"#inquiry")
}

// aboutRequest is a mail with one neutral sentence and the way to the request. Its code is for those who look after several.
func aboutRequest(r Request, to mail.Address, kind, subject, sentence, button, url string) mail.Message {
	m := inboxMail(to, kind, subject, sentence, button, url)
	if r.Code != "" {
		m.Subject = "Anfrage " + r.Code + ": " + subject
	}
	return m
}

// requestsCame tells the coordination how many requests have come since it was told last.
func requestsCame(n int, to mail.Address, url string) mail.Message {
	subject, sentence := "Eine neue Anfrage", "eine neue Anfrage wartet auf die Koordination."
	if n > 1 {
		subject, sentence = fmt.Sprintf("%d neue Anfragen", n), fmt.Sprintf("%d neue Anfragen warten auf die Koordination.", n)
	}
	return inboxMail(to, "requests", subject, sentence, "Anfragen ansehen", url)
}

func inboxMail(to mail.Address, kind, subject, sentence, button, url string) mail.Message {
	l := mail.Letter{Lines: []string{"Guten Tag " + to.Name + ",", sentence}, Button: button, URL: url, Foot: []string{noContent}}
	return mail.Message{Kind: kind, To: to, Subject: subject, Text: l.Text(), HTML: l.HTML()}
}
