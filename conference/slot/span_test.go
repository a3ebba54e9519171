package slot

import (
	"slices"
	"testing"
	"time"
)

func TestSpansThatTouchBecomeOneAndNothingLiesOutside(t *testing.T) {
	t.Parallel()
	at := func(h int) time.Time { return time.Date(2027, 3, 30, h, 0, 0, 0, time.UTC) }
	span := func(from, until int) Span { return Span{at(from), at(until)} }
	for name, c := range map[string]struct{ given, want []Span }{
		"nothing":           {nil, nil},
		"out of order":      {[]Span{span(14, 15), span(9, 10)}, []Span{span(9, 10), span(14, 15)}},
		"touching":          {[]Span{span(10, 11), span(9, 10)}, []Span{span(9, 11)}},
		"one in another":    {[]Span{span(9, 13), span(10, 11), span(12, 14)}, []Span{span(9, 14)}},
		"the same start":    {[]Span{span(9, 12), span(9, 10)}, []Span{span(9, 12)}},
		"over both edges":   {[]Span{span(6, 9), span(17, 22)}, []Span{span(8, 9), span(17, 18)}},
		"outside":           {[]Span{span(5, 8), span(18, 20)}, nil},
		"empty or reversed": {[]Span{span(9, 9), span(12, 10)}, nil},
	} {
		if got := Merge(c.given, span(8, 18)); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, not %v", name, got, c.want)
		}
	}
}
