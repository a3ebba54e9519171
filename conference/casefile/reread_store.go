package casefile

import (
	"context"
	"errors"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/attachment"
	"github.com/konsil-server/konsil/conference/nameguard"
	"github.com/konsil-server/konsil/conference/pseudonym"
	"github.com/konsil-server/konsil/expertpool/account"
)

// Grow adds to what is known of who the client is; see pseudonym.Vault.Extend. From then on the texts of the case wait to be read again:
// what was said before may name her now. For caseworkers of the organisation. Errors: InvalidError (names, further), ErrDenied,
// ErrNotFound, ErrClosed.
func (s *Store) Grow(ctx context.Context, by account.Actor, id uuid.UUID, g pseudonym.Growth) error {
	return s.change(ctx, by, id, "extend_identity", "", func(tx pgx.Tx, c Case) error {
		if _, err := tx.Exec(ctx, `update case_file set reread_at = $2 where id = $1`, id, s.now()); err != nil {
			return err
		}
		return s.vault.Extend(ctx, tx, by, id, g)
	})
}

// RereadDone says that everything that was found has been seen to. Errors: ErrDenied, ErrNotFound, ErrClosed.
func (s *Store) RereadDone(ctx context.Context, by account.Actor, id uuid.UUID) error {
	return s.change(ctx, by, id, "reread_case", "", func(tx pgx.Tx, _ Case) error {
		_, err := tx.Exec(ctx, `update case_file set reread_at = null where id = $1`, id)
		return err
	})
}

// TakeOut writes a new version of the summary, a draft as any other, with placeholders where the newest names the client. Errors:
// ErrDenied, ErrNotFound, ErrClosed, ErrConflict (nothing_found).
func (s *Store) TakeOut(ctx context.Context, by account.Actor, id uuid.UUID) error {
	return s.change(ctx, by, id, "write_summary", "", func(tx pgx.Tx, c Case) error {
		text, err := summaryOf(ctx, tx, id, false)
		if err != nil {
			return err
		}
		lens, err := s.Lens(ctx, tx, id, c.Organisation)
		if err != nil {
			return err
		}
		changed := false
		for _, f := range text.fields() {
			clear := lens.without(*f.text, ofSubject)
			changed = changed || clear != *f.text
			*f.text = clear
		}
		if !changed {
			return account.Refuse(account.ErrConflict, "nothing_found")
		}
		_, err = s.insertSummary(ctx, tx, by, id, *text)
		return err
	})
}

// ofSubject says that a passage is taken for the client's.
func ofSubject(f nameguard.Finding) bool {
	return f.Reason == nameguard.BySubject || f.Reason == nameguard.BySubjectTypo
}

// Attached is what can be read of an attachment.
type Attached struct {
	Attachment
	Text string
}

// Attached reads the titles and the pages of all attachments of a case. Rights are the caller's.
func (s *Store) Attached(ctx context.Context, tx pgx.Tx, caseID uuid.UUID) ([]Attached, error) {
	all, err := attachments(ctx, tx, `t.case_id = $1`, caseID)
	if err != nil {
		return nil, err
	}
	read := make([]Attached, len(all))
	for i, a := range all {
		read[i].Attachment = a
		if !a.Document() {
			continue
		}
		data, err := s.openAttachment(ctx, tx, caseID, a.ID)
		if err != nil {
			return nil, err
		}
		pages, err := attachment.Pages(data)
		var refused attachment.Refused
		if err != nil && !errors.As(err, &refused) {
			return nil, err
		}
		var text strings.Builder
		for _, p := range pages {
			text.WriteString(p.Text + "\n")
		}
		read[i].Text = text.String()
	}
	return read, nil
}
