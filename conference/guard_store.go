package conference

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/conference/nameguard"
	"github.com/konsil-server/konsil/expertpool/account"
)

// parts are the texts of minutes that people wrote freely. A section is called "section." and its key.
func (b Body) parts() []casefile.Part {
	parts := []casefile.Part{{Field: "decisions", Text: b.Decisions}}
	for _, n := range b.Notes {
		parts = append(parts, casefile.Part{Field: "section." + n.Key, Text: n.Text})
	}
	for i, o := range b.Opinions {
		parts = append(parts, casefile.Part{Field: fmt.Sprintf("opinion.%d", i), Text: strings.Join(append([]string{o.Words, o.Reason, o.Missing}, o.Addenda...), "\n")})
	}
	for _, p := range b.Points {
		for i, said := range p.Said {
			parts = append(parts, casefile.Part{Field: fmt.Sprintf("opinion.%d.%d", p.Number, i), Text: said.Reason})
		}
	}
	for _, p := range b.Agenda {
		parts = append(parts, casefile.Part{Field: "agenda", Text: p.Title})
	}
	for _, a := range b.Addenda {
		parts = append(parts, casefile.Part{Field: "section." + a.Section, Text: a.Text})
	}
	return parts
}

// Examine reads a text that somebody in a conference is writing for what could name somebody, and keeps nothing of it. Those who know the
// client only by her pseudonym are told that a passage has to be looked at, not that it is hers. Errors: ErrNotFound, ErrClosed.
func (s *Store) Examine(ctx context.Context, by account.Actor, code, text string) ([]nameguard.Finding, error) {
	var found []nameguard.Finding
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		v, err := s.openView(ctx, tx, by, code)
		if err != nil {
			return err
		}
		l, err := s.Cases.Lens(ctx, tx, v.CaseID, v.Organisation)
		if err != nil {
			return err
		}
		found = l.Find(text)
		if by.Organisation != v.Organisation {
			found = nameless(found)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("name guard: %w", err)
	}
	return found, nil
}

// nameless takes out of findings whose they are.
func nameless(found []nameguard.Finding) []nameguard.Finding {
	for i, f := range found {
		if f.Reason == nameguard.BySubject || f.Reason == nameguard.BySubjectTypo {
			found[i].Reason, found[i].Confidence = nameguard.ByContext, nameguard.Medium
		}
	}
	return found
}

// Marks is what the live page of somebody of the convening organisation needs to find the client while she writes; see
// casefile.Store.Marks. For others it holds no more than the numbers of the site.
func (s *Store) Marks(ctx context.Context, by account.Actor, code string) (nameguard.Marks, error) {
	var m nameguard.Marks
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		v, err := s.openView(ctx, tx, by, code)
		if err != nil {
			return err
		}
		l, err := s.Cases.Lens(ctx, tx, v.CaseID, v.Organisation)
		if err != nil {
			return err
		}
		if !by.May(account.LookUpIdentity) || by.Organisation != v.Organisation {
			l = l.Blind()
		}
		m = l.Marks()
		return nil
	})
	if err != nil {
		return m, fmt.Errorf("name guard: %w", err)
	}
	return m, nil
}
