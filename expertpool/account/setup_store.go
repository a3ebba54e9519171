package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/expertpool/audit"
	"github.com/konsil-server/konsil/expertpool/mail"
)

// resetFor is how long a link for a forgotten password lasts. ASVS 5.0 §6.5.5.
const resetFor = 10 * time.Minute

// A SetUp is what a link for setting up is about.
type SetUp struct {
	Name, Email string
	Forgotten   bool // only the password is to be changed; whatever else the account has stays
	account     uuid.UUID
}

// SetUpBy tells what a link is for, without using it up. ErrUnknown when it leads nowhere.
func (s *Store) SetUpBy(ctx context.Context, token string) (SetUp, error) {
	var u SetUp
	err := s.db.QueryRow(ctx, `
		select a.id, a.name, a.email, l.purpose = $3
		from link l join account a on a.id = l.account_id
		where l.token_hash = $1 and l.purpose in ($2, $3) and l.expires_at > $4 and a.disabled_at is null`,
		hashToken(token), ForSetup, ForReset, s.now()).Scan(&u.account, &u.Name, &u.Email, &u.Forgotten)
	if errors.Is(err, pgx.ErrNoRows) {
		return SetUp{}, ErrUnknown
	}
	if err != nil {
		return SetUp{}, fmt.Errorf("set up: %w", err)
	}
	return u, nil
}

// Redeem uses up a link for setting up: it gives the account a password, ends its sessions, and begins one that owes a factor. A link of
// an administrator may do without a password, for whoever makes a passkey next; it takes away what the account had, which is lost.
// Errors: ErrUnknown, *InvalidError (password), with which the link stays good.
func (s *Store) Redeem(ctx context.Context, token, password, device string) (k Keys, err error) {
	u, err := s.SetUpBy(ctx, token)
	if err != nil {
		return k, err
	}
	hash, err := s.setUpHash(u, password)
	if err != nil {
		return k, err
	}
	err = pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		used, err := tx.Exec(ctx, `delete from link where token_hash = $1 and expires_at > $2`, hashToken(token), s.now())
		if err == nil && used.RowsAffected() == 0 {
			err = ErrUnknown
		}
		if err != nil {
			return err
		}
		if err := s.startOver(ctx, tx, u, hash); err != nil {
			return err
		}
		if k, err = s.begin(ctx, tx, beginning{Account: u.account, Method: BySetup, Factors: 1, Device: device}); err != nil {
			return err
		}
		a, err := actorOf(ctx, tx, u.account)
		if err != nil {
			return err
		}
		return audit.Record(ctx, tx, a.Entry(s.now(), u.did(), "account", a.ID.String()))
	})
	if err != nil {
		return Keys{}, fmt.Errorf("set up: %w", err)
	}
	return k, nil
}

func (u SetUp) did() string {
	if u.Forgotten {
		return "reset_password"
	}
	return "set_up"
}

// setUpHash is the hash of a password that is good enough; nil for none, where that is allowed.
func (s *Store) setUpHash(u SetUp, password string) (*string, error) {
	if password == "" && !u.Forgotten && s.Passkeys() {
		return nil, nil
	}
	if err := checkPassword("password", password, u.Name, u.Email); err != nil {
		return nil, err
	}
	h := s.hasher.hash(password)
	return &h, nil
}

// startOver sets the password and ends whatever was begun with the one before.
func (s *Store) startOver(ctx context.Context, tx pgx.Tx, u SetUp, hash *string) error {
	had, err := factorsOf(ctx, tx, u.account)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `update session set ended_at = $2 where account_id = $1 and ended_at is null`, u.account, s.now())
	if err != nil {
		return err
	}
	gone := []string{"known_browser"}
	if !u.Forgotten {
		gone = append(gone, "passkey", "totp", "recovery_code")
	}
	for _, table := range gone {
		if _, err := tx.Exec(ctx, `delete from `+table+` where account_id = $1`, u.account); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(ctx, `update account set password_hash = $2 where id = $1`, u.account, hash); err != nil {
		return err
	}
	if !had.Password && !had.Second() {
		return nil // nothing was changed, she has come for the first time
	}
	return s.Tell(ctx, tx, u.account, PasswordChanged)
}

// NewSetUp makes a link for setting an account up within tx and returns its token; those before end.
func (s *Store) NewSetUp(ctx context.Context, tx pgx.Tx, account uuid.UUID) (string, error) {
	return s.oneLink(ctx, tx, account, ForSetup, setUpFor)
}

func (s *Store) oneLink(ctx context.Context, tx pgx.Tx, account uuid.UUID, p Purpose, life time.Duration) (string, error) {
	if _, err := tx.Exec(ctx, `delete from link where account_id = $1 and purpose = $2`, account, p); err != nil {
		return "", fmt.Errorf("new link: %w", err)
	}
	return s.NewLink(ctx, tx, account, p, account, s.now().Add(life))
}

// Forgot mails a link for a new password to an address that has an account with one. It says nothing to the caller: neither whether
// there is such an account, nor that it was asked too often.
func (s *Store) Forgot(ctx context.Context, email string) error {
	if s.mails == nil {
		return nil
	}
	if err := s.take(ctx, resetPace, guessed("forgot", address(email), nil)); err != nil {
		if errors.Is(err, ErrSlow) {
			return nil
		}
		return err
	}
	err := pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		var id uuid.UUID
		err := tx.QueryRow(ctx, `
			select id from account
			where lower(email) = $1 and email <> '' and password_hash is not null and disabled_at is null`, address(email)).Scan(&id)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		return s.sendReset(ctx, tx, id)
	})
	if err != nil {
		return fmt.Errorf("forgotten password: %w", err)
	}
	return nil
}

func (s *Store) sendReset(ctx context.Context, tx pgx.Tx, id uuid.UUID) error {
	token, err := s.oneLink(ctx, tx, id, ForReset, resetFor)
	if err != nil {
		return err
	}
	to, err := s.owner(ctx, tx, id)
	if err != nil {
		return err
	}
	l := mail.Letter{
		Lines: []string{
			"Guten Tag " + to.Name + ",", "für Ihren Zugang wurde ein neues Passwort angefordert. Der Link gilt zehn Minuten und nur einmal.",
			"Haben Sie das nicht getan, ist nichts zu tun: Ihr Passwort gilt weiter.",
		},
		Button: "Neues Passwort festlegen", URL: s.url + "/setup/" + token,
		Foot: []string{"Der Link gehört zu Ihnen. Bitte leiten Sie ihn nicht weiter.", "Diese Mail enthält keine Angaben zu einem Fall."},
	}
	_, err = s.mails.Enqueue(ctx, tx, mail.Message{
		Kind: "account", To: to.Address, Subject: "konsil: Neues Passwort", Text: l.Text(), HTML: l.HTML(),
		Thread: id.String(), Organisation: to.organisation,
	})
	return err
}

// StartOver makes a link with which an account is set up anew, for somebody who has lost everything she signs in with. Whoever can call
// this has the machine; the record says so. Errors: ErrUnknown, ErrSeveral.
func (s *Store) StartOver(ctx context.Context, who string) (token string, err error) {
	err = pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		id, organisation, err := named(ctx, tx, who)
		if err != nil {
			return err
		}
		if token, err = s.NewSetUp(ctx, tx, id); err != nil {
			return err
		}
		return audit.Record(ctx, tx, audit.Entry{
			Organisation: organisation, At: s.now(), Role: "operator", Did: "make_setup_link", Kind: "account", To: id.String(),
		})
	})
	if err != nil {
		return "", fmt.Errorf("set-up link: %w", err)
	}
	return token, nil
}
