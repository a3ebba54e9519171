package web

import (
	"net/http"
	"testing"
	"time"

	"github.com/konsil-server/konsil/conference"
	"github.com/konsil-server/konsil/conference/plan"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// The browser of these tests fails on every page on which a word is missing, so going everywhere is the test.
func TestEveryPageOfAConferenceHasItsWordsInEveryState(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.convened()
	look := func(state string) {
		t.Helper()
		if got := query[string](s, `select state from conference where code = $1`, code); got != state {
			t.Fatalf("conference is %s, want %s", got, state)
		}
		for _, name := range []string{"Clara", "Anna", "Ewald", "Frieda"} {
			b := s.as(name)
			for _, path := range []string{"/conferences", "/conferences/" + code, "/conferences/" + code + "/room", "/conferences/" + code + "/measures", "/conferences/" + code + "/minutes", "/conferences/" + code + "/minutes.json", "/plan"} {
				if a := b.get(path); a.Status >= http.StatusInternalServerError {
					t.Errorf("%s, %s %s: status %d", state, name, path, a.Status)
				}
			}
		}
	}
	clara, ctx := s.people["Clara"], t.Context()
	look("inviting")
	s.accept(code, "Ewald", "Frieda")
	look("quorate")
	s.clock.set(testBegins.AddDate(0, 0, 1).Add(55 * time.Minute))
	s.must(s.Conferences.Open(ctx, clara, code))
	for _, who := range []string{"Ewald", "Frieda", "Anna", "Clara"} {
		s.proposed(code, who)
	}
	look("live")
	for _, m := range []struct{ who, outcome, reason string }{{"Ewald", plan.OutcomeDone, ""}, {"Frieda", plan.OutcomeNotPossible, "health"}, {"Anna", plan.OutcomeNotYet, ""}} {
		mine, err := s.Plans.Mine(ctx, s.people[m.who])
		s.must(err)
		s.must(s.Plans.Answer(ctx, s.people[m.who], mine[0].ID, true, ""))
		s.must(s.Conferences.Report(ctx, s.people[m.who], mine[0].ID, m.outcome, m.reason))
	}
	s.must(s.Conferences.End(ctx, clara, code))
	look("minutes_draft")
	mine, err := s.Plans.Mine(ctx, clara)
	s.must(err)
	s.must(s.Plans.Answer(ctx, clara, mine[0].ID, false, "gehört in die Klinik"))
	s.must(s.Conferences.Minute(ctx, clara, code, "Drei Stunden."))
	s.must(s.Conferences.Approve(ctx, clara, code, ""))
	look("approved")
	mine, err = s.Plans.Mine(ctx, s.people["Anna"])
	s.must(err)
	s.must(s.Conferences.Report(ctx, s.people["Anna"], mine[0].ID, plan.OutcomeDone, ""))
	look("closed")
}

func TestEveryRuleAndEveryValueHasWords(t *testing.T) {
	t.Parallel()
	w, err := loadWords("de")
	if err != nil {
		t.Fatal(err)
	}
	keys := []string{}
	for _, d := range expertpool.Disciplines {
		keys = append(keys, "discipline."+d)
	}
	for _, r := range plan.Reasons {
		keys = append(keys, "reason."+r)
	}
	for _, r := range account.Roles {
		keys = append(keys, "role."+string(r))
	}
	for _, s := range []plan.State{plan.Proposed, plan.Accepted, plan.Refused, plan.InProgress, plan.Done, plan.NotPossible} {
		keys = append(keys, "measure."+string(s))
	}
	for _, k := range conference.Kinds {
		keys = append(keys, "kind."+string(k))
		for _, section := range k.Sections() {
			keys = append(keys, "section."+section, "section."+section+".hint")
		}
	}
	for _, rule := range []string{ // what the domain refuses with
		"addendum_late", "already_invited", "already_withdrawn", "conference_cancelled", "conference_over", "consent_expired", "date_moved", "measure_answered",
		"measure_not_accepted", "measure_reported", "minutes_locked", "no_consent", "no_draft", "passage_changed", "not_accepted", "not_ended", "not_in_circle", "not_live", "not_vouched", "unsigned",
		"not_now", "not_planned", "not_released", "not_withdrawn", "request_decided", "request_taken", "request_waits", "inquiry_open", "same_date", "withdrawn",
		"closed", "conflict", "denied", "not_found", "dead_link", "method", "too_large", "too_many", "invalid", "internal",
	} {
		keys = append(keys, "error."+rule, "error."+rule+".do")
	}
	for _, k := range keys {
		if !w.has(k) {
			t.Errorf("no words for %s", k)
		}
	}
}
