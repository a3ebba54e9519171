package web

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/conference"
	"github.com/konsil-server/konsil/conference/agenda"
	"github.com/konsil-server/konsil/expertpool/account"
)

// agendaList is an agenda to be read.
type agendaList struct {
	Lines    []agendaLine
	Proposed bool
	Begun    bool
	Over     bool // the phases take longer than the conference
	Planned  int  // minutes of all phases
	Length   int  // minutes of the conference
}

// agendaLine is a phase in it.
type agendaLine struct {
	Begins     time.Time
	Title      string
	Hint       string // what the phase is for; empty: the title says it
	Owner      string
	Minutes    int
	Took       int // whole minutes
	Now        bool
	Leaderless bool // whoever was to lead through it does not come
}

// Spare is how many minutes of the conference no phase has taken.
func (l agendaList) Spare() int { return max(0, l.Length-l.Planned) }

func (s *server) agendaList(starts time.Time, a conference.Agenda) *agendaList {
	l := &agendaList{Proposed: a.Proposed, Begun: a.Begun(), Over: a.Over(), Planned: wholeMinutes(a.Phases.Length()), Length: wholeMinutes(a.Length)}
	begins := a.Phases.Begins(starts)
	for i, p := range a.Phases {
		line := agendaLine{
			Begins: begins[i], Title: s.phaseTitle(p.Kind, p.Title), Owner: s.phaseOwner(a, p), Minutes: p.Minutes, Took: agenda.WholeMinutes(a.Took(i, s.Now())),
			Now: i == a.At, Leaderless: a.Leaderless(p),
		}
		if key := "agenda.kind." + string(p.Kind) + ".hint"; s.words.has(key) {
			line.Hint = s.words.t(key)
		}
		l.Lines = append(l.Lines, line)
	}
	return l
}

func wholeMinutes(d time.Duration) int { return int(d / time.Minute) }

// phaseTitle is what a phase is called: as somebody has called it, or by its kind.
func (s *server) phaseTitle(kind agenda.Kind, title string) string {
	if title != "" {
		return title
	}
	return s.words.t("agenda.kind.", kind)
}

// phaseOwner names whoever leads through a phase: a person, or a role.
func (s *server) phaseOwner(a conference.Agenda, p agenda.Phase) string {
	if p.Owner.Role != agenda.Seat {
		return s.words.t("agenda.owner.", p.Owner.Role)
	}
	return a.Owner(p).Name
}

// agendaPage is the agenda of a conference: a form for whoever arranges it, a list for all others.
type agendaPage struct {
	conference.View
	Agenda conference.Agenda
	List   *agendaList
	Form   form // nothing: there is none to be filled in
	Rows   []agendaRow
	Notice string
	Did    string // what a button has done that is not saved yet; empty: nothing
	Focus  string // the value of the button that has the focus when the page opens
}

// Sum is how many minutes the rows of the form take; what is no number takes none.
func (p agendaPage) Sum() (sum int) {
	for _, r := range p.Rows {
		n, _ := strconv.Atoi(r.Minutes.Value)
		sum += max(0, n)
	}
	return sum
}

// Last is the number of the last row.
func (p agendaPage) Last() int { return len(p.Rows) - 1 }

// MostPhases is how many rows there can be.
func (agendaPage) MostPhases() int { return agenda.MostPhases }

// agendaRow is a phase in the form.
type agendaRow struct {
	N              int
	Kind, Title    field
	Minutes, Owner field
	Kinds, Owners  []choice
	Begins         time.Time
}

func (s *server) agenda(c echo.Context) error {
	a, v, err := s.Conferences.Agenda(c.Request().Context(), me(c), code(c))
	if err != nil {
		return err
	}
	p := agendaPage{View: v, Agenda: a}
	if v.CanArrange() && !a.Begun() {
		phases := a.Phases
		if d := c.QueryParam("without"); d != "" {
			phases, p.Did = a.Without(d), "without"
		}
		p.Form = agendaForm(typedPhases(phases))
	}
	return s.showAgenda(c, http.StatusOK, p)
}

func (s *server) showAgenda(c echo.Context, status int, p agendaPage) error {
	p.List = s.agendaList(p.StartsAt, p.Agenda)
	p.Rows = s.agendaRows(p)
	return s.page(c, status, "agenda", p)
}

// typedPhase is a phase as it stands in the form.
type typedPhase struct{ Kind, Title, Minutes, Owner string }

func typedPhases(phases agenda.Agenda) []typedPhase {
	rows := make([]typedPhase, len(phases))
	for i, p := range phases {
		rows[i] = typedPhase{string(p.Kind), p.Title, strconv.Itoa(p.Minutes), p.Owner.String()}
	}
	return rows
}

// agendaForm is the form with these rows.
func agendaForm(rows []typedPhase) form {
	f := form{Of: "agenda", Values: map[string][]string{}}
	for i, r := range rows {
		n := strconv.Itoa(i)
		f.Values["kind"+n], f.Values["title"+n], f.Values["minutes"+n], f.Values["owner"+n] = []string{r.Kind}, []string{r.Title}, []string{r.Minutes}, []string{r.Owner}
	}
	return f
}

// agendaIn reads the rows of a form; the first number without any field ends them. One more than there may be is read, so that it is refused.
func agendaIn(f form) (rows []typedPhase) {
	for i := range agenda.MostPhases + 1 {
		n := strconv.Itoa(i)
		if _, there := f.Values["kind"+n]; !there {
			break
		}
		rows = append(rows, typedPhase{f.Get("kind" + n), f.Get("title" + n), f.Get("minutes" + n), f.Get("owner" + n)})
	}
	return rows
}

