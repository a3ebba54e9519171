package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference"
	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/conference/pseudonym"
	"github.com/konsil-server/konsil/conference/slot"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// The rehearsal network: invented from end to end. Addresses end in .test, which no mail can reach (RFC 2606).

type actorOf struct {
	organisation string
	role         account.Role
	name, email  string
}

var rehearsalOrganisations = []struct{ name, kind string }{
	{"Jobcenter Lindenau", "jobcenter"},
	{"Jobcenter Talheim", "jobcenter"},
	{"Netzwerkstelle Gesundheit und Arbeit", "pool"},
}

var rehearsalStaff = []actorOf{
	{"Netzwerkstelle Gesundheit und Arbeit", account.Coordinator, "Karin Oelze", "karin.oelze@netzwerkstelle.test"},
	{"Netzwerkstelle Gesundheit und Arbeit", account.Coordinator, "Miran Demir", "miran.demir@netzwerkstelle.test"},
	{"Jobcenter Lindenau", account.Caseworker, "Jana Brandt", "jana.brandt@jc-lindenau.test"},
	{"Jobcenter Lindenau", account.Caseworker, "Paul Ziegler", "paul.ziegler@jc-lindenau.test"},
	{"Jobcenter Talheim", account.Caseworker, "Lena Sorge", "lena.sorge@jc-talheim.test"},
	{"Jobcenter Talheim", account.Caseworker, "Timo Wandel", "timo.wandel@jc-talheim.test"},
	{"Jobcenter Lindenau", account.DataProtectionOfficer, "Uwe Tamm", "uwe.tamm@jc-lindenau.test"},
	{"Jobcenter Lindenau", account.Admin, "Heike Lorenz", "heike.lorenz@jc-lindenau.test"},
	{"Netzwerkstelle Gesundheit und Arbeit", account.NetworkAdmin, "Ines Vogt", "ines.vogt@netzwerkstelle.test"},
}

var rehearsalExperts = []expertpool.Expert{
	{Name: "Dr. Anselm Kern", Discipline: "psychiatry", Specialty: "Angst und Depression", Place: "Lindenau"},
	{Name: "Dr. Selma Aydin", Discipline: "psychiatry", Specialty: "Sucht und Doppeldiagnosen", Place: "Talheim"},
	{Name: "Dr. Ruth Falkenberg", Discipline: "psychosomatics", Specialty: "Schmerz und Erschöpfung", Place: "Auenstadt"},
	{Name: "Dr. Tomasz Wilk", Discipline: "neurology", Specialty: "Kopfschmerz, Epilepsie", Place: "Lindenau"},
	{Name: "Dr. Hanna Voss", Discipline: "orthopaedics", Specialty: "Rücken", Place: "Lindenau"},
	{Name: "Dr. Elias Roth", Discipline: "orthopaedics", Specialty: "Knie und Hüfte", Place: "Talheim"},
	{Name: "Dr. Lukas Reimann", Discipline: "occupational_medicine", Specialty: "Wiedereingliederung", Place: "Auenstadt"},
	{Name: "Dr. Ines Cramer", Discipline: "occupational_medicine", Specialty: "Leistungsvermögen", Place: "Lindenau"},
	{Name: "Dr. Gero Lindholm", Discipline: "social_medicine", Specialty: "Reha-Bedarf", Place: "Talheim"},
	{Name: "Dr. Maja Petrović", Discipline: "general_medicine", Specialty: "Hausärztin", Place: "Lindenau"},
	{Name: "Dr. Oskar Thiele", Discipline: "general_medicine", Specialty: "Hausarzt, ländlicher Raum", Place: "Auenstadt"},
	{Name: "Nora Hellwig", Discipline: "psychology", Specialty: "Psychotherapie, Verhaltenstherapie", Place: "Lindenau"},
	{Name: "Cem Arslan", Discipline: "psychology", Specialty: "Traumafolgen", Place: "Talheim"},
	{Name: "Frauke Jansen", Discipline: "psychology", Specialty: "Neuropsychologie", Place: "Auenstadt"},
	{Name: "Bastian Kuhn", Discipline: "physiotherapy", Specialty: "Rückenschule, Belastungsaufbau", Place: "Lindenau"},
	{Name: "Olga Martens", Discipline: "physiotherapy", Specialty: "Atemtherapie", Place: "Talheim"},
	{Name: "Theresa Blum", Discipline: "occupational_therapy", Specialty: "Arbeitstherapie", Place: "Lindenau"},
	{Name: "Ivo Sander", Discipline: "social_work", Specialty: "Sozialpsychiatrischer Dienst", Place: "Talheim"},
	{Name: "Marlies Acker", Discipline: "social_work", Specialty: "Kliniksozialdienst", Place: "Lindenau"},
	{Name: "Rolf Enders", Discipline: "addiction_counselling", Specialty: "Alkohol, Medikamente", Place: "Auenstadt"},
	{Name: "Hatice Yurt", Discipline: "debt_counselling", Specialty: "Schuldnerberatung", Place: "Lindenau"},
	{Name: "Gitta Noll", Discipline: "nursing", Specialty: "Psychiatrische Pflege", Place: "Talheim"},
	{Name: "Armin Stolz", Discipline: "coaching", Specialty: "Rückkehr in Arbeit", Place: "Lindenau"},
	{Name: "Beate Quandt", Discipline: "insurance", Specialty: "Reha-Fachberatung Rentenversicherung", Place: "Auenstadt"},
}

