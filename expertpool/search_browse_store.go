package expertpool

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// kinds remembers which facets the experts of a kind have. A kind is a hash of its facets, so what is known never changes. Facets are
// numbered: counting by number is many times quicker than by word, and there may be tens of thousands of kinds.
type kinds struct {
	mu     sync.RWMutex
	facets map[int64][]int32
	names  []string
	number map[string]int32
}

// know asks for the facets of those kinds that are new.
func (s *Store) know(ctx context.Context, ids []int64) error {
	missing := s.kinds.missing(ids)
	if len(missing) == 0 {
		return nil
	}
	rows, err := s.db.Query(ctx, `select distinct on (kind) kind, facets from expert where kind = any($1)`, missing)
	if err != nil {
		return fmt.Errorf("kinds of experts: %w", err)
	}
	fresh := map[int64][]string{}
	var id int64
	var facets []string
	_, err = pgx.ForEachRow(rows, []any{&id, &facets}, func() error {
		fresh[id] = slices.Clone(facets)
		return nil
	})
	if err != nil {
		return fmt.Errorf("kinds of experts: %w", err)
	}
	s.kinds.learn(fresh)
	return nil
}

func (k *kinds) missing(ids []int64) (missing []int64) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	for _, id := range ids {
		if _, known := k.facets[id]; !known {
			missing = append(missing, id)
		}
	}
	return missing
}

// mostKinds bounds what is remembered; at the bound everything is asked for anew.
const mostKinds = 200_000

func (k *kinds) learn(fresh map[int64][]string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.facets == nil || len(k.facets)+len(fresh) > mostKinds {
		k.facets, k.names, k.number = map[int64][]int32{}, nil, map[string]int32{}
	}
	for id, facets := range fresh {
		numbers := make([]int32, len(facets))
		for i, f := range facets {
			n, known := k.number[f]
			if !known {
				n = int32(len(k.names))
				k.names, k.number[f] = append(k.names, f), n
			}
			numbers[i] = n
		}
		k.facets[id] = numbers
	}
}

// tally says how many of these kinds have all of the facets, and how many of those have which other.
func (k *kinds) tally(ids []int64, numbers []int, facets []string) (total int, counts map[string]int) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	wanted := make([]int32, len(facets))
	for i, f := range facets {
		n, known := k.number[f]
		if !known {
			return 0, map[string]int{} // nobody has it
		}
		wanted[i] = n
	}
	sums := make([]int, len(k.names))
	for i, id := range ids {
		has := k.facets[id]
		if slices.ContainsFunc(wanted, func(n int32) bool { return !slices.Contains(has, n) }) {
			continue
		}
		total += numbers[i]
		for _, n := range has {
			sums[n] += numbers[i]
		}
	}
	counts = make(map[string]int, len(sums))
	for n, sum := range sums {
		if sum > 0 {
			counts[k.names[n]] = sum
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
	if err := s.know(ctx, ids); err != nil {
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
	found.Total, found.Counts = s.kinds.tally(ids, numbers, q.Facets.all())
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
