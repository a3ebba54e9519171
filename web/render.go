package web

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/conference"
	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/conference/casefile/icf"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

//go:embed templates lang
var files embed.FS

// words are the sentences of a language, by key.
type words map[string]string

func loadWords(language string) (words, error) {
	raw, err := files.ReadFile("lang/" + language + ".json")
	if err != nil {
		return nil, fmt.Errorf("language %s: %w", language, err)
	}
	w := words{}
	if err := json.Unmarshal(raw, &w); err != nil {
		return nil, fmt.Errorf("language %s: %w", language, err)
	}
	return w, nil
}

func (w words) has(key string) bool { _, ok := w[key]; return ok }

// t returns the sentence for the joined key parts. A missing one shows as its key, which a test looks for.
func (w words) t(parts ...any) string {
	var b strings.Builder
	for _, p := range parts {
		fmt.Fprint(&b, p)
	}
	if s, ok := w[b.String()]; ok {
		return s
	}
	return "⟨" + b.String() + "⟩"
}

// f is t for a sentence with places to fill in.
func (w words) f(key string, values ...any) string { return fmt.Sprintf(w.t(key), values...) }

// pages are the templates: each page of templates/pages with the frame and the parts; the live page and the guest's stand alone. A page is
// put together when it is first asked for: all of them at once are half a second and 25 MB at every start.
type pages struct {
	base *template.Template // never executed, so that it can be cloned
	made sync.Map           // name → *template.Template
}

func loadPages(s *server) (*pages, error) {
	parts, err := fs.Glob(files, "templates/*.html")
	if err != nil {
		return nil, err
	}
	parts = slices.DeleteFunc(parts, func(file string) bool { return slices.Contains(alone, path.Base(file)) })
	base, err := template.New("base").Funcs(s.funcs()).ParseFS(files, parts...)
	if err != nil {
		return nil, fmt.Errorf("templates: %w", err)
	}
	return &pages{base: base}, nil
}

// alone are the templates beside the parts that are pages.
var alone = []string{"live.html", "guest.html"}

// named returns one of templates/pages, or one of those that stand alone.
func (p *pages) named(name string) (*template.Template, error) {
	if t, made := p.made.Load(name); made {
		return t.(*template.Template), nil
	}
	file := name + ".html"
	if !slices.Contains(alone, file) {
		file = "pages/" + file
	}
	t, err := p.base.Clone()
	if err == nil {
		t, err = t.ParseFS(files, "templates/"+file)
	}
	if err != nil {
		return nil, fmt.Errorf("page %s: %w", name, err)
	}
	kept, _ := p.made.LoadOrStore(name, t)
	return kept.(*template.Template), nil
}

// frame is what every page gets; D is the page's own.
type frame struct {
	Me         account.Actor
	SignedIn   bool
	Evaluation bool
	Said       string
	Path       string
	Now        time.Time
	Waiting    int // number beside "Heute"
	D          any
}

// page renders a page within the frame. The page's file says by what it defines whether it is a page of the house ("main")
// or a slip that stands alone ("slip").
func (s *server) page(c echo.Context, status int, name string, data any) error {
	a := me(c)
	f := frame{
		Me: a, SignedIn: a.Session != [16]byte{}, Evaluation: s.Evaluation, Said: s.said(c),
		Path: c.Request().URL.Path, Now: s.Now(), D: data,
	}
	if f.SignedIn && name != "error" { // an error page needs nothing that could fail again
		var err error
		if f.Waiting, err = s.waiting(c.Request().Context(), a); err != nil {
			return err
		}
	}
	return s.render(c, status, name, f)
}

// render renders a page: within the frame, as a slip, or one that stands alone.
func (s *server) render(c echo.Context, status int, name string, data any) error {
	t, err := s.pages.named(name)
	if err != nil {
		return err
	}
	start := "frame"
	switch {
	case t.Lookup("slip") != nil:
		start = "alone"
	case t.Lookup("main") == nil:
		start = name
	}
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, start, data); err != nil {
		return fmt.Errorf("render: %w", err)
	}
	return c.HTMLBlob(status, b.Bytes())
}

