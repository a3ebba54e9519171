package expertpool

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// kinds remembers which facets the experts of a kind have. A kind is a hash of its facets, so what is known never changes.
type kinds struct {
	mu     sync.Mutex
	facets map[int64][]string
}

// kindsOf returns the facets of kinds, asking for those that are new.
func (s *Store) kindsOf(ctx context.Context, ids []int64) (map[int64][]string, error) {
	found, missing := s.kinds.known(ids)
	if len(missing) == 0 {
		return found, nil
	}
	rows, err := s.db.Query(ctx, `select distinct on (kind) kind, facets from expert where kind = any($1)`, missing)
	if err != nil {
		return nil, fmt.Errorf("kinds of experts: %w", err)
	}
	fresh := map[int64][]string{}
	var id int64
	var facets []string
	_, err = pgx.ForEachRow(rows, []any{&id, &facets}, func() error {
		fresh[id] = slices.Clone(facets)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("kinds of experts: %w", err)
	}
	s.kinds.learn(fresh)
	maps.Copy(found, fresh)
	return found, nil
}

func (k *kinds) known(ids []int64) (found map[int64][]string, missing []int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	found = make(map[int64][]string, len(ids))
	for _, id := range ids {
		if facets, ok := k.facets[id]; ok {
			found[id] = facets
		} else {
			missing = append(missing, id)
		}
	}
	return found, missing
}

// mostKinds bounds what is remembered; at the bound everything is asked for anew.
const mostKinds = 200_000

func (k *kinds) learn(fresh map[int64][]string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.facets == nil || len(k.facets)+len(fresh) > mostKinds {
		k.facets = map[int64][]string{}
	}
	maps.Copy(k.facets, fresh)
}

// tally says how many of these kinds have all of the facets, and how many of those have which other.
func tally(ids []int64, numbers []int, kinds map[int64][]string, facets []string) (total int, counts map[string]int) {
	counts = map[string]int{}
	for i, id := range ids {
		if slices.ContainsFunc(facets, func(f string) bool { return !slices.Contains(kinds[id], f) }) {
			continue
		}
		total += numbers[i]
		for _, f := range kinds[id] {
			counts[f] += numbers[i]
		}
	}
	return total, counts
}

// browse lists everybody who has the facets of a search, by name. All of the network are counted by kind, which an index alone
// answers, whatever the facets are.
func (s *Store) browse(ctx context.Context, network uuid.UUID, q Search) (Found, error) {
	ids, numbers, err := s.census(ctx, network)
	if err != nil {
		return Found{}, err
	}
	known, err := s.kindsOf(ctx, ids)
	if err != nil {
		return Found{}, err
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
		select ` + hitColumns(b.arg(s.now().AddDate(0, 0, -30))) + `, null::float8 as km, false as rough, 0 as total, null::bigint[] as kinds, null::int[] as numbers
		from page p join expert e using (account_id) join account a on a.id = e.account_id join organisation o on o.id = e.organisation_id
		left join gone g using (account_id)
		order by e.sort_name, e.account_id`
	rows, err := collectHits(s.db.Query(ctx, sql, b.args...))
	if err != nil {
		return Found{}, err
	}
	found := foundOf(rows, nil, nil)
	found.Total, found.Counts = tally(ids, numbers, known, q.Facets.all())
	return found, nil
}

// census counts the experts of a network by kind.
func (s *Store) census(ctx context.Context, network uuid.UUID) (ids []int64, numbers []int, err error) {
	err = s.db.QueryRow(ctx, `
		select coalesce(array_agg(kind), '{}'), coalesce(array_agg(n), '{}')
		from (select kind, count(*)::int as n from expert where network_id = $1 and active and not shut group by kind) k`, network).Scan(&ids, &numbers)
	if err != nil {
		return nil, nil, fmt.Errorf("count experts: %w", err)
	}
	return ids, numbers, nil
}
