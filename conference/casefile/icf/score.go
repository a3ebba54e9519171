package icf

import "errors"

// ErrScore says that an answer is missing or out of range.
var ErrScore = errors.New("not an answer of this instrument")

// WHODAS12 is the simple sum of the twelve items of the WHO Disability Assessment Schedule 2.0, each answered 1 (none) to 5
// (extreme): 12 to 60. Some editions code 0 to 4, which gives 0 to 48: state the coding with the figure. The weighted scoring is
// not done here.
func WHODAS12(answers [12]int) (int, error) {
	sum := 0
	for _, a := range answers {
		if a < 1 || a > 5 {
			return 0, ErrScore
		}
		sum += a
	}
	return sum, nil
}

// WorkAbilityBand names the band of a Work Ability Index of 7 to 49: poor to 27, moderate to 36, good to 43, excellent.
func WorkAbilityBand(index int) (string, error) {
	switch {
	case index < 7 || index > 49:
		return "", ErrScore
	case index <= 27:
		return "poor", nil
	case index <= 36:
		return "moderate", nil
	case index <= 43:
		return "good", nil
	}
	return "excellent", nil
}

// Demand is what kind of job the answers of a Work Ability Index are about.
type Demand string

// The kinds of demand.
const (
	Physical Demand = "physical"
	Mental   Demand = "mental"
	Mixed    Demand = "mixed"
)

// WorkAbility are the answers to the seven parts of the Work Ability Index, as numbers.
type WorkAbility struct {
	Current                  int // 0–10, against the best ever
	PhysicalPart, MentalPart int // 1–5 each, against the demands of the job
	Job                      Demand
	Diseases                 int    // how many a physician has diagnosed
	Impairment               int    // 1–6
	SickDays                 int    // in the last year
	Prognosis                int    // 1, 4 or 7
	Resources                [3]int // 0–4 each
}

// Score is the index, 7 to 49. It may be half a point above a whole one for physical or mental jobs; it is rounded down, as the
// bands are whole. Long unemployed people have no job whose demands they could be asked about: for them only Current is fair.
func (w WorkAbility) Score() (int, error) {
	within := func(n, from, to int) bool { return n >= from && n <= to }
	switch {
	case !within(w.Current, 0, 10), !within(w.PhysicalPart, 1, 5), !within(w.MentalPart, 1, 5), w.Diseases < 0, !within(w.Impairment, 1, 6),
		!within(w.SickDays, 0, 366), w.Prognosis != 1 && w.Prognosis != 4 && w.Prognosis != 7:
		return 0, ErrScore
	}
	sum := 0
	for _, r := range w.Resources {
		if !within(r, 0, 4) {
			return 0, ErrScore
		}
		sum += r
	}
	demands, err := w.demands()
	if err != nil {
		return 0, err
	}
	diseases := max(1, 6-w.Diseases)
	if w.Diseases == 0 {
		diseases = 7
	}
	twice := 2*(w.Current+diseases+w.Impairment+sickLeave(w.SickDays)+w.Prognosis+mentalResources(sum)) + demands
	return twice / 2, nil
}

// demands is twice the part about the demands: what the job asks more of weighs three times as much as the other.
func (w WorkAbility) demands() (int, error) {
	switch w.Job {
	case Physical:
		return 3*w.PhysicalPart + w.MentalPart, nil
	case Mental:
		return w.PhysicalPart + 3*w.MentalPart, nil
	case Mixed:
		return 2 * (w.PhysicalPart + w.MentalPart), nil
	}
	return 0, ErrScore
}

func sickLeave(days int) int {
	switch {
	case days == 0:
		return 5
	case days <= 9:
		return 4
	case days <= 24:
		return 3
	case days <= 99:
		return 2
	}
	return 1
}

// mentalResources makes 1 to 4 of a sum of 0 to 12, three to a point.
func mentalResources(sum int) int { return max(1, (sum+2)/3) }