type rehearsalCase struct {
	caseworker  string
	who         pseudonym.Identity
	text        casefile.Summary
	released    bool
	circle      []string // empty: no consent yet
	question    string   // empty: no request yet
	urgency     string
	disciplines []string
	wish        string
}

var rehearsalCases = []rehearsalCase{
	{
		caseworker: "Jana Brandt",
		who:        pseudonym.Identity{FirstName: "Erfunda", LastName: "Mustermann", Born: "1978-04-03", Number: "486F584748"},
		text: casefile.Summary{
			Situation: "Ende 40, früher Lagerlogistik. Rückenschmerz seit Jahren, Panik in vollen Räumen. Drei Maßnahmen abgebrochen, jedes Mal in der zweiten Woche.",
			Resources: "Feste Tagesstruktur durch die Enkel, fährt Rad, verlässlich bei Einzelterminen.",
			Tried:     "Aktivierung in der Gruppe (2 Wochen), Physiotherapie (läuft), Wartezeit auf Psychotherapie 7 Monate.",
			Goals:     "Ich möchte wieder unter Leute. Drei Vormittage, nicht mehr.",
			Limits:    "Keine Großraumhalle, kein Schichtdienst, nicht über 5 kg heben.",
		},
		released: true, circle: []string{"psychiatry", "occupational_medicine", "physiotherapy"},
		question: "Wie viele Stunden am Tag sind zumutbar, und womit fangen wir an?", urgency: "normal",
		disciplines: []string{"psychiatry", "occupational_medicine", "physiotherapy"},
		wish:        "Drei Vormittage die Woche, draußen, mit wenigen Leuten.",
	},
	{
		caseworker: "Paul Ziegler",
		who:        pseudonym.Identity{FirstName: "Probus", LastName: "Beispiel", Born: "1971-11-19"},
		text: casefile.Summary{
			Situation: "Mitte 50, gelernter Koch. Nach Bandscheibenoperation schnell erschöpft, Schlaf gestört, zieht sich zurück.",
			Resources: "Kocht für den Nachbarschaftstreff, guter Kontakt zum Sohn.",
			Tried:     "Medizinische Reha vor zwei Jahren, danach Minijob in der Küche, nach vier Wochen beendet.",
			Goals:     "Etwas mit Essen, aber ohne Hetze.",
			Limits:    "Kein langes Stehen, kein Akkord.",
		},
		released: true, circle: []string{"orthopaedics", "psychosomatics", "psychology"},
		question: "Welche Reha passt bei Rücken und Erschöpfung zugleich?", urgency: "urgent",
		disciplines: []string{"orthopaedics", "psychosomatics"},
		wish:        "Eine Reha in der Nähe, damit ich abends zu Hause bin.",
	},
	{
		caseworker: "Lena Sorge",
		who:        pseudonym.Identity{FirstName: "Fiktiva", LastName: "Erdacht", Born: "1994-06-30"},
		text: casefile.Summary{
			Situation: "Anfang 30, ohne Abschluss, alleinerziehend. Häufige Migräne, verpasst deswegen Termine.",
			Resources: "Sehr gute Planung an beschwerdefreien Tagen, spricht drei Sprachen.",
			Tried:     "Sprachmittlung im Ehrenamt, zwei Bewerbungstrainings.",
			Goals:     "Eine Ausbildung in Teilzeit.",
			Limits:    "Flackerndes Licht, lange Bildschirmzeiten.",
		},
		released: true, circle: []string{"neurology", "general_medicine", "coaching"},
		question: "Trägt eine Teilzeitausbildung, und was braucht es dafür am Arbeitsplatz?", urgency: "normal",
		disciplines: []string{"neurology", "coaching"},
		wish:        "Dass mir jemand glaubt, dass ich es kann.",
	},
	{
		caseworker: "Jana Brandt",
		who:        pseudonym.Identity{FirstName: "Ernesto", LastName: "Ausgedacht", Born: "1966-01-08"},
		text: casefile.Summary{
			Situation: "Ende 50, zuletzt Hausmeister. Nach Trennung und Entgiftung seit fünf Monaten abstinent.",
			Resources: "Handwerklich stark, geht regelmäßig in die Selbsthilfegruppe.",
			Tried:     "Entwöhnung ambulant (läuft), Arbeitsgelegenheit im Park.",
			Goals:     "Gebraucht werden, aber nicht überfordert.",
			Limits:    "Kein Umfeld, in dem getrunken wird.",
		},
	},
}

