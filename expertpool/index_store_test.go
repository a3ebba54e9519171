package expertpool

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// crowd fills a directory with people of random profiles, so that words, facets and places meet in many ways.
func (d *directory) crowd(n int, r *rand.Rand) {
	pick := func(from ...string) string { return from[r.IntN(len(from))] }
	for range n {
		p := Profile{
			Discipline: Disciplines[r.IntN(len(Disciplines))], Profession: pick("", "physician", "psychologist", "nurse"),
			Specialties: []string{Specialties()[r.IntN(len(Specialties()))].Code},
			Specialty:   pick("", "Angst und Depression", "Schmerzbewältigung bei Rückenschmerz", "Kinderschutzfachkraft"),
			Topics:      []string{pick("Sucht", "Alkohol", "Migräne", "Wiedereingliederung", "Reha-Sport", "Post-Covid")},
			Languages:   []string{"de", pick("tr", "ar", "en", "ru")}, Place: pick("", "Lindenau", "Bad Köstritz", "Halle (Saale)"),
			Postcode: pick("", "34117", "34123", "37154", "80331", "10115", "99999"), Modes: []string{pick("video", "phone", "on_site")},
			TravelKM: r.IntN(100), HoursPerMonth: r.IntN(3),
		}
		name := pick("Anna", "Jürgen", "Ünal", "Olga") + " " + pick("Kern", "Müller", "Strößner", "Sander", "Angst") + pick("", "", "thal", "hof")
		d.addTo(d.network, d.pool, name, p)
	}
}

// plain asks the database for the same as a search, without any index: whoever meets all words and facets, in the same order.
func (d *directory) plain(q Search) (ids []uuid.UUID) {
	d.t.Helper()
	tokens := parse(&q)
	where, score := []string{"e.network_id = $1", "e.active", "not e.shut", "e.facets @> $2"}, []string{"0::float8"}
	args := []any{d.network, nonNil(q.Facets.all())}
	arg := func(v any) string { args = append(args, v); return fmt.Sprintf("$%d", len(args)) }
	like := func(w string) string { return arg("%" + w + "%") }
	var meets func(t token) string
	meets = func(t token) string {
		either := []string{"tsv @@ plainto_tsquery('german', " + arg(t.word) + ")", "facets && " + arg(nonNil(slices.Concat(t.facets, t.synonyms)))}
		for _, w := range append([]string{t.word, t.taken}, t.also...) {
			if len(w) >= 3 {
				either = append(either, "words like "+like(w))
			}
		}
		if len(t.parts) > 0 {
			var all []string
			for _, p := range t.parts {
				all = append(all, meets(p))
			}
			either = append(either, "("+strings.Join(all, " and ")+")")
		}
		return "(" + strings.Join(either, " or ") + ")"
	}
	for _, t := range tokens {
		where = append(where, meets(t))
		score = append(score, fmt.Sprintf(`case when sort_name like %[1]s then 4 when facets && %[2]s then 3 when words like %[1]s then 2.5 when facets && %[3]s then 2 else 1 end`,
			like(t.word), arg(nonNil(t.facets)), arg(nonNil(t.synonyms))))
	}
	km, within := "null::float8", ""
	if q.Near != "" {
		here, _, err := locate(d.t.Context(), d.db, q.Near)
		if err != nil {
			d.t.Fatal(err)
		}
		km = "case postcode"
		for _, code := range []string{"34117", "34123", "37154", "80331", "10115", "99999"} {
			there, _, err := locate(d.t.Context(), d.db, code)
			if err != nil {
				d.t.Fatal(err)
			}
			km += fmt.Sprintf(" when '%s' then %v", code, here.To(there))
		}
		if km += " end"; q.Within > 0 {
			within = fmt.Sprintf(" and %s <= %d", km, q.Within)
		}
	}
	if q.Free {
		where = append(where, "hours_per_month > 0")
	}
	rows, err := d.db.Query(d.t.Context(), `select account_id from expert e where `+strings.Join(where, " and ")+within+`
		order by `+strings.Join(score, " + ")+` desc, `+km+` nulls last, sort_name collate "C", account_id`, args...)
	if err != nil {
		d.t.Fatal(err)
	}
	if ids, err = pgx.CollectRows(rows, pgx.RowTo[uuid.UUID]); err != nil {
		d.t.Fatal(err)
	}
	return ids
}

