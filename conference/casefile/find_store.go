package casefile

import (
	"context"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/pseudonym"
	"github.com/konsil-server/konsil/expertpool/account"
)

// Find returns the cases, open or sealed, of the people that a caseworker looks for: by parts of a name, a birth date or the
// customer number, best first. Nothing of who they are comes back, and it is recorded that somebody looked. Errors: ErrDenied for
// other roles, InvalidError of the field who.
func (s *Store) Find(ctx context.Context, by account.Actor, typed string) ([]Case, error) {
	return s.ofPeople(ctx, by, func(tx pgx.Tx) ([]uuid.UUID, error) { return s.vault.Find(ctx, tx, by, typed) })
}

// Same returns the open cases of the caseworker's organisation that could be about this person. Errors: InvalidError, ErrDenied.
func (s *Store) Same(ctx context.Context, by account.Actor, i pseudonym.Identity) ([]Case, error) {
	found, err := s.ofPeople(ctx, by, func(tx pgx.Tx) ([]uuid.UUID, error) { return s.vault.Same(ctx, tx, by, i) })
	return slices.DeleteFunc(found, func(c Case) bool { return c.Sealed }), err
}

func (s *Store) ofPeople(ctx context.Context, by account.Actor, find func(pgx.Tx) ([]uuid.UUID, error)) ([]Case, error) {
	var ids []uuid.UUID
	err := pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) (err error) {
		ids, err = find(tx)
		return err
	})
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	all, err := s.List(ctx, by)
	var found []Case
	for _, id := range ids {
		if i := slices.IndexFunc(all, func(c Case) bool { return c.ID == id }); i >= 0 {
			found = append(found, all[i])
		}
	}
	return found, err
}
