package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// A Fault is the first place where a chain does not hold.
type Fault struct {
	Organisation uuid.UUID
	Seq          int64
	What         string // "changed", "missing", "cut": a row differs, a row is gone, the end is gone
}

func (f Fault) Error() string {
	return fmt.Sprintf("chain of organisation %s: entry %d %s", f.Organisation, f.Seq, f.What)
}

// Verify reads every chain from its beginning and returns how many entries it checked. The error is a Fault when a chain
// does not hold.
func Verify(ctx context.Context, db *pgxpool.Pool) (int, error) {
	n := 0
	err := pgx.BeginTxFunc(ctx, db, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		orgs, err := organisations(ctx, tx)
		if err != nil {
			return err
		}
		for _, org := range orgs {
			k, err := verifyChain(ctx, tx, org)
			n += k
			if err != nil {
				return err
			}
		}
		return nil
	})
	return n, err
}

func verifyChain(ctx context.Context, tx pgx.Tx, org uuid.UUID) (int, error) {
	entries, err := entriesOf(ctx, tx, org)
	if err != nil {
		return 0, err
	}
	prev, seq := []byte{}, int64(0)
	for _, r := range entries {
		if seq++; r.Seq != seq {
			return int(seq), Fault{org, seq, "missing"}
		}
		if prev = link(prev, seq, r.entry(org)); !bytes.Equal(prev, r.Hash) {
			return int(seq), Fault{org, seq, "changed"}
		}
	}
	headSeq, headHash, err := head(ctx, tx, org)
	if err != nil {
		return int(seq), err
	}
	if headSeq != seq || !bytes.Equal(headHash, prev) {
		return int(seq), Fault{org, seq + 1, "cut"}
	}
	return int(seq), nil
}

type row struct {
	Seq        int64
	At         time.Time
	ActorID    uuid.NullUUID
	ActorRole  string
	Action     string
	ObjectKind string
	ObjectID   string
	CaseID     uuid.NullUUID
	Reason     string
	Hash       []byte
}

func (r row) entry(org uuid.UUID) Entry {
	return Entry{
		Organisation: org, At: r.At, By: r.ActorID.UUID, Role: r.ActorRole, Did: r.Action,
		Kind: r.ObjectKind, To: r.ObjectID, Case: r.CaseID.UUID, Reason: r.Reason,
	}
}

func lockHead(ctx context.Context, tx pgx.Tx, org uuid.UUID) (int64, []byte, error) {
	var seq int64
	var hash []byte
	err := tx.QueryRow(ctx, `
		insert into audit.head as h (organisation_id, seq, hash) values ($1, 0, '')
		on conflict (organisation_id) do update set seq = h.seq
		returning seq, hash`, org).Scan(&seq, &hash)
	if err != nil {
		return 0, nil, fmt.Errorf("audit head: %w", err)
	}
	return seq, hash, nil
}

func head(ctx context.Context, tx pgx.Tx, org uuid.UUID) (int64, []byte, error) {
	var seq int64
	var hash []byte
	err := tx.QueryRow(ctx, `select seq, hash from audit.head where organisation_id = $1`, org).Scan(&seq, &hash)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, []byte{}, nil
	}
	return seq, hash, err
}

func moveHead(ctx context.Context, tx pgx.Tx, org uuid.UUID, seq int64, hash []byte) error {
	_, err := tx.Exec(ctx, `update audit.head set seq = $2, hash = $3 where organisation_id = $1`, org, seq, hash)
	if err != nil {
		return fmt.Errorf("audit head: %w", err)
	}
	return nil
}

func insertEntry(ctx context.Context, tx pgx.Tx, seq int64, e Entry, hash []byte) error {
	_, err := tx.Exec(ctx, `
		insert into audit.entry (organisation_id, seq, at, actor_id, actor_role, action, object_kind, object_id, case_id, reason, hash)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		e.Organisation, seq, e.At, orNull(e.By), e.Role, e.Did, e.Kind, e.To, orNull(e.Case), e.Reason, hash)
	if err != nil {
		return fmt.Errorf("audit entry: %w", err)
	}
	return nil
}

func organisations(ctx context.Context, tx pgx.Tx) ([]uuid.UUID, error) {
	rows, err := tx.Query(ctx, `
		select organisation_id from audit.head
		union
		select organisation_id from audit.entry
		order by 1`)
	if err != nil {
		return nil, fmt.Errorf("audit chains: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
}

func entriesOf(ctx context.Context, tx pgx.Tx, org uuid.UUID) ([]row, error) {
	rows, err := tx.Query(ctx, `
		select seq, at, actor_id, actor_role, action, object_kind, object_id, case_id, reason, hash
		from audit.entry
		where organisation_id = $1
		order by seq`, org)
	if err != nil {
		return nil, fmt.Errorf("audit chain: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByName[row])
}

func orNull(id uuid.UUID) uuid.NullUUID { return uuid.NullUUID{UUID: id, Valid: id != uuid.Nil} }
