package conference

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference/opinion"
	"github.com/konsil-server/konsil/conference/slot"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// opinionOf is an opinion whose words stand nowhere else.
func opinionOf(position, mark string) opinion.Answer {
	return opinion.Answer{Position: position, Words: mark + "wort", Reason: mark + "grund", Missing: mark + "lücke", Confidence: opinion.Sure}
}

// askingOpinions makes a conference like convene that asks for opinions; change may change its panel.
func (h *house) askingOpinions(change func(*Panel), names ...string) (string, uuid.UUID) {
	h.t.Helper()
	return h.askingOn(nil, change, names...)
}

// askingOn is askingOpinions with part questions.
func (h *house) askingOn(parts []PartQuestion, change func(*Panel), names ...string) (string, uuid.UUID) {
	h.t.Helper()
	ctx, caseID := h.t.Context(), h.newCase()
	r, err := h.s.Submit(ctx, h.caseworker, Request{
		CaseID: caseID, Question: "Was traut sich die " + secretWord + " zu?", Urgency: "normal",
		Disciplines: []string{"psychiatry", "occupational_medicine"}, OwnWish: "Drei Vormittage.", Parts: parts,
	})
	h.must(err)
	p := Panel{Starts: h.clock.AddDate(0, 0, 2), Length: 25 * time.Minute, Opinions: true}
	for _, n := range names {
		p.Experts = append(p.Experts, h.experts[n].ID)
	}
	if change != nil {
		change(&p)
	}
	code, err := h.s.Convene(ctx, h.coordinator, r, p)
	h.must(err)
	return code, caseID
}

func inWriting(day time.Time) func(*Panel) {
	return func(p *Panel) { p.Starts, p.Length, p.Written, p.DueOn = time.Time{}, 0, true, day }
}

func (h *house) opines(code, name, position string) error {
	return h.s.SendOpinion(h.t.Context(), h.experts[name], code, opinionOf(position, strings.ToLower(name)), 12, "")
}

func (h *house) opinionsFor(by account.Actor, code string) Opinions {
	h.t.Helper()
	o, err := h.s.Opinions(h.t.Context(), by, code)
	h.must(err)
	return o
}

