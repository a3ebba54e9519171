package ical

import (
	"strings"
	"testing"
	"time"
)

const testUID = "0123456789abcdef0123456789abcdef@konsil.example"

// sample is an invitation with everything in it.
func sample(t testing.TB) Event {
	t.Helper()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	return Event{
		UID:         testUID,
		Stamp:       time.Date(2027, 3, 1, 8, 30, 0, 0, time.UTC),
		Start:       time.Date(2027, 3, 30, 17, 30, 0, 0, berlin),
		End:         time.Date(2027, 3, 30, 18, 15, 0, 0, berlin),
		Zone:        "Europe/Berlin",
		Summary:     "Fallkonferenz K7-1234-5678MG",
		Description: "Antwort bitte im Kalender oder über den Link.\nFragen beantwortet die Koordination; sie ist werktags erreichbar, auch kurzfristig.",
		Location:    "Videokonferenz",
		URL:         "https://konsil.example/antwort/Zm9vYmFyYmF6",
		Organizer:   Address{Name: "Koordination Südstadt", Email: "Termine@Konsil.example"},
		Attendee:    Address{Name: `Dr. med. Änne "Anni" Groß-Müller, FÄ`, Email: "A.Gross@Praxis.example"},
	}
}

func must(t testing.TB, raw []byte, err error) []byte {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func parsed(t testing.TB, raw []byte) *Object {
	t.Helper()
	o, err := Parse(raw)
	if err != nil {
		t.Fatalf("%v in\n%s", err, raw)
	}
	return o
}

// unfolded returns the logical lines of an object of ours.
func unfolded(raw []byte) []string {
	s := strings.ReplaceAll(string(raw), "\r\n ", "")
	return strings.Split(strings.TrimSuffix(s, "\r\n"), "\r\n")
}

// line returns the one logical line that starts with the prefix.
func line(t testing.TB, raw []byte, prefix string) string {
	t.Helper()
	var found []string
	for _, l := range unfolded(raw) {
		if strings.HasPrefix(l, prefix) {
			found = append(found, l)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d lines start with %q in\n%s", len(found), prefix, raw)
	}
	return found[0]
}

// lacks fails if any logical line contains the text.
func lacks(t testing.TB, raw []byte, text string) {
	t.Helper()
	if strings.Contains(strings.Join(unfolded(raw), "\n"), text) {
		t.Errorf("%q stands in\n%s", text, raw)
	}
}
