package web

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
)

func pngFile() []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 20, 10))); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// send posts a form with a file as a browser does; the other fields are names and values in turn.
func (b *browser) send(path, name string, file []byte, others ...string) answered {
	b.s.t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for i := 0; i < len(others); i += 2 {
		b.s.must(w.WriteField(others[i], others[i+1]))
	}
	part, err := w.CreateFormFile("file", name)
	b.s.must(err)
	_, err = part.Write(file)
	b.s.must(err)
	b.s.must(w.Close())
	r, err := http.NewRequestWithContext(b.s.t.Context(), http.MethodPost, b.s.URL+path, &body)
	b.s.must(err)
	r.Header.Set("Content-Type", w.FormDataContentType())
	a, err := b.http.Do(r)
	b.s.must(err)
	defer a.Body.Close()
	var page bytes.Buffer
	_, err = page.ReadFrom(a.Body)
	b.s.must(err)
	return answered{a.StatusCode, page.String(), a.Request.URL.Path, a.Header}
}

// attach sends the form for an attachment.
func (b *browser) attach(path, title string, file []byte) answered {
	b.s.t.Helper()
	return b.send(path, "Mustermann.png", file, "title", title)
}

func TestAnAttachmentIsSeenInThePageByTheRoundOnceASecondPersonReleasedIt(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	of := s.newCase("psychiatry", "physiotherapy")
	code := s.convenedFor(of)
	s.accept(code, "Ewald")
	at, anna, doris, ewald := "/cases/"+of.String(), s.as("Anna"), s.as("Doris"), s.as("Ewald")
	s.unchanged("a file with a fault", func() {
		for file, says := range map[string]string{"": "höchstens 8 Megabyte", "Guten Tag": "weder PNG noch JPEG noch PDF", strings.Repeat("x", 9<<20): "höchstens 8 Megabyte"} {
			if a := anna.attach(at+"/attachments", "Befund", []byte(file)); a.Status != http.StatusUnprocessableEntity || !a.Has(says) {
				t.Errorf("%.9q: %d", file, a.Status)
			}
		}
		if a := anna.attach(at+"/attachments", "", pngFile()); a.Status != http.StatusUnprocessableEntity || !a.Has(missing) {
			t.Errorf("no title: %d", a.Status)
		}
		for _, who := range []string{"Bernd", "Quirin", "Clara", "Rosa", "Ewald"} {
			if a := s.as(who).attach(at+"/attachments", "Befund", pngFile()); a.Status != http.StatusNotFound {
				t.Errorf("%s: %d", who, a.Status)
			}
		}
	})
	if a := anna.attach(at+"/attachments", "Befund, geschwärzt", pngFile()); !a.Has("Der Anhang liegt bei.") || !a.Has("nicht vollständig prüfbar") || a.Has("Mustermann") {
		t.Fatalf("attached: %d", a.Status)
	}
	id := query[uuid.UUID](s, `select id from attachment`).String()
	inCase, inRound := at+"/attachments/"+id, "/conferences/"+code+"/attachments/"+id
	if a := ewald.get(inRound + "/data"); a.Status != http.StatusNotFound {
		t.Errorf("seen before the release: %d", a.Status)
	}
	if a := anna.post(inCase+"/release", typed("looked", "yes")); a.Status != http.StatusConflict || !a.Has("Das gibt jemand anderes frei") {
		t.Errorf("released by the one who brought it: %d", a.Status)
	}
	if a := doris.post(inCase+"/release", nil); a.Status != http.StatusUnprocessableEntity {
		t.Errorf("released unseen: %d", a.Status)
	}
	if a := doris.post(inCase+"/release", typed("looked", "yes")); !a.Has("Der Anhang ist freigegeben.") {
		t.Errorf("released: %d", a.Status)
	}
	if a := ewald.get("/conferences/" + code); !a.Has("Befund, geschwärzt") {
		t.Error("the round is not shown that there is an attachment")
	}
	if a := ewald.get(inRound); a.Status != http.StatusOK || !a.Has(inRound+"/data") || !strings.Contains(a.Header.Get("Content-Security-Policy"), "frame-src 'self'") {
		t.Errorf("the page of the attachment: %d", a.Status)
	}
	a := ewald.get(inRound + "/data")
	if _, err := png.Decode(strings.NewReader(a.Body)); err != nil || a.Header.Get("Content-Type") != "image/png" || a.Header.Get("Cache-Control") != "no-store" ||
		!strings.Contains(a.Header.Get("Content-Security-Policy"), "sandbox") || a.Header.Get("Content-Disposition") != "inline" {
		t.Errorf("its bytes: %v, %v", err, a.Header)
	}
	for _, who := range []string{"Frieda", "Gustav", "Bernd", "Quirin", "Rosa", "Theo"} {
		for _, page := range []string{inCase, inCase + "/data", inRound, inRound + "/data"} {
			if a := s.as(who).get(page); a.Status != http.StatusNotFound && a.Status != http.StatusGone {
				t.Errorf("%s sees %s: %d", who, page, a.Status)
			}
		}
	}
	if r := anna.post(at+"/withdraw", nil); !r.Has("Dr. Ewald Psych") {
		t.Errorf("withdrawn: %d", r.Status)
	}
	for _, b := range []*browser{anna, ewald} {
		for _, page := range []string{inCase, inCase + "/data", inRound, inRound + "/data"} {
			if a := b.get(page); a.Status != http.StatusNotFound && a.Status != http.StatusGone {
				t.Errorf("%s after the withdrawal: %d", page, a.Status)
			}
		}
	}
	if n := query[int](s, `select count(*) from attachment_chunk`); n != 0 {
		t.Errorf("%d parts are left after the withdrawal", n)
	}
}

