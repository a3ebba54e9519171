// Package audit is the append-only record of who did what to what, and why.
//
// An entry is written in the transaction of the deed itself, so there is no deed without an entry and no entry without a
// deed. The entries of an organisation form a chain: each carries the SHA-256 of the one before it and of its own fields.
// The package refuses to change or remove entries, and so does the database. Entries carry pseudonyms and ids, never case
// text and never anybody's identity.
package audit

import (
	"context"
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
	hash := link(prev, seq+1, e)
	if err := insertEntry(ctx, tx, seq+1, e, hash); err != nil {
		return err
	}
	return moveHead(ctx, tx, e.Organisation, seq+1, hash)
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
