package conference

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/conference/pseudonym"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// wanting is a request about a new case.
func (h *house) wanting() Request {
	h.t.Helper()
	return Request{
		CaseID: h.newCase(), Question: "Was traut sich die " + secretWord + " zu?", Urgency: "normal",
		Disciplines: []string{"psychiatry", "occupational_medicine"}, OwnWish: "Drei Vormittage.",
	}
}

// urgently makes it due in so long.
func (r Request) urgently(now time.Time, in time.Duration) Request {
	due := now.Add(in)
	r.Urgency, r.DueAt, r.UrgentWhy = "urgent", &due, "Der Platz verfällt."
	return r
}

func (h *house) submit(r Request) uuid.UUID {
	h.t.Helper()
	id, err := h.s.Submit(h.t.Context(), h.caseworker, r)
	h.must(err)
	return id
}

func (h *house) request(by account.Actor, id uuid.UUID) Request {
	h.t.Helper()
	r, err := h.s.Request(h.t.Context(), by, id)
	h.must(err)
	return r
}

// secondCoordinator works beside the first.
func (h *house) secondCoordinator() account.Actor {
	h.t.Helper()
	id, err := h.accounts.Add(h.t.Context(), account.New{
		Organisation: h.coordinator.Organisation, Role: account.Coordinator, Name: "Kurt Zweitmann", Email: uuid.NewString() + "@konsil.test",
	})
	h.must(err)
	a, err := h.accounts.ByID(h.t.Context(), id)
	h.must(err)
	a.Session = uuid.New()
	return a
}

func refusedFor(err error) string {
	var refused *account.RefusedError
	if errors.As(err, &refused) {
		return refused.Rule
	}
	return ""
}

func TestAWaitingRequestTurnsRedInTime(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	asked, due := at.Add(time.Hour), at.Add(2*time.Hour)
	for name, try := range map[string]struct {
		r      Request
		after  time.Duration
		late   bool
		waited time.Duration
	}{
		"a normal one within a day":                {Request{State: "submitted", Urgency: "normal"}, 24 * time.Hour, false, 24 * time.Hour},
		"a normal one after it":                    {Request{State: "submitted", Urgency: "normal"}, 24*time.Hour + 1, true, 24*time.Hour + 1},
		"an urgent one within four hours":          {Request{State: "submitted", Urgency: "urgent"}, 4 * time.Hour, false, 4 * time.Hour},
		"an urgent one after them":                 {Request{State: "submitted", Urgency: "urgent"}, 4*time.Hour + 1, true, 4*time.Hour + 1},
		"an urgent one that is due sooner":         {Request{State: "submitted", Urgency: "urgent", DueAt: &due}, 2*time.Hour + 1, true, 2*time.Hour + 1},
		"one that waited for an answer before":     {Request{State: "submitted", Urgency: "urgent", Paused: 3 * time.Hour}, 6 * time.Hour, false, 3 * time.Hour},
		"one that waits for an answer":             {Request{State: "needs_info", Urgency: "normal", AskedAt: &asked}, 99 * time.Hour, false, time.Hour},
		"one that waits for an answer and was due": {Request{State: "needs_info", Urgency: "urgent", AskedAt: &asked, DueAt: &due}, 3 * time.Hour, true, time.Hour},
		"one that is decided":                      {Request{State: "allocated", Urgency: "normal"}, 99 * time.Hour, false, 99 * time.Hour},
	} {
		try.r.SubmittedAt = at
		if now := at.Add(try.after); try.r.Late(now) != try.late || try.r.Waited(now) != try.waited {
			t.Errorf("%s: late %v, waited %v", name, try.r.Late(now), try.r.Waited(now))
		}
	}
}

