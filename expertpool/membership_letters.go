package expertpool

import (
	"fmt"
	"time"

	"github.com/konsil-server/konsil/expertpool/mail"
)

// What goes out by mail about a place in the pool: dates and links. Never what was checked, a tie, a case or another person.

type letter struct {
	kind, subject string
	mail.Letter
}

const (
	yours     = "Der Link gehört zu Ihnen. Bitte leiten Sie ihn nicht weiter."
	notAsked  = "Sie haben das nicht veranlasst? Dann brauchen Sie nichts zu tun."
	signature = "konsil, Fallkonferenzen"
)

func confirmAddress(url string) letter {
	return letter{"application", "Bitte bestätigen Sie Ihre Adresse", mail.Letter{
		Lines: []string{
			"Guten Tag,",
			"mit dieser Adresse hat sich jemand für einen Expertenpool beworben. Die Koordination sieht die Bewerbung erst, wenn Sie die Adresse bestätigen. Das geht zwei Tage lang.",
		},
		Button: "Adresse bestätigen", URL: url, Foot: []string{notAsked, signature},
	}}
}

func alreadyKnown(url string) letter {
	return letter{"application", "Ihre Bewerbung für einen Expertenpool", mail.Letter{
		Lines: []string{
			"Guten Tag,",
			"mit dieser Adresse hat sich jemand für einen Expertenpool beworben. Für sie gibt es schon einen Zugang; eine neue Bewerbung ist nicht nötig.",
		},
		Button: "Zur Anmeldung", URL: url, Foot: []string{notAsked, signature},
	}}
}

func welcome(url string, until time.Time) letter {
	return letter{"setup", "Ihr Zugang zum Expertenpool", mail.Letter{
		Lines: []string{
			"Guten Tag,",
			"Sie sind in einen Expertenpool für Fallkonferenzen aufgenommen. Bitte richten Sie Ihren Zugang ein, lesen und unterzeichnen Sie die Erklärung zur Verschwiegenheit und nennen Sie Einrichtungen, mit denen Sie verbunden sind.",
			"Eingeladen werden Sie, sobald die Koordination Ihre Qualifikation geprüft hat.",
			"Der Link gilt bis " + stampOf(until) + ". Danach schickt Ihnen die Koordination einen neuen.",
		},
		Button: "Zugang einrichten", URL: url, Foot: []string{yours, signature},
	}}
}

func notAdmitted() letter {
	return letter{"application", "Ihre Bewerbung für den Expertenpool", mail.Letter{
		Lines: []string{
			"Guten Tag,",
			"danke für Ihr Interesse an den Fallkonferenzen. Zurzeit nehmen wir Sie nicht in den Pool auf. Ihre Angaben werden gelöscht.",
		},
		Foot: []string{signature},
	}}
}

func expires(days int, until time.Time, url string) letter {
	return letter{"verification", fmt.Sprintf("Ihre Prüfung für den Expertenpool läuft in %s ab", inDays(days)), mail.Letter{
		Lines: []string{
			"Guten Tag,",
			"die Koordination hat Ihre Qualifikation bis zum " + until.Format("02.01.2006") + " geprüft. Danach können Sie nicht mehr zu Konferenzen eingeladen werden.",
			"Bitte sprechen Sie mit der Koordination, welchen Nachweis sie noch einmal sehen möchte.",
		},
		Button: "Stand ansehen", URL: url, Foot: []string{signature},
	}}
}

func expiresForOwner(days int, url string) letter {
	return letter{"verification", "Eine Prüfung im Expertenpool läuft in " + inDays(days) + " ab", mail.Letter{
		Lines: []string{
			"Guten Tag,",
			"in Ihrem Expertenpool läuft eine Prüfung in " + inDays(days) + " ab. Die Person ist benachrichtigt. Danach kann sie nicht mehr eingeladen werden.",
		},
		Button: "Eintrag öffnen", URL: url, Foot: []string{signature},
	}}
}

func signAnew(url string) letter {
	return letter{"declaration", "Bitte unterzeichnen Sie die neue Erklärung zur Verschwiegenheit", mail.Letter{
		Lines: []string{
			"Guten Tag,",
			"für den Expertenpool gilt eine neue Fassung der Erklärung zur Verschwiegenheit. Bis Sie sie unterzeichnet haben, können Sie nicht zu weiteren Konferenzen eingeladen werden. Zugesagte Termine bleiben.",
		},
		Button: "Lesen und unterzeichnen", URL: url, Foot: []string{signature},
	}}
}

func stillRight(url string) letter {
	return letter{"listing", "Stimmt Ihr Eintrag im Expertenpool noch?", mail.Letter{
		Lines: []string{
			"Guten Tag,",
			"einmal im Vierteljahr fragen wir, ob Ihr Eintrag noch stimmt. Ein Tipp genügt; eine Anmeldung ist dafür nicht nötig.",
		},
		Button: "Eintrag ansehen", URL: url, Foot: []string{yours, signature},
	}}
}

func farewell() letter {
	return letter{"leaving", "Sie haben den Expertenpool verlassen", mail.Letter{
		Lines: []string{
			"Guten Tag,",
			"Ihre Mitwirkung im Expertenpool ist beendet. Ihr Zugang ist geschlossen, offene Einladungen sind abgesagt, Ihre Angaben im Verzeichnis sind gelöscht.",
			"Was Sie in Konferenzen erfahren haben, bleibt vertraulich, auch jetzt.",
		},
		Foot: []string{"Danke für Ihre Zeit und Ihren Rat.", signature},
	}}
}

func agreementEnds(days int, url string) letter {
	return letter{"agreement", "Eine Kooperationsvereinbarung endet in " + inDays(days), mail.Letter{
		Lines: []string{
			"Guten Tag,",
			"eine Kooperationsvereinbarung Ihres Netzwerks endet in " + inDays(days) + ". Soll sie weitergelten, tragen Sie bitte die neue Laufzeit ein.",
		},
		Button: "Vereinbarung öffnen", URL: url, Foot: []string{signature},
	}}
}

func inDays(n int) string {
	switch n {
	case 0:
		return "weniger als einem Tag"
	case 1:
		return "einem Tag"
	}
	return fmt.Sprintf("%d Tagen", n)
}

func stampOf(t time.Time) string { return t.In(Zone()).Format("02.01.2006, 15:04 Uhr") }
