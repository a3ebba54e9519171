package expertpool

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/audit"
	"github.com/konsil-server/konsil/expertpool/mail"
)

const (
	addressLinkLasts = 48 * time.Hour // to confirm the address of an application
	askedAgainAfter  = 24 * time.Hour // one mail a day to an address, however often somebody applies with it
	setUpLasts       = 24 * time.Hour // to set up an account
	declinedKept     = 30 * 24 * time.Hour
)

// Correspond lets the store write mails whose links begin with url. Without it nothing can be done that mails somebody.
func (s *Store) Correspond(accounts *account.Store, mails *mail.Queue, url string) {
	s.accounts, s.mails, s.url = accounts, mails, url
}

// send queues a letter within tx. Letters of one thread leave one after the other. An address that no relay can carry is an
// *account.InvalidError about the field email.
func (s *Store) send(ctx context.Context, tx pgx.Tx, organisation uuid.UUID, thread string, to mail.Address, l letter) error {
	_, err := s.mails.Enqueue(ctx, tx, mail.Message{
		Thread: thread, Kind: l.kind, Organisation: organisation, To: to, Subject: l.subject, Text: l.Text(), HTML: l.HTML(),
	})
	var bad *mail.InvalidError
	if errors.As(err, &bad) && bad.Field == "To" {
		return &account.InvalidError{Field: "email", Rule: "address"}
	}
	return err
}

// sendIfPossible is send for letters that nobody waits for: what cannot be carried must not hold up the rest.
func (s *Store) sendIfPossible(ctx context.Context, tx pgx.Tx, organisation uuid.UUID, thread string, to mail.Address, l letter) error {
	err := s.send(ctx, tx, organisation, thread, to, l)
	var bad *account.InvalidError
	if errors.As(err, &bad) {
		return nil
	}
	return err
}

// JoinPage is the public page of a network on which people apply.
type JoinPage struct {
	Network uuid.UUID
	Name    string
	Slug    string // last part of its address
	Open    bool
}

// JoinPageOf finds the page with that address. ErrNotFound when there is none, or it is closed.
func (s *Store) JoinPageOf(ctx context.Context, slug string) (JoinPage, error) {
	p, err := s.joinPage(ctx, `join_slug = $1 and join_open`, slug)
	if err != nil {
		return JoinPage{}, fmt.Errorf("join page: %w", err)
	}
	return p, nil
}

// OwnJoinPage is that of the actor's network, open or closed.
func (s *Store) OwnJoinPage(ctx context.Context, by account.Actor) (JoinPage, error) {
	if !by.May(account.KeepPool) {
		return JoinPage{}, account.ErrDenied
	}
	return s.joinPage(ctx, `id = $1`, by.Network)
}

func (s *Store) joinPage(ctx context.Context, where string, arg any) (p JoinPage, err error) {
	err = s.db.QueryRow(ctx, `select id, name, join_slug, join_open from network where `+where, arg).Scan(&p.Network, &p.Name, &p.Slug, &p.Open)
	if errors.Is(err, pgx.ErrNoRows) {
		err = account.ErrNotFound
	}
	return p, err
}

// OpenJoinPage opens or closes the page of the actor's network.
func (s *Store) OpenJoinPage(ctx context.Context, by account.Actor, open bool) error {
	did := map[bool]string{true: "open_join_page", false: "close_join_page"}[open]
	return s.act(ctx, by, account.KeepPool, did, "network", by.Network, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `update network set join_open = $2 where id = $1`, by.Network, open)
		return err
	})
}

