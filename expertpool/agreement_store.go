package expertpool

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/expertpool/account"
)

const agreements = `
	select g.id, coalesce(g.organisation_id, '00000000-0000-0000-0000-000000000000'), g.partner, g.signed_on, g.valid_until, g.contact, g.contact_email,
		g.contact_phone, g.contingent, g.reference, coalesce(g.owner_id, '00000000-0000-0000-0000-000000000000'), coalesce(w.name, ''), g.confirmed_at, g.ended_at
	from agreement g left join account w on w.id = g.owner_id
	where g.network_id = $1 `

// Agreements lists those of the actor's network: what ends first stands first, what has ended last. Whoever may see the pool may look.
func (s *Store) Agreements(ctx context.Context, by account.Actor) ([]Agreement, error) {
	if !by.May(account.SeePool) {
		return nil, account.ErrDenied
	}
	rows, err := s.db.Query(ctx, agreements+`order by g.ended_at is not null or g.valid_until < $2, g.valid_until, g.partner, g.id`, by.Network, Today(s.now()))
	if err != nil {
		return nil, fmt.Errorf("agreements: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Agreement])
}

// Agreement returns one of the actor's network. ErrNotFound.
func (s *Store) Agreement(ctx context.Context, by account.Actor, id uuid.UUID) (Agreement, error) {
	if !by.May(account.SeePool) {
		return Agreement{}, account.ErrDenied
	}
	rows, err := s.db.Query(ctx, agreements+`and g.id = $2`, by.Network, id)
	if err != nil {
		return Agreement{}, fmt.Errorf("agreement: %w", err)
	}
	a, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[Agreement])
	if err != nil {
		return Agreement{}, fmt.Errorf("agreement: %w", noneIsNotFound(err))
	}
	return a, nil
}

// KeepAgreement makes an agreement (without an id), or changes one: a later end prolongs it, and its reminders begin anew. The actor looks
// after it from then on. A partner with the name of an organisation of the network is that organisation. Errors: InvalidError,
// ErrDenied, ErrNotFound, ErrConflict (agreement_ended).
func (s *Store) KeepAgreement(ctx context.Context, by account.Actor, a Agreement) (uuid.UUID, error) {
	if err := a.validate(s.now()); err != nil {
		return uuid.Nil, err
	}
	fresh := a.ID == uuid.Nil
	did := "change_agreement"
	if fresh {
		a.ID, did = uuid.New(), "make_agreement"
	}
	err := s.act(ctx, by, account.KeepAgreements, did, "agreement", a.ID, func(tx pgx.Tx) error {
		if !fresh {
			if err := s.standingAgreement(ctx, tx, by, a.ID); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, `
			insert into agreement as g (id, network_id, organisation_id, partner, signed_on, valid_until, contact, contact_email, contact_phone, contingent,
				reference, owner_id, confirmed_at, changed_at)
			values ($1, $2, (select id from organisation where network_id = $2 and lower(name) = lower($3) order by id limit 1), $3, $4, $5, $6, $7, $8, $9, $10,
				$11, $12, $12)
			on conflict (id) do update set organisation_id = excluded.organisation_id, partner = excluded.partner, signed_on = excluded.signed_on,
				reminded = case when excluded.valid_until > g.valid_until then 0 else g.reminded end,
				valid_until = excluded.valid_until, contact = excluded.contact, contact_email = excluded.contact_email, contact_phone = excluded.contact_phone,
				contingent = excluded.contingent, reference = excluded.reference, owner_id = excluded.owner_id, confirmed_at = excluded.confirmed_at,
				changed_at = excluded.changed_at`,
			a.ID, by.Network, a.Partner, a.SignedOn, a.ValidUntil, a.Contact, a.ContactEmail, a.ContactPhone, a.Contingent, a.Reference, by.ID, s.now())
		return err
	})
	if err != nil {
		return uuid.Nil, err
	}
	return a.ID, nil
}

// ConfirmAgreement says that what stands there is still right.
func (s *Store) ConfirmAgreement(ctx context.Context, by account.Actor, id uuid.UUID) error {
	return s.act(ctx, by, account.KeepAgreements, "confirm_agreement", "agreement", id, func(tx pgx.Tx) error {
		if err := s.standingAgreement(ctx, tx, by, id); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `update agreement set confirmed_at = $2 where id = $1`, id, s.now())
		return err
	})
}

// EndAgreement calls an agreement off before its time. Errors: ErrDenied, ErrNotFound, ErrConflict (agreement_ended).
func (s *Store) EndAgreement(ctx context.Context, by account.Actor, id uuid.UUID) error {
	return s.act(ctx, by, account.KeepAgreements, "end_agreement", "agreement", id, func(tx pgx.Tx) error {
		if err := s.standingAgreement(ctx, tx, by, id); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `update agreement set ended_at = $2 where id = $1`, id, s.now())
		return err
	})
}

// standingAgreement locks an agreement that was not called off.
func (s *Store) standingAgreement(ctx context.Context, tx pgx.Tx, by account.Actor, id uuid.UUID) error {
	var ended bool
	err := tx.QueryRow(ctx, `select ended_at is not null from agreement where id = $1 and network_id = $2 for update`, id, by.Network).Scan(&ended)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return account.ErrNotFound
	case err == nil && ended:
		return account.Refuse(account.ErrConflict, "agreement_ended")
	}
	return err
}
