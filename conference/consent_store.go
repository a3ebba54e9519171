package conference

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/audit"
)

// Grant records the consent that the client has signed, in place of one that stands. Whoever was invited and is outside its circle
// gets a neutral cancellation. Errors: InvalidError, ErrDenied, ErrNotFound, ErrClosed when the case is sealed.
func (s *Store) Grant(ctx context.Context, by account.Actor, caseID uuid.UUID, c casefile.Consent) error {
	return s.agree(ctx, caseID, func(tx pgx.Tx) error { return s.Cases.Grant(ctx, tx, by, caseID, c) })
}

// Narrow takes something out of the consent that stands. Once it returns, no call shows case text to those who are outside the
// circle now; who of them was invited gets a neutral cancellation, and is out of a live room within two seconds. Errors as Grant.
func (s *Store) Narrow(ctx context.Context, by account.Actor, caseID uuid.UUID, c casefile.Consent) error {
	return s.agree(ctx, caseID, func(tx pgx.Tx) error { return s.Cases.Narrow(ctx, tx, by, caseID, c) })
}

// NarrowByLink is Narrow by the client herself, through her own link: she says which purposes, disciplines, organisations, recipients of the
// plan and releases from secrecy are to stay; who is left out and how long it holds stay as they are. ErrUnknown when the link leads
// nowhere.
func (s *Store) NarrowByLink(ctx context.Context, token string, keep casefile.Consent) error {
	c, err := s.Cases.ByClientLink(ctx, s.DB, token)
	if err != nil {
		return fmt.Errorf("narrow: %w", err)
	}
	keep.Excluded, keep.ValidUntil = c.Consent.Excluded, c.Consent.ValidUntil
	return s.agree(ctx, c.Case.ID, func(tx pgx.Tx) error { return s.Cases.Narrow(ctx, tx, c.Client, c.Case.ID, keep) })
}

// agree changes a consent and lets those go who are outside the circle that it leaves.
func (s *Store) agree(ctx context.Context, caseID uuid.UUID, change func(pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		if err := change(tx); err != nil {
			return err
		}
		found, err := conferences(ctx, tx, `
			where c.case_id = $1 and c.state in ('inviting', 'quorate', 'live') order by c.id for update of c`, caseID)
		if err != nil {
			return err
		}
		for _, c := range found {
			if err := s.letGo(ctx, tx, c); err != nil {
				return fmt.Errorf("let go: %w", err)
			}
		}
		out, err := s.Cases.Excluded(ctx, tx, caseID)
		if err != nil {
			return err
		}
		return s.loseVoices(ctx, tx, out, `p.case_id = $1`, caseID)
	})
}

// letGo ends the invitations of those whom the circle does not take in any more.
func (s *Store) letGo(ctx context.Context, tx pgx.Tx, c Conference) error {
	open, err := openInvitations(ctx, tx, c.ID)
	if err != nil {
		return err
	}
	for _, v := range open {
		invited, err := s.Accounts.ByID(ctx, v.account)
		if errors.Is(err, account.ErrUnknown) {
			continue // disabled: she reads nothing anyway
		}
		if err != nil {
			return err
		}
		err = s.Cases.Open(ctx, tx, c.CaseID, invited, casefile.Conference)
		if ruleOf(err) != "not_in_circle" {
			continue
		}
		if err := s.cancelInvitation(ctx, tx, c, v); err != nil {
			return err
		}
	}
	return s.settle(ctx, tx, c)
}

// SweepConsents calls off what was planned under consents whose term is over, with a cancellation that says no reason, and returns
// how many consents ended. That nobody reads any more needs no sweep: the gate looks at the date. Running twice changes nothing.
func (s *Store) SweepConsents(ctx context.Context, now time.Time) (int, error) {
	for n := 0; ; n++ {
		found, err := s.endNext(ctx, now)
		if err != nil {
			return n, fmt.Errorf("sweep consents: %w", err)
		}
		if !found {
			return n, nil
		}
	}
}

func (s *Store) endNext(ctx context.Context, now time.Time) (found bool, err error) {
	err = pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		caseID, err := s.Cases.Ended(ctx, tx, expertpool.Today(now))
		if err != nil || caseID == uuid.Nil {
			return err
		}
		found = true
		planned, err := conferences(ctx, tx, `
			where c.case_id = $1 and c.state in ('inviting', 'quorate') order by c.id for update of c`, caseID)
		if err != nil {
			return err
		}
		for _, c := range planned {
			if err := s.callOff(ctx, tx, c); err != nil {
				return err
			}
		}
		return s.endPolls(ctx, tx, "consent_ended", nil, `p.case_id = $1`, caseID)
	})
	return found, err
}

func (s *Store) callOff(ctx context.Context, tx pgx.Tx, c Conference) error {
	if err := setState(ctx, tx, c.ID, Cancelled); err != nil {
		return err
	}
	if err := s.cancelAll(ctx, tx, c); err != nil {
		return err
	}
	return audit.Record(ctx, tx, audit.Entry{
		Organisation: c.Organisation, At: s.Now(), Role: "server", Did: "cancel", Kind: "conference", To: c.Code, Case: c.CaseID,
	})
}
