package slot

import (
	"math/bits"
	"testing"

	"pgregory.net/rapid"
)

// sumOf is what a set of people costs, written as Smallest orders it.
func sumOf(people []Answerer, in func(int) bool) (w way, all Parts) {
	for i, p := range people {
		if in(i) {
			w = w.with(p, 0, i)
			all |= p.Parts
		}
	}
	return w, all
}

func TestTheSmallestRoundIsTheOneThatTryingAllFinds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		need := Parts(rapid.IntRange(0, 63).Draw(t, "need"))
		people := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Answerer {
			return Answerer{Parts(rapid.IntRange(0, 63).Draw(t, "parts")), rapid.Bool().Draw(t, "unsure"), rapid.IntRange(0, 5).Draw(t, "penalty")}
		}), 0, 9).Draw(t, "people")
		_, any := sumOf(people, func(int) bool { return true })
		best := way{people: 99}
		for set := range 1 << len(people) {
			w, all := sumOf(people, func(i int) bool { return set&(1<<i) != 0 })
			if all&need == any&need && w.less(best) {
				best = w
			}
		}
		chosen, open := Smallest(need, people)
		in := map[int]bool{}
		for k, i := range chosen {
			if k > 0 && chosen[k-1] >= i {
				t.Fatalf("not in order, or twice: %v", chosen)
			}
			in[i] = true
		}
		got, all := sumOf(people, func(i int) bool { return in[i] })
		if all&need != any&need || open != need&^any {
			t.Fatalf("%v answer %b of %b, open %b", chosen, all, need, open)
		}
		if got.less(best) || best.less(got) {
			t.Fatalf("%v costs %+v, the best %+v", chosen, got, best)
		}
	})
}

func TestWhoIsSpareCanGoAndWhoIsNotCannot(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		need := Parts(rapid.IntRange(0, 63).Draw(t, "need"))
		var round []Parts
		for _, p := range rapid.SliceOfN(rapid.IntRange(0, 63), 0, 10).Draw(t, "round") {
			round = append(round, Parts(p))
		}
		open, spare := Spare(need, round)
		var with, without Parts
		for i, p := range round {
			with |= p
			if !spare[i] {
				without |= p
			}
		}
		if open != need&^with || with&need != without&need {
			t.Fatalf("open %b; with the spare %b, without %b", open, with, without)
		}
		for i := range round {
			var rest Parts
			for k, p := range round {
				if k != i && !spare[k] {
					rest |= p
				}
			}
			if !spare[i] && round[i]&need&^rest == 0 {
				t.Fatalf("%d of %v is not needed", i, round)
			}
		}
	})
}

func TestAPartThatNobodyAnswersStaysOpen(t *testing.T) {
	t.Parallel()
	chosen, open := Smallest(AllParts(3), []Answerer{{Parts: 0b001, Penalty: 3}, {Parts: 0b011, Unsure: true}, {Parts: 0b001}})
	if len(chosen) != 1 || chosen[0] != 1 || open != 0b100 || !open.Has(2) || bits.OnesCount8(uint8(open)) != 1 {
		t.Errorf("chosen %v, open %b", chosen, open)
	}
}
