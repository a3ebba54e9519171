package account

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/konsil-server/konsil/expertpool/audit"
)

// setUpFor is how long the link lasts with which a new account is set up.
const setUpFor = 24 * time.Hour

// managed selects accounts, those within reach first: $1 is the network, $2 the organisation or null, $3 now, $4 when a
// session must have been used to stand, by the longest of lives.
const managed = `
	select a.id, a.name, a.email, a.role, o.id as organisation, o.name as organisation_name, a.created_at as made_at,
		(select max(seen_at) from session s where s.account_id = a.id) as seen_at, a.disabled_at,
		(select count(*) from session s where s.account_id = a.id and s.factors = 2 and s.ended_at is null and s.expires_at > $3 and s.seen_at > $4)::int as sessions
	from account a join organisation o on o.id = a.organisation_id
	where o.network_id = $1 and ($2::uuid is null or o.id = $2)`

// reached are the first arguments of managed.
func (s *Store) reached(by Actor) []any {
	of := uuid.NullUUID{UUID: by.Organisation, Valid: by.Reach(ManagePeople) != OwnNetwork}
	return []any{by.Network, of, s.now(), s.now().Add(-lives[Caseworker].idle)}
}

// MostPeople is how many People returns at most: who looks after more looks for a part of a name.
const MostPeople = 200

// People lists the accounts that the actor looks after, by organisation and name, disabled ones last: those whose name, address or
// organisation has part in it. ErrDenied for who looks after none.
func (s *Store) People(ctx context.Context, by Actor, part string) ([]Managed, error) {
	if !by.May(ManagePeople) {
		return nil, ErrDenied
	}
	rows, err := s.db.Query(ctx, managed+`
			and strpos(lower(concat_ws(' ', a.name, a.email, o.name)), lower($5)) > 0
		order by a.disabled_at is not null, o.name collate "de-x-icu", a.name collate "de-x-icu", a.id
		limit $6`, append(s.reached(by), strings.TrimSpace(part), MostPeople)...)
	if err != nil {
		return nil, fmt.Errorf("people: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByName[Managed])
}

// Person returns one of People, and whether the actor may change it. Errors: ErrDenied, ErrNotFound.
func (s *Store) Person(ctx context.Context, by Actor, id uuid.UUID) (m Managed, tends bool, err error) {
	err = pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		m, err = s.person(ctx, tx, by, id)
		return err
	})
	return m, by.tends(m), err
}

func (s *Store) person(ctx context.Context, tx pgx.Tx, by Actor, id uuid.UUID) (Managed, error) {
	if !by.May(ManagePeople) {
		return Managed{}, ErrDenied
	}
	rows, err := tx.Query(ctx, managed+` and a.id = $5`, append(s.reached(by), id)...)
	if err != nil {
		return Managed{}, fmt.Errorf("person: %w", err)
	}
	m, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Managed])
	if errors.Is(err, pgx.ErrNoRows) {
		return Managed{}, ErrNotFound
	}
	return m, err
}

// Invite makes an account that its owner sets up by a link in a mail. Errors: *InvalidError, ErrDenied, ErrNotFound for a foreign
// organisation.
func (s *Store) Invite(ctx context.Context, by Actor, n New) (id uuid.UUID, err error) {
	if !by.May(ManagePeople) {
		return uuid.Nil, ErrDenied
	}
	if !slices.Contains(by.Grants(), n.Role) {
		return uuid.Nil, &InvalidError{"role", "unknown"}
	}
	n.Password, n.Rehearsal = "", false
	err = pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		if err := lockNetwork(ctx, tx, by); err != nil {
			return err
		}
		if err := s.reaches(ctx, tx, by, n.Organisation); err != nil {
			return err
		}
		if id, err = s.AddIn(ctx, tx, n); errors.Is(err, ErrTaken) {
			return &InvalidError{"email", "taken"}
		} else if err != nil {
			return err
		}
		if err := s.sendSetUp(ctx, tx, id); err != nil {
			return err
		}
		return s.recordFor(ctx, tx, by, n.Organisation, "add_account", id, string(n.Role))
	})
	if err != nil {
		return uuid.Nil, fmt.Errorf("invite: %w", err)
	}
	return id, nil
}

// reaches says whether the actor looks after the people of an organisation: ErrNotFound if not.
func (s *Store) reaches(ctx context.Context, tx pgx.Tx, by Actor, organisation uuid.UUID) error {
	if by.Reach(ManagePeople) == OwnOrganisation && organisation != by.Organisation {
		return ErrNotFound
	}
	var there bool
	err := tx.QueryRow(ctx, `select exists (select from organisation where id = $1 and network_id = $2)`, organisation, by.Network).Scan(&there)
	if err == nil && !there {
		return ErrNotFound
	}
	return err
}

