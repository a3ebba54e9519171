package conference

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/conference/plan"
	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/audit"
)

// Withdraw ends the consent of a case: the case and its conferences are sealed, waiting requests end, whoever was asked for
// a date to come gets a neutral cancellation, deletion is scheduled. All in one transaction; once it returns, no call shows case
// text any more. It returns the ids of the conferences whose rooms the caller must close. GDPR Art. 7(3), 17, 19.
func (s *Store) Withdraw(ctx context.Context, by account.Actor, caseID uuid.UUID) ([]uuid.UUID, error) {
	if !by.May(account.WithdrawConsent) {
		return nil, account.ErrDenied
	}
	var sealed []uuid.UUID
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) (err error) {
		sealed, err = s.withdraw(ctx, tx, by, caseID)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("withdraw: %w", err)
	}
	return sealed, nil
}

// WithdrawByLink is Withdraw by the client herself, through her own link. ErrUnknown when the link leads nowhere.
func (s *Store) WithdrawByLink(ctx context.Context, token string) ([]uuid.UUID, error) {
	var sealed []uuid.UUID
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		c, err := s.Cases.ByClientLink(ctx, tx, token)
		if err != nil {
			return err
		}
		sealed, err = s.withdraw(ctx, tx, c.Client, c.Case.ID)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("withdraw: %w", err)
	}
	return sealed, nil
}

func (s *Store) withdraw(ctx context.Context, tx pgx.Tx, by account.Actor, caseID uuid.UUID) ([]uuid.UUID, error) {
	if err := s.Cases.Withdraw(ctx, tx, by, caseID); err != nil {
		return nil, err
	}
	_, err := tx.Exec(ctx, `
		update conference_request set state = 'withdrawn', decided_at = $2, asked_at = null
		where case_id = $1 and state in ('draft', 'submitted', 'needs_info')`, caseID, s.Now())
	if err != nil {
		return nil, fmt.Errorf("end requests: %w", err)
	}
	if err := s.endPolls(ctx, tx, "withdrawn", nil, `p.case_id = $1`, caseID); err != nil {
		return nil, err
	}
	if _, err := tx.Exec(ctx, `update poll_voice set note = '' where poll_id in (select id from poll where case_id = $1)`, caseID); err != nil {
		return nil, fmt.Errorf("forget notes on dates: %w", err)
	}
	_, err = tx.Exec(ctx, `
		update information_request set state = 'withdrawn'
		where state = 'open' and request_id in (select id from conference_request where case_id = $1)`, caseID)
	if err != nil {
		return nil, fmt.Errorf("end inquiries: %w", err)
	}
	if _, err := tx.Exec(ctx, `update plan_pass set body = null where case_id = $1`, caseID); err != nil {
		return nil, fmt.Errorf("forget copies of the plan: %w", err)
	}
	found, err := conferences(ctx, tx, `where c.case_id = $1 and c.state not in ('cancelled', 'sealed') order by c.id for update of c`, caseID)
	if err != nil {
		return nil, err
	}
	var sealed []uuid.UUID
	for _, c := range found {
		if err := s.seal(ctx, tx, c); err != nil {
			return nil, err
		}
		sealed = append(sealed, c.ID)
	}
	return sealed, audit.Record(ctx, tx, audit.Entry{
		Organisation: by.Organisation, At: s.Now(), By: by.ID, Role: string(by.Role),
		Did: "withdraw_consent", Kind: "case", To: caseID.String(), Case: caseID,
	})
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

// ClientView is what the client sees through her own link: what she has agreed to, and what was agreed for her.
type ClientView struct {
	casefile.ClientCase
	Measures []plan.Measure    // promised or ended; nil while the consent does not stand
	Passed   []Passed          // to whom the plan has gone, sealed or not
	Receipt  *casefile.Receipt // after a withdrawal
}

// ClientPage returns it. Looking changes nothing and is recorded nowhere. ErrUnknown when the link leads nowhere.
func (s *Store) ClientPage(ctx context.Context, token string) (ClientView, error) {
	c, err := s.Cases.ByClientLink(ctx, s.DB, token)
	if err != nil {
		return ClientView{}, err
	}
	v := ClientView{ClientCase: c}
	if v.Passed, err = passedOf(ctx, s.DB, c.Case.ID); err != nil {
		return ClientView{}, err
	}
	if c.Case.Sealed {
		r, err := s.Cases.Receipt(ctx, c.Client, c.Case.ID)
		v.Receipt = &r
		return v, err
	}
	if s.Cases.Open(ctx, s.DB, c.Case.ID, c.Client, casefile.Conference) != nil {
		return v, nil
	}
	v.Measures, err = s.Plans.OfCase(ctx, s.DB, c.Case.ID)
	return v, err
}
