package opinion

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/expertpool/account"
)

// Begin asks for opinions in a conference, or changes the scale of a round in which nobody has answered yet. ErrConflict
// "opinions_begun" when somebody has.
func Begin(ctx context.Context, tx pgx.Tx, conference, organisation uuid.UUID, s Scale, now time.Time) error {
	if len(s.Positions()) == 0 {
		return &account.InvalidError{Field: "scale", Rule: "unknown"}
	}
	if err := unanswered(ctx, tx, conference); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `
		insert into opinion_round (conference_id, organisation_id, scale, begun_at)
		values ($1, $2, $3, $4)
		on conflict (conference_id) do update set scale = excluded.scale`, conference, organisation, s, now)
	if err != nil {
		return fmt.Errorf("begin opinions: %w", err)
	}
	return nil
}

// Abandon asks for no opinions any more, and forgets drafts. ErrConflict "opinions_begun" when somebody has answered.
func Abandon(ctx context.Context, tx pgx.Tx, conference uuid.UUID) error {
	if err := unanswered(ctx, tx, conference); err != nil {
		return err
	}
	var b pgx.Batch
	b.Queue(`delete from opinion where conference_id = $1`, conference)
	b.Queue(`delete from opinion_round where conference_id = $1`, conference)
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return fmt.Errorf("abandon opinions: %w", err)
	}
	return nil
}

func unanswered(ctx context.Context, tx pgx.Tx, conference uuid.UUID) error {
	var begun bool
	err := tx.QueryRow(ctx, `
		select exists (select from opinion where conference_id = $1 and sent_at is not null)
			or exists (select from opinion_round where conference_id = $1 and opened_at is not null)`, conference).Scan(&begun)
	if err != nil {
		return fmt.Errorf("opinions: %w", err)
	}
	if begun {
		return account.Refuse(account.ErrConflict, "opinions_begun")
	}
	return nil
}

// RoundOf returns the round of a conference. ErrNotFound when nobody is asked for opinions there.
func RoundOf(ctx context.Context, q casefile.Querier, conference uuid.UUID) (Round, error) {
	var r Round
	err := q.QueryRow(ctx, `
		select r.scale, r.opened_at, coalesce(a.name, ''), coalesce(r.opened_why, '')
		from opinion_round r left join account a on a.id = r.opened_by
		where r.conference_id = $1`, conference).Scan(&r.Scale, &r.OpenedAt, &r.OpenedBy, &r.Why)
	if errors.Is(err, pgx.ErrNoRows) {
		return r, account.ErrNotFound
	}
	if err != nil {
		return r, fmt.Errorf("round of opinions: %w", err)
	}
	return r, nil
}

// Own is what somebody has written herself: the opinion she has sent, nil before, and the draft, if there is one.
func Own(ctx context.Context, q casefile.Querier, conference, person uuid.UUID) (*Opinion, Draft, error) {
	var id uuid.UUID
	var d Draft
	o := Opinion{AccountID: person}
	err := q.QueryRow(ctx, `
		select id, draft, late from opinion
		where conference_id = $1 and account_id = $2`, conference, person).Scan(&id, &d, &o.Late)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("own opinion: %w", err)
	}
	rows, err := q.Query(ctx, `
		select position, words, reason, missing, confidence, at from opinion_version
		where opinion_id = $1 order by version`, id)
	if err != nil {
		return nil, nil, fmt.Errorf("own opinion: %w", err)
	}
	all, err := pgx.CollectRows(rows, scanVersion)
	if err != nil || len(all) == 0 {
		return nil, d, err
	}
	if err := ownParts(ctx, q, id, all); err != nil {
		return nil, nil, err
	}
	last := all[len(all)-1]
	o.Answer, o.SentAt, o.Version, o.Earlier = last.Answer, last.SentAt, len(all), all[:len(all)-1]
	o.Addenda, err = addendaOf(ctx, q, id)
	return &o, d, err
}