func TestTheCoordinationKeepsTemplatesAndSummariesAreWrittenWithThem(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	clara, anna := s.as("Clara"), s.as("Anna")
	for _, who := range []string{"Anna", "Ewald"} {
		if a := s.as(who).get("/templates"); a.Status != http.StatusNotFound {
			t.Errorf("%s: %d", who, a.Status)
		}
	}
	if a := clara.get("/templates"); !a.Has("Noch keine Vorlagen") {
		t.Error("an empty list does not say what to do")
	}
	if a := clara.post("/templates/shipped", nil); !a.Has("Schmerz und Psyche") || !a.Has("Rückkehr in Arbeit") {
		t.Errorf("shipped: %d", a.Status)
	}
	wantRefused(t, "no name", clara.post("/templates", typed("name", "")), "template-name", missing)
	wantRefused(t, "a name twice", clara.post("/templates", typed("name", "Schmerz und Psyche")), "template-name", "schon eine andere")
	id := query[uuid.UUID](s, `select id from summary_template where name = 'Engpass in der Behandlung'`).String()
	if a := clara.get("/templates/" + id); !a.Has("Behandlung bisher") || !a.Has("immer Pflicht") {
		t.Errorf("the form of a template: %d", a.Status)
	}
	if a := s.as("Rosa").get("/templates/" + id); a.Status != http.StatusNotFound {
		t.Errorf("another network sees it: %d", a.Status)
	}
	at := "/cases/" + s.newCase().String()
	if a := anna.get(at + "/summary?template=" + id); !a.Has("Behandlung bisher") || !a.Has(`value="`+id+`"`) {
		t.Errorf("the form with a template: %d", a.Status)
	}
	f := summaryForm()
	f.Set("template", id)
	f.Del("resources")
	if a := anna.post(at+"/summary", f); !a.Has("<dt>Behandlung bisher</dt>") || a.Has("<dt>Ressourcen</dt>") {
		t.Errorf("written with a template: %d", a.Status)
	}
	clara.post("/templates/"+id+"/retire", nil)
	if a := anna.get(at); !a.Has("<dt>Behandlung bisher</dt>") {
		t.Error("a summary loses its headings with the template")
	}
	if a := anna.get("/cases/new"); a.Has("Engpass in der Behandlung") || !a.Has("Schmerz und Psyche") {
		t.Error("what was taken out is still offered, or nothing is")
	}
}

// onePage is a document with these words on its only page.
func onePage(words string) []byte {
	content := "BT /F1 18 Tf 40 120 Td (" + words + ") Tj ET"
	return []byte("%PDF-1.7\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n2 0 obj\n<</Type/Pages/Count 1/Kids[3 0 R]/MediaBox[0 0 400 200]>>\nendobj\n" +
		"3 0 obj\n<</Type/Page/Parent 2 0 R/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>\nendobj\n" +
		fmt.Sprintf("4 0 obj\n<</Length %d>>stream\n%s\nendstream\nendobj\n", len(content), content) +
		"5 0 obj\n<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>\nendobj\ntrailer\n<</Root 1 0 R>>\n%%EOF\n")
}

func TestADocumentCanBeReadAsTextBesideItsPages(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	at, anna := "/cases/"+s.newCase().String(), s.as("Anna")
	if a := anna.attach(at+"/attachments", "Befund", onePage("Belastbar bis drei Stunden")); a.Status != http.StatusOK {
		t.Fatalf("attached: %d", a.Status)
	}
	a := anna.get(at + "/attachments/" + query[uuid.UUID](s, `select id from attachment`).String())
	if a.Status != http.StatusOK || !a.Has("Seite 1") || !a.Has("Belastbar bis drei Stunden") || !a.Has("<iframe") {
		t.Errorf("the page of the document: %d", a.Status)
	}
}