func TestUrgentRequestsSayUntilWhenAndWhyAndTheCoordinationHearsAtOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r := h.wanting()
	for name, try := range map[string]struct {
		change func(*Request)
		want   string
	}{
		"no day":            {func(r *Request) { r.DueAt = nil }, "due_day:required"},
		"a moment ago":      {func(r *Request) { *r.DueAt = h.clock }, "due_day:future"},
		"in four month":     {func(r *Request) { *r.DueAt = h.clock.AddDate(0, 4, 0) }, "due_day:three_months"},
		"no reason":         {func(r *Request) { r.UrgentWhy = " " }, "urgent_why:required"},
		"a long reason":     {func(r *Request) { r.UrgentWhy = strings.Repeat("x", 201) }, "urgent_why:too_long"},
		"the client's name": {func(r *Request) { r.UrgentWhy = "Frau Mustermann verliert den Platz." }, "because:names"},
	} {
		u := r.urgently(h.clock, 30*time.Hour)
		try.change(&u)
		if _, err := h.s.Submit(t.Context(), h.caseworker, u); fault(err) != try.want {
			t.Errorf("%s: %v, want %s", name, err, try.want)
		}
	}
	id := h.submit(r.urgently(h.clock, 30*time.Hour))
	mails := func(kind string) int { return get[int](h, `select count(*) from message_out where kind = $1`, kind) }
	if mails("request_urgent") != 1 {
		t.Errorf("%d mails about an urgent request", mails("request_urgent"))
	}
	if n := get[int](h, `select count(*) from message_out where convert_from(raw, 'UTF8') ~* 'verf|psych|`+secretWord+`'`); n != 0 {
		t.Error("a mail tells of the case")
	}
	quiet := r
	quiet.CaseID, quiet.DueAt = h.newCase(), nil
	h.submit(quiet)
	h.clock = time.Date(2026, 11, 28, 11, 0, 0, 0, time.UTC) // a Saturday
	h.must(h.s.SweepInbox(t.Context()))
	if mails("requests") != 0 {
		t.Error("a mail that can wait went out on a Saturday")
	}
	h.clock = h.clock.AddDate(0, 0, 2)
	for range 2 {
		h.must(h.s.SweepInbox(t.Context()))
	}
	if mails("requests") != 1 || mails("request_urgent") != 1 {
		t.Errorf("%d and %d mails", mails("requests"), mails("request_urgent"))
	}
	if got := h.request(h.coordinator, id); got.UrgentWhy == "" || got.DueAt == nil {
		t.Errorf("the coordination reads %+v", got)
	}
}

func TestTheInboxShowsFirstWhatTurnsRedFirst(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	normal := h.submit(h.wanting())
	h.clock = h.clock.Add(time.Hour)
	urgent := h.submit(h.wanting().urgently(h.clock, 30*time.Hour))
	soon := h.submit(h.wanting().urgently(h.clock, 2*time.Hour))
	asked := h.submit(h.wanting())
	h.must(h.s.AskBack(t.Context(), h.coordinator, asked, "Welche Medikamente?", expertpool.Today(h.clock), ""))
	h.clock = h.clock.Add(21 * time.Hour)
	found, err := h.s.Requests(t.Context(), h.coordinator)
	h.must(err)
	want := []uuid.UUID{soon, urgent, normal, asked}
	for i := range want {
		if len(found) != len(want) || found[i].ID != want[i] {
			t.Fatalf("at %d: %+v", i, found)
		}
	}
}