func scanVersion(row pgx.CollectableRow) (v Version, err error) {
	return v, row.Scan(&v.Position, &v.Words, &v.Reason, &v.Missing, &v.Confidence, &v.SentAt)
}

// ownParts adds to the versions of an opinion what they say to part questions.
func ownParts(ctx context.Context, q casefile.Querier, id uuid.UUID, versions []Version) error {
	rows, err := q.Query(ctx, `
		select p.version, q.position, p.position, p.reason from opinion_part p join part_question q on q.id = p.part_id
		where p.opinion_id = $1 order by p.version, q.position`, id)
	if err != nil {
		return fmt.Errorf("own opinion: %w", err)
	}
	var version int
	var a PartAnswer
	_, err = pgx.ForEachRow(rows, []any{&version, &a.Number, &a.Position, &a.Reason}, func() error {
		versions[version-1].Parts = append(versions[version-1].Parts, a)
		return nil
	})
	if err != nil {
		return fmt.Errorf("own opinion: %w", err)
	}
	return nil
}

func addendaOf(ctx context.Context, q casefile.Querier, id uuid.UUID) ([]Addendum, error) {
	rows, err := q.Query(ctx, `select text, at from opinion_addendum where opinion_id = $1 order by id`, id)
	if err != nil {
		return nil, fmt.Errorf("addenda: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Addendum])
}

// Keep keeps a draft for its author; an empty one is forgotten.
func Keep(ctx context.Context, tx pgx.Tx, conference, organisation, person uuid.UUID, d Draft) error {
	if len(d) == 0 {
		d = nil
	}
	_, err := tx.Exec(ctx, `
		insert into opinion (id, conference_id, organisation_id, account_id, draft)
		values ($1, $2, $3, $4, $5)
		on conflict (conference_id, account_id) do update set draft = excluded.draft`, uuid.New(), conference, organisation, person, d)
	if err != nil {
		return fmt.Errorf("keep draft: %w", err)
	}
	return nil
}

// Send keeps an answer that was checked as a new version of the person's opinion, and forgets the draft. Minutes are what it took.
// After the opening it takes only a first one, which is marked as late: ErrConflict "opinions_opened".
func Send(ctx context.Context, tx pgx.Tx, conference, organisation, person uuid.UUID, a Answer, minutes int, now time.Time) error {
	if minutes < 1 || minutes > MostMinutes {
		return &account.InvalidError{Field: "spent", Rule: "range"}
	}
	r, err := RoundOf(ctx, tx, conference)
	if err != nil {
		return err
	}
	before, _, err := Own(ctx, tx, conference, person)
	if err != nil {
		return err
	}
	if r.Open() && before != nil {
		return account.Refuse(account.ErrConflict, "opinions_opened")
	}
	var id uuid.UUID
	err = tx.QueryRow(ctx, `
		insert into opinion as o (id, conference_id, organisation_id, account_id, sent_at, late, spent_minutes)
		values ($1, $2, $3, $4, $5, $6, $7)
		on conflict (conference_id, account_id) do update
		set sent_at = coalesce(o.sent_at, excluded.sent_at), late = excluded.late, spent_minutes = excluded.spent_minutes, draft = null
		returning id`, uuid.New(), conference, organisation, person, now, r.Open(), minutes).Scan(&id)
	if err != nil {
		return fmt.Errorf("send opinion: %w", err)
	}
	version := 1
	if before != nil {
		version = before.Version + 1
	}
	_, err = tx.Exec(ctx, `
		insert into opinion_version (opinion_id, version, position, words, reason, missing, confidence, at)
		values ($1, $2, $3, $4, $5, $6, $7, $8)`, id, version, a.Position, a.Words, a.Reason, a.Missing, a.Confidence, now)
	if err != nil {
		return fmt.Errorf("send opinion: %w", err)
	}
	return sendParts(ctx, tx, conference, id, version, a.Parts)
}

func sendParts(ctx context.Context, tx pgx.Tx, conference, id uuid.UUID, version int, said []PartAnswer) error {
	var b pgx.Batch
	for _, p := range said {
		b.Queue(`
			insert into opinion_part (opinion_id, version, part_id, position, reason)
			select $1, $2, q.id, $5, $6 from part_question q join conference c on c.request_id = q.request_id
			where c.id = $3 and q.position = $4`, id, version, conference, p.Number, p.Position, p.Reason)
	}
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return fmt.Errorf("send opinion: %w", err)
	}
	return nil
}

// Forget forgets what somebody has written who turns out to have a tie, unless the others have read it already.
func Forget(ctx context.Context, tx pgx.Tx, conference, person uuid.UUID) error {
	_, err := tx.Exec(ctx, `
		delete from opinion o using opinion_round r
		where r.conference_id = o.conference_id and r.opened_at is null and o.conference_id = $1 and o.account_id = $2`, conference, person)
	if err != nil {
		return fmt.Errorf("forget opinion: %w", err)
	}
	return nil
}

// Add adds to an opinion after the opening. ErrConflict "opinions_closed" before it, and for who has sent none.
func Add(ctx context.Context, tx pgx.Tx, conference, person uuid.UUID, text string, now time.Time) error {
	done, err := tx.Exec(ctx, `
		insert into opinion_addendum (opinion_id, text, at)
		select o.id, $3, $4 from opinion o join opinion_round r on r.conference_id = o.conference_id
		where o.conference_id = $1 and o.account_id = $2 and o.sent_at is not null and r.opened_at is not null`, conference, person, text, now)
	if err != nil {
		return fmt.Errorf("add to opinion: %w", err)
	}
	if done.RowsAffected() == 0 {
		return account.Refuse(account.ErrConflict, "opinions_closed")
	}
	return nil
}

// Open lets everybody of the conference read all opinions, and forgets drafts. Those of asked who have not answered are noted. by is
// the nil UUID where nobody opens it.
func Open(ctx context.Context, tx pgx.Tx, conference, organisation uuid.UUID, asked []uuid.UUID, by uuid.UUID, why Why, now time.Time) error {
	ids := make([]uuid.UUID, len(asked))
	for i := range ids {
		ids[i] = uuid.New()
	}
	var b pgx.Batch
	b.Queue(`
		update opinion_round set opened_at = $2, opened_by = nullif($3, '00000000-0000-0000-0000-000000000000'::uuid), opened_why = $4
		where conference_id = $1 and opened_at is null`, conference, now, by, why)
	b.Queue(`update opinion set draft = null where conference_id = $1`, conference)
	b.Queue(`
		insert into opinion (id, conference_id, organisation_id, account_id)
		select u.id, $1, $2, u.person from unnest($3::uuid[], $4::uuid[]) u (id, person)
		on conflict do nothing`, conference, organisation, ids, asked)
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return fmt.Errorf("open opinions: %w", err)
	}
	return nil
}

