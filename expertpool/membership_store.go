package expertpool

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/audit"
)

// standings selects a Standing for each expert of the network $1 that is named by a condition over expert e, account a.
const standings = `
	select a.id, a.name, a.email <> '' as address, e.active and a.disabled_at is null as active, e.left_at,
		(select v.valid_until from verification v
			where v.expert_id = a.id and v.revoked_at is null order by v.verified_at desc, v.id limit 1) as verified_until,
		coalesce((select max(g.version) from declaration_signature g where g.expert_id = a.id), 0) as signed,
		(select max(d.version) from declaration d where d.network_id is null or d.network_id = $1) as current,
		e.confirmed_at, e.owner_id, coalesce(w.name, '') as owner_name
	from expert e join account a on a.id = e.account_id left join account w on w.id = e.owner_id `

// Standings tells how experts of the network stand. Those that are not of it are missing.
func Standings(ctx context.Context, q querier, network uuid.UUID, ids []uuid.UUID) (map[uuid.UUID]Standing, error) {
	rows, err := q.Query(ctx, standings+`where e.network_id = $1 and a.id = any($2)`, network, array(ids))
	if err != nil {
		return nil, fmt.Errorf("standings: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Standing])
	if err != nil {
		return nil, fmt.Errorf("standings: %w", err)
	}
	of := make(map[uuid.UUID]Standing, len(found))
	for _, s := range found {
		of[s.ExpertID] = s
	}
	return of, nil
}

// Standings tells how these experts stand, to whoever may see the pool. Those of other networks are missing.
func (s *Store) Standings(ctx context.Context, by account.Actor, ids []uuid.UUID) (map[uuid.UUID]Standing, error) {
	if !by.May(account.SeePool) {
		return nil, account.ErrDenied
	}
	return Standings(ctx, s.db, by.Network, ids)
}

// Invitable returns the experts with these ids, or *account.InvalidError about the field experts when one of them is not of the
// network ("unknown") or cannot be invited now (a rule of Standing.Bar). Every way to an invitation goes through here.
func Invitable(ctx context.Context, tx pgx.Tx, network uuid.UUID, ids []uuid.UUID, now time.Time) ([]Expert, error) {
	// Who is about to leave is gone when the lock is there; who is being invited stays until that is done.
	if _, err := tx.Exec(ctx, `select from expert where account_id = any($1) order by account_id for share`, ids); err != nil {
		return nil, fmt.Errorf("invitable: %w", err)
	}
	of, err := Standings(ctx, tx, network, ids)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		standing, known := of[id]
		rule := "unknown"
		if known {
			rule = standing.Bar(now)
		}
		if rule != "" {
			return nil, &account.InvalidError{Field: "experts", Rule: rule}
		}
	}
	return ByIDs(ctx, tx, network, ids)
}

// noneIsNotFound says of a row that is missing that there is no such thing.
func noneIsNotFound(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return account.ErrNotFound
	}
	return err
}

// Conflicts lists the ties of experts, by expert, within tx.
func Conflicts(ctx context.Context, tx pgx.Tx, ids []uuid.UUID) (map[uuid.UUID][]Tie, error) {
	rows, err := tx.Query(ctx, `
		select expert_id, id, coalesce(organisation_id, '00000000-0000-0000-0000-000000000000'), institution, kind
		from expert_tie where expert_id = any($1) order by stated_at, id`, array(ids))
	if err != nil {
		return nil, fmt.Errorf("conflicts: %w", err)
	}
	of := map[uuid.UUID][]Tie{}
	var expert uuid.UUID
	var t Tie
	_, err = pgx.ForEachRow(rows, []any{&expert, &t.ID, &t.Organisation, &t.Institution, &t.Kind}, func() error {
		of[expert] = append(of[expert], t)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("conflicts: %w", err)
	}
	return of, nil
}

// Membership is everything about somebody's place in the pool.
type Membership struct {
	Standing
	Verifications []Verification // the latest first
	Ties          []Tie
	Signatures    []Signature // the latest first
}

// Membership returns an expert's place in the pool, to herself and to those who keep the pool. ErrNotFound for others.
func (s *Store) Membership(ctx context.Context, by account.Actor, expert uuid.UUID) (Membership, error) {
	var m Membership
	err := pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) (err error) {
		if m.Standing, err = theirs(ctx, tx, by, expert, account.KeepPool); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `
			select v.id, v.checked, v.note, coalesce(a.name, ''), v.verified_at, v.valid_until, v.revoked_at, v.revoked_why
			from verification v left join account a on a.id = v.verified_by
			where v.expert_id = $1 order by v.verified_at desc, v.id`, expert)
		if err != nil {
			return err
		}
		if m.Verifications, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Verification]); err != nil {
			return err
		}
		ties, err := Conflicts(ctx, tx, []uuid.UUID{expert})
		if err != nil {
			return err
		}
		m.Ties = ties[expert]
		m.Signatures, err = signatures(ctx, tx, expert)
		return err
	})
	if err != nil {
		return Membership{}, fmt.Errorf("membership: %w", err)
	}
	return m, nil
}

