package conference

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/conference/plan"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/audit"
)

// topic convenes a conference on a topic in two hours, with the named experts and a colleague of the other Jobcenter.
func (h *house) topic(names ...string) string {
	h.t.Helper()
	t := Topic{
		Question: "Wie gelingt der Übergang aus der Tagesklinik?", Explanation: "Viele fallen in den ersten Wochen zurück.",
		Colleagues: []uuid.UUID{h.foreign.ID}, Panel: Panel{Starts: h.clock.Add(2 * time.Hour), Length: 45 * time.Minute},
	}
	for _, n := range names {
		t.Experts = append(t.Experts, h.experts[n].ID)
	}
	code, err := h.s.ConveneTopic(h.t.Context(), h.coordinator, t)
	h.must(err)
	return code
}

// says answers the invitation of somebody.
func (h *house) says(code string, who account.Actor, a Answer) {
	h.t.Helper()
	id, err := h.s.OwnInvitation(h.t.Context(), who, code)
	h.must(err)
	seq := get[int](h, `select sequence from invitation where id = $1`, id)
	h.must(h.s.Answer(h.t.Context(), who, id, seq, a, ""))
}

func TestATopicConferenceRunsFromConveningToAClosedPlan(t *testing.T) {
	t.Parallel()
	h, ctx := newHouse(t), t.Context()
	code := h.topic("Kern")
	kern := h.experts["Kern"]
	if !strings.HasPrefix(code, "T7-") || h.state(code) != Inviting {
		t.Fatalf("code %s, state %s", code, h.state(code))
	}
	v, err := h.s.ByCode(ctx, kern, code)
	h.must(err)
	if v.Shut != "not_accepted" || v.Question == "" || v.Explanation != "" {
		t.Fatalf("before she answers an expert sees: shut %q, topic %q, explanation %q", v.Shut, v.Question, v.Explanation)
	}
	h.says(code, kern, Accepted)
	h.says(code, h.foreign, Accepted)
	if h.state(code) != Quorate {
		t.Fatalf("state with every expert: %s", h.state(code))
	}
	for _, by := range []account.Actor{h.coordinator, kern, h.foreign} {
		v, err := h.s.ByCode(ctx, by, code)
		h.must(err)
		if v.Shut != "" || v.Explanation == "" || v.Summary != nil || v.Consent != nil || v.CanAskGuests() || v.CanDeclare() || v.CanPass() {
			t.Fatalf("%s sees %+v", by.Name, v)
		}
		list, err := h.s.List(ctx, by)
		h.must(err)
		if len(list) != 1 || list[0].Code != code {
			t.Fatalf("%s has %d conferences", by.Name, len(list))
		}
	}
	if letter := get[string](h, `select string_agg(subject || body_text, ' ') from message_out where conference = $1`, code); strings.Contains(letter, "Fallkonferenz") ||
		strings.Contains(letter, "Fall.") || strings.Contains(letter, "Tagesklinik") || !strings.Contains(letter, "Fachkonferenz "+code) {
		t.Fatalf("mails say: %s", letter)
	}

	h.must(h.s.Move(ctx, h.coordinator, code, h.clock.Add(3*time.Hour), 45*time.Minute))
	h.says(code, kern, Accepted)
	h.says(code, h.foreign, Accepted)
	h.open(code)
	for _, by := range []account.Actor{h.coordinator, kern, h.foreign} {
		e, err := h.s.Enter(ctx, by, code)
		h.must(err)
		h.must(h.s.Joined(ctx, e.ID, by.ID))
	}
	h.must(h.s.Propose(ctx, kern, code, "Leitfaden für Übergaben entwerfen", h.foreign.ID, expertpool.Today(h.clock).AddDate(0, 0, 10), ""))
	h.writeSections(code, map[string]string{"decisions": "Übergaben werden vor der Entlassung verabredet.", "viewpoints": "Aus der Praxis von Dr. Kern."})
	h.must(h.s.End(ctx, h.coordinator, code))
	h.must(h.s.Approve(ctx, h.coordinator, code, ""))
	file, err := h.s.MinutesFile(ctx, kern, code)
	h.must(err)
	if _, err := VerifyMinutes(file); err != nil {
		t.Fatalf("signed minutes of a topic: %v", err)
	}

	id := get[uuid.UUID](h, `select id from measure`)
	h.must(h.plans.Answer(ctx, h.foreign, id, true, ""))
	h.clock = h.clock.AddDate(0, 0, 11)
	if w, err := h.plans.Waiting(ctx, h.foreign); err != nil || w.Overdue != 1 {
		t.Fatalf("what waits for the one responsible: %+v, %v", w, err)
	}
	if mine, err := h.plans.Mine(ctx, h.foreign); err != nil || len(mine) != 1 {
		t.Fatalf("her measures: %d, %v", len(mine), err)
	}
	if asked, err := h.plans.Sweep(ctx, h.clock); err != nil || asked != 1 {
		t.Fatalf("asked %d, %v", asked, err)
	}
	h.must(h.s.Report(ctx, h.foreign, id, plan.OutcomeDone, ""))
	if h.state(code) != Closed {
		t.Fatalf("state when everything is done: %s", h.state(code))
	}
	if n := get[int](h, `select count(*) from message_out where kind = 'outcome'`); n != 1 {
		t.Errorf("%d of those who advised were told", n)
	}
	if _, err := audit.Verify(ctx, h.db); err != nil {
		t.Fatal(err)
	}
}

