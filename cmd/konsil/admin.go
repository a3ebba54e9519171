package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/audit"
)

// withDatabase runs an administration command beside a running server or without one.
func withDatabase(ctx context.Context, c config, do func(*database) error) error {
	db, err := openDatabase(ctx, c, true, func(string) {})
	if err != nil {
		return err
	}
	defer db.close()
	return do(db)
}

func migrate(ctx context.Context, c config, _ []string, out io.Writer) error {
	return withDatabase(ctx, c, func(db *database) error {
		if err := db.migrate(ctx); err != nil {
			return err
		}
		fmt.Fprintln(out, "database is up to date")
		return nil
	})
}

func auditVerify(ctx context.Context, c config, _ []string, out io.Writer) error {
	return withDatabase(ctx, c, func(db *database) error {
		n, err := audit.Verify(ctx, db.Pool)
		if err != nil {
			return fmt.Errorf("audit record does not hold: %w", err)
		}
		fmt.Fprintf(out, "audit record holds: %d entries checked\n", n)
		return nil
	})
}

// userAdd makes an account, and the organisation it belongs to if that is new. The password is drawn and shown once.
func userAdd(ctx context.Context, c config, args []string, out io.Writer) error {
	var n account.New
	var organisation, kind, network, discipline string
	f := flag.NewFlagSet("konsil user add", flag.ContinueOnError)
	f.SetOutput(out)
	f.Func("role", "caseworker, coordinator, expert or admin", func(s string) error { n.Role = account.Role(s); return nil })
	f.StringVar(&n.Name, "name", "", "name as others see it")
	f.StringVar(&n.Email, "email", "", "address, for signing in and for mails")
	f.StringVar(&organisation, "organisation", "", "name of the organisation; made if new")
	f.StringVar(&kind, "kind", "jobcenter", "of a new organisation: jobcenter, provider or pool")
	f.StringVar(&network, "network", "Netzwerk", "name of the network of a new organisation; made if new")
	f.StringVar(&discipline, "discipline", "", "of an expert, one of the pool's disciplines")
	if err := f.Parse(args); err != nil {
		return err
	}
	if organisation == "" {
		return errors.New("-organisation is required")
	}
	if n.Role == account.Expert && !expertpool.KnownDiscipline(discipline) {
		return fmt.Errorf("-discipline is required for an expert, one of %v", expertpool.Disciplines)
	}
	n.Password = rand.Text()
	return withDatabase(ctx, c, func(db *database) error {
		if err := db.migrate(ctx); err != nil {
			return err
		}
		org, net, err := organisationNamed(ctx, db, organisation, kind, network)
		if err != nil {
			return err
		}
		n.Organisation = org
		id, err := account.NewStore(db.Pool, time.Now).Add(ctx, n)
		if err != nil {
			return err
		}
		if n.Role == account.Expert {
			e := expertpool.Expert{ID: id, Discipline: discipline, Languages: []string{"de"}, HoursPerMonth: 2}
			if err := expertpool.NewStore(db.Pool, time.Now).Add(ctx, net, org, e); err != nil {
				return err
			}
		}
		fmt.Fprintf(out, "account %s\npassword, shown this once: %s\n", n.Email, n.Password)
		return nil
	})
}

func organisationNamed(ctx context.Context, db *database, name, kind, network string) (org, net uuid.UUID, err error) {
	err = pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `select id, network_id from organisation where name = $1`, name).Scan(&org, &net)
		if !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		err = tx.QueryRow(ctx, `select id from network where name = $1`, network).Scan(&net)
		if errors.Is(err, pgx.ErrNoRows) {
			net = uuid.New()
			_, err = tx.Exec(ctx, `insert into network (id, name) values ($1, $2)`, net, network)
		}
		if err != nil {
			return err
		}
		org = uuid.New()
		_, err = tx.Exec(ctx, `insert into organisation (id, network_id, name, kind) values ($1, $2, $3, $4)`, org, net, name, kind)
		return err
	})
	if err != nil {
		return org, net, fmt.Errorf("organisation %q: %w", name, err)
	}
	return org, net, nil
}
