package web

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/konsil-server/konsil/expertpool"
)

// offers is the suggestions for one discipline as the convening form shows them: some at once, the others folded away, nobody hidden.
type offers struct {
	Discipline  string
	First, Rest []expertpool.Suggestion
	Open        bool // somebody of the rest is ticked
	More        int  // how many there are beyond those that a page can hold
}

// A form shows the first offers of each discipline at once, and folded away as many more as somebody may want to look through.
const (
	offersAtOnce = 6
	offersFolded = 60
)

// offersOf lays out benches. Who is ticked in the form is shown in any case.
func offersOf(benches []expertpool.Bench, f form) []offers {
	laid := make([]offers, len(benches))
	for i, b := range benches {
		o := &laid[i]
		o.Discipline = b.Discipline
		for k, sg := range b.Suggestions {
			ticked := f.Has("experts", sg.ID.String())
			switch {
			case k < offersAtOnce:
				o.First = append(o.First, sg)
			case ticked || k < offersAtOnce+offersFolded:
				o.Rest = append(o.Rest, sg)
				o.Open = o.Open || ticked
			default:
				o.More++
			}
		}
	}
	return laid
}

// why says in words what speaks for somebody, or with against what speaks against her: passt: Schwerpunkt Angst; 1 von 4 h verbraucht.
func (s *server) why(sg expertpool.Suggestion, against bool) string {
	var said []string
	for _, r := range sg.Reasons {
		if r.Against != against {
			continue
		}
		if words := s.reason(r); words != "" {
			said = append(said, words)
		}
	}
	return strings.Join(said, "; ")
}

// reason says one reason; nothing where another one says it too.
func (s *server) reason(r expertpool.Reason) string {
	key := "why." + string(r.Kind)
	switch r.Kind {
	case expertpool.Focus, expertpool.Works:
		return s.words.f(key, r.Text)
	case expertpool.Barred:
		return s.words.t("bar.", r.Text)
	case expertpool.Load, expertpool.Spent:
		if r.Of == 0 {
			return s.words.t("why.spent.none")
		}
		return s.words.f(key, share(r.N, r.Of))
	case expertpool.Cases, expertpool.Crowded, expertpool.Silent:
		return s.words.f(key, r.N, r.Of)
	case expertpool.Quick:
		return s.words.f(key, s.quick(r.N))
	case expertpool.LastTime:
		return s.words.f(key, s.ago(r.N))
	case expertpool.OftenSoon:
		if r.N == 1 {
			return "" // when that was is said anyway
		}
		return s.words.f(key, r.N)
	case expertpool.TooOften, expertpool.Far:
		return s.words.f(key, r.N)
	}
	return s.words.t(key)
}

// quick says how fast somebody answers, from minutes.
func (s *server) quick(n int) string {
	switch {
	case n < 60:
		return s.words.t("why.answers.hour")
	case n < 48*60:
		return s.words.f("why.answers.hours", (n+30)/60)
	}
	return s.words.f("why.answers.days", (n+12*60)/(24*60))
}

// ago says how many days lie between then and now.
func (s *server) ago(days int) string {
	switch days {
	case 0:
		return s.words.t("ago.today")
	case 1:
		return s.words.t("ago.yesterday")
	}
	return s.words.f("ago.days", days)
}

// share says how much of some minutes is used: 1 von 4 h, 25 min von 4 h.
func share(n, of int) string {
	if n%60 == 0 && of%60 == 0 {
		return fmt.Sprintf("%d von %d h", n/60, of/60)
	}
	return hoursOf(n) + " von " + hoursOf(of)
}

// hoursOf says minutes as people do: 25 min, 1 h 15 min, 4 h.
func hoursOf(n int) string {
	switch {
	case n < 60:
		return strconv.Itoa(n) + " min"
	case n%60 == 0:
		return strconv.Itoa(n/60) + " h"
	}
	return fmt.Sprintf("%d h %d min", n/60, n%60)
}
