package pseudonym

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/expertpool/account"
)

// Growth is what becomes known of somebody after the case was made. Nothing that was known goes.
type Growth struct {
	Names   string // a name at birth, spellings, what she is called; parted by commas
	Further string // addresses, numbers, names of people close to her
}

func (g *Growth) validate() error {
	err := account.FirstError(account.CheckText("names", &g.Names, 200, false), account.CheckText("further", &g.Further, 300, false))
	if err == nil && g.Names == "" && g.Further == "" {
		return &account.InvalidError{Field: "names", Rule: "required"}
	}
	return err
}

// Extend adds to the identity of a case within the caller's tx and by the caller's right, without showing what is there: texts are
// compared with it from now on, and she is found by it. Errors: InvalidError (names, further), ErrNotFound, ErrClosed "erased".
func (v *Vault) Extend(ctx context.Context, tx pgx.Tx, by account.Actor, caseID uuid.UUID, g Growth) error {
	if err := g.validate(); err != nil {
		return err
	}
	err := inside(ctx, tx, func() error {
		if _, err := tx.Exec(ctx, `select from vault.identity where case_id = $1 for update`, caseID); err != nil {
			return err
		}
		r, err := v.ring(ctx, tx)
		if err != nil {
			return err
		}
		old, err := sealedOf(ctx, tx, caseID, by.Organisation)
		if err != nil {
			return err
		}
		i, err := v.open(old, caseID, by.Organisation)
		if err != nil {
			return err
		}
		if i, err = i.grown(g); err != nil {
			return err
		}
		s, err := r.key.seal(i, caseID, by.Organisation)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			update vault.identity set key_id = $2, wrapped_key = $3, sealed = $4, sealed_under = $5 where case_id = $1`,
			caseID, s.keyID, s.wrapped, s.box, s.under)
		if err != nil {
			return err
		}
		return insertMarks(ctx, tx, caseID, r.marks(i, by.Organisation))
	})
	if err != nil {
		return fmt.Errorf("extend identity: %w", err)
	}
	return nil
}

// mostGrown is how much may be added to an identity in all, in bytes of each kind.
const mostGrown = 2000

// grown is the identity with what has become known of it.
func (i Identity) grown(g Growth) (Identity, error) {
	i.Names, i.Further = joined(i.Names, g.Names), joined(i.Further, g.Further)
	switch {
	case len(i.Names) > mostGrown:
		return i, &account.InvalidError{Field: "names", Rule: "too_long"}
	case len(i.Further) > mostGrown:
		return i, &account.InvalidError{Field: "further", Rule: "too_long"}
	}
	return i, nil
}

func joined(before, more string) string {
	return strings.Trim(before+"\n"+more, "\n")
}
