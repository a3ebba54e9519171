package conference

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/expertpool/account"
)

// Minutes are what remains of a conference: drafted when it ends, approved by the moderator, then locked.
type Minutes struct {
	State      string // draft, approved
	Body       Body
	SHA256     []byte // of the canonical body, once approved
	ApprovedAt *time.Time
	ApprovedBy string
	Late       []Addendum // handed in after the approval: not part of the signed text

	canonical, signature, signedBy []byte // once approved: the text that SHA256 and signature are of, and the public key
}

// Body is the text of minutes. Its JSON, as Go writes it, is the canonical form that is hashed and signed. A field that is
// added later must be left out while it is empty, or files from before would no longer be canonical.
type Body struct {
	Code      string         `json:"code"`
	Question  string         `json:"question"`
	OwnWish   string         `json:"own_wish"`
	StartsAt  time.Time      `json:"starts_at"`
	EndsAt    time.Time      `json:"ends_at"`
	People    []MinutePerson `json:"people"`
	Decisions string         `json:"decisions"`
	Notes     []MinuteNote   `json:"notes"`
	Measures  []MinuteItem   `json:"measures"`
	Addenda   []Addendum     `json:"addenda,omitempty"` // to the notes, handed in before the approval

	RollAt     *time.Time  `json:"roll_at,omitempty"`    // when the roll was last called; nil when it never was
	Redactions []Redaction `json:"redactions,omitempty"` // of the notes
	Seal       *Seal       `json:"seal,omitempty"`       // of the notes, once approved; minutes from before had none

	Written  bool            `json:"written,omitempty"`  // there was no meeting
	Opinions []MinuteOpinion `json:"opinions,omitempty"` // written ones, of an open round, where they differ most first
	Points   []MinutePoint   `json:"points,omitempty"`   // where there are part questions: as they are for Store.Points
	Agenda   []MinutePhase   `json:"agenda,omitempty"`   // where the conference went by one
}

// MinutePerson is somebody who was in the room, or had said to be. A guest has a kind instead of a name, and the times of having
// been let in and of leaving.
type MinutePerson struct {
	Name        string     `json:"name"`
	Part        Part       `json:"part"`
	Discipline  string     `json:"discipline,omitempty"`
	Attended    bool       `json:"attended"`
	Guest       GuestKind  `json:"guest,omitempty"`
	From        *time.Time `json:"from,omitempty"`
	Until       *time.Time `json:"until,omitempty"`
	ConfirmedAt *time.Time `json:"confirmed_at,omitempty"` // the last roll call
	RemovedAt   *time.Time `json:"removed_at,omitempty"`   // by the moderator
	Written     bool       `json:"written,omitempty"`      // asked for a written opinion instead of coming; Attended says that she gave one
}

// MinuteNote is a section of the shared notes.
type MinuteNote struct {
	Key  string `json:"key"`
	Text string `json:"text"`
}

// MinuteItem is a measure as it stood.
type MinuteItem struct {
	What        string `json:"what"`
	Responsible string `json:"responsible"`
	DueOn       string `json:"due_on"`
	State       string `json:"state"`
}

// Minutes returns the minutes of a conference to those who may see its case, while consent stands. ErrNotFound before the
// conference has ended.
func (s *Store) Minutes(ctx context.Context, by account.Actor, code string) (Minutes, View, error) {
	return s.showMinutes(ctx, by, code, func(Minutes) error { return nil })
}

// MinutesFile returns approved minutes as a file that VerifyMinutes takes, to those who may see them as with Minutes.
// ErrNotFound while they are a draft, and of minutes that were approved before konsil signed them.
func (s *Store) MinutesFile(ctx context.Context, by account.Actor, code string) (file []byte, err error) {
	_, _, err = s.showMinutes(ctx, by, code, func(m Minutes) (err error) {
		file, err = m.file()
		return err
	})
	return file, err
}

// showMinutes records that somebody saw the minutes, unless check says that there is nothing to see.
func (s *Store) showMinutes(ctx context.Context, by account.Actor, code string, check func(Minutes) error) (Minutes, View, error) {
	var m Minutes
	var v View
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) (err error) {
		if v, err = s.openView(ctx, tx, by, code); err != nil {
			return err
		}
		if m, err = s.minutes(ctx, tx, v.Conference); err != nil {
			return err
		}
		if err := check(m); err != nil {
			return err
		}
		return s.Cases.Saw(ctx, tx, by, v.Organisation, v.CaseID, "view_minutes", v.Code)
	})
	if err != nil {
		return Minutes{}, View{}, fmt.Errorf("minutes: %w", err)
	}
	return m, v, nil
}

// Minute changes the decisions of draft minutes. ErrConflict when they are approved.
func (s *Store) Minute(ctx context.Context, by account.Actor, code, decisions string) error {
	if err := account.CheckText("decisions", &decisions, 5000, false); err != nil {
		return err
	}
	return s.change(ctx, by, code, toMinute, "write_minutes", func(tx pgx.Tx, c Conference, _ []Seat) error {
		if err := s.draft(ctx, tx, by, c); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `update minutes set decisions = $2, changed_at = $3 where conference_id = $1`, c.ID, decisions, s.Now())
		return err
	})
}

