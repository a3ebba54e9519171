package expertpool

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// catalogue keeps the index of one network's directory in step with the database. Before each search one statement asks whether
// anything was committed since it last looked, and only then are the experts who have changed read again. So every node sees with
// its next search what any node has committed before.
//
// Whoever holds turn may write to index and seen, and is the only one to read the directory from the database. mu is held for
// writing while changes are put in, and for reading while a search reads the index, which takes about a millisecond; nobody waits
// for the database with it.
type catalogue struct {
	network uuid.UUID
	turn    chan struct{} // of one

	mu    sync.RWMutex
	index *index
	seen  string    // the snapshot of the database that index stands at; "" before there is one
	at    time.Time // when that was, by the database's clock
}

// catalogue is that of a network.
func (s *Store) catalogue(network uuid.UUID) *catalogue {
	c, _ := s.catalogues.LoadOrStore(network, &catalogue{network: network, turn: make(chan struct{}, 1)})
	return c.(*catalogue)
}

// look brings the index of a network up to date and lets f read it, with the stems of some words.
func (s *Store) look(ctx context.Context, network uuid.UUID, words []string, f func(x *index, stems map[string][]string)) error {
	c := s.catalogue(network)
	if !c.built() {
		if err := s.reread(ctx, c); err != nil {
			return fmt.Errorf("read the directory: %w", err)
		}
	}
	stale, stems, err := s.askChanges(ctx, c, words)
	if err == nil && stale {
		err = s.reread(ctx, c)
	}
	if err != nil {
		return fmt.Errorf("read the directory: %w", err)
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	f(c.index, stems)
	return nil
}

func (c *catalogue) built() bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.seen != ""
}

// unseen is true of what was written by a transaction that the snapshot $2 has not seen. Rows of a later transaction than any are
// those of a copied database: they were there when the index was built.
func unseen(column string) string {
	return fmt.Sprintf(`(%[1]s >= pg_snapshot_xmin($2::pg_snapshot) and %[1]s < pg_snapshot_xmax(pg_current_snapshot())
		and not pg_visible_in_snapshot(%[1]s, $2::pg_snapshot))`, column)
}

// overtaken is true where changes of single experts do not bring the index of the network $1 from the snapshot $2 up to date: somebody has
// gone or places have moved since, or the snapshot was taken so long ago ($3) that the rows which would say so may have been pruned. The
// day between the two terms is more than any transaction takes.
func overtaken() string {
	return `(exists (select from directory_event where (network_id = $1 or network_id is null) and ` + unseen("written") + `)
		or $3::timestamptz < now() - interval '29 days')`
}

// pruneEvents deletes what no index can need: one that is older is read anew.
const pruneEvents = `delete from directory_event where at < now() - interval '30 days'`

// askChanges is what every search asks: whether the index is behind, and how the database's dictionary stems some words.
func (s *Store) askChanges(ctx context.Context, c *catalogue, words []string) (stale bool, stems map[string][]string, err error) {
	c.mu.RLock()
	seen, at := c.seen, c.at
	c.mu.RUnlock()
	var lines []string
	err = s.db.QueryRow(ctx, `
		select exists (select from expert where network_id = $1 and `+unseen("changed")+`) or `+overtaken()+`,
			array(select array_to_string(tsvector_to_array(to_tsvector('german', word)), ' ')
				from unnest($4::text[]) with ordinality as w(word, n) order by n)`, c.network, seen, at, nonNil(words)).Scan(&stale, &lines)
	if err != nil {
		return false, nil, err
	}
	stems = make(map[string][]string, len(lines))
	for i, l := range lines {
		stems[words[i]] = strings.Fields(l)
	}
	return stale, stems, nil
}

// reread reads what the index has not seen. Everything is read where there is no index yet, where it is overtaken, and where most of the index is empty. Then a new index is built while searches read the old one.
func (s *Store) reread(ctx context.Context, c *catalogue) error {
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	var seen string
	var at time.Time
	var fresh *index
	var cards []card
	err := pgx.BeginTxFunc(ctx, s.db, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `select pg_current_snapshot()::text, now()`).Scan(&seen, &at)
		if err != nil {
			return err
		}
		whole, err := c.outdated(ctx, tx)
		if err != nil {
			return err
		}
		if whole {
			fresh, err = readIndex(ctx, tx, c.network)
			return err
		}
		return eachCard(ctx, tx, func(e card) { cards = append(cards, e) }, unseen("changed"), c.network, c.seen)
	})
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if fresh != nil {
		c.index = fresh
	}
	c.index.put(cards)
	c.seen, c.at = seen, at
	return nil
}

// outdated tells whether changes alone would not do.
func (c *catalogue) outdated(ctx context.Context, tx pgx.Tx) (whole bool, err error) {
	if c.seen == "" || c.index.wasteful() {
		return true, nil
	}
	err = tx.QueryRow(ctx, `select `+overtaken(), c.network, c.seen, c.at).Scan(&whole)
	return whole, err
}

// readIndex builds the index of a network anew.
func readIndex(ctx context.Context, tx pgx.Tx, network uuid.UUID) (*index, error) {
	areas := map[string]Point{}
	rows, err := tx.Query(ctx, `select code, lat, lon from postcode_area`)
	if err != nil {
		return nil, err
	}
	var code string
	var p Point
	_, err = pgx.ForEachRow(rows, []any{&code, &p.Lat, &p.Lon}, func() error {
		areas[code] = p
		return nil
	})
	if err != nil {
		return nil, err
	}
	x := newIndex(areas)
	err = eachCard(ctx, tx, x.add, `active and not shut`, network)
	x.sort()
	x.clip()
	return x, err
}

// eachCard gives f the experts of a network, who is $1 of the condition.
func eachCard(ctx context.Context, tx pgx.Tx, f func(card), condition string, args ...any) error {
	rows, err := tx.Query(ctx, `
		select account_id, active and not shut, sort_name, words, array_to_string(tsvector_to_array(tsv), ' '), array_to_string(facets, ' '),
			postcode, hours_per_month
		from expert where network_id = $1 and `+condition, args...)
	if err != nil {
		return err
	}
	var c card
	_, err = pgx.ForEachRow(rows, []any{&c.ID, &c.Listed, &c.SortName, &c.Words, &c.Stems, &c.Facets, &c.Postcode, &c.Hours}, func() error {
		f(c)
		return nil
	})
	return err
}