// rehearse fills an empty private database, once. Every step is skipped when its result is there, so a start that was cut
// off is completed by the next.
func (s *server) rehearse(ctx context.Context, say func(string)) error {
	var n int
	if err := s.db.QueryRow(ctx, `select count(*) from account where rehearsal`).Scan(&n); err != nil {
		return fmt.Errorf("rehearsal network: %w", err)
	}
	if n == len(rehearsalStaff)+len(rehearsalExperts) {
		if err := s.db.QueryRow(ctx, `select count(*) from conference`).Scan(&n); err != nil || n > 0 {
			return err
		}
	}
	say("Seeding the rehearsal network: three organisations, 24 experts, four cases, one conference today")
	for _, step := range []func(context.Context) error{s.rehearsePeople, s.rehearseCases, s.rehearseConference} {
		if err := step(ctx); err != nil {
			return fmt.Errorf("rehearsal network: %w", err)
		}
	}
	return nil
}

func (s *server) rehearsePeople(ctx context.Context) error {
	net, ids, err := s.rehearsalFrame(ctx)
	if err != nil {
		return err
	}
	for _, p := range rehearsalStaff {
		if _, err := s.rehearsalAccount(ctx, ids[p.organisation], p.role, p.name, p.email); err != nil {
			return err
		}
	}
	pool := ids[rehearsalOrganisations[2].name]
	for i, e := range rehearsalExperts {
		id, err := s.rehearsalAccount(ctx, pool, account.Expert, e.Name, fmt.Sprintf("expert%02d@pool.test", i+1))
		if err != nil || id == uuid.Nil {
			return err
		}
		e.ID, e.Languages, e.HoursPerMonth = id, []string{"de"}, 2+i%3
		var there bool
		if err := s.db.QueryRow(ctx, `select exists (select from expert where account_id = $1)`, id).Scan(&there); err != nil {
			return err
		}
		if there {
			continue
		}
		if err := s.pool.Add(ctx, net, pool, e); err != nil {
			return err
		}
		if err := s.rehearseWeek(ctx, e.Name, id, i); err != nil {
			return err
		}
		if err := s.rehearseProfile(ctx, e, i); err != nil {
			return err
		}
	}
	return nil
}

// rehearseWeek gives three of four experts hours in which they can be asked; the fourth has said nothing about hers.
func (s *server) rehearseWeek(ctx context.Context, name string, id uuid.UUID, i int) error {
	if i%4 == 3 {
		return nil
	}
	by, err := s.actor(ctx, name)
	if err != nil {
		return err
	}
	morning, noon, evening := 8*60, 12*60+30, 17*60
	rules := []slot.Weekly{
		{Day: time.Weekday(1 + i%5), From: morning, To: noon}, {Day: time.Weekday(1 + (i+2)%5), From: noon + 60, To: evening},
		{Day: time.Thursday, From: noon + 30 + 30*(i%3), To: evening - 60},
	}
	return s.pool.KeepWeek(ctx, by, id, rules)
}

