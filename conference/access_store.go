package conference

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// chapterQuery reads a chapter of a disclosure; $1 is the case. A column is a fact under its name, a uuid is a person.
type chapterQuery struct {
	key   string
	proof bool // it is there after a withdrawal too
	sql   string
}

// disclosed are the chapters in the order in which they are read, by people as well.
func disclosed() []chapterQuery {
	return slices.Concat(caseChapters(), conferenceChapters(), planChapters(), protocolChapters())
}

// dayOf is the date of an instant where the clients are.
func dayOf(column string) string {
	return `(` + column + ` at time zone '` + expertpool.Zone().String() + `')::date`
}

func caseChapters() []chapterQuery {
	return []chapterQuery{
		{"case", true, `
			select pseudonym as code, ` + dayOf("created_at") + ` as made_on, caseworker_id as lead, contact_id as contact, left_on, ` + dayOf("sealed_at") + ` as withdrawn_on
			from case_file where id = $1`},
		{"consent", true, `
			select signed_on, valid_from, valid_until, purposes, circle,
				array(select o.name from organisation o where o.id = any(k.organisations) order by 1) as organisations,
				array(select o.name from organisation o where o.id = any(k.plan_to) order by 1) as plan_to, excluded, language, text_version,
				explained, counselled_on, recorded_by, ` + dayOf("asked_at") + ` as asked_on, ` + dayOf("granted_at") + ` as granted_on,
				` + dayOf("narrowed_at") + ` as narrowed_on, ` + dayOf("replaced_at") + ` as replaced_on, ` + dayOf("withdrawn_at") + ` as withdrawn_on
			from consent k where case_id = $1 order by coalesce(granted_at, asked_at), id`},
		{"secrecy_release", true, `
			select r.profession as discipline, r.holder, r.about, ` + dayOf("k.granted_at") + ` as granted_on, ` + dayOf("r.ended_at") + ` as ended_on
			from secrecy_release r join consent k on k.id = r.consent_id
			where k.case_id = $1 order by coalesce(k.granted_at, k.asked_at), r.profession, r.holder, r.id`},
		{"case_summary", false, `
			select version, state as summary_state, situation, resources, tried, goals, limits, author_id as written_by, ` + dayOf("written_at") + ` as written_on,
				checked_by, ` + dayOf("checked_at") + ` as checked_on, check_reason, released_by, ` + dayOf("released_at") + ` as released_on, single_reason
			from case_summary where case_id = $1 order by version`},
		{"attachment", false, `
			select title, kind as file_kind, id::text as file, pages, state as summary_state, uploaded_by as written_by, ` + dayOf("uploaded_at") + ` as written_on, released_by,
				` + dayOf("released_at") + ` as released_on
			from attachment where case_id = $1 order by uploaded_at, id`},
		{"case_traits", false, `
			select age_band, sex, region, occupation, diagnosis, changed_by as written_by, ` + dayOf("changed_at") + ` as written_on
			from case_traits where case_id = $1`},
		{"icf_observation", false, `
			select code, occasion, month, rater, instrument, extent, nature, location, performance, capacity as capacity_degree, barrier, facilitator, note, edition,
				author_id as written_by, ` + dayOf("written_at") + ` as written_on
			from icf_observation where case_id = $1 order by code, month, rater, id`},
		{"capacity_rating", false, `
			select capacity, occasion, view, value as degree, author_id as written_by, ` + dayOf("written_at") + ` as written_on
			from capacity_rating where case_id = $1 order by position, capacity, occasion, view`},
		{"case_score", false, `
			select instrument, version as instrument_version, value::text as value, scale_min::text as scale_min, scale_max::text as scale_max, band as score_band,
				measured_on, computed_by, client_saw, author_id as written_by, ` + dayOf("written_at") + ` as written_on
			from case_score where case_id = $1 order by measured_on, id`},
		{"work_capacity", false, `
			select band, stated_on, source, author_id as written_by, ` + dayOf("written_at") + ` as written_on
			from work_capacity where case_id = $1 order by stated_on, id`},
		{"case_phase", false, `
			select phase, began_on, author_id as written_by, ` + dayOf("written_at") + ` as written_on
			from case_phase where case_id = $1 order by began_on`},
	}
}

