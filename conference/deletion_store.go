package conference

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/audit"
)

// Sweep deletes what is due, one case in a transaction of its own, and returns how many cases that were. What it has deleted is in
// the protocol, which names nobody. It stops at the first error; what is done stays done.
func (s *Store) Sweep(ctx context.Context) (cases int, err error) {
	for _, small := range []func(context.Context) error{s.sweepRooms, s.sweepMails, s.sweepAnswers, s.sweepDrafts, s.sweepPlans,
		s.sweepTopics, s.sweepConsents, s.sweepAudit} {
		if err := small(ctx); err != nil {
			return 0, fmt.Errorf("sweep: %w", err)
		}
	}
	today := expertpool.Today(s.Now())
	rows, err := s.DB.Query(ctx, dueCases+` and h.until is null order by f.due_on`, today, ownTerms(), nil, today)
	if err != nil {
		return 0, fmt.Errorf("sweep: %w", err)
	}
	type dueCase struct {
		id, organisation uuid.UUID
		class            string
	}
	due, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (d dueCase, err error) {
		return d, row.Scan(&d.id, &d.organisation, nil, &d.class, nil, nil)
	})
	if err != nil {
		return 0, fmt.Errorf("sweep: %w", err)
	}
	for _, d := range due {
		if err := s.deleteCase(ctx, d.id, d.organisation, d.class); err != nil {
			return cases, fmt.Errorf("sweep: %w", err)
		}
		cases++
	}
	return cases, nil
}

// deleteCase deletes everything of a case but the proof of its consent. The tombstone is written before: a deletion that a crash
// has cut off is done at the next start.
func (s *Store) deleteCase(ctx context.Context, id, organisation uuid.UUID, class string) error {
	if err := s.bury(id); err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		var alias string
		err := tx.QueryRow(ctx, `select pseudonym from case_file where id = $1 and deleted_at is null for update`, id).Scan(&alias)
		if isNone(err) {
			return nil // somebody else was quicker
		}
		if err != nil {
			return err
		}
		if err := s.deleteRows(ctx, tx, id); err != nil {
			return err
		}
		server := account.Actor{Organisation: organisation, Role: "server"}
		err = s.Vault.Erase(ctx, tx, server, id, "retention")
		if err != nil && !errors.Is(err, account.ErrClosed) && !errors.Is(err, account.ErrNotFound) {
			return err
		}
		if err := s.noteDeletion(ctx, tx, organisation, class, 1); err != nil {
			return err
		}
		return audit.Record(ctx, tx, audit.Entry{
			Organisation: organisation, At: s.Now(), Role: "server", Did: "delete_case", Kind: "case", To: alias, Case: id, Reason: class,
		})
	})
}

func (s *Store) deleteRows(ctx context.Context, tx pgx.Tx, id uuid.UUID) error {
	var b pgx.Batch
	b.Queue(`delete from link where subject_id in (
		select id from invitation where conference_id in (select id from conference where case_id = $1)
		union all select f.id from stand_in_offer f join stand_in_race r on r.id = f.race_id where r.conference_id in (select id from conference where case_id = $1)
		union all select id from measure where case_id = $1)`, id)
	b.Queue(`delete from message_out where conference in (
		select code from conference where case_id = $1 union all select code from conference_request where case_id = $1) or thread like $1::text || '-draft-%'`, id)
	for _, t := range ofCase() {
		b.Queue(`delete from `+t.table+` where `+t.rows, id)
	}
	b.Queue(`update case_deletion set done_at = $2 where case_id = $1`, id, s.Now())
	b.Queue(`
		update case_file set state = 'sealed', sealed_at = coalesce(sealed_at, $2), deleted_at = $2, left_on = null, contact_id = null
		where id = $1`, id, s.Now())
	return tx.SendBatch(ctx, &b).Close()
}

func (s *Store) noteDeletion(ctx context.Context, tx pgx.Tx, organisation uuid.UUID, class string, n int64) error {
	_, err := tx.Exec(ctx, `
		insert into deletion (id, organisation_id, class, counted, at) values ($1, $2, $3, $4, $5)`, uuid.New(), organisation, class, n, s.Now())
	return err
}

// termOf is the table term, how many days each organisation keeps data of a class; $1 are the program's own terms.
func termOf(class string) string {
	return `term as (
		select o.id as organisation_id, coalesce(r.days, ($1::jsonb->>'` + class + `')::int) as days
		from organisation o left join retention r on r.organisation_id = o.id and r.class = '` + class + `'
	)`
}