// TestBeforeTheOpeningNobodyReadsAnOpinionButItsAuthor asks everything of the domain that shows text of a case, for everybody, after
// each step of a random life of a round.
func TestBeforeTheOpeningNobodyReadsAnOpinionButItsAuthor(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	code, caseID := h.askingOn([]PartQuestion{{Text: "Ist eine Reha sinnvoll?"}}, nil, "Kern", "Reimann")
	h.accept(code, "Kern", "Reimann")
	says := func(name, position, onPart string) error {
		a := opinionOf(position, strings.ToLower(name))
		a.Parts = []opinion.PartAnswer{{Number: 1, Position: onPart, Reason: strings.ToLower(name) + "teil"}}
		return h.s.SendOpinion(ctx, h.experts[name], code, a, 10, "")
	}
	people := map[string]account.Actor{"Kern": h.experts["Kern"], "Reimann": h.experts["Reimann"], "coordinator": h.coordinator, "caseworker": h.caseworker,
		"colleague": h.colleague, "foreign": h.foreign, "stranger": h.stranger}
	shown := func(by account.Actor) string {
		var all strings.Builder
		show := func(v any, err error) { raw, _ := json.Marshal(v); fmt.Fprintln(&all, string(raw), err) }
		for _, read := range []func() (any, error){
			func() (any, error) { return h.s.ByCode(ctx, by, code) },
			func() (any, error) { return h.s.Opinions(ctx, by, code) },
			func() (any, error) { return h.s.Points(ctx, by, code) },
			func() (any, error) { return h.s.Answered(ctx, by, code) },
			func() (any, error) { return h.s.OpinionsWaiting(ctx, by) },
			func() (any, error) { return h.s.List(ctx, by) },
			func() (any, error) { return h.s.Information(ctx, by, code) },
			func() (any, error) { m, _, err := h.s.Minutes(ctx, by, code); return m, err },
			func() (any, error) { return h.s.Disclose(ctx, by, caseID, "Auskunft") },
			func() (any, error) { return h.s.Reread(ctx, by, caseID) },
			func() (any, error) { return h.s.Search(ctx, by, "grund") },
		} {
			show(read())
		}
		return all.String()
	}
	blind := func(step string) {
		t.Helper()
		for name, by := range people {
			text := shown(by)
			for _, author := range []string{"kern", "reimann"} {
				for _, word := range []string{"wort", "grund", "lücke", "entwurf", "teil"} {
					if strings.Contains(text, author+word) && strings.ToLower(name) != author {
						t.Errorf("%s: %s reads %q", step, name, author+word)
					}
				}
			}
		}
		rest := get[string](h, `select coalesce((select string_agg(m::text, '') from message_out m), '') || coalesce((select string_agg(e::text, '') from audit.entry e), '')`)
		if strings.Contains(rest, "kerngrund") || strings.Contains(rest, "kernteil") || strings.Contains(rest, "kernentwurf") {
			t.Errorf("%s: a mail or the record has it", step)
		}
	}
	h.must(h.s.DraftOpinion(ctx, people["Kern"], code, opinion.Draft{"reason": "kernentwurf", "other": "x"}))
	blind("a draft")
	if o := h.opinionsFor(people["Kern"], code); o.Draft["reason"] != "kernentwurf" || o.Draft["other"] != "" || o.Own != nil || !o.CanSend {
		t.Errorf("the draft as its author sees it: %+v", o)
	}
	h.must(says("Kern", "yes", "no"))
	blind("an opinion")
	h.must(says("Kern", "no", "yes"))
	blind("a correction")
	if o := h.opinionsFor(people["Kern"], code); o.Own == nil || o.Own.Version != 2 || len(o.Own.Parts) != 1 || o.Own.Parts[0].Position != "yes" || len(o.Own.Earlier) != 1 || o.Own.Position != "no" || o.Draft != nil || !o.CanSend {
		t.Errorf("the opinion as its author sees it: %+v", o)
	}
	for name, by := range people {
		if err := h.s.OpenOpinions(ctx, by, code); err == nil {
			t.Errorf("%s opens the round too early", name)
		}
	}
	if o := h.opinionsFor(h.coordinator, code); o.Asked != 2 || o.Answered != 1 || len(o.Waits) != 1 || o.Waits[0] != "Dr. Reimann" || o.CanOpen {
		t.Errorf("what the coordination is told: %+v", o)
	}
	if o := h.opinionsFor(h.caseworker, code); o.Answered != 1 || o.Waits != nil {
		t.Errorf("what the caseworker is told: %+v", o)
	}
	h.must(says("Reimann", "yes", "yes")) // the last one opens it
	for _, name := range []string{"Kern", "Reimann", "coordinator", "caseworker", "colleague"} {
		o := h.opinionsFor(people[name], code)
		if !o.Open() || o.Why != opinion.AllAnswered || len(o.Points) != 2 || len(o.Points[0].Opinions) != 2 || o.Points[0].Disagreement() != 1 ||
			len(o.Points[1].Opinions) != 2 || o.Points[1].Opinions[0].Reason != "kernteil" || len(o.Points[1].Opinions[0].Earlier) != 1 {
			t.Errorf("%s after the opening: %+v", name, o)
		}
	}
	for _, name := range []string{"foreign", "stranger"} {
		if strings.Contains(shown(people[name]), "grund") {
			t.Errorf("%s reads after the opening", name)
		}
	}
	if text := shown(h.caseworker); strings.Count(text, "kerngrund") < 2 || strings.Count(text, "kernteil") < 2 {
		t.Error("the disclosure for the client lacks the opinions")
	}
	if err := h.opines(code, "Kern", "yes"); ruleOf(err) != "opinions_opened" {
		t.Errorf("corrected after the opening: %v", err)
	}
	h.must(h.s.AddToOpinion(ctx, people["Kern"], code, "kernnachtrag", ""))
	if o := h.opinionsFor(h.caseworker, code); !strings.Contains(fmt.Sprint(o.Points), "kernnachtrag") {
		t.Error("the addendum is not read")
	}
	_, err := h.s.Withdraw(ctx, h.caseworker, caseID)
	h.must(err)
	for name, by := range people {
		if text := shown(by); strings.Contains(text, "grund") || strings.Contains(text, "nachtrag") || strings.Contains(text, "kernteil") {
			t.Errorf("%s reads after the withdrawal", name)
		}
	}
}

