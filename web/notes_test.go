package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference"
	"github.com/konsil-server/konsil/realtime/ydoc"
)

// said is what one person wrote at the end of a section.
type said struct{ name, section, text string }

// leaveInLog writes rows into the log of a conference, a minute after each other, as a server does that is killed before it can write
// the texts of the sections.
func (s *testServer) leaveInLog(code string, all ...said) {
	s.t.Helper()
	n, err := s.Conferences.OpenNote(s.t.Context(), query[uuid.UUID](s, `select id from conference where code = $1`, code))
	s.must(err)
	doc, clients := ydoc.New(), map[uint64]uuid.UUID{}
	var rows []conference.NoteRow
	for i, one := range all {
		client := uint64(len(one.name)*100) + uint64(one.name[0])
		clients[client] = s.people[one.name].ID
		c, err := doc.Edit(client, "s:"+one.section, doc.Len("s:"+one.section), 0, one.text)
		s.must(err)
		at := s.clock.now().Add(time.Duration(i) * time.Minute)
		rows = append(rows, conference.NoteRow{Person: s.people[one.name].ID, At: at, Data: doc.Encode(c)})
	}
	left, err := s.Conferences.AppendNotes(s.t.Context(), []conference.NoteBatch{{Note: n.ID, Epoch: n.Epoch, Head: n.Head, Rows: rows, Clients: clients}})
	s.must(err)
	s.must(left[0])
}

func TestNotesSayWhoWroteWhatAndWhen(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.opened() // Tuesday, 9:55
	path := "/conferences/" + code
	if a := s.as("Anna").get(path + "/notes"); a.Status != http.StatusOK || !a.Has("Noch keine Mitschrift.") {
		t.Errorf("before anybody wrote: status %d", a.Status)
	}
	s.leaveInLog(code,
		said{"Ewald", "assessment", "Belastbar, "}, said{"Ewald", "assessment", "aber müde."}, said{"Clara", "assessment", " <b>Einig</b> & froh"}, said{"Anna", "decisions", "Ab März."})
	for _, name := range []string{"Anna", "Clara", "Ewald"} {
		a := s.as(name).get(path + "/notes")
		for _, want := range []string{
			`title="Dr. Ewald Psych, 09:55 Uhr">Belastbar, </span><span title="Dr. Ewald Psych, 09:56 Uhr">aber müde.</span>`,
			`title="Clara Coordes, 09:57 Uhr"> <b>Einig</b> & froh</span>`, `data-by="Anna Amt, 09:58 Uhr"`,
			`max="4"`, `value="4"`, "Die Mitschrift, wie sie ist", `<a href="/conferences/` + code + `"`, `href="?seq=3"`,
		} {
			if a.Status != http.StatusOK || !a.Has(want) {
				t.Errorf("%s: status %d, %q is missing", name, a.Status, want)
			}
		}
		if strings.Contains(a.Body, "<b>Einig") {
			t.Error("what was typed is markup")
		}
		if n := strings.Count(a.Body, `class="by"`); n != 3 {
			t.Errorf("%d turns are marked, want 3", n)
		}
	}
	if a := s.as("Clara").get(path); !a.Has(`href="/conferences/` + code + `/notes"`) {
		t.Error("the conference does not lead to its notes")
	}
}

