package conference

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/audit"
)

// recordTerm is how the record of one organisation is kept.
type recordTerm struct {
	Organisation uuid.UUID
	Days         int
	Held         []uuid.UUID // cases on hold: their entries stay, and the names in them
}

// sweepAudit cuts the record of each organisation at its term, and takes the names out of what is older than a year. The protocol
// counts entries as class audit, and pseudonyms as class audit_names.
func (s *Store) sweepAudit(ctx context.Context) error {
	rows, err := s.DB.Query(ctx, `
		with `+termOf("audit")+`
		select h.organisation_id, coalesce(t.days, ($1::jsonb->>'audit')::int),
			array(select l.case_id from legal_hold l where l.organisation_id = h.organisation_id and l.lifted_at is null and l.until >= $2)
		from audit.head h left join term t on t.organisation_id = h.organisation_id
		order by 1`, ownTerms(), expertpool.Today(s.Now()))
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	records, err := pgx.CollectRows(rows, pgx.RowToStructByPos[recordTerm])
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	for _, r := range records {
		if err := s.shortenRecord(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// shortenRecord is a transaction of its own: it holds up whoever records something for the organisation.
func (s *Store) shortenRecord(ctx context.Context, r recordTerm) error {
	return pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		now := s.Now()
		gone, err := audit.Cut(ctx, tx, r.Organisation, now.AddDate(0, 0, -r.Days).Truncate(24*time.Hour), r.Held)
		if err != nil {
			return err
		}
		forgotten, err := audit.Forget(ctx, tx, r.Organisation, now, r.Held)
		if err != nil {
			return err
		}
		for class, n := range map[string]int64{"audit": gone, "audit_names": forgotten} {
			if n == 0 {
				continue
			}
			if err := s.noteDeletion(ctx, tx, r.Organisation, class, n); err != nil {
				return err
			}
		}
		return nil
	})
}
