package pseudonym

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

func (d *desk) people(v *Vault, n int) (ids []uuid.UUID) {
	for i := range n {
		ids = append(ids, d.put(v, d.anna, Identity{FirstName: "Person", LastName: strings.Repeat("x", 1+i%50)}))
	}
	return ids
}

func (d *desk) rotate(v *Vault) string {
	d.t.Helper()
	key, err := v.Rotate(d.t.Context(), func(int, int) {})
	d.must(err)
	return key
}

func TestRotatingKeysBesideARunningServer(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	serving, operator := d.Vault, d.vault()
	before, err := os.ReadFile(filepath.Join(d.dir, "vault.key"))
	d.must(err)
	ids := d.people(serving, batch+5)
	var heard []string
	key, err := operator.Rotate(t.Context(), func(done, all int) {
		heard = append(heard, fmt.Sprintf("%d/%d", done, all))
		ids = append(ids, d.put(serving, d.anna, erfunda)) // enters people meanwhile, and goes over to the new key
	})
	d.must(err)
	if got := strings.Join(heard, " "); got != "0/55 50/55 55/55" {
		t.Errorf("heard %s", got)
	}
	for _, v := range []*Vault{serving, operator, d.vault()} {
		for _, id := range ids[len(ids)-8:] {
			d.must(d.subject(v, id))
		}
	}
	if n := d.count(`select count(*) from vault.identity where key_id <> $1`, key); n != 0 {
		t.Errorf("%d people are under another key", n)
	}
	if n := d.count(`select count(*) from vault.identity where key_id <> sealed_under`); n < batch {
		t.Errorf("only %d people were wrapped anew", n)
	}
	after, err := os.ReadFile(filepath.Join(d.dir, "vault.key"))
	if err != nil || string(after) == string(before) {
		t.Errorf("the key is the one before, %v", err)
	}
	if _, err := os.Stat(filepath.Join(d.dir, "vault.key.old")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the old key is still there: %v", err)
	}
	if found := d.find(d.anna, "Mayer"); len(found) != 3 {
		t.Errorf("%d people are found", len(found))
	}
	if n := d.count(`select count(*) from audit.entry where action = 'rotate_keys' and object_id = $1`, key); n != 1 {
		t.Errorf("%d entries of it", n)
	}
	// What somebody copied before opens nothing any more, with the key of then as little as with that of now.
	old, err := fromSetting("", strings.TrimSpace(string(before)))
	d.must(err)
	alone, err := KeySource{Dir: t.TempDir(), Key: hex.EncodeToString(old)}.Load()
	d.must(err)
	if err := d.subject(NewVault(d.db, alone, d.time), ids[0]); err == nil {
		t.Error("the old key opens what is wrapped under the new one")
	}
}

func TestARotationThatWasCutOffGoesOn(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ids := d.people(d.Vault, 2*batch+1)
	ctx, cut := context.WithCancel(t.Context())
	_, err := d.vault().Rotate(ctx, func(done, _ int) {
		if done == batch {
			cut()
		}
	})
	if err == nil {
		t.Fatal("it was not cut off")
	}
	half := d.count(`select count(*) from vault.identity where key_id = sealed_under`)
	if half != batch+1 {
		t.Fatalf("%d people are left", half)
	}
	middle, err := os.ReadFile(filepath.Join(d.dir, "vault.key"))
	d.must(err)
	started := d.vault() // with both keys
	d.must(started.Prepare(t.Context()))
	for _, id := range []uuid.UUID{ids[0], ids[len(ids)-1], d.put(started, d.anna, erfunda)} {
		d.must(d.subject(started, id))
	}
	d.rotate(d.vault())
	if now, err := os.ReadFile(filepath.Join(d.dir, "vault.key")); err != nil || string(now) != string(middle) {
		t.Errorf("a third key was made, %v", err)
	}
	if n := d.count(`select count(distinct key_id) from vault.identity`); n != 1 {
		t.Errorf("people are under %d keys", n)
	}
	for _, id := range ids {
		d.must(d.subject(d.Vault, id))
	}
}

