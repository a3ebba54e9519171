package casefile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/nameguard"
	"github.com/konsil-server/konsil/expertpool/account"
)

// Lens reads texts of one case for what could name somebody: with the word lists of the deployment, the patterns of the organisation
// that the case belongs to, and the client of the case above all. It is made for one look and forgotten.
type Lens struct {
	guard   *nameguard.Guard
	subject *nameguard.Subject
}

// Lens prepares the look at texts of a case; without one, which is uuid.Nil, it knows no client. Rights are the caller's; what it gives
// back tells nothing by itself.
func (s *Store) Lens(ctx context.Context, tx pgx.Tx, id, organisation uuid.UUID) (Lens, error) {
	if id == uuid.Nil {
		return s.blind(ctx, tx, organisation)
	}
	subject, err := s.vault.Subject(ctx, tx, id, organisation)
	if err != nil && !errors.Is(err, account.ErrNotFound) {
		return Lens{}, err // without the comparison nothing may leave: better no release than a blind one
	}
	l, err := s.blind(ctx, tx, organisation)
	l.subject = subject
	return l, err
}

// blind is a lens of an organisation that knows no client.
func (s *Store) blind(ctx context.Context, q Querier, organisation uuid.UUID) (Lens, error) {
	shapes, err := shapesOf(ctx, q, organisation)
	if err != nil {
		return Lens{}, err
	}
	guard, err := s.guard.With(shapes...)
	if err != nil {
		return Lens{}, fmt.Errorf("patterns of the organisation: %w", err)
	}
	return Lens{guard: guard}, nil
}

// Find gives what could name somebody in a text, in order.
func (l Lens) Find(text string) []nameguard.Finding { return l.guard.Find(text, l.subject) }

// Marks is what a page needs to find the client of the case, and numbers of the site, without being told who the client is.
func (l Lens) Marks() nameguard.Marks { return l.guard.Marks(l.subject) }

// Blind gives a lens that does not know the client.
func (l Lens) Blind() Lens { return Lens{guard: l.guard} }

// Part is a text with the name of the field that it stands in.
type Part struct{ Field, Text string }

// Hint is a passage that could name somebody, with a little of the text around it.
type Hint struct {
	Field                  string // of the form, such as situation, question or decisions
	Before, Passage, After string
	Class                  nameguard.Class
	Reason                 nameguard.Reason
	Confidence             nameguard.Confidence
}

// Sure says that the passage has to be replaced, or the release of a summary justified.
func (h Hint) Sure() bool { return h.Confidence == nameguard.High }

// Names says that the passage has to be replaced, or justified, in texts about a case that go to others day by day: it belongs to the
// client, or it is a number or an address that is somebody's alone. Professionals are named in them all the time.
func (h Hint) Names() bool {
	if !h.Sure() {
		return false
	}
	return h.Reason == nameguard.BySubject || h.Class != nameguard.Person && h.Class != nameguard.Organisation && h.Class != nameguard.Street &&
		h.Class != nameguard.Place
}

// Hints reads texts and gives what could name somebody in them.
func (l Lens) Hints(parts ...Part) []Hint {
	var found []Hint
	for _, p := range parts {
		for _, f := range l.Find(p.Text) {
			found = append(found, Hint{
				Field: p.Field, Before: lastWords(p.Text[:f.Start]), Passage: p.Text[f.Start:f.End], After: firstWords(p.Text[f.End:]),
				Class: f.Class, Reason: f.Reason, Confidence: f.Confidence,
			})
		}
	}
	return found
}

func sure(f nameguard.Finding) bool { return f.Confidence == nameguard.High }

// NamesError refuses texts that name somebody, until there is a reason. Its own words tell nothing of them.
type NamesError struct {
	Hints []Hint // at least one
	Final bool   // no reason counts: the passages have to go
}

func (e *NamesError) Error() string { return "a text names somebody" }

// Unwrap makes it a fault of the field "because", or, where no reason counts, of the first text that names somebody.
func (e *NamesError) Unwrap() error {
	if e.Final {
		return &account.InvalidError{Field: e.Hints[0].Field, Rule: "nameless"}
	}
	return &account.InvalidError{Field: "because", Rule: "names"}
}

// Document is what kind of text was let through; see Pass.
type Document string

const (
	RequestText     Document = "request"
	MeasureText     Document = "measure"
	MinutesText     Document = "minutes"
	InformationText Document = "information"
	AttachmentText  Document = "attachment"
	OpinionText     Document = "opinion"
	AgendaText      Document = "agenda"
	summaryText     Document = "summary"
)

// Pass lets texts of a case go to others, within the transaction that sends them. What names the client, or is a number or an address of
// one person, is held: NamesError, unless because says why it stays. Then the reason is kept with a keyed digest of each passage. Without
// a case, which is uuid.Nil, it is Nameless, and no reason counts. Rights are the caller's.
func (s *Store) Pass(ctx context.Context, tx pgx.Tx, by account.Actor, id, organisation uuid.UUID, d Document, because string, parts ...Part) error {
	if err := account.CheckText("because", &because, 300, false); err != nil {
		return err
	}
	if id == uuid.Nil {
		return s.Nameless(ctx, tx, organisation, parts...)
	}
	lens, err := s.Lens(ctx, tx, id, organisation)
	if err != nil {
		return fmt.Errorf("name guard: %w", err)
	}
	held := slices.DeleteFunc(lens.Hints(parts...), func(h Hint) bool { return !h.Names() })
	switch {
	case len(held) == 0:
		return nil
	case because == "":
		return &NamesError{Hints: held}
	}
	return s.justify(ctx, tx, by, id, organisation, d, because, held)
}