func TestACoordinatorTakesARequestSoThatTwoDoNotDecide(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	id, second := h.submit(h.wanting()), h.secondCoordinator()
	var wait sync.WaitGroup
	errs := make([]error, 2)
	for i, who := range []account.Actor{h.coordinator, second} {
		wait.Go(func() { errs[i] = h.s.Take(ctx, who, id, uuid.Nil) })
	}
	wait.Wait()
	if (errs[0] == nil) == (errs[1] == nil) {
		t.Fatalf("both or nobody took it: %v", errs)
	}
	has, not := h.coordinator, second
	if errs[1] == nil {
		has, not = second, h.coordinator
	}
	panel := Panel{Experts: []uuid.UUID{h.experts["Kern"].ID}, Starts: h.clock.Add(48 * time.Hour), Length: 25 * time.Minute}
	_, convening := h.s.Convene(ctx, not, id, panel)
	for name, err := range map[string]error{
		"take": h.s.Take(ctx, not, id, uuid.Nil), "give": h.s.Give(ctx, not, id), "decline": h.s.Decline(ctx, not, id, "Nein"), "convene": convening,
		"ask": h.s.AskBack(ctx, not, id, "Was?", expertpool.Today(h.clock), ""),
	} {
		if refusedFor(err) != "request_taken" {
			t.Errorf("%s by somebody else: %v", name, err)
		}
	}
	if w, err := h.s.Waiting(ctx, not); err != nil || w.Requests != 0 {
		t.Errorf("it waits for the other: %+v, %v", w, err)
	}
	for _, who := range []account.Actor{h.caseworker, h.stranger, h.foreign, h.experts["Kern"]} {
		if err := h.s.Take(ctx, who, id, has.ID); !errors.Is(err, account.ErrDenied) && !errors.Is(err, account.ErrNotFound) {
			t.Errorf("%s took it: %v", who.Name, err)
		}
	}
	h.must(h.s.Take(ctx, not, id, has.ID)) // knowing from whom
	if err := h.s.Decline(ctx, has, id, "Nein"); refusedFor(err) != "request_taken" {
		t.Errorf("the first decides still: %v", err)
	}
	h.must(h.s.Give(ctx, not, id))
	_, err := h.s.Convene(ctx, has, id, panel)
	h.must(err)
	if n := get[int](h, `select count(*) from audit.entry where action in ('take_request', 'give_request')`); n != 3 {
		t.Errorf("%d entries of the record", n)
	}
}