// Answered are those who have sent an opinion: who, and never what.
func Answered(ctx context.Context, q casefile.Querier, conference uuid.UUID) ([]uuid.UUID, error) {
	rows, err := q.Query(ctx, `select account_id from opinion where conference_id = $1 and sent_at is not null order by account_id`, conference)
	if err != nil {
		return nil, fmt.Errorf("answered: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
}

// Silent are the names of those who were asked and had sent nothing when the round was opened.
func Silent(ctx context.Context, q casefile.Querier, conference uuid.UUID) ([]string, error) {
	rows, err := q.Query(ctx, `
		select a.name from opinion o join account a on a.id = o.account_id join opinion_round r on r.conference_id = o.conference_id
		where o.conference_id = $1 and r.opened_at is not null and (o.sent_at is null or o.late)
		order by a.name`, conference)
	if err != nil {
		return nil, fmt.Errorf("silent: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// Opened are the opinions of a conference by name, none before the round is opened.
func Opened(ctx context.Context, q casefile.Querier, conference uuid.UUID) ([]Opinion, error) {
	parts, err := openedParts(ctx, q, conference)
	if err != nil {
		return nil, err
	}
	rows, err := q.Query(ctx, `
		select v.opinion_id, v.stands, v.account_id, a.name, coalesce(s.discipline, ''), v.position, v.words, v.reason, v.missing, v.confidence, v.version, v.at, v.late
		from opinion_open v
		join account a on a.id = v.account_id
		left join seat s on s.conference_id = v.conference_id and s.account_id = v.account_id
		where v.conference_id = $1
		order by a.name, v.account_id, v.version`, conference)
	if err != nil {
		return nil, fmt.Errorf("opinions: %w", err)
	}
	var all []Opinion
	var ids []uuid.UUID
	var id uuid.UUID
	var stands bool
	var o Opinion
	var earlier []Version
	_, err = pgx.ForEachRow(rows, []any{&id, &stands, &o.AccountID, &o.Name, &o.Discipline, &o.Position, &o.Words, &o.Reason, &o.Missing, &o.Confidence,
		&o.Version, &o.SentAt, &o.Late}, func() error {
		o.Parts = parts[versionKey{id, o.Version}]
		if !stands {
			earlier = append(earlier, Version{o.Answer, o.SentAt})
			return nil
		}
		one := o
		one.Earlier, earlier = earlier, nil
		all, ids = append(all, one), append(ids, id)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("opinions: %w", err)
	}
	for i := range all {
		if all[i].Addenda, err = addendaOf(ctx, q, ids[i]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

type versionKey struct {
	opinion uuid.UUID
	version int
}

// openedParts are what open opinions say to part questions.
func openedParts(ctx context.Context, q casefile.Querier, conference uuid.UUID) (map[versionKey][]PartAnswer, error) {
	rows, err := q.Query(ctx, `
		select opinion_id, version, number, position, reason from opinion_part_open
		where conference_id = $1 order by number`, conference)
	if err != nil {
		return nil, fmt.Errorf("opinions: %w", err)
	}
	parts := map[versionKey][]PartAnswer{}
	var of versionKey
	var a PartAnswer
	_, err = pgx.ForEachRow(rows, []any{&of.opinion, &of.version, &a.Number, &a.Position, &a.Reason}, func() error {
		parts[of] = append(parts[of], a)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("opinions: %w", err)
	}
	return parts, nil
}

// Redact takes words out of all texts of the opinions of an open round, earlier versions and addenda too, and says how often a
// text had them. Purging the tables is the caller's.
func Redact(ctx context.Context, tx pgx.Tx, conference uuid.UUID, words, mark string) (texts int64, err error) {
	for _, sql := range []string{`
		update opinion_version v set words = replace(v.words, $2, $3), reason = replace(v.reason, $2, $3), missing = replace(v.missing, $2, $3)
		from opinion_open o
		where o.conference_id = $1 and v.opinion_id = o.opinion_id and v.version = o.version
			and (strpos(v.words, $2) > 0 or strpos(v.reason, $2) > 0 or strpos(v.missing, $2) > 0)`, `
		update opinion_part p set reason = replace(p.reason, $2, $3)
		from opinion_open o
		where o.conference_id = $1 and p.opinion_id = o.opinion_id and p.version = o.version and strpos(p.reason, $2) > 0`, `
		update opinion_addendum d set text = replace(d.text, $2, $3)
		from opinion o
		where o.id = d.opinion_id and o.conference_id = $1 and strpos(d.text, $2) > 0`} {
		done, err := tx.Exec(ctx, sql, conference, words, mark)
		if err != nil {
			return 0, fmt.Errorf("redact opinions: %w", err)
		}
		texts += done.RowsAffected()
	}
	return texts, nil
}