// agrees compares a search with plain: who is found, in which order, on which page, and the figures of the facets.
func (d *directory) agrees(q Search) {
	d.t.Helper()
	want, f := d.plain(q), d.search(q)
	from := min(q.Page*PageSize, len(want))
	page := want[from:min(from+PageSize, len(want))]
	if f.Total != len(want) || !slices.EqualFunc(f.Hits, page, func(h Hit, id uuid.UUID) bool { return h.ID == id }) {
		d.t.Errorf("%+v: %d instead of %d, %s", q, f.Total, len(want), names(f))
	}
	var facets map[string]int
	err := d.db.QueryRow(d.t.Context(), `select coalesce(jsonb_object_agg(f, n), '{}') from (
		select f, count(*) as n from expert, unnest(facets) f where account_id = any($1) group by f) c`, nonNilIDs(want)).Scan(&facets)
	if err != nil || !maps.Equal(f.Counts, facets) {
		d.t.Errorf("%+v: counts %v instead of %v, %v", q, f.Counts, facets, err)
	}
}

func nonNilIDs(ids []uuid.UUID) []uuid.UUID { return append([]uuid.UUID{}, ids...) }

func randomSearch(r *rand.Rand) (q Search) {
	for range r.IntN(3) {
		q.Text += " " + []string{
			"Psychiatrie", "psychiater", "Nervenarzt", "kern", "Müller", "mueller", "STRÖSSNER", "Rückenschmerzen", "Schmerz", "fachkraft", "Angst",
			"Depressionen", "Reha", "Sport", "Suchttherapeutin", "Arzt", "türkisch", "Klinikum", "Bad", "in", "an", "ol", "x", "Saale", "Lindenauer",
			"thal", "Migraene", "Neurologierehabilitation", "Herzsport", "50%", "Kreuz", "Wiedereingliederungen", "Video", "Covid",
		}[r.IntN(34)]
	}
	if r.IntN(3) == 0 {
		q.Facets.Disciplines = []string{Disciplines[r.IntN(len(Disciplines))]}
	}
	if r.IntN(3) == 0 {
		q.Facets.Languages = []string{"de", []string{"tr", "ar", "hu"}[r.IntN(3)]}
	}
	if r.IntN(3) == 0 {
		q.Near, q.Within = []string{"34117", "37154", "80333"}[r.IntN(3)], []int{60, 400, 20}[r.IntN(3)]
	}
	q.Free, q.Page = r.IntN(4) == 0, r.IntN(8)/6
	return q
}

func TestEverySearchFindsWhatAPlainScanFinds(t *testing.T) {
	t.Parallel()
	d, r := newDirectory(t), rand.New(rand.NewPCG(1, 2))
	d.crowd(150, r)
	for i := range 240 {
		if q := randomSearch(r); len(d.search(q).Instead) == 0 { // a spelling that was taken for another is no plain word
			d.agrees(q)
		}
		switch {
		case i == 120:
			places := []Area{{"34117", Point{51.31, 9.49}, ""}, {"34123", Point{51.30, 9.55}, ""}, {"37154", Point{51.70, 10.00}, ""}}
			if err := ImportPlaces(t.Context(), d.db, places); err != nil {
				t.Fatal(err)
			}
		case i%40 == 10:
			d.exec(`update expert set topics = '{Angst}', languages = '{hu}', hours_per_month = 2 - least(2, hours_per_month)
				where account_id in (select account_id from expert where network_id = $1 order by random() limit 30)`, d.network)
		case i%40 == 20:
			d.exec(`update account set name = 'Dr. ' || name, disabled_at = case when random() < .5 then now() end
				where id in (select account_id from expert where network_id = $1 order by random() limit 10)`, d.network)
			d.crowd(10, r)
		case i%40 == 30:
			d.exec(`delete from account where id in (select account_id from expert where network_id = $1 order by random() limit 5)`, d.network)
		}
	}
}

