package expertpool

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/migrations/pgtest"
)

var searchDay = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)

// directory is a pool with a handful of experts, and a second network with one whom nobody of the first may find.
type directory struct {
	*Store
	t        *testing.T
	db       *pgxpool.Pool
	network  uuid.UUID
	pool     uuid.UUID
	clara    account.Actor // coordinates the first network
	stranger account.Actor // coordinates the second
}

func newDirectory(t *testing.T) *directory {
	t.Helper()
	d := &directory{t: t, db: pgtest.New(t)}
	d.Store = NewStore(d.db, func() time.Time { return searchDay })
	for i, name := range []string{"Nord", "Süd"} {
		network, pool := uuid.New(), uuid.New()
		d.exec(`insert into network (id, name) values ($1, $2)`, network, name)
		d.exec(`insert into organisation (id, network_id, name, kind) values ($1, $2, $3, 'pool')`, pool, network, "Klinikum "+name)
		who := account.Actor{ID: uuid.New(), Session: uuid.New(), Organisation: pool, Network: network, Role: account.Coordinator, Name: "Clara"}
		d.exec(`insert into account (id, organisation_id, role, name, email, created_at) values ($1, $2, 'coordinator', 'Clara', $3, $4)`, who.ID, pool, name+"@konsil.test", searchDay)
		if i == 0 {
			d.network, d.pool, d.clara = network, pool, who
			continue
		}
		d.stranger = who
		d.addTo(network, pool, "Dr. Fremde Kern", Profile{Discipline: "psychiatry", Specialties: []string{"psychiatry"}, Topics: []string{"Depression"}})
	}
	for name, p := range map[string]Profile{
		"Dr. Anselm Kern":   {Discipline: "psychiatry", Profession: "physician", Specialties: []string{"psychiatry"}, Specialty: "Angst und Depression", Languages: []string{"de", "tr"}, Postcode: "37154", Modes: []string{"video", "on_site"}, TravelKM: 60, HoursPerMonth: 1},
		"Dr. Jürgen Müller": {Discipline: "neurology", Profession: "physician", Specialties: []string{"neurology"}, Topics: []string{"Kopfschmerz", "Epilepsie"}, Postcode: "34117"},
		"Olga Strößner":     {Discipline: "physiotherapy", Profession: "physiotherapist", Specialties: []string{"physiotherapy"}, Topics: []string{"Rückenschmerzen"}, Place: "Lindenau", Postcode: "80331"},
		"Ivo Sander":        {Discipline: "social_work", Profession: "social_worker", Specialty: "Kinderschutzfachkraft", Languages: []string{"de", "ar"}, Modes: []string{"phone"}},
		"Rolf Enders":       {Discipline: "addiction_counselling", Profession: "counsellor", Topics: []string{"Alkohol"}, HoursPerMonth: 4},
	} {
		d.addTo(d.network, d.pool, name, p)
	}
	return d
}

func (d *directory) exec(sql string, args ...any) {
	d.t.Helper()
	if _, err := d.db.Exec(d.t.Context(), sql, args...); err != nil {
		d.t.Fatal(err)
	}
}

