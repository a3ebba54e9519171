package conference

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/audit"
)

// Withdraw ends the consent of a case: the case and its conferences are sealed, waiting requests end, whoever was asked for
// a date to come gets a neutral cancellation. All in one transaction; once it returns, no call shows case text any more. It
// returns the ids of the conferences whose rooms the caller must close. GDPR Art. 7(3), 17, 19.
func (s *Store) Withdraw(ctx context.Context, by account.Actor, caseID uuid.UUID) ([]uuid.UUID, error) {
	var sealed []uuid.UUID
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		if err := s.Cases.Withdraw(ctx, tx, by, caseID); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `
			update conference_request set state = 'withdrawn', decided_at = $2, decided_by = $3
			where case_id = $1 and state = 'submitted'`, caseID, s.Now(), by.ID)
		if err != nil {
			return err
		}
		found, err := conferences(ctx, tx, `where c.case_id = $1 and c.state not in ('cancelled', 'sealed') order by c.id for update of c`, caseID)
		if err != nil {
			return err
		}
		for _, c := range found {
			if err := s.seal(ctx, tx, c); err != nil {
				return err
			}
			sealed = append(sealed, c.ID)
		}
		return audit.Record(ctx, tx, audit.Entry{
			Organisation: by.Organisation, At: s.Now(), By: by.ID, Role: string(by.Role),
			Did: "withdraw_consent", Kind: "case", To: caseID.String(), Case: caseID,
		})
	})
	if err != nil {
		return nil, fmt.Errorf("withdraw: %w", err)
	}
	return sealed, nil
}

// seal closes a conference for good. The note's row is locked by every append, so no edit is kept after the seal.
func (s *Store) seal(ctx context.Context, tx pgx.Tx, c Conference) error {
	if err := setState(ctx, tx, c.ID, Sealed); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `
		update note set state = 'sealed', sealed_at = $2
		where conference_id = $1 and state = 'open'`, c.ID, s.Now())
	if err != nil {
		return fmt.Errorf("seal note: %w", err)
	}
	if s.Now().After(c.EndsAt) || c.EndedAt != nil {
		return nil // a date that is over stays in calendars as it was
	}
	return s.cancelAll(ctx, tx, c)
}
