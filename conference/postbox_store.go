package conference

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/audit"
	"github.com/konsil-server/konsil/expertpool/mail"
)

// Letter is a mail that came in and waits for a person of the coordination.
type Letter struct {
	ID         uuid.UUID
	ReceivedAt time.Time
	Rule       string // why nobody could follow it
	Code       string // of the conference it belongs to; empty: of none that is known
	Name       string // of the expert who was asked; empty: unknown
	From, Text string // as the mail says; empty once the case is sealed
	Adoptable  bool   // saying that the sender is the expert would let it be followed
}

// waitingLetters is whose mail somebody may see. What belongs to no organisation is seen by the coordination of an installation with one
// network only: in others it could be a neighbour's.
const waitingLetters = `
	from message_in m
	left join invitation i on i.id::text = m.thread
	left join conference c on c.id = i.conference_id
	left join account a on a.id = i.account_id
	left join organisation o on o.id = m.organisation_id
	where m.state = 'kept' and (o.network_id = $1 or m.organisation_id is null and (select count(*) = 1 from network))`

// Postbox is the mail that waits for the actor, the oldest first, at most 100. ErrDenied for all but the coordination.
func (s *Store) Postbox(ctx context.Context, by account.Actor) ([]Letter, error) {
	if !by.May(account.Convene) {
		return nil, account.ErrDenied
	}
	rows, err := s.DB.Query(ctx, `
		select m.id, m.received_at, m.rule, coalesce(c.code, ''), coalesce(a.name, ''), coalesce(c.state, '') = 'sealed', m.raw, m.recipient`+waitingLetters+`
		order by m.received_at limit 100`, by.Network)
	if err != nil {
		return nil, fmt.Errorf("correspondence: %w", err)
	}
	return pgx.CollectRows(rows, func(r pgx.CollectableRow) (l Letter, err error) {
		var sealed bool
		var raw []byte
		var recipient string
		err = r.Scan(&l.ID, &l.ReceivedAt, &l.Rule, &l.Code, &l.Name, &sealed, &raw, &recipient)
		if !sealed {
			in := mail.Read(raw, recipient)
			l.From, l.Text = in.From, in.Text
		}
		l.Adoptable = l.Rule == "unknown_sender" && l.From != ""
		return l, err
	})
}

// PostboxCount is how many letters wait.
func (s *Store) PostboxCount(ctx context.Context, by account.Actor) (int, error) {
	if !by.May(account.Convene) {
		return 0, nil
	}
	var n int
	if err := s.DB.QueryRow(ctx, `select count(*)`+waitingLetters, by.Network).Scan(&n); err != nil {
		return 0, fmt.Errorf("correspondence: %w", err)
	}
	return n, nil
}

// SettleLetter says that somebody has seen to a letter. Errors: ErrDenied, ErrNotFound.
func (s *Store) SettleLetter(ctx context.Context, by account.Actor, id uuid.UUID) error {
	return s.withLetter(ctx, by, id, "settle_letter", func(tx pgx.Tx, _ letterRow) error {
		_, err := tx.Exec(ctx, `update message_in set state = 'settled', settled_by = $2, settled_at = $3 where id = $1`, id, by.ID, s.Now())
		return err
	})
}

// AdoptSender says that a letter's sender is the expert who was asked, now and later, and has the letter read again. Errors: ErrDenied,
// ErrNotFound; ErrConflict with address_taken when the address is somebody else's.
func (s *Store) AdoptSender(ctx context.Context, by account.Actor, id uuid.UUID) error {
	return s.withLetter(ctx, by, id, "adopt_sender", func(tx pgx.Tx, l letterRow) error {
		from := mail.Read(l.raw, l.recipient).From
		if l.account == nil || from == "" {
			return account.ErrNotFound
		}
		var taken bool
		err := tx.QueryRow(ctx, `
			select exists (select from account where lower(email) = $1 and id <> $2) or exists (select from mail_alias where email = $1 and account_id <> $2)`,
			from, l.account).Scan(&taken)
		if err != nil {
			return err
		}
		if taken {
			return account.Refuse(account.ErrConflict, "address_taken")
		}
		_, err = tx.Exec(ctx, `
			insert into mail_alias (email, account_id, confirmed_by, confirmed_at) values ($1, $2, $3, $4)
			on conflict (email) do nothing`, from, l.account, by.ID, s.Now())
		if err != nil {
			return err
		}
		return s.Mails.ReadAgain(ctx, tx, id)
	})
}

type letterRow struct {
	raw       []byte
	recipient string
	account   *uuid.UUID
}

