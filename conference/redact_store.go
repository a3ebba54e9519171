package conference

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/conference/opinion"
	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/realtime/ydoc"
)

// Redact removes a passage from the note of a live conference, for everybody who may write in it. Units are its characters, as
// "client:clock:length client:clock:length …" in reading order; the note must still hold exactly them, side by side.
//
// When it returns, the log of the note has been written anew from what can be read in it, without the passage and without
// anything that was deleted before: the same text by the same authors, to the minute, under new client ids. Rows, states and
// texts from before are gone from the tables; [Store.Purge] takes their bytes from the disk. Whoever has the note open must
// open it again: what he would append is refused with ErrFenced.
//
// Errors: InvalidError (section, units), ErrNotFound, ErrDenied, ErrConflict (not_live, not_accepted, passage_changed),
// ErrClosed.
func (s *Store) Redact(ctx context.Context, by account.Actor, code, section, units string) error {
	passage, err := parseUnits(units)
	if err != nil {
		return err
	}
	return s.change(ctx, by, code, toRedact, "redact_note", func(tx pgx.Tx, c Conference, seats []Seat) error {
		part, own, err := partOf(by, c, seats)
		if err != nil {
			return err
		}
		if err := s.enterable(ctx, tx, by, c, part, own); err != nil {
			return err
		}
		return s.redact(ctx, tx, by, c, func(*lockedLog) ([]cut, error) { return []cut{{section, passage}}, nil })
	})
}

// RedactWords removes words from the note and from written opinions wherever they stand in them, while the minutes are a draft: for those who
// write them. In an opinion a mark stays in their place.
// All that [Store.Redact] says of the note afterwards holds; what was written into the minutes themselves stays. Upper and
// lower case count. Errors: InvalidError on words (also not_there), ErrNotFound, ErrDenied, ErrConflict (minutes_locked),
// ErrClosed.
func (s *Store) RedactWords(ctx context.Context, by account.Actor, code, words string) error {
	if err := account.CheckText("words", &words, 200, true); err != nil {
		return err
	}
	return s.change(ctx, by, code, toMinute, "redact_note", func(tx pgx.Tx, c Conference, _ []Seat) error {
		if err := s.draft(ctx, tx, by, c); err != nil {
			return err
		}
		texts, err := s.redactOpinions(ctx, tx, by, c, words)
		if err != nil {
			return err
		}
		err = s.redact(ctx, tx, by, c, func(n *lockedLog) ([]cut, error) {
			var cuts []cut
			for _, key := range n.sections {
				for _, units := range occurrences(n.replay.doc.Runs(noteRoot(key)), words) {
					cuts = append(cuts, cut{key, units})
				}
			}
			if len(cuts) == 0 {
				return nil, &account.InvalidError{Field: "words", Rule: "not_there"}
			}
			return cuts, nil
		})
		var invalid *account.InvalidError
		if errors.As(err, &invalid) && invalid.Rule == "not_there" && texts > 0 {
			return nil
		}
		return err
	})
}

// redactOpinions removes words from written opinions, and says from how many texts.
func (s *Store) redactOpinions(ctx context.Context, tx pgx.Tx, by account.Actor, c Conference, words string) (texts int64, err error) {
	texts, err = opinion.Redact(ctx, tx, c.ID, words, "[entfernt]")
	if err != nil || texts == 0 {
		return 0, err
	}
	_, err = tx.Exec(ctx, `
		insert into note_redaction (note_id, organisation_id, section, account_id, at)
		select id, $2, 'opinions', $3, $4 from note where conference_id = $1`, c.ID, c.Organisation, by.ID, s.Now())
	return texts, err
}

// redact removes what choose says, and leaves a mark for each passage.
func (s *Store) redact(ctx context.Context, tx pgx.Tx, by account.Actor, c Conference, choose func(*lockedLog) ([]cut, error)) error {
	n, err := lockLog(ctx, tx, c.ID)
	if err != nil {
		return fmt.Errorf("log: %w", err)
	}
	cuts, err := choose(n)
	if err != nil {
		return err
	}
	anew, err := n.without(cuts)
	if err != nil {
		return err
	}
	if err := n.replace(ctx, tx, anew); err != nil {
		return fmt.Errorf("replace log: %w", err)
	}
	var b pgx.Batch
	for _, one := range cuts {
		b.Queue(`
			insert into note_redaction (note_id, organisation_id, section, account_id, at)
			values ($1, $2, $3, $4, $5)`, n.id, c.Organisation, one.section, by.ID, s.Now())
	}
	return tx.SendBatch(ctx, &b).Close()
}

