package web

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/expertpool"
)

// expertsPage is the directory: a search, what it has found, and how to narrow it.
type expertsPage struct {
	Form     form
	Found    expertpool.Found
	Lost     string // a postcode that nobody knows
	Hits     []expertLine
	Chosen   []facetLink // that the list is narrowed by; each leads to the list without it
	Narrow   []facetGroup
	Previous string
	Next     string
	First    int // number of the first hit shown
}

type expertLine struct {
	expertpool.Hit
	Standing expertpool.Standing
	Bar      string // why she cannot be invited; "": she can
	Why      []string
}

type facetGroup struct {
	Kind  string // words experts.by.<kind>
	Links []facetLink
	More  []facetLink
}

type facetLink struct {
	Label, URL string
	Count      int // 0: not counted
}

// Facets as addresses write them, in the order in which the page offers them, and the letters they have in the domain.
var facetKinds = []struct{ kind, letter string }{
	{"discipline", "d"}, {"profession", "p"}, {"specialty", "s"}, {"language", "l"}, {"mode", "m"},
}

// distances in km that the page offers; 0 is any.
var distances = []int{10, 25, 50, 100, 200}

// shownFacets is how many values of a group stand open; the rest can be unfolded.
const shownFacets = 7

func (s *server) experts(c echo.Context) error {
	q := searchOf(c.QueryParams())
	ctx, by := c.Request().Context(), me(c)
	p := expertsPage{Form: form{Values: c.QueryParams()}, First: q.Page*expertpool.PageSize + 1}
	var err error
	p.Found, err = s.Pool.Search(ctx, by, q)
	if p.Form.wrong(err) {
		return s.page(c, http.StatusUnprocessableEntity, "experts", p)
	}
	if err != nil {
		return err
	}
	if q.Near != "" && p.Found.Near == "" {
		p.Lost = q.Near
	}
	ids := make([]uuid.UUID, len(p.Found.Hits))
	for i, h := range p.Found.Hits {
		ids[i] = h.ID
	}
	standings, err := s.Pool.Standings(ctx, by, ids)
	if err != nil {
		return err
	}
	for _, h := range p.Found.Hits {
		st := standings[h.ID]
		p.Hits = append(p.Hits, expertLine{h, st, st.Bar(s.Now()), s.whys(h, p.Found.Near)})
	}
	s.offerFacets(&p, q, c.QueryParams())
	if q.Page > 0 {
		p.Previous = searchURL(c.QueryParams(), "page", pageNumber(q.Page-1))
	}
	if next := q.Page + 1; next < expertpool.MaxPages && next*expertpool.PageSize < p.Found.Total {
		p.Next = searchURL(c.QueryParams(), "page", pageNumber(next))
	}
	return s.page(c, http.StatusOK, "experts", p)
}

// searchOf reads a search from an address. What is no number counts as nothing.
func searchOf(v url.Values) expertpool.Search {
	number := func(name string) int {
		n, err := strconv.Atoi(v.Get(name))
		if err != nil {
			return 0
		}
		return n
	}
	return expertpool.Search{
		Text: v.Get("q"), Near: strings.TrimSpace(v.Get("near")), Within: min(max(number("within"), 0), expertpool.MaxTravelKM),
		Free: v.Get("free") == "yes", Page: number("page"),
		Facets: expertpool.Facets{
			Disciplines: given(v["discipline"]), Professions: given(v["profession"]), Specialties: given(v["specialty"]),
			Languages: given(v["language"]), Modes: given(v["mode"]),
		},
	}
}

// given are the values that are not blank.
func given(values []string) []string {
	return slices.DeleteFunc(slices.Clone(values), func(v string) bool { return v == "" })
}

