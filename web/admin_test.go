package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/konsil-server/konsil/expertpool/account"
)

// administered is a server whose first network has somebody for every kind of administration.
func administered(t *testing.T) *testServer {
	t.Helper()
	s := newTestServer(t)
	anna, clara := s.people["Anna"], s.people["Clara"]
	s.add(anna.Organisation, account.Admin, "Vera Verwaltung")
	s.add(anna.Organisation, account.DataProtectionOfficer, "Dagmar Daten")
	s.add(clara.Organisation, account.NetworkAdmin, "Nora Netz")
	return s
}

func TestTheAdministrationIsForThoseWhoLookAfterSomething(t *testing.T) {
	t.Parallel()
	s := administered(t)
	vera, anna := "/admin/people/"+s.people["Vera"].ID.String(), "/admin/people/"+s.people["Anna"].ID.String()
	for name, sees := range map[string]string{
		"Vera":   "/admin /admin/people /admin/people/new " + vera + " " + anna,
		"Nora":   "/admin /admin/people /admin/people/new /admin/organisations " + vera + " " + anna,
		"Dagmar": "/admin /retention",
		"Clara":  "/admin",
		"Anna":   "/retention",
		"Ewald":  "",
		"Xaver":  "",
	} {
		if _, there := s.people[name]; !there {
			continue
		}
		b := s.as(name)
		for _, path := range []string{"/admin", "/admin/people", "/admin/people/new", "/admin/organisations", "/retention", vera, anna} {
			want := http.StatusNotFound
			if strings.Contains(" "+sees+" ", " "+path+" ") {
				want = http.StatusOK
			}
			if a := b.get(path); a.Status != want {
				t.Errorf("%s at %s: %d, want %d", name, path, a.Status, want)
			}
		}
	}
	if a := s.as("Dagmar").get("/cases"); a.Status != http.StatusNotFound {
		t.Errorf("the data-protection officer sees cases: %d", a.Status)
	}
	if a := s.as("Dagmar").get("/retention"); a.Has("/retention\" data-once") {
		t.Error("the data-protection officer is offered to change a term")
	}
}

func TestAnAdministratorLooksAfterAnAccountOnItsPage(t *testing.T) {
	t.Parallel()
	s := administered(t)
	b := s.as("Vera")
	a := b.post("/admin/people", typed("name", "Paul Neu", "email", "kein", "role", "caseworker", "organisation", s.people["Anna"].Organisation.String()))
	if a.Status != http.StatusUnprocessableEntity || !a.Has("Paul Neu") || !a.Has("keine vollständige Mailadresse") {
		t.Errorf("a wrong address: %d", a.Status)
	}
	a = b.post("/admin/people", typed("name", "Paul Neu", "email", "paul@konsil.test", "role", "caseworker", "organisation", s.people["Anna"].Organisation.String()))
	if a.Path != "/admin/people" || !a.Has("paul@konsil.test") {
		t.Fatalf("a new account: %d at %s", a.Status, a.Path)
	}
	paul := "/admin/people/" + query[string](s, `select id::text from account where email = 'paul@konsil.test'`)
	for _, step := range []struct {
		path, field, value, shows string
		status                    int
	}{
		{"", "name", "Paul Ganz-Neu", "Paul Ganz-Neu", http.StatusOK},
		{"/role", "role", "data_protection_officer", "Datenschutz", http.StatusOK},
		{"/role", "role", "coordinator", "Diese Auswahl gibt es nicht", http.StatusUnprocessableEntity},
		{"/setup", "", "", "Der Link ist unterwegs", http.StatusOK},
		{"/lock", "", "", "Wieder öffnen", http.StatusOK},
		{"/setup", "", "", "Dieser Zugang ist gesperrt", http.StatusConflict},
		{"/unlock", "", "", "Sperren", http.StatusOK},
	} {
		form := typed("email", "paul@konsil.test")
		if step.field == "" {
			form = nil
		} else if step.path != "" {
			form = typed()
		}
		if step.field != "" {
			form.Set(step.field, step.value)
		}
		if a := b.post(paul+step.path, form); a.Status != step.status || !a.Has(step.shows) {
			t.Errorf("%s %s: %d, without %q", step.path, step.value, a.Status, step.shows)
		}
	}
	foreign := query[string](s, `select a.id::text from account a join organisation o on o.id = a.organisation_id where o.network_id <> $1 limit 1`, s.people["Anna"].Network)
	for _, path := range []string{"", "/role", "/lock", "/unlock", "/sessions", "/setup"} {
		if a := b.post("/admin/people/"+foreign+path, nil); a.Status != http.StatusNotFound && a.Status != http.StatusUnprocessableEntity {
			t.Errorf("somebody of another network%s: %d", path, a.Status)
		}
	}
}