func TestOpinionsAreAskedForRemindedOfAndOpenedByTheModeration(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	code, _ := h.askingOpinions(nil, "Kern", "Reimann") // on Thursday
	h.accept(code, "Kern")
	mails := func(kind string) int {
		return get[int](h, `select count(*)::int from message_out where kind = $1`, kind)
	}
	h.must(h.s.SweepOpinions(ctx))
	h.must(h.s.SweepOpinions(ctx))
	if n := mails("opinion_asked"); n != 1 {
		t.Errorf("%d mails", n)
	}
	if err := h.opines(code, "Reimann", "yes"); ruleOf(err) != "not_accepted" {
		t.Errorf("before she has accepted: %v", err)
	}
	h.must(h.opines(code, "Kern", "partly"))
	h.clock = get[time.Time](h, `select starts_at from conference where code = $1`, code).Add(-20 * time.Hour) // after the evening before
	h.accept(code, "Reimann")
	h.must(h.s.SweepOpinions(ctx))
	if n := mails("opinion_asked"); n != 2 {
		t.Errorf("%d mails, who accepts late is asked late", n)
	}
	body := get[string](h, `select string_agg(subject || body_text, '') from message_out where kind = 'opinion_asked'`)
	if !strings.Contains(body, "/conferences/"+code+"/opinion") || strings.Contains(body, secretWord) || strings.Contains(body, "Kern,") == strings.Contains(body, "psychiatr") {
		t.Errorf("the mail says %q", body)
	}
	h.open(code)
	if o := h.opinionsFor(h.coordinator, code); o.Open() || !o.CanOpen {
		t.Errorf("the room opens no opinions by itself: %+v", o)
	}
	if err := h.s.OpenOpinions(ctx, h.caseworker, code); !errors.Is(err, account.ErrDenied) {
		t.Errorf("the caseworker opens: %v", err)
	}
	h.must(h.s.OpenOpinions(ctx, h.coordinator, code))
	if err := h.s.OpenOpinions(ctx, h.coordinator, code); ruleOf(err) != "opinions_opened" {
		t.Errorf("twice: %v", err)
	}
	o := h.opinionsFor(h.caseworker, code)
	if !o.Open() || o.OpenedBy != h.coordinator.Name || len(o.Silent) != 1 || o.Silent[0] != "Dr. Reimann" || o.Panel() {
		t.Errorf("opened: %+v", o)
	}
	if n := get[int](h, `select count(*)::int from audit.entry where action = 'opinion_missing' and object_id = $1`, h.experts["Reimann"].ID.String()); n != 1 {
		t.Errorf("%d entries say who had not answered", n)
	}
	h.must(h.opines(code, "Reimann", "no"))
	o = h.opinionsFor(h.caseworker, code)
	if last := o.Points[0].Opinions; len(last) != 2 || !last[0].Late && !last[1].Late {
		t.Errorf("what comes after the opening is not marked: %+v", last)
	}
	h.must(h.s.End(ctx, h.coordinator, code))
	h.must(h.s.Minute(ctx, h.coordinator, code, "Drei Stunden."))
	h.must(h.s.RedactWords(ctx, h.coordinator, code, "kerngrund"))
	h.must(h.s.Approve(ctx, h.coordinator, code, ""))
	m, _, err := h.s.Minutes(ctx, h.caseworker, code)
	h.must(err)
	if len(m.Body.Opinions) != 2 || !strings.Contains(fmt.Sprint(m.Body.Opinions), "reimanngrund") || strings.Contains(fmt.Sprint(m.Body.Opinions), "kerngrund") {
		t.Errorf("the annex: %+v", m.Body.Opinions)
	}
	file, err := h.s.MinutesFile(ctx, h.caseworker, code)
	h.must(err)
	if _, err := VerifyMinutes(file); err != nil {
		t.Errorf("the file: %v", err)
	}
	if err := h.s.AddToOpinion(ctx, h.experts["Kern"], code, "Doch.", ""); err == nil {
		t.Error("something is added to approved minutes")
	}
}

