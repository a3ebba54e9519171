package expertpool

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/expertpool/account"
)

// fewHits is when a search looks for other spellings of words that it has found nothing for.
const fewHits = 5

// Search finds active experts of the actor's network. Without words and place the hits are sorted by name; otherwise the best
// come first, then the nearest. Who may not see the pool gets ErrDenied.
func (s *Store) Search(ctx context.Context, by account.Actor, q Search) (Found, error) {
	if !by.May(account.SeePool) {
		return Found{}, account.ErrDenied
	}
	if q.Page < 0 || q.Page >= MaxPages {
		return Found{}, &account.InvalidError{Field: "page", Rule: "range"}
	}
	if err := q.Facets.check(); err != nil {
		return Found{}, err
	}
	tokens := parse(&q)
	if len(tokens) == 0 && q.Within == 0 && len(q.Facets.all()) == 0 {
		q.Within = aroundAlone
	}
	ground, err := s.groundAround(ctx, q)
	if err != nil {
		return Found{}, err
	}
	if len(tokens) == 0 && ground == nil && !q.Free {
		return s.browse(ctx, by.Network, q)
	}
	rows, err := s.hits(ctx, by.Network, q, tokens, ground)
	if err != nil {
		return Found{}, err
	}
	var instead []Instead
	if len(rows) < fewHits && len(tokens) > 0 {
		if instead, err = s.respell(ctx, by.Network, tokens); err != nil {
			return Found{}, err
		}
		if len(instead) > 0 {
			if rows, err = s.hits(ctx, by.Network, q, tokens, ground); err != nil {
				return Found{}, err
			}
		}
	}
	found := foundOf(rows, tokens, ground)
	found.Instead = instead
	if len(rows) > 0 && !found.Capped {
		if err := s.know(ctx, rows[0].Kinds); err != nil {
			return Found{}, err
		}
		_, found.Counts = s.kinds.tally(rows[0].Kinds, rows[0].Numbers, nil)
	}
	return found, nil
}

// ground is where the search measures from, and how far the regions are.
type ground struct {
	near     string
	here     Point
	rough    bool
	prefixes []string
	km       []float64
	inside   []string // regions in which somebody within the distance may be
}

// regionReach is how far, in km, anybody may be from the middle of her region.
const regionReach = 90

// groundAround is nil when no place was asked for, or one that nobody knows.
func (s *Store) groundAround(ctx context.Context, q Search) (*ground, error) {
	if q.Near == "" {
		return nil, nil
	}
	here, rough, err := locate(ctx, s.db, q.Near)
	if err == account.ErrNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	g := &ground{near: q.Near, here: here, rough: rough}
	for _, r := range Regions() {
		km := here.To(r.Centre)
		g.prefixes, g.km = append(g.prefixes, r.Prefix), append(g.km, km)
		if km <= float64(q.Within)+regionReach {
			g.inside = append(g.inside, r.Prefix)
		}
	}
	return g, nil
}

// aroundAlone is how far, in km, a search goes that asks for nothing but a place: else it would be everybody, sorted.
const aroundAlone = 100

// hits runs the search. One statement finds, counts and ranks, so that the figures belong to the list.
func (s *Store) hits(ctx context.Context, network uuid.UUID, q Search, tokens []token, g *ground) ([]hitRow, error) {
	var b query
	month := MonthOf(s.now())
	from, until := b.arg(month.From), b.arg(month.Until)
	sql := `
		with gone as materialized (` + goneMinutes(from, until) + `), hit as materialized (` + b.hit(network, q, tokens, g) + `
		), page as (
			select * from hit order by score desc, km nulls last, sort_name, account_id limit ` + b.arg(PageSize) + ` offset ` + b.arg(q.Page*PageSize) + `
		), tally as (
			select kind, count(*)::int as n from hit where (select count(*) from hit) <= ` + b.arg(MaxCounted) + ` group by kind
		)
		select ` + hitColumns(b.arg(s.now().AddDate(0, 0, -30))) + `, h.km, h.rough,
			(select count(*) from hit)::int as total,
			(select array_agg(kind order by kind) from tally) as kinds, (select array_agg(n order by kind) from tally) as numbers
		from page h join expert e using (account_id) join account a on a.id = e.account_id join organisation o on o.id = e.organisation_id
		left join gone g using (account_id)
		order by h.score desc, h.km nulls last, h.sort_name, h.account_id`
	return collectHits(s.db.Query(ctx, sql, b.args...))
}