func (s *server) rehearsalFrame(ctx context.Context) (net uuid.UUID, ids map[string]uuid.UUID, err error) {
	ids = map[string]uuid.UUID{}
	err = pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `select id from network limit 1`).Scan(&net)
		if errors.Is(err, pgx.ErrNoRows) {
			net = uuid.New()
			_, err = tx.Exec(ctx, `insert into network (id, name) values ($1, 'Probenetzwerk')`, net)
		}
		if err != nil {
			return err
		}
		for _, o := range rehearsalOrganisations {
			var id uuid.UUID
			err := tx.QueryRow(ctx, `select id from organisation where name = $1`, o.name).Scan(&id)
			if errors.Is(err, pgx.ErrNoRows) {
				id = uuid.New()
				_, err = tx.Exec(ctx, `insert into organisation (id, network_id, name, kind) values ($1, $2, $3, $4)`, id, net, o.name, o.kind)
			}
			if err != nil {
				return err
			}
			ids[o.name] = id
		}
		return nil
	})
	return net, ids, err
}

func (s *server) rehearsalAccount(ctx context.Context, org uuid.UUID, role account.Role, name, email string) (uuid.UUID, error) {
	id, err := s.accounts.Add(ctx, account.New{Organisation: org, Role: role, Name: name, Email: email, Rehearsal: true})
	if errors.Is(err, account.ErrTaken) {
		err = s.db.QueryRow(ctx, `select id from account where email = $1`, email).Scan(&id)
	}
	return id, err
}

func (s *server) actor(ctx context.Context, name string) (account.Actor, error) {
	var id uuid.UUID
	if err := s.db.QueryRow(ctx, `select id from account where rehearsal and name = $1`, name).Scan(&id); err != nil {
		return account.Actor{}, err
	}
	by, err := s.accounts.ByID(ctx, id)
	by.Session = uuid.New() // what she does here she would do signed in
	return by, err
}

func (s *server) rehearseCases(ctx context.Context) error {
	for _, k := range rehearsalCases {
		if err := s.rehearseCase(ctx, k); err != nil {
			return err
		}
	}
	return nil
}

// rehearseCase brings one case as far as it is to come, from wherever an earlier start has left it.
func (s *server) rehearseCase(ctx context.Context, k rehearsalCase) error {
	by, err := s.actor(ctx, k.caseworker)
	if err != nil {
		return err
	}
	id, err := s.rehearsalCase(ctx, by, k)
	if err != nil {
		return err
	}
	c, err := s.cases.ByID(ctx, by, id)
	if err != nil || c.Sealed {
		return err
	}
	if k.released {
		if err := s.rehearseRelease(ctx, by, c); err != nil {
			return err
		}
	}
	if len(k.circle) > 0 && c.Consent == nil {
		if err := s.rehearseConsent(ctx, by, id, k.circle); err != nil {
			return err
		}
	}
	asked, _, err := s.conferences.OfCase(ctx, by, id)
	if err != nil || k.question == "" || len(asked) > 0 {
		return err
	}
	r := conference.Request{CaseID: id, Question: k.question, Urgency: k.urgency, Disciplines: k.disciplines, OwnWish: k.wish}
	if k.urgency == "urgent" {
		today := expertpool.Today(s.now())
		due := time.Date(today.Year(), today.Month(), today.Day()+3, 0, 0, 0, 0, expertpool.Zone()) // the end of the day after tomorrow
		r.DueAt, r.UrgentWhy = &due, "Die Frist der Kasse läuft ab."
	}
	_, err = s.conferences.Submit(ctx, by, r)
	return err
}

// rehearseRelease takes the summary from where it is through both pairs of eyes.
func (s *server) rehearseRelease(ctx context.Context, by account.Actor, c casefile.Case) error {
	if c.Latest.State == casefile.Draft {
		if err := s.cases.Check(ctx, by, c.ID, c.Latest.Number, ""); err != nil {
			return err
		}
		c.Latest.State = casefile.Checked
	}
	if c.Latest.State != casefile.Checked {
		return nil
	}
	second, err := s.actor(ctx, colleagueOf(by.Name))
	if err != nil {
		return err
	}
	return s.cases.Release(ctx, second, c.ID, casefile.Releasing{Version: c.Latest.Number})
}