// Apply takes an application from the public page. It says the same, and does as much, whether the address has an account or not: one
// mail goes there, which says what there is to know. Nobody sees the application until its address is confirmed. Errors: InvalidError,
// ErrNotFound.
func (s *Store) Apply(ctx context.Context, slug string, a Application) error {
	p, err := s.JoinPageOf(ctx, slug)
	if err != nil {
		return err
	}
	if err := a.validate(); err != nil {
		return err
	}
	err = pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtextextended(lower($1), 25))`, a.Email); err != nil { // twice at once is once
			return err
		}
		var known, asked bool
		var house uuid.UUID
		err := tx.QueryRow(ctx, `
			select exists (select from account where lower(email) = lower($2)),
				exists (select from application where lower(email) = lower($2) and sent_at > $3),
				(select id from organisation where network_id = $1 order by kind <> 'pool', name limit 1)`,
			p.Network, a.Email, s.now().Add(-askedAgainAfter)).Scan(&known, &asked, &house)
		if err != nil || asked {
			return err
		}
		return s.receive(ctx, tx, p, house, a, known)
	})
	if err != nil {
		return fmt.Errorf("apply: %w", err)
	}
	return nil
}

func (s *Store) receive(ctx context.Context, tx pgx.Tx, p JoinPage, house uuid.UUID, a Application, known bool) error {
	token, state, l := rand.Text(), "sent", letter{}
	hash := sha256.Sum256([]byte(token))
	if l = confirmAddress(s.url + "/joining/" + token); known {
		state, l = "known", alreadyKnown(s.url+"/")
	}
	a.ID = uuid.New()
	_, err := tx.Exec(ctx, `
		insert into application (id, network_id, name, email, profession, discipline, workplace, message, token_hash, state, sent_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		a.ID, p.Network, a.Name, a.Email, a.Profession, a.Discipline, a.Workplace, a.Message, hash[:], state, s.now())
	if err != nil {
		return err
	}
	return s.send(ctx, tx, house, a.ID.String(), mail.Address{Email: a.Email}, l)
}

// Applied shows an application to whoever has the link that confirms its address. ErrUnknown when the link leads nowhere any more.
func (s *Store) Applied(ctx context.Context, token string) (Application, error) {
	return s.applied(ctx, s.db, token)
}

func (s *Store) applied(ctx context.Context, q source, token string) (Application, error) {
	hash := sha256.Sum256([]byte(token))
	rows, err := q.Query(ctx, `
		select id, name, email, profession, discipline, workplace, message, sent_at from application
		where token_hash = $1 and state = 'sent' and sent_at > $2`, hash[:], s.now().Add(-addressLinkLasts))
	if err != nil {
		return Application{}, fmt.Errorf("application: %w", err)
	}
	a, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[Application])
	if errors.Is(err, pgx.ErrNoRows) {
		return Application{}, account.ErrUnknown
	}
	return a, err
}

// ConfirmAddress brings an application before the coordination. The link works once.
func (s *Store) ConfirmAddress(ctx context.Context, token string) error {
	err := pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		a, err := s.applied(ctx, tx, token)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `update application set state = 'confirmed', token_hash = null where id = $1 and state = 'sent'`, a.ID)
		return err
	})
	if err != nil {
		return fmt.Errorf("confirm address: %w", err)
	}
	return nil
}

// Applications lists those of the actor's network that wait for a decision, the oldest first.
func (s *Store) Applications(ctx context.Context, by account.Actor) ([]Application, error) {
	if !by.May(account.KeepPool) {
		return nil, account.ErrDenied
	}
	rows, err := s.db.Query(ctx, `
		select id, name, email, profession, discipline, workplace, message, sent_at from application
		where network_id = $1 and state = 'confirmed' order by sent_at, id`, by.Network)
	if err != nil {
		return nil, fmt.Errorf("applications: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Application])
}

// Admit takes an applicant into the pool: an account in an organisation of the network, a place in the directory, and a mail with the
// link to set it up. She can be invited once she is verified and has signed. Errors: InvalidError (organisation), ErrDenied,
// ErrNotFound, ErrConflict (application_decided, address_taken).
func (s *Store) Admit(ctx context.Context, by account.Actor, application, organisation uuid.UUID) (uuid.UUID, error) {
	var id uuid.UUID
	err := s.decide(ctx, by, application, "accepted", func(tx pgx.Tx, a Application) (err error) {
		id, err = s.enrol(ctx, tx, by, organisation, a)
		if errors.Is(err, account.ErrTaken) {
			return account.Refuse(account.ErrConflict, "address_taken")
		}
		return err
	})
	return id, err
}

// Decline turns an applicant down, with a mail that gives no reason. Errors: ErrDenied, ErrNotFound, ErrConflict (application_decided).
func (s *Store) Decline(ctx context.Context, by account.Actor, application uuid.UUID) error {
	return s.decide(ctx, by, application, "declined", func(tx pgx.Tx, a Application) error {
		return s.sendIfPossible(ctx, tx, by.Organisation, a.ID.String(), mail.Address{Name: a.Name, Email: a.Email}, notAdmitted())
	})
}

func (s *Store) decide(ctx context.Context, by account.Actor, id uuid.UUID, state string, do func(pgx.Tx, Application) error) error {
	if !by.May(account.KeepPool) {
		return account.ErrDenied
	}
	err := pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		var a Application
		var was string
		err := tx.QueryRow(ctx, `
			select id, name, email, profession, discipline, workplace, message, sent_at, state from application
			where id = $1 and network_id = $2 and state in ('confirmed', 'accepted', 'declined') for update`, id, by.Network).
			Scan(&a.ID, &a.Name, &a.Email, &a.Profession, &a.Discipline, &a.Workplace, &a.Message, &a.SentAt, &was)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			return account.ErrNotFound
		case err != nil:
			return err
		case was != "confirmed":
			return account.Refuse(account.ErrConflict, "application_decided")
		}
		if err := do(tx, a); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `update application set state = $2, decided_at = $3, decided_by = $4 where id = $1`, id, state, s.now(), by.ID)
		if err != nil {
			return err
		}
		return audit.Record(ctx, tx, by.Entry(s.now(), state+"_application", "application", id.String()))
	})
	if err != nil {
		return fmt.Errorf("%s application: %w", state, err)
	}
	return nil
}