// writeSections keeps texts of a note as the live room would.
func (h *house) writeSections(code string, texts map[string]string) {
	h.t.Helper()
	ctx := h.t.Context()
	n, err := h.s.OpenNote(ctx, get[uuid.UUID](h, `select id from conference where code = $1`, code))
	h.must(err)
	h.must(h.s.WriteSections(ctx, n.ID, n.Head+1, texts))
}

func TestWhoWasNotAskedToATopicHasNoPartInIt(t *testing.T) {
	t.Parallel()
	h, ctx := newHouse(t), t.Context()
	code := h.topic("Kern")
	h.says(code, h.experts["Kern"], Accepted)
	h.says(code, h.foreign, Declined)
	h.open(code)
	h.writeSections(code, map[string]string{"decisions": "Etwas Besonderes."})
	id := get[uuid.UUID](h, `select id from conference where code = $1`, code)
	for _, by := range []account.Actor{h.caseworker, h.colleague, h.foreign, h.stranger, h.experts["Voss"]} {
		for what, ask := range map[string]func() error{
			"look":    func() error { _, err := h.s.ByCode(ctx, by, code); return err },
			"enter":   func() error { _, err := h.s.Enter(ctx, by, code); return err },
			"history": func() error { _, err := h.s.History(ctx, by, code); return err },
			"examine": func() error { _, err := h.s.Examine(ctx, by, code, "x"); return err },
			"propose": func() error {
				return h.s.Propose(ctx, by, code, "x", h.coordinator.ID, expertpool.Today(h.clock).AddDate(0, 0, 1), "")
			},
			"end":    func() error { return h.s.End(ctx, by, code) },
			"move":   func() error { return h.s.Move(ctx, by, code, h.clock.Add(time.Hour), time.Hour) },
			"invite": func() error { return h.s.InviteColleagues(ctx, by, code, []uuid.UUID{h.colleague.ID}) },
			"ask": func() error {
				return h.s.AskInformation(ctx, by, code, "Was fehlt?", expertpool.Today(h.clock).AddDate(0, 0, 1), "")
			},
		} {
			if err := ask(); !errors.Is(err, account.ErrNotFound) {
				t.Errorf("%s (%s): %s = %v", by.Name, by.Role, what, err)
			}
		}
		if found, err := h.s.Search(ctx, by, "Besonderes"); err != nil || len(found) != 0 {
			t.Errorf("%s finds %d, %v", by.Name, len(found), err)
		}
		if list, err := h.s.List(ctx, by); err != nil || len(list) != 0 {
			t.Errorf("%s lists %d, %v", by.Name, len(list), err)
		}
		if why, err := h.s.Stay(ctx, id, []Presence{{by.ID, by.Session}}); err != nil || why[0] == "" {
			t.Errorf("%s may stay: %q, %v", by.Name, why, err)
		}
	}
	if found, err := h.s.Search(ctx, h.experts["Kern"], "Besonderes"); err != nil || len(found) != 1 {
		t.Errorf("who sits in it finds %d, %v", len(found), err)
	}
	for _, by := range []account.Actor{h.caseworker, h.experts["Kern"]} {
		if _, err := h.s.ConveneTopic(ctx, by, Topic{Question: "q"}); !errors.Is(err, account.ErrDenied) {
			t.Errorf("%s convenes a topic: %v", by.Role, err)
		}
		if _, err := h.s.Colleagues(ctx, by); !errors.Is(err, account.ErrDenied) {
			t.Errorf("%s lists colleagues: %v", by.Role, err)
		}
	}
}

