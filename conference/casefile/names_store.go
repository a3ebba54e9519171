package casefile

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/nameguard"
	"github.com/konsil-server/konsil/expertpool/account"
)

// Hint is a passage of a summary that could name somebody, with a little of the text around it.
type Hint struct {
	Field                  string // of the summary: situation, resources, tried, goals, limits
	Before, Passage, After string
	Class                  nameguard.Class
	Reason                 nameguard.Reason
	Confidence             nameguard.Confidence
}

// Sure says that the passage has to be replaced, or its release justified.
func (h Hint) Sure() bool { return h.Confidence == nameguard.High }

// Hints reads the newest version of the summary and gives what could name somebody in it, the client of the case above all. Errors:
// ErrDenied, ErrNotFound.
func (s *Store) Hints(ctx context.Context, by account.Actor, id uuid.UUID) ([]Hint, error) {
	c, err := s.header(ctx, by, id)
	if err != nil || c.Sealed {
		return nil, err
	}
	var found []Hint
	err = pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		found, err = s.hints(ctx, tx, c)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("hints: %w", err)
	}
	return found, nil
}

func (s *Store) hints(ctx context.Context, tx pgx.Tx, c Case) ([]Hint, error) {
	text, err := summaryOf(ctx, tx, c.ID, false)
	if err != nil || text == nil {
		return nil, err
	}
	subject, err := s.vault.Subject(ctx, tx, c.ID, c.Organisation)
	if err != nil && !errors.Is(err, account.ErrNotFound) {
		return nil, err // without the comparison nothing may leave: better no release than a blind one
	}
	var found []Hint
	for _, f := range text.fields() {
		found = append(found, s.find(f.name, *f.text, subject)...)
	}
	return found, nil
}

// find gives what could name somebody in one text.
func (s *Store) find(field, text string, subject *nameguard.Subject) []Hint {
	var found []Hint
	for _, f := range s.guard.Find(text, subject) {
		found = append(found, Hint{
			Field: field, Before: lastWords(text[:f.Start]), Passage: text[f.Start:f.End], After: firstWords(text[f.End:]),
			Class: f.Class, Reason: f.Reason, Confidence: f.Confidence,
		})
	}
	return found
}

// around is how many bytes of the text beside a passage are shown at most.
const around = 40

func lastWords(s string) string {
	s = s[strings.LastIndexByte(s, '\n')+1:]
	if len(s) > around {
		s = s[len(s)-around:]
		for len(s) > 0 && !utf8.RuneStart(s[0]) {
			s = s[1:]
		}
		s = "…" + s
	}
	return s
}

func firstWords(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	if len(s) > around {
		n := around
		for n > 0 && !utf8.RuneStart(s[n]) {
			n--
		}
		s = s[:n] + "…"
	}
	return s
}
