package migrations_test

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konsil-server/konsil/expertpool/audit"
	"github.com/konsil-server/konsil/migrations"
)

// before are the migrations that come before one of them.
func before(t *testing.T, name string) fstest.MapFS {
	t.Helper()
	own := fstest.MapFS{}
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if strings.HasSuffix(f.Name(), ".sql") && f.Name() < name {
			text, err := os.ReadFile(f.Name())
			if err != nil {
				t.Fatal(err)
			}
			own[f.Name()] = &fstest.MapFile{Data: text}
		}
	}
	return own
}

// oldChain writes entries as they were before there were pseudonyms: two by each actor, one of them about a thing of no case.
func oldChain(t *testing.T, pool *pgxpool.Pool, organisation uuid.UUID, actors ...uuid.UUID) {
	t.Helper()
	var prev []byte
	seq, at := int64(0), time.Date(2026, 3, 4, 5, 6, 7, 891_234_000, time.UTC)
	add := func(actor, of uuid.UUID, to string) {
		seq++
		var b []byte
		field := func(part []byte) { b = append(binary.BigEndian.AppendUint32(b, uint32(len(part))), part...) }
		for _, part := range [][]byte{
			prev, organisation[:], binary.BigEndian.AppendUint64(nil, uint64(seq)), binary.BigEndian.AppendUint64(nil, uint64(at.UnixMicro())),
			actor[:], of[:], []byte("caseworker"), []byte("look"), []byte("Ü"), []byte(to), []byte("Grund"),
		} {
			field(part)
		}
		hash := sha256.Sum256(b)
		prev = hash[:]
		_, err := pool.Exec(t.Context(), `
			insert into audit.entry values ($1, $2, $3, nullif($4, '00000000-0000-0000-0000-000000000000'::uuid), 'caseworker', 'look', 'Ü', $6,
				nullif($5, '00000000-0000-0000-0000-000000000000'::uuid), 'Grund', $7)`, organisation, seq, at, actor, of, to, prev)
		if err != nil {
			t.Fatal(err)
		}
		at = at.AddDate(0, 0, 20)
	}
	for _, actor := range actors {
		add(actor, uuid.New(), "F7")
		add(actor, uuid.Nil, uuid.NewString())
	}
	if _, err := pool.Exec(t.Context(), `insert into audit.head values ($1, $2, $3)`, organisation, seq, prev); err != nil {
		t.Fatal(err)
	}
}

func TestARecordFromBeforePseudonymsGetsThemAndABrokenOneStaysBroken(t *testing.T) {
	t.Parallel()
	pool := empty(t, "")
	if err := migrations.UpFrom(t.Context(), pool, before(t, "00029_audit_retention.sql")); err != nil {
		t.Fatal(err)
	}
	good, broken, anna := uuid.New(), uuid.New(), uuid.New()
	oldChain(t, pool, good, anna, uuid.Nil, anna)
	oldChain(t, pool, broken, anna, uuid.New())
	for _, sql := range []string{
		`alter table audit.entry disable trigger all`, `update audit.entry set reason = 'x' where seq = 3 and organisation_id = '` + broken.String() + `'`,
		`alter table audit.entry enable trigger all`,
	} {
		if _, err := pool.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	head := scan[string](t, pool, `select encode(hash, 'hex') from audit.head where organisation_id = '`+good.String()+`'`)
	if err := migrations.Up(t.Context(), pool); err != nil {
		t.Fatal(err)
	}
	var f audit.Fault
	if _, err := audit.Verify(t.Context(), pool); !errors.As(err, &f) || f.Organisation != broken || f.Seq != 3 || f.What != "changed" {
		t.Errorf("of the two chains %v", err)
	}
	for _, sql := range []string{`alter table audit.chain disable trigger all`, `delete from audit.chain where organisation_id = '` + broken.String() + `'`,
		`delete from audit.head where organisation_id = '` + broken.String() + `'`} {
		if _, err := pool.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := audit.Verify(t.Context(), pool); n != 7 || err != nil {
		t.Errorf("%d entries hold, want 6 and the one that says what was done: %v", n, err)
	}
	if n := scan[int](t, pool, `select count(*) from audit.chain where actor = '`+anna.String()+`'`); n != 0 {
		t.Errorf("%d entries still have the account's id", n)
	}
	if n := scan[int](t, pool, `select count(*) from audit.entry where actor_id = '`+anna.String()+`'`); n != 4 {
		t.Errorf("%d entries are known as hers, want 4", n)
	}
	if to := scan[string](t, pool, `select object_id from audit.entry where action = 'link_anew'`); to != head {
		t.Errorf("the entry names the head %s, which was %s", to, head)
	}
}
