package conference

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// fault is the field and rule of an error about a form.
func fault(err error) string {
	var invalid *account.InvalidError
	if errors.As(err, &invalid) {
		return invalid.Field + ":" + invalid.Rule
	}
	return ""
}

func TestWhatIsMissingIsAskedAnsweredAndReadByTheRound(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	code, caseID := h.convene("Kern", "Reimann")
	h.accept(code, "Kern", "Reimann")
	kern, reimann := h.experts["Kern"], h.experts["Reimann"]
	tomorrow := expertpool.Today(h.clock).AddDate(0, 0, 1)
	ask := func(by account.Actor, text string, due time.Time) error {
		return h.s.AskInformation(ctx, by, code, text, due, "")
	}
	for name, try := range map[string]struct {
		text string
		due  time.Time
		want string
	}{
		"no question": {" ", tomorrow, "missing:required"}, "a long question": {strings.Repeat("x", 501), tomorrow, "missing:too_long"},
		"no day": {"Was?", time.Time{}, "due_on:required"}, "yesterday": {"Was?", tomorrow.AddDate(0, 0, -2), "due_on:future"},
		"in half a year": {"Was?", tomorrow.AddDate(0, 6, 0), "due_on:three_months"}, "the client's name": {"Was nimmt Frau Mustermann?", tomorrow, "because:names"},
	} {
		if err := ask(kern, try.text, try.due); fault(err) != try.want {
			t.Errorf("%s: %v, want %s", name, err, try.want)
		}
	}
	for name, who := range map[string]account.Actor{"the caseworker": h.caseworker, "another Jobcenter": h.foreign, "another network": h.stranger, "an expert who was not asked": h.experts["Voss"]} {
		if err := ask(who, "Was?", tomorrow); !errors.Is(err, account.ErrDenied) && !errors.Is(err, account.ErrNotFound) {
			t.Errorf("%s asked: %v", name, err)
		}
	}
	h.must(ask(kern, "Welche Medikamente, Gruppe genügt? ("+secretWord+")", tomorrow))
	waiting, err := h.s.InformationWaiting(ctx, h.colleague)
	h.must(err)
	if len(waiting) != 1 || waiting[0].Question != "" || waiting[0].Overdue(h.clock) || !waiting[0].Overdue(h.clock.AddDate(0, 0, 2)) {
		t.Errorf("what waits: %+v", waiting)
	}
	for _, who := range []account.Actor{h.foreign, kern, h.coordinator} {
		if n, err := h.s.InformationWaiting(ctx, who); err != nil || len(n) != 0 {
			t.Errorf("waits for %s: %v, %v", who.Name, n, err)
		}
	}
	id := waiting[0].ID
	for name, who := range map[string]account.Actor{"an expert": kern, "the moderator": h.coordinator, "another Jobcenter": h.foreign, "another network": h.stranger} {
		if err := h.s.AnswerInformation(ctx, who, code, id, "Keine.", ""); !errors.Is(err, account.ErrDenied) && !errors.Is(err, account.ErrNotFound) {
			t.Errorf("%s answered: %v", name, err)
		}
	}
	if err := h.s.WithdrawInformation(ctx, reimann, code, id); !errors.Is(err, account.ErrDenied) {
		t.Errorf("somebody else took it back: %v", err)
	}
	if err := h.s.AnswerInformation(ctx, h.caseworker, code, id, "Erfunda Mustermann nimmt nichts.", ""); fault(err) != "because:names" {
		t.Errorf("an answer with the name: %v", err)
	}
	if err := h.s.AnswerInformation(ctx, h.caseworker, code, uuid.New(), "Keine.", ""); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("an answer to nothing: %v", err)
	}
	h.must(h.s.AnswerInformation(ctx, h.colleague, code, id, "Ein Antidepressivum seit zwei Jahren.", ""))
	for what, err := range map[string]error{
		"answered twice":              h.s.AnswerInformation(ctx, h.caseworker, code, id, "Doch nicht.", ""),
		"taken back after the answer": h.s.WithdrawInformation(ctx, kern, code, id),
	} {
		if ruleOf(err) != "information_ended" {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, who := range []account.Actor{kern, reimann, h.caseworker, h.coordinator} {
		found, err := h.s.Information(ctx, who, code)
		if err != nil || len(found) != 1 || found[0].Answer == "" || found[0].State != InformationAnswered {
			t.Errorf("%s reads %+v, %v", who.Name, found, err)
		}
	}
	h.must(ask(reimann, "Wie weit ist der Weg?", tomorrow))
	second, err := h.s.InformationWaiting(ctx, h.caseworker)
	h.must(err)
	h.must(h.s.WithdrawInformation(ctx, reimann, code, second[0].ID))
	if err := h.s.AnswerInformation(ctx, h.caseworker, code, second[0].ID, "Zehn Minuten.", ""); ruleOf(err) != "information_ended" {
		t.Errorf("answered what was taken back: %v", err)
	}
	for _, kind := range []string{"information_asked", "information_given"} {
		letter := get[string](h, `select string_agg(subject || body_text, '') from message_out where kind = $1`, kind)
		for _, word := range []string{secretWord, "Medikament", "Antidepressivum"} {
			if strings.Contains(letter, word) {
				t.Errorf("the mail %s says %q", kind, word)
			}
		}
	}
	_, err = h.s.Withdraw(ctx, h.caseworker, caseID)
	h.must(err)
	for _, who := range []account.Actor{kern, h.caseworker, h.coordinator} {
		if found, err := h.s.Information(ctx, who, code); err == nil {
			t.Errorf("%s reads after the withdrawal: %+v", who.Name, found)
		}
	}
	if n, err := h.s.InformationWaiting(ctx, h.caseworker); err != nil || len(n) != 0 {
		t.Errorf("still waits after the withdrawal: %v, %v", n, err)
	}
}

func TestNothingCanBeAskedBeforeTheDeclarationOrAfterTheMinutes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	code, _ := h.convene("Kern", "Reimann")
	h.accept(code, "Reimann")
	h.yes(code, "Kern")
	due := expertpool.Today(h.clock).AddDate(0, 0, 1)
	if err := h.s.AskInformation(ctx, h.experts["Kern"], code, "Was?", due, ""); ruleOf(err) != "undeclared" {
		t.Errorf("undeclared: %v", err)
	}
	for range mostInformation {
		h.must(h.s.AskInformation(ctx, h.experts["Reimann"], code, "Was?", due, ""))
	}
	if err := h.s.AskInformation(ctx, h.coordinator, code, "Was noch?", due, ""); ruleOf(err) != "information_full" {
		t.Errorf("one too many: %v", err)
	}
	h.must(h.s.Cancel(ctx, h.coordinator, code))
	if err := h.s.AskInformation(ctx, h.coordinator, code, "Was?", due, ""); ruleOf(err) != "conference_over" {
		t.Errorf("of a conference that was called off: %v", err)
	}
	if n, err := h.s.InformationWaiting(ctx, h.caseworker); err != nil || len(n) != 0 {
		t.Errorf("a conference that was called off still waits: %v, %v", n, err)
	}
	var names *casefile.NamesError
	if errors.As(h.s.AskInformation(ctx, h.coordinator, code, "Frau Mustermann?", due, ""), &names) {
		t.Error("a conference that was called off compares names") // what is refused anyhow must not tell whether a name fits
	}
}
