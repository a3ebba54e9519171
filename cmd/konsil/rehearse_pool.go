package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/expertpool"
)

// rehearsePool fills the pool of the rehearsal network with invented experts who are only listed: they have no address and
// cannot sign in. It serves measurements of the directory, beside a running server in evaluation mode or without one.
func rehearsePool(ctx context.Context, c config, args []string, out io.Writer) error {
	f := flag.NewFlagSet("konsil rehearse", flag.ContinueOnError)
	f.SetOutput(out)
	n := f.Int("experts", 0, "how many invented experts to add, at most 200000")
	if err := f.Parse(args); err != nil {
		return err
	}
	switch {
	case *n < 1 || *n > 200_000 || f.NArg() > 0:
		return errors.New("usage: konsil rehearse -experts N")
	case !c.evaluation():
		return errors.New("invented experts are for evaluation mode only: DATABASE_URL is set")
	}
	return withDatabase(ctx, c, func(db *database) error {
		var net, pool uuid.UUID
		err := db.QueryRow(ctx, `
			select e.network_id, e.organisation_id from expert e join account a on a.id = e.account_id where a.rehearsal limit 1`).Scan(&net, &pool)
		if errors.Is(err, pgx.ErrNoRows) {
			return errors.New("there is no rehearsal network yet: start konsil once")
		}
		if err != nil {
			return err
		}
		if err := inventExperts(ctx, db, net, pool, *n); err != nil {
			return fmt.Errorf("invent experts: %w", err)
		}
		_, err = fmt.Fprintf(out, "%d invented experts added\n", *n)
		return err
	})
}

// rehearseProfile says what the i-th expert of the rehearsal offers, beyond what stands in her line.
func (s *server) rehearseProfile(ctx context.Context, e expertpool.Expert, i int) error {
	by, err := s.actor(ctx, rehearsalStaff[0].name)
	if err != nil {
		return err
	}
	p := expertpool.Profile{
		Discipline: e.Discipline, Specialty: e.Specialty, Place: e.Place, HoursPerMonth: e.HoursPerMonth, MaxCases: 5 + i%4, Languages: []string{"de"},
		Modes: []string{"video"}, Postcode: map[string]string{"Lindenau": "37198", "Talheim": "34398", "Auenstadt": "31898"}[e.Place],
	}
	for _, field := range expertpool.Specialties() {
		if field.Discipline == e.Discipline && len(p.Specialties) == 0 {
			p.Specialties, p.Profession = []string{field.Code}, professionOf(field)
		}
	}
	for topic := range strings.SplitSeq(e.Specialty, ", ") {
		p.Topics = append(p.Topics, topic)
	}
	if others := []string{"en", "tr", "ar", "uk", "pl", "gsg"}; i%3 == 1 {
		p.Languages = append(p.Languages, others[i/3%len(others)])
	}
	if more := expertpool.Modes()[1:]; i%2 == 0 {
		p.Modes = append(p.Modes, more[i/2%len(more)])
		p.TravelKM = 10 * (i % 5)
	}
	return s.pool.Describe(ctx, by, e.ID, p)
}

// inventExperts writes n experts in one transaction. The same number makes the same people.
func inventExperts(ctx context.Context, db *database, net, pool uuid.UUID, n int) error {
	draw := rand.New(rand.NewPCG(2026, uint64(n)))
	now := time.Now()
	accounts, experts := make([][]any, n), make([][]any, n)
	for i := range n {
		id, p := uuid.New(), inventProfile(draw)
		accounts[i] = []any{id, pool, "expert", inventName(draw, p.Profession), "", now}
		experts[i] = []any{
			id, net, pool, p.Discipline, p.Profession, p.Specialties, p.Specialty, p.Topics, p.Languages, p.Place, p.Postcode,
			p.TravelKM, p.Modes, p.HoursPerMonth,
		}
	}
	err := pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error {
		_, err := tx.CopyFrom(ctx, pgx.Identifier{"account"}, []string{"id", "organisation_id", "role", "name", "email", "created_at"}, pgx.CopyFromRows(accounts))
		if err != nil {
			return err
		}
		_, err = tx.CopyFrom(ctx, pgx.Identifier{"expert"}, []string{
			"account_id", "network_id", "organisation_id", "discipline", "profession", "specialties", "specialty", "topics", "languages", "place",
			"postcode", "travel_km", "modes", "hours_per_month",
		}, pgx.CopyFromRows(experts))
		return err
	})
	if err != nil {
		return err
	}
	_, err = db.Exec(ctx, `vacuum analyze expert, account`)
	return err
}