func TestWhatOnlyACaseHasIsRefusedWithoutOne(t *testing.T) {
	t.Parallel()
	h, ctx := newHouse(t), t.Context()
	code := h.topic("Kern")
	kern := h.experts["Kern"]
	h.says(code, kern, Accepted)
	refused := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, account.ErrConflict) || ruleOf(err) != "no_case" {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, _, err := h.s.AskGuest(ctx, h.coordinator, code, GuestKinds[0], true)
	refused("guest", err)
	refused("declaration", h.s.Declare(ctx, kern, code, NoTie))
	refused("later", h.s.ShowFrom(ctx, h.coordinator, code, nil))
	if err := h.s.AskInformation(ctx, kern, code, "Was fehlt?", expertpool.Today(h.clock), ""); ruleOf(err) != "nobody_to_ask" {
		t.Errorf("a question to a caseworker who is not there: %v", err)
	}
	if _, _, err := h.s.Attachment(ctx, kern, code, uuid.New()); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("attachment: %v", err)
	}
	if p, err := h.s.Previous(ctx, kern, code); err != nil || p != nil {
		t.Errorf("previous: %v, %v", p, err)
	}
	for _, p := range []casefile.Purpose{casefile.Presence, casefile.FollowUp, casefile.Profile, casefile.Risk, casefile.PassPlan} {
		if err := h.cases.Open(ctx, h.db, uuid.Nil, h.coordinator, p); !errors.Is(err, account.ErrClosed) {
			t.Errorf("the gate without a case lets %s through: %v", p, err)
		}
	}
	if _, err := h.db.Exec(ctx, `update conference set kind = 'case_conference' where code = $1`, code); err == nil {
		t.Error("the database lets a case conference have no case")
	}
	about, _ := h.convene("Kern")
	if _, err := h.db.Exec(ctx, `update conference set case_id = null where code = $1`, about); err == nil {
		t.Error("the database lets a conference lose its case")
	}
	if err := h.s.InviteColleagues(ctx, h.coordinator, about, []uuid.UUID{h.foreign.ID}); ruleOf(err) != "has_case" {
		t.Errorf("a colleague of another organisation was asked to a case: %v", err)
	}
}

func TestATopicNamesNobody(t *testing.T) {
	t.Parallel()
	h, ctx := newHouse(t), t.Context()
	for _, text := range []string{"Wie geht es Frau Sabine Müller?", "Was tun mit KVNR A123456780?", "Rückfragen an erika@beispiel.de", "Der Kunde, geb. 16.01.1993"} {
		_, err := h.s.ConveneTopic(ctx, h.coordinator, Topic{
			Question: text, Panel: Panel{Experts: []uuid.UUID{h.experts["Kern"].ID}, Starts: h.clock.Add(time.Hour), Length: time.Hour},
		})
		var names *casefile.NamesError
		if !errors.As(err, &names) || !names.Final || names.Hints[0].Field != "topic" {
			t.Errorf("%q: %v", text, err)
		}
	}
	code := h.topic("Kern")
	h.says(code, h.experts["Kern"], Accepted)
	h.open(code)
	due := expertpool.Today(h.clock).AddDate(0, 0, 3)
	var names *casefile.NamesError
	if err := h.s.Propose(ctx, h.coordinator, code, "Frau Sabine Müller anrufen", h.coordinator.ID, due, "muss sein"); !errors.As(err, &names) || !names.Final {
		t.Errorf("a measure that names somebody, with a reason: %v", err)
	}
	h.must(h.s.Propose(ctx, h.coordinator, code, "Mit Frau Dr. Kern den Leitfaden lesen", h.coordinator.ID, due, ""))
	h.writeSections(code, map[string]string{"decisions": "Wir lesen den Vortrag von Frau Sabine Müller."})
	h.must(h.s.End(ctx, h.coordinator, code))
	if err := h.s.Approve(ctx, h.coordinator, code, ""); !errors.As(err, &names) || names.Final {
		t.Fatalf("minutes that name somebody: %v", err)
	}
	h.must(h.s.Approve(ctx, h.coordinator, code, "sie wird zitiert"))
	if n := get[int](h, `select count(*) from audit.entry where action = 'justify_names' and object_id = $1 and reason = 'sie wird zitiert'`, code); n != 1 {
		t.Errorf("the reason stands %d times in the record", n)
	}
}

// question is one without a case, as a caseworker asks it.
func question() Request {
	return Request{
		Question: "Ab wann ist nach einer Depression Teilzeit ratsam?", Explanation: "Immer wieder brechen Maßnahmen in der dritten Woche ab.",
		Urgency: "normal", Disciplines: []string{"psychiatry"},
	}
}