// sweepOf deletes rows of one class and writes the protocol. sql returns the organisation of each row it has deleted; $1 are the
// program's own terms, $2 is today.
func (s *Store) sweepOf(ctx context.Context, class, sql string) error {
	return pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			with `+termOf(class)+`, gone as (`+sql+`)
			select organisation_id, count(*) from gone group by 1`, ownTerms(), expertpool.Today(s.Now()))
		if err != nil {
			return fmt.Errorf("%s: %w", class, err)
		}
		counted := map[uuid.UUID]int64{}
		var organisation uuid.UUID
		var n int64
		if _, err := pgx.ForEachRow(rows, []any{&organisation, &n}, func() error { counted[organisation] = n; return nil }); err != nil {
			return fmt.Errorf("%s: %w", class, err)
		}
		return s.noteDeletions(ctx, tx, class, counted)
	})
}

// noteDeletions writes the protocol for each organisation.
func (s *Store) noteDeletions(ctx context.Context, tx pgx.Tx, class string, counted map[uuid.UUID]int64) error {
	for organisation, n := range counted {
		if err := s.noteDeletion(ctx, tx, organisation, class, n); err != nil {
			return err
		}
	}
	return nil
}

// notHeld keeps rows of a case that is on hold.
const notHeld = `not exists (select from legal_hold h where h.case_id = x.case_id and h.lifted_at is null and h.until >= $2)`

func (s *Store) sweepRooms(ctx context.Context) error {
	return s.sweepOf(ctx, "room", `
		delete from room_deed d using conference x, term t
		where x.id = d.conference_id and t.organisation_id = x.organisation_id and x.state in ('approved', 'closed', 'sealed')
			and coalesce(x.ended_at, x.ends_at)::date + t.days < $2 and `+notHeld+`
		returning x.organisation_id`)
}

func (s *Store) sweepMails(ctx context.Context) error {
	return s.sweepOf(ctx, "mail", `
		delete from message_out m using term t
		where t.organisation_id = m.organisation_id and m.state in ('sent', 'superseded') and coalesce(m.sent_at, m.queued_at)::date + t.days < $2
		returning m.organisation_id`)
}

// sweepAnswers deletes mail that came in, whatever became of it. What belongs to no organisation has the program's own term.
func (s *Store) sweepAnswers(ctx context.Context) error {
	err := s.sweepOf(ctx, "mail", `
		delete from message_in m using term t
		where t.organisation_id = m.organisation_id and m.received_at::date + t.days < $2
		returning m.organisation_id`)
	if err != nil {
		return err
	}
	_, err = s.DB.Exec(ctx, `
		delete from message_in where organisation_id is null and received_at::date + ($1::jsonb->>'mail')::int < $2`, ownTerms(), expertpool.Today(s.Now()))
	if err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	return nil
}

// sweepPlans deletes measures with what became of them, and the minutes of their conferences.
func (s *Store) sweepPlans(ctx context.Context) error {
	return pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			with `+termOf("plan")+`
			select x.id, x.organisation_id from conference x join term t on t.organisation_id = x.organisation_id
			where x.state in ('approved', 'closed', 'sealed') and `+notHeld+` and exists (select from minutes i where i.conference_id = x.id)
				and greatest(coalesce(x.ended_at, x.ends_at)::date, (select max(due_on) from measure m where m.conference_id = x.id)) + t.days < $2
			order by x.id for update of x`, ownTerms(), expertpool.Today(s.Now()))
		if err != nil {
			return fmt.Errorf("plan: %w", err)
		}
		var over []uuid.UUID
		counted := map[uuid.UUID]int64{}
		var id, organisation uuid.UUID
		_, err = pgx.ForEachRow(rows, []any{&id, &organisation}, func() error {
			over = append(over, id)
			counted[organisation]++
			return nil
		})
		if err != nil {
			return fmt.Errorf("plan: %w", err)
		}
		var b pgx.Batch
		b.Queue(`delete from link where subject_id in (select id from measure where conference_id = any($1))`, over)
		b.Queue(`delete from measure_event where measure_id in (select id from measure where conference_id = any($1))`, over)
		b.Queue(`delete from measure where conference_id = any($1)`, over)
		b.Queue(`delete from minutes where conference_id = any($1)`, over)
		b.Queue(`update plan_pass set body = null where conference_id = any($1)`, over)
		if err := tx.SendBatch(ctx, &b).Close(); err != nil {
			return fmt.Errorf("plan: %w", err)
		}
		return s.noteDeletions(ctx, tx, "plan", counted)
	})
}

// sweepConsents deletes the last of a case: that somebody had agreed.
func (s *Store) sweepConsents(ctx context.Context) error {
	return s.sweepOf(ctx, "consent", `
		delete from consent k using case_file c, term t
		where c.id = k.case_id and t.organisation_id = c.organisation_id and c.deleted_at is not null
			and least(k.withdrawn_at::date, k.valid_until) + t.days < $2
		returning c.organisation_id`)
}

// bury appends a case to the file of tombstones, which no backup of the database brings back.
func (s *Store) bury(id uuid.UUID) error {
	if s.Tombstones == "" {
		return nil
	}
	f, err := os.OpenFile(s.Tombstones, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("tombstone: %w", err)
	}
	_, err = fmt.Fprintf(f, "%s %s\n", id, s.Now().UTC().Format(time.DateOnly))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("tombstone: %w", err)
	}
	return nil
}

// readTombstone reads a line of bury's.
func readTombstone(line string) (id uuid.UUID, on time.Time, whole bool) {
	word, date, _ := strings.Cut(line, " ")
	id, broken := uuid.Parse(word)
	on, cut := time.Parse(time.DateOnly, date)
	return id, on, broken == nil && cut == nil
}

// Reapply deletes again what the file of tombstones says is gone and the database has: after a backup was restored. It returns
// how many cases that were. A hold that came back with the backup does not keep a case: it had ended when the case was deleted. One
// that was set after that day does, as long as it stands: somebody needs what was restored.
func (s *Store) Reapply(ctx context.Context) (cases int, err error) {
	f, err := os.Open(s.Tombstones)
	if s.Tombstones == "" || errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("reapply: %w", err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		id, on, whole := readTombstone(lines.Text())
		if !whole {
			continue // a line that a crash has cut off: its case is deleted when it is due
		}
		var organisation uuid.UUID
		err = s.DB.QueryRow(ctx, `
			select organisation_id from case_file c
			where id = $1 and deleted_at is null and not exists (
				select from legal_hold h where h.case_id = c.id and h.lifted_at is null and h.until >= $3 and `+dayOf("h.set_at")+` > $2)`,
			id, on, expertpool.Today(s.Now())).Scan(&organisation)
		if isNone(err) {
			continue
		}
		if err == nil {
			err = s.deleteCase(ctx, id, organisation, "restored")
		}
		if err != nil {
			return cases, fmt.Errorf("reapply: %w", err)
		}
		cases++
	}
	return cases, nil
}
