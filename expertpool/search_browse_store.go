package expertpool

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// census is how many experts of a network there are of each kind, a kind being a set of facets. Whatever a search narrows by
// facets alone can be counted in it, and counting fifty thousand people takes longer than somebody should wait for a page.
type census struct {
	at    time.Time
	size  int
	kinds []kind
}

type kind struct {
	Facets []string
	N      int
}

// censusAge is how old the counts of a large pool may be. The lists themselves are never old.
const censusAge = time.Minute

// censuses keeps the latest census of each network.
type censuses struct {
	mu     sync.Mutex
	latest map[uuid.UUID]census
}

// of returns a network's census, taking it anew when it is old. Whoever comes meanwhile gets the old one.
func (c *censuses) of(network uuid.UUID, now time.Time, take func() (census, error)) (census, error) {
	c.mu.Lock()
	old, known := c.latest[network]
	if known && now.Sub(old.at) < censusAge && !now.Before(old.at) {
		c.mu.Unlock()
		return old, nil
	}
	if c.latest == nil {
		c.latest = map[uuid.UUID]census{}
	}
	if known {
		old.at = now
		c.latest[network] = old // so that only one takes it
	}
	c.mu.Unlock()
	fresh, err := take()
	if err != nil {
		return census{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.latest[network] = fresh
	return fresh, nil
}

// count says how many have all of these facets, and how many of those have which other.
func (c census) count(facets []string) (total int, counts map[string]int) {
	counts = map[string]int{}
	for _, k := range c.kinds {
		if slices.ContainsFunc(facets, func(f string) bool { return !slices.Contains(k.Facets, f) }) {
			continue
		}
		total += k.N
		for _, f := range k.Facets {
			counts[f] += k.N
		}
	}
	return total, counts
}

// browse lists everybody who has the facets of a search, by name, with the counts of the census. It leaves a pool that is small
// enough to be counted each time to the search itself: whole is false.
func (s *Store) browse(ctx context.Context, network uuid.UUID, q Search) (found Found, whole bool, err error) {
	c, err := s.censuses.of(network, s.now(), func() (census, error) { return s.takeCensus(ctx, network) })
	if err != nil || c.size <= MaxCounted {
		return Found{}, false, err
	}
	var b query
	month := MonthOf(s.now())
	from, until := b.arg(month.From), b.arg(month.Until)
	where := `e.network_id = ` + b.arg(network) + ` and e.active and not e.shut`
	if f := q.Facets.all(); len(f) > 0 {
		where += ` and e.facets @> ` + b.arg(f) + `::text[]`
	}
	sql := `
		with gone as materialized (` + goneMinutes(from, until) + `), page as (
			select e.account_id from expert e where ` + where + `
			order by e.sort_name, e.account_id limit ` + b.arg(PageSize) + ` offset ` + b.arg(q.Page*PageSize) + `
		)
		select ` + hitColumns(b.arg(s.now().AddDate(0, 0, -30))) + `, null::float8 as km, false as rough, 0 as total, null::jsonb as counts
		from page p join expert e using (account_id) join account a on a.id = e.account_id join organisation o on o.id = e.organisation_id
		left join gone g using (account_id)
		order by e.sort_name, e.account_id`
	rows, err := collectHits(s.db.Query(ctx, sql, b.args...))
	if err != nil {
		return Found{}, false, err
	}
	found = foundOf(rows, nil, nil)
	found.Total, found.Counts = c.count(q.Facets.all())
	return found, true, nil
}

func (s *Store) takeCensus(ctx context.Context, network uuid.UUID) (census, error) {
	rows, err := s.db.Query(ctx, `
		select facets, count(*)::int as n from expert where network_id = $1 and active and not shut group by facets`, network)
	if err != nil {
		return census{}, fmt.Errorf("census: %w", err)
	}
	c := census{at: s.now()}
	if c.kinds, err = pgx.CollectRows(rows, pgx.RowToStructByName[kind]); err != nil {
		return census{}, fmt.Errorf("census: %w", err)
	}
	for _, k := range c.kinds {
		c.size += k.N
	}
	return c, nil
}