// justify keeps why passages stay.
func (s *Store) justify(ctx context.Context, tx pgx.Tx, by account.Actor, id, organisation uuid.UUID, d Document, because string, held []Hint) error {
	digests := make([][]byte, len(held))
	for i, h := range held {
		digests[i] = s.digests.Of(organisation, h.Passage)
	}
	_, err := tx.Exec(ctx, `
		insert into guard_override (organisation_id, case_id, account_id, document, reason, digests, at)
		values ($1, $2, $3, $4, $5, $6, $7)`, organisation, id, by.ID, d, because, digests, s.now())
	if err != nil {
		return fmt.Errorf("justified passages: %w", err)
	}
	return nil
}

// Reader is what texts are read with at this deployment.
type Reader struct {
	Guard   *nameguard.Guard
	Digests *Digests
	Towns   Towns
}

// Use replaces what NewStore begins with: the lists of our own, digests that no other start of the server can make again, and no towns.
// Call it before the store is used.
func (s *Store) Use(r Reader) { s.guard, s.digests, s.towns = r.Guard, r.Digests, r.Towns }

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
	lens, err := s.Lens(ctx, tx, c.ID, c.Organisation)
	if err != nil {
		return nil, err
	}
	return lens.Hints(text.parts()...), nil
}

func (s *Summary) parts() []Part {
	var parts []Part
	for _, f := range s.fields() {
		parts = append(parts, Part{f.name, *f.text})
	}
	return parts
}

// held stops the newest version of a summary, which the guard is sure names somebody or which tells so much that fewer than three clients
// share it, until somebody has said why it may go on: InvalidError "names" or "rare" of the field reason. reasons are what was said before
// and now; what is said now is kept with the passages.
func (s *Store) held(ctx context.Context, tx pgx.Tx, by account.Actor, c Case, before, now string) error {
	found, err := s.hints(ctx, tx, c)
	if err != nil {
		return err
	}
	found = slices.DeleteFunc(found, func(h Hint) bool { return !h.Sure() })
	seen, err := s.meter(ctx, tx, c)
	silent := before == "" && now == ""
	switch {
	case err != nil:
		return err
	case silent && len(found) > 0:
		return &account.InvalidError{Field: "reason", Rule: "names"}
	case silent && seen.Rare():
		return &account.InvalidError{Field: "reason", Rule: "rare"}
	case now != "" && len(found) > 0:
		return s.justify(ctx, tx, by, c.ID, c.Organisation, summaryText, now, found)
	}
	return nil
}

// Examine reads a text that a caseworker is writing about a case of her organisation, and keeps nothing of it. Errors: ErrDenied,
// ErrNotFound.
func (s *Store) Examine(ctx context.Context, by account.Actor, id uuid.UUID, text string) ([]nameguard.Finding, error) {
	var found []nameguard.Finding
	err := s.look(ctx, by, id, func(l Lens) { found = l.Find(text) })
	return found, err
}

// Marks is what the pages of a case need to find its client while somebody writes: for caseworkers of its organisation, who may open the
// identity with a reason. With it names can be tried out, so nobody else gets it. Errors: ErrDenied, ErrNotFound.
func (s *Store) Marks(ctx context.Context, by account.Actor, id uuid.UUID) (nameguard.Marks, error) {
	var m nameguard.Marks
	err := s.look(ctx, by, id, func(l Lens) { m = l.Marks() })
	return m, err
}

// ExamineNew is Examine for a case that somebody is about to make; it knows no client. ErrDenied for those who make none.
func (s *Store) ExamineNew(ctx context.Context, by account.Actor, text string) ([]nameguard.Finding, error) {
	l, err := s.ahead(ctx, by)
	if err != nil {
		return nil, err
	}
	return l.Find(text), nil
}

// MarksOfNobody is Marks for a case that somebody is about to make: the numbers of the site. ErrDenied for those who make none.
func (s *Store) MarksOfNobody(ctx context.Context, by account.Actor) (nameguard.Marks, error) {
	l, err := s.ahead(ctx, by)
	if err != nil {
		return nameguard.Marks{}, err
	}
	return l.Marks(), nil
}

func (s *Store) ahead(ctx context.Context, by account.Actor) (Lens, error) {
	if !by.May(account.KeepCases) {
		return Lens{}, account.ErrDenied
	}
	l, err := s.blind(ctx, s.db, by.Organisation)
	if err != nil {
		return Lens{}, fmt.Errorf("name guard: %w", err)
	}
	return l, nil
}

func (s *Store) look(ctx context.Context, by account.Actor, id uuid.UUID, do func(Lens)) error {
	c, err := s.header(ctx, by, id)
	if err == nil && c.Sealed {
		err = account.Refuse(account.ErrClosed, "withdrawn")
	}
	if err != nil {
		return err
	}
	err = pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		l, err := s.Lens(ctx, tx, id, c.Organisation)
		if err == nil {
			do(l)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("name guard: %w", err)
	}
	return nil
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
