package nameguard

import (
	"cmp"
	"slices"
)

// Class is what a finding is.
type Class string

const (
	Person         Class = "person"
	Birthdate      Class = "birthdate"
	Date           Class = "date"
	Age            Class = "age"
	Street         Class = "street"
	Place          Class = "place" // postcode, town, or both
	Phone          Class = "phone"
	Email          Class = "email"
	Web            Class = "web"
	Organisation   Class = "organisation"
	HealthInsured  Class = "kvnr" // § 290 SGB V
	PensionInsured Class = "rvnr" // § 147 SGB VI
	TaxID          Class = "taxid"
	BankAccount    Class = "iban"
	PhysicianID    Class = "lanr"
	PracticeID     Class = "bsnr"
	CustomerID     Class = "customer" // of the Bundesagentur
	CommunityID    Class = "bgnumber" // Bedarfsgemeinschaft
	CourtReference Class = "court"
	RecordNumber   Class = "record" // of a file, or by a pattern of the site
)

// Confidence says what shall happen: High has to be replaced or justified, Medium has to be decided, Low is a hint.
type Confidence uint8

const (
	Low Confidence = iota + 1
	Medium
	High
)

// Reason is why, as a key of the interface's words.
type Reason string

const (
	ByCheckDigit  Reason = "checkdigit"  // the check digit is right
	ByShape       Reason = "shape"       // looks like it
	ByContext     Reason = "context"     // a word beside it says so
	BySalutation  Reason = "salutation"  // Frau, Herr, Dr.
	ByRelation    Reason = "relation"    // Tochter, Hausarzt
	ByList        Reason = "list"        // a known first name, surname or place
	ByRepetition  Reason = "repetition"  // was a name elsewhere in this text
	BySubject     Reason = "subject"     // belongs to the person the case is about
	BySubjectTypo Reason = "subjecttypo" // almost, or sounds like it
	BySite        Reason = "site"        // a pattern of this site
)

// Finding is a passage that could name somebody. Start and End are bytes of the text.
type Finding struct {
	Start, End int
	Class      Class
	Confidence Confidence
	Reason     Reason
}

// merge sorts findings and joins those that overlap: the more certain one, or the longer, says what the whole is.
func merge(found []Finding) []Finding {
	slices.SortStableFunc(found, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(b.End, a.End))
	})
	joined := found[:0]
	for _, f := range found {
		last := len(joined) - 1
		if last < 0 || f.Start >= joined[last].End {
			joined = append(joined, f)
			continue
		}
		joined[last] = join(joined[last], f)
	}
	return joined
}

func join(a, b Finding) Finding {
	whole := a
	if b.rank() > a.rank() || b.rank() == a.rank() && b.End-b.Start > a.End-a.Start {
		whole = b
	}
	whole.Start, whole.End = a.Start, max(a.End, b.End)
	return whole
}

// rank orders by what matters to the reader: the subject's own before anything, then certainty.
func (f Finding) rank() int {
	rank := int(f.Confidence) * 2
	if f.Reason == BySubject {
		rank++
	}
	return rank
}
