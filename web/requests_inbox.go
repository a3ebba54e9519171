package web

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/conference"
	"github.com/konsil-server/konsil/expertpool/account"
)

// requestsPage is the inbox: what is shown of it stands in the address.
type requestsPage struct {
	Waiting, Asked, Drafts, Decided []conference.Request

	Shows     []inboxPart
	Show      string
	Houses    []asker // whose requests there are, where they are of several
	House     uuid.UUID
	Allocated conference.Allocated
	Me        uuid.UUID
	Self      string // address
}

// inboxPart is a part of the inbox with its address, and how many are in it.
type inboxPart struct {
	Key, URL string
	Count    int
	Here     bool
}

// asker is an organisation that asks.
type asker struct {
	ID   uuid.UUID
	Name string
}

// shows are the parts of the inbox.
var shows = []string{"all", "waiting", "mine", "urgent", "decided"}

// partHas says whether a request belongs in a part of somebody's inbox.
func partHas(key string, r conference.Request, by uuid.UUID) bool {
	switch key {
	case "waiting":
		return r.State == "submitted"
	case "mine":
		return r.TakenBy == by && r.Waits() || r.CaseworkerID == by
	case "urgent":
		return r.Urgency == "urgent" && r.Waits()
	case "decided":
		return !r.Waits() && r.State != "draft"
	}
	return true
}

func (s *server) requests(c echo.Context) error {
	ctx, by := c.Request().Context(), me(c)
	found, err := s.Conferences.Requests(ctx, by)
	if err != nil {
		return err
	}
	p := requestsPage{Show: "all", Houses: housesOf(found), House: strictID(c.QueryParam("organisation")), Me: by.ID}
	if p.House != uuid.Nil {
		found = slices.DeleteFunc(found, func(r conference.Request) bool { return r.Organisation != p.House })
	}
	if chosen := c.QueryParam("show"); slices.Contains(shows, chosen) {
		p.Show = chosen
	}
	p.count(found)
	p.sort(slices.DeleteFunc(found, func(r conference.Request) bool { return !partHas(p.Show, r, by.ID) }))
	p.Self = p.at(p.Show)
	if by.May(account.DecideRequests) {
		if p.Allocated, err = s.Conferences.Allocated(ctx, by); err != nil {
			return err
		}
	}
	return s.page(c, http.StatusOK, "requests", p)
}

// at is the address of a part of the inbox, with the organisation that is chosen.
func (p requestsPage) at(key string) string {
	q := url.Values{}
	if key != "all" {
		q.Set("show", key)
	}
	if p.House != uuid.Nil {
		q.Set("organisation", p.House.String())
	}
	if len(q) == 0 {
		return "/requests"
	}
	return "/requests?" + q.Encode()
}

// count makes the links to the parts of the inbox.
func (p *requestsPage) count(found []conference.Request) {
	for _, key := range shows {
		n := 0
		for _, r := range found {
			if partHas(key, r, p.Me) {
				n++
			}
		}
		p.Shows = append(p.Shows, inboxPart{key, p.at(key), n, key == p.Show})
	}
}

// sort puts requests under the headings of the page; they keep their order.
func (p *requestsPage) sort(found []conference.Request) {
	for _, r := range found {
		switch r.State {
		case "submitted":
			p.Waiting = append(p.Waiting, r)
		case "needs_info":
			p.Asked = append(p.Asked, r)
		case "draft":
			p.Drafts = append(p.Drafts, r)
		default:
			p.Decided = append(p.Decided, r)
		}
	}
}

// housesOf are the organisations that requests come from, by name; none when it is one only.
func housesOf(found []conference.Request) []asker {
	var all []asker
	for _, r := range found {
		if h := (asker{r.Organisation, r.OrganisationName}); !slices.Contains(all, h) {
			all = append(all, h)
		}
	}
	if len(all) < 2 {
		return nil
	}
	slices.SortFunc(all, func(a, b asker) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// limit says how near a request is to having waited too long.
func (s *server) limit(r conference.Request) string {
	now := s.Now()
	switch red := r.RedAt(now); {
	case !r.Waits():
		return ""
	case r.State == "needs_info" && !r.Late(now):
		return s.words.t("request.stands")
	case r.Late(now):
		return s.words.f("request.red.since", waited(now.Sub(red)))
	default:
		return s.words.f("request.red.in", waited(red.Sub(now)))
	}
}

// takeRequest makes a request hers who will decide on it.
func (s *server) takeRequest(c echo.Context) error {
	from := uuid.Nil
	if typed := c.FormValue("from"); typed != "" {
		from = strictID(typed)
	}
	return s.onRequest(c, "request_taken", func(id uuid.UUID) error {
		return s.Conferences.Take(c.Request().Context(), me(c), id, from)
	})
}

func (s *server) giveRequest(c echo.Context) error {
	return s.onRequest(c, "request_given", func(id uuid.UUID) error { return s.Conferences.Give(c.Request().Context(), me(c), id) })
}

// withdrawRequest takes back a request, or throws a draft away.
func (s *server) withdrawRequest(c echo.Context) error {
	id, err := paramID(c, "id")
	if err != nil {
		return err
	}
	r, err := s.Conferences.Request(c.Request().Context(), me(c), id)
	if err != nil {
		return err
	}
	if err := s.Conferences.WithdrawRequest(c.Request().Context(), me(c), id); err != nil {
		return err
	}
	if r.State == "draft" {
		return s.done(c, "/cases/"+r.CaseID.String(), "request_draft_gone")
	}
	return s.done(c, "/requests/"+id.String(), "request_withdrawn")
}

// onRequest does something to a request that takes no form, and goes back to its page.
func (s *server) onRequest(c echo.Context, said string, do func(uuid.UUID) error) error {
	id, err := paramID(c, "id")
	if err != nil {
		return err
	}
	if err := do(id); err != nil {
		return err
	}
	return s.done(c, "/requests/"+id.String(), said)
}

// askBack asks the caseworker something before a request is decided.
func (s *server) askBack(c echo.Context) error {
	return s.inquire(c, "inquiry_made", func(id uuid.UUID, f form) error {
		return s.Conferences.AskBack(c.Request().Context(), me(c), id, f.Get("missing"), readDate(f.Get("due_on")), f.Get("because"))
	})
}

func (s *server) answerInquiry(c echo.Context) error {
	return s.inquire(c, "inquiry_answered", func(id uuid.UUID, f form) error {
		return s.Conferences.AnswerInquiry(c.Request().Context(), me(c), id, strictID(f.Get("inquiry")), f.Get("given"), f.Get("because"))
	})
}

func (s *server) withdrawInquiry(c echo.Context) error {
	return s.inquire(c, "inquiry_withdrawn", func(id uuid.UUID, f form) error {
		return s.Conferences.WithdrawInquiry(c.Request().Context(), me(c), id, strictID(f.Get("inquiry")))
	})
}

// inquire does something about a question of the coordination; a form with a fault comes back.
func (s *server) inquire(c echo.Context, said string, do func(uuid.UUID, form) error) error {
	id, err := paramID(c, "id")
	if err != nil {
		return err
	}
	f, err := formOf(c)
	if err != nil {
		return err
	}
	err = do(id, f)
	if f.wrong(err) {
		return s.showRequest(c, http.StatusUnprocessableEntity, requestPage{Inquiry: f})
	}
	if err != nil {
		return err
	}
	return s.done(c, "/requests/"+id.String(), said)
}

// median says how quick the coordination was, in words.
func (s *server) median(a conference.Allocated) string {
	if a.Count == 0 {
		return ""
	}
	return s.words.f("requests.median", waited(max(a.Median, time.Minute)))
}
