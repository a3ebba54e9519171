package expertpool

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/expertpool/account"
)

// Groups lists the groups of the actor's network by name. Coordinators only: ErrDenied.
func (s *Store) Groups(ctx context.Context, by account.Actor) ([]Group, error) {
	return s.groups(ctx, by, ``)
}

// Group returns one of Groups. ErrNotFound.
func (s *Store) Group(ctx context.Context, by account.Actor, id uuid.UUID) (Group, error) {
	found, err := s.groups(ctx, by, ` and g.id = $2`, id)
	if err == nil && len(found) == 0 {
		err = account.ErrNotFound
	}
	if err != nil {
		return Group{}, err
	}
	return found[0], nil
}

// InGroups is everybody who is in one of these groups, each once. Groups of other networks are nobody.
func (s *Store) InGroups(ctx context.Context, by account.Actor, ids []uuid.UUID) ([]uuid.UUID, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	found, err := s.groups(ctx, by, ` and g.id = any($2)`, ids)
	if err != nil {
		return nil, err
	}
	var members []uuid.UUID
	seen := map[uuid.UUID]bool{}
	for _, g := range found {
		for _, m := range g.Members {
			if !seen[m.ID] {
				seen[m.ID], members = true, append(members, m.ID)
			}
		}
	}
	return members, nil
}

func (s *Store) groups(ctx context.Context, by account.Actor, where string, args ...any) ([]Group, error) {
	if !by.May(account.KeepPool) {
		return nil, account.ErrDenied
	}
	var found []Group
	var g Group
	var id *uuid.UUID
	var name, discipline, specialty, place *string
	err := each(ctx, s.db, []any{&g.ID, &g.Name, &id, &name, &discipline, &specialty, &place}, func() {
		if n := len(found); n == 0 || found[n-1].ID != g.ID {
			found = append(found, g)
		}
		if id != nil {
			of := &found[len(found)-1]
			of.Members = append(of.Members, Expert{ID: *id, Name: *name, Discipline: *discipline, Specialty: *specialty, Place: *place})
		}
	}, `
		select g.id, g.name, m.id, m.name, m.discipline, m.specialty, m.place
		from expert_group g
		left join (
			select m.group_id, a.id, a.name, e.discipline, e.specialty, e.place
			from expert_group_member m
			join expert e on e.account_id = m.account_id
			join account a on a.id = m.account_id
			where e.active and a.disabled_at is null) m on m.group_id = g.id
		where g.network_id = $1`+where+`
		order by g.name collate "de-x-icu", g.id, m.name collate "de-x-icu", m.id`, append([]any{by.Network}, args...)...)
	return found, err
}

// NewGroup makes a group without members. Errors: InvalidError, also when the name is taken, ErrDenied.
func (s *Store) NewGroup(ctx context.Context, by account.Actor, name string) (uuid.UUID, error) {
	if err := account.CheckText("group_name", &name, 100, true); err != nil {
		return uuid.Nil, err
	}
	id := uuid.New()
	return id, s.act(ctx, by, account.KeepPool, "new_group", "expert_group", id, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `insert into expert_group (id, network_id, name) values ($1, $2, $3)`, id, by.Network, name)
		if breaks(err, "expert_group_name") {
			return &account.InvalidError{Field: "group_name", Rule: "taken"}
		}
		return err
	})
}

// RemoveGroup takes a group away. Its members stay in the pool, and in the conferences that they were asked for.
func (s *Store) RemoveGroup(ctx context.Context, by account.Actor, id uuid.UUID) error {
	return s.act(ctx, by, account.KeepPool, "remove_group", "expert_group", id, func(tx pgx.Tx) error {
		if err := lockGroup(ctx, tx, by, id); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `delete from expert_group where id = $1`, id)
		return err
	})
}

// Enrol puts an expert of the network into a group; twice is once. Errors: InvalidError, ErrNotFound, ErrDenied, ErrConflict when the
// group is full.
func (s *Store) Enrol(ctx context.Context, by account.Actor, id, expert uuid.UUID) error {
	return s.act(ctx, by, account.KeepPool, "enrol", "expert_group", id, func(tx pgx.Tx) error {
		if err := lockGroup(ctx, tx, by, id); err != nil {
			return err
		}
		experts, err := ByIDs(ctx, tx, by.Network, []uuid.UUID{expert})
		if err != nil {
			return err
		}
		if len(experts) == 0 {
			return &account.InvalidError{Field: "expert", Rule: "unknown"}
		}
		var n int
		err = tx.QueryRow(ctx, `select count(*) from expert_group_member where group_id = $1 and account_id <> $2`, id, expert).Scan(&n)
		if err != nil {
			return err
		}
		if n >= maxMembers {
			return account.Refuse(account.ErrConflict, "group_full")
		}
		_, err = tx.Exec(ctx, `
			insert into expert_group_member (group_id, account_id) values ($1, $2)
			on conflict do nothing`, id, expert)
		return err
	})
}

// Expel takes an expert out of a group again. Who is not in it is no error.
func (s *Store) Expel(ctx context.Context, by account.Actor, id, expert uuid.UUID) error {
	return s.act(ctx, by, account.KeepPool, "expel", "expert_group", id, func(tx pgx.Tx) error {
		if err := lockGroup(ctx, tx, by, id); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `delete from expert_group_member where group_id = $1 and account_id = $2`, id, expert)
		return err
	})
}

func lockGroup(ctx context.Context, tx pgx.Tx, by account.Actor, id uuid.UUID) error {
	err := tx.QueryRow(ctx, `select id from expert_group where id = $1 and network_id = $2 for update`, id, by.Network).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return account.ErrNotFound
	}
	return err
}
