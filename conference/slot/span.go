package slot

import (
	"slices"
	"time"
)

// Span is a stretch of time: From is in it, Until is not.
type Span struct{ From, Until time.Time }

// Merge puts spans in order, joins those that overlap or touch, and cuts off what is not within. Spans that are empty or end before they
// begin fall away. It sorts the slice that it is given.
func Merge(spans []Span, within Span) []Span {
	slices.SortFunc(spans, func(a, b Span) int { return a.From.Compare(b.From) })
	var kept []Span
	for _, s := range spans {
		if s.From.Before(within.From) {
			s.From = within.From
		}
		if s.Until.After(within.Until) {
			s.Until = within.Until
		}
		if !s.From.Before(s.Until) {
			continue
		}
		if n := len(kept) - 1; n >= 0 && !s.From.After(kept[n].Until) {
			if s.Until.After(kept[n].Until) {
				kept[n].Until = s.Until
			}
			continue
		}
		kept = append(kept, s)
	}
	return kept
}