// theirs returns the standing of an expert, locked, if she is the actor or the actor may do act to the experts of her network.
func theirs(ctx context.Context, tx pgx.Tx, by account.Actor, expert uuid.UUID, act account.Act) (Standing, error) {
	rows, err := tx.Query(ctx, standings+`where e.network_id = $1 and a.id = $2 for update of e`, by.Network, expert)
	if err != nil {
		return Standing{}, err
	}
	st, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[Standing])
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return Standing{}, account.ErrNotFound
	case err != nil:
		return Standing{}, err
	case expert == by.ID && by.May(account.KeepOwnProfile), by.Reach(act) == account.OwnNetwork:
		return st, nil
	}
	return Standing{}, account.ErrNotFound
}

// keep does something to an expert's place, for those who keep the pool, and records it.
func (s *Store) keep(ctx context.Context, by account.Actor, expert uuid.UUID, did, reason string, do func(pgx.Tx, Standing) error) error {
	if !by.May(account.KeepPool) {
		return account.ErrDenied
	}
	return s.deed(ctx, by, expert, did, reason, do)
}

// deed does something to the place of an expert who has not left, and records it. The actor is herself, or keeps the pool.
func (s *Store) deed(ctx context.Context, by account.Actor, expert uuid.UUID, did, reason string, do func(pgx.Tx, Standing) error) error {
	err := pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		st, err := theirs(ctx, tx, by, expert, account.KeepPool)
		if err != nil {
			return err
		}
		if st.LeftAt != nil {
			return account.Refuse(account.ErrConflict, "left_pool")
		}
		if err := do(tx, st); err != nil {
			return err
		}
		return s.record(ctx, tx, by, did, expert, reason)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", did, err)
	}
	return nil
}

func (s *Store) record(ctx context.Context, tx pgx.Tx, by account.Actor, did string, expert uuid.UUID, reason string) error {
	return audit.Record(ctx, tx, audit.Entry{
		Organisation: by.Organisation, At: s.now(), By: by.ID, Role: string(by.Role), Did: did, Kind: "expert", To: expert.String(), Reason: reason,
	})
}

// Verify records what a coordinator has seen of an expert's qualification and until when that holds. Who verifies looks after the
// entry from then on, unless somebody does. Errors: InvalidError, ErrDenied, ErrNotFound, ErrConflict (left_pool).
func (s *Store) Verify(ctx context.Context, by account.Actor, expert uuid.UUID, v Verification) error {
	if err := checkVerification(&v, s.now()); err != nil {
		return err
	}
	return s.keep(ctx, by, expert, "verify_expert", "", func(tx pgx.Tx, _ Standing) error {
		if err := insertVerification(ctx, tx, expert, v, &by.ID, s.now()); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `
			update expert set owner_id = coalesce(owner_id, $2), confirmed_at = $3, confirm_asked_at = null
			where account_id = $1`, expert, by.ID, s.now())
		return err
	})
}

func insertVerification(ctx context.Context, tx pgx.Tx, expert uuid.UUID, v Verification, by *uuid.UUID, at time.Time) error {
	_, err := tx.Exec(ctx, `
		insert into verification (id, expert_id, checked, note, verified_by, verified_at, valid_until)
		values ($1, $2, $3, $4, $5, $6, $7)`, uuid.New(), expert, v.Checked, v.Note, by, at, v.ValidUntil)
	if err != nil {
		return fmt.Errorf("verification: %w", err)
	}
	return nil
}

// Unverify takes every verification back at once, with a reason: from now on she cannot be invited. Conferences that she is invited to
// stay as they are. Errors: InvalidError, ErrDenied, ErrNotFound, ErrConflict (left_pool, not_verified).
func (s *Store) Unverify(ctx context.Context, by account.Actor, expert uuid.UUID, why string) error {
	if err := account.CheckText("why", &why, 300, true); err != nil {
		return err
	}
	return s.keep(ctx, by, expert, "unverify_expert", "", func(tx pgx.Tx, st Standing) error {
		if st.VerifiedUntil == nil {
			return account.Refuse(account.ErrConflict, "not_verified")
		}
		_, err := tx.Exec(ctx, `
			update verification set revoked_at = $2, revoked_by = $3, revoked_why = $4
			where expert_id = $1 and revoked_at is null`, expert, s.now(), by.ID, why)
		return err
	})
}

