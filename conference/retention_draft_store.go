package conference

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/audit"
	"github.com/konsil-server/konsil/expertpool/mail"
)

// Days before the end of a draft on which its author is told, and by which one click puts the end off.
const (
	draftNotice = 7
	draftLonger = 30
)

// draftEnds is the last day of the version x of a summary, by the term t.
const draftEnds = `greatest(x.written_at::date + t.days, x.kept_until)`

// isWork says that the version x is what somebody works on, rather than one that was written over.
const isWork = `x.released_at is null and x.state in ('draft', 'checked') and not exists (
	select from case_summary later where later.case_id = x.case_id and later.version > x.version)`

// sweepDrafts deletes versions that nobody released: those that were written over as soon as their time is over, the one that somebody
// works on not before its author has had notice, unless the organisation's own term is shorter than that.
func (s *Store) sweepDrafts(ctx context.Context) error {
	if err := s.remindOfDrafts(ctx); err != nil {
		return err
	}
	return s.sweepOf(ctx, "draft", `
		delete from case_summary x using term t
		where t.organisation_id = x.organisation_id and x.released_at is null and `+draftEnds+` < $2 and `+notHeld+`
			and (not (`+isWork+`) or x.reminded_at::date + least(t.days, `+fmt.Sprint(draftNotice)+`) <= $2)
		returning x.organisation_id`)
}

// remindOfDrafts tells the authors of drafts that end within a week, once for each end.
func (s *Store) remindOfDrafts(ctx context.Context) error {
	return pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			with `+termOf("draft")+`, soon as (
				update case_summary x set reminded_at = $3 from term t, case_file c
				where t.organisation_id = x.organisation_id and c.id = x.case_id and c.state = 'open' and x.reminded_at is null and `+isWork+`
					and `+draftEnds+` - `+fmt.Sprint(draftNotice)+` <= $2 and `+notHeld+`
				returning x.case_id, x.version, x.organisation_id, greatest(`+draftEnds+`, $2) as ends, x.author_id, c.caseworker_id
			)
			select s.case_id, s.version, s.organisation_id, s.ends, a.name, a.email from soon s
			join account a on a.id = case when (select w.disabled_at is null from account w where w.id = s.author_id) then s.author_id else s.caseworker_id end
			order by s.case_id`, ownTerms(), expertpool.Today(s.Now()), s.Now())
		if err != nil {
			return fmt.Errorf("remind of drafts: %w", err)
		}
		type ending struct {
			Case         uuid.UUID
			Version      int
			Organisation uuid.UUID
			Ends         time.Time
			Name, Email  string
		}
		all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[ending])
		if err != nil {
			return fmt.Errorf("remind of drafts: %w", err)
		}
		for _, e := range all {
			if e.Email == "" {
				continue
			}
			m := draftGoes(mail.Address{Name: e.Name, Email: e.Email}, e.Ends, s.URL+"/cases/"+e.Case.String()+"/retention")
			m.Organisation, m.Thread = e.Organisation, fmt.Sprintf("%s-draft-%d", e.Case, e.Version)
			if _, err := s.Mails.Enqueue(ctx, tx, m); err != nil {
				return fmt.Errorf("remind of drafts: %w", err)
			}
			err := audit.Record(ctx, tx, audit.Entry{
				Organisation: e.Organisation, At: s.Now(), Role: "server", Did: "remind_draft", Kind: "summary", To: fmt.Sprint(e.Version), Case: e.Case,
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func draftGoes(to mail.Address, on time.Time, url string) mail.Message {
	l := mail.Letter{
		Lines: []string{
			"Guten Tag " + to.Name + ",",
			"in konsil liegt ein Entwurf von Ihnen, der noch nicht freigegeben ist. Er wird nach dem " + on.Format("02.01.2006") + " gelöscht.",
			fmt.Sprintf("Arbeiten Sie noch daran? Dann behalten Sie ihn mit einem Klick weitere %d Tage. Sonst ist nichts zu tun.", draftLonger),
		},
		Button: "Entwurf behalten", URL: url,
		Foot: []string{noContent},
	}
	return mail.Message{Kind: "draft", To: to, Subject: "Ein Entwurf wird bald gelöscht", Text: l.Text(), HTML: l.HTML()}
}

// DraftEnd is when the version of a summary on which somebody works will be deleted.
type DraftEnd struct {
	Version int
	On      time.Time // its last day
	Soon    bool      // it may be kept longer
}

// DraftOf is the draft of a case of the caseworker's organisation, nil when there is none. Errors: ErrDenied, ErrNotFound.
func (s *Store) DraftOf(ctx context.Context, by account.Actor, caseID uuid.UUID) (*DraftEnd, error) {
	if _, err := s.Cases.ByID(ctx, by, caseID); err != nil {
		return nil, fmt.Errorf("draft: %w", err)
	}
	d, err := s.draftEnd(ctx, s.DB, caseID)
	if err != nil {
		return nil, fmt.Errorf("draft: %w", err)
	}
	return d, nil
}

func (s *Store) draftEnd(ctx context.Context, q casefile.Querier, caseID uuid.UUID) (*DraftEnd, error) {
	d := DraftEnd{}
	err := q.QueryRow(ctx, `
		with `+termOf("draft")+`
		select x.version, `+draftEnds+` from case_summary x join term t on t.organisation_id = x.organisation_id
		where x.case_id = $2 and `+isWork, ownTerms(), caseID).Scan(&d.Version, &d.On)
	if isNone(err) {
		return nil, nil
	}
	d.Soon = !d.On.AddDate(0, 0, -draftNotice).After(expertpool.Today(s.Now()))
	return &d, err
}

// KeepDraft puts the end of a draft off by thirty days, from a week before it on; the next end is told again. Errors: ErrDenied,
// ErrNotFound, ErrConflict (no_draft, draft_stays).
func (s *Store) KeepDraft(ctx context.Context, by account.Actor, caseID uuid.UUID) error {
	return s.ofCase(ctx, by, caseID, "keep_draft", "", func(tx pgx.Tx) error {
		d, err := s.draftEnd(ctx, tx, caseID)
		switch {
		case err != nil:
			return err
		case d == nil:
			return account.Refuse(account.ErrConflict, "no_draft")
		case !d.Soon:
			return account.Refuse(account.ErrConflict, "draft_stays")
		}
		from := d.On
		if today := expertpool.Today(s.Now()); from.Before(today) {
			from = today
		}
		_, err = tx.Exec(ctx, `
			update case_summary set kept_until = $3, reminded_at = null where case_id = $1 and version = $2`, caseID, d.Version, from.AddDate(0, 0, draftLonger))
		return err
	})
}
