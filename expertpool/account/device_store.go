package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/expertpool/audit"
)

// KeepDevice registers the key of the browser that the actor uses, or notes that it was used again. Proof is the key's
// signature over the account and itself (see protocol.md of realtime). tell is called within the transaction for a key that
// is new, before it is put on record. A key that was revoked stays so, without an error. Errors: *InvalidError (key).
func (s *Store) KeepDevice(ctx context.Context, a Actor, key, proof []byte, name string, tell func(pgx.Tx, Device) error) error {
	if !holds(a.ID, key, proof) {
		return &InvalidError{"key", "proof"}
	}
	err := pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		d := Device{ID: uuid.New(), Print: printOf(key), Name: name, MadeAt: s.now(), UsedAt: s.now()}
		fresh, err := keepDevice(ctx, tx, a, d, key)
		if err != nil || !fresh {
			return err
		}
		if err := tell(tx, d); err != nil {
			return err
		}
		return audit.Record(ctx, tx, a.Entry(d.MadeAt, "add_device", "device", d.ID.String()))
	})
	if err != nil {
		return fmt.Errorf("keep device: %w", err)
	}
	return nil
}

// keepDevice says whether the key is new to the account.
func keepDevice(ctx context.Context, tx pgx.Tx, a Actor, d Device, key []byte) (fresh bool, err error) {
	var id uuid.UUID
	err = tx.QueryRow(ctx, `
		insert into account_device_key (id, account_id, public_key, device, made_at, used_at)
		values ($1, $2, $3, left($4, 200), $5, $5)
		on conflict (account_id, public_key) do update set used_at = excluded.used_at
		returning id`, d.ID, a.ID, key, d.Name, d.MadeAt).Scan(&id)
	if err != nil || id != d.ID {
		return false, err
	}
	_, err = tx.Exec(ctx, `
		update account_device_key set revoked_at = $3
		where id in (
			select id from account_device_key
			where account_id = $1 and revoked_at is null
			order by used_at desc, id = $4 desc offset $2)`, a.ID, maxDevices, d.MadeAt, d.ID)
	return true, err
}

// Devices lists the actor's devices, the one used last first. Revoked ones are among them.
func (s *Store) Devices(ctx context.Context, a Actor) ([]Device, error) {
	rows, err := s.db.Query(ctx, `
		select id, public_key, device, made_at, used_at, revoked_at
		from account_device_key where account_id = $1 order by used_at desc, id`, a.ID)
	if err != nil {
		return nil, fmt.Errorf("devices: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (d Device, err error) {
		var key []byte
		err = row.Scan(&d.ID, &key, &d.Name, &d.MadeAt, &d.UsedAt, &d.RevokedAt)
		d.Print = printOf(key)
		return d, err
	})
	if err != nil {
		return nil, fmt.Errorf("devices: %w", err)
	}
	return list, nil
}

// DevicesBefore gives the fingerprints of the actor's devices that stand and were registered before a moment.
func (s *Store) DevicesBefore(ctx context.Context, a Actor, moment time.Time) ([]string, error) {
	list, err := s.Devices(ctx, a)
	if err != nil {
		return nil, err
	}
	prints := []string{}
	for _, d := range list {
		if d.RevokedAt == nil && d.MadeAt.Before(moment) {
			prints = append(prints, d.Print)
		}
	}
	return prints, nil
}

// RevokeDevice takes a device of the actor's out of use: from the next time somebody enters a room it vouches for nobody.
// Revoking again changes nothing. Errors: ErrNotFound.
func (s *Store) RevokeDevice(ctx context.Context, a Actor, id uuid.UUID) error {
	err := pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		var was *time.Time
		err := tx.QueryRow(ctx, `
			select revoked_at from account_device_key where id = $1 and account_id = $2 for update`, id, a.ID).Scan(&was)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			return ErrNotFound
		case err != nil || was != nil:
			return err
		}
		if _, err := tx.Exec(ctx, `update account_device_key set revoked_at = $2 where id = $1`, id, s.now()); err != nil {
			return err
		}
		return audit.Record(ctx, tx, a.Entry(s.now(), "revoke_device", "device", id.String()))
	})
	if err != nil {
		return fmt.Errorf("revoke device: %w", err)
	}
	return nil
}
