package account

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// BeginCodes draws the secret that an authenticator app is to learn. It counts from ConfirmCodes on; drawing again replaces it. Errors:
// ErrDenied (not_fresh), ErrConflict (codes_on; no_password, beside which codes are asked for).
func (s *Store) BeginCodes(ctx context.Context, a Actor) error {
	return s.changing(ctx, a, "begin_codes", "", func(tx pgx.Tx, f Factors) error {
		switch {
		case s.secrets.box == nil:
			return errUnsecured
		case f.Codes:
			return Refuse(ErrConflict, "codes_on")
		case !f.Password:
			return Refuse(ErrConflict, "no_password")
		}
		_, err := tx.Exec(ctx, `
			insert into totp (account_id, secret, made_at) values ($1, $2, $3)
			on conflict (account_id) do update set secret = excluded.secret, made_at = excluded.made_at`,
			a.ID, s.secrets.box.Seal(nil, nil, newSecret(), bind(a.ID)), s.now())
		return err
	})
}

// Pairing shows what the actor's app has to learn, between BeginCodes and ConfirmCodes. ErrNotFound at every other time.
func (s *Store) Pairing(ctx context.Context, a Actor) (Pairing, error) {
	var sealed []byte
	var email string
	err := s.db.QueryRow(ctx, `
		select t.secret, a.email from totp t join account a on a.id = t.account_id
		where a.id = $1 and t.confirmed_at is null`, a.ID).Scan(&sealed, &email)
	if errors.Is(err, pgx.ErrNoRows) {
		return Pairing{}, ErrNotFound
	}
	if err != nil {
		return Pairing{}, fmt.Errorf("pairing: %w", err)
	}
	secret, err := s.unseal(a.ID, sealed)
	if err != nil {
		return Pairing{}, err
	}
	u, err := url.Parse(s.url)
	if err != nil {
		return Pairing{}, fmt.Errorf("pairing: %w", err)
	}
	return pairingOf(secret, u.Hostname(), email), nil
}

func (s *Store) unseal(account uuid.UUID, sealed []byte) ([]byte, error) {
	if s.secrets.box == nil {
		return nil, errUnsecured
	}
	secret, err := s.secrets.box.Open(nil, nil, sealed, bind(account))
	if err != nil {
		return nil, fmt.Errorf("secret of codes: %w", err)
	}
	return secret, nil
}

// ConfirmCodes takes the first code of the actor's app: from now on codes are asked for. It returns ten recovery codes, which nobody can
// see again, and the session's new token, which is complete. Errors: *InvalidError (code), ErrConflict, ErrDenied, ErrSlow.
func (s *Store) ConfirmCodes(ctx context.Context, a Actor, code, browser string) (recovery []string, k Keys, err error) {
	if err := s.take(ctx, codePace, guessed("first code", a.ID.String(), nil)); err != nil {
		return nil, k, err
	}
	err = s.changing(ctx, a, "codes_on", CodesOn, func(tx pgx.Tx, f Factors) error {
		if f.Codes || !f.Password {
			return ErrConflict
		}
		step, err := s.step(ctx, tx, a.ID, code)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `update totp set confirmed_at = $2, used_step = $3 where account_id = $1`, a.ID, s.now(), step)
		if err != nil {
			return err
		}
		if recovery, err = s.drawRecovery(ctx, tx, a.ID); err != nil {
			return err
		}
		k, err = s.prove(ctx, tx, a, browser)
		return err
	})
	return recovery, k, err
}

// step finds the step of a right code; *InvalidError for a wrong one.
func (s *Store) step(ctx context.Context, tx pgx.Tx, account uuid.UUID, code string) (int64, error) {
	var sealed []byte
	err := tx.QueryRow(ctx, `select secret from totp where account_id = $1`, account).Scan(&sealed)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, ErrConflict
	}
	if err != nil {
		return 0, err
	}
	secret, err := s.unseal(account, sealed)
	if err != nil {
		return 0, err
	}
	step := stepOf(secret, code, s.now())
	if step == 0 {
		return 0, &InvalidError{"code", "wrong"}
	}
	return step, nil
}

// drawRecovery replaces the recovery codes of an account.
func (s *Store) drawRecovery(ctx context.Context, tx pgx.Tx, account uuid.UUID) ([]string, error) {
	if _, err := tx.Exec(ctx, `delete from recovery_code where account_id = $1`, account); err != nil {
		return nil, err
	}
	codes := newRecovery()
	hashes := make([][]byte, len(codes))
	for i, c := range codes {
		hashes[i] = s.secrets.hash(plainRecovery(c))
	}
	_, err := tx.Exec(ctx, `insert into recovery_code (account_id, code_hash) select $1, unnest($2::bytea[])`, account, hashes)
	return codes, err
}