// hitRow is a hit as the database has it.
type hitRow struct {
	ID              uuid.UUID
	Name, Email     string
	Organisation    string
	Discipline      string
	Profession      string
	Specialties     []string
	Specialty       string
	Topics          []string
	Languages       []string
	Place, Postcode string
	TravelKM        int `db:"travel_km"`
	Modes           []string
	HoursPerMonth   int
	MaxCases        int
	Accessibility   string
	Facets          []string
	Asked           int
	UsedMinutes     int
	KM              *float64 `db:"km"`
	Rough           bool
	Total           int
	Kinds           []int64
	Numbers         []int
}

// hitColumns are those of a hitRow that come from e, a, o and g. LANR and BSNR stay on the profile's page.
func hitColumns(since string) string {
	return `a.id, a.name, a.email, o.name as organisation, e.discipline, e.profession, e.specialties, e.specialty, e.topics, e.languages,
		e.place, e.postcode, e.travel_km, e.modes, e.hours_per_month, e.max_cases, e.accessibility, e.facets,
		(select count(*) from invitation i where i.account_id = a.id and i.stamped_at > ` + since + `)::int as asked,
		coalesce(g.minutes, 0)::int as used_minutes`
}

// goneMinutes is what experts have given of a month: the conferences they were in and those they are asked for or have accepted.
func goneMinutes(from, until string) string {
	return `
		select s.account_id, sum(extract(epoch from case
			when c.state in ('inviting', 'quorate', 'live') then c.ends_at - c.starts_at
			else coalesce(s.left_at, c.ended_at, c.ends_at) - s.attended_at end)) / 60 as minutes
		from conference c join seat s on s.conference_id = c.id
		left join invitation i on i.seat_id = s.id and i.state <> 'cancelled'
		where c.starts_at >= ` + from + ` and c.starts_at < ` + until + ` and s.role = 'expert' and c.state <> 'cancelled'
			and (s.attended_at is not null or c.state in ('inviting', 'quorate', 'live') and i.state in ('offered', 'tentative', 'accepted'))
		group by s.account_id`
}

func collectHits(rows pgx.Rows, err error) ([]hitRow, error) {
	if err != nil {
		return nil, fmt.Errorf("search experts: %w", err)
	}
	hits, err := pgx.CollectRows(rows, pgx.RowToStructByName[hitRow])
	if err != nil {
		return nil, fmt.Errorf("search experts: %w", err)
	}
	return hits, nil
}

// query collects the values of a statement that is put together.
type query struct{ args []any }

// arg takes a value in and returns its place holder.
func (b *query) arg(v any) string {
	b.args = append(b.args, v)
	return fmt.Sprintf("$%d", len(b.args))
}

// hit selects everybody who meets the search, with her score and distance.
func (b *query) hit(network uuid.UUID, q Search, tokens []token, g *ground) string {
	km, rough, joins := "null::float8", "false", ""
	where := []string{"e.network_id = " + b.arg(network), "e.active", "not e.shut"}
	if f := q.Facets.all(); len(f) > 0 {
		where = append(where, "e.facets @> "+b.arg(f)+"::text[]")
	}
	if g != nil {
		km, rough, joins = b.distance(g)
		if q.Within > 0 {
			where = append(where, "left(e.postcode, 2) = any("+b.arg(g.inside)+"::text[])", "("+km+") <= "+b.arg(float64(q.Within))+"::float8")
		}
	}
	if q.Free {
		joins += " left join gone using (account_id)"
		where = append(where, "e.hours_per_month * 60 > coalesce(gone.minutes, 0)")
	}
	score := []string{"0"}
	for _, t := range tokens {
		where = append(where, b.meets(t))
		score = append(score, b.score(t))
	}
	sql := `
			select e.account_id, e.kind, e.sort_name, ` + strings.Join(score, " + ") + ` as score, ` + km + ` as km, ` + rough + ` as rough
			from expert e` + joins + `
			where ` + strings.Join(where, " and ")
	if g == nil {
		sql += " limit " + b.arg(MaxCounted+1) // by distance the nearest may be the last, so all are looked at
	}
	return sql
}

