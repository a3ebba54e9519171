package casefile

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/pseudonym"
	"github.com/konsil-server/konsil/expertpool/audit"
)

// rewrapBatch is how many attachments one transaction takes on.
const rewrapBatch = 50

// rewrapping is the number of the lock that the one who changes the keys of attachments holds.
const rewrapping = 0x6b6f6e73_66696c65

// sealingKey is the key under which new attachments are sealed: the database says, so that a server that has not heard of a change of
// keys yet does not seal under the old one. It stays so until tx ends.
func (s *Store) sealingKey(ctx context.Context, tx pgx.Tx) (id string, err error) {
	_, err = tx.Exec(ctx, `
		insert into file_ring (key_id, changed_at) values ($1, $2) on conflict do nothing`, s.files.keys.Current(), s.now())
	if err == nil {
		err = tx.QueryRow(ctx, `select key_id from file_ring for share`).Scan(&id)
	}
	if err != nil {
		return "", fmt.Errorf("key of attachments: %w", err)
	}
	return id, nil
}

// RotateFiles makes a new key for attachments, wraps the data key of each under it and removes the old one, as Vault.Rotate does for
// people: beside running servers, and again where it was cut off. progress hears how many attachments there are and for how many it is
// done. It returns the name of the key that holds now. Error: pseudonym.ErrRotating.
func (s *Store) RotateFiles(ctx context.Context, progress func(done, all int)) (key string, err error) {
	err = pseudonym.Rotating(ctx, s.db, rewrapping, func() error {
		if key, err = s.files.keys.Renew(); err != nil {
			return err
		}
		_, err := s.db.Exec(ctx, `
			insert into file_ring (key_id, changed_at) values ($1, $2)
			on conflict (one) do update set key_id = excluded.key_id, changed_at = excluded.changed_at`, key, s.now()) // waits for those who seal
		if err != nil {
			return err
		}
		if err := s.rewrapAll(ctx, key, progress); err != nil {
			return err
		}
		if err := s.recordFileRotation(ctx, key); err != nil {
			return err
		}
		return s.files.keys.Drop()
	})
	if err != nil {
		return "", fmt.Errorf("rotate keys of attachments: %w", err)
	}
	return key, nil
}

func (s *Store) rewrapAll(ctx context.Context, key string, progress func(done, all int)) error {
	var all, left int
	err := s.db.QueryRow(ctx, `select count(*), count(*) filter (where key_id <> $1) from attachment`, key).Scan(&all, &left)
	if err != nil {
		return err
	}
	return pseudonym.Rewrapping(all, left, progress, func() (int, error) { return s.rewrapSome(ctx, key) })
}

func (s *Store) rewrapSome(ctx context.Context, key string) (n int, err error) {
	err = pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, fmt.Sprintf(`
			select id, case_id, key_id, wrapped_key from attachment where key_id <> $1
			order by id limit %d for update`, rewrapBatch), key)
		if err != nil {
			return err
		}
		type wrapped struct {
			ID, Case uuid.UUID
			Under    string
			Key      []byte
		}
		some, err := pgx.CollectRows(rows, pgx.RowToStructByPos[wrapped])
		if err != nil {
			return err
		}
		for _, one := range some {
			secret, err := s.files.keys.Unwrap(one.Under, one.Key, bound(one.ID, one.Case, -1, 0))
			if err != nil {
				return err
			}
			again, err := s.files.keys.Wrap(key, secret, bound(one.ID, one.Case, -1, 0))
			if err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, `update attachment set key_id = $2, wrapped_key = $3 where id = $1`, one.ID, key, again); err != nil {
				return err
			}
		}
		n = len(some)
		return nil
	})
	return n, err
}

// recordFileRotation tells every organisation that has an attachment.
func (s *Store) recordFileRotation(ctx context.Context, key string) error {
	return pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `select distinct organisation_id from attachment order by 1`)
		if err != nil {
			return err
		}
		whose, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
		if err != nil {
			return err
		}
		for _, organisation := range whose {
			err := audit.Record(ctx, tx, audit.Entry{Organisation: organisation, At: s.now(), Role: "server", Did: "rotate_keys", Kind: "files", To: key})
			if err != nil {
				return err
			}
		}
		return nil
	})
}