func conferenceChapters() []chapterQuery {
	return []chapterQuery{
		{"conference_request", false, `
			select code, question, own_wish, urgency, urgent_why, ` + dayOf("(due_at - interval '1 second')") + ` as due_on, disciplines, state as request_state, caseworker_id as written_by, ` + dayOf("submitted_at") + ` as written_on,
				reason, ` + dayOf("decided_at") + ` as decided_on, decided_by
			from conference_request where case_id = $1 order by submitted_at, id`},
		{"part_question", false, `
			select r.code, p.text, p.disciplines, array_to_string(p.topics, ', ') as topics
			from part_question p join conference_request r on r.id = p.request_id
			where r.case_id = $1 order by r.submitted_at, r.id, p.position`},
		{"conference", false, `
			select code, spoken, kind, starts_at, question, state as conference_state, moderator_id as moderator
			from conference where case_id = $1 order by starts_at, id`},
		{"seat", false, `
			select c.code, s.role as part, s.account_id as person, s.discipline, s.attended_at is not null as attended,
				(select i.declared from invitation i where i.seat_id = s.id and i.declared is not null order by i.stamped_at desc limit 1) as declared
			from seat s join conference c on c.id = s.conference_id
			where c.case_id = $1 order by c.starts_at, c.id, s.role, s.discipline, s.id`},
		{"conference_guest", false, `
			select c.code, g.kind as guest_kind, ` + dayOf("g.created_at") + ` as asked_on, g.attended_at is not null as attended
			from conference_guest g join conference c on c.id = g.conference_id
			where c.case_id = $1 order by g.created_at, g.id`},
		{"information_request", false, `
			select coalesce(c.code, r.code) as code, i.question, i.asked_by, ` + dayOf("i.asked_at") + ` as asked_on, i.state as information_state, i.answer, i.answered_by
			from information_request i left join conference c on c.id = i.conference_id left join conference_request r on r.id = i.request_id
			where coalesce(c.case_id, r.case_id) = $1 order by i.asked_at, i.id`},
		{"agenda_phase", false, `
			select c.code, p.title
			from agenda_phase p join conference c on c.id = p.conference_id
			where c.case_id = $1 and p.title <> '' order by c.starts_at, c.id, p.position`},
		{"opinion", false, `
			select c.code, o.account_id as written_by, ` + dayOf("o.at") + ` as written_on, o.position, o.words, o.reason, o.missing, o.confidence
			from opinion_open o join conference c on c.id = o.conference_id
			where c.case_id = $1 order by o.at, o.opinion_id, o.version`},
		{"opinion_part", false, `
			select c.code, o.account_id as written_by, ` + dayOf("o.at") + ` as written_on, q.text as question, p.position, p.reason
			from opinion_part p join opinion_open o on o.opinion_id = p.opinion_id and o.version = p.version
			join part_question q on q.id = p.part_id join conference c on c.id = o.conference_id
			where c.case_id = $1 order by o.at, o.opinion_id, o.version, q.position`},
		{"opinion_addendum", false, `
			select c.code, o.account_id as written_by, ` + dayOf("d.at") + ` as written_on, d.text
			from opinion_addendum d join opinion o on o.id = d.opinion_id join conference c on c.id = o.conference_id
			where c.case_id = $1 order by d.id`},
		{"note_section", false, `
			select c.code, t.key as section, t.text
			from note_section t join note n on n.id = t.note_id join conference c on c.id = n.conference_id
			where c.case_id = $1 and t.text <> '' order by c.starts_at, c.id, array_position(n.sections, t.key)`},
		{"note_redaction", false, `
			select c.code, r.section, r.account_id as written_by, ` + dayOf("r.at") + ` as written_on
			from note_redaction r join note n on n.id = r.note_id join conference c on c.id = n.conference_id
			where c.case_id = $1 order by r.id`},
		{"note_addendum", false, `
			select c.code, a.section, a.text, a.account_id as written_by, ` + dayOf("a.at") + ` as written_on
			from note_addendum a join conference c on c.id = a.conference_id
			where c.case_id = $1 order by a.id`},
	}
}

