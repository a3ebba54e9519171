package account

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// ChallengeLife is how long somebody may take to use her device.
const ChallengeLife = 5 * time.Minute

// maxPasskeys of one account.
const maxPasskeys = 20

// A Challenge is what a browser is to sign.
type Challenge struct {
	Options []byte // JSON for navigator.credentials
	Cookie  string // binds it to this browser; kept for five minutes
}

// holder is the owner of passkeys as the library asks for her. The handle is the account's random id: it says nothing about her.
type holder struct {
	id          uuid.UUID
	name, email string
	passkeys    []webauthn.Credential
}

func (h holder) WebAuthnID() []byte                         { return h.id[:] }
func (h holder) WebAuthnName() string                       { return h.email }
func (h holder) WebAuthnDisplayName() string                { return h.name }
func (h holder) WebAuthnCredentials() []webauthn.Credential { return h.passkeys }

// MakePasskey begins a passkey for the actor. Errors: ErrDenied (not_fresh), ErrConflict (no_passkeys here; too_many).
func (s *Store) MakePasskey(ctx context.Context, a Actor) (c Challenge, err error) {
	if !s.Passkeys() {
		return c, Refuse(ErrConflict, "no_passkeys")
	}
	err = pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		h, err := holderOf(ctx, tx, a.ID)
		if err != nil {
			return err
		}
		if len(h.passkeys) >= maxPasskeys {
			return Refuse(ErrConflict, "too_many_passkeys")
		}
		f, err := factorsOf(ctx, tx, a.ID)
		if err != nil {
			return err
		}
		if !s.mayChange(a, f) {
			return Refuse(ErrDenied, "not_fresh")
		}
		options, session, err := s.secrets.relying.BeginRegistration(h, webauthn.WithExclusions(webauthn.Credentials(h.passkeys).CredentialDescriptors()))
		if err != nil {
			return err
		}
		c, err = s.challenge(ctx, tx, uuid.NullUUID{UUID: a.ID, Valid: true}, options, session)
		return err
	})
	if err != nil {
		return Challenge{}, fmt.Errorf("make passkey: %w", err)
	}
	return c, nil
}

// AskPasskey begins a sign-in by passkey, or a confirmation: whoever answers says by it who she is. ErrConflict (no_passkeys).
func (s *Store) AskPasskey(ctx context.Context) (c Challenge, err error) {
	if !s.Passkeys() {
		return c, Refuse(ErrConflict, "no_passkeys")
	}
	options, session, err := s.secrets.relying.BeginDiscoverableLogin()
	if err != nil {
		return c, fmt.Errorf("ask for passkey: %w", err)
	}
	err = pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		c, err = s.challenge(ctx, tx, uuid.NullUUID{}, options, session)
		return err
	})
	if err != nil {
		return Challenge{}, fmt.Errorf("ask for passkey: %w", err)
	}
	return c, nil
}

func (s *Store) challenge(ctx context.Context, tx pgx.Tx, account uuid.NullUUID, options any, session *webauthn.SessionData) (c Challenge, err error) {
	if c.Options, err = json.Marshal(options); err != nil {
		return c, err
	}
	kept, err := json.Marshal(session)
	if err != nil {
		return c, err
	}
	if _, err := tx.Exec(ctx, `delete from passkey_challenge where expires_at < $1`, s.now()); err != nil {
		return c, err
	}
	var hash []byte
	c.Cookie, hash = newToken()
	_, err = tx.Exec(ctx, `
		insert into passkey_challenge (browser_hash, account_id, session, expires_at) values ($1, $2, $3, $4)`,
		hash, account, kept, s.now().Add(ChallengeLife))
	return c, err
}

// challenged takes the challenge of a browser, once. ErrWrong when there is none for this account.
func (s *Store) challenged(ctx context.Context, cookie string, account uuid.NullUUID) (session webauthn.SessionData, err error) {
	var kept []byte
	err = s.db.QueryRow(ctx, `
		delete from passkey_challenge
		where browser_hash = $1 and account_id is not distinct from $2 and expires_at > $3
		returning session`, hashToken(cookie), account, s.now()).Scan(&kept)
	if errors.Is(err, pgx.ErrNoRows) {
		return session, ErrWrong
	}
	if err != nil {
		return session, fmt.Errorf("passkey challenge: %w", err)
	}
	return session, json.Unmarshal(kept, &session)
}

// KeepPasskey takes what the actor's device has made, which counts as two factors shown: it completes the session and gives it a new
// token. Errors: ErrWrong, ErrDenied, ErrConflict.
func (s *Store) KeepPasskey(ctx context.Context, a Actor, cookie, browser, device string, answer []byte) (k Keys, err error) {
	session, err := s.challenged(ctx, cookie, uuid.NullUUID{UUID: a.ID, Valid: true})
	if err != nil {
		return k, err
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return k, fmt.Errorf("keep passkey: %w", ErrWrong)
	}
	err = s.changing(ctx, a, "add_passkey", PasskeyAdded, func(tx pgx.Tx, f Factors) error {
		if len(f.Passkeys) >= maxPasskeys { // several may have been begun before the last one was kept
			return Refuse(ErrConflict, "too_many_passkeys")
		}
		h, err := holderOf(ctx, tx, a.ID)
		if err != nil {
			return err
		}
		made, err := s.secrets.relying.CreateCredential(h, session, parsed)
		if err != nil {
			return ErrWrong // what exactly was wrong is nobody's business who made it up
		}
		if err := s.insertPasskey(ctx, tx, a.ID, device, made); err != nil {
			return err
		}
		k, err = s.prove(ctx, tx, a, browser)
		return err
	})
	return k, err
}

