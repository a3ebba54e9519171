package casefile

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/expertpool/account"
)

// secondPerson is what makes an account b one that can release a case c: a caseworker of its organisation who can sign in.
const secondPerson = `b.organisation_id = c.organisation_id and b.role = 'caseworker' and b.disabled_at is null`

// Write adds a version of the summary as a draft. What is released stays until the draft is. Errors: InvalidError,
// ErrNotFound, ErrClosed when sealed.
func (s *Store) Write(ctx context.Context, by account.Actor, id uuid.UUID, text Summary) error {
	return s.change(ctx, by, id, "write_summary", "", func(tx pgx.Tx, c Case) error {
		t, err := templateFor(ctx, tx, by, text.TemplateID)
		if err != nil {
			return err
		}
		if err := text.validate(t); err != nil {
			return err
		}
		_, err = s.insertSummary(ctx, tx, by, id, text)
		return err
	})
}

// Check says that the actor, the author or somebody else, has looked at everything that the name guard found in the newest
// version. Where it is sure to have found somebody, or fewer than three clients share what the text tells, that needs a reason, which
// is kept for the one who releases: InvalidError "names" or "rare" of the field reason. ErrConflict when that version is not a draft any more.
func (s *Store) Check(ctx context.Context, by account.Actor, id uuid.UUID, version int, reason string) error {
	if err := account.CheckText("reason", &reason, 300, false); err != nil {
		return err
	}
	return s.change(ctx, by, id, "check_summary", reason, func(tx pgx.Tx, c Case) error {
		if err := s.held(ctx, tx, by, c, "", reason); err != nil {
			return err
		}
		return s.step(ctx, tx, id, version, Draft, `state = 'checked', checked_by = $4, checked_at = $5, check_reason = $6`, by.ID, s.now(), reason)
	})
}

// Releasing is what the one who releases a version says.
type Releasing struct {
	Version int
	Reason  string // why sure findings of the name guard may stay, where nobody has said so yet
	Single  string // why nobody else could release it, where the author does
}

// Release makes the newest version, once it is checked, the one that the circle may read; the one before is replaced. Whoever
// releases it did not write it. Errors: InvalidError (reason: names or rare, single: required), ErrConflict with no_draft, unchecked,
// second_person or no_second_person.
//
// The name guard runs once more: it may know more than when the version was checked.
func (s *Store) Release(ctx context.Context, by account.Actor, id uuid.UUID, r Releasing) error {
	err := account.FirstError(account.CheckText("reason", &r.Reason, 300, false), account.CheckText("single", &r.Single, 300, false))
	if err != nil {
		return err
	}
	recorded := r.Reason
	if r.Single != "" {
		recorded = r.Single + "\n" + r.Reason
	}
	return s.change(ctx, by, id, "release_summary", recorded, func(tx pgx.Tx, c Case) error {
		if err := s.mayRelease(ctx, tx, by, c, r); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `update case_summary set state = 'replaced' where case_id = $1 and state = 'released'`, id); err != nil {
			return err
		}
		return s.step(ctx, tx, id, r.Version, Checked, `state = 'released', released_by = $4, released_at = $5, single_reason = $6`, by.ID, s.now(), r.Single)
	})
}

// mayRelease holds a release to four eyes and to what the name guard finds now.
func (s *Store) mayRelease(ctx context.Context, tx pgx.Tx, by account.Actor, c Case, r Releasing) error {
	full, err := s.caseIn(ctx, tx, by, c.ID)
	if err != nil {
		return err
	}
	if full.Latest.Number != r.Version || full.Latest.State != Checked && full.Latest.State != Draft {
		return account.Refuse(account.ErrConflict, "no_draft")
	}
	if full.Latest.State == Draft {
		return account.Refuse(account.ErrConflict, "unchecked")
	}
	if err := fourEyes(full.Latest.AuthorID, by.ID, full.Alone, full.Single, r.Single); err != nil {
		return err
	}
	text, err := summaryOf(ctx, tx, c.ID, false)
	if err != nil {
		return err
	}
	return s.held(ctx, tx, by, c, text.CheckReason, r.Reason)
}

// step takes the newest version from one state to the next, or says that it is not in it any more. The parameters of set begin
// at $4.
func (s *Store) step(ctx context.Context, tx pgx.Tx, id uuid.UUID, version int, from State, set string, args ...any) error {
	tag, err := tx.Exec(ctx, `
		update case_summary set `+set+`
		where case_id = $1 and version = $2 and state = $3
			and version = (select max(version) from case_summary where case_id = $1)`, append([]any{id, version, from}, args...)...)
	if err == nil && tag.RowsAffected() == 0 {
		return account.Refuse(account.ErrConflict, "no_draft")
	}
	return err
}

// Released returns the summary that the circle may read, after Open. ErrNotFound when none is released.
func (s *Store) Released(ctx context.Context, q Querier, id uuid.UUID, by account.Actor) (Summary, error) {
	if err := s.Open(ctx, q, id, by, Conference); err != nil {
		return Summary{}, err
	}
	text, err := summaryOf(ctx, q, id, true)
	if err == nil && text == nil {
		return Summary{}, account.ErrNotFound
	}
	if err != nil {
		return Summary{}, err
	}
	return *text, nil
}

func (s *Store) insertSummary(ctx context.Context, tx pgx.Tx, by account.Actor, id uuid.UUID, t Summary) (int, error) {
	var version int
	// What was never released gives way: only released text has readers who could miss it.
	_, err := tx.Exec(ctx, `update case_summary set state = 'replaced' where case_id = $1 and state in ('draft', 'checked')`, id)
	if err != nil {
		return 0, err
	}
	err = tx.QueryRow(ctx, `
		insert into case_summary (case_id, version, organisation_id, state, situation, resources, tried, goals, limits, author_id, written_at, template_id)
		select $1, coalesce(max(version), 0) + 1, $2, 'draft', $3, $4, $5, $6, $7, $8, $9, nullif($10, '00000000-0000-0000-0000-000000000000'::uuid)
		from case_summary where case_id = $1
		returning version`, id, by.Organisation, t.Situation, t.Resources, t.Tried, t.Goals, t.Limits, by.ID, s.now(), t.TemplateID).Scan(&version)
	return version, err
}

// summaryOf returns the released summary, or the newest of all; nil when there is none.
func summaryOf(ctx context.Context, q Querier, id uuid.UUID, released bool) (*Summary, error) {
	var t Summary
	var template *uuid.UUID
	err := q.QueryRow(ctx, `
		select s.version, s.state, s.situation, s.resources, s.tried, s.goals, s.limits, a.name, s.written_at, s.released_at,
			coalesce(c.name, ''), s.checked_at, s.check_reason, s.template_id, coalesce(t.name, ''), t.fields
		from case_summary s
		join account a on a.id = s.author_id
		left join account c on c.id = s.checked_by
		left join summary_template t on t.id = s.template_id
		where s.case_id = $1 and s.state <> 'sealed' and (s.state = 'released' or not $2)
		order by s.version desc limit 1`, id, released).
		Scan(&t.Version, &t.State, &t.Situation, &t.Resources, &t.Tried, &t.Goals, &t.Limits, &t.AuthorName, &t.WrittenAt, &t.ReleasedAt,
			&t.CheckedBy, &t.CheckedAt, &t.CheckReason, &template, &t.Template.Name, &t.Template.Fields)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("summary: %w", err)
	}
	if template != nil {
		t.TemplateID, t.Template.ID = *template, *template
	}
	return &t, nil
}