func planChapters() []chapterQuery {
	return []chapterQuery{
		{"minutes", false, `
			select c.code, m.state as minutes_state, coalesce(m.body->>'decisions', m.decisions) as decisions, m.approved_by, ` + dayOf("m.approved_at") + ` as approved_on
			from minutes m join conference c on c.id = m.conference_id
			where c.case_id = $1 order by c.starts_at, c.id`},
		{"minutes_note", false, `
			select c.code, n.value->>'key' as section, n.value->>'text' as text
			from minutes m join conference c on c.id = m.conference_id, 
				json_array_elements(case json_typeof(m.body->'notes') when 'array' then m.body->'notes' else '[]' end) with ordinality n
			where c.case_id = $1 and n.value->>'text' <> '' order by c.starts_at, c.id, n.ordinality`},
		{"measure", false, `
			select conference_code as code, what, responsible_id as responsible, due_on, state as measure_state, reason, proposed_by, ` + dayOf("proposed_at") + ` as written_on,
				` + dayOf("answered_at") + ` as answered_on, ` + dayOf("reported_at") + ` as reported_on
			from measure where case_id = $1 order by proposed_at, id`},
		{"measure_event", false, `
			select m.what, e.kind as event, e.reason, nullif(e.account_id, '00000000-0000-0000-0000-000000000000') as written_by, ` + dayOf("e.at") + ` as written_on
			from measure_event e join measure m on m.id = e.measure_id
			where m.case_id = $1 order by e.id`},
		{"plan_pass", true, `
			select o.name as organisation, p.pseudonym as code, p.measures, p.question as with_question, p.passed_by as written_by, ` + dayOf("p.passed_at") + ` as written_on
			from plan_pass p join organisation o on o.id = p.recipient_id where p.case_id = $1 order by p.passed_at, p.id`},
		{"guard_override", false, `
			select document, reason, account_id as written_by, ` + dayOf("at") + ` as written_on
			from guard_override where case_id = $1 order by id`},
		{"client_link", false, `
			select ` + dayOf("created_at") + ` as made_on, created_by as written_by, ` + dayOf("revoked_at") + ` as ended_on
			from client_link where case_id = $1 order by created_at, id`},
	}
}

func protocolChapters() []chapterQuery {
	return []chapterQuery{
		{"recipient", true, `
			select e.actor_role as role, coalesce(x.discipline, e.discipline) as discipline, o.name as organisation, e.action as seen,
				count(distinct coalesce(e.actor_id, e.actor)) as people,
				` + dayOf("min(e.at)") + ` as first_on, ` + dayOf("max(e.at)") + ` as last_on
			from audit.entry e left join account a on a.id = e.actor_id join organisation o on o.id = coalesce(a.organisation_id, e.home_id)
			left join expert x on x.account_id = a.id
			where e.case_id = $1 and e.organisation_id <> o.id and e.action in ('` + strings.Join(casefile.Looked, `', '`) + `')
			group by 1, 2, 3, 4 order by 3, 2, 1, 4`},
		{"reveal", true, `
			select coalesce(e.actor_id, e.actor) as person, e.reason, ` + dayOf("e.at") + ` as seen_on
			from audit.entry e where e.case_id = $1 and e.action = 'reveal' order by e.at, e.seq`},
		{"reveal_request", true, `
			select asked_by, reason, ` + dayOf("asked_at") + ` as asked_on, granted, decided_by
			from reveal_request where case_id = $1 order by asked_at, id`},
		{"legal_hold", true, `
			select reason, until as held_until, set_by as written_by, ` + dayOf("set_at") + ` as written_on, ` + dayOf("lifted_at") + ` as ended_on
			from legal_hold where case_id = $1 order by set_at, id`},
		{"case_deletion", true, `
			select ` + dayOf("due_at") + ` as deleted_on from case_deletion where case_id = $1`},
	}
}

