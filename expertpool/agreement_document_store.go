package expertpool

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/attachment"
	"github.com/konsil-server/konsil/expertpool/account"
)

// AgreementDocument is the signed document of a cooperation agreement: one file, built anew by the server.
type AgreementDocument struct {
	Name       string // what the file was called when it came; nothing that decides what it is
	Kind       string // one of the kinds of package attachment
	UploadedBy string
	UploadedAt time.Time
}

const maxDocumentName = 100

// AgreementDocument says what is kept as the document of an agreement. For those who keep agreements. Errors: ErrDenied, ErrNotFound
// (the agreement, or it has none).
func (s *Store) AgreementDocument(ctx context.Context, by account.Actor, id uuid.UUID) (AgreementDocument, error) {
	d, _, err := s.agreementDocument(ctx, by, id, false)
	return d, err
}

// AgreementDocumentData is AgreementDocument with the bytes.
func (s *Store) AgreementDocumentData(ctx context.Context, by account.Actor, id uuid.UUID) (AgreementDocument, []byte, error) {
	return s.agreementDocument(ctx, by, id, true)
}

func (s *Store) agreementDocument(ctx context.Context, by account.Actor, id uuid.UUID, whole bool) (d AgreementDocument, data []byte, err error) {
	if !by.May(account.KeepAgreements) {
		return d, nil, account.ErrDenied
	}
	err = s.db.QueryRow(ctx, `
		select d.name, d.kind, u.name, d.uploaded_at, case when $3 then d.data end
		from agreement_document d join agreement g on g.id = d.agreement_id join account u on u.id = d.uploaded_by
		where g.network_id = $1 and g.id = $2`, by.Network, id, whole).Scan(&d.Name, &d.Kind, &d.UploadedBy, &d.UploadedAt, &data)
	if err != nil {
		return d, nil, fmt.Errorf("document of an agreement: %w", noneIsNotFound(err))
	}
	return d, data, nil
}

// KeepAgreementDocument gives an agreement its signed document, in place of one that it has: a picture or a PDF of at most
// attachment.MaxUpload octets. For those who keep agreements. Errors: InvalidError (file, with the rules of attachment.Refused; name),
// ErrDenied, ErrNotFound, ErrConflict (agreement_ended).
func (s *Store) KeepAgreementDocument(ctx context.Context, by account.Actor, id uuid.UUID, name string, raw []byte) error {
	if err := account.CheckText("name", &name, maxDocumentName, true); err != nil {
		return err
	}
	if !by.May(account.KeepAgreements) {
		return account.ErrDenied
	}
	if _, err := s.Agreement(ctx, by, id); err != nil { // before the work, who may not is sent away
		return err
	}
	made, err := s.rebuild(raw)
	if err != nil {
		return err
	}
	return s.act(ctx, by, account.KeepAgreements, "keep_agreement_document", "agreement", id, func(tx pgx.Tx) error {
		if err := s.standingAgreement(ctx, tx, by, id); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `
			insert into agreement_document (agreement_id, name, kind, data, uploaded_by, uploaded_at) values ($1, $2, $3, $4, $5, $6)
			on conflict (agreement_id) do update set name = excluded.name, kind = excluded.kind, data = excluded.data,
				uploaded_by = excluded.uploaded_by, uploaded_at = excluded.uploaded_at`, id, name, made.Kind, made.Data, by.ID, s.now())
		return err
	})
}

// rebuild makes a file harmless, one at a time: what is packed in it may take a lot of memory.
func (s *Store) rebuild(raw []byte) (attachment.Clean, error) {
	s.rebuilding.Lock()
	defer s.rebuilding.Unlock()
	made, err := attachment.Make(raw)
	var refused attachment.Refused
	if errors.As(err, &refused) {
		return made, &account.InvalidError{Field: "file", Rule: string(refused)}
	}
	if err != nil {
		return made, fmt.Errorf("document of an agreement: %w", err)
	}
	return made, nil
}

// RemoveAgreementDocument takes the document away, also from an agreement that has ended. For those who keep agreements. Errors:
// ErrDenied, ErrNotFound (the agreement, or it has none).
func (s *Store) RemoveAgreementDocument(ctx context.Context, by account.Actor, id uuid.UUID) error {
	return s.act(ctx, by, account.KeepAgreements, "remove_agreement_document", "agreement", id, func(tx pgx.Tx) error {
		gone, err := tx.Exec(ctx, `
			delete from agreement_document d using agreement g
			where g.id = d.agreement_id and g.network_id = $1 and g.id = $2`, by.Network, id)
		if err == nil && gone.RowsAffected() == 0 {
			return account.ErrNotFound
		}
		return err
	})
}
