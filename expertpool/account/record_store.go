package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/expertpool/audit"
)

// Record is how the audit record of an organisation stands.
type Record struct {
	Entries int
	Before  *time.Time // what was older has gone by its term; nil: nothing has
	Fault   string     // what is wrong with it: one of audit.Fault's; "" when it holds
	At      int64      // the entry where
}

// CheckRecord reads the whole audit record of the actor's organisation and says whether it holds. ErrDenied for who watches over none.
func (s *Store) CheckRecord(ctx context.Context, by Actor) (r Record, err error) {
	if !by.May(CheckAudit) {
		return r, ErrDenied
	}
	n, base, err := audit.VerifyOne(ctx, s.db, by.Organisation)
	r.Entries = n
	if base != nil {
		r.Before = &base.Before
	}
	var fault audit.Fault
	if errors.As(err, &fault) && fault.Organisation != uuid.Nil {
		r.Fault, r.At = fault.What, fault.Seq
		return r, nil
	}
	if err != nil {
		return r, fmt.Errorf("check the record: %w", err)
	}
	return r, nil
}