// pageNumber writes the number of a page; the first has none.
func pageNumber(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// searchURL is the address of the list with one value set, or taken away where it is "". It begins at the first page.
func searchURL(v url.Values, name, value string) string {
	to := url.Values{}
	for k, values := range v {
		if k != "page" && k != name {
			to[k] = given(values)
		}
	}
	if value != "" {
		to.Set(name, value)
	}
	return "/experts?" + to.Encode()
}

// offerFacets makes the links that narrow the list, and those that widen it again. A value that all hits have narrows nothing.
func (s *server) offerFacets(p *expertsPage, q expertpool.Search, v url.Values) {
	for _, k := range facetKinds {
		chosen := given(v[k.kind])
		for _, code := range chosen {
			p.Chosen = append(p.Chosen, facetLink{Label: s.facet(expertpool.Facet(k.letter, code)), URL: widened(v, k.kind, code)})
		}
		g := facetGroup{Kind: k.kind}
		for _, code := range facetCodes(k.kind) {
			n := p.Found.Counts[expertpool.Facet(k.letter, code)]
			if slices.Contains(chosen, code) || !p.Found.Capped && (n == 0 || n == p.Found.Total) {
				continue
			}
			g.Links = append(g.Links, facetLink{s.facet(expertpool.Facet(k.letter, code)), narrowed(v, k.kind, code), n})
		}
		slices.SortStableFunc(g.Links, func(a, b facetLink) int { return b.Count - a.Count })
		if len(g.Links) > shownFacets+1 {
			g.Links, g.More = g.Links[:shownFacets], g.Links[shownFacets:]
		}
		if len(g.Links) > 0 {
			p.Narrow = append(p.Narrow, g)
		}
	}
	if q.Free {
		p.Chosen = append(p.Chosen, facetLink{Label: s.words.t("experts.free"), URL: searchURL(v, "free", "")})
	}
}

func facetCodes(kind string) (codes []string) {
	switch kind {
	case "discipline":
		return expertpool.Disciplines
	case "profession":
		return professionCodes()
	case "specialty":
		return specialtyCodes()
	case "language":
		return expertpool.Languages()
	}
	return expertpool.Modes()
}

func professionCodes() (codes []string) {
	for _, p := range expertpool.Professions() {
		codes = append(codes, p.Code)
	}
	return codes
}

func specialtyCodes() (codes []string) {
	for _, s := range expertpool.Specialties() {
		codes = append(codes, s.Code)
	}
	return codes
}

func narrowed(v url.Values, kind, code string) string {
	return searchURL(v, kind, "") + "&" + url.Values{kind: append(given(v[kind]), code)}.Encode()
}

func widened(v url.Values, kind, code string) string {
	left := slices.DeleteFunc(given(v[kind]), func(c string) bool { return c == code })
	return strings.TrimSuffix(searchURL(v, kind, "")+"&"+url.Values{kind: left}.Encode(), "&")
}

// facet is the name of a facet as the domain writes it.
func (s *server) facet(f string) string {
	letter, code, _ := strings.Cut(f, ":")
	switch letter {
	case "d":
		return s.words.t("discipline.", code)
	case "p":
		return profession(code)
	case "s":
		return specialty(code)
	case "l":
		return s.words.t("language.", code)
	}
	return s.words.t("mode.", code)
}

// profession is the name of a profession; its code where nobody knows it.
func profession(code string) string {
	for _, p := range expertpool.Professions() {
		if p.Code == code {
			return p.Term
		}
	}
	return code
}

// specialty is the name of a specialty; its code where nobody knows it.
func specialty(code string) string {
	for _, s := range expertpool.Specialties() {
		if s.Code == code {
			return s.Term
		}
	}
	return code
}

// whys says in words why somebody is among the hits.
func (s *server) whys(h expertpool.Hit, near string) []string {
	var said []string
	say := func(line string) {
		if !slices.Contains(said, line) {
			said = append(said, line)
		}
	}
	for _, m := range h.Why {
		value := m.Value
		if letter, _, is := strings.Cut(value, ":"); is && len(letter) == 1 {
			value = s.facet(value)
		}
		switch m.Kind {
		case expertpool.MetFacet, expertpool.MetPlace, expertpool.MetHouse, expertpool.MetComes:
			say(s.words.f("experts.why."+m.Kind, value))
		case expertpool.MetName:
			say(s.words.f("experts.why.name", m.Asked))
		default:
			say(s.words.f("experts.why."+m.Kind, value, m.Asked))
		}
	}
	if h.Way != nil {
		say(s.way(*h.Way, near))
	}
	return said
}

// way says how far it is from a postcode.
func (s *server) way(w expertpool.Way, from string) string {
	switch {
	case w.Rough && w.KM == 0:
		return s.words.f("experts.way.region", from)
	case w.Rough:
		return s.words.f("experts.way.rough", w.KM, from)
	}
	return s.words.f("experts.way", w.KM, from)
}
