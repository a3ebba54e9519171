package account

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Houses lists the organisations whose people the actor looks after, by name, and the name of the network. ErrDenied for others.
func (s *Store) Houses(ctx context.Context, by Actor) (network string, houses []House, err error) {
	if !by.May(ManagePeople) {
		return "", nil, ErrDenied
	}
	if err := s.db.QueryRow(ctx, `select name from network where id = $1`, by.Network).Scan(&network); err != nil {
		return "", nil, fmt.Errorf("network: %w", err)
	}
	rows, err := s.db.Query(ctx, `
		select o.id, o.name, o.kind, (select count(*) from account a where a.organisation_id = o.id and a.disabled_at is null)::int as people
		from organisation o
		where o.network_id = $1 and ($2::uuid is null or o.id = $2)
		order by o.name collate "de-x-icu", o.id`, s.reached(by)[:2]...)
	if err != nil {
		return "", nil, fmt.Errorf("organisations: %w", err)
	}
	houses, err = pgx.CollectRows(rows, pgx.RowToStructByName[House])
	return network, houses, err
}

// AddHouse makes an organisation of the actor's network. Errors: *InvalidError, ErrDenied.
func (s *Store) AddHouse(ctx context.Context, by Actor, name, kind string) (id uuid.UUID, err error) {
	if !by.May(ManageOrganisations) {
		return uuid.Nil, ErrDenied
	}
	if err := checkHouse(&name, kind); err != nil {
		return uuid.Nil, err
	}
	id = uuid.New()
	err = s.changeHouse(ctx, by, id, "add_organisation", `
		insert into organisation (id, network_id, name, kind) values ($1, $2, $3, $4)`, id, by.Network, name, kind)
	return id, err
}

// KeepHouse changes the name and the kind of an organisation of the actor's network. Errors: *InvalidError, ErrDenied, ErrNotFound.
func (s *Store) KeepHouse(ctx context.Context, by Actor, id uuid.UUID, name, kind string) error {
	if !by.May(ManageOrganisations) {
		return ErrDenied
	}
	if err := checkHouse(&name, kind); err != nil {
		return err
	}
	return s.changeHouse(ctx, by, id, "keep_organisation", `
		update organisation set name = $3, kind = $4 where id = $1 and network_id = $2`, id, by.Network, name, kind)
}

func checkHouse(name *string, kind string) error {
	if err := CheckText("name", name, 200, true); err != nil {
		return err
	}
	if !slices.Contains(Kinds, kind) {
		return &InvalidError{"kind", "unknown"}
	}
	return nil
}

func (s *Store) changeHouse(ctx context.Context, by Actor, id uuid.UUID, did, sql string, args ...any) error {
	err := pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, sql, args...)
		var pg *pgconn.PgError
		switch {
		case errors.As(err, &pg) && pg.ConstraintName == "organisation_name":
			return &InvalidError{"name", "taken"}
		case err != nil:
			return err
		case tag.RowsAffected() == 0:
			return ErrNotFound
		}
		return s.recordFor(ctx, tx, by, id, did, id, "")
	})
	if err != nil {
		return fmt.Errorf("%s: %w", did, err)
	}
	return nil
}