func (s *Store) insertPasskey(ctx context.Context, tx pgx.Tx, account uuid.UUID, device string, made *webauthn.Credential) error {
	kept, err := json.Marshal(made)
	if err != nil {
		return err
	}
	added, err := tx.Exec(ctx, `
		insert into passkey (id, account_id, credential_id, credential, name, made_at, used_at) values ($1, $2, $3, $4, left($5, 200), $6, $6)
		on conflict (credential_id) do nothing`, uuid.New(), account, made.ID, kept, device, s.now())
	if err == nil && added.RowsAffected() == 0 {
		return Refuse(ErrConflict, "passkey_known")
	}
	return err
}

// SignInByPasskey takes what a device has signed: the person has shown that she has it and that it is she. Errors: ErrWrong.
func (s *Store) SignInByPasskey(ctx context.Context, cookie string, t Attempt, answer []byte) (k Keys, err error) {
	err = s.byPasskey(ctx, cookie, answer, func(tx pgx.Tx, account uuid.UUID) error {
		k, err = s.begin(ctx, tx, beginning{account, ByPasskey, 2, t.Browser, t.Device})
		if errors.Is(err, ErrUnknown) {
			return ErrWrong // disabled
		}
		return err
	})
	return k, err
}

// ConfirmByPasskey is the same in a session: it completes one that owes a factor, and makes another fresh. Errors: ErrWrong, also for
// somebody else's passkey.
func (s *Store) ConfirmByPasskey(ctx context.Context, a Actor, cookie, browser string, answer []byte) (k Keys, err error) {
	err = s.byPasskey(ctx, cookie, answer, func(tx pgx.Tx, account uuid.UUID) error {
		if account != a.ID {
			return ErrWrong
		}
		k, err = s.prove(ctx, tx, a, browser)
		return err
	})
	return k, err
}

// byPasskey checks an answer and runs do for the account whose passkey it is, in the transaction that notes its use.
func (s *Store) byPasskey(ctx context.Context, cookie string, answer []byte, do func(pgx.Tx, uuid.UUID) error) error {
	session, err := s.challenged(ctx, cookie, uuid.NullUUID{})
	if err != nil {
		return err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return ErrWrong
	}
	err = pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		account, err := s.check(ctx, tx, session, parsed)
		if err != nil {
			return err
		}
		return do(tx, account)
	})
	if err != nil {
		return fmt.Errorf("passkey: %w", err)
	}
	return nil
}

// check says whose passkey has signed. One whose counter has gone back may have been copied, and opens nothing. WebAuthn §6.1.1.
func (s *Store) check(ctx context.Context, tx pgx.Tx, session webauthn.SessionData, parsed *protocol.ParsedCredentialAssertionData) (account uuid.UUID, err error) {
	err = tx.QueryRow(ctx, `select account_id from passkey where credential_id = $1 for update`, parsed.RawID).Scan(&account)
	if errors.Is(err, pgx.ErrNoRows) {
		return account, ErrWrong
	}
	if err != nil {
		return account, err
	}
	h, err := holderOf(ctx, tx, account)
	if err != nil {
		return account, err
	}
	_, used, err := s.secrets.relying.ValidatePasskeyLogin(func(_, handle []byte) (webauthn.User, error) {
		if !bytes.Equal(handle, account[:]) {
			return nil, ErrWrong
		}
		return h, nil
	}, session, parsed)
	if err != nil || used.Authenticator.CloneWarning {
		return account, ErrWrong
	}
	kept, err := json.Marshal(used)
	if err != nil {
		return account, err
	}
	_, err = tx.Exec(ctx, `update passkey set credential = $2, used_at = $3 where credential_id = $1`, used.ID, kept, s.now())
	return account, err
}

// RemovePasskey takes a passkey of the actor's out of use. Errors: ErrNotFound, ErrDenied, ErrConflict (last_factor).
func (s *Store) RemovePasskey(ctx context.Context, a Actor, id uuid.UUID) error {
	return s.changing(ctx, a, "remove_passkey", PasskeyRemoved, func(tx pgx.Tx, f Factors) error {
		gone, err := tx.Exec(ctx, `delete from passkey where id = $1 and account_id = $2`, id, a.ID)
		switch {
		case err != nil:
			return err
		case gone.RowsAffected() == 0:
			return ErrNotFound
		}
		if f.Passkeys = f.Passkeys[1:]; !f.Enough() {
			return Refuse(ErrConflict, "last_factor")
		}
		return nil
	})
}

func holderOf(ctx context.Context, tx pgx.Tx, account uuid.UUID) (h holder, err error) {
	h.id = account
	err = tx.QueryRow(ctx, `select name, email from account where id = $1`, account).Scan(&h.name, &h.email)
	if err != nil {
		return h, err
	}
	rows, err := tx.Query(ctx, `select credential from passkey where account_id = $1`, account)
	if err != nil {
		return h, err
	}
	h.passkeys, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (c webauthn.Credential, err error) {
		var kept []byte
		if err := row.Scan(&kept); err != nil {
			return c, err
		}
		return c, json.Unmarshal(kept, &c)
	})
	return h, err
}