func TestAQuestionWithoutACaseIsAnsweredLikeARequest(t *testing.T) {
	t.Parallel()
	h, ctx := newHouse(t), t.Context()
	id, err := h.s.Ask(ctx, h.caseworker, question())
	h.must(err)
	for _, by := range []account.Actor{h.caseworker, h.colleague, h.coordinator} {
		r, err := h.s.Request(ctx, by, id)
		h.must(err)
		if !r.Nobody() || !r.ConsentStands || !strings.HasPrefix(r.CasePseudonym, "T7-") || r.Explanation == "" {
			t.Fatalf("%s sees %+v", by.Name, r)
		}
	}
	for _, by := range []account.Actor{h.foreign, h.stranger, h.experts["Kern"]} {
		if _, err := h.s.Request(ctx, by, id); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("%s sees the question: %v", by.Name, err)
		}
	}
	benches, err := h.s.Suggestions(ctx, h.coordinator, id, Occasion{})
	h.must(err)
	if len(benches) != 1 || len(benches[0].Suggestions) != 1 {
		t.Fatalf("suggestions: %+v", benches)
	}
	kern := h.experts["Kern"]
	code, err := h.s.Convene(ctx, h.coordinator, id, Panel{Experts: []uuid.UUID{kern.ID}, Starts: h.clock.Add(time.Hour), Length: 25 * time.Minute})
	h.must(err)
	v, err := h.s.ByCode(ctx, h.caseworker, code)
	h.must(err)
	if v.Kind != TopicConference || v.Part != Caseworker || v.Explanation == "" || v.CaseworkerName != h.caseworker.Name {
		t.Fatalf("the asker sees %+v", v)
	}
	h.says(code, kern, Accepted)
	h.must(h.s.AskInformation(ctx, kern, code, "Welche Maßnahmen waren es?", expertpool.Today(h.clock), ""))
	asked, err := h.s.Information(ctx, h.caseworker, code)
	h.must(err)
	h.must(h.s.AnswerInformation(ctx, h.caseworker, code, asked[0].ID, "Praktika in Vollzeit.", ""))
	if _, err := h.s.ByCode(ctx, h.foreign, code); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("another Jobcenter sees it: %v", err)
	}
	h.open(code)
	h.writeSections(code, map[string]string{"decisions": "Nach sechs Wochen, mit vier Stunden."})
	h.must(h.s.End(ctx, h.coordinator, code))
	h.must(h.s.Approve(ctx, h.coordinator, code, ""))
	m, _, err := h.s.Minutes(ctx, h.caseworker, code)
	h.must(err)
	if m.State != "approved" || h.state(code) != Closed {
		t.Errorf("the asker's answer: %s, %s", m.State, h.state(code))
	}

	second, err := h.s.Ask(ctx, h.caseworker, question())
	h.must(err)
	h.must(h.s.Decline(ctx, h.coordinator, second, "Das beantwortet der Leitfaden."))
}

func TestAQuestionWithoutACaseTellsOfNobody(t *testing.T) {
	t.Parallel()
	h, ctx := newHouse(t), t.Context()
	for _, c := range []struct{ text, reason string }{
		{"Frau Sabine Müller schläft schlecht.", ""},
		{"Die Klientin, geb. 16.01.1993, schläft schlecht.", ""},
		{"Kundennummer 486F584748, was nun?", ""},
		{"Sie wohnt in der Goethestraße 12.", ""},
		{"Es geht um jemanden aus 17291 Prenzlau.", "small_place"},
		{"Ein 58-jähriger Mann aus Berlin sucht Arbeit.", "combination"},
		{"Siehe https://beispiel.de/unfall", ""},
	} {
		r := question()
		r.Explanation, r.Because = c.text, "geht nicht anders"
		_, err := h.s.Ask(ctx, h.caseworker, r)
		var names *casefile.NamesError
		if !errors.As(err, &names) || !names.Final {
			t.Errorf("%q: %v", c.text, err)
			continue
		}
		if c.reason != "" && !slices.ContainsFunc(names.Hints, func(x casefile.Hint) bool { return string(x.Reason) == c.reason }) {
			t.Errorf("%q is held for %+v", c.text, names.Hints)
		}
	}
	for _, fine := range []string{
		"Jemand in den Fünfzigern war lange im Lager tätig und hat Rückenschmerzen.", "In Berlin gibt es dafür eine Tagesklinik.",
		"Seit 2019 keine Arbeit, Antrag nach § 16i SGB II, Diagnose F33.1.",
	} {
		r := question()
		r.Explanation = fine
		if _, err := h.s.Ask(ctx, h.caseworker, r); err != nil {
			var names *casefile.NamesError
			errors.As(err, &names)
			t.Errorf("%q: %v %+v", fine, err, names)
		}
	}
	if n := get[int](h, `select count(*) from guard_override`); n != 0 {
		t.Errorf("%d passages were justified", n)
	}
}