// phases are the rows for the domain, which refuses a number that is none.
func phasesOf(rows []typedPhase) agenda.Agenda {
	phases := make(agenda.Agenda, len(rows))
	for i, r := range rows {
		minutes, _ := strconv.Atoi(strings.TrimSpace(r.Minutes))
		phases[i] = agenda.Phase{Kind: agenda.Kind(r.Kind), Title: r.Title, Minutes: minutes, Owner: agenda.ReadOwner(r.Owner)}
	}
	return phases
}

func (s *server) agendaPost(c echo.Context) error {
	f, err := formOf(c)
	if err != nil {
		return err
	}
	f.Of = "agenda"
	if act := f.Get("act"); act != "" && act != "save" {
		return s.rearrange(c, f, act)
	}
	err = s.Conferences.ArrangeAgenda(c.Request().Context(), me(c), code(c), phasesOf(agendaIn(f)), f.Get("because"))
	var refused *account.RefusedError
	switch {
	case err == nil:
		return s.arranged(c)
	case f.wrong(err):
		return s.agendaAgain(c, http.StatusUnprocessableEntity, agendaPage{Form: f})
	case errors.Is(err, account.ErrConflict) && errors.As(err, &refused):
		return s.agendaAgain(c, http.StatusConflict, agendaPage{Form: f, Notice: refused.Rule})
	}
	return err
}

// arranged tells the room, where there is one, and goes back to the conference.
func (s *server) arranged(c echo.Context) error {
	_, v, err := s.Conferences.Agenda(c.Request().Context(), me(c), code(c))
	if err != nil {
		return err
	}
	s.Live.AgendaChanged(v.ID.String())
	return s.done(c, at(c, ""), "agenda")
}

// agendaAgain shows the form once more, to those who may fill it in.
func (s *server) agendaAgain(c echo.Context, status int, p agendaPage) error {
	var err error
	if p.Agenda, p.View, err = s.Conferences.Agenda(c.Request().Context(), me(c), code(c)); err != nil {
		return err
	}
	if !p.CanArrange() {
		return account.ErrDenied
	}
	return s.showAgenda(c, status, p)
}

// rearrange does what a button beside a row says, and saves nothing.
func (s *server) rearrange(c echo.Context, f form, act string) error {
	p, status := agendaPage{Did: "changed"}, http.StatusOK
	rows := agendaIn(f)
	what, row, _ := strings.Cut(act, ":")
	n, err := strconv.Atoi(row)
	there := err == nil && n >= 0 && n < len(rows)
	switch {
	case what == "up" && there && n > 0, what == "down" && there && n+1 < len(rows):
		to := n - 1
		if what == "down" {
			to = n + 1
		}
		rows[n], rows[to] = rows[to], rows[n]
		p.Focus = what + ":" + strconv.Itoa(to)
	case what == "remove" && there:
		rows = slices.Delete(rows, n, n+1)
		p.Focus = "remove:" + strconv.Itoa(min(n, len(rows)-1))
	case act == "add" && len(rows) < agenda.MostPhases:
		p.Focus = "title:" + strconv.Itoa(len(rows))
		rows = append(rows, typedPhase{string(agenda.Own), "", "5", string(agenda.Moderator)})
	case act == "restore":
		a, _, err := s.Conferences.Agenda(c.Request().Context(), me(c), code(c))
		if err != nil {
			return err
		}
		rows, p.Did = typedPhases(a.Proposal()), "restored"
	default:
		p.Did, status = "", http.StatusUnprocessableEntity
	}
	p.Form = agendaForm(rows)
	p.Form.Values["because"] = f.Values["because"]
	if status != http.StatusOK {
		p.Form.Field, p.Form.Rule = "phases", "unknown"
		if act == "add" {
			p.Form.Rule = "twelve"
		}
	}
	return s.agendaAgain(c, status, p)
}

// agendaRows lays the rows of the form out.
func (s *server) agendaRows(p agendaPage) (rows []agendaRow) {
	typed := agendaIn(p.Form)
	begins := phasesOf(typed).Begins(p.StartsAt)
	for i, t := range typed {
		n := strconv.Itoa(i)
		r := agendaRow{
			N: i, Begins: begins[i], Kind: s.field(p.Form, "", "kind"+n), Title: s.field(p.Form, "text", "title"+n),
			Minutes: s.field(p.Form, "number", "minutes"+n), Owner: s.field(p.Form, "", "owner"+n), Owners: s.owners(p, t.Owner),
		}
		for _, k := range agenda.Kinds {
			r.Kinds = append(r.Kinds, choice{Value: string(k), Label: s.words.t("agenda.kind.", k), Chosen: string(k) == t.Kind})
		}
		rows = append(rows, r)
	}
	return rows
}

// owners are who can lead through a phase: the roles that the conference has, then everybody who was asked.
func (s *server) owners(p agendaPage, chosen string) (all []choice) {
	for _, r := range agenda.Roles {
		if r == agenda.Caseworker && !p.Agenda.Shape.Caseworker || r == agenda.Guest && p.Topic() {
			continue
		}
		all = append(all, choice{Value: string(r), Label: s.words.t("agenda.owner.", r), Chosen: string(r) == chosen})
	}
	for _, t := range p.Agenda.Seats {
		if !t.Role.Asked() {
			continue
		}
		o := choice{Value: t.ID.String(), Label: t.Name, Chosen: t.ID.String() == chosen}
		if t.Discipline != "" {
			o.Label += ", " + s.words.t("discipline.", t.Discipline)
		}
		if t.Answer == conference.Declined {
			o.Label += " " + s.words.t("agenda.not_coming")
		}
		all = append(all, o)
	}
	return all
}
