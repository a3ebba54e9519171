package migrations_test

import (
	"errors"
	"net/url"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konsil-server/konsil/migrations"
)

// as opens the database of pool for another login, confined as the application is.
func as(t *testing.T, pool *pgxpool.Pool, login string) *pgxpool.Pool {
	t.Helper()
	u, err := url.Parse(pool.Config().ConnString())
	if err != nil {
		t.Fatal(err)
	}
	if login != "" {
		u.User = url.UserPassword(login, "secret")
	}
	config, err := pgxpool.ParseConfig(u.String())
	if err != nil {
		t.Fatal(err)
	}
	migrations.Confine(config)
	confined, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(confined.Close)
	return confined
}

func refused(err error) bool {
	var answer *pgconn.PgError
	return errors.As(err, &answer) && answer.Code == "42501"
}

// becomeOwner is how package pseudonym gets to the vault.
const becomeOwner = `select set_config('role', pg_get_userbyid(nspowner), true) from pg_namespace where nspname = 'vault'`

func TestOrdinaryStatementsReachNeitherVaultNorWhatIsRecorded(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, login, make string
		separated         bool
	}{
		{"a superuser's login", "", "", true},
		{"a login that may make roles", "town", "createrole", true},
		{"a login that may not", "village", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			pool := empty(t, "")
			if c.login != "" {
				giveTo(t, pool, c.login, c.make)
			}
			app := as(t, pool, c.login)
			for range 2 { // the second time everything is so already
				if err := migrations.Up(t.Context(), app); err != nil {
					t.Fatal(err)
				}
			}
			app.Reset()
			if yes, err := migrations.Separated(t.Context(), app); err != nil || yes != c.separated {
				t.Fatalf("separated: %v, %v", yes, err)
			}
			for _, sql := range []string{
				`select count(*) from vault.identity`, `delete from vault.blind`, `create table vault.mine ()`,
				`update audit.chain set reason = ''`, `delete from audit.chain`, `truncate audit.chain`, `delete from audit.head`,
				`update audit.known set id = null, salt = null`, `delete from audit.known`, `update audit.head set base_seq = 1`,
				`insert into audit.head values (gen_random_uuid(), 0, '', 1)`, `alter table audit.chain disable trigger all`, `create function audit.mine() returns int language sql as 'select 1'`,
			} {
				if _, err := app.Exec(t.Context(), sql); c.separated && !refused(err) {
					t.Errorf("%s: %v", sql, err)
				}
			}
			for _, sql := range []string{
				`insert into audit.head values (gen_random_uuid(), 0, '')`, `update audit.head set seq = 1`, `select count(*) from audit.entry`,
				`create table ours (n int)`, `vacuum (full) note_update`, `reindex table river_job`, `insert into network values (gen_random_uuid(), 'N')`,
			} {
				if _, err := app.Exec(t.Context(), sql); err != nil {
					t.Errorf("%s: %v", sql, err)
				}
			}
			err := pgx.BeginFunc(t.Context(), app, func(tx pgx.Tx) error {
				var n int
				if _, err := tx.Exec(t.Context(), becomeOwner); err != nil {
					return err
				}
				return tx.QueryRow(t.Context(), `select count(*) from vault.identity`).Scan(&n)
			})
			if err != nil {
				t.Errorf("the vault's owner: %v", err)
			}
		})
	}
}

// giveTo makes a login and gives it the database.
func giveTo(t *testing.T, pool *pgxpool.Pool, login, may string) {
	t.Helper()
	for _, sql := range []string{
		`create role ` + login + ` login password 'secret' ` + may,
		`alter database ` + pool.Config().ConnConfig.Database + ` owner to ` + login,
	} {
		if _, err := pool.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
}
