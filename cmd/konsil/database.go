package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konsil-server/konsil/migrations"
	"github.com/konsil-server/konsil/migrations/localpg"
)

// database is a pool, and the private cluster behind it if there is one.
type database struct {
	*pgxpool.Pool
	cluster *localpg.Cluster
}

// openDatabase connects to DATABASE_URL, or to the private cluster in KONSIL_DATA. With join it connects to the cluster that
// a running server holds, if there is one.
func openDatabase(ctx context.Context, c config, join bool, say func(string)) (*database, error) {
	d := &database{}
	address := c.DatabaseURL
	if c.evaluation() {
		var err error
		d.cluster, err = localpg.Start(ctx, localpg.Options{Dir: c.Data, Join: join, Log: say})
		if err != nil {
			return nil, err
		}
		address = d.cluster.URL()
	}
	pc, err := pgxpool.ParseConfig(address)
	if err != nil {
		d.close()
		return nil, fmt.Errorf("DATABASE_URL is not an address of PostgreSQL") // the parser's error may show the password
	}
	pc.MaxConns = max(pc.MaxConns, 10)
	migrations.Confine(pc)
	if d.Pool, err = pgxpool.NewWithConfig(ctx, pc); err != nil {
		d.close()
		return nil, fmt.Errorf("database: %w", err)
	}
	ctx, stop := context.WithTimeout(ctx, 10*time.Second)
	defer stop()
	if err := d.Ping(ctx); err != nil {
		d.close()
		return nil, fmt.Errorf("database does not answer: %w", err)
	}
	return d, nil
}

// errEnded says that the private cluster has gone by itself.
var errEnded = errors.New("the private PostgreSQL has ended; postgres.log in KONSIL_DATA may say why. Start konsil again")

// whileThere is ctx until the private cluster ends, and then done because of errEnded: a server without its database is of no
// use, and only a new start brings it back. A database of somebody else's is waited for instead.
func (d *database) whileThere(ctx context.Context) (context.Context, context.CancelCauseFunc) {
	ctx, end := context.WithCancelCause(ctx)
	if d.cluster != nil {
		go func() {
			select {
			case <-d.cluster.Ended():
				end(errEnded)
			case <-ctx.Done():
			}
		}()
	}
	return ctx, end
}

// migrate brings the schema up to date and checks that German text can be searched. A database of somebody else's that
// cannot is used all the same, with a warning: its locale is the operator's decision, and only search suffers.
func (d *database) migrate(ctx context.Context) error {
	if err := migrations.Up(ctx, d.Pool); err != nil {
		return err
	}
	d.Reset() // the role to be confined to may only be there now
	err := migrations.Check(ctx, d.Pool)
	if d.cluster == nil && errors.Is(err, migrations.ErrGermanText) {
		slog.Warn("search will miss German words", "why", err)
		return nil
	}
	return err
}

func (d *database) close() {
	if d.Pool != nil {
		d.Pool.Close()
	}
	if d.cluster != nil {
		d.cluster.Stop()
	}
}
