package casefile

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/audit"
)

// Templates lists what the actor's network offers, by name: to caseworkers, who write with them, and to coordinators, who keep
// them. ErrDenied for others.
func (s *Store) Templates(ctx context.Context, by account.Actor) ([]Template, error) {
	if !by.May(account.UseTemplates) {
		return nil, account.ErrDenied
	}
	found, err := templates(ctx, s.db, `t.retired_at is null and o.network_id = $1 order by t.name`, by.Network)
	if err != nil {
		return nil, fmt.Errorf("templates: %w", err)
	}
	return found, nil
}

// KeepTemplate replaces the template with that id, or adds one where the id is Nil. Coordinators only. Errors: InvalidError (name:
// taken), ErrDenied, ErrNotFound.
func (s *Store) KeepTemplate(ctx context.Context, by account.Actor, t Template) error {
	if err := t.validate(); err != nil {
		return err
	}
	return s.changeTemplate(ctx, by, t.ID, "keep_template", func(tx pgx.Tx) error {
		err := s.insertTemplate(ctx, tx, by, t)
		var pg *pgconn.PgError
		if errors.As(err, &pg) && pg.ConstraintName == "summary_template_name" {
			return &account.InvalidError{Field: "name", Rule: "taken"}
		}
		return err
	})
}

// RetireTemplate takes a template out of the choice; summaries written with it keep their headings. Coordinators only. Errors:
// ErrDenied, ErrNotFound.
func (s *Store) RetireTemplate(ctx context.Context, by account.Actor, id uuid.UUID) error {
	return s.changeTemplate(ctx, by, id, "retire_template", func(pgx.Tx) error { return nil })
}

// ShipTemplates adds the templates that konsil ships to the coordinator's organisation, unless it has ever had one.
func (s *Store) ShipTemplates(ctx context.Context, by account.Actor) error {
	if !by.May(account.KeepTemplates) {
		return account.ErrDenied
	}
	err := pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		var any bool
		err := tx.QueryRow(ctx, `
			with o as (select id from organisation where id = $1 for update)
			select exists (select from summary_template t join o on o.id = t.organisation_id)`, by.Organisation).Scan(&any)
		if err != nil || any {
			return err
		}
		for _, t := range shipped {
			if err := t.validate(); err != nil {
				return err
			}
			if err := s.insertTemplate(ctx, tx, by, t); err != nil {
				return err
			}
		}
		return s.recordTemplate(ctx, tx, by, "ship_templates", "")
	})
	if err != nil {
		return fmt.Errorf("ship templates: %w", err)
	}
	return nil
}

// changeTemplate retires the template with that id, if there is one to retire, and does the rest.
func (s *Store) changeTemplate(ctx context.Context, by account.Actor, id uuid.UUID, did string, do func(pgx.Tx) error) error {
	if !by.May(account.KeepTemplates) {
		return account.ErrDenied
	}
	err := pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		if id != uuid.Nil {
			tag, err := tx.Exec(ctx, `
				update summary_template set retired_at = $3
				where id = $1 and organisation_id = $2 and retired_at is null`, id, by.Organisation, s.now())
			if err == nil && tag.RowsAffected() == 0 {
				err = account.ErrNotFound
			}
			if err != nil {
				return err
			}
		}
		if err := do(tx); err != nil {
			return err
		}
		return s.recordTemplate(ctx, tx, by, did, id.String())
	})
	if err != nil {
		return fmt.Errorf("%s: %w", did, err)
	}
	return nil
}

func (s *Store) insertTemplate(ctx context.Context, tx pgx.Tx, by account.Actor, t Template) error {
	_, err := tx.Exec(ctx, `
		insert into summary_template (id, organisation_id, name, fields, made_by, made_at)
		values ($1, $2, $3, $4, $5, $6)`, uuid.New(), by.Organisation, t.Name, t.Fields, by.ID, s.now())
	return err
}

func (s *Store) recordTemplate(ctx context.Context, tx pgx.Tx, by account.Actor, did, to string) error {
	return audit.Record(ctx, tx, by.Entry(s.now(), did, "template", to))
}

// templateFor returns the template that a caseworker chose; the plain one for Nil. InvalidError for what her network does not
// offer. One that was replaced since the form was opened still counts: it is what she was asked.
func templateFor(ctx context.Context, tx pgx.Tx, by account.Actor, id uuid.UUID) (Template, error) {
	if id == uuid.Nil {
		return plain, nil
	}
	found, err := templates(ctx, tx, `t.id = $1 and o.network_id = $2`, id, by.Network)
	if err == nil && len(found) == 0 {
		err = &account.InvalidError{Field: "template", Rule: "unknown"}
	}
	if err != nil {
		return Template{}, err
	}
	return found[0], nil
}

func templates(ctx context.Context, q Querier, where string, args ...any) ([]Template, error) {
	rows, err := q.Query(ctx, `
		select t.id, t.name, t.fields
		from summary_template t join organisation o on o.id = t.organisation_id
		where `+where, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Template])
}
