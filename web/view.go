package web

import (
	"fmt"
	"strings"

	"github.com/konsil-server/konsil/expertpool/account"
)

// step is one stop of an arc, the vertical line of what was, is and will be.
type step struct {
	State string // done, now, next
	Title string
	Note  string // a time, a number: one line
	URL   string // where to go on, if there is something to do
	Act   string // the words of that link
}

// entry is a line of the main navigation.
type entry struct {
	Key, URL    string // words nav.<key>
	Here, Exact bool   // below this address; at it
	Count       int
}

// entries is the main navigation of a role.
func entries(f frame) []entry {
	keys := map[account.Role][]string{
		account.Coordinator: {"today", "requests", "conferences", "experts", "plan", "admin"},
		account.Caseworker:  {"today", "cases", "requests", "conferences", "experts", "plan"},
		account.Expert:      {"today", "conferences", "plan"},
		account.Admin:       {"today", "admin"},

		account.NetworkAdmin: {"today", "admin"}, account.DataProtectionOfficer: {"today", "admin"},
	}[f.Me.Role]
	list := make([]entry, 0, len(keys))
	for _, k := range keys {
		e := entry{Key: k, URL: "/" + k}
		if k == "today" {
			e.URL, e.Count = "/", f.Waiting
		}
		e.Exact = f.Path == e.URL
		e.Here = e.Exact || k != "today" && strings.HasPrefix(f.Path, e.URL+"/")
		list = append(list, e)
	}
	return list
}

// tone is the colour of a tag: its words say the same, so nothing depends on it. It takes what the template "state" takes.
func tone(of []any) string {
	switch fmt.Sprint(of...) {
	case "meterfew", "answeroffered", "answertentative", "stateinviting", "measureproposed", "summarydraft", "summarychecked", "informationopen", "requestsubmitted", "requestneeds_info", "requestdraft", "consentnone", "urgencyurgent",
		"importread":
		return "warn"
	case "meterrare", "answerdeclined", "answercancelled", "statecancelled", "statesealed", "measurerefused", "measurenot_possible", "consentexpired", "informationoverdue",
		"consentwithdrawn", "requestdeclined", "requestwithdrawn":
		return "stop"
	case "stateclosed", "stateapproved", "measuredone", "requestallocated", "summaryreplaced", "informationwithdrawn", "importundone":
		return "plain"
	}
	return ""
}

// emptyList says that a list is empty and what to do about it: words empty.<key>, empty.<key>.do, empty.<key>.act.
type emptyList struct{ Key, URL string }

func newEmpty(key, url string) emptyList { return emptyList{key, url} }

// names says a list of values in words: Psychiatrie, Psychologie.
func (s *server) names(words string, values []string) string {
	said := make([]string, len(values))
	for i, v := range values {
		said[i] = s.words.t(words, ".", v)
	}
	return strings.Join(said, ", ")
}

// home is where somebody whose list is empty can go on; "" where there is nothing to do but wait.
func home(a account.Actor) string {
	if a.Role == account.Caseworker {
		return "/cases"
	}
	return ""
}