func TestWhatIsCommittedLateIsFoundAllTheSame(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	other := NewStore(d.db, func() time.Time { return searchDay }) // another node
	finds := func(s *Store, text, want string) {
		t.Helper()
		if f, err := s.Search(t.Context(), d.clara, Search{Text: text}); err != nil || names(f) != want {
			t.Errorf("%q finds %s, %v", text, names(f), err)
		}
	}
	early, err := d.db.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer early.Rollback(t.Context())
	if _, err := early.Exec(t.Context(), `update account set name = 'Rolf Winkler' where name = 'Rolf Enders'`); err != nil {
		t.Fatal(err)
	}
	d.exec(`update account set name = 'Ivo Winkler' where name = 'Ivo Sander'`) // begun later, committed before
	for _, s := range []*Store{d.Store, other} {
		finds(s, "Winkler", "Ivo Winkler")
		finds(s, "Enders", "Rolf Enders")
	}
	if err := early.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, s := range []*Store{d.Store, other} {
		finds(s, "Winkler", "Ivo Winkler, Rolf Winkler")
		finds(s, "Enders", "")
	}
	d.exec(`delete from account where name = 'Ivo Winkler'`)
	d.exec(`update expert set network_id = $1, organisation_id = $2 from account a where a.id = account_id and a.name = 'Rolf Winkler'`, d.stranger.Network, d.stranger.Organisation)
	for _, s := range []*Store{d.Store, other} {
		finds(s, "Winkler", "")
		if f, err := s.Search(t.Context(), d.stranger, Search{Text: "Winkler"}); err != nil || names(f) != "Rolf Winkler" {
			t.Errorf("in the network that he went to: %s, %v", names(f), err)
		}
	}
}

func TestAnIndexThatIsOlderThanWhatIsKeptOfDeletionsIsReadAnew(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	if f := d.search(Search{Text: "Sander"}); names(f) != "Ivo Sander" {
		t.Fatalf("found %s", names(f))
	}
	goes := func(name string, days int) {
		t.Helper()
		d.exec(`delete from account where name = $1`, name)
		d.exec(`update directory_event set at = now() - make_interval(days => $1) where at > now() - interval '1 hour'`, days)
	}
	goes("Ivo Sander", 31)
	goes("Rolf Enders", 29)
	if err := d.sweepRows(t.Context()); err != nil {
		t.Fatal(err)
	}
	var kept int
	if err := d.db.QueryRow(t.Context(), `select count(*) from directory_event where network_id = $1`, d.network).Scan(&kept); err != nil || kept != 1 {
		t.Errorf("%d rows are kept, %v", kept, err)
	}
	d.exec(`delete from directory_event`) // as if the other one's time were over, too
	c := d.catalogue(d.network)
	c.at = c.at.AddDate(0, 0, -30)
	if f := d.search(Search{}); f.Total != 3 {
		t.Errorf("who has gone is found: %s", names(f))
	}
	if c.at.Before(time.Now().AddDate(0, 0, -1)) {
		t.Errorf("the index is still of %v", c.at)
	}
}

func TestSearchesAndChangesGoOnBesideEachOther(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	var wait sync.WaitGroup
	for writer := range 3 {
		wait.Go(func() {
			for i := range 15 {
				_, err := d.db.Exec(t.Context(), `update expert set topics = array[$2::text] from account a where a.id = account_id and a.name = $1`,
					[]string{"Ivo Sander", "Rolf Enders", "Olga Strößner"}[writer], fmt.Sprintf("thema%dx%d", writer, i))
				if err != nil {
					t.Error(err)
					return
				}
				f, err := d.Search(t.Context(), d.clara, Search{Text: fmt.Sprintf("thema%dx%d", writer, i)})
				if err != nil || f.Total != 1 {
					t.Errorf("what was written just now finds %d, %v", f.Total, err)
				}
			}
		})
	}
	wait.Wait()
	if f := d.search(Search{}); f.Total != 5 {
		t.Errorf("%d experts", f.Total)
	}
}