func TestNothingOfATopicIsLeftWhenItsTimeIsOver(t *testing.T) {
	t.Parallel()
	h, ctx := newHouse(t), t.Context()
	asked, err := h.s.Ask(ctx, h.caseworker, question())
	h.must(err)
	_, err = h.s.Convene(ctx, h.coordinator, asked, Panel{Experts: []uuid.UUID{h.experts["Kern"].ID}, Starts: h.clock.Add(time.Hour), Length: time.Hour})
	h.must(err)
	refused, err := h.s.Ask(ctx, h.caseworker, question())
	h.must(err)
	h.must(h.s.Decline(ctx, h.coordinator, refused, "Zu allgemein."))
	code := h.topic("Kern")
	h.says(code, h.experts["Kern"], Accepted)
	h.open(code)
	h.must(h.s.Propose(ctx, h.coordinator, code, "Leitfaden", h.coordinator.ID, expertpool.Today(h.clock).AddDate(0, 0, 20), ""))
	h.writeSections(code, map[string]string{"decisions": "Etwas."})
	h.must(h.s.End(ctx, h.coordinator, code))
	h.must(h.s.Approve(ctx, h.coordinator, code, ""))
	about, _ := h.convene("Kern")

	count := func(table string) int { return get[int](h, `select count(*) from `+table) }
	h.sweep(183)
	if n := count("conference"); n != 3 {
		t.Fatalf("%d conferences on the last day", n)
	}
	h.sweep(1)
	if n, m := count("conference"), count("conference_request"); n != 2 || m != 1 {
		t.Fatalf("%d conferences, %d requests: the topic waits for its measure, questions do not", n, m)
	}
	h.sweep(20)
	if got := get[string](h, `select string_agg(code, ' ') from conference`); got != about {
		t.Fatalf("left are %s, the case's is %s", got, about)
	}
	for _, table := range []string{"measure", "measure_event", "minutes", "note_section"} {
		if n := count(table); n != 0 {
			t.Errorf("%d rows are left in %s", n, table)
		}
	}
	for _, table := range []string{"message_out", "link", "seat", "invitation"} {
		if n := get[int](h, `select count(*) from `+table+` x where to_jsonb(x)::text like '%' || $1 || '%'`, code); n != 0 {
			t.Errorf("%d rows of it are left in %s", n, table)
		}
	}
	if n := get[int](h, `select coalesce(sum(counted), 0) from deletion where class = 'topic'`); n != 3 {
		t.Errorf("the protocol counts %d", n)
	}
}

func TestATopicInWritingEndsOnItsDayAndAsksExpertsAlone(t *testing.T) {
	t.Parallel()
	h, ctx := newHouse(t), t.Context()
	h.clock = berlin("2027-03-01 09:00")
	written := Topic{
		Question: "Wie gelingt der Übergang aus der Tagesklinik?",
		Panel:    Panel{Experts: []uuid.UUID{h.experts["Kern"].ID, h.experts["Reimann"].ID}, Written: true, DueOn: time.Date(2027, 3, 9, 0, 0, 0, 0, time.UTC)},
	}
	var invalid *account.InvalidError
	for field, spoil := range map[string]func(*Topic){
		"due_on": func(t *Topic) { t.DueOn = time.Date(2027, 3, 7, 0, 0, 0, 0, time.UTC) }, "colleagues": func(t *Topic) { t.Colleagues = []uuid.UUID{h.foreign.ID} },
	} {
		bad := written
		spoil(&bad)
		if _, err := h.s.ConveneTopic(ctx, h.coordinator, bad); !errors.As(err, &invalid) || invalid.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	code, err := h.s.ConveneTopic(ctx, h.coordinator, written)
	h.must(err)
	v, err := h.s.ByCode(ctx, h.coordinator, code)
	h.must(err)
	if !v.Written || !v.Topic() || !v.EndsAt.Equal(berlin("2027-03-09 18:00")) {
		t.Errorf("written %v, until %v", v.Written, v.EndsAt)
	}
	if err := h.s.InviteColleagues(ctx, h.coordinator, code, []uuid.UUID{h.foreign.ID}); !isConflict(err, "in_writing") {
		t.Errorf("a colleague later on: %v", err)
	}
	h.says(code, h.experts["Kern"], Accepted)
	o, err := h.s.Opinions(ctx, h.experts["Kern"], code)
	h.must(err)
	if !o.Mine || !o.CanSend || !o.Written {
		t.Errorf("who has accepted is asked for an opinion: %+v", o)
	}
}
