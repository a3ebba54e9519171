package casefile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/nameguard"
	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/audit"
)

// Pattern is the shape of a number that an organisation uses; see nameguard.Guard.With.
type Pattern struct {
	ID               uuid.UUID
	Organisation     uuid.UUID
	OrganisationName string
	Name, Shape      string
	CreatedAt        time.Time
}

// maxPatterns is how many an organisation has at most.
const maxPatterns = 30

// Owner is an organisation that patterns can belong to.
type Owner struct {
	ID   uuid.UUID
	Name string
}

// Owners lists the organisations of the coordinator's network. ErrDenied for everybody else.
func (s *Store) Owners(ctx context.Context, by account.Actor) ([]Owner, error) {
	if !by.May(account.KeepPatterns) {
		return nil, account.ErrDenied
	}
	rows, err := s.db.Query(ctx, `select id, name from organisation where network_id = $1 order by name`, by.Network)
	if err != nil {
		return nil, fmt.Errorf("organisations: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Owner])
}

// Patterns lists those of the coordinator's network, or of the caseworker's organisation.
func (s *Store) Patterns(ctx context.Context, by account.Actor) ([]Pattern, error) {
	where, of := `o.network_id = $1`, by.Network
	switch by.Reach(account.SeePatterns) {
	case account.OwnNetwork:
	case account.OwnOrganisation:
		where, of = `o.id = $1`, by.Organisation
	default:
		return nil, account.ErrDenied
	}
	rows, err := s.db.Query(ctx, `
		select p.id, o.id, o.name, p.name, p.shape, p.created_at
		from guard_pattern p join organisation o on o.id = p.organisation_id
		where `+where+` order by o.name, p.name, p.id`, of)
	if err != nil {
		return nil, fmt.Errorf("patterns: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Pattern])
}

// AddPattern keeps the shape of a number for an organisation of the coordinator's network; texts of its cases are read with it from now
// on. Errors: InvalidError (name, shape, organisation), ErrDenied, ErrConflict for a shape that is there and for too many.
func (s *Store) AddPattern(ctx context.Context, by account.Actor, organisation uuid.UUID, name, shape string) error {
	if !by.May(account.KeepPatterns) {
		return account.ErrDenied
	}
	err := account.FirstError(account.CheckText("name", &name, 60, true), account.CheckText("shape", &shape, 60, true))
	if err != nil {
		return err
	}
	if nameguard.CheckShape(shape) != nil {
		return &account.InvalidError{Field: "shape", Rule: "shape"}
	}
	err = pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		if err := owns(ctx, tx, by, organisation); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `
			insert into guard_pattern (id, organisation_id, name, shape, created_by, created_at)
			select $1, $2, $3, $4, $5, $6 where (select count(*) from guard_pattern where organisation_id = $2) < $7
			on conflict do nothing`, uuid.New(), organisation, name, shape, by.ID, s.now(), maxPatterns)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return account.Refuse(account.ErrConflict, "pattern_there")
		}
		return s.recordPattern(ctx, tx, by, organisation, "add_pattern", shape)
	})
	if err != nil {
		return fmt.Errorf("add pattern: %w", err)
	}
	return nil
}

// RemovePattern ends it. ErrNotFound for one of another network.
func (s *Store) RemovePattern(ctx context.Context, by account.Actor, id uuid.UUID) error {
	if !by.May(account.KeepPatterns) {
		return account.ErrDenied
	}
	err := pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		var organisation uuid.UUID
		var shape string
		err := tx.QueryRow(ctx, `
			delete from guard_pattern p using organisation o
			where p.id = $1 and o.id = p.organisation_id and o.network_id = $2
			returning o.id, p.shape`, id, by.Network).Scan(&organisation, &shape)
		if errors.Is(err, pgx.ErrNoRows) {
			return account.ErrNotFound
		}
		if err != nil {
			return err
		}
		return s.recordPattern(ctx, tx, by, organisation, "remove_pattern", shape)
	})
	if err != nil {
		return fmt.Errorf("remove pattern: %w", err)
	}
	return nil
}

// owns locks the organisation, so that two at once do not make one pattern too many.
func owns(ctx context.Context, tx pgx.Tx, by account.Actor, organisation uuid.UUID) error {
	var id uuid.UUID
	err := tx.QueryRow(ctx, `select id from organisation where id = $1 and network_id = $2 for no key update`, organisation, by.Network).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return &account.InvalidError{Field: "organisation", Rule: "required"}
	}
	return err
}

func (s *Store) recordPattern(ctx context.Context, tx pgx.Tx, by account.Actor, organisation uuid.UUID, did, shape string) error {
	return audit.Record(ctx, tx, audit.Entry{
		Organisation: organisation, At: s.now(), By: by.ID, Role: string(by.Role), Did: did, Kind: "pattern", To: shape,
	})
}

func shapesOf(ctx context.Context, q Querier, organisation uuid.UUID) ([]string, error) {
	rows, err := q.Query(ctx, `select shape from guard_pattern where organisation_id = $1 order by id`, organisation)
	if err != nil {
		return nil, fmt.Errorf("patterns: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}
