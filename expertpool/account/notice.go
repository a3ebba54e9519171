package account

import (
	"slices"

	"github.com/konsil-server/konsil/expertpool/mail"
)

// Notice is a change to an account of which its owner is told by mail. See Store.Tell.
type Notice string

const (
	Created         Notice = "created"
	RoleChanged     Notice = "role"
	NameChanged     Notice = "name"
	AddressChanged  Notice = "address" // told at the old address and at the new one
	PasswordChanged Notice = "password"
	PasskeyAdded    Notice = "passkey_added"
	PasskeyRemoved  Notice = "passkey_removed"
	CodesOn         Notice = "codes_on"       // codes from an app (TOTP) are asked for
	CodesOff        Notice = "codes_off"      // not any more
	RecoveryDrawn   Notice = "recovery_drawn" // a new set of recovery codes
	RecoveryUsed    Notice = "recovery_used"
	SignInLinked    Notice = "sign_in_linked" // the organisation's own sign-in leads here
	SignInUnlinked  Notice = "sign_in_unlinked"
	BrowserNew      Notice = "browser_new" // signed in from a browser that was not seen before
	SessionsEnded   Notice = "sessions_ended"
	Disabled        Notice = "disabled"
	Enabled         Notice = "enabled"
)

// notices are the sentences. They name neither a case nor anybody else, and no secret.
var notices = map[Notice]struct{ subject, sentence string }{
	Created:         {"Ihr Zugang", "für Sie wurde ein Zugang zu konsil eingerichtet."},
	RoleChanged:     {"Ihre Rolle hat sich geändert", "Ihre Rolle in konsil wurde geändert. Bitte melden Sie sich neu an."},
	NameChanged:     {"Ihr Name hat sich geändert", "der Name, unter dem Sie in konsil zu sehen sind, wurde geändert."},
	AddressChanged:  {"Ihre Mailadresse hat sich geändert", "für Ihren Zugang zu konsil gilt eine andere Mailadresse als bisher. Diese Mail geht an die alte und an die neue."},
	PasswordChanged: {"Ihr Passwort hat sich geändert", "das Passwort Ihres Zugangs wurde geändert. Andere Anmeldungen wurden beendet."},
	PasskeyAdded:    {"Neuer Passkey", "zu Ihrem Zugang gehört ein neuer Passkey."},
	PasskeyRemoved:  {"Passkey entfernt", "ein Passkey Ihres Zugangs wurde entfernt."},
	CodesOn:         {"Codes aus einer App", "Ihr Zugang fragt ab jetzt nach einem Code aus einer App."},
	CodesOff:        {"Keine Codes mehr", "Ihr Zugang fragt nicht mehr nach einem Code aus einer App."},
	RecoveryDrawn:   {"Neue Ersatzcodes", "für Ihren Zugang gibt es neue Ersatzcodes. Die alten gelten nicht mehr."},
	RecoveryUsed:    {"Ein Ersatzcode wurde benutzt", "mit einem Ihrer Ersatzcodes hat sich jemand angemeldet. Jeder gilt nur einmal."},
	SignInLinked:    {"Anmeldung verknüpft", "Ihr Zugang ist mit der Anmeldung Ihrer Einrichtung verknüpft."},
	SignInUnlinked:  {"Anmeldung getrennt", "Ihr Zugang ist nicht mehr mit der Anmeldung Ihrer Einrichtung verknüpft."},
	BrowserNew:      {"Anmeldung mit einem neuen Browser", "mit Ihrem Zugang hat sich jemand in einem Browser angemeldet, der bisher nicht bekannt war."},
	SessionsEnded:   {"Anmeldungen beendet", "Ihre Anmeldungen in anderen Browsern wurden beendet."},
	Disabled:        {"Ihr Zugang ist gesperrt", "Ihr Zugang zu konsil wurde gesperrt. Eine Anmeldung ist nicht mehr möglich."},
	Enabled:         {"Ihr Zugang ist wieder offen", "Ihr Zugang zu konsil wurde wieder geöffnet."},
}

// neverMind is for those who did it themselves, and for those who did not.
const neverMind = "Haben Sie das selbst getan oder wussten davon, ist nichts zu tun. Sonst melden Sie sich bitte gleich bei der Verwaltung Ihrer Einrichtung."

// message is the mail about a change. setUp is the link with which a new account is set up, empty in all other mails: a mail
// about safety that wants a click would teach people to click.
func (n Notice) message(to mail.Address, setUp string) mail.Message {
	words := notices[n]
	l := mail.Letter{Lines: []string{"Guten Tag " + to.Name + ",", words.sentence}, Foot: []string{"Diese Mail enthält keine Angaben zu einem Fall."}}
	if setUp != "" {
		l.Lines = append(l.Lines, "Bitte legen Sie fest, wie Sie sich anmelden. Der Link gilt 24 Stunden und nur einmal.")
		l.Button, l.URL = "Zugang einrichten", setUp
		l.Foot = slices.Concat([]string{"Der Link gehört zu Ihnen. Bitte leiten Sie ihn nicht weiter."}, l.Foot)
	} else {
		l.Lines = append(l.Lines, neverMind)
	}
	return mail.Message{Kind: "account", To: to, Subject: "konsil: " + words.subject, Text: l.Text(), HTML: l.HTML()}
}
