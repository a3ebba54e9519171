package account

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The kinds of refusal that every domain call shares. Callers test with errors.Is; only web turns them into status codes.
var (
	// ErrNotFound says that there is no such thing for this actor. A foreign organisation's thing does not exist.
	ErrNotFound = errors.New("not found")
	// ErrDenied says that the actor may see it, but not do this to it.
	ErrDenied = errors.New("not allowed")
	// ErrConflict says that its state does not allow it now.
	ErrConflict = errors.New("state does not allow it")
	// ErrClosed says that the case behind it cannot be looked at: no consent stands, or it is sealed.
	ErrClosed = errors.New("closed")
)

// RefusedError is one of the kinds with the rule that stood against it; the language file has the sentence.
type RefusedError struct {
	Kind error
	Rule string
}

func (e *RefusedError) Error() string { return e.Kind.Error() + ": " + e.Rule }
func (e *RefusedError) Unwrap() error { return e.Kind }

// Refuse makes a RefusedError.
func Refuse(kind error, rule string) error { return &RefusedError{kind, rule} }

// InvalidError names the field of a form and the rule it breaks.
type InvalidError struct{ Field, Rule string }

func (e *InvalidError) Error() string { return e.Field + ": " + e.Rule }

// CheckText brings a typed text into shape (no blanks around it, line ends as \n) and holds it to a length in characters.
// Rules: required, too_long, text (control characters or broken UTF-8).
func CheckText(field string, value *string, most int, required bool) error {
	s := strings.ReplaceAll(strings.TrimSpace(*value), "\r\n", "\n")
	switch {
	case s == "" && required:
		return &InvalidError{field, "required"}
	case !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }):
		return &InvalidError{field, "text"}
	case utf8.RuneCountInString(s) > most:
		return &InvalidError{field, "too_long"}
	}
	*value = s
	return nil
}

// FirstError returns the first that is not nil: forms report one field at a time, from the top.
func FirstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