func TestTheCoordinationAsksBackWhileTheClockStands(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	r := h.wanting()
	id := h.submit(r)
	ask := func(by account.Actor, text string) error {
		return h.s.AskBack(ctx, by, id, text, expertpool.Today(h.clock).AddDate(0, 0, 1), "")
	}
	if err := ask(h.coordinator, "Was nimmt Frau Mustermann?"); fault(err) != "because:names" {
		t.Errorf("a question that names the client: %v", err)
	}
	for _, who := range []account.Actor{h.caseworker, h.foreign, h.stranger, h.experts["Kern"]} {
		if err := ask(who, "Was?"); !errors.Is(err, account.ErrDenied) && !errors.Is(err, account.ErrNotFound) {
			t.Errorf("%s asked back: %v", who.Name, err)
		}
	}
	h.clock = h.clock.Add(3 * time.Hour)
	h.must(ask(h.coordinator, "Welche Medikamente, Gruppe genügt? ("+secretWord+")"))
	if err := ask(h.coordinator, "Und noch?"); refusedFor(err) != "inquiry_open" {
		t.Errorf("a second question: %v", err)
	}
	waiting, err := h.s.InformationWaiting(ctx, h.colleague)
	h.must(err)
	if len(waiting) != 1 || waiting[0].Request != id || waiting[0].Question != "" {
		t.Fatalf("what waits for the house: %+v", waiting)
	}
	h.clock = h.clock.Add(40 * time.Hour)
	if got := h.request(h.coordinator, id); got.State != "needs_info" || got.Late(h.clock) || got.Waited(h.clock) != 3*time.Hour {
		t.Errorf("while it is open: %s, %v", got.State, got.Waited(h.clock))
	}
	answer := func(by account.Actor, text string) error {
		return h.s.AnswerInquiry(ctx, by, id, waiting[0].ID, text, "")
	}
	for _, who := range []account.Actor{h.coordinator, h.foreign, h.stranger, h.experts["Kern"]} {
		if err := answer(who, "Keine."); !errors.Is(err, account.ErrDenied) && !errors.Is(err, account.ErrNotFound) {
			t.Errorf("%s answered: %v", who.Name, err)
		}
	}
	if err := answer(h.colleague, "Erfunda Mustermann nimmt nichts."); fault(err) != "because:names" {
		t.Errorf("an answer that names the client: %v", err)
	}
	h.must(answer(h.colleague, "Ein Antidepressivum."))
	if err := answer(h.colleague, "Zwei."); refusedFor(err) != "information_ended" {
		t.Errorf("a second answer: %v", err)
	}
	h.clock = h.clock.Add(time.Hour)
	if got := h.request(h.coordinator, id); got.State != "submitted" || got.Waited(h.clock) != 4*time.Hour {
		t.Errorf("after the answer: %s, %v", got.State, got.Waited(h.clock))
	}
	told, err := h.s.Inquiries(ctx, h.coordinator, id)
	h.must(err)
	if len(told) != 1 || told[0].Answer != "Ein Antidepressivum." {
		t.Errorf("the coordination reads %+v", told)
	}
	if n := get[int](h, `select count(*) from message_out where kind in ('inquiry', 'inquiry_answered')`); n != 2 {
		t.Errorf("%d mails", n)
	}
	if n := get[int](h, `select count(*) from message_out where convert_from(raw, 'UTF8') ~* 'medikament|antidep|`+secretWord+`'`); n != 0 {
		t.Error("a mail tells what was asked")
	}
	h.must(ask(h.coordinator, "Und seit wann?"))
	open := get[uuid.UUID](h, `select id from information_request where state = 'open'`)
	h.must(h.s.WithdrawInquiry(ctx, h.coordinator, id, open))
	h.must(ask(h.coordinator, "Seit wann also?"))
	_, err = h.s.Convene(ctx, h.coordinator, id, Panel{Experts: []uuid.UUID{h.experts["Kern"].ID}, Starts: h.clock.Add(48 * time.Hour), Length: 25 * time.Minute})
	h.must(err)
	if n := get[int](h, `select count(*) from information_request where state = 'open'`); n != 0 {
		t.Error("a question is open that nobody waits for")
	}
	a, err := h.s.Allocated(ctx, h.coordinator)
	h.must(err)
	if a != (Allocated{1, 4 * time.Hour}) {
		t.Errorf("time to allocation: %+v", a)
	}
}

func TestAnAnswerToTheCoordinationGoesAndIsReadWithAConsentOnly(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	bare, err := h.cases.New(ctx, h.caseworker, pseudonym.Identity{FirstName: "Anders", LastName: "Erfunden"}, casefile.Summary{Situation: "s", Resources: "r", Tried: "t", Goals: "g", Limits: "l"})
	h.must(err)
	r := h.wanting()
	with := h.submit(r)
	r.CaseID = bare
	without := h.submit(r)
	for _, id := range []uuid.UUID{with, without} {
		h.must(h.s.AskBack(ctx, h.coordinator, id, "Welche Medikamente?", expertpool.Today(h.clock), ""))
	}
	inquiry := func(of uuid.UUID) uuid.UUID {
		return get[uuid.UUID](h, `select id from information_request where request_id = $1`, of)
	}
	if err := h.s.AnswerInquiry(ctx, h.caseworker, without, inquiry(without), "Keine.", ""); refusedFor(err) != "no_consent" {
		t.Errorf("without a consent: %v", err)
	}
	h.must(h.s.AnswerInquiry(ctx, h.caseworker, with, inquiry(with), "Keine.", ""))
	h.exec(`update consent set valid_until = $1`, expertpool.Today(h.clock).AddDate(0, 0, -1))
	if told, err := h.s.Inquiries(ctx, h.coordinator, with); err != nil || len(told) != 1 || told[0].Answer != "" {
		t.Errorf("after its term: %+v, %v", told, err)
	}
	if told, err := h.s.Inquiries(ctx, h.caseworker, with); err != nil || len(told) != 1 || told[0].Answer == "" {
		t.Errorf("the house itself: %+v, %v", told, err)
	}
	h.must(h.s.AskBack(ctx, h.coordinator, with, "Und jetzt?", expertpool.Today(h.clock), ""))
	caseID := h.request(h.caseworker, with).CaseID
	h.exec(`update consent set valid_until = $1`, expertpool.Today(h.clock).AddDate(0, 0, 9))
	_, err = h.s.Withdraw(ctx, h.caseworker, caseID)
	h.must(err)
	for _, who := range []account.Actor{h.caseworker, h.coordinator} {
		if told, err := h.s.Inquiries(ctx, who, with); err != nil || len(told) != 0 {
			t.Errorf("of a sealed case %s reads %+v, %v", who.Name, told, err)
		}
	}
	if n := get[int](h, `select count(*) from information_request where request_id = $1 and state = 'open'`, with); n != 0 {
		t.Error("a sealed case is asked about still")
	}
}

