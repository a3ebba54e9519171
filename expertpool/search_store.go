package expertpool

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/expertpool/account"
)

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
	h := hunt{tokens: parse(&q), facets: q.Facets.all(), within: q.Within, free: q.Free, first: q.Page * PageSize}
	if len(h.tokens) == 0 && q.Within == 0 && len(h.facets) == 0 {
		h.within = aroundAlone
	}
	if q.Free {
		var err error
		if h.spent, err = allSpent(ctx, s.db, by.Network, MonthOf(s.now())); err != nil {
			return Found{}, err
		}
	}
	var f Found
	var c caught
	err := s.look(ctx, by.Network, wordsIn(h.tokens), func(x *index, stems map[string][]string) {
		giveStems(h.tokens, stems)
		if h.ground = x.ground(q.Near); h.ground != nil {
			f.Near = q.Near
		}
		f.Instead = x.respell(h.tokens)
		c = x.find(h)
	})
	if err != nil {
		return Found{}, err
	}
	f.Total, f.Capped, f.Counts = c.total, c.capped, c.counts
	for _, t := range h.tokens {
		f.Heard = append(f.Heard, slices.Concat(t.facets, t.synonyms)...)
	}
	f.Hits, err = s.hits(ctx, by.Network, c.page, h.tokens)
	return f, err
}

// aroundAlone is how far, in km, a search goes that asks for nothing but a place: else it would be everybody, sorted.
const aroundAlone = 100

// wordsIn are the words of a search and of its compounds.
func wordsIn(tokens []token) (words []string) {
	for _, t := range tokens {
		words = append(append(words, t.word), wordsIn(t.parts)...)
	}
	return words
}

func giveStems(tokens []token, stems map[string][]string) {
	for i := range tokens {
		tokens[i].stems = stems[tokens[i].word]
		giveStems(tokens[i].parts, stems)
	}
}

// hits reads the experts of a page. Who has left since the index was asked is not among them.
func (s *Store) hits(ctx context.Context, network uuid.UUID, page []caughtHit, tokens []token) ([]Hit, error) {
	ids := make([]uuid.UUID, len(page))
	for i, c := range page {
		ids[i] = c.id
	}
	month := MonthOf(s.now())
	rows, err := s.db.Query(ctx, `
		with used as (`+usedBy(`s.account_id = any($1)`)+`)
		select a.id, a.name, a.email, o.name as organisation, e.discipline, e.profession, e.specialties, e.specialty, e.topics, e.languages,
			e.place, e.postcode, e.travel_km, e.modes, e.hours_per_month, e.max_cases, e.accessibility, e.facets,
			(select count(*) from invitation i where i.account_id = a.id and i.stamped_at > $5)::int as asked,
			coalesce(u.attended, 0) as attended, coalesce(u.planned, 0) as planned
		from expert e join account a on a.id = e.account_id join organisation o on o.id = e.organisation_id left join used u using (account_id)
		where e.account_id = any($1) and e.network_id = $4 and e.active and not e.shut`,
		ids, month.From, month.Until, network, s.now().AddDate(0, 0, -30))
	if err != nil {
		return nil, fmt.Errorf("search experts: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[hitRow])
	if err != nil {
		return nil, fmt.Errorf("search experts: %w", err)
	}
	var hits []Hit
	for _, c := range page {
		if i := slices.IndexFunc(found, func(r hitRow) bool { return r.ID == c.id }); i >= 0 {
			hits = append(hits, found[i].hit(tokens, c.way))
		}
	}
	return hits, nil
}

// hitRow is a hit as the database has it. LANR and BSNR stay on the profile's page.
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
	Attended        float64 // seconds of this month, as usedBy has them
	Planned         float64
}
