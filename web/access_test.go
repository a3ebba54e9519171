package web

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/uuid"
)

func TestAPersonGetsACopyWithoutOthersNamesAndSeesWhoLooked(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.ended()
	caseID := query[uuid.UUID](s, `select case_id from conference where code = $1`, code)
	at := "/cases/" + caseID.String() + "/access"
	s.as("Ewald").get("/conferences/" + code)
	anna := s.as("Anna")
	if a := anna.get("/cases/" + caseID.String()); !a.Has(at) {
		t.Error("no way there from the case")
	}
	if a := anna.get(at); a.Has("Geheimniss") || a.Has("Rücken und Panik") {
		t.Error("something is shown before there is a reason")
	}
	if a := anna.post(at, typed("reason", " ")); a.Status != 422 || !a.Has(`href="#f-access-reason"`) || a.Has("Geheimniss") {
		t.Errorf("without a reason: %d", a.Status)
	}
	if a := anna.attach("/cases/"+caseID.String()+"/attachments", "Befund von Ewald Psych", pngFile()); !a.Has("Der Anhang liegt bei.") {
		t.Fatalf("attached: %d", a.Status)
	}
	source := "/cases/" + caseID.String() + "/attachments/" + query[string](s, `select id::text from attachment`) + "/data"
	page, file := anna.post(at, typed("reason", "Antrag")), anna.post(at, typed("reason", "Antrag", "as", "json"))
	for kind, a := range map[string]answered{"page": page, "file": file} {
		for _, own := range []string{"Geheimniss", "Rücken und Panik", "unter Leute", code, "[Fachperson A]", "Netz Nord"} {
			if !a.Has(own) {
				t.Errorf("%s: %q is missing", kind, own)
			}
		}
		body := a.Body
		if kind == "page" { // the frame tells Anna that she is signed in
			body = a.Body[strings.Index(a.Body, "<article"):]
		}
		for _, name := range []string{"Anna", "Doris", "Clara", "Coordes", "Ewald", "Frieda", "Dr. "} {
			if strings.Contains(body, name) {
				t.Errorf("%s: %s is named", kind, name)
			}
		}
	}
	if !page.Has(`<img src="`+source+`" alt="Befund von [Fachperson A]"`) || anna.get(source).Header.Get("Content-Type") != "image/png" {
		t.Error("the page does not show the attachment")
	}
	var read struct {
		Chapters map[string][]struct {
			File struct {
				Name, Type string
				Base64     []byte
			}
		}
	}
	if err := json.Unmarshal([]byte(file.Body), &read); err != nil || len(read.Chapters["attachment"]) != 1 {
		t.Fatalf("the file has no attachment: %v", err)
	}
	if f := read.Chapters["attachment"][0].File; f.Type != "image/png" || f.Name != "Befund von [Fachperson A]" || !bytes.HasPrefix(f.Base64, []byte("\x89PNG")) {
		t.Errorf("the attachment in the file is %s, %q, %d bytes", f.Type, f.Name, len(f.Base64))
	}
	if !json.Valid([]byte(file.Body)) || !strings.HasPrefix(file.Header.Get("Content-Disposition"), `attachment; filename="auskunft-`) ||
		file.Header.Get("Cache-Control") != "no-store" || strings.Contains(file.Header.Get("Content-Disposition"), code) {
		t.Errorf("the file comes with %v", file.Header)
	}
	if n := query[int](s, `select count(*) from audit.entry where case_id = $1 and action = 'disclose' and reason = 'Antrag'`, caseID); n != 2 {
		t.Errorf("%d entries with the reason", n)
	}
	if a := s.as("Doris").get(at); !a.Has("Anna Amt") || !a.Has("/identity") {
		t.Error("a colleague is not told whom to ask")
	}
	for _, who := range []string{"Bernd", "Clara", "Ewald", "Quirin"} {
		for _, path := range []string{at, at + "-log"} {
			if a := s.as(who).get(path); a.Status != 403 && a.Status != 404 {
				t.Errorf("%s at %s: %d", who, path, a.Status)
			}
		}
		if a := s.as(who).post(at, typed("reason", "Antrag")); a.Status != 403 && a.Status != 404 {
			t.Errorf("%s: %d", who, a.Status)
		}
	}
	if a := anna.get(at + "-log"); !a.Has("Dr. Ewald Psych") || !a.Has(code) {
		t.Error("the access report does not name who looked")
	}
	if a := anna.get(at + "-log?for=client"); a.Has("Ewald") || !a.Has("Psychiatrie") || !a.Has("Netz Nord") {
		t.Error("the client's access report has a name, or not the discipline")
	}
	anna.post("/cases/"+caseID.String()+"/withdraw", nil)
	if a := anna.post(at, typed("reason", "Antrag")); a.Status != 200 || a.Has("Rücken und Panik") || a.Has("Geheimniss") || !a.Has("Unterschrieben am") {
		t.Errorf("after the withdrawal: %d", a.Status)
	}
}
