package conference

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/conference/nameguard"
	"github.com/konsil-server/konsil/expertpool/account"
)

// written are the texts of a case that others have read or may read, with their places; $1 is the case.
const written = `
	select 'summary' as kind, s.version::text as of, s.written_at as at, f.field, f.text, '' as state
	from case_summary s cross join lateral (values ('situation', s.situation), ('resources', s.resources), ('tried', s.tried), ('goals', s.goals), ('limits', s.limits)) f(field, text)
	where s.case_id = $1 and (s.state = 'released' or s.state in ('draft', 'checked') and s.version = (select max(version) from case_summary where case_id = $1))
	union all
	select 'template', t.name, s.written_at, 'name', t.name || E'\n' || t.fields::text, ''
	from case_summary s join summary_template t on t.id = s.template_id where s.case_id = $1 and s.state in ('released', 'draft', 'checked')
	union all
	select 'request', coalesce(r.code, ''), r.submitted_at, f.field, f.text, ''
	from conference_request r cross join lateral (values ('question', r.question), ('own_wish', r.own_wish), ('urgent_why', r.urgent_why)) f(field, text) where r.case_id = $1
	union all
	select 'request', coalesce(r.code, ''), r.submitted_at, f.field, f.text, ''
	from part_question p join conference_request r on r.id = p.request_id
	cross join lateral (values ('part_question', p.text), ('topics', array_to_string(p.topics, ', '))) f(field, text) where r.case_id = $1
	union all
	select 'information', coalesce(c.code, r.code, ''), i.asked_at, f.field, f.text, coalesce(c.state, '')
	from information_request i left join conference c on c.id = i.conference_id left join conference_request r on r.id = i.request_id
	cross join lateral (values ('missing', i.question), ('given', i.answer)) f(field, text) where coalesce(c.case_id, r.case_id) = $1
	union all
	select 'opinion', c.code, o.at, f.field, f.text, c.state
	from opinion_open o join conference c on c.id = o.conference_id
	cross join lateral (values ('words', o.words), ('reason', o.reason), ('missing', o.missing)) f(field, text) where c.case_id = $1
	union all
	select 'opinion', c.code, o.at, 'reason_' || o.number, o.reason, c.state
	from opinion_part_open o join conference c on c.id = o.conference_id where c.case_id = $1
	union all
	select 'opinion', c.code, d.at, 'addition', d.text, c.state
	from opinion_addendum d join opinion o on o.id = d.opinion_id join conference c on c.id = o.conference_id where c.case_id = $1
	union all
	select 'notes', c.code, c.starts_at, 'section.' || t.key, t.text, c.state
	from note_section t join note n on n.id = t.note_id join conference c on c.id = n.conference_id where c.case_id = $1
	union all
	select 'addendum', c.code, a.at, 'section.' || a.section, a.text, c.state
	from note_addendum a join conference c on c.id = a.conference_id where c.case_id = $1
	union all
	select 'minutes', c.code, coalesce(m.approved_at, c.starts_at), 'decisions', coalesce(m.body->>'decisions', m.decisions), c.state
	from minutes m join conference c on c.id = m.conference_id where c.case_id = $1
	union all
	select 'measure', m.conference_code, m.proposed_at, f.field, f.text, ''
	from measure m cross join lateral (values ('what', m.what), ('reason', m.reason)) f(field, text) where m.case_id = $1
	union all
	select 'profile', i.code, i.written_at, 'note', i.note, '' from icf_observation i where i.case_id = $1
	union all
	select 'profile', '', w.written_at, 'source', w.source, '' from work_capacity w where w.case_id = $1
	union all
	select 'sheet', '', coalesce(k.granted_at, k.asked_at), f.field, f.text, ''
	from secrecy_release r join consent k on k.id = r.consent_id cross join lateral (values ('holder', r.holder), ('about', r.about)) f(field, text)
	where k.case_id = $1 and r.ended_at is null
	union all
	select 'passed', o.name, p.passed_at, 'what', p.body, ''
	from plan_pass p join organisation o on o.id = p.recipient_id where p.case_id = $1
	order by at, kind, of, field`

