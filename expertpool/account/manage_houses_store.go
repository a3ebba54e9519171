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
		select o.id, o.name, o.kind, o.land, (select count(*) from account a where a.organisation_id = o.id and a.disabled_at is null)::int as people
		from organisation o
		where o.network_id = $1 and ($2::uuid is null or o.id = $2)
		order by o.name collate "de-x-icu", o.id`, s.reached(by)[:2]...)
	if err != nil {
		return "", nil, fmt.Errorf("organisations: %w", err)
	}
	houses, err = pgx.CollectRows(rows, pgx.RowToStructByName[House])
	return network, houses, err
}

// AddHouse makes an organisation of the actor's network, with the name, the kind and the Land of h. Errors: *InvalidError, ErrDenied.
func (s *Store) AddHouse(ctx context.Context, by Actor, h House) (id uuid.UUID, err error) {
	h.ID = uuid.New()
	err = s.changeHouse(ctx, by, h, "add_organisation", `
		insert into organisation (id, network_id, name, kind, land) values ($1, $2, $3, $4, $5)`)
	return h.ID, err
}

// KeepHouse changes the name, the kind and the Land of the organisation h.ID of the actor's network. Errors: *InvalidError, ErrDenied,
// ErrNotFound.
func (s *Store) KeepHouse(ctx context.Context, by Actor, h House) error {
	return s.changeHouse(ctx, by, h, "keep_organisation", `
		update organisation set name = $3, kind = $4, land = $5 where id = $1 and network_id = $2`)
}

func checkHouse(h *House) error {
	if err := CheckText("name", &h.Name, 200, true); err != nil {
		return err
	}
	if !slices.Contains(Kinds, h.Kind) {
		return &InvalidError{"kind", "unknown"}
	}
	return nil
}

func (s *Store) changeHouse(ctx context.Context, by Actor, h House, did, sql string) error {
	if !by.May(ManageOrganisations) {
		return ErrDenied
	}
	if err := checkHouse(&h); err != nil {
		return err
	}
	err := pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, sql, h.ID, by.Network, h.Name, h.Kind, h.Land)
		var pg *pgconn.PgError
		switch {
		case errors.As(err, &pg) && pg.ConstraintName == "organisation_name":
			return &InvalidError{"name", "taken"}
		case errors.As(err, &pg) && pg.ConstraintName == "organisation_land":
			return &InvalidError{"land", "unknown"}
		case err != nil:
			return err
		case tag.RowsAffected() == 0:
			return ErrNotFound
		}
		return s.recordFor(ctx, tx, by, h.ID, did, h.ID, "")
	})
	if err != nil {
		return fmt.Errorf("%s: %w", did, err)
	}
	return nil
}