// Disclose gathers everything about the client of a case, for the client, to a caseworker of its organisation. It looks inside the vault,
// so Vault.Reveal decides who may; the reason is recorded, here and there, before anything is returned. After a withdrawal there is no
// identity, and of the rest the proof of consent and the protocol. Errors: InvalidError, ErrDenied, ErrNotFound, ErrClosed "colleague".
func (s *Store) Disclose(ctx context.Context, by account.Actor, caseID uuid.UUID, reason string) (Disclosure, error) {
	c, err := s.Cases.ByID(ctx, by, caseID)
	if err != nil {
		return Disclosure{}, fmt.Errorf("disclose: %w", err)
	}
	if err := account.CheckText("reason", &reason, 300, true); err != nil {
		return Disclosure{}, err
	}
	d := Disclosure{Pseudonym: c.Pseudonym, At: s.Now(), Reason: reason, Sealed: c.Sealed, LeftOut: leftOut()}
	if !c.Sealed {
		who, err := s.Vault.Reveal(ctx, by, caseID, reason)
		if err != nil {
			return Disclosure{}, err
		}
		d.Identity = &who
	}
	due, _, err := s.DueOf(ctx, by, caseID)
	if err != nil {
		return Disclosure{}, err
	}
	err = s.ofCase(ctx, by, caseID, "disclose", reason, func(tx pgx.Tx) error {
		return d.read(ctx, tx, caseID)
	})
	if err != nil {
		return Disclosure{}, err
	}
	if due.CaseID == caseID && !c.Sealed {
		d.Chapters = append(d.Chapters, Chapter{"retention", [][]Fact{{{"retention_class", due.Class}, {"deleted_on", Date{due.On}}}}})
	}
	return d, nil
}

func (d *Disclosure) read(ctx context.Context, tx pgx.Tx, caseID uuid.UUID) error {
	people, err := nameable(ctx, tx, caseID)
	if err != nil {
		return err
	}
	for _, ch := range disclosed() {
		if d.Sealed && !ch.proof {
			continue
		}
		records, err := factsOf(ctx, tx, ch.sql, caseID)
		if err != nil {
			return fmt.Errorf("%s: %w", ch.key, err)
		}
		if ch.key == "attachment" {
			for _, record := range records {
				if err := asFile(record); err != nil {
					return fmt.Errorf("%s: %w", ch.key, err)
				}
			}
		}
		if len(records) > 0 {
			d.Chapters = append(d.Chapters, Chapter{ch.key, records})
		}
	}
	d.veil(people)
	return nil
}

// asFile makes a File of the id in an attachment's record.
func asFile(record []Fact) (err error) {
	var f File
	for i := range record {
		switch said, _ := record[i].Value.(string); record[i].Key {
		case "title":
			f.Name = said
		case "file_kind":
			f.Type = said
		case "file":
			if f.ID, err = uuid.Parse(said); err == nil {
				record[i].Value = f
			}
		}
	}
	return err
}

// EmbedFiles reads the attachments of a disclosure into it, the oldest first, as long as they have no more than so many bytes together;
// each look is recorded as any other. Errors as those of casefile.Store.ViewAttachment.
func (s *Store) EmbedFiles(ctx context.Context, by account.Actor, caseID uuid.UUID, d *Disclosure, left int) error {
	for _, ch := range d.Chapters {
		for _, record := range ch.Records {
			for i := range record {
				f, ok := record[i].Value.(File)
				if !ok {
					continue
				}
				_, data, err := s.Cases.ViewAttachment(ctx, by, caseID, f.ID)
				if err != nil {
					return fmt.Errorf("embed files: %w", err)
				}
				if f.TooLarge = len(data) > left; !f.TooLarge {
					f.Data, left = data, left-len(data)
				}
				record[i].Value = f
			}
		}
	}
	return nil
}

// nameable are the people whom a text may name: everybody of the case's network, and whoever else is in its protocol.
func nameable(ctx context.Context, tx pgx.Tx, caseID uuid.UUID) ([]*somebody, error) {
	rows, err := tx.Query(ctx, `
		with acted as (
			select actor_id as id from audit.entry where case_id = $1 and actor_id is not null
			union select c.account_id from note_client c join note n on n.id = c.note_id join conference x on x.id = n.conference_id where x.case_id = $1
		)
		select a.id, a.role, a.name, a.id in (select id from acted)
		from account a join organisation o on o.id = a.organisation_id
		where o.network_id = (select w.network_id from case_file f join organisation w on w.id = f.organisation_id where f.id = $1)
			or a.id in (select id from acted)
		order by a.name, a.id`, caseID)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (*somebody, error) {
		var p somebody
		return &p, row.Scan(&p.id, &p.role, &p.name, &p.concerned)
	})
}

