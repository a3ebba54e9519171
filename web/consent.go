package web

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/expertpool"
)

// consentForm is a form that says what a consent allows: for the whole sheet, or for what is left of it.
type consentForm struct {
	caseForm
	Purposes, Disciplines, Languages []string
	Organisations, Experts           choices
	PlanTo                           choices
	Releases                         []releaseRow
	TextVersion                      string
	Replaces                         bool // a consent stands that this one would replace
}

// releaseRow is one line for a release from secrecy.
type releaseRow struct {
	N                         int
	ID                        string
	Profession, Holder, About string
}

// releaseRows is how many releases the form has room for.
const releaseRows = 3

func (s *server) consent(c echo.Context) error {
	of, err := s.openCase(c)
	if err != nil {
		return err
	}
	f, err := s.proposal(c, of)
	if err != nil {
		return err
	}
	return s.showConsent(c, http.StatusOK, "consent", of, f)
}

// proposal fills the form with the sheet that was prepared or given before. Without one it proposes the disciplines that are asked
// for, of every organisation with a pool, and a year from today. It ticks nothing that only the person can say.
func (s *server) proposal(c echo.Context, of casefile.Case) (form, error) {
	today := expertpool.Today(s.Now())
	last := of.Prepared
	if last == nil {
		last = of.Consent
	}
	if last != nil {
		f := consentIn(*last)
		f.Values["signed_on"] = []string{today.Format(time.DateOnly)}
		f.Values["valid_from"] = []string{today.Format(time.DateOnly)}
		f.Values["valid_until"] = []string{today.AddDate(1, 0, 0).Format(time.DateOnly)}
		return f, nil
	}
	f := fill("purposes", string(casefile.Conference), "language", casefile.ConsentLanguages[0],
		"valid_from", today.Format(time.DateOnly), "valid_until", today.AddDate(1, 0, 0).Format(time.DateOnly), "signed_on", today.Format(time.DateOnly))
	asked, _, err := s.Conferences.OfCase(c.Request().Context(), me(c), of.ID)
	if err != nil {
		return f, err
	}
	if len(asked) > 0 {
		f.Values["circle"] = asked[0].Disciplines
	}
	all, err := s.Pool.Organisations(c.Request().Context(), me(c))
	for _, o := range all {
		if o.Kind == "pool" {
			f.Values["organisations"] = append(f.Values["organisations"], o.ID.String())
		}
	}
	return f, err
}

// consentIn shows a consent as a form does.
func consentIn(k casefile.Consent) form {
	f := fill("valid_from", k.ValidFrom.Format(time.DateOnly), "valid_until", k.ValidUntil.Format(time.DateOnly), "language", k.Language)
	f.Values["circle"] = k.Circle
	for _, p := range k.Purposes {
		f.Values["purposes"] = append(f.Values["purposes"], string(p))
	}
	for name, ids := range map[string][]uuid.UUID{"organisations": k.Organisations, "excluded": k.Excluded, "plan_to": k.PlanTo} {
		for _, id := range ids {
			f.Values[name] = append(f.Values[name], id.String())
		}
	}
	if k.CounselledOn != nil {
		f.Values["counselled_on"] = []string{k.CounselledOn.Format(time.DateOnly)}
	}
	for i, r := range k.Releases {
		n := strconv.Itoa(i)
		f.Values["release_id_"+n], f.Values["profession_"+n] = []string{r.ID.String()}, []string{r.Profession}
		f.Values["holder_"+n], f.Values["about_"+n] = []string{r.Holder}, []string{r.About}
	}
	return f
}

// consentOf reads what a form says. What cannot be read becomes a value that the domain refuses with the name of its field.
func consentOf(f form) casefile.Consent {
	k := casefile.Consent{
		Circle: slices.Clone(f.Values["circle"]), Organisations: idsIn(f, "organisations"), Excluded: idsIn(f, "excluded"), PlanTo: idsIn(f, "plan_to"),
		ValidFrom: readDate(f.Get("valid_from")), ValidUntil: readDate(f.Get("valid_until")), SignedOn: readDate(f.Get("signed_on")),
		Language: f.Get("language"), Explained: f.Has("explained", "yes"),
	}
	for _, p := range f.Values["purposes"] {
		k.Purposes = append(k.Purposes, casefile.Purpose(p))
	}
	if told := readDate(f.Get("counselled_on")); !told.IsZero() {
		k.CounselledOn = &told
	}
	for i := range releaseRows {
		n := strconv.Itoa(i)
		if f.Get("profession_"+n) != "" || f.Get("holder_"+n) != "" {
			k.Releases = append(k.Releases, casefile.SecrecyRelease{Profession: f.Get("profession_" + n), Holder: f.Get("holder_" + n), About: f.Get("about_" + n)})
		}
	}
	return k
}

func idsIn(f form, name string) []uuid.UUID {
	var ids []uuid.UUID
	for _, typed := range f.Values[name] {
		ids = append(ids, strictID(typed))
	}
	return ids
}

