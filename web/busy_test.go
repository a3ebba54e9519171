package web

import (
	"crypto/x509"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/konsil-server/konsil/expertpool"
)

func TestAnExpertLetsHerCalendarBeReadAndForgetsItAgain(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	calendar := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/geheim.ics" {
			http.NotFound(w, r)
			return
		}
		fmt.Fprintf(w, "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:Zahnarzt\r\nDTSTART:%s\r\nDURATION:PT1H\r\nRRULE:FREQ=DAILY;COUNT=3\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
			s.Now().Add(24*time.Hour).UTC().Format("20060102T150405Z"))
	}))
	defer calendar.Close()
	trust := x509.NewCertPool()
	trust.AddCert(calendar.Certificate())
	s.must(s.Pool.ReadCalendars(make([]byte, 32), expertpool.Downloads{Trust: trust, Loopback: true}))

	b := s.as("Ewald")
	if a := b.get("/me/availability"); !a.Has(`href="/me/busy"`) {
		t.Error("nothing leads there")
	}
	for address, says := range map[string]string{"": "Bitte geben Sie die Adresse", "http://127.0.0.1/": "muss mit https:// oder webcal:// beginnen", "kalender": "keine vollständige Adresse"} {
		if a := b.post("/me/busy", typed("act", "keep", "address", address)); a.Status != http.StatusUnprocessableEntity || !a.Has(says) {
			t.Errorf("%q: %d", address, a.Status)
		}
	}
	a := b.post("/me/busy", typed("act", "keep", "address", calendar.URL+"/geheim.ics"))
	if a.Status != http.StatusOK || !a.Has("3 belegte Zeiten in den nächsten 8 Wochen") || !a.Has("127.0.0.1") || a.Has("geheim") || a.Has("Zahnarzt") {
		t.Errorf("after it was given: %d %s", a.Status, a.Body)
	}
	if a := b.post("/me/busy", typed("act", "read")); a.Status != http.StatusConflict || !a.Has("gerade erst gelesen") {
		t.Errorf("again at once: %d", a.Status)
	}
	if a := b.post("/me/busy", typed("act", "keep", "address", calendar.URL+"/nirgends.ics")); !a.Has("Unter dieser Adresse gibt es keinen Kalender mehr") || a.Has("belegte Zeiten in") {
		t.Errorf("another one, which is not there: %s", a.Body)
	}
	if a := b.post("/me/busy", typed("act", "drop")); !a.Has("alle gelesenen Zeiten sind gelöscht") || a.Has("127.0.0.1") {
		t.Errorf("after it was taken back: %s", a.Body)
	}
	if a := b.post("/me/busy", typed("act", "reminders", "reminders", "no")); !a.Has("keine Mail zur Erinnerung") {
		t.Errorf("reminders: %s", a.Body)
	}
}

func TestAServerReadsNoCalendarOfItsOwnNetwork(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	if a := s.as("Ewald").post("/me/busy", typed("act", "keep", "address", "https://127.0.0.1/a.ics")); a.Status != http.StatusUnprocessableEntity || !a.Has("keine Adresse im öffentlichen Internet") {
		t.Errorf("%d", a.Status)
	}
}
