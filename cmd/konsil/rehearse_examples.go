package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference"
	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/conference/opinion"
	"github.com/konsil-server/konsil/conference/poll"
	"github.com/konsil-server/konsil/conference/pseudonym"
	"github.com/konsil-server/konsil/conference/slot"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// Examples are what a newcomer finds beside the conference of today: a fixed slot with two cases, a poll that half of those who are asked
// have answered, and a conference in writing whose opinions are there.

// exampleCases are of the slot the first two, of the conference in writing the third, of the poll the last.
var exampleCases = []rehearsalCase{
	{
		caseworker: "Paul Ziegler",
		who:        pseudonym.Identity{FirstName: "Hypothea", LastName: "Annahme", Born: "1983-09-12"},
		text: casefile.Summary{
			Situation: "Anfang 40, früher im Verkauf. Nach langer Erschöpfung arbeitet sie seit Kurzem wieder zwei Stunden am Tag.",
			Resources: "Freut sich auf die Kolleginnen, schläft wieder durch.", Tried: "Stufenweise Wiedereingliederung, einmal zu schnell gesteigert.",
			Goals: "Langsam mehr werden, ohne wieder auszufallen.", Limits: "Keine Spätschicht, keine Kasse.",
		},
		released: true, circle: []string{"psychosomatics", "physiotherapy"},
		question: "Welche Schritte führen von zwei auf vier Stunden am Tag?", urgency: "normal",
		disciplines: []string{"psychosomatics", "physiotherapy"}, wish: "Einen Plan, der auch schlechte Tage aushält.",
	},
	{
		caseworker: "Lena Sorge",
		who:        pseudonym.Identity{FirstName: "Konrad", LastName: "Konstrukt", Born: "1975-02-24"},
		text: casefile.Summary{
			Situation: "Um die 50, Sachbearbeitung. Nach einem Überfall am Arbeitsweg zwei Jahre zu Hause.",
			Resources: "Sehr sorgfältig, hat zu Hause wieder angefangen zu fotografieren.", Tried: "Traumatherapie abgeschlossen, Praktikum im Archiv.",
			Goals: "Wieder ins Büro, mit einer Tür, die ich schließen kann.", Limits: "Kein Publikumsverkehr, kein Weg im Dunkeln.",
		},
		released: true, circle: []string{"psychology", "occupational_therapy"},
		question: "Was braucht es, damit der Wiedereinstieg im Büro hält?", urgency: "normal",
		disciplines: []string{"psychology", "occupational_therapy"}, wish: "Dass ich selbst sagen darf, wann es genug ist.",
	},
	{
		caseworker: "Jana Brandt",
		who:        pseudonym.Identity{FirstName: "Simona", LastName: "Beispielhaft", Born: "1990-12-05"},
		text: casefile.Summary{
			Situation: "Mitte 30, ohne Berufsabschluss, Hüftleiden. Hat zwei Angehörige gepflegt und möchte das lernen.",
			Resources: "Geduldig, belastbar in Krisen, gute Noten im Vorbereitungskurs.", Tried: "Praktikum in der Tagespflege, vier Wochen ohne Ausfall.",
			Goals: "Einen Abschluss, mit dem ich gebraucht werde.", Limits: "Kein schweres Heben, keine Nachtdienste.",
		},
		released: true, circle: []string{"orthopaedics", "social_medicine"},
		question: "Spricht etwas gegen eine Umschulung in der Tagespflege?", urgency: "normal",
		disciplines: []string{"orthopaedics", "social_medicine"}, wish: "Eine klare Antwort, bevor der Kurs beginnt.",
	},
	{
		caseworker: "Lena Sorge",
		who:        pseudonym.Identity{FirstName: "Norbert", LastName: "Niemand", Born: "1987-07-17"},
		text: casefile.Summary{
			Situation: "Ende 30, Anlagenführer. Seit einem Jahr Anfälle, seitdem ohne Arbeit und ohne Führerschein.",
			Resources: "Technisch sehr gut, fährt alles mit dem Rad.", Tried: "Zwei Medikamente, das zweite hilft.", Goals: "Zurück an die Maschine.",
			Limits: "Noch nicht allein an laufenden Anlagen.",
		},
		released: true, circle: []string{"neurology", "occupational_medicine", "psychology", "physiotherapy"},
		question: "Wie geht es sicher zurück an die Maschine, und in welcher Schicht?", urgency: "normal",
		disciplines: []string{"neurology", "occupational_medicine", "psychology", "physiotherapy"}, wish: "Nicht nur ein Nein hören.",
	},
}

// pollVotes are the answers to the example's poll, for each date in order. Of none of the four is it known when she has time, see rehearseWeek.
var pollVotes = []struct {
	name, discipline string
	votes            []poll.Vote // nil: she has not answered
}{
	{"Dr. Tomasz Wilk", "neurology", []poll.Vote{poll.Yes, poll.No, poll.Yes}},
	{"Dr. Ines Cramer", "occupational_medicine", nil},
	{"Nora Hellwig", "psychology", []poll.Vote{poll.IfNeedBe, poll.Yes, poll.Yes}},
	{"Olga Martens", "physiotherapy", nil},
}

// rehearseExamples adds the examples, once. As in rehearse, a step is skipped when its result is there; the last one tells that all are.
func (s *server) rehearseExamples(ctx context.Context, say func(string)) error {
	var answered int
	if err := s.db.QueryRow(ctx, `select count(*) from poll_voice where answered_at is not null`).Scan(&answered); err != nil {
		return fmt.Errorf("examples: %w", err)
	}
	if answered >= 2 {
		return nil
	}
	say("Seeding examples: a fixed slot with two cases, a conference in writing, a poll")
	for _, k := range exampleCases {
		if err := s.rehearseCase(ctx, k); err != nil {
			return fmt.Errorf("examples: %w", err)
		}
	}
	for _, step := range []func(context.Context) error{s.rehearseSeries, s.rehearseWriting, s.rehearsePoll} {
		if err := step(ctx); err != nil {
			return fmt.Errorf("examples: %w", err)
		}
	}
	return nil
}