func (s *Store) withLetter(ctx context.Context, by account.Actor, id uuid.UUID, did string, do func(pgx.Tx, letterRow) error) error {
	if !by.May(account.Convene) {
		return account.ErrDenied
	}
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		var l letterRow
		err := tx.QueryRow(ctx, `select m.raw, m.recipient, i.account_id`+waitingLetters+` and m.id = $2 for update of m`, by.Network, id).
			Scan(&l.raw, &l.recipient, &l.account)
		if isNone(err) {
			return account.ErrNotFound
		}
		if err != nil {
			return err
		}
		if err := do(tx, l); err != nil {
			return err
		}
		return audit.Record(ctx, tx, by.Entry(s.Now(), did, "mail", id.String()))
	})
	if err != nil {
		return fmt.Errorf("%s: %w", did, err)
	}
	return nil
}

// Delivery is one step of what became of an invitation, as its log tells it.
type Delivery struct {
	At     time.Time
	Did    string // queued, retrying, sent, failed, superseded, delayed, came_back, answered, proposed, refreshed, kept; reminds: the reminder that comes next
	Detail string // of a mail its kind, of a bounce its code, of an answer what it was, of a letter why a person has to look
	By     string // of an answer: web, mail, coordinator
	Code   string // of a mail that could not be handed over: the step and the other side's code
}

// Correspondence is what the coordination hears of the round of a conference: other dates that wait for a decision, the oldest first, and for
// each expert, by account, what was sent and what came back, the oldest first.
type Correspondence struct {
	Proposals  []Proposal
	Deliveries map[uuid.UUID][]Delivery
}

// Correspondence is for the coordination only: ErrDenied, ErrNotFound.
func (s *Store) Correspondence(ctx context.Context, by account.Actor, code string) (p Correspondence, err error) {
	c, err := s.coordinated(ctx, by, code)
	if err != nil {
		return p, fmt.Errorf("correspondence: %w", err)
	}
	if p.Proposals, err = proposals(ctx, s.DB, c.ID); err != nil {
		return p, err
	}
	p.Deliveries, err = deliveries(ctx, s.DB, c.ID)
	return p, err
}

func deliveries(ctx context.Context, q casefile.Querier, conference uuid.UUID) (map[uuid.UUID][]Delivery, error) {
	rows, err := q.Query(ctx, `
		with own as (
			select id, account_id from invitation where conference_id = $1
			union all select f.id, f.account_id from stand_in_offer f join stand_in_race r on r.id = f.race_id where r.conference_id = $1
		)
		select o.account_id, coalesce(m.sent_at, m.tried_at, m.queued_at) as at,
			case when m.state = 'queued' and m.attempts > 0 then 'retrying' else m.state end, m.kind, '', m.last_error
		from message_out m join own o on o.id::text = m.thread
		union all
		select o.account_id, l.received_at, case l.rule when 'bounce' then 'came_back' when 'bounce_delayed' then 'delayed' when 'refresh' then 'refreshed' else 'kept' end,
			case when l.rule in ('bounce', 'bounce_delayed') then l.detail when l.rule = 'refresh' then '' else l.rule end, '', ''
		from message_in l join own o on o.id::text = l.thread
		where l.rule in ('bounce', 'bounce_delayed', 'refresh') or l.state in ('kept', 'settled')
		union all
		select o.account_id, r.at, 'answered', r.answer, r.source, '' from response r join own o on o.id = r.invitation_id
		union all
		select o.account_id, p.made_at, 'proposed', '', p.source, '' from proposal p join own o on o.id = p.invitation_id
		union all
		select i.account_id, i.remind_at, 'reminds', '', '', '' from invitation i join conference c on c.id = i.conference_id
		where c.id = $1 and i.remind_at is not null and`+unanswered+`
		order by 2`, conference)
	if err != nil {
		return nil, fmt.Errorf("deliveries: %w", err)
	}
	found := map[uuid.UUID][]Delivery{}
	var who uuid.UUID
	var d Delivery
	_, err = pgx.ForEachRow(rows, []any{&who, &d.At, &d.Did, &d.Detail, &d.By, &d.Code}, func() error {
		found[who] = append(found[who], d)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("deliveries: %w", err)
	}
	return found, nil
}

// coordinated is a conference of which the actor is the coordination.
func (s *Store) coordinated(ctx context.Context, by account.Actor, code string) (Conference, error) {
	c, err := byCode(ctx, s.DB, code)
	if err != nil {
		return c, err
	}
	seats, err := seatsOf(ctx, s.DB, c.ID)
	if err != nil {
		return c, err
	}
	part, _, err := partOf(by, c, seats)
	if err == nil {
		err = part.may(toPlan)
	}
	return c, err
}