// lockedLog is a note that nobody appends to until its transaction ends.
type lockedLog struct {
	id, head int64
	sections []string
	clients  map[uint64]uuid.UUID // also those retired
	replay   *replay
}

func lockLog(ctx context.Context, tx pgx.Tx, conference uuid.UUID) (*lockedLog, error) {
	n := &lockedLog{}
	err := tx.QueryRow(ctx, `
		select id, head_seq, sections from note
		where conference_id = $1 for update`, conference).Scan(&n.id, &n.head, &n.sections)
	if err != nil {
		return nil, err
	}
	if n.clients, _, err = noteClients(ctx, tx, n.id); err != nil {
		return nil, err
	}
	rows, err := noteRows(ctx, tx, n.id, 0)
	if err != nil {
		return nil, err
	}
	n.replay = newReplay(n.sections)
	for _, row := range rows {
		if _, err := n.replay.apply(row); err != nil {
			return nil, err
		}
	}
	return n, n.replay.complete()
}

// without is the note written anew without some passages.
func (n *lockedLog) without(cuts []cut) (*rewriting, error) {
	runs := make([][]ydoc.Run, len(n.sections))
	for i, key := range n.sections {
		runs[i] = n.replay.doc.Runs(noteRoot(key))
	}
	for _, one := range cuts {
		i := slices.Index(n.sections, one.section)
		if i < 0 {
			return nil, &account.InvalidError{Field: "section", Rule: "unknown"}
		}
		var err error
		if runs[i], err = cutOut(runs[i], one.units); err != nil {
			return nil, err
		}
	}
	var pieces []piece
	for i := range n.sections {
		pieces = append(pieces, n.replay.pieces(i, runs[i], n.clients)...)
	}
	return rewrite(n.sections, pieces, n.clients)
}

// replace puts the new log in the place of the old one. The sequence goes on, with one number left out, so that everything
// reckoned from the old log is older than anything of the new one.
func (n *lockedLog) replace(ctx context.Context, tx pgx.Tx, anew *rewriting) error {
	base := n.head + 1
	var b pgx.Batch
	b.Queue(`delete from note_update where note_id = $1`, n.id)
	b.Queue(`delete from note_snapshot where note_id = $1`, n.id)
	b.Queue(`delete from note_section where note_id = $1`, n.id)
	clients, units := n.units()
	b.Queue(`
		update note_client c set retired = u.units
		from unnest($2::bigint[], $3::bigint[]) u (client, units)
		where c.note_id = $1 and c.client = u.client and c.retired is null`, n.id, clients, units)
	b.Queue(`update note set base_seq = $2 where id = $1`, n.id, base)
	NoteBatch{Note: n.id, Head: base, Rows: anew.rows, Clients: anew.clients}.begin(&b, restartHash(n.id, base))
	head := base + int64(len(anew.rows))
	for _, key := range n.sections {
		queueSection(&b, n.id, head, key, anew.doc.Text(noteRoot(key)))
	}
	return tx.SendBatch(ctx, &b).Close()
}

// units tells of each client id how many units the log has of it.
func (n *lockedLog) units() (clients, units []int64) {
	for client := range n.clients {
		clients, units = append(clients, int64(client)), append(units, int64(n.replay.doc.State(client)))
	}
	return clients, units
}

// queueSection writes the text of a section unless there is a later one. PostgreSQL's text has no room for the character
// U+0000, so that one is left out: it stays in the log.
func queueSection(b *pgx.Batch, note, upto int64, key, text string) {
	b.Queue(`
		insert into note_section as t (note_id, key, text, upto_seq)
		values ($1, $2, $3, $4)
		on conflict (note_id, key) do update set text = excluded.text, upto_seq = excluded.upto_seq
		where t.upto_seq <= excluded.upto_seq`, note, key, strings.ReplaceAll(text, "\x00", ""), upto)
}

// redactions are the marks in a note, in the order in which they came.
func redactions(ctx context.Context, q casefile.Querier, conference uuid.UUID) ([]Redaction, error) {
	rows, err := q.Query(ctx, `
		select r.section, a.name, r.at
		from note_redaction r join note n on n.id = r.note_id join account a on a.id = r.account_id
		where n.conference_id = $1
		order by r.id`, conference)
	if err != nil {
		return nil, fmt.Errorf("redactions: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Redaction])
	if err != nil {
		return nil, fmt.Errorf("redactions: %w", err)
	}
	for i := range found {
		found[i].At = found[i].At.UTC() // one spelling in the canonical text of minutes
	}
	return found, nil
}