// distance is how to measure from g: to the middle of a postcode that is known, else of its region.
func (b *query) distance(g *ground) (km, rough, joins string) {
	lat, lon := b.arg(g.here.Lat), b.arg(g.here.Lon)
	km = fmt.Sprintf(`case when pa.code is null then region.km else 2 * %g * asin(sqrt(least(1, sin(radians(pa.lat - %[2]s) / 2) ^ 2
				+ cos(radians(%[2]s)) * cos(radians(pa.lat)) * sin(radians(pa.lon - %[3]s) / 2) ^ 2))) end`, earthRadius, lat+"::float8", lon+"::float8")
	rough = fmt.Sprintf("(%t or pa.code is null)", g.rough)
	joins = " left join postcode_area pa on pa.code = e.postcode left join unnest(" + b.arg(g.prefixes) + "::text[], " + b.arg(g.km) +
		"::float8[]) as region(prefix, km) on region.prefix = left(e.postcode, 2)"
	return km, rough, joins
}

// meets is the condition that a word of the search sets.
func (b *query) meets(t token) string {
	either := []string{"e.tsv @@ plainto_tsquery('german', " + b.arg(t.word) + ")"}
	for _, w := range append([]string{t.word, t.taken}, t.also...) {
		if len(w) >= 3 { // an index of trigrams has nothing for less
			either = append(either, "e.words like "+b.arg(contains(w)))
		}
	}
	if f := slices.Concat(t.facets, t.synonyms); len(f) > 0 {
		either = append(either, "e.facets && "+b.arg(f)+"::text[]")
	}
	if len(t.parts) > 0 {
		all := make([]string, len(t.parts))
		for i, p := range t.parts {
			all[i] = b.meets(p)
		}
		either = append(either, "("+strings.Join(all, " and ")+")")
	}
	return "(" + strings.Join(either, " or ") + ")"
}

// score weighs how well a word is met: in the name, by what it names, in what she says herself, by what it stands for.
func (b *query) score(t token) string {
	like := b.arg(contains(t.word))
	weigh := "case when e.sort_name like " + like + " then 4"
	if len(t.facets) > 0 {
		weigh += " when e.facets && " + b.arg(t.facets) + "::text[] then 3"
	}
	weigh += " when e.words like " + like + " then 2.5"
	if len(t.synonyms) > 0 {
		weigh += " when e.facets && " + b.arg(t.synonyms) + "::text[] then 2"
	}
	return weigh + " else 1 end"
}

// contains is the pattern of texts in which w stands.
func contains(w string) string {
	return "%" + strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(w) + "%"
}

// respell takes another spelling for each word that nobody of the network meets, and says which. What the lexicon knows goes
// before what people say about themselves.
func (s *Store) respell(ctx context.Context, network uuid.UUID, tokens []token) ([]Instead, error) {
	var all []Instead
	for i := range tokens {
		t := &tokens[i]
		if len(t.facets)+len(t.synonyms)+len(t.parts) > 0 || slips(t.word) == 0 {
			continue
		}
		var b query
		var met bool
		sql := `select exists (select from expert e where e.network_id = ` + b.arg(network) + ` and e.active and not e.shut and ` + b.meets(*t) + `)`
		if err := s.db.QueryRow(ctx, sql, b.args...).Scan(&met); err != nil {
			return nil, fmt.Errorf("respell: %w", err)
		}
		if met {
			continue
		}
		known := respelled(t.word)
		if known != "" {
			like := understand(t.asked, known)
			t.facets, t.synonyms, t.also = like.facets, like.synonyms, like.also
		} else {
			var err error
			if known, err = s.nearest(ctx, network, t.word); err != nil {
				return nil, err
			}
		}
		if known != "" {
			t.taken = known
			all = append(all, Instead{Asked: t.asked, Taken: known})
		}
	}
	return all, nil
}

// sampled is how many similar texts are read for a spelling. Comparing all of them would take far longer and find the same.
const sampled = 40

// nearest finds the word that stands in somebody's texts and is most like the given one; "" if none is.
func (s *Store) nearest(ctx context.Context, network uuid.UUID, word string) (string, error) {
	best, least := "", slips(word)+1
	err := pgx.BeginTxFunc(ctx, s.db, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `set local pg_trgm.word_similarity_threshold = 0.45`); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `
			select words from expert where network_id = $1 and active and not shut and $2 <% words limit $3`, network, word, sampled)
		if err != nil {
			return err
		}
		texts, err := pgx.CollectRows(rows, pgx.RowTo[string])
		for _, text := range texts {
			for _, w := range letters(text) {
				if d := edits(word, w, least); d < least {
					best, least = w, d
				}
			}
		}
		return err
	})
	if err != nil {
		return "", fmt.Errorf("respell: %w", err)
	}
	return best, nil
}
