package web

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/expertpool/mail"
)

// published are text records of a domain; every other name has none.
type published map[string][]string

func (p published) LookupTXT(_ context.Context, name string) ([]string, error) { return p[name], nil }

func TestSomebodyTriesHerCalendarFromHerPage(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	ewald := s.as("Ewald")
	const page = "/me/calendar"
	if a := ewald.get(page); a.Status != http.StatusOK || !a.Has("Testeinladung an mich schicken") || a.Has("DMARC") || a.Has("⟨") {
		t.Fatalf("before: %d %s", a.Status, a.Body)
	}
	if a := ewald.post(page, typed("act", "begin")); a.Status != http.StatusOK || !a.Has("Jetzt verlegen") || !a.Has("Noch nichts.") || a.Has("⟨") {
		t.Fatalf("begun: %d %s", a.Status, a.Body)
	}
	uid := strings.TrimSpace(query[string](s, `select uid from test_invitation`))
	inbox := mail.NewInbox(s.Mails, func(ctx context.Context, tx pgx.Tx, in mail.Inbound) (mail.Verdict, error) {
		v, _, err := s.Trials.Received(ctx, tx, in)
		return v, err
	})
	s.must(inbox.Ingest(t.Context(), "imap", "termine@konsil.test", []byte("From: ewald@konsil.test\r\nContent-Type: text/calendar\r\n\r\nBEGIN:VCALENDAR\r\nMETHOD:REPLY\r\n"+
		"BEGIN:VEVENT\r\nUID:"+uid+"\r\nDTSTAMP:20270101T000000Z\r\nATTENDEE;PARTSTAT=ACCEPTED:mailto:ewald@konsil.test\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")))
	for more := true; more; {
		var err error
		more, err = inbox.Next(t.Context())
		s.must(err)
	}
	if a := ewald.get(page); !a.Has("Ihre Zusage kam per Mail an.") {
		t.Errorf("answered: %s", a.Body)
	}
	ewald.post(page, typed("act", "move"))
	if a := ewald.post(page, typed("act", "tick", "seen", "time")); !a.Has(`value="time" checked`) || !a.Has("Ich wurde noch einmal gefragt.") || a.Has("⟨") {
		t.Errorf("moved and ticked: %s", a.Body)
	}
	if a := ewald.post(page, typed("act", "cancel")); !a.Has("Noch eine Testeinladung schicken") || !a.Has("durchgestrichen") || a.Has("⟨") {
		t.Errorf("called off: %s", a.Body)
	}
	if a := ewald.post(page, typed("act", "cancel")); a.Status != http.StatusConflict || !a.Has("schon abgesagt") {
		t.Errorf("called off twice: %d %s", a.Status, a.Body)
	}
	if a := ewald.post(page, typed("act", "private", "private", "yes")); !a.Has(`name="private" value="yes" checked`) {
		t.Errorf("private: %s", a.Body)
	}
	if a := s.as("Clara").get(page); !a.Has("Testeinladung an mich schicken") || a.Has("Zusage kam") {
		t.Error("somebody else sees the test")
	}
}

func TestTheCoordinationSeesHowTheMailDomainStands(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	if a := s.as("Clara").get("/me/calendar?domain=yes"); a.Status != http.StatusOK || !a.Has("Steht zweimal da; dann gilt keiner. Bitte") || !a.Has("verlangt aber nichts") || !a.Has("Unter den üblichen Namen") || a.Has("⟨") {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	if a := s.as("Ewald").get("/me/calendar?domain=yes"); a.Has("DMARC") {
		t.Error("who cannot see to it is told")
	}
}