func (s *server) showConsent(c echo.Context, status int, page string, of casefile.Case, f form) error {
	ctx, by := c.Request().Context(), me(c)
	p := consentForm{
		caseForm: caseForm{of, f}, Disciplines: expertpool.Disciplines, Languages: casefile.ConsentLanguages,
		TextVersion: casefile.ConsentText, Replaces: of.Consent.Stands(s.Now()),
	}
	for _, one := range casefile.Purposes {
		p.Purposes = append(p.Purposes, string(one))
	}
	all, err := s.Pool.Organisations(ctx, by)
	if err != nil {
		return err
	}
	var circle []string // who is outside it need not be left out of it
	if page == "narrow" {
		circle = of.Consent.Circle
	}
	experts, err := s.Pool.Find(ctx, by, circle...)
	if err != nil {
		return err
	}
	p.Organisations, p.PlanTo = s.organisations(f, "organisations", all), s.organisations(f, "plan_to", all)
	p.Experts = s.persons(f, experts)
	for i := range releaseRows {
		n := strconv.Itoa(i)
		p.Releases = append(p.Releases, releaseRow{i, f.Get("release_id_" + n), f.Get("profession_" + n), f.Get("holder_" + n), f.Get("about_" + n)})
	}
	return s.page(c, status, page, p)
}

func (s *server) organisations(f form, name string, all []expertpool.Organisation) choices {
	group := choices{field: s.field(f, "checkbox", name)}
	for _, o := range all {
		group.Options = append(group.Options, choice{Value: o.ID.String(), Label: o.Name, Chosen: f.Has(name, o.ID.String())})
	}
	return group
}

// persons are the experts who can be left out of the circle.
func (s *server) persons(f form, all []expertpool.Expert) choices {
	group := choices{field: s.field(f, "checkbox", "excluded")}
	for _, e := range all {
		group.Options = append(group.Options, choice{
			Value: e.ID.String(), Label: e.Name, Hint: s.words.t("discipline.", e.Discipline), Chosen: f.Has("excluded", e.ID.String()),
		})
	}
	return group
}

// consentPost records what was signed.
func (s *server) consentPost(c echo.Context) error {
	return s.settleConsent(c, "consent", func(f form, of casefile.Case) error {
		return s.Conferences.Grant(c.Request().Context(), me(c), of.ID, consentOf(f))
	}, "", "consent")
}

// preparePost keeps what the sheet is to say, and leads to the sheet.
func (s *server) preparePost(c echo.Context) error {
	return s.settleConsent(c, "consent", func(f form, of casefile.Case) error {
		return s.Cases.Prepare(c.Request().Context(), me(c), of.ID, consentOf(f))
	}, "/consent/sheet", "prepared")
}

// narrow offers to take something out of the consent that stands.
func (s *server) narrow(c echo.Context) error {
	of, err := s.openCase(c)
	if err != nil {
		return err
	}
	if !of.Consent.Stands(s.Now()) {
		return refusedNoConsent()
	}
	return s.showConsent(c, http.StatusOK, "narrow", of, consentIn(*of.Consent))
}

func (s *server) narrowPost(c echo.Context) error {
	return s.settleConsent(c, "narrow", func(f form, of casefile.Case) error {
		k := consentOf(f)
		k.Releases = nil
		for _, id := range idsIn(f, "releases") {
			k.Releases = append(k.Releases, casefile.SecrecyRelease{ID: id})
		}
		return s.Conferences.Narrow(c.Request().Context(), me(c), of.ID, k)
	}, "", "narrowed")
}

// settleConsent does what a form about a consent asks for, shows the form again when something in it is wrong, and leads on.
func (s *server) settleConsent(c echo.Context, page string, do func(form, casefile.Case) error, next, said string) error {
	of, err := s.openCase(c)
	if err != nil {
		return err
	}
	f, err := formOf(c)
	if err != nil {
		return err
	}
	err = do(f, of)
	if f.wrong(err) {
		return s.showConsent(c, http.StatusUnprocessableEntity, page, of, f)
	}
	if err != nil {
		return err
	}
	return s.done(c, "/cases/"+of.ID.String()+next, said)
}

// sheetPage is the consent on one sheet of paper, to be signed and to be kept by the person.
type sheetPage struct {
	casefile.Case
	Sheet *casefile.Consent
	Text  string // one of casefile.ConsentLanguages
	Texts []string
	Names casefile.ConsentNames
	Link  string // the client's own; empty unless it was made just now
}

// Ticked says whether the sheet has a tick for this purpose.
func (p sheetPage) Ticked(purpose casefile.Purpose) bool { return p.Sheet.Allows(purpose) }

// Purposes are those a person can tick.
func (p sheetPage) Purposes() []casefile.Purpose { return casefile.Purposes }

func (s *server) sheet(c echo.Context) error {
	of, err := s.openCase(c)
	if err != nil {
		return err
	}
	return s.showSheet(c, of, c.QueryParam("text"), "")
}

// clientLinkPost makes the client's own link and prints it on her sheet. It is not shown again.
func (s *server) clientLinkPost(c echo.Context) error {
	of, err := s.openCase(c)
	if err != nil {
		return err
	}
	token, err := s.Cases.NewClientLink(c.Request().Context(), me(c), of.ID)
	if err != nil {
		return err
	}
	return s.showSheet(c, of, c.FormValue("text"), s.URL+"/client/"+token)
}

func (s *server) showSheet(c echo.Context, of casefile.Case, text, link string) error {
	p := sheetPage{Case: of, Sheet: of.Prepared, Text: text, Texts: casefile.ConsentLanguages, Link: link}
	if p.Sheet == nil {
		p.Sheet = of.Consent
	}
	if p.Sheet == nil {
		return refusedNoConsent()
	}
	if !slices.Contains(p.Texts, p.Text) {
		p.Text = p.Sheet.Language
	}
	var err error
	if p.Names, err = s.Cases.Names(c.Request().Context(), *p.Sheet); err != nil {
		return err
	}
	return s.page(c, http.StatusOK, "sheet", p)
}
