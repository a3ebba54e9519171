// Package audit is the append-only record of who did what to what, and why.
//
// An entry is written in the transaction of the deed itself, so there is no deed without an entry and no entry without a
// deed. The entries of an organisation form a chain: each carries the SHA-256 of the one before it and of its own fields.
// The package refuses to change entries, and so does the database. Entries carry pseudonyms and ids, never case text and
// never anybody's identity.
//
// The record forgets in two steps. The chain holds a pseudonym for whoever acted, one for each person and month, and a table
// beside it says whose it is: Forget empties that within a year. Cut takes the oldest entries away when their term is over,
// and leaves an anchor from which what is left can be verified. Both are for the owner of the schema only.
//
// What this does not give: a pseudonym of a case's only caseworker is told by the case, as long as there is one; a backup
// remembers as long as it is kept; and who owns the schema can make another record, as could be done with any that is not
// signed elsewhere.
//
// People read the view audit.entry: actor_id is the account as long as it is known, actor the pseudonym, home_id and
// discipline say whom it belonged to when it was known no more.
package audit

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Entry is one deed. Organisation names the chain: that of the organisation whose data was touched.
type Entry struct {
	Organisation uuid.UUID
	At           time.Time // kept to the microsecond
	By           uuid.UUID // uuid.Nil: the server itself
	Role         string
	Did          string
	Kind         string // what was touched: case, conference, invitation, …
	To           string // its id or pseudonym
	Case         uuid.UUID
	Reason       string
}

// Record appends e within tx. It locks the head of the organisation's chain until tx ends, so call it last.
func Record(ctx context.Context, tx pgx.Tx, e Entry) error {
	seq, prev, err := lockHead(ctx, tx, e.Organisation)
	if err != nil {
		return err
	}
	e.At = e.At.UTC().Truncate(time.Microsecond)
	if e, err = disguise(ctx, tx, e); err != nil {
		return err
	}
	hash := link(prev, seq+1, e)
	if err := insertEntry(ctx, tx, seq+1, e, hash); err != nil {
		return err
	}
	return moveHead(ctx, tx, e.Organisation, seq+1, hash)
}

// disguise puts pseudonyms for who acted, and for an id by which that person could be found: another account, or what an entry
// without a case is about, which is a device or a session as a rule.
func disguise(ctx context.Context, tx pgx.Tx, e Entry) (Entry, error) {
	var err error
	by := e.By
	if by != uuid.Nil {
		if e.By, err = pseudonymOf(ctx, tx, e.Organisation, monthOf(e.At), by); err != nil {
			return e, err
		}
	}
	to, broken := uuid.Parse(e.To)
	if broken != nil || to.String() != e.To {
		return e, nil
	}
	personal := e.Case == uuid.Nil || to == by
	if !personal {
		if personal, err = isAccount(ctx, tx, to); err != nil {
			return e, err
		}
	}
	if personal {
		to, err = pseudonymOf(ctx, tx, e.Organisation, monthOf(e.At), to)
		e.To = to.String()
	}
	return e, err
}

// monthOf is the first day of an instant's month.
func monthOf(at time.Time) time.Time {
	year, month, _ := at.UTC().Date()
	return time.Date(year, month, 1, 0, 0, 0, 0, time.UTC)
}

// conceal draws a pseudonym for an id, and the salt that proves that it is its.
func conceal(id uuid.UUID) (pseudonym uuid.UUID, salt []byte) {
	salt = make([]byte, sha256.Size)
	rand.Read(salt)
	return concealed(salt, id), salt
}

// concealed is the beginning of SHA-256(salt ‖ id). Nobody finds another id for a pseudonym that is in the chain, whatever the salt.
func concealed(salt []byte, id uuid.UUID) uuid.UUID {
	sum := sha256.Sum256(append(salt[:len(salt):len(salt)], id[:]...))
	return uuid.UUID(sum[:16])
}

// link is SHA-256(previous hash ‖ canonical entry). Every field is preceded by its length, so that no two entries have the
// same canonical form.
func link(prev []byte, seq int64, e Entry) []byte {
	h := sha256.New()
	field := func(b []byte) {
		var n [4]byte
		binary.BigEndian.PutUint32(n[:], uint32(len(b)))
		h.Write(n[:])
		h.Write(b)
	}
	var n [8]byte
	field(prev)
	field(e.Organisation[:])
	binary.BigEndian.PutUint64(n[:], uint64(seq))
	field(n[:])
	binary.BigEndian.PutUint64(n[:], uint64(e.At.UnixMicro()))
	field(n[:])
	field(e.By[:])
	field(e.Case[:])
	for _, s := range []string{e.Role, e.Did, e.Kind, e.To, e.Reason} {
		field([]byte(s))
	}
	return h.Sum(nil)
}
