package expertpool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/audit"
)

// declarations selects the versions that hold in the network $1.
const declarations = `
	select d.version, d.body, d.published_at, coalesce(a.name, '')
	from declaration d left join account a on a.id = d.published_by
	where (d.network_id = $1 or d.network_id is null
		and not exists (select from declaration o where o.network_id = $1 and o.version = d.version)) `

// Declaration returns the declaration as the actor's network asks for it now.
func (s *Store) Declaration(ctx context.Context, by account.Actor) (Declaration, error) {
	return currentDeclaration(ctx, s.db, by.Network)
}

// source is where rows come from: the pool or a transaction.
type source interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

func currentDeclaration(ctx context.Context, q source, network uuid.UUID) (Declaration, error) {
	rows, err := q.Query(ctx, declarations+`order by d.version desc limit 1`, network)
	if err != nil {
		return Declaration{}, fmt.Errorf("declaration: %w", err)
	}
	d, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[Declaration])
	if err != nil {
		return Declaration{}, fmt.Errorf("declaration: %w", err)
	}
	return d, nil
}

// Signed returns a version that the actor has signed, with her signature. ErrNotFound when she has not.
func (s *Store) Signed(ctx context.Context, by account.Actor, version int) (Declaration, Signature, error) {
	var g Signature
	err := s.db.QueryRow(ctx, `
		select version, signed_name, signed_at, sha256 from declaration_signature where expert_id = $1 and version = $2`, by.ID, version).
		Scan(&g.Version, &g.Name, &g.At, &g.Digest)
	if errors.Is(err, pgx.ErrNoRows) {
		return Declaration{}, g, account.ErrNotFound
	}
	if err != nil {
		return Declaration{}, g, fmt.Errorf("signature: %w", err)
	}
	rows, err := s.db.Query(ctx, declarations+`and d.version = $2`, by.Network, version)
	if err != nil {
		return Declaration{}, g, fmt.Errorf("signature: %w", err)
	}
	d, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[Declaration])
	if err != nil {
		return Declaration{}, g, fmt.Errorf("signature: %w", err)
	}
	return d, g, nil
}

func signatures(ctx context.Context, q source, expert uuid.UUID) ([]Signature, error) {
	rows, err := q.Query(ctx, `
		select version, signed_name, signed_at, sha256 from declaration_signature where expert_id = $1 order by version desc`, expert)
	if err != nil {
		return nil, fmt.Errorf("signatures: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Signature])
}

// Sign signs the current declaration for the actor. digest is that of the text she was shown, name is what she typed: her own name as
// it stands in her account, written out. Signing the same version again changes nothing. Errors: InvalidError (name: not_yours),
// ErrNotFound for somebody who is not in the pool, ErrConflict (left_pool, declaration_changed).
func (s *Store) Sign(ctx context.Context, by account.Actor, digest []byte, name string) error {
	if err := account.CheckText("name", &name, maxName, true); err != nil {
		return err
	}
	if !sameName(name, by.Name) {
		return &account.InvalidError{Field: "name", Rule: "not_yours"}
	}
	return s.deed(ctx, by, by.ID, "sign_declaration", "", func(tx pgx.Tx, _ Standing) error {
		d, err := currentDeclaration(ctx, tx, by.Network)
		if err != nil {
			return err
		}
		if want := d.Digest(); !bytes.Equal(digest, want[:]) {
			return account.Refuse(account.ErrConflict, "declaration_changed")
		}
		return insertSignature(ctx, tx, by.ID, Signature{Version: d.Version, Name: name, At: s.now(), Digest: digest})
	})
}

// sameName compares names without titles' dots, case and superfluous blanks.
func sameName(a, b string) bool {
	plain := func(s string) string { return strings.Join(strings.Fields(strings.ReplaceAll(s, ".", " ")), " ") }
	return strings.EqualFold(plain(a), plain(b))
}

func insertSignature(ctx context.Context, tx pgx.Tx, expert uuid.UUID, g Signature) error {
	_, err := tx.Exec(ctx, `
		insert into declaration_signature (expert_id, version, sha256, signed_name, signed_at)
		values ($1, $2, $3, $4, $5) on conflict do nothing`, expert, g.Version, g.Digest, g.Name, g.At)
	if err != nil {
		return fmt.Errorf("signature: %w", err)
	}
	return nil
}

// Publish makes body the declaration of the actor's network. Everybody who has signed an earlier one is asked by mail to sign again, and
// cannot be invited until she has. The text that stands already changes nothing. Errors: InvalidError, ErrDenied.
func (s *Store) Publish(ctx context.Context, by account.Actor, body string) error {
	if !by.May(account.KeepPool) {
		return account.ErrDenied
	}
	if err := checkDeclaration(&body); err != nil {
		return err
	}
	err := pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `select from network where id = $1 for update`, by.Network); err != nil { // one version after the other
			return err
		}
		now, err := currentDeclaration(ctx, tx, by.Network)
		if err != nil || now.Body == body {
			return err
		}
		_, err = tx.Exec(ctx, `
			insert into declaration (network_id, version, body, published_at, published_by)
			values ($1, $2, $3, $4, $5)`, by.Network, now.Version+1, body, s.now(), by.ID)
		if err != nil {
			return err
		}
		return audit.Record(ctx, tx, audit.Entry{
			Organisation: by.Organisation, At: s.now(), By: by.ID, Role: string(by.Role), Did: "publish_declaration", Kind: "declaration",
			To: fmt.Sprint(now.Version + 1),
		})
	})
	if err != nil {
		return fmt.Errorf("publish declaration: %w", err)
	}
	return nil
}