// Reread reads the texts of an open case again, with what is known today of who the client is, for caseworkers of its organisation.
// Nothing of it is kept. Errors: ErrDenied, ErrNotFound, ErrClosed.
func (s *Store) Reread(ctx context.Context, by account.Actor, caseID uuid.UUID) (Rereading, error) {
	c, err := s.Cases.ByID(ctx, by, caseID)
	if err == nil && c.Sealed {
		err = account.Refuse(account.ErrClosed, "withdrawn")
	}
	if err != nil {
		return Rereading{}, fmt.Errorf("reread: %w", err)
	}
	r := Rereading{Since: c.RereadAt}
	err = pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		lens, err := s.Cases.Lens(ctx, tx, caseID, c.Organisation)
		if err != nil {
			return err
		}
		if r.Places, err = namedIn(ctx, tx, lens, caseID); err != nil {
			return err
		}
		attached, err := s.Cases.Attached(ctx, tx, caseID)
		for _, a := range attached {
			hints := own(lens.Hints(casefile.Part{Field: "title", Text: a.Title}, casefile.Part{Field: "file", Text: a.Text}))
			if len(hints) > 0 {
				r.Places = append(r.Places, Place{"attachment", a.Title, a.UploadedAt, a.ID, Remove, hints})
			}
		}
		return err
	})
	if err != nil {
		return Rereading{}, fmt.Errorf("reread: %w", err)
	}
	return r, nil
}

// namedIn gives the texts that name the client, the oldest first, what belongs together in one.
func namedIn(ctx context.Context, tx pgx.Tx, lens casefile.Lens, caseID uuid.UUID) ([]Place, error) {
	rows, err := tx.Query(ctx, written, caseID)
	if err != nil {
		return nil, err
	}
	var places []Place
	var kind, of, field string
	var text *string
	var state State
	var at time.Time
	_, err = pgx.ForEachRow(rows, []any{&kind, &of, &at, &field, &text, &state}, func() error {
		if text == nil {
			return nil
		}
		hints := own(lens.Hints(casefile.Part{Field: field, Text: *text}))
		if len(hints) == 0 {
			return nil
		}
		if n := len(places); n > 0 && places[n-1].Kind == kind && places[n-1].Of == of && places[n-1].At.Equal(at) {
			places[n-1].Hints = append(places[n-1].Hints, hints...)
			return nil
		}
		places = append(places, Place{Kind: kind, Of: of, At: at, Remedy: remedyOf(kind, state), Hints: hints})
		return nil
	})
	return places, err
}

// own are the hints at the client herself.
func own(hints []casefile.Hint) []casefile.Hint {
	return slices.DeleteFunc(hints, func(h casefile.Hint) bool {
		return h.Reason != nameguard.BySubject && h.Reason != nameguard.BySubjectTypo
	})
}

// RedactFound removes what names the client from the notes of a conference of the case, as RedactWords does for each passage: what is
// found is found anew, so nothing that a page said is relied on. Errors: ErrNotFound, ErrConflict (minutes_locked, nothing_found),
// ErrClosed.
func (s *Store) RedactFound(ctx context.Context, by account.Actor, caseID uuid.UUID, code string) error {
	r, err := s.Reread(ctx, by, caseID)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(r.Places, func(p Place) bool { return p.Kind == "notes" && p.Of == code })
	if i < 0 {
		return account.Refuse(account.ErrConflict, "nothing_found")
	}
	for _, words := range r.Places[i].Words() {
		err := s.RedactWords(ctx, by, code, words)
		var invalid *account.InvalidError
		if errors.As(err, &invalid) && invalid.Rule == "not_there" {
			continue // it went with another
		}
		if err != nil {
			return err
		}
	}
	return nil
}