// sendSetUp mails the owner of an account the link with which she says how she signs in. Older ones end.
func (s *Store) sendSetUp(ctx context.Context, tx pgx.Tx, id uuid.UUID) error {
	token, err := s.NewSetUp(ctx, tx, id)
	if err != nil {
		return err
	}
	to, err := s.owner(ctx, tx, id)
	if err != nil {
		return err
	}
	return s.tell(ctx, tx, to, Created, s.url+"/setup/"+token)
}

// SendSetUp mails an account that is open the link for setting it up once more: the first one has expired, or nothing that she
// could sign in with is left. Errors: ErrDenied, ErrNotFound, ErrConflict (account_disabled).
func (s *Store) SendSetUp(ctx context.Context, by Actor, id uuid.UUID) error {
	return s.change(ctx, by, id, "send_setup", func(tx pgx.Tx, m Managed) (string, error) {
		if m.DisabledAt != nil {
			return "", Refuse(ErrConflict, "account_disabled")
		}
		return "", s.sendSetUp(ctx, tx, id)
	})
}

// SetRole gives an account another role and ends its sessions, so that nothing of the old one is left: live rooms let it go
// within two seconds. Errors: *InvalidError (role), ErrDenied, ErrNotFound, ErrConflict (last_admin, expert_role).
func (s *Store) SetRole(ctx context.Context, by Actor, id uuid.UUID, role Role) error {
	if by.May(ManagePeople) && !slices.Contains(by.Grants(), role) {
		return &InvalidError{"role", "unknown"}
	}
	return s.change(ctx, by, id, "set_role", func(tx pgx.Tx, m Managed) (string, error) {
		switch {
		case m.Role == role:
			return "", errUnchanged
		case m.Role == Expert:
			return "", Refuse(ErrConflict, "expert_role")
		}
		if err := othersAdminister(ctx, tx, by, m); err != nil {
			return "", err
		}
		if _, err := tx.Exec(ctx, `update account set role = $2 where id = $1`, id, role); err != nil {
			return "", err
		}
		if _, err := s.endSessions(ctx, tx, id); err != nil {
			return "", err
		}
		return string(m.Role) + " to " + string(role), s.Tell(ctx, tx, id, RoleChanged)
	})
}

// Correct changes the name under which others see somebody, and the address where her mails go and by which she signs in. A change
// of the address is told to both, and links that went to the old one end. Errors: *InvalidError (name, email), ErrDenied, ErrNotFound.
func (s *Store) Correct(ctx context.Context, by Actor, id uuid.UUID, name, email string) error {
	email = strings.TrimSpace(email)
	if err := FirstError(CheckText("name", &name, 200, true), checkAddress(email)); err != nil {
		return err
	}
	return s.change(ctx, by, id, "correct_account", func(tx pgx.Tx, m Managed) (string, error) {
		var what []string
		if m.Name != name {
			what = append(what, "name")
			if err := s.rename(ctx, tx, id, name); err != nil {
				return "", err
			}
		}
		if m.Email != email {
			what = append(what, "address")
			if err := s.move(ctx, tx, id, email); err != nil {
				return "", err
			}
		}
		if len(what) == 0 {
			return "", errUnchanged
		}
		return strings.Join(what, ", "), nil
	})
}

func (s *Store) rename(ctx context.Context, tx pgx.Tx, id uuid.UUID, name string) error {
	if _, err := tx.Exec(ctx, `update account set name = $2 where id = $1`, id, name); err != nil {
		return err
	}
	return s.Tell(ctx, tx, id, NameChanged)
}

// move gives an account another address.
func (s *Store) move(ctx context.Context, tx pgx.Tx, id uuid.UUID, email string) error {
	if err := s.Tell(ctx, tx, id, AddressChanged); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `update account set email = $2 where id = $1`, id, email)
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.ConstraintName == "account_email" {
		return &InvalidError{"email", "taken"}
	}
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `delete from link where account_id = $1 and purpose in ('setup', 'reset')`, id); err != nil {
		return err
	}
	return s.Tell(ctx, tx, id, AddressChanged)
}