func TestAConferenceInWritingGoesFromTheMailToTheMinutesWithoutARoom(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	day := UsualDue(h.clock, "") // a Tuesday, a week later
	code, caseID := h.askingOpinions(inWriting(day), "Kern", "Reimann")
	if n := get[int](h, `select count(*)::int from message_out where calendar is not null`); n != 0 {
		t.Errorf("%d calendar objects", n)
	}
	body := get[string](h, `select string_agg(subject || body_text, '') from message_out`)
	if !strings.Contains(body, "Dienstag, 1. Dezember 2026, 18:00 Uhr") || strings.Contains(body, secretWord) {
		t.Errorf("the mail: %s", body)
	}
	h.accept(code, "Kern")
	for what, err := range map[string]error{
		"moved":  h.s.Move(ctx, h.coordinator, code, h.clock.Add(time.Hour), time.Hour),
		"opened": h.s.Open(ctx, h.coordinator, code),
	} {
		if ruleOf(err) != "in_writing" {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := h.s.Calendar(ctx, h.experts["Kern"], h.invitationOf(code, "Kern")); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("a calendar file: %v", err)
	}
	h.must(h.opines(code, "Kern", "yes"))
	if err := h.s.OpenOpinions(ctx, h.coordinator, code); ruleOf(err) != "opinion_quorum" {
		t.Errorf("closed without a discipline: %v", err)
	}
	h.accept(code, "Reimann")
	h.must(h.s.SweepOpinions(ctx))
	h.clock = h.clock.AddDate(0, 0, 6).Add(9 * time.Hour) // Monday at seven in the evening
	h.must(h.s.SweepOpinions(ctx))
	h.must(h.s.SweepOpinions(ctx))
	if n := get[int](h, `select count(*)::int from message_out where kind = 'opinion_due'`); n != 1 {
		t.Errorf("%d reminders", n)
	}
	if err := h.s.ExtendOpinions(ctx, h.coordinator, code, day); fault(err) != "due_on:longer" {
		t.Errorf("extended by nothing: %v", err)
	}
	h.must(h.s.ExtendOpinions(ctx, h.coordinator, code, day.AddDate(0, 0, 1)))
	if n := get[int](h, `select count(*)::int from message_out where kind = 'opinion_longer'`); n != 1 {
		t.Errorf("%d people are told that there is more time", n)
	}
	h.clock = h.clock.AddDate(0, 0, 1)
	h.must(h.s.SweepOpinions(ctx))
	if h.state(code) != Quorate {
		t.Errorf("before the new end: %s", h.state(code))
	}
	h.must(h.opines(code, "Reimann", "no"))
	if h.state(code) != MinutesDraft {
		t.Fatalf("all have answered: %s", h.state(code))
	}
	m, _, err := h.s.Minutes(ctx, h.coordinator, code)
	h.must(err)
	if !m.Body.Written || len(m.Body.Opinions) != 2 || !strings.Contains(m.Body.Decisions, "1 × eher ja, 1 × eher nein") || !strings.Contains(m.Body.Decisions, "reimanngrund") {
		t.Errorf("the draft: %+v", m.Body)
	}
	h.must(h.s.Approve(ctx, h.coordinator, code, ""))
	if h.state(code) != Closed && h.state(code) != Approved {
		t.Errorf("approved: %s", h.state(code))
	}
	p, err := h.pool.Participation(ctx, h.experts["Reimann"], h.experts["Reimann"].ID, expertpool.QuarterOf(h.clock))
	h.must(err)
	if len(p.Attended) != 1 || p.Attended[0].Minutes != 12 || p.Attended[0].Kind != "written_opinion" {
		t.Errorf("the proof: %+v", p.Attended)
	}
	h.exec(`update case_file set created_at = created_at - interval '3 years'`)
	h.must(h.s.deleteCase(ctx, caseID, h.caseworker.Organisation, "case"))
	for _, table := range []string{"opinion_round", "opinion", "opinion_version", "opinion_addendum"} {
		if n := get[int](h, `select count(*)::int from `+table); n != 0 {
			t.Errorf("%d rows are left in %s", n, table)
		}
	}
}

func TestAConferenceInWritingEndsWithItsTermWhenEveryDisciplineItNeedsHasAnswered(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	code, _ := h.askingOpinions(inWriting(UsualDue(h.clock, "")), "Kern", "Reimann")
	h.accept(code, "Kern", "Reimann")
	after := func(what string, answered int, lacking ...string) {
		t.Helper()
		h.clock = h.clock.AddDate(0, 0, 8)
		h.must(h.s.SweepOpinions(ctx))
		o := h.opinionsFor(h.coordinator, code)
		if h.state(code) != Quorate || !o.TimeUp || !slices.Equal(o.Lacking, lacking) || o.CanOpen != (answered > 0) {
			t.Errorf("%s: %s, %+v", what, h.state(code), o)
		}
		waiting, err := h.s.OpinionsWaiting(ctx, h.coordinator)
		if err != nil || len(waiting) != 1 || waiting[0].Answered != answered || !slices.Equal(waiting[0].Lacking, lacking) || waiting[0].Question != "" {
			t.Errorf("%s: the coordination's day has %+v, %v", what, waiting, err)
		}
		for name, by := range map[string]account.Actor{"the caseworker": h.caseworker, "an expert": h.experts["Kern"]} {
			if o := h.opinionsFor(by, code); o.Lacking != nil || o.TimeUp {
				t.Errorf("%s: %s is told what is lacking", what, name)
			}
		}
	}
	after("with no answer at all", 0, "occupational_medicine", "psychiatry")
	h.must(h.s.ExtendOpinions(ctx, h.coordinator, code, UsualDue(h.clock, "")))
	if o := h.opinionsFor(h.coordinator, code); o.TimeUp {
		t.Error("extended, and its time is up")
	}
	h.must(h.opines(code, "Kern", "yes"))
	after("with one of two", 1, "occupational_medicine")
	if err := h.s.OpenOpinions(ctx, h.caseworker, code); !errors.Is(err, account.ErrDenied) {
		t.Errorf("the caseworker closes it: %v", err)
	}
	h.must(h.s.OpenOpinions(ctx, h.coordinator, code))
	if o := h.opinionsFor(h.coordinator, code); h.state(code) != MinutesDraft || o.Why != opinion.ByModerator || o.Panel() || len(o.Silent) != 1 || o.TimeUp {
		t.Errorf("closed without a discipline: %s, %+v", h.state(code), o)
	}
	if n := get[int](h, `select count(*)::int from audit.entry where action = 'opinion_missing' and object_kind = 'discipline' and object_id = 'occupational_medicine'`); n != 1 {
		t.Errorf("%d entries say which discipline was lacking", n)
	}
	if waiting, err := h.s.OpinionsWaiting(ctx, h.coordinator); err != nil || len(waiting) != 0 {
		t.Errorf("it still waits: %+v, %v", waiting, err)
	}
}

func TestOneOfADisciplineIsEnoughAtTheEndOfATerm(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	h.exec(`update expert set discipline = 'psychiatry' where account_id = $1`, h.experts["Voss"].ID)
	code, _ := h.askingOpinions(inWriting(UsualDue(h.clock, "")), "Kern", "Reimann", "Voss")
	h.accept(code, "Kern", "Reimann", "Voss")
	h.must(h.opines(code, "Kern", "yes"))
	h.must(h.opines(code, "Reimann", "yes"))
	h.must(h.s.SweepOpinions(ctx))
	if h.state(code) != Quorate {
		t.Errorf("before its term: %s", h.state(code))
	}
	h.clock = h.clock.AddDate(0, 0, 8)
	h.must(h.s.SweepOpinions(ctx))
	if o := h.opinionsFor(h.coordinator, code); h.state(code) != MinutesDraft || o.Why != opinion.AtDeadline || len(o.Silent) != 1 {
		t.Errorf("after its term: %s, %+v", h.state(code), o)
	}
}

func TestWhichDisciplinesAreLackingFollowsThePartQuestions(t *testing.T) {
	t.Parallel()
	ids := map[string]uuid.UUID{"a": uuid.New(), "b": uuid.New(), "c": uuid.New()}
	seat := func(who, discipline string) Seat {
		return Seat{AccountID: ids[who], Role: ExpertPart, Discipline: discipline, Required: true, Answer: Accepted}
	}
	with := func(t Seat, change func(*Seat)) Seat { change(&t); return t }
	knows := func(who string, mask slot.Parts) Answering { return Answering{ID: ids[who], mask: mask} }
	both := []Seat{seat("a", "psychiatry"), seat("b", "nursing")}
	for name, c := range map[string]struct {
		seats    []Seat
		round    []Answering
		parts    int
		answered string
		want     []string
	}{
		"nobody has answered":                      {both, nil, 0, "", []string{"psychiatry", "nursing"}},
		"one has":                                  {both, nil, 0, "a", []string{"nursing"}},
		"both have":                                {both, nil, 0, "ab", nil},
		"one of two of a discipline":               {append(both, seat("c", "nursing")), nil, 0, "ac", nil},
		"a discipline that is made up for":         {[]Seat{both[0], with(both[1], func(t *Seat) { t.Required = false })}, nil, 0, "a", nil},
		"somebody who was taken out":               {[]Seat{both[0], with(both[1], func(t *Seat) { t.Answer = AnswerCancelled })}, nil, 0, "a", nil},
		"somebody who has said no":                 {[]Seat{both[0], with(both[1], func(t *Seat) { t.Answer = Declined })}, []Answering{knows("a", 1)}, 1, "a", []string{"nursing"}},
		"a part of her own":                        {both, []Answering{knows("a", 0b01), knows("b", 0b10)}, 2, "a", []string{"nursing"}},
		"others know all that she does":            {both, []Answering{knows("a", 0b11), knows("b", 0b10)}, 2, "a", nil},
		"others know it and have not answered":     {both, []Answering{knows("a", 0b11), knows("b", 0b10)}, 2, "b", []string{"psychiatry"}},
		"she is there for no part in particular":   {both, []Answering{knows("a", 0b01), knows("b", 0)}, 2, "a", []string{"nursing"}},
		"the same, and others have answered every": {both, []Answering{knows("a", 0b11), knows("b", 0)}, 2, "a", nil},
	} {
		var answered []uuid.UUID
		for _, who := range strings.Split(c.answered, "") {
			answered = append(answered, ids[who])
		}
		if got := lacking(c.seats, c.round, answered, c.parts); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestAnExpertIsAskedThePartQuestionsThatSheKnowsAboutAndThoseThatNobodyDoes(t *testing.T) {
	t.Parallel()
	a, b, c := uuid.New(), uuid.New(), uuid.New()
	who := Answers{Parts: make([]PartQuestion, 3), Round: []Answering{{ID: a, mask: 0b001}, {ID: b, mask: 0}}, Open: []int{2}}
	for id, want := range map[uuid.UUID][]int{a: {0, 2}, b: {0, 1, 2}, c: {0, 1, 2}} {
		if got := who.asksOf(id); !slices.Equal(got, want) {
			t.Errorf("asked %v, want %v", got, want)
		}
	}
}

func TestPartQuestionsAreAnsweredAndStandInTheMinutesByDisagreement(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	code, caseID := h.askingOn([]PartQuestion{
		{Text: "Ist eine Reha sinnvoll?", Disciplines: []string{"psychiatry", "occupational_medicine"}}, {Text: "Geht Schichtarbeit?", Disciplines: []string{"psychiatry"}}, {Text: "Wer begleitet?", Disciplines: []string{"nursing"}},
	}, inWriting(UsualDue(h.clock, "")), "Kern", "Reimann")
	h.accept(code, "Kern", "Reimann")
	numbers := func(points []opinion.Point) (n []int) {
		for _, p := range points {
			n = append(n, p.Number)
		}
		return n
	}
	for name, want := range map[string][]int{"Kern": {1, 2, 3}, "Reimann": {1, 3}} {
		if o := h.opinionsFor(h.experts[name], code); !slices.Equal(numbers(o.Parts), want) || !slices.Equal(numbers(o.Points), []int{0, 1, 2, 3}) || opinion.Given(o.Points) {
			t.Errorf("%s is asked %v of %v", name, numbers(o.Parts), numbers(o.Points))
		}
	}
	says := func(name, position string, said ...opinion.PartAnswer) error {
		a := opinionOf(position, strings.ToLower(name))
		a.Parts = said
		return h.s.SendOpinion(ctx, h.experts[name], code, a, 10, "")
	}
	if err := says("Kern", "yes", opinion.PartAnswer{Number: 1, Position: "yes", Reason: "Frau Mustermann will es."}); fault(err) != "because:names" {
		t.Errorf("a sentence with the name: %v", err)
	}
	if err := says("Kern", "yes", opinion.PartAnswer{Number: 4, Position: "yes"}); fault(err) != "position_4:required" {
		t.Errorf("a part question that there is not: %v", err)
	}
	h.must(says("Kern", "yes", opinion.PartAnswer{Number: 1, Position: "yes", Reason: "Erst Rehawort."}, opinion.PartAnswer{Number: 2, Position: "no"}))
	h.must(says("Reimann", "yes", opinion.PartAnswer{Number: 1, Position: "no", Reason: "Später."}))
	if h.state(code) != MinutesDraft {
		t.Fatalf("all have answered: %s", h.state(code))
	}
	points, err := h.s.Points(ctx, h.caseworker, code)
	if err != nil || !slices.Equal(numbers(points), []int{1, 3, 2, 0}) || points[0].Spread().Distance != opinion.Far || points[1].Spread().Distance != opinion.Unsaid {
		t.Errorf("the points: %+v, %v", points, err)
	}
	h.must(h.s.RedactWords(ctx, h.coordinator, code, "Rehawort"))
	m, _, err := h.s.Minutes(ctx, h.coordinator, code)
	h.must(err)
	for _, want := range []string{"Ist eine Reha sinnvoll?\nSchriftliche Einschätzungen: 1 × eher ja, 1 × eher nein.", "Wer begleitet?\nDazu hat niemand etwas gesagt.", "– Später."} {
		if !strings.Contains(m.Body.Decisions, want) {
			t.Errorf("the draft lacks %q: %s", want, m.Body.Decisions)
		}
	}
	h.must(h.s.Approve(ctx, h.coordinator, code, ""))
	file, err := h.s.MinutesFile(ctx, h.caseworker, code)
	h.must(err)
	proof, err := VerifyMinutes(file)
	h.must(err)
	if p := proof.Body.Points; len(p) != 4 || p[0].Number != 1 || p[0].Distance != opinion.Far || len(p[0].Said) != 2 || p[1].Distance != opinion.Unsaid ||
		p[3].Said != nil || strings.Contains(fmt.Sprint(p), "Rehawort") || !strings.Contains(fmt.Sprint(p), "[entfernt]") || len(proof.Body.Opinions) != 2 {
		t.Errorf("the minutes: %+v", p)
	}
	h.discreet()
	h.exec(`update case_file set created_at = created_at - interval '3 years'`)
	h.must(h.s.deleteCase(ctx, caseID, h.caseworker.Organisation, "case"))
	for _, table := range []string{"opinion_version", "opinion_part", "part_question"} {
		if n := get[int](h, `select count(*)::int from `+table); n != 0 {
			t.Errorf("%d rows are left in %s", n, table)
		}
	}
}

func TestOneExpertIsAskedToWriteInsteadOfComing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	code, _ := h.convene("Kern", "Reimann")
	h.accept(code, "Kern")
	h.must(h.s.Answer(ctx, h.experts["Reimann"], h.invitationOf(code, "Reimann"), 0, Declined, ""))
	if err := h.s.AskOpinion(ctx, h.caseworker, code, h.experts["Reimann"].ID); !errors.Is(err, account.ErrDenied) {
		t.Errorf("the caseworker: %v", err)
	}
	h.must(h.s.AskOpinion(ctx, h.coordinator, code, h.experts["Reimann"].ID))
	h.clock = h.clock.Add(time.Minute) // so that the newest invitation is the one that stands
	h.exec(`update invitation set stamped_at = stamped_at - interval '1 hour' where state = 'cancelled'`)
	if err := h.s.AskOpinion(ctx, h.coordinator, code, h.experts["Reimann"].ID); ruleOf(err) != "already_invited" {
		t.Errorf("twice: %v", err)
	}
	if n := get[int](h, `select count(*)::int from message_out where to_email = (select email from account where id = $1) and method = 'REQUEST'`, h.experts["Reimann"].ID); n != 1 {
		t.Errorf("%d dates for somebody who writes", n)
	}
	h.accept(code, "Reimann")
	if h.state(code) != Quorate {
		t.Errorf("her discipline is filled: %s", h.state(code))
	}
	h.must(h.opines(code, "Reimann", "yes"))
	if got := get[bool](h, `select attended_at is not null from seat where account_id = $1`, h.experts["Reimann"].ID); !got {
		t.Error("her time does not count")
	}
	h.must(h.s.Move(ctx, h.coordinator, code, h.clock.AddDate(0, 0, 3), 25*time.Minute))
	if got := get[string](h, `select state from invitation where id = $1`, h.invitationOf(code, "Reimann")); got != "accepted" {
		t.Errorf("who does not come is asked again when the date moves: %s", got)
	}
	var invalid *account.InvalidError
	if err := h.s.AskOpinion(ctx, h.coordinator, code, uuid.New()); !errors.As(err, &invalid) || invalid.Field != "experts" {
		t.Errorf("somebody who is not in the pool: %v", err)
	}
}

func TestOpinionsCanBeAskedForUntilSomebodyHasAnswered(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	code, _ := h.convene("Kern", "Reimann")
	if _, err := h.s.Opinions(ctx, h.coordinator, code); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("nobody was asked: %v", err)
	}
	h.must(h.s.AskOpinions(ctx, h.coordinator, code, opinion.Hours))
	h.must(h.s.AskOpinions(ctx, h.coordinator, code, ""))
	h.must(h.s.AskOpinions(ctx, h.coordinator, code, opinion.Tendency))
	if err := h.s.AskOpinions(ctx, h.coordinator, code, "colours"); fault(err) != "scale:unknown" {
		t.Errorf("no scale: %v", err)
	}
	h.accept(code, "Kern", "Reimann")
	if err := h.s.SendOpinion(ctx, h.experts["Kern"], code, opinion.Answer{Position: "yes", Reason: "Frau Mustermann kann das.", Confidence: opinion.Sure}, 15, ""); fault(err) != "because:names" {
		t.Errorf("an opinion with the name: %v", err)
	}
	h.must(h.opines(code, "Kern", "yes"))
	for _, scale := range []opinion.Scale{"", opinion.Hours} {
		if err := h.s.AskOpinions(ctx, h.coordinator, code, scale); ruleOf(err) != "opinions_begun" {
			t.Errorf("%q after an answer: %v", scale, err)
		}
	}
	h.must(h.s.Declare(ctx, h.experts["Kern"], code, Knows))
	if n := get[int](h, `select count(*)::int from opinion_version`); n != 0 {
		t.Error("the opinion of somebody with a tie stays")
	}
}