func TestADraftIsItsHousesOwnUntilItIsSubmitted(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	r := h.wanting()
	draft := Request{CaseID: r.CaseID, Question: "Noch nicht", Urgency: "normal"}
	h.must(h.s.KeepRequestDraft(ctx, h.caseworker, draft))
	draft.Question, draft.Disciplines = "Fast fertig", []string{"psychiatry"}
	h.must(h.s.KeepRequestDraft(ctx, h.colleague, draft))
	for _, who := range []account.Actor{h.foreign, h.coordinator, h.experts["Kern"]} {
		if err := h.s.KeepRequestDraft(ctx, who, draft); !errors.Is(err, account.ErrDenied) && !errors.Is(err, account.ErrNotFound) {
			t.Errorf("%s keeps a draft: %v", who.Name, err)
		}
	}
	asked, _, err := h.s.OfCase(ctx, h.caseworker, r.CaseID)
	h.must(err)
	if len(asked) != 1 || asked[0].State != "draft" || asked[0].Question != "Fast fertig" {
		t.Fatalf("the house finds %+v", asked)
	}
	for _, who := range []account.Actor{h.coordinator, h.foreign} {
		if _, err := h.s.Request(ctx, who, asked[0].ID); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("%s reads it: %v", who.Name, err)
		}
		if all, err := h.s.Requests(ctx, who); err != nil || len(all) != 0 {
			t.Errorf("%s finds it: %v", who.Name, err)
		}
	}
	if err := h.s.Decline(ctx, h.coordinator, asked[0].ID, "x"); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("a draft is declined: %v", err)
	}
	id := h.submit(r)
	if n := get[int](h, `select count(*) from conference_request where state = 'draft'`); n != 0 {
		t.Error("the draft is left beside the request")
	}
	if err := h.s.KeepRequestDraft(ctx, h.caseworker, draft); refusedFor(err) != "request_waits" {
		t.Errorf("a draft while one waits: %v", err)
	}
	if err := h.s.WithdrawRequest(ctx, h.foreign, id); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("another house took it back: %v", err)
	}
	if err := h.s.WithdrawRequest(ctx, h.coordinator, id); !errors.Is(err, account.ErrDenied) {
		t.Errorf("the coordination took it back: %v", err)
	}
	h.must(h.s.WithdrawRequest(ctx, h.colleague, id))
	if err := h.s.WithdrawRequest(ctx, h.colleague, id); refusedFor(err) != "request_decided" {
		t.Errorf("taken back twice: %v", err)
	}
	h.must(h.s.KeepRequestDraft(ctx, h.caseworker, draft))
	kept := get[uuid.UUID](h, `select id from conference_request where state = 'draft'`)
	h.must(h.s.WithdrawRequest(ctx, h.caseworker, kept))
	if n := get[int](h, `select count(*) from conference_request where state = 'draft'`); n != 0 {
		t.Error("a draft that was thrown away is still there")
	}
}