// funcs is what templates may call, by subject.
func (s *server) funcs() template.FuncMap {
	zone := expertpool.Zone()
	return template.FuncMap{
		// words
		"t":     s.words.t,
		"f":     s.words.f,
		"count": s.count,
		"names": s.names,
		"roles": roleNames,
		"why":   s.why,
		"tone":  tone,

		// moments and spans
		"when":    conference.When,
		"until":   conference.Until,
		"day":     conference.Day,
		"hours":   conference.Hours,
		"sday":    shortDay,
		"date":    func(t time.Time) string { return t.Format("02.01.2006") }, // for dates kept as midnight UTC
		"stamp":   func(t time.Time) string { return t.In(zone).Format("02.01.2006, 15:04 Uhr") },
		"clock":   func(t time.Time) string { return t.In(zone).Format("15:04") },
		"iso":     func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"isoday":  func(t time.Time) string { return t.In(zone).Format(time.DateOnly) },
		"dayat":   func(t time.Time) string { return dayURL(expertpool.Today(t)) },
		"minutes": func(a, b time.Time) int { return int(b.Sub(a).Minutes()) },
		"hour":    func(minutes int) int { return minutes / 60 },
		"span":    expertpool.HoursAndMinutes,
		"waited":  waited,

		// values
		"add":     func(a, b int) int { return a + b },
		"next":    func(n int) int { return n + 1 },
		"percent": percent,
		"join":    func(sep string, v []string) string { return strings.Join(v, sep) },
		"list":    func(v ...any) []any { return v },
		"strings": func(v ...string) []string { return v },

		// files of the page
		"icon": func() string { return s.Assets.URL("icon.svg") },
		"css":  func() string { return s.Assets.URL("konsil.css") },
		"js":   func(name string) string { return s.Assets.URL(name + ".js") },
		"qr":   qrPath,

		// forms
		"field":         s.field,
		"choices":       s.choices,
		"wrongs":        s.wrongs,
		"cuts":          s.cuts,
		"empty":         newEmpty,
		"trait":         s.trait,
		"summaryField":  s.summaryField,
		"templateField": s.templateField,

		// people
		"short":       account.Initials,
		"profession":  profession,
		"specialties": specialtyTerms,
		"distances":   func() []int { return distances },
		"modes":       expertpool.Modes,
		"languages":   expertpool.Languages,
		"home":        home,
		"provider":    s.providerName,
		"browser":     browserName,

		// cases
		"bars":       bars,
		"height":     func(drawn []bar) int { return max(len(drawn), 1) * barHeight },
		"degree":     s.degreeOf,
		"degrees":    degrees,
		"qualifiers": func(c icf.Code) []string { return c.Component().Fields() },
		"icflabel":   func(c icf.Code) string { return icf.Labels()[c].Label },
		"fact":       s.fact,
		"editions":   editions,
		"occasions":  func() []string { return casefile.Occasions },
		"workbands":  func() []string { return casefile.Bands },
		"wai":        waiFields,
		"whodas":     whodasFields,

		// requests, panels, dates
		"asked":      asked,
		"linked":     linked,
		"quoted":     quoted,
		"limit":      s.limit,
		"due":        s.due,
		"median":     s.median,
		"partrows":   s.partRows,
		"parts":      s.partList,
		"spare":      s.spare,
		"seriesrule": s.ruleOf,
		"seriesdays": listedDays,
		"takeplace":  takePlace,
		"placevalue": placeValue,

		// conferences
		"held":    s.held,
		"answers": s.answers,
		"scales":  scales,
		"dissent": s.dissent,
		"entries": entries,
		"turns":   turns,
		"lacking": s.lacking,
		"unasked": s.unasked,
		"where":   where,
	}
}

// waited says a span as people do: 12 min, 3 h, 4 Tage.
func waited(d time.Duration) string {
	switch {
	case d < time.Minute:
		return "eben"
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d Tage", int(d.Hours()/24))
}

// readDate reads <input type="date">; the zero time when it is empty or no date.
func readDate(value string) time.Time {
	t, err := time.Parse(time.DateOnly, value)
	if err != nil {
		return time.Time{}
	}
	return t
}

// readMoment reads a date and a time of day as they hold in Germany. A missing hour in spring is taken as the hour after it.
func readMoment(date, clock string) time.Time {
	t, err := time.ParseInLocation("2006-01-02 15:04", date+" "+clock, expertpool.Zone())
	if err != nil {
		return time.Time{}
	}
	return t
}
