package conference

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference/casefile"
)

// Remedy is what can be done about a text that names the client.
type Remedy string

// Remedies; the first three are one click, the others are said.
const (
	Rewrite Remedy = "rewrite" // a new version of the summary, with placeholders
	Redact  Remedy = "redact"  // taken out of the notes for good
	Remove  Remedy = "remove"  // of an attachment

	InRoom    Remedy = "room"     // somebody in the room takes it out of the live notes
	InMinutes Remedy = "minutes"  // the draft is written anew
	InProfile Remedy = "profile"  // a finding is entered anew
	InSheet   Remedy = "sheet"    // a new sheet of consent replaces the words
	InPattern Remedy = "template" // the coordination writes the template anew
	Told      Remedy = "told"     // it has left the house: the recipient is told
	Fixed     Remedy = "fixed"    // signed, or answered: it cannot be changed any more
)

// Place is a text of a case that names the client, as far as is known today who she is.
type Place struct {
	Kind   string // of the text: summary, notes, minutes, measure, …
	Of     string // version, code of the conference, or title
	At     time.Time
	Ref    uuid.UUID // of an attachment
	Remedy Remedy
	Hints  []casefile.Hint // what was found, in order
}

// Words are the passages themselves, each once.
func (p Place) Words() []string {
	var words []string
	for _, h := range p.Hints {
		if !slices.Contains(words, h.Passage) {
			words = append(words, h.Passage)
		}
	}
	return words
}

// Rereading is what was found when the texts of a case were read again.
type Rereading struct {
	Since  *time.Time // since when they wait for it; nil when they do not
	Places []Place
}

// Count is how many passages were found.
func (r Rereading) Count() (n int) {
	for _, p := range r.Places {
		n += len(p.Hints)
	}
	return n
}

// remedyOf says what can be done about a kind of text, by the state of the conference that it belongs to.
func remedyOf(kind string, state State) Remedy {
	switch kind {
	case "summary":
		return Rewrite
	case "attachment":
		return Remove
	case "profile":
		return InProfile
	case "sheet":
		return InSheet
	case "template":
		return InPattern
	case "passed":
		return Told
	}
	switch {
	case kind == "notes" && state == Live:
		return InRoom
	case kind == "notes" && state == MinutesDraft:
		return Redact
	case kind == "opinion" && state == MinutesDraft:
		return Redact
	case kind == "minutes" && state == MinutesDraft:
		return InMinutes
	}
	return Fixed
}
