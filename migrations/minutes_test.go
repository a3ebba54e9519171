package migrations_test

import (
	"os"
	"testing"
	"testing/fstest"

	"github.com/konsil-server/konsil/migrations"
)

func TestMinutesFromBeforeSigningStayAsTheyWere(t *testing.T) {
	t.Parallel()
	pool := empty(t, "")
	const last = "00010_minutes_signature.sql"
	own := before(t, last)
	if err := migrations.UpFrom(t.Context(), pool, own); err != nil {
		t.Fatal(err)
	}
	conn, err := pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	for _, sql := range []string{
		`set session_replication_role = replica`, // minutes alone, without the conference they are of
		`insert into minutes (conference_id, organisation_id, state, body, sha256, changed_at, approved_by, approved_at)
			values (gen_random_uuid(), gen_random_uuid(), 'approved', '{"code": "K7"}', '\x01', now(), gen_random_uuid(), now())`,
		`insert into minutes (conference_id, organisation_id, state, changed_at) values (gen_random_uuid(), gen_random_uuid(), 'draft', now())`,
		`reset session_replication_role`,
	} {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(last)
	if err != nil {
		t.Fatal(err)
	}
	own[last] = &fstest.MapFile{Data: text}
	if err := migrations.UpFrom(t.Context(), pool, own); err != nil {
		t.Fatal(err)
	}
	if n := scan[int](t, pool, `select count(*) from minutes where signature is null and signed_by is null and (state = 'draft') = (body is null)`); n != 2 {
		t.Errorf("%d of two are as they were", n)
	}
	for what, sql := range map[string]string{
		"approved minutes are changed":        `update minutes set signature = decode(repeat('00', 64), 'hex'), signed_by = decode(repeat('00', 32), 'hex') where state = 'approved'`,
		"drafts are signed":                   `update minutes set signature = decode(repeat('00', 64), 'hex'), signed_by = decode(repeat('00', 32), 'hex') where state = 'draft'`,
		"minutes are approved without a body": `update minutes set state = 'approved' where state = 'draft'`,
	} {
		if _, err := pool.Exec(t.Context(), sql); err == nil {
			t.Errorf("the database lets it happen that %s", what)
		}
	}
}