// InviteToPool asks somebody into the pool without an application. Errors: InvalidError (email: taken), ErrDenied.
func (s *Store) InviteToPool(ctx context.Context, by account.Actor, organisation uuid.UUID, a Application) (uuid.UUID, error) {
	if !by.May(account.KeepPool) {
		return uuid.Nil, account.ErrDenied
	}
	if err := a.validate(); err != nil {
		return uuid.Nil, err
	}
	var id uuid.UUID
	err := pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) (err error) {
		id, err = s.enrol(ctx, tx, by, organisation, a)
		if errors.Is(err, account.ErrTaken) {
			return &account.InvalidError{Field: "email", Rule: "taken"}
		}
		if err != nil {
			return err
		}
		return s.record(ctx, tx, by, "invite_to_pool", id, "")
	})
	if err != nil {
		return uuid.Nil, fmt.Errorf("invite to pool: %w", err)
	}
	return id, nil
}

// enrol makes the account and the entry, unverified, and sends the link to set it up.
func (s *Store) enrol(ctx context.Context, tx pgx.Tx, by account.Actor, organisation uuid.UUID, a Application) (uuid.UUID, error) {
	var there bool
	err := tx.QueryRow(ctx, `select exists (select from organisation where id = $1 and network_id = $2)`, organisation, by.Network).Scan(&there)
	if err == nil && !there {
		err = &account.InvalidError{Field: "organisation", Rule: "required"}
	}
	if err != nil {
		return uuid.Nil, err
	}
	id, err := s.accounts.AddIn(ctx, tx, account.New{Organisation: organisation, Role: account.Expert, Name: a.Name, Email: a.Email})
	if err != nil {
		return uuid.Nil, err
	}
	_, err = tx.Exec(ctx, `
		insert into expert (account_id, network_id, organisation_id, discipline, profession, owner_id, confirmed_at)
		values ($1, $2, $3, $4, $5, $6, $7)`, id, by.Network, organisation, a.Discipline, a.Profession, by.ID, s.now())
	if err != nil {
		return uuid.Nil, err
	}
	return id, s.sendSetUp(ctx, tx, id, organisation, mail.Address{Name: a.Name, Email: a.Email})
}

func (s *Store) sendSetUp(ctx context.Context, tx pgx.Tx, expert, organisation uuid.UUID, to mail.Address) error {
	until := s.now().Add(setUpLasts)
	token, err := s.accounts.NewLink(ctx, tx, expert, forSetUp, expert, until)
	if err != nil {
		return err
	}
	return s.send(ctx, tx, organisation, expert.String(), to, welcome(s.url+"/setup/"+token, until))
}

// forSetUp is the purpose of the link with which somebody sets up her account.
const forSetUp account.Purpose = "setup"

// SendSetUp sends an expert who has not signed yet a new link to set up her account. ErrConflict (set_up) once she has.
func (s *Store) SendSetUp(ctx context.Context, by account.Actor, expert uuid.UUID) error {
	return s.keep(ctx, by, expert, "send_set_up", "", func(tx pgx.Tx, st Standing) error {
		if st.Signed > 0 || !st.Address {
			return account.Refuse(account.ErrConflict, "set_up")
		}
		var to mail.Address
		var organisation uuid.UUID
		err := tx.QueryRow(ctx, `select name, email, organisation_id from account where id = $1`, expert).Scan(&to.Name, &to.Email, &organisation)
		if err != nil {
			return err
		}
		return s.sendSetUp(ctx, tx, expert, organisation, to)
	})
}
