package agenda

import "time"

// Run is how far a conference is in its agenda.
type Run struct {
	At    int             // index of the phase that it is; -1: it has not begun, or is over
	Since time.Time       // since when it is that phase
	Spent []time.Duration // of each phase, before Since
}

// Begun says that the conference has entered a phase, even if it is over.
func (r Run) Begun() bool {
	if r.At >= 0 {
		return true
	}
	for _, d := range r.Spent {
		if d > 0 {
			return true
		}
	}
	return false
}

// Took is how long a phase has taken until now. A phase that is entered again goes on.
func (r Run) Took(phase int, now time.Time) time.Duration {
	if phase == r.At {
		return r.Spent[phase] + max(0, now.Sub(r.Since))
	}
	return r.Spent[phase]
}

// WholeMinutes rounds to the nearest minute.
func WholeMinutes(d time.Duration) int { return int(d.Round(time.Minute) / time.Minute) }