// colleagueOf is who releases what a caseworker of the rehearsal has written.
func colleagueOf(name string) string {
	i := slices.IndexFunc(rehearsalStaff, func(a actorOf) bool { return a.name == name })
	j := slices.IndexFunc(rehearsalStaff, func(a actorOf) bool { return a.organisation == rehearsalStaff[i].organisation && a.name != name })
	return rehearsalStaff[j].name
}

// rehearseConsent has the person agree to be there and to later conferences, towards the pool.
func (s *server) rehearseConsent(ctx context.Context, by account.Actor, id uuid.UUID, circle []string) error {
	today := expertpool.Today(s.now())
	k := casefile.Consent{
		Purposes: []casefile.Purpose{casefile.Conference, casefile.Presence, casefile.FollowUp, casefile.Profile, casefile.Risk, casefile.Statistics},
		Circle:   circle, ValidUntil: today.AddDate(1, 0, 0), SignedOn: today, CounselledOn: &today, Explained: true,
	}
	all, err := s.pool.Organisations(ctx, by)
	if err != nil {
		return err
	}
	for _, o := range all {
		if o.Kind == "pool" {
			k.Organisations = append(k.Organisations, o.ID)
		}
	}
	return s.conferences.Grant(ctx, by, id, k)
}

// rehearsalCase finds the case by its text, or makes it.
func (s *server) rehearsalCase(ctx context.Context, by account.Actor, k rehearsalCase) (uuid.UUID, error) {
	var id uuid.UUID
	err := s.db.QueryRow(ctx, `select case_id from case_summary where version = 1 and situation = $1`, k.text.Situation).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return s.cases.New(ctx, by, k.who, k.text)
	}
	return id, err
}

// rehearseConference convenes the first request for a quarter of an hour from now; its room can be opened at once.
func (s *server) rehearseConference(ctx context.Context) error {
	p := conference.Panel{Starts: s.now().Add(15 * time.Minute).Truncate(5 * time.Minute).Add(5 * time.Minute), Length: 25 * time.Minute}
	_, err := s.rehearseConvening(ctx, rehearsalCases[0].question, p, map[string]conference.Answer{
		"Dr. Anselm Kern": conference.Accepted, "Dr. Lukas Reimann": conference.Accepted, "Bastian Kuhn": conference.Offered,
	})
	return err
}

// rehearseConvening makes a conference of a request that waits, with the experts who answer, and returns its code; empty when none waits.
func (s *server) rehearseConvening(ctx context.Context, question string, p conference.Panel, answers map[string]conference.Answer) (string, error) {
	by, err := s.actor(ctx, rehearsalStaff[0].name)
	if err != nil {
		return "", err
	}
	request, err := s.rehearsalRequest(ctx, by, question)
	if err != nil || request == uuid.Nil {
		return "", err
	}
	for name := range answers {
		e, err := s.actor(ctx, name)
		if err != nil {
			return "", err
		}
		p.Experts = append(p.Experts, e.ID)
	}
	code, err := s.conferences.Convene(ctx, by, request, p)
	if err != nil {
		return "", err
	}
	return code, s.rehearseAnswers(ctx, code, answers)
}

// rehearsalRequest finds the request with this question while it waits; uuid.Nil when it does not.
func (s *server) rehearsalRequest(ctx context.Context, by account.Actor, question string) (uuid.UUID, error) {
	all, err := s.conferences.Requests(ctx, by)
	if i := slices.IndexFunc(all, func(r conference.Request) bool { return r.Question == question && r.State == "submitted" }); i >= 0 {
		return all[i].ID, err
	}
	return uuid.Nil, err
}

// rehearseAnswers lets experts answer; who accepts has said as well that she does not know the person.
func (s *server) rehearseAnswers(ctx context.Context, code string, answers map[string]conference.Answer) error {
	for name, answer := range answers {
		if answer == conference.Offered {
			continue
		}
		e, err := s.actor(ctx, name)
		if err != nil {
			return err
		}
		id, err := s.conferences.OwnInvitation(ctx, e, code)
		if err != nil {
			return err
		}
		if err := s.conferences.Answer(ctx, e, id, 0, answer, ""); err != nil {
			return err
		}
		if err := s.conferences.Declare(ctx, e, code, conference.NoTie); err != nil {
			return err
		}
	}
	return nil
}