// factsOf reads rows whatever their columns are.
func factsOf(ctx context.Context, tx pgx.Tx, sql string, caseID uuid.UUID) ([][]Fact, error) {
	rows, err := tx.Query(ctx, sql, caseID)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) ([]Fact, error) {
		values, err := row.Values()
		if err != nil {
			return nil, err
		}
		var record []Fact
		for i, column := range row.FieldDescriptions() {
			if t, ok := values[i].(time.Time); ok {
				values[i] = t.UTC()
				if column.DataTypeOID == pgtype.DateOID {
					values[i] = Date{t}
				}
			}
			if list, ok := values[i].([]any); values[i] != nil && values[i] != "" && (!ok || len(list) > 0) {
				record = append(record, Fact{column.Name, values[i]})
			}
		}
		return record, nil
	})
}

// veil takes the names of others out of all facts. It goes over them twice: first to learn who has to do with the case, then to hide.
func (d *Disclosure) veil(people []*somebody) {
	concerned := map[uuid.UUID]bool{}
	d.each(func(_ string, v any) any {
		if id, ok := v.([16]byte); ok {
			concerned[id] = true
		}
		return v
	})
	for _, p := range people {
		p.concerned = p.concerned || concerned[p.id]
	}
	veil := newVeil(people)
	d.each(func(key string, v any) any {
		switch v := v.(type) {
		case [16]byte:
			return veil.of(v)
		case string:
			if key != "code" {
				return veil.hide(v)
			}
		case File:
			v.Name = veil.hide(v.Name)
			return v
		}
		return v
	})
	if d.Identity != nil {
		d.Identity.Contact, d.Identity.Further = veil.hide(d.Identity.Contact), veil.hide(d.Identity.Further)
	}
	d.Reason = veil.hide(d.Reason)
	d.Hidden = veil.hidden
}

// each puts do's answer in the place of every value; a list becomes one of strings, once its elements are.
func (d *Disclosure) each(do func(key string, v any) any) {
	for _, ch := range d.Chapters {
		for _, record := range ch.Records {
			for i := range record {
				list, ok := record[i].Value.([]any)
				if !ok {
					record[i].Value = do(record[i].Key, record[i].Value)
					continue
				}
				for n := range list {
					list[n] = do(record[i].Key, list[n])
				}
			}
		}
	}
}

// Look is one line of the access report: who has seen what of a case.
type Look struct {
	At           time.Time // a date in the report for the client
	Name         string    // forgotten after a year
	Role         account.Role
	Discipline   string
	Organisation string
	What         string        // one of casefile.Looked
	Code         string        // of the conference where it was seen, if it was one
	Pseudonym    uuid.NullUUID // who it was, where the name is forgotten
	Number       int           `db:"-"` // the same, for people to read: from 1 on, the oldest look first
}

// Looks is the access report of a case, sealed or not, the latest first, to caseworkers of its organisation and to its data-protection officer: GDPR Art. 15(1)(c). named is for
// the organisation; the one for the client has roles, organisations and days. Errors: ErrDenied, ErrNotFound.
func (s *Store) Looks(ctx context.Context, by account.Actor, caseID uuid.UUID, named bool) ([]Look, error) {
	if _, err := s.Cases.Alias(ctx, by, caseID); err != nil {
		return nil, fmt.Errorf("looks: %w", err)
	}
	rows, err := s.DB.Query(ctx, `
		select distinct case when $3 then e.at else date_trunc('day', e.at, $4) end as at, case when $3 then coalesce(a.name, '') else '' end as name,
			e.actor_role, coalesce(x.discipline, e.discipline), coalesce(o.name, '') as organisation, e.action, coalesce(c.code, '') as code,
			case when $3 and a.id is null then e.actor end as pseudonym
		from audit.entry e left join account a on a.id = e.actor_id left join organisation o on o.id = coalesce(a.organisation_id, e.home_id)
		left join expert x on x.account_id = a.id left join conference c on c.code = e.object_id and c.case_id = e.case_id
		where e.case_id = $1 and e.organisation_id = $2 and e.action = any($5) and e.actor is not null
		order by at desc, organisation, name, e.action, code`,
		caseID, by.Organisation, named, expertpool.Zone().String(), casefile.Looked)
	if err != nil {
		return nil, fmt.Errorf("looks: %w", err)
	}
	looks, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Look])
	if err != nil {
		return nil, fmt.Errorf("looks: %w", err)
	}
	count := casefile.Unnamed{}
	for i := range slices.Backward(looks) {
		if looks[i].Pseudonym.Valid {
			looks[i].Number = count.Of(looks[i].Pseudonym.UUID)
		}
	}
	return looks, nil
}
