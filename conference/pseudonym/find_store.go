package pseudonym

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/audit"
)

// Find looks for people of the caseworker's organisation by parts of a name, a birth date or the customer number, and returns
// their cases, what is written alike before what only sounds alike. That somebody looked is recorded, for whom is not. Errors:
// ErrDenied for everybody else, InvalidError of the field who.
func (v *Vault) Find(ctx context.Context, tx pgx.Tx, by account.Actor, typed string) ([]uuid.UUID, error) {
	if !by.May(account.LookUpIdentity) {
		return nil, account.ErrDenied
	}
	if err := account.CheckText("who", &typed, 100, true); err != nil {
		return nil, err
	}
	asked := terms(typed)
	if len(asked) == 0 {
		return nil, &account.InvalidError{Field: "who", Rule: "required"}
	}
	exact, alike, err := v.find(ctx, tx, by.Organisation, asked)
	if err != nil {
		return nil, fmt.Errorf("find person: %w", err)
	}
	found := append(exact, alike...)
	err = audit.Record(ctx, tx, by.Entry(v.now(), "find_person", "vault", strconv.Itoa(len(found))))
	return found, err
}

// Same returns the cases of the caseworker's organisation that could be about this person: of the same number, or of a name that
// sounds alike and the same birth date, as far as one is known. Errors: InvalidError, ErrDenied.
func (v *Vault) Same(ctx context.Context, tx pgx.Tx, by account.Actor, i Identity) ([]uuid.UUID, error) {
	if !by.May(account.LookUpIdentity) {
		return nil, account.ErrDenied
	}
	if err := i.Validate(v.now()); err != nil {
		return nil, err
	}
	name := nameTerms(telling(i.name()))
	if i.Born != "" {
		name = append(name, term{{"born", i.Born}})
	}
	ways := [][]term{name}
	if i.Number != "" {
		ways = append(ways, []term{{{"number", bareNumber(i.Number)}}})
	}
	var found []uuid.UUID
	for _, way := range ways {
		exact, alike, err := v.find(ctx, tx, by.Organisation, way)
		if err != nil {
			return nil, fmt.Errorf("same person: %w", err)
		}
		for _, id := range append(exact, alike...) {
			if !slices.Contains(found, id) {
				found = append(found, id)
			}
		}
	}
	return found, nil
}

func (v *Vault) find(ctx context.Context, tx pgx.Tx, organisation uuid.UUID, asked []term) (exact, alike []uuid.UUID, err error) {
	err = inside(ctx, tx, func() error {
		r, err := v.ring(ctx, tx)
		if err != nil {
			return err
		}
		w := wanted{organisation: organisation}
		for _, t := range asked {
			w.terms = append(w.terms, r.any(organisation, t))
		}
		cases, err := marked(ctx, tx, w)
		for _, c := range cases {
			switch yes, exactly := w.fits(c.has); {
			case yes && exactly:
				exact = append(exact, c.id)
			case yes:
				alike = append(alike, c.id)
			}
		}
		return err
	})
	return exact, alike, err
}

type markedCase struct {
	id  uuid.UUID
	has map[mark]bool // of those wanted
}

// marked returns the cases that have any of the marks wanted, the latest first.
func marked(ctx context.Context, tx pgx.Tx, w wanted) ([]markedCase, error) {
	var macs [][]byte
	for _, any := range w.terms {
		for _, m := range any {
			macs = append(macs, m.mac[:])
		}
	}
	rows, err := tx.Query(ctx, `
		select b.case_id, b.kind, b.mac from vault.blind b
		join vault.identity i on i.case_id = b.case_id
		where b.mac = any($1) and i.organisation_id = $2
		order by i.created_at desc, b.case_id`, macs, w.organisation)
	if err != nil {
		return nil, err
	}
	var found []markedCase
	var id uuid.UUID
	var kind string
	var mac []byte
	_, err = pgx.ForEachRow(rows, []any{&id, &kind, &mac}, func() error {
		if len(mac) != 16 {
			return fmt.Errorf("mark of %d bytes", len(mac))
		}
		if n := len(found); n == 0 || found[n-1].id != id {
			found = append(found, markedCase{id, map[mark]bool{}})
		}
		found[len(found)-1].has[mark{kind, [16]byte(mac)}] = true
		return nil
	})
	return found, err
}

func insertMarks(ctx context.Context, tx pgx.Tx, caseID uuid.UUID, marks []mark) error {
	for _, m := range marks {
		_, err := tx.Exec(ctx, `
			insert into vault.blind (case_id, kind, mac) values ($1, $2, $3)
			on conflict do nothing`, caseID, m.kind, m.mac[:])
		if err != nil {
			return fmt.Errorf("blind index: %w", err)
		}
	}
	return nil
}

// indexSome takes some people into the blind index who are not there yet, and says whether there are more.
func (v *Vault) indexSome(ctx context.Context) (more bool, err error) {
	err = pgx.BeginFunc(ctx, v.db, func(tx pgx.Tx) error {
		return inside(ctx, tx, func() error {
			r, err := v.ring(ctx, tx)
			if err != nil {
				return err
			}
			rows, err := someRows(ctx, tx, `not indexed`)
			if err != nil {
				return err
			}
			for _, row := range rows {
				i, err := v.open(row.sealed, row.caseID, row.organisation)
				if err != nil {
					return err
				}
				if err := insertMarks(ctx, tx, row.caseID, r.marks(i, row.organisation)); err != nil {
					return err
				}
				if _, err := tx.Exec(ctx, `update vault.identity set indexed = true where case_id = $1`, row.caseID); err != nil {
					return err
				}
			}
			more = len(rows) == batch
			return nil
		})
	})
	return more, err
}
