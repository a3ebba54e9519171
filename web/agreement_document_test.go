package web

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
)

func TestTheDocumentOfAnAgreementIsUploadedHandedOutAndRemoved(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	clara, anna := s.as("Clara"), s.as("Anna")
	made := clara.post("/network/agreements/new", typed("act", "keep", "partner", "Klinik", "signed_on", "2026-01-02", "valid_until", "2027-12-31",
		"contact", "Frau Muster", "contact_email", "", "contact_phone", "", "contingent", "", "reference", ""))
	at := made.Path + "/document"
	if made.Status != http.StatusOK || !made.Has("Hochladen") || clara.get(at).Status != http.StatusNotFound {
		t.Fatalf("made without a document: %d", made.Status)
	}
	s.unchanged("a file with a fault", func() {
		for file, says := range map[string]string{"": "höchstens 8 Megabyte", "Guten Tag": "weder PNG noch JPEG noch PDF", strings.Repeat("x", 9<<20): "höchstens 8 Megabyte"} {
			if a := clara.send(at, "Vertrag.png", []byte(file)); a.Status != http.StatusUnprocessableEntity || !a.Has(says) || !a.Has("Frau Muster") {
				t.Errorf("%.9q: %d", file, a.Status)
			}
		}
		if a := anna.send(at, "Vertrag.png", pngFile()); a.Status != http.StatusNotFound {
			t.Errorf("a caseworker uploads: %d", a.Status)
		}
	})
	if a := clara.send(at, `C:\Akten\Vertrag <Süd>.exe`, pngFile()); a.Status != http.StatusOK || a.Path != made.Path || !a.Has("Vertrag <Süd>.exe") || strings.Contains(a.Body, "<Süd>") || !a.Has("Ersetzen") {
		t.Errorf("uploaded: %d", a.Status)
	}
	a := clara.get(at)
	if a.Status != http.StatusOK || a.Header.Get("Content-Type") != "image/png" || !bytes.HasPrefix([]byte(a.Body), []byte("\x89PNG")) {
		t.Errorf("read: %d %q", a.Status, a.Header.Get("Content-Type"))
	}
	checkHeaders(t, "GET "+at, a.Header)
	if d := a.Header.Get("Content-Disposition"); d != "attachment; filename*=utf-8''Vertrag%20%3CS%C3%BCd%3E.png" {
		t.Errorf("it is handed out as %q", d)
	}
	if p := a.Header.Get("Content-Security-Policy"); !strings.HasSuffix(p, "; sandbox") {
		t.Errorf("the policy is %q", p)
	}
	if page := anna.get(made.Path); page.Has("/document") || anna.get(at).Status != http.StatusNotFound {
		t.Error("a caseworker is shown the document")
	}
	clara.post(made.Path, typed("act", "end"))
	if a := clara.send(at, "Spät.png", pngFile()); a.Status != http.StatusConflict || !a.Has("Die Vereinbarung ist beendet.") || a.Has(`type="file"`) {
		t.Errorf("after the end: %d", a.Status)
	}
	if a := clara.post(at+"/remove", typed()); a.Path != made.Path || a.Has("/document") || clara.get(at).Status != http.StatusNotFound {
		t.Errorf("removed: %d", a.Status)
	}
}