func TestNotesAreLeafedThroughWithoutScript(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.opened()
	path := "/conferences/" + code + "/notes"
	s.leaveInLog(code, said{"Ewald", "assessment", "Eins."}, said{"Clara", "assessment", " Zwei."}, said{"Ewald", "assessment", " Drei."})
	clara := s.as("Clara")
	for _, c := range []struct {
		seq         string
		shows       string
		lacks       []string
		prev, next  string
		alsoPresent string
	}{
		{"", "Drei.", nil, "?seq=2", "", "Die Mitschrift, wie sie ist"},
		{"?seq=2", "Zwei.", []string{"Drei."}, "?seq=1", "?seq=3", "Die Mitschrift am"},
		{"?seq=1", "Eins.", []string{"Zwei.", "Drei."}, "?seq=0", "?seq=2", "5 Zeichen dazu"},
		{"?seq=0", "Die Mitschrift, bevor jemand etwas schrieb", []string{"Eins."}, "", "?seq=1", ""},
		{"?seq=-7", "Die Mitschrift, bevor jemand etwas schrieb", []string{"Eins."}, "", "?seq=1", ""},
		{"?seq=99999999999999999999", "Drei.", nil, "?seq=2", "", ""},
	} {
		a := clara.get(path + c.seq)
		if a.Status != http.StatusOK || !a.Has(c.shows) || !a.Has(c.alsoPresent) {
			t.Errorf("%q: status %d, %q or %q is missing", c.seq, a.Status, c.shows, c.alsoPresent)
		}
		for _, text := range c.lacks {
			if a.Has(">"+text) || a.Has("> "+text) {
				t.Errorf("%q shows %q, which came later", c.seq, text)
			}
		}
		for rel, href := range map[string]string{"prev": c.prev, "next": c.next} {
			if got := strings.Contains(a.Body, `rel="`+rel+`"`); got != (href != "") || href != "" && !a.Has(`rel="`+rel+`" href="`+href+`"`) {
				t.Errorf("%q: %s does not lead to %q", c.seq, rel, href)
			}
		}
	}
	if a := clara.get(path + "?seq=drei"); a.Status != http.StatusNotFound {
		t.Errorf("a row that is no number: status %d", a.Status)
	}
}

func TestSearchShowsWhatOneMayReadNow(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	caseID := s.newCase("psychiatry", "physiotherapy")
	code := s.convenedFor(caseID)
	s.accept(code, "Ewald")
	s.clock.set(testBegins.AddDate(0, 0, 1).Add(55 * time.Minute))
	s.must(s.Conferences.Open(t.Context(), s.people["Clara"], code))
	s.leaveInLog(code, said{"Ewald", "decisions", "Die Kinderschutzfachkraft & die Ärzte <b>kommen</b>."})
	clara := s.as("Clara")
	if a := clara.get("/search"); a.Status != http.StatusOK || a.Has("Nichts gefunden.") || !a.Has(`type="search"`) {
		t.Errorf("the box: status %d", a.Status)
	}
	if a := clara.get("/search?q=Arzt"); a.Status != http.StatusOK || !a.Has("Nichts gefunden.") {
		t.Errorf("before the texts are written: status %d", a.Status)
	}
	// Nobody is in the room and no text was ever written: ending the conference reads them from the log.
	if a := clara.post("/conferences/"+code+"/end", nil); a.Status != http.StatusOK || !a.Has("Kinderschutzfachkraft & die Ärzte <b>kommen</b>.") {
		t.Errorf("the minutes lack what only the log had: status %d", a.Status)
	}
	for _, name := range []string{"Clara", "Anna", "Ewald"} {
		for typed, mark := range map[string]string{"Arzt": "<mark>Ärzte</mark>", "Fachkraft": "<mark>Kinderschutzfachkraft</mark>"} {
			a := s.as(name).get("/search?q=" + typed)
			if a.Status != http.StatusOK || !strings.Contains(a.Body, mark) || !a.Has("/conferences/"+code+"/notes#s-decisions") || strings.Contains(a.Body, "<b>kommen") {
				t.Errorf("%s finds %s: status %d", name, typed, a.Status)
			}
		}
	}
	for _, name := range []string{"Frieda", "Bernd", "Gustav", "Quirin", "Rosa", "Theo"} {
		if a := s.as(name).get("/search?q=Arzt"); a.Status != http.StatusOK || !a.Has("Nichts gefunden.") || a.Has(code) || a.Has("Kinderschutz") {
			t.Errorf("%s: status %d", name, a.Status)
		}
	}
	for _, typed := range []string{"", "%00", strings.Repeat("a", 201)} {
		if a := clara.get("/search?q=" + typed); a.Status != http.StatusUnprocessableEntity || !a.Has(`id="f-q-e"`) {
			t.Errorf("%.10q: status %d", typed, a.Status)
		}
	}
	_, err := s.Conferences.Withdraw(t.Context(), s.people["Anna"], caseID)
	s.must(err)
	for _, name := range []string{"Clara", "Anna", "Ewald"} {
		b := s.as(name)
		if a := b.get("/search?q=Arzt"); !a.Has("Nichts gefunden.") || a.Has("Kinderschutz") {
			t.Errorf("after the withdrawal %s still finds it", name)
		}
		for _, page := range []string{"/notes", "/notes?seq=1", "/previous"} {
			if a := b.get("/conferences/" + code + page); a.Status != http.StatusGone && a.Status != http.StatusNotFound || a.Has("Kinderschutz") {
				t.Errorf("after the withdrawal %s at %s: status %d", name, page, a.Status)
			}
		}
	}
	if a := s.as("Anna").get("/cases/" + caseID.String() + "/receipt"); !a.Has("Mitschrift") {
		t.Error("the receipt does not say who saw the notes")
	}
}