func TestARotationCutOffBetweenTheFilesBeginsAnew(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	id := d.put(d.Vault, d.anna, erfunda)
	raw, err := os.ReadFile(filepath.Join(d.dir, "vault.key"))
	d.must(err)
	d.must(os.WriteFile(filepath.Join(d.dir, "vault.key.old"), raw, 0o600)) // the first of the two was written
	d.must(os.WriteFile(filepath.Join(d.dir, "vault.key.new"), raw[:20], 0o600))
	d.rotate(d.vault())
	if now, err := os.ReadFile(filepath.Join(d.dir, "vault.key")); err != nil || string(now) == string(raw) {
		t.Errorf("the key is the one before, %v", err)
	}
	d.must(d.subject(d.vault(), id))
}

func TestKeysFromSettings(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	id := d.put(d.Vault, d.anna, erfunda) // under the file
	first, second := strings.Repeat("1a", 32), strings.Repeat("2b", 32)
	with := func(s KeySource) *Vault {
		s.Dir = d.dir
		keys, err := s.Load()
		d.must(err)
		return NewVault(d.db, keys, d.time)
	}
	d.rotate(with(KeySource{Key: first})) // from the file to a setting
	if _, err := os.Stat(filepath.Join(d.dir, "vault.key")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file is still there: %v", err)
	}
	both := with(KeySource{Key: second, Old: first})
	d.must(both.Prepare(t.Context()))
	later := d.put(both, d.anna, erfunda) // still under the first: that is decided by the database
	d.rotate(with(KeySource{Key: second, Old: first}))
	now := with(KeySource{Key: second})
	d.must(now.Prepare(t.Context()))
	d.must(d.subject(now, id))
	d.must(d.subject(now, later))
	if err := with(KeySource{Key: first}).Prepare(t.Context()); err == nil || strings.Contains(err.Error(), first) {
		t.Errorf("with a key that holds no more: %v", err)
	}
	for name, s := range map[string]KeySource{"KONSIL_VAULT_KEY": {Key: first[1:]}, "KONSIL_VAULT_KEY_OLD": {Key: first, Old: "x"}} {
		s.Dir = t.TempDir()
		if _, err := s.Load(); err == nil || !strings.Contains(err.Error(), name+" ") || strings.Contains(err.Error(), first[1:]) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnOldKeyAloneIsNoReasonToMakeANewOne(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.put(d.Vault, d.anna, erfunda)
	d.must(os.Rename(filepath.Join(d.dir, "vault.key"), filepath.Join(d.dir, "vault.key.old")))
	if _, err := (KeySource{Dir: d.dir}).Load(); err == nil {
		t.Error("the missing key was made anew")
	}
	d.must(os.Remove(filepath.Join(d.dir, "vault.key.old")))
	if err := d.vault().Prepare(t.Context()); err == nil {
		t.Error("a vault sealed under a lost key is taken for a new one")
	}
}

func TestOnlyOneRotatesAtATime(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.people(d.Vault, 1)
	_, err := d.vault().Rotate(t.Context(), func(int, int) {
		if _, err := d.vault().Rotate(t.Context(), func(int, int) {}); !errors.Is(err, ErrRotating) {
			t.Errorf("a second one: %v", err)
		}
	})
	d.must(err)
}

func TestRowsWithoutTheirKeyStayClosed(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	id := d.put(d.Vault, d.anna, erfunda)
	d.rotate(d.vault())
	d.exec(`update vault.identity set sealed_under = key_id`) // the seal is bound to the key of its day
	err := d.do(func(ctx context.Context, tx pgx.Tx) error {
		_, err := d.Subject(ctx, tx, id, d.anna.Organisation)
		return err
	})
	if err == nil {
		t.Error("a changed row opened")
	}
}
