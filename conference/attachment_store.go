package conference

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/expertpool/account"
)

// Attachment shows a released attachment of a conference's case to those to whom the case is open now; that is recorded. Errors:
// ErrNotFound, ErrClosed.
func (s *Store) Attachment(ctx context.Context, by account.Actor, code string, id uuid.UUID) (a casefile.Attachment, data []byte, err error) {
	err = pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		v, err := s.openView(ctx, tx, by, code)
		if err != nil {
			return err
		}
		if a, data, err = s.Cases.ReleasedAttachment(ctx, tx, v.CaseID, id); err != nil {
			return err
		}
		return s.Cases.Saw(ctx, tx, by, v.Organisation, v.CaseID, "view_attachment", id.String())
	})
	if err != nil {
		return casefile.Attachment{}, nil, fmt.Errorf("attachment: %w", err)
	}
	return a, data, nil
}