// Lock disables an account: see Disable. Errors: ErrDenied, ErrNotFound, ErrConflict (last_admin).
func (s *Store) Lock(ctx context.Context, by Actor, id uuid.UUID) error {
	return s.change(ctx, by, id, "disable_account", func(tx pgx.Tx, m Managed) (string, error) {
		if err := othersAdminister(ctx, tx, by, m); err != nil {
			return "", err
		}
		done, err := s.DisableIn(ctx, tx, id)
		if err == nil && !done {
			err = errUnchanged
		}
		return "", err
	})
}

// Unlock opens a disabled account again. What it signed in with before works as before. Errors: ErrDenied, ErrNotFound.
func (s *Store) Unlock(ctx context.Context, by Actor, id uuid.UUID) error {
	return s.change(ctx, by, id, "enable_account", func(tx pgx.Tx, m Managed) (string, error) {
		if m.DisabledAt == nil {
			return "", errUnchanged
		}
		if _, err := tx.Exec(ctx, `update account set disabled_at = null where id = $1`, id); err != nil {
			return "", err
		}
		return "", s.Tell(ctx, tx, id, Enabled)
	})
}

// EndSessions signs somebody out everywhere. Errors: ErrDenied, ErrNotFound.
func (s *Store) EndSessions(ctx context.Context, by Actor, id uuid.UUID) error {
	return s.change(ctx, by, id, "end_sessions", func(tx pgx.Tx, m Managed) (string, error) {
		ended, err := s.endSessions(ctx, tx, id)
		if err == nil && ended == 0 {
			err = errUnchanged
		}
		if err != nil {
			return "", err
		}
		return "", s.Tell(ctx, tx, id, SessionsEnded)
	})
}

func (s *Store) endSessions(ctx context.Context, tx pgx.Tx, id uuid.UUID) (int64, error) {
	tag, err := tx.Exec(ctx, `update session set ended_at = $2 where account_id = $1 and ended_at is null`, id, s.now())
	return tag.RowsAffected(), err
}

// errUnchanged ends a change that would change nothing: nobody is told, nothing is recorded.
var errUnchanged = errors.New("nothing to change")

// change does something to an account that the actor looks after, while nobody else changes accounts of the network, and
// records it with what do says about it.
func (s *Store) change(ctx context.Context, by Actor, id uuid.UUID, did string, do func(pgx.Tx, Managed) (string, error)) error {
	err := pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		if err := lockNetwork(ctx, tx, by); err != nil {
			return err
		}
		m, err := s.person(ctx, tx, by, id)
		if err != nil {
			return err
		}
		if !by.tends(m) {
			return ErrDenied
		}
		what, err := do(tx, m)
		if err != nil {
			return err
		}
		return s.recordFor(ctx, tx, by, m.Organisation, did, id, what)
	})
	if err != nil && !errors.Is(err, errUnchanged) {
		return fmt.Errorf("%s: %w", did, err)
	}
	return nil
}

// lockNetwork lets one change of accounts in a network wait for the other, so that two administrators cannot remove each other. That the
// actor is still what she was when she came is asked behind the lock: the other may have been quicker.
func lockNetwork(ctx context.Context, tx pgx.Tx, by Actor) error {
	if _, err := tx.Exec(ctx, `select from network where id = $1 for update`, by.Network); err != nil {
		return err
	}
	now, err := actorOf(ctx, tx, by.ID)
	if errors.Is(err, ErrUnknown) || err == nil && now.Role != by.Role {
		return ErrDenied
	}
	return err
}

// othersAdminister refuses to take away the last who can look after the accounts: of a network, and of an organisation whose network
// has nobody for that.
func othersAdminister(ctx context.Context, tx pgx.Tx, by Actor, m Managed) error {
	if m.DisabledAt != nil || m.Role != Admin && m.Role != NetworkAdmin {
		return nil
	}
	var there bool
	err := tx.QueryRow(ctx, `
		select exists (
			select from account a join organisation o on o.id = a.organisation_id
			where o.network_id = $1 and a.id <> $2 and a.disabled_at is null
				and (a.role = 'network_admin' or a.role = 'admin' and $3 = 'admin' and a.organisation_id = $4))`,
		by.Network, m.ID, m.Role, m.Organisation).Scan(&there)
	if err == nil && !there {
		return Refuse(ErrConflict, "last_admin")
	}
	return err
}

// recordFor records a change of an account in the chain of its organisation.
func (s *Store) recordFor(ctx context.Context, tx pgx.Tx, by Actor, organisation uuid.UUID, did string, id uuid.UUID, what string) error {
	return audit.Record(ctx, tx, audit.Entry{
		Organisation: organisation, At: s.now(), By: by.ID, Role: string(by.Role), Did: did, Kind: "account", To: id.String(), Reason: what,
	})
}