func (d *directory) addTo(network, pool uuid.UUID, name string, p Profile) uuid.UUID {
	d.t.Helper()
	if p.Modes == nil {
		p.Modes = []string{"video"}
	}
	if err := p.Check(); err != nil {
		d.t.Fatal(err)
	}
	id := uuid.New()
	d.exec(`insert into account (id, organisation_id, role, name, email, created_at) values ($1, $2, 'expert', $3, '', $4)`, id, pool, name, searchDay)
	d.exec(`
		insert into expert (account_id, network_id, organisation_id, discipline, profession, specialties, specialty, topics, languages, place, postcode, travel_km, modes, hours_per_month)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
		id, network, pool, p.Discipline, p.Profession, p.Specialties, p.Specialty, p.Topics, p.Languages, p.Place, p.Postcode, p.TravelKM, p.Modes, p.HoursPerMonth)
	return id
}

func (d *directory) search(q Search) Found {
	d.t.Helper()
	f, err := d.Search(d.t.Context(), d.clara, q)
	if err != nil {
		d.t.Fatalf("%+v: %v", q, err)
	}
	return f
}

func names(f Found) string {
	var all []string
	for _, h := range f.Hits {
		all = append(all, h.Name)
	}
	return strings.Join(all, ", ")
}

// why writes the reasons of the first hit.
func why(f Found) string {
	if len(f.Hits) == 0 {
		return ""
	}
	var all []string
	for _, m := range f.Hits[0].Why {
		all = append(all, m.Kind+" "+m.Value+" ("+m.Asked+")")
	}
	return strings.Join(all, "; ")
}

func TestTheSearchUnderstandsWhatPeopleType(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	for _, c := range []struct{ text, names, why string }{
		{"Psychiatrie", "Dr. Anselm Kern", "facet s:psychiatry (Psychiatrie)"},
		{"psychiater", "Dr. Anselm Kern", "synonym d:psychiatry (psychiater)"},
		{"Nervenarzt", "Dr. Anselm Kern, Dr. Jürgen Müller", "synonym d:psychiatry (Nervenarzt)"},
		{"NERVENÄRZTIN türkisch", "Dr. Anselm Kern", "synonym d:psychiatry (NERVENÄRZTIN); facet l:tr (türkisch)"},
		{"mueller", "Dr. Jürgen Müller", "name Dr. Jürgen Müller (mueller)"},
		{"MU\u0308LLER", "Dr. Jürgen Müller", "name Dr. Jürgen Müller (MU\u0308LLER)"},
		{"Stroessner", "Olga Strößner", "name Olga Strößner (Stroessner)"},
		{"Rückenschmerz", "Olga Strößner", "text Rückenschmerzen (Rückenschmerz)"},
		{"Fachkraft", "Ivo Sander", "text Kinderschutzfachkraft (Fachkraft)"},
		{"Suchttherapeutin", "Rolf Enders", "synonym d:addiction_counselling (Suchttherapeutin)"},
		{"depresion", "Dr. Anselm Kern", "spelling Depression (depresion)"},
		{"Psychater", "Dr. Anselm Kern", "spelling d:psychiatry (Psychater)"},
		{"Epilepise", "Dr. Jürgen Müller", "spelling Epilepsie (Epilepise)"},
		{"Stroesner", "Olga Strößner", "spelling Strößner (Stroesner)"},
		{"Kreuzschmerz", "Olga Strößner", "text Rückenschmerzen (Kreuzschmerz)"},
		{"Lindenau", "Olga Strößner", "place Lindenau (Lindenau)"},
		{"Klinikum Arzt Depression", "Dr. Anselm Kern", "house Klinikum Nord (Klinikum); synonym p:physician (Arzt); text Angst und Depression (Depression)"},
		{"Gutachten", "", ""},
		{"Xylophon", "", ""},
		{"100%", "", ""},
		{"_____", "Dr. Anselm Kern, Dr. Jürgen Müller, Ivo Sander, Olga Strößner, Rolf Enders", ""},
	} {
		f := d.search(Search{Text: c.text})
		if names(f) != c.names || why(f) != c.why || f.Total != len(f.Hits) {
			t.Errorf("%s: %d: %s, because of %q", c.text, f.Total, names(f), why(f))
		}
	}
}

func TestACompoundIsMetByItsParts(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	d.addTo(d.network, d.pool, "Gesa Lang", Profile{Discipline: "neurology", Specialties: []string{"neurology", "rehabilitation"}})
	f := d.search(Search{Text: "Neurologierehabilitation"})
	if names(f) != "Gesa Lang" || why(f) != "facet s:neurology (Neurologierehabilitation); synonym s:rehabilitation (Neurologierehabilitation)" {
		t.Errorf("%s, because of %q", names(f), why(f))
	}
}

func TestASpellingThatWasTakenForAnotherIsSaid(t *testing.T) {
	t.Parallel()
	f := newDirectory(t).search(Search{Text: "Alkohl"})
	if names(f) != "Rolf Enders" || !slices.Equal(f.Instead, []Instead{{Asked: "Alkohl", Taken: "alkohol"}}) {
		t.Errorf("%s, instead %v", names(f), f.Instead)
	}
}

func TestDistancesAreOfTheRegionUntilPlacesAreImported(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	f := d.search(Search{Near: "34123", Within: 100})
	if names(f) != "Dr. Jürgen Müller, Dr. Anselm Kern" || *f.Hits[0].Way != (Way{0, true}) || *f.Hits[1].Way != (Way{48, true}) {
		t.Fatalf("%s: %+v %+v", names(f), f.Hits[0].Way, f.Hits[1].Way)
	}
	if why(Found{Hits: f.Hits[1:]}) != "comes 60 ()" {
		t.Errorf("who comes as far is not said to: %q", why(Found{Hits: f.Hits[1:]}))
	}
	places, err := ReadPlaces(strings.NewReader("plz;ort;lat;lon\n34123;Kassel;51,30;9,55\n34117;Kassel;51,31;9,49\n37154;Northeim;51,70;10,00\n"))
	if err != nil {
		t.Fatal(err)
	}
	if err := ImportPlaces(t.Context(), d.db, places); err != nil {
		t.Fatal(err)
	}
	f = d.search(Search{Text: "34123", Within: 100})
	if names(f) != "Dr. Jürgen Müller, Dr. Anselm Kern" || *f.Hits[0].Way != (Way{4, false}) || *f.Hits[1].Way != (Way{54, false}) || f.Near != "34123" {
		t.Errorf("%s: %+v %+v", names(f), f.Hits[0].Way, f.Hits[1].Way)
	}
	if f := d.search(Search{Near: "34123", Within: 10}); names(f) != "Dr. Jürgen Müller" {
		t.Errorf("within 10 km: %s", names(f))
	}
	if f := d.search(Search{Near: "34123"}); names(f) != "Dr. Jürgen Müller, Dr. Anselm Kern" {
		t.Errorf("a place alone: %s", names(f))
	}
	if f := d.search(Search{Near: "34123", Facets: Facets{Modes: []string{"video"}}}); len(f.Hits) != 4 || f.Hits[3].Way != nil {
		t.Errorf("whose place is not known comes last: %s", names(f))
	}
	if f := d.search(Search{Near: "00000"}); len(f.Hits) != 5 || f.Near != "" {
		t.Errorf("a place that nobody knows: %s, near %q", names(f), f.Near)
	}
	ways, err := Ways(t.Context(), d.db, "34123", []string{"37154", "80331", "00000"})
	if err != nil || len(ways) != 2 || ways["37154"] != (Way{54, false}) || !ways["80331"].Rough {
		t.Errorf("%v, %v", ways, err)
	}
}

func TestFacetsNarrowAndAreCounted(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	whole := d.search(Search{})
	if whole.Total != 5 || whole.Counts["p:physician"] != 2 || whole.Counts["l:de"] != 2 || whole.Counts["m:video"] != 4 {
		t.Errorf("%d, %v", whole.Total, whole.Counts)
	}
	for f, want := range map[string]Facets{
		"Dr. Anselm Kern":                    {Professions: []string{"physician"}, Languages: []string{"tr"}},
		"Ivo Sander":                         {Modes: []string{"phone"}},
		"Dr. Jürgen Müller":                  {Disciplines: []string{"neurology"}},
		"Olga Strößner":                      {Specialties: []string{"physiotherapy"}},
		"":                                   {Specialties: []string{"neurology", "psychiatry"}},
		"Dr. Anselm Kern, Dr. Jürgen Müller": {Professions: []string{"physician"}},
	} {
		if got := d.search(Search{Facets: want}); names(got) != f {
			t.Errorf("%v: %s", want, names(got))
		}
	}
}

func TestALargePoolIsCountedWholeUnlessItIsSearched(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	d.exec(`with a as (insert into account (id, organisation_id, role, name, email, created_at)
		select gen_random_uuid(), $1, 'expert', 'Zacharias ' || n, '', $3 from generate_series(1, $4) n returning id)
		insert into expert (account_id, network_id, organisation_id, discipline, topics) select id, $2, $1, 'coaching', '{Überall}' from a`, d.pool, d.network, searchDay, MaxCounted)
	whole := d.search(Search{Facets: Facets{Disciplines: []string{"coaching"}}})
	if whole.Total != MaxCounted || whole.Capped || len(whole.Hits) != PageSize || whole.Counts["m:video"] != MaxCounted {
		t.Errorf("%d of %d, capped %v, %v", len(whole.Hits), whole.Total, whole.Capped, whole.Counts)
	}
	d.addTo(d.network, d.pool, "Ada Neu", Profile{Discipline: "coaching", Topics: []string{"Überall"}})
	if f := d.search(Search{}); f.Hits[0].Name != "Ada Neu" || f.Total != MaxCounted+6 {
		t.Errorf("first is %s of %d", f.Hits[0].Name, f.Total)
	}
	if f := d.search(Search{Text: "überall"}); !f.Capped || f.Total != MaxCounted || len(f.Counts) != 0 {
		t.Errorf("more than can be counted: %d, capped %v, %v", f.Total, f.Capped, f.Counts)
	}
	last := d.search(Search{Page: MaxPages - 1})
	if len(last.Hits) != PageSize || last.Hits[0].ID == whole.Hits[0].ID {
		t.Errorf("the last page has %d", len(last.Hits))
	}
	var invalid *account.InvalidError
	if _, err := d.Search(t.Context(), d.clara, Search{Page: MaxPages}); !errors.As(err, &invalid) {
		t.Errorf("a page too far: %v", err)
	}
}

func TestNobodyFindsExpertsOfAnotherNetwork(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	for _, q := range []Search{{}, {Text: "Fremde"}, {Text: "Fremd"}, {Text: "Kern"}, {Text: "Psychiatrie"}, {Text: "depresion"}, {Text: "Frmede"}, {Facets: Facets{Disciplines: []string{"psychiatry"}}}, {Near: "37154"}, {Free: true}, {Text: "Süd"}} {
		if f := d.search(q); strings.Contains(names(f), "Fremde") || strings.Contains(fmt.Sprint(f.Instead), "fremde") {
			t.Errorf("%+v finds %s, instead %v", q, names(f), f.Instead)
		}
	}
	f, err := d.Search(t.Context(), d.stranger, Search{})
	if err != nil || names(f) != "Dr. Fremde Kern" {
		t.Errorf("the other network has %s, %v", names(f), err)
	}
	for _, r := range []account.Role{account.Expert, account.DataProtectionOfficer, account.Client, account.Guest, ""} {
		who := d.clara
		who.Role = r
		if _, err := d.Search(context.WithoutCancel(t.Context()), who, Search{}); !errors.Is(err, account.ErrDenied) {
			t.Errorf("%q may search: %v", r, err)
		}
	}
}

func TestWhoIsDisabledRenamedOrPausedIsFoundAsSheIs(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	d.exec(`update account set name = 'Dr. Anselm Nuss' where name = 'Dr. Anselm Kern'`)
	d.exec(`update account set disabled_at = now() where name = 'Ivo Sander'`)
	d.exec(`update expert set active = false from account a where a.id = account_id and a.name = 'Rolf Enders'`)
	d.exec(`update organisation set name = 'Haus am See' where id = $1`, d.pool)
	if f := d.search(Search{}); names(f) != "Dr. Anselm Nuss, Dr. Jürgen Müller, Olga Strößner" {
		t.Error(names(f))
	}
	if f := d.search(Search{Text: "Nuss See"}); names(f) != "Dr. Anselm Nuss" {
		t.Errorf("by the new names: %s", names(f))
	}
}

func TestWhoHasNoHoursLeftIsNotFree(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	if f := d.search(Search{Free: true}); names(f) != "Dr. Anselm Kern, Rolf Enders" {
		t.Error(names(f))
	}
	d.exec(`alter table conference drop constraint conference_case_id_fkey, drop constraint conference_request_id_fkey`) // no case is needed
	var kern, meeting, seat = uuid.UUID{}, uuid.New(), uuid.New()
	if err := d.db.QueryRow(t.Context(), `select account_id from expert join account a on a.id = account_id where a.name = 'Dr. Anselm Kern' and network_id = $1`, d.network).Scan(&kern); err != nil {
		t.Fatal(err)
	}
	d.exec(`insert into conference (id, code, organisation_id, case_id, request_id, moderator_id, question, state, starts_at, ends_at, zone, created_at)
		values ($1, 'F-1', $2, $1, $1, $3, '', 'quorate', $4, $5, 'Europe/Berlin', $4)`, meeting, d.pool, d.clara.ID, searchDay, searchDay.Add(time.Hour))
	d.exec(`insert into seat (id, conference_id, organisation_id, account_id, role) values ($1, $2, $3, $4, 'expert')`, seat, meeting, d.pool, kern)
	d.exec(`insert into invitation (id, conference_id, seat_id, organisation_id, account_id, uid, sequence, stamped_at, organizer, state)
		values ($1, $2, $1, $3, $4, 'u', 0, $5, 'o', 'accepted')`, seat, meeting, d.pool, kern, searchDay)
	if f := d.search(Search{Free: true}); names(f) != "Rolf Enders" {
		t.Error(names(f))
	}
	if f := d.search(Search{Text: "Kern"}); f.Hits[0].UsedMinutes != 60 || f.Hits[0].Used() != 100 || f.Hits[0].Asked != 1 {
		t.Errorf("%+v", f.Hits[0])
	}
}
