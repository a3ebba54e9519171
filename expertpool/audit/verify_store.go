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
	// "changed": a row differs; "missing": a row is gone; "cut": the end is gone; "renamed": the chain holds, but its pseudonym was
	// made to stand for somebody else.
	What string
}

func (f Fault) Error() string {
	return fmt.Sprintf("chain of organisation %s: entry %d %s", f.Organisation, f.Seq, f.What)
}

// An Anchor is where a chain begins whose older entries have gone by their term.
type Anchor struct {
	Organisation uuid.UUID
	Seq          int64 // of the last entry that has gone
	Hash         []byte
	Before       time.Time // what was older has gone
}

// Verify reads every chain from its anchor, or its beginning, and returns how many entries it checked. The error is a Fault when
// a chain does not hold. What it cannot know is whether an anchor was moved by the term or by the owner of the schema.
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

// VerifyOne is Verify for the chain of one organisation. The anchor is nil where the chain has its first entry.
func VerifyOne(ctx context.Context, db *pgxpool.Pool, organisation uuid.UUID) (n int, base *Anchor, err error) {
	err = pgx.BeginTxFunc(ctx, db, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		a := Anchor{Organisation: organisation}
		var before *time.Time
		err := tx.QueryRow(ctx, `select base_seq, base_hash, base_at from audit.head where organisation_id = $1`, organisation).Scan(&a.Seq, &a.Hash, &before)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return fmt.Errorf("audit anchor: %w", err)
		}
		if before != nil {
			a.Before, base = *before, &a
		}
		n, err = verifyChain(ctx, tx, organisation)
		return err
	})
	return n, base, err
}

// Anchors lists the chains that do not begin with their first entry.
func Anchors(ctx context.Context, db *pgxpool.Pool) ([]Anchor, error) {
	rows, err := db.Query(ctx, `
		select organisation_id, base_seq, base_hash, base_at from audit.head where base_at is not null order by organisation_id`)
	if err != nil {
		return nil, fmt.Errorf("audit anchors: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Anchor])
}

func verifyChain(ctx context.Context, tx pgx.Tx, org uuid.UUID) (int, error) {
	ends, err := endsOf(ctx, tx, org)
	if err != nil {
		return 0, err
	}
	rows, err := tx.Query(ctx, `
		select c.seq, c.at, c.actor, c.actor_role, c.action, c.object_kind, c.object_id, c.case_id, c.reason, c.hash,
			who.id, who.salt, what.id, what.salt
		from audit.chain c left join audit.known who on who.pseudonym = c.actor left join audit.known what on what.pseudonym::text = c.object_id
		where c.organisation_id = $1
		order by c.seq`, org)
	if err != nil {
		return 0, fmt.Errorf("audit chain: %w", err)
	}
	defer rows.Close()
	n, seq, prev, renamed := 0, ends.baseSeq, ends.baseHash, int64(0)
	for rows.Next() {
		r, err := pgx.RowToStructByPos[row](rows)
		if err != nil {
			return n, fmt.Errorf("audit chain: %w", err)
		}
		n++
		if seq++; r.Seq != seq {
			return n, Fault{org, seq, "missing"}
		}
		if prev = link(prev, seq, r.entry(org)); !bytes.Equal(prev, r.Hash) {
			return n, Fault{org, seq, "changed"}
		}
		if renamed == 0 && !r.honest() {
			renamed = seq
		}
	}
	switch {
	case rows.Err() != nil:
		return n, fmt.Errorf("audit chain: %w", rows.Err())
	case ends.seq != seq || !bytes.Equal(ends.hash, prev):
		return n, Fault{org, seq + 1, "cut"}
	case renamed > 0:
		return n, Fault{org, renamed, "renamed"}
	}
	return n, nil
}

type row struct {
	Seq        int64
	At         time.Time
	Actor      uuid.NullUUID
	ActorRole  string
	Action     string
	ObjectKind string
	ObjectID   string
	CaseID     uuid.NullUUID
	Reason     string
	Hash       []byte
	ActorIs    uuid.NullUUID
	ActorSalt  []byte
	ObjectIs   uuid.NullUUID
	ObjectSalt []byte
}

func (r row) entry(org uuid.UUID) Entry {
	return Entry{
		Organisation: org, At: r.At, By: r.Actor.UUID, Role: r.ActorRole, Did: r.Action,
		Kind: r.ObjectKind, To: r.ObjectID, Case: r.CaseID.UUID, Reason: r.Reason,
	}
}

// honest says that the pseudonyms stand for what they were made for, where that is still known.
func (r row) honest() bool {
	return (!r.ActorIs.Valid || concealed(r.ActorSalt, r.ActorIs.UUID) == r.Actor.UUID) &&
		(!r.ObjectIs.Valid || concealed(r.ObjectSalt, r.ObjectIs.UUID).String() == r.ObjectID)
}

// ends are where a chain begins and where it should end.
type ends struct {
	seq, baseSeq   int64
	hash, baseHash []byte
}

func endsOf(ctx context.Context, tx pgx.Tx, org uuid.UUID) (e ends, err error) {
	err = tx.QueryRow(ctx, `
		select seq, hash, base_seq, base_hash from audit.head where organisation_id = $1`, org).Scan(&e.seq, &e.hash, &e.baseSeq, &e.baseHash)
	if errors.Is(err, pgx.ErrNoRows) {
		return ends{}, nil
	}
	if err != nil {
		return e, fmt.Errorf("audit head: %w", err)
	}
	return e, nil
}

func organisations(ctx context.Context, tx pgx.Tx) ([]uuid.UUID, error) {
	rows, err := tx.Query(ctx, `
		select organisation_id from audit.head
		union
		select organisation_id from audit.chain
		order by 1`)
	if err != nil {
		return nil, fmt.Errorf("audit chains: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
}