// LookAfter makes the actor the one who keeps the entry right.
func (s *Store) LookAfter(ctx context.Context, by account.Actor, expert uuid.UUID) error {
	return s.keep(ctx, by, expert, "look_after_expert", "", func(tx pgx.Tx, _ Standing) error {
		_, err := tx.Exec(ctx, `update expert set owner_id = $2 where account_id = $1`, expert, by.ID)
		return err
	})
}

// AddTie puts an institution on an expert's list: herself or a coordinator. Errors: InvalidError, ErrNotFound, ErrConflict
// (left_pool, tie_known).
func (s *Store) AddTie(ctx context.Context, by account.Actor, expert uuid.UUID, t Tie) error {
	if err := t.validate(); err != nil {
		return err
	}
	return s.deed(ctx, by, expert, "add_tie", t.Kind, func(tx pgx.Tx, _ Standing) error {
		if t.Organisation != uuid.Nil {
			err := tx.QueryRow(ctx, `select name from organisation where id = $1 and network_id = $2`, t.Organisation, by.Network).Scan(&t.Institution)
			if errors.Is(err, pgx.ErrNoRows) {
				return &account.InvalidError{Field: "organisation", Rule: "unknown"}
			}
			if err != nil {
				return err
			}
		}
		done, err := tx.Exec(ctx, `
			insert into expert_tie (id, expert_id, organisation_id, institution, kind, stated_by, stated_at)
			select $1, $2, (select id from organisation where id = $3), $4, $5, $6, $7
			where not exists (select from expert_tie where expert_id = $2 and lower(institution) = lower($4) and kind = $5)`,
			uuid.New(), expert, t.Organisation, t.Institution, t.Kind, by.ID, s.now())
		if err == nil && done.RowsAffected() == 0 {
			return account.Refuse(account.ErrConflict, "tie_known")
		}
		return err
	})
}

// DropTie takes an institution off the list.
func (s *Store) DropTie(ctx context.Context, by account.Actor, expert, tie uuid.UUID) error {
	return s.deed(ctx, by, expert, "drop_tie", "", func(tx pgx.Tx, _ Standing) error {
		done, err := tx.Exec(ctx, `delete from expert_tie where id = $1 and expert_id = $2`, tie, expert)
		if err == nil && done.RowsAffected() == 0 {
			return account.ErrNotFound
		}
		return err
	})
}

// watched is how many entries Watch lists at most.
const watched = 200

// Watch lists the members of the actor's network who cannot be invited, will soon not be, or whose entry fades: what is over first.
func (s *Store) Watch(ctx context.Context, by account.Actor) ([]Standing, error) {
	if !by.May(account.KeepPool) {
		return nil, account.ErrDenied
	}
	today := Today(s.now())
	rows, err := s.db.Query(ctx, `
		select * from (`+standings+`where e.network_id = $1 and e.active and a.disabled_at is null) m
		where m.verified_until is null or m.verified_until <= $2 or m.signed < m.current or m.confirmed_at < $3
		order by m.verified_until nulls last, m.confirmed_at, m.id limit $4`,
		by.Network, today.AddDate(0, 0, verificationReminders[0]), s.now().AddDate(0, 0, -fadesAfter), watched)
	if err != nil {
		return nil, fmt.Errorf("watch: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Standing])
}

// Waiting is what waits for somebody in the pool.
type Waiting struct {
	Applications int  // of a coordinator's network
	Sign         bool // an expert has not signed the current declaration
}

// Waiting counts what waits for the actor.
func (s *Store) Waiting(ctx context.Context, by account.Actor) (Waiting, error) {
	var w Waiting
	err := s.db.QueryRow(ctx, `
		select (select count(*) from application p where p.network_id = $1 and p.state = 'confirmed' and $2),
			exists (select from expert e where e.account_id = $3 and e.active and $4
				and coalesce((select max(g.version) from declaration_signature g where g.expert_id = e.account_id), 0) <
					(select max(d.version) from declaration d where d.network_id is null or d.network_id = e.network_id))`,
		by.Network, by.May(account.KeepPool), by.ID, by.May(account.KeepOwnProfile)).Scan(&w.Applications, &w.Sign)
	if err != nil {
		return w, fmt.Errorf("waiting in the pool: %w", err)
	}
	return w, nil
}
