package casefile

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/attachment"
	"github.com/konsil-server/konsil/conference/pseudonym"
	"github.com/konsil-server/konsil/expertpool/account"
)

// KeepFiles says under which keys attachments are sealed. Without it that is one which no other start of the server has. Call it before
// the store is used.
func (s *Store) KeepFiles(keys *pseudonym.Keys) { s.files.keys = keys }

// Upload is an attachment as somebody brings it.
type Upload struct {
	Title   string
	Data    []byte
	Because string // why something in its words stays that names the client, if it does
}

// Attach adds an attachment to a case as a draft: built anew without anything that nobody sees, its words read by the name guard. For
// caseworkers of the organisation. Errors: InvalidError (title; file with the rules of attachment.Refused, and ten), NamesError,
// ErrNotFound, ErrClosed.
func (s *Store) Attach(ctx context.Context, by account.Actor, caseID uuid.UUID, u Upload) (uuid.UUID, error) {
	if err := account.CheckText("title", &u.Title, 120, true); err != nil {
		return uuid.Nil, err
	}
	if _, err := s.header(ctx, by, caseID); err != nil { // before the work, who may not is sent away
		return uuid.Nil, err
	}
	s.files.one.Lock()
	made, err := attachment.Make(u.Data)
	s.files.one.Unlock()
	var refused attachment.Refused
	if errors.As(err, &refused) {
		return uuid.Nil, &account.InvalidError{Field: "file", Rule: string(refused)}
	}
	if err != nil {
		return uuid.Nil, fmt.Errorf("attach: %w", err)
	}
	id := uuid.New()
	return id, s.change(ctx, by, caseID, "attach", "", func(tx pgx.Tx, c Case) error {
		err := s.Pass(ctx, tx, by, caseID, c.Organisation, AttachmentText, u.Because, Part{"title", u.Title}, Part{"file", made.Text})
		if err != nil {
			return err
		}
		var n int
		if err := tx.QueryRow(ctx, `select count(*) from attachment where case_id = $1`, caseID).Scan(&n); err != nil {
			return err
		}
		if n >= mostAttachments {
			return &account.InvalidError{Field: "file", Rule: "ten"}
		}
		return s.insertAttachment(ctx, tx, by, caseID, id, u.Title, made)
	})
}

func (s *Store) insertAttachment(ctx context.Context, tx pgx.Tx, by account.Actor, caseID, id uuid.UUID, title string, made attachment.Clean) error {
	key, err := s.sealingKey(ctx, tx)
	if err != nil {
		return err
	}
	f, err := sealFile(s.files.keys, key, made.Data, id, caseID)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `
		insert into attachment (id, case_id, organisation_id, title, kind, size, pages, unread, state, key_id, wrapped_key, uploaded_by, uploaded_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, 'draft', $9, $10, $11, $12)`,
		id, caseID, by.Organisation, title, made.Kind, len(made.Data), made.Pages, made.Unread, f.keyID, f.wrapped, by.ID, s.now())
	if err != nil {
		return err
	}
	for n, chunk := range f.chunks {
		if _, err := tx.Exec(ctx, `insert into attachment_chunk (attachment_id, n, sealed) values ($1, $2, $3)`, id, n, chunk); err != nil {
			return err
		}
	}
	return nil
}