// Approve freezes the minutes: from here on they are one text with one SHA-256 and the signature of this installation, and
// the database refuses to change them. What in them names the client has to be removed before, unless because says why it stays. Errors:
// InvalidError, casefile.NamesError, ErrConflict, ErrClosed.
func (s *Store) Approve(ctx context.Context, by account.Actor, code, because string) error {
	return s.change(ctx, by, code, toApprove, "approve_minutes", func(tx pgx.Tx, c Conference, seats []Seat) error {
		if err := s.draft(ctx, tx, by, c); err != nil {
			return err
		}
		m, err := s.minutes(ctx, tx, c)
		if err != nil {
			return err
		}
		if m.Body.Decisions == "" {
			return &account.InvalidError{Field: "decisions", Rule: "required"}
		}
		if err := s.pass(ctx, tx, by, c, seats, casefile.MinutesText, because, m.Body.parts()...); err != nil {
			return err
		}
		if m.Body.Seal, err = s.sealMinutes(ctx, tx, c, m.Body.People); err != nil {
			return err
		}
		body, err := json.Marshal(m.Body)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(body)
		_, err = tx.Exec(ctx, `
			update minutes set state = 'approved', body = $2, sha256 = $3, approved_by = $4, approved_at = $5,
				signature = $6, signed_by = $7
			where conference_id = $1`, c.ID, string(body), sum[:], by.ID, s.Now(),
			ed25519.Sign(s.MinutesKey.private, body), s.MinutesKey.Public())
		if err != nil {
			return err
		}
		if err := setState(ctx, tx, c.ID, Approved); err != nil {
			return err
		}
		c.State = Approved
		return s.closeWhenDone(ctx, tx, c)
	})
}

func (s *Store) draft(ctx context.Context, tx pgx.Tx, by account.Actor, c Conference) error {
	if err := s.Cases.Open(ctx, tx, c.CaseID, by, casefile.Conference); err != nil {
		return err
	}
	if c.State != MinutesDraft {
		return account.Refuse(account.ErrConflict, "minutes_locked")
	}
	return nil
}

// minutes reads the frozen body, or puts the draft together from what there is.
func (s *Store) minutes(ctx context.Context, q casefile.Querier, c Conference) (Minutes, error) {
	var m Minutes
	var decisions *string
	err := q.QueryRow(ctx, `
		select m.state, m.decisions, m.body, m.sha256, m.approved_at, coalesce(a.name, ''), m.signature, m.signed_by
		from minutes m left join account a on a.id = m.approved_by
		where m.conference_id = $1`, c.ID).Scan(&m.State, &decisions, &m.canonical, &m.SHA256, &m.ApprovedAt, &m.ApprovedBy,
		&m.signature, &m.signedBy)
	if isNone(err) {
		return m, account.ErrNotFound
	}
	if err != nil {
		return m, err
	}
	if m.canonical != nil {
		return m, s.readApproved(ctx, q, c, &m)
	}
	m.Body, err = s.compose(ctx, q, c)
	if decisions != nil {
		m.Body.Decisions = *decisions
	}
	return m, err
}

// readApproved reads the frozen body, and what was added to the notes since: the addenda after those that it holds.
func (s *Store) readApproved(ctx context.Context, q casefile.Querier, c Conference, m *Minutes) error {
	if err := json.Unmarshal(m.canonical, &m.Body); err != nil {
		return err
	}
	all, err := addenda(ctx, q, c.ID)
	if err != nil {
		return err
	}
	m.Late = all[min(len(m.Body.Addenda), len(all)):]
	return nil
}

func (s *Store) compose(ctx context.Context, q casefile.Querier, c Conference) (Body, error) {
	b := Body{Code: c.Code, Question: c.Question, OwnWish: c.OwnWish, StartsAt: c.StartsAt.UTC(), EndsAt: c.EndsAt.UTC(), Written: c.Written}
	var err error
	if b.People, b.RollAt, err = present(ctx, q, c); err != nil {
		return b, err
	}
	went, err := agendaOf(ctx, q, c, nil)
	if err != nil {
		return b, err
	}
	b.Agenda = went.minutes(s.Now())
	texts, err := sectionTexts(ctx, q, c)
	if err != nil {
		return b, err
	}
	about, err := points(ctx, q, c)
	if err != nil {
		return b, err
	}
	b.Opinions, b.Points = minuted(about), minutedPoints(about)
	if b.Decisions = strings.TrimSpace(texts["decisions"]); c.Written {
		b.Decisions = writtenDraft(about)
	}
	for _, key := range c.Kind.Sections() {
		if key != "decisions" && !c.Kind.untouched(key, texts[key]) {
			b.Notes = append(b.Notes, MinuteNote{key, texts[key]})
		}
	}
	measures, err := s.Plans.Of(ctx, q, c.ID)
	if err != nil {
		return b, err
	}
	for _, m := range measures {
		b.Measures = append(b.Measures, MinuteItem{m.What, m.ResponsibleName, m.DueOn.Format(time.DateOnly), string(m.State)})
	}
	if b.Addenda, err = addenda(ctx, q, c.ID); err != nil {
		return b, err
	}
	b.Redactions, err = redactions(ctx, q, c.ID)
	return b, err
}

func sectionTexts(ctx context.Context, q casefile.Querier, c Conference) (map[string]string, error) {
	rows, err := q.Query(ctx, `
		select t.key, t.text from note_section t join note n on n.id = t.note_id
		where n.conference_id = $1`, c.ID)
	if err != nil {
		return nil, err
	}
	texts := map[string]string{}
	var key, text string
	_, err = pgx.ForEachRow(rows, []any{&key, &text}, func() error {
		texts[key] = text
		return nil
	})
	return texts, err
}
