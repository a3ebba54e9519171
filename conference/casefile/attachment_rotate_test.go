package casefile

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/attachment"
	"github.com/konsil-server/konsil/conference/pseudonym"
)

// server is a store that holds the keys of a directory, as each program that runs has one of its own.
func (d *desk) server(dir string) *Store {
	d.t.Helper()
	keys, err := pseudonym.FileKeys(dir).Load()
	d.must(err)
	s := NewStore(d.db, d.vault, d.now)
	s.KeepFiles(keys)
	return s
}

// keep seals a file without the work of building it anew.
func (d *desk) keep(s *Store, caseID uuid.UUID) uuid.UUID {
	d.t.Helper()
	id := uuid.New()
	d.must(pgx.BeginFunc(d.t.Context(), d.db, func(tx pgx.Tx) error {
		return s.insertAttachment(d.t.Context(), tx, d.by, caseID, id, "Befund", attachment.Clean{Kind: "image/png", Data: id[:], Pages: 1})
	}))
	return id
}

func (d *desk) opens(s *Store, caseID, id uuid.UUID) error {
	_, data, err := s.ViewAttachment(d.t.Context(), d.by, caseID, id)
	if err == nil && !slices.Equal(data, id[:]) {
		err = errors.New("another file came out")
	}
	return err
}

func (d *desk) count(sql string, args ...any) (n int) {
	d.t.Helper()
	d.must(d.db.QueryRow(d.t.Context(), sql, args...).Scan(&n))
	return n
}

func TestKeysOfAttachmentsChangeBesideARunningServer(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	dir := t.TempDir()
	of := d.newCase()
	serving, operator := d.server(dir), d.server(dir)
	before, err := os.ReadFile(filepath.Join(dir, "files.key"))
	d.must(err)
	var ids []uuid.UUID
	for range rewrapBatch + 3 {
		ids = append(ids, d.keep(serving, of))
	}
	heard := 0
	key, err := operator.RotateFiles(t.Context(), func(done, all int) {
		heard++
		if done > all || all < rewrapBatch+3 {
			t.Errorf("heard %d of %d", done, all)
		}
		ids = append(ids, d.keep(serving, of)) // somebody brings one meanwhile, to a server that has not heard of the new key
		d.must(d.opens(serving, of, ids[0]))
		if _, err := d.server(dir).RotateFiles(t.Context(), func(int, int) {}); !errors.Is(err, pseudonym.ErrRotating) {
			t.Errorf("a second one at the same time: %v", err)
		}
	})
	d.must(err)
	if heard != 3 {
		t.Errorf("progress was told %d times, want 3", heard)
	}
	for _, s := range []*Store{serving, operator, d.server(dir)} {
		for _, id := range []uuid.UUID{ids[0], ids[rewrapBatch+1], ids[len(ids)-1], d.keep(s, of)} {
			d.must(d.opens(s, of, id))
		}
	}
	if n := d.count(`select count(*) from attachment where key_id <> $1`, key); n != 0 {
		t.Errorf("%d are under another key", n)
	}
	if _, err := os.Stat(filepath.Join(dir, "files.key.old")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the old key is still there: %v", err)
	}
	if n := d.count(`select count(*) from audit.entry where action = 'rotate_keys' and object_kind = 'files' and object_id = $1`, key); n != 1 {
		t.Errorf("%d entries of it", n)
	}
	// Who copied the key before opens nothing any more.
	old := t.TempDir()
	d.must(os.WriteFile(filepath.Join(old, "files.key"), before, 0o600))
	if err := d.opens(d.server(old), of, ids[0]); err == nil {
		t.Error("the old key opens what is wrapped under the new one")
	}
}

func TestAChangeOfAttachmentsKeysThatWasCutOffGoesOn(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	dir := t.TempDir()
	of := d.newCase()
	serving := d.server(dir)
	var ids []uuid.UUID
	for range 2*rewrapBatch + 1 {
		ids = append(ids, d.keep(serving, of))
	}
	ctx, cut := context.WithCancel(t.Context())
	_, err := d.server(dir).RotateFiles(ctx, func(done, _ int) {
		if done == rewrapBatch {
			cut()
		}
	})
	if err == nil || d.count(`select count(distinct key_id) from attachment`) != 2 {
		t.Fatalf("it was not cut off half way: %v", err)
	}
	middle, err := os.ReadFile(filepath.Join(dir, "files.key"))
	d.must(err)
	started := d.server(dir) // with both keys
	for _, s := range []*Store{serving, started} {
		for _, id := range ids {
			d.must(d.opens(s, of, id))
		}
	}
	_, err = d.server(dir).RotateFiles(t.Context(), func(int, int) {})
	d.must(err)
	if now, err := os.ReadFile(filepath.Join(dir, "files.key")); err != nil || string(now) != string(middle) {
		t.Errorf("a third key was made, %v", err)
	}
	if n := d.count(`select count(distinct key_id) from attachment`); n != 1 {
		t.Errorf("attachments are under %d keys", n)
	}
	d.must(d.opens(serving, of, ids[len(ids)-1]))
}