// ReleaseAttachment opens an attachment to the circle. Whoever brought it does not release it, unless nobody else is there and the
// organisation allows that, with a reason. looked says that the actor has looked at all of it: what cannot be read by a program has to be
// read by somebody. Errors: InvalidError (looked, single), ErrNotFound, ErrConflict (second_person, no_second_person, no_draft), ErrClosed.
func (s *Store) ReleaseAttachment(ctx context.Context, by account.Actor, caseID, id uuid.UUID, looked bool, single string) error {
	if !looked {
		return &account.InvalidError{Field: "looked", Rule: "required"}
	}
	if err := account.CheckText("single", &single, 300, false); err != nil {
		return err
	}
	return s.change(ctx, by, caseID, "release_attachment", single, func(tx pgx.Tx, c Case) error {
		a, err := oneAttachment(ctx, tx, caseID, id)
		if err != nil {
			return err
		}
		if !a.Waits() {
			return account.Refuse(account.ErrConflict, "attachment_released")
		}
		if err := fourEyes(a.UploaderID, by.ID, a.Alone, a.Single, single); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			update attachment set state = 'released', released_by = $2, released_at = $3, single_reason = $4
			where id = $1`, id, by.ID, s.now(), single)
		return err
	})
}

// RemoveAttachment takes an attachment away for good, released or not. For caseworkers of the organisation. Errors: ErrNotFound, ErrClosed.
func (s *Store) RemoveAttachment(ctx context.Context, by account.Actor, caseID, id uuid.UUID) error {
	return s.change(ctx, by, caseID, "remove_attachment", "", func(tx pgx.Tx, _ Case) error {
		tag, err := tx.Exec(ctx, `delete from attachment where id = $1 and case_id = $2`, id, caseID)
		if err == nil && tag.RowsAffected() == 0 {
			err = account.ErrNotFound
		}
		return err
	})
}

// dropAttachments removes all attachments of a case, with the keys that alone could open them.
func dropAttachments(ctx context.Context, tx pgx.Tx, caseID uuid.UUID) error {
	if _, err := tx.Exec(ctx, `delete from attachment where case_id = $1`, caseID); err != nil {
		return fmt.Errorf("remove attachments: %w", err)
	}
	return nil
}

// Attachments lists those of a case of the caseworker's organisation, the oldest first. A sealed case has none.
func (s *Store) Attachments(ctx context.Context, by account.Actor, caseID uuid.UUID) ([]Attachment, error) {
	if _, err := s.header(ctx, by, caseID); err != nil {
		return nil, err
	}
	return attachments(ctx, s.db, `t.case_id = $1`, caseID)
}

// ViewAttachment shows an attachment to a caseworker of the organisation, released or not; that is recorded. Errors: ErrDenied, ErrNotFound,
// ErrClosed.
func (s *Store) ViewAttachment(ctx context.Context, by account.Actor, caseID, id uuid.UUID) (a Attachment, data []byte, err error) {
	err = pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		c, err := s.caseIn(ctx, tx, by, caseID)
		if err != nil {
			return err
		}
		if c.Sealed {
			return account.Refuse(account.ErrClosed, "withdrawn")
		}
		if a, err = oneAttachment(ctx, tx, caseID, id); err != nil {
			return err
		}
		if data, err = s.openAttachment(ctx, tx, caseID, id); err != nil {
			return err
		}
		return s.Saw(ctx, tx, by, c.Organisation, caseID, "view_attachment", id.String())
	})
	return a, data, err
}

// ReleasedAttachments lists what the circle may see of a case. The gate is the caller's.
func (s *Store) ReleasedAttachments(ctx context.Context, q Querier, caseID uuid.UUID) ([]Attachment, error) {
	return attachments(ctx, q, `t.case_id = $1 and t.state = 'released'`, caseID)
}

// ReleasedAttachment opens an attachment of a case that the circle may see. The gate and the record are the caller's. ErrNotFound.
func (s *Store) ReleasedAttachment(ctx context.Context, tx pgx.Tx, caseID, id uuid.UUID) (Attachment, []byte, error) {
	a, err := oneAttachment(ctx, tx, caseID, id)
	if err == nil && a.Waits() {
		err = account.ErrNotFound
	}
	if err != nil {
		return Attachment{}, nil, err
	}
	data, err := s.openAttachment(ctx, tx, caseID, id)
	return a, data, err
}

func (s *Store) openAttachment(ctx context.Context, tx pgx.Tx, caseID, id uuid.UUID) ([]byte, error) {
	var f sealedFile
	err := tx.QueryRow(ctx, `select key_id, wrapped_key from attachment where id = $1`, id).Scan(&f.keyID, &f.wrapped)
	if err != nil {
		return nil, fmt.Errorf("attachment: %w", err)
	}
	rows, err := tx.Query(ctx, `select sealed from attachment_chunk where attachment_id = $1 order by n`, id)
	if err != nil {
		return nil, fmt.Errorf("attachment: %w", err)
	}
	if f.chunks, err = pgx.CollectRows(rows, pgx.RowTo[[]byte]); err != nil {
		return nil, fmt.Errorf("attachment: %w", err)
	}
	data, err := openFile(s.files.keys, f, id, caseID)
	if err != nil {
		return nil, fmt.Errorf("attachment: %w", err)
	}
	return data, nil
}

func oneAttachment(ctx context.Context, q Querier, caseID, id uuid.UUID) (Attachment, error) {
	found, err := attachments(ctx, q, `t.case_id = $1 and t.id = $2`, caseID, id)
	if err == nil && len(found) == 0 {
		err = account.ErrNotFound
	}
	if err != nil {
		return Attachment{}, err
	}
	return found[0], nil
}

func attachments(ctx context.Context, q Querier, where string, args ...any) ([]Attachment, error) {
	rows, err := q.Query(ctx, `
		select t.id, t.title, t.kind, t.size, t.pages, t.unread, t.state, u.name, t.uploaded_by, t.uploaded_at, t.released_at,
			not exists (select from account b where b.id <> t.uploaded_by and `+secondPerson+`), o.single_release
		from attachment t
		join case_file c on c.id = t.case_id
		join organisation o on o.id = c.organisation_id
		join account u on u.id = t.uploaded_by
		where `+where+` order by t.uploaded_at, t.id`, args...)
	if err != nil {
		return nil, fmt.Errorf("attachments: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Attachment])
}
