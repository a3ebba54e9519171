package casefile

import (
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/expertpool/account"
)

// State of a version of the summary:
//
//	draft → checked → released → replaced
//	any of them → sealed (consent withdrawn)
//
// A version is checked when somebody has looked at what the name guard found in it, and released by somebody who did not
// write it. A draft or a checked version gives way to the next one as replaced.
type State string

const (
	Draft    State = "draft"
	Checked  State = "checked"
	Released State = "released"
	Replaced State = "replaced"
	Sealed   State = "sealed"
)

// Version is a version of the summary without its words.
type Version struct {
	Number   int
	State    State
	AuthorID uuid.UUID
}

// Draft says that the latest version waits to be checked.
func (c Case) Draft() bool { return !c.Sealed && c.Latest.State == Draft }

// Checked says that the latest version waits for its release.
func (c Case) Checked() bool { return !c.Sealed && c.Latest.State == Checked }

// MayRelease says that this person may release the latest version once it is checked: whoever did not write it; its author only
// where nobody else could and the organisation allows it.
func (c Case) MayRelease(by uuid.UUID) bool { return by != c.Latest.AuthorID || c.Alone && c.Single }

// Todo names what the case waits for from this caseworker of its organisation, in the order in which it is done: check,
// release, consent.
func (c Case) Todo(by uuid.UUID, now time.Time) []string {
	var todo []string
	switch {
	case c.Draft():
		todo = append(todo, "check")
	case c.Checked() && (c.Alone || by != c.Latest.AuthorID):
		todo = append(todo, "release") // who is alone and may not release is told there what to do
	}
	if !c.Sealed && !c.Consent.Stands(now) {
		todo = append(todo, "consent")
	}
	return todo
}

// Summary is the pseudonymised text about the case, one page. The own goals and limits are the client's and are mandatory:
// they are the case, not free text beside it.
type Summary struct {
	Version                                    int
	State                                      State
	Situation, Resources, Tried, Goals, Limits string
	TemplateID                                 uuid.UUID // Nil: the plain headings
	Template                                   Template  // its headings; read, not written
	AuthorName                                 string
	WrittenAt                                  time.Time
	CheckedBy, CheckReason                     string // empty before; the reason why sure findings may stay
	CheckedAt                                  *time.Time
	ReleasedAt                                 *time.Time
}

// field is one of the five texts of a summary.
type field struct {
	name string
	text *string
	most int // characters
}

func (s *Summary) fields() []field {
	return []field{
		{"situation", &s.Situation, 3000}, {"resources", &s.Resources, 2000}, {"tried", &s.Tried, 2000}, {"goals", &s.Goals, 1000}, {"limits", &s.Limits, 1000},
	}
}

// validate names the first field that breaks a rule; the template says which may be empty.
func (s *Summary) validate(t Template) error {
	for _, f := range s.fields() {
		if err := account.CheckText(f.name, f.text, f.most, t.Required(f.name)); err != nil {
			return err
		}
	}
	return nil
}

// fourEyes is the rule for the one who releases what author made: another, or the same with a reason where nobody else is there and
// the organisation allows it.
func fourEyes(author, by uuid.UUID, alone, allowed bool, single string) error {
	switch {
	case by != author:
		return nil
	case !alone:
		return account.Refuse(account.ErrConflict, "second_person")
	case !allowed:
		return account.Refuse(account.ErrConflict, "no_second_person")
	case single == "":
		return &account.InvalidError{Field: "single", Rule: "required"}
	}
	return nil
}