// inventProfile draws what somebody offers. Fields of work are drawn evenly, languages and ways of taking part are not.
func inventProfile(draw *rand.Rand) expertpool.Profile {
	all := expertpool.Specialties()
	first := all[draw.IntN(len(all))]
	p := expertpool.Profile{
		Discipline: first.Discipline, Profession: professionOf(first), Specialties: []string{first.Code}, HoursPerMonth: 1 + draw.IntN(8),
		Languages: []string{"de"}, Modes: []string{"video"}, TravelKM: 10 * draw.IntN(12),
	}
	if second := all[draw.IntN(len(all))]; second.Code != first.Code && second.Discipline == first.Discipline {
		p.Specialties = append(p.Specialties, second.Code)
	}
	if codes := expertpool.Languages(); draw.IntN(3) == 0 {
		p.Languages = append(p.Languages, codes[1+draw.IntN(len(codes)-1)])
	}
	for _, m := range expertpool.Modes()[1:] {
		if draw.IntN(3) == 0 {
			p.Modes = append(p.Modes, m)
		}
	}
	for range 1 + draw.IntN(3) {
		p.Topics = append(p.Topics, pick(draw, inventedTopics))
	}
	p.Specialty = pick(draw, inventedTopics) + " " + pick(draw, []string{"im Betrieb", "bei Jüngeren", "nach langer Krankheit", "in Krisen", "im Alltag"})
	regions := expertpool.Regions()
	p.Postcode = fmt.Sprintf("%s%03d", regions[draw.IntN(len(regions))].Prefix, draw.IntN(1000))
	p.Place = pick(draw, nameStarts) + pick(draw, []string{"hausen", "dorf", "au", "feld", "bach", "stedt", "tal", "heim"})
	return p
}

// professionOf is what somebody with a specialty usually is.
func professionOf(s expertpool.Specialty) string {
	if s.System == expertpool.MedicalSpecialties {
		return "physician"
	}
	of := map[string]string{
		"psychology": "psychologist", "physiotherapy": "physiotherapist", "occupational_therapy": "occupational_therapist", "social_work": "social_worker",
		"nursing": "nurse", "coaching": "coach", "addiction_counselling": "counsellor", "debt_counselling": "counsellor", "insurance": "insurance_staff",
	}
	if p, ok := of[s.Discipline]; ok {
		return p
	}
	return "physician"
}

func inventName(draw *rand.Rand, profession string) string {
	title := ""
	if profession == "physician" || draw.IntN(6) == 0 {
		title = "Dr. "
	}
	return title + pick(draw, strings.Fields(forenames)) + " " + pick(draw, nameStarts) + pick(draw, nameEnds)
}

func pick(draw *rand.Rand, from []string) string { return from[draw.IntN(len(from))] }

const forenames = `Ada Adrian Aischa Albrecht Alma Anke Anselm Arda Arno Ayla Benno Berit Birte Bruno Carla Cem Clara Dagmar Daria Detlef
	Edda Eike Elif Emil Enno Erik Esra Eva Fatma Fenja Finn Frieda Gerd Gesa Greta Gül Hanno Hedda Henning Hülya Ida Igor Imke Inga Iris
	Jale Jan Jette Jonas Jörg Jürgen Kai Karla Kenan Klara Lars Lea Leyla Lina Lutz Maja Malte Marek Meike Merve Mira Nele Nils Nora Okan
	Olga Oskar Paula Pelin Piet Ralf Reinhild Ronja Rosa Rüdiger Selim Sönke Stefan Swantje Tarek Thea Tilda Tomasz Ulla Uwe Vera Volker
	Wanda Wiebke Xenia Yasmin Zoë`

var (
	nameStarts = strings.Fields(`Ahl Berg Birk Brün Dorn Eich Erl Fal Fels Fried Gold Grün Hage Hain Holl Jäg Kalt Kirch Klein Krön Lang Lind Löw Mar Möll
		Neu Nord Ost Pfeil Quell Rau Rei Rös Sand Schön See Stein Süd Tann Thal Ul Veil Vog Wald Weid Wies Wolf Zeis Zim`)
	nameEnds       = strings.Fields(`acker bauer berg born brecht brink er feld ermann hard hoff holz ing ke lich mann mer meister ner scheid ström thaler wald wig`)
	inventedTopics = strings.Split(strings.ReplaceAll(`Angst,Panik,Depression,Burnout,Erschöpfung,Schlafstörung,Rückenschmerz,Bandscheibe,Migräne,Epilepsie,Schlaganfall,Multiple Sklerose,
Alkohol,Medikamente,Spielsucht,Trauma,Zwang,Essstörung,Autismus,ADHS,Diabetes,Asthma,Herzschwäche,Rheuma,Krebsnachsorge,Long Covid,Wiedereingliederung,
Leistungsvermögen,Arbeitsplatzgestaltung,Reha-Antrag,Schwerbehinderung,Erwerbsminderung,Überschuldung,Wohnungslosigkeit,Alleinerziehende,Flucht und Ankommen,
Pflegende Angehörige,Schmerzbewältigung,Belastungsaufbau,Berufsorientierung`, "\n", ""), ",")
)