// rehearseSeries keeps places on Wednesdays and puts two cases in the next of them.
func (s *server) rehearseSeries(ctx context.Context) error {
	by, err := s.actor(ctx, rehearsalStaff[0].name)
	if err != nil {
		return err
	}
	all, err := s.conferences.AllSeries(ctx, by)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		_, err := s.conferences.KeepSeries(ctx, by, conference.Series{
			Name: "Mittwochsrunde", Weekday: time.Wednesday, Begins: 13 * 60, Places: 4, Length: 25 * time.Minute, From: expertpool.Today(s.now()),
		})
		if err != nil {
			return err
		}
		if all, err = s.conferences.AllSeries(ctx, by); err != nil {
			return err
		}
	}
	for i, answers := range []map[string]conference.Answer{
		{"Dr. Ruth Falkenberg": conference.Accepted, "Bastian Kuhn": conference.Accepted}, {"Cem Arslan": conference.Accepted, "Theresa Blum": conference.Offered},
	} {
		t, err := s.conferences.SeriesByID(ctx, by, all[0].ID)
		if err != nil {
			return err
		}
		free := t.Next(s.now().Add(24*time.Hour), 1)
		if len(free) == 0 {
			return nil // somebody has changed the slot
		}
		p := conference.Panel{Starts: free[0].Starts, Length: free[0].Ends.Sub(free[0].Starts), Series: t.ID}
		if _, err := s.rehearseConvening(ctx, exampleCases[i].question, p, answers); err != nil {
			return err
		}
	}
	return nil
}

// rehearseWriting holds a conference in writing to the end of its opinions: when the last one comes, all can be read.
func (s *server) rehearseWriting(ctx context.Context) error {
	code, err := s.rehearseConvening(ctx, exampleCases[2].question, conference.Panel{Written: true, DueOn: conference.UsualDue(s.now(), "")},
		map[string]conference.Answer{"Dr. Hanna Voss": conference.Accepted, "Dr. Gero Lindholm": conference.Accepted})
	if err != nil || code == "" {
		return err
	}
	for name, said := range map[string]opinion.Answer{
		"Dr. Hanna Voss": {
			Position: "no", Words: "mit Hilfsmitteln gut zu schaffen", Confidence: opinion.Sure,
			Reason: "In der Tagespflege wird selten gehoben, und ein Lifter ist Pflicht.", Missing: "Ein aktueller Befund der Hüfte.",
		},
		"Dr. Gero Lindholm": {
			Position: "partly", Words: "ja, mit einer Erprobung vorweg", Confidence: opinion.Rather,
			Reason: "Vier Wochen Praktikum sagen noch wenig über ein ganzes Jahr. Drei Monate in Teilzeit würden es zeigen.",
		},
	} {
		e, err := s.actor(ctx, name)
		if err != nil {
			return err
		}
		if err := s.conferences.SendOpinion(ctx, e, code, said, 15, ""); err != nil {
			return err
		}
	}
	return nil
}

// rehearsePoll asks four people for three dates of next week; two of them answer.
func (s *server) rehearsePoll(ctx context.Context) error {
	by, err := s.actor(ctx, rehearsalStaff[0].name)
	if err != nil {
		return err
	}
	request, err := s.rehearsalRequest(ctx, by, exampleCases[3].question)
	if err != nil || request == uuid.Nil {
		return err
	}
	p, err := s.conferences.Poll(ctx, by, request)
	if errors.Is(err, account.ErrNotFound) {
		p, err = s.startExamplePoll(ctx, by, request)
	}
	if err != nil || !p.Votable(s.now()) {
		return err
	}
	for _, who := range pollVotes {
		e, err := s.actor(ctx, who.name)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(p.Voices, func(v poll.Voice) bool { return v.Account == e.ID })
		if who.votes == nil || i < 0 || p.Voices[i].AnsweredAt != nil {
			continue
		}
		b := conference.Ballot{Votes: map[uuid.UUID]poll.Vote{}}
		for k, vote := range who.votes {
			b.Votes[p.Options[k].ID] = vote
		}
		if err := s.conferences.AnswerPoll(ctx, e, p.Voices[i].ID, b); err != nil {
			return err
		}
	}
	return nil
}

func (s *server) startExamplePoll(ctx context.Context, by account.Actor, request uuid.UUID) (conference.Poll, error) {
	d := conference.PollDraft{DateSearch: conference.DateSearch{Length: 30 * time.Minute}}
	for _, who := range pollVotes {
		e, err := s.actor(ctx, who.name)
		if err != nil {
			return conference.Poll{}, err
		}
		d.Wishes = append(d.Wishes, conference.Wish{Discipline: who.discipline, Expert: e.ID})
	}
	for day := expertpool.Today(s.now()).AddDate(0, 0, 6); len(d.Options) < 3; day = day.AddDate(0, 0, 1) {
		if day.Weekday() != time.Saturday && day.Weekday() != time.Sunday {
			d.Options = append(d.Options, slot.Wall(day.Year(), day.Month(), day.Day(), 10*60+len(d.Options)*60, expertpool.Zone()))
		}
	}
	if _, err := s.conferences.StartPoll(ctx, by, request, d); err != nil {
		return conference.Poll{}, err
	}
	return s.conferences.Poll(ctx, by, request)
}