func TestWhoLosesARoleHasLostItAtTheNextPage(t *testing.T) {
	t.Parallel()
	s := administered(t)
	anna, nora := s.as("Anna"), s.as("Nora")
	if a := anna.get("/cases"); a.Status != http.StatusOK {
		t.Fatalf("before: %d", a.Status)
	}
	nora.post("/admin/people/"+s.people["Anna"].ID.String()+"/role", typed("role", "data_protection_officer"))
	if a := anna.get("/cases"); a.Path != "/" {
		t.Errorf("after: %d at %s", a.Status, a.Path)
	}
	if a := nora.post("/admin/people/"+s.people["Nora"].ID.String()+"/lock", nil); a.Status != http.StatusConflict || !a.Has("letzte Zugang") {
		t.Errorf("the last one locks herself: %d", a.Status)
	}
	s.clock.set(s.Now().Add(11 * time.Minute))
	s.unchanged("a role without a fresh factor", func() {
		if a := nora.post("/admin/people/"+s.people["Vera"].ID.String()+"/role", typed("role", "caseworker")); a.Status != http.StatusForbidden {
			t.Errorf("a role without a fresh factor: %d", a.Status)
		}
	})
}

func TestTheNetworksAdministratorKeepsItsOrganisations(t *testing.T) {
	t.Parallel()
	s := administered(t)
	b := s.as("Nora")
	if a := b.post("/admin/organisations", typed("name", "Reha am See", "kind", "provider")); a.Status != http.StatusOK || !a.Has("Reha am See") {
		t.Fatalf("a new organisation: %d", a.Status)
	}
	if a := b.post("/admin/organisations", typed("name", "REHA am See", "kind", "provider")); a.Status != http.StatusUnprocessableEntity || !a.Has("gibt es schon") {
		t.Errorf("the same name once more: %d", a.Status)
	}
	id := query[string](s, `select id::text from organisation where name = 'Reha am See'`)
	if a := b.post("/admin/organisations/"+id, typed("name", "Reha am Berg", "kind", "provider", "land", "BY")); a.Status != http.StatusOK || !a.Has("Reha am Berg") || !a.Has("Bayern · ") {
		t.Errorf("another name: %d", a.Status)
	}
	foreign := query[string](s, `select id::text from organisation where network_id <> $1 limit 1`, s.people["Nora"].Network)
	if a := b.post("/admin/organisations/"+foreign, typed("name", "Meins", "kind", "provider")); a.Status != http.StatusNotFound {
		t.Errorf("an organisation of another network: %d", a.Status)
	}
}

func TestTheOfficerSeesWhoHasLookedAndNothingOfTheCase(t *testing.T) {
	t.Parallel()
	s := administered(t)
	id := s.newCase("psychiatry").String()
	if a := s.as("Anna").post("/cases/"+id+"/identity", typed("reason", "Rückruf")); !a.Has("Geheimniss") {
		t.Fatalf("Anna looks: %d", a.Status)
	}
	alias := query[string](s, `select pseudonym from case_file where id = $1`, id)
	b := s.as("Dagmar")
	record := b.get("/admin/record")
	if record.Status != http.StatusOK || !record.Has("lückenlos") || !record.Has(alias) {
		t.Errorf("the record: %d", record.Status)
	}
	log := b.get("/cases/" + id + "/access-log")
	if log.Status != http.StatusOK || !log.Has(alias) || !log.Has("Anna") || log.Has(`href="/cases/`+id+`"`) {
		t.Errorf("who has looked: %d", log.Status)
	}
	for _, a := range []answered{record, log} {
		if a.Has("Rücken und Panik") || a.Has("Geheimniss") {
			t.Error("the officer reads the case")
		}
	}
	for _, path := range []string{"", "/summary", "/identity", "/access", "/retention", "/profile"} {
		if a := b.get("/cases/" + id + path); a.Status != http.StatusNotFound {
			t.Errorf("%s: %d", path, a.Status)
		}
	}
	for _, name := range []string{"Vera", "Nora", "Clara"} {
		if a := s.as(name).get("/cases/" + id + "/access-log"); a.Status != http.StatusNotFound {
			t.Errorf("%s sees who has looked: %d", name, a.Status)
		}
	}
}
