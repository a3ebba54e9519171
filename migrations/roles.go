package migrations

import (
	"context"
	_ "embed"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

//go:embed roles/separate.sql
var separation string

// separate gives the schemas vault and audit to roles of their own, so that no ordinary statement of the application reads an
// identity or rewrites the record. It may be called at every start: what is so already stays. Where the user of the database may
// not make roles nothing happens, and Separated says so.
//
// Roles belong to the whole cluster: two databases that are separated at the same moment can get into each other's way, and one
// of them tries again.
func separate(ctx context.Context, pool *pgxpool.Pool) error {
	var err error
	for range 20 {
		err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
			_, err := tx.Exec(ctx, separation)
			return err
		})
		var answer *pgconn.PgError
		if !errors.As(err, &answer) {
			return err
		}
		switch answer.Code {
		case "42501": // insufficient_privilege
			return nil
		case "XX000", "23505", "42710": // tuple concurrently updated, unique_violation, duplicate_object
		default:
			return err
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
	return err
}

// Confine lets the connections of a pool work without the rights of a superuser, as the application's role, when they are a
// superuser's: rights would not bind it. "reset role" is the way back for what needs them. On the first start the role is only
// made by Up: call Reset on the pool after it.
func Confine(config *pgxpool.Config) {
	config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, `
			select set_config('role', app.rolname, false)
			from pg_roles app, pg_roles login
			where app.rolname = 'konsil_app' and login.rolname = session_user and login.rolsuper`)
		return err
	}
}

// Separated says whether the vault is out of reach of ordinary statements over db.
func Separated(ctx context.Context, db interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}) (yes bool, err error) {
	err = db.QueryRow(ctx, `select not has_schema_privilege(current_user, 'vault', 'usage')`).Scan(&yes)
	return yes, err
}
