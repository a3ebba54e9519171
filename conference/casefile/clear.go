package casefile

import (
	"regexp"
	"strings"

	"github.com/konsil-server/konsil/conference/nameguard"
	"github.com/konsil-server/konsil/conference/pseudonym"
)

// standins are what is put in the place of a passage; the name guard takes them for what they are.
func standins() map[nameguard.Class]string {
	return map[nameguard.Class]string{
		nameguard.Person: "[Person]", nameguard.Birthdate: "[Geburtsdatum]", nameguard.Date: "[Datum]", nameguard.Street: "[Adresse]",
		nameguard.Place: "[Ort]", nameguard.Phone: "[Telefon]", nameguard.Email: "[Mail]", nameguard.Web: "[Link]",
		nameguard.Organisation: "[Einrichtung]", nameguard.BankAccount: "[Konto]",
	}
}

// looksLikeCode finds what may be a pseudonym of konsil, as somebody writes it.
var looksLikeCode = regexp.MustCompile(`(?i)\b[EFKT]7[- \x{2011}]?[0-9A-Z]{4}[- \x{2011}]?[0-9A-Z]{6}\b`)

// Clear gives a text without what names somebody: everything that the guard is sure of, everything of the client's, whatever may be a
// person, and pseudonyms that others know the case by. It takes out too much rather than too little, for texts that leave the house.
func (l Lens) Clear(text string) string {
	text = looksLikeCode.ReplaceAllStringFunc(text, func(typed string) string {
		if _, is := pseudonym.Read(typed); is {
			return "[Nummer]"
		}
		return typed
	})
	return l.without(text, func(f nameguard.Finding) bool {
		return sure(f) || f.Confidence == nameguard.Medium && (f.Class == nameguard.Person || ofSubject(f))
	})
}

// without puts what stands for them in the place of some passages.
func (l Lens) without(text string, out func(nameguard.Finding) bool) string {
	var b strings.Builder
	end := 0
	for _, f := range l.Find(text) {
		if !out(f) {
			continue
		}
		by, known := standins()[f.Class]
		if !known {
			by = "[Nummer]"
		}
		b.WriteString(text[end:f.Start] + by)
		end = f.End
	}
	return b.String() + text[end:]
}