// DrawRecovery gives the actor ten new recovery codes, which nobody can see again; those before are worth nothing. Errors: ErrDenied,
// ErrConflict (codes_off).
func (s *Store) DrawRecovery(ctx context.Context, a Actor) (codes []string, err error) {
	err = s.changing(ctx, a, "draw_recovery", RecoveryDrawn, func(tx pgx.Tx, f Factors) error {
		if !f.Codes {
			return Refuse(ErrConflict, "codes_off")
		}
		codes, err = s.drawRecovery(ctx, tx, a.ID)
		return err
	})
	return codes, err
}

// RemoveCodes ends codes for an account that has a passkey; its recovery codes go with them. Errors: ErrDenied, ErrConflict (last_factor).
func (s *Store) RemoveCodes(ctx context.Context, a Actor) error {
	return s.changing(ctx, a, "codes_off", CodesOff, func(tx pgx.Tx, f Factors) error {
		if len(f.Passkeys) == 0 {
			return Refuse(ErrConflict, "last_factor")
		}
		if _, err := tx.Exec(ctx, `delete from recovery_code where account_id = $1`, a.ID); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `delete from totp where account_id = $1`, a.ID)
		return err
	})
}

// Second takes the code that somebody owes after her password: of her app, or a recovery code. It completes the session. Errors:
// *InvalidError (code), ErrSlow, ErrUnknown.
func (s *Store) Second(ctx context.Context, a Actor, code, browser string) (k Keys, err error) {
	if !a.half {
		return k, ErrUnknown
	}
	known, err := knownBrowser(ctx, s.db, a.ID, browser)
	if err != nil {
		return k, err
	}
	if err := s.take(ctx, codePace, guessed("code", a.ID.String(), known)); err != nil {
		return k, err
	}
	return s.proveByCode(ctx, a, code, browser)
}

func (s *Store) proveByCode(ctx context.Context, a Actor, code, browser string) (k Keys, err error) {
	err = pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		if err := s.useCode(ctx, tx, a.ID, code); err != nil {
			return err
		}
		k, err = s.prove(ctx, tx, a, browser)
		return err
	})
	if err != nil {
		return Keys{}, fmt.Errorf("prove by code: %w", err)
	}
	return k, nil
}

// useCode uses up a code of the account's app, or a recovery code. Of many who bring the same one at once, one is let through.
func (s *Store) useCode(ctx context.Context, tx pgx.Tx, account uuid.UUID, code string) error {
	if typed := plainRecovery(code); len(typed) == 16 {
		return s.useRecovery(ctx, tx, account, typed)
	}
	f, err := factorsOf(ctx, tx, account)
	if err != nil {
		return err
	}
	if !f.Codes {
		return &InvalidError{"code", "wrong"}
	}
	step, err := s.step(ctx, tx, account, code)
	if err != nil {
		return err
	}
	used, err := tx.Exec(ctx, `update totp set used_step = $2 where account_id = $1 and used_step < $2`, account, step)
	if err == nil && used.RowsAffected() == 0 {
		return &InvalidError{"code", "used"}
	}
	return err
}

func (s *Store) useRecovery(ctx context.Context, tx pgx.Tx, account uuid.UUID, code string) error {
	used, err := tx.Exec(ctx, `
		update recovery_code set used_at = $3 where account_id = $1 and code_hash = $2 and used_at is null`, account, s.secrets.hash(code), s.now())
	if err != nil {
		return err
	}
	if used.RowsAffected() == 0 {
		return &InvalidError{"code", "wrong"}
	}
	return s.Tell(ctx, tx, account, RecoveryUsed)
}

// Confirm takes password and code in the middle of a session. Errors: *InvalidError (code, password: one message for both), ErrSlow.
func (s *Store) Confirm(ctx context.Context, a Actor, password, code, browser string) (k Keys, err error) {
	if err := s.take(ctx, codePace, guessed("confirm", a.Session.String(), nil)); err != nil {
		return k, err
	}
	var hash string
	err = s.db.QueryRow(ctx, `select coalesce(password_hash, '') from account where id = $1`, a.ID).Scan(&hash)
	if err != nil {
		return k, fmt.Errorf("confirm: %w", err)
	}
	if len(password) > maxPassword || !s.hasher.matches(password, hash) {
		return k, &InvalidError{"password", "wrong"}
	}
	return s.proveByCode(ctx, a, code, browser)
}