func TestTheConferenceBeforeStandsBesideTheNewOne(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	caseID := s.newCase("psychiatry", "physiotherapy")
	first := s.convenedFor(caseID)
	s.accept(first, "Ewald", "Frieda")
	s.clock.set(testBegins.AddDate(0, 0, 1).Add(55 * time.Minute))
	s.must(s.Conferences.Open(t.Context(), s.people["Clara"], first))
	s.leaveInLog(first, said{"Ewald", "decisions", "Ab März drei Stunden."}, said{"Clara", "dissent", "Frieda ist dagegen."})
	s.proposed(first, "Anna")
	clara := s.as("Clara")
	if a := clara.get("/conferences/" + first + "/room"); a.Status != http.StatusOK || a.Has("/previous") {
		t.Errorf("the first room: status %d", a.Status)
	}
	if a := clara.get("/conferences/" + first + "/previous"); a.Status != http.StatusOK || !a.Has("Dies ist die erste Konferenz zu diesem Fall.") {
		t.Errorf("before the first one: status %d", a.Status)
	}
	if a := clara.post("/conferences/"+first+"/end", nil); a.Status != http.StatusOK {
		t.Fatalf("end: status %d", a.Status)
	}
	second, err := s.Conferences.Convene(t.Context(), s.people["Clara"], s.request(caseID), conference.Panel{
		Experts: []uuid.UUID{s.people["Ewald"].ID}, Starts: s.clock.now().Add(24 * time.Hour), Length: 25 * time.Minute,
	})
	s.must(err)
	s.accept(second, "Ewald")
	if a := clara.get("/conferences/" + second); !a.Has("Frieda ist dagegen.") || a.Has("Ab März") || !a.Has("Das Protokoll ist noch nicht freigegeben.") {
		t.Errorf("before the minutes are approved: status %d", a.Status)
	}
	s.must(s.Conferences.Approve(t.Context(), s.people["Clara"], first, ""))
	s.clock.set(s.clock.now().Add(24*time.Hour - time.Minute))
	s.must(s.Conferences.Open(t.Context(), s.people["Clara"], second))
	for _, name := range []string{"Clara", "Ewald"} {
		b := s.as(name)
		for _, page := range []string{"", "/previous"} {
			a := b.get("/conferences/" + second + page)
			for _, want := range []string{first, "Letzte Konferenz zu diesem Fall", "Ab März drei Stunden.", "Frieda ist dagegen.", "Arbeitserprobung beginnen"} {
				if a.Status != http.StatusOK || !a.Has(want) {
					t.Errorf("%s at %q: status %d, %q is missing", name, page, a.Status, want)
				}
			}
		}
		if a := b.get("/conferences/" + second + "/room"); !a.Has(`data-load="/conferences/`+second+`/previous"`) || a.Has("Ab März") {
			t.Errorf("%s: the room does not offer the conference before, or shows it unasked", name)
		}
	}
	if a := s.as("Frieda").get("/conferences/" + second + "/previous"); a.Status != http.StatusNotFound {
		t.Errorf("who sat in the first one only: status %d", a.Status)
	}
}
