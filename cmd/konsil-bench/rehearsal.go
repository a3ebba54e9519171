package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // the forms speak German time, whatever machine this is

	"github.com/gorilla/websocket"
)

// socketsEach is how many sockets a person may have in one conference; the
// server closes the oldest when there are more.
const socketsEach = 5

// visitor is a person of the rehearsal network who has signed in with one
// click.
type visitor struct {
	id   string // of the account
	url  string
	http *http.Client
}

// rehearsal is everybody who can be signed in as, by what they may do.
type rehearsal struct {
	coordinators, caseworkers, experts []*visitor
}

// gather signs in as every person that the start page offers. Which of the
// lists somebody belongs to shows in the pages that exist for her.
func gather(ctx context.Context, address string) (*rehearsal, error) {
	door, err := newVisitor("", address)
	if err != nil {
		return nil, err
	}
	page, err := door.get(ctx, "/")
	if err != nil {
		return nil, fmt.Errorf("start page: %w", err)
	}
	r := &rehearsal{}
	for _, m := range regexp.MustCompile(`action="/rehearse/([0-9a-f-]{36})"`).FindAllStringSubmatch(page, -1) {
		if err := r.welcome(ctx, m[1], address); err != nil {
			return nil, fmt.Errorf("sign in: %w", err)
		}
	}
	if len(r.coordinators) == 0 || len(r.caseworkers) == 0 || len(r.experts) == 0 {
		return nil, errors.New("nobody to sign in as: the server must be in evaluation mode")
	}
	return r, nil
}

func (r *rehearsal) welcome(ctx context.Context, id, address string) error {
	v, err := newVisitor(id, address)
	if err != nil {
		return err
	}
	if _, err := v.post(ctx, "/rehearse/"+id, nil); err != nil {
		return err
	}
	switch {
	case v.finds(ctx, "/cases"):
		r.caseworkers = append(r.caseworkers, v)
	case v.finds(ctx, "/requests"):
		r.coordinators = append(r.coordinators, v)
	case v.finds(ctx, "/conferences"): // not those who look after accounts or data protection
		r.experts = append(r.experts, v)
	}
	return nil
}

// meeting is a live conference made for one run, and who may come in.
type meeting struct {
	url, code string
	chair     *visitor
	guests    []*visitor
}

// convene brings a new invented case all the way to an open room, through the
// pages that people use, and invites the whole pool.
func (r *rehearsal) convene(ctx context.Context) (*meeting, error) {
	request, err := r.ask(ctx, r.caseworkers[0])
	if err != nil {
		return nil, err
	}
	chair := r.coordinators[0]
	conference, err := r.invite(ctx, chair, request)
	if err != nil {
		return nil, err
	}
	for _, e := range r.experts {
		if _, err := e.post(ctx, conference+"/answer", url.Values{"sequence": {"0"}, "answer": {"accepted"}}); err != nil {
			return nil, err
		}
		if _, err := e.post(ctx, conference+"/declare", url.Values{"declaration": {"none"}}); err != nil {
			return nil, err
		}
	}
	if _, err := chair.post(ctx, conference+"/open", nil); err != nil {
		return nil, err
	}
	m := &meeting{url: chair.url, code: strings.TrimPrefix(conference, "/conferences/"), chair: chair}
	for _, v := range slices.Concat(r.coordinators, r.caseworkers, r.experts) {
		if v.finds(ctx, conference+"/room") {
			m.guests = append(m.guests, v)
		}
	}
	return m, nil
}

// ask makes a case, with consent for every discipline there is, and a request.
// It returns the request's address.
func (r *rehearsal) ask(ctx context.Context, by *visitor) (string, error) {
	of, err := by.post(ctx, "/cases", url.Values{
		"first_name": {"Lastina"}, "last_name": {"Messprobe"}, "born": {"1980-02-29"}, "again": {"yes"}, // one person, many runs
		"situation": {"Probelauf der Mitschrift."}, "resources": {"Keine."}, "tried": {"Nichts."}, "goals": {"Messen."}, "limits": {"Keine."},
	})
	if err != nil {
		return "", err
	}
	if err := r.release(ctx, by, of); err != nil {
		return "", err
	}
	page, err := by.get(ctx, of+"/consent")
	if err != nil {
		return "", err
	}
	offered := func(name string) (values []string) {
		for _, m := range regexp.MustCompile(`name="`+name+`" value="([^"]+)"`).FindAllStringSubmatch(page, -1) {
			values = append(values, m[1])
		}
		return values
	}
	circle, organisations := offered("circle"), offered("organisations")
	if len(circle) == 0 || len(organisations) == 0 {
		return "", errors.New("the consent page offers no discipline or no organisation")
	}
	consent := url.Values{
		"purposes": {"conference", "presence"}, "circle": circle, "organisations": organisations, "language": {"de"}, "explained": {"yes"},
		"valid_until": {time.Now().AddDate(0, 1, 0).Format(time.DateOnly)}, "signed_on": {time.Now().AddDate(0, 0, -1).Format(time.DateOnly)},
	}
	if _, err := by.post(ctx, of+"/consent", consent); err != nil {
		return "", err
	}
	return by.post(ctx, of+"/request", url.Values{
		"question": {"Wie schnell ist die Mitschrift?"}, "own_wish": {"Dass es nicht ruckelt."}, "urgency": {"normal"},
		"disciplines": circle[:min(6, len(circle))], // a request names six at most
	})
}

// release checks the summary of a case and has a colleague release it: whoever of the other caseworkers sees the case.
func (r *rehearsal) release(ctx context.Context, by *visitor, of string) error {
	if _, err := by.post(ctx, of+"/check", url.Values{"version": {"1"}, "checked": {"yes"}}); err != nil {
		return err
	}
	for _, second := range r.caseworkers {
		if second == by || !second.finds(ctx, of) {
			continue
		}
		_, err := second.post(ctx, of+"/release", url.Values{"version": {"1"}, "checked": {"yes"}})
		return err
	}
	return errors.New("nobody else is there to release the summary")
}

// invite convenes a request for a few minutes from now, when the room may be
// open already, and returns the conference's address.
func (r *rehearsal) invite(ctx context.Context, chair *visitor, request string) (string, error) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		return "", err
	}
	ids := make([]string, len(r.experts))
	for i, e := range r.experts {
		ids[i] = e.id
	}
	first := min(12, len(ids)) // more are not asked in one step
	starts := time.Now().Add(5 * time.Minute).In(berlin)
	conference, err := chair.post(ctx, request+"/convene", url.Values{
		"experts": ids[:first], "date": {starts.Format(time.DateOnly)}, "time": {starts.Format("15:04")}, "length": {"60"},
	})
	if err != nil || first == len(ids) {
		return conference, err
	}
	_, err = chair.post(ctx, conference+"/invite", url.Values{"experts": ids[first:]})
	return conference, err
}

// room says how many sockets people may have here, one kept for the reader
// who comes at the end.
func (m *meeting) room() int { return len(m.guests)*socketsEach - 1 }

// dial opens the i-th socket: people take turns, so that nobody has more than
// is allowed before everybody has as many.
func (m *meeting) dial(ctx context.Context, i int) (*websocket.Conn, error) {
	v := m.guests[i%len(m.guests)]
	body, err := v.do(ctx, http.MethodPost, "/conferences/"+m.code+"/ticket", nil, http.StatusOK)
	if err != nil {
		return nil, err
	}
	var t struct{ Ticket string }
	if err := json.Unmarshal([]byte(body), &t); err != nil {
		return nil, fmt.Errorf("ticket: %w", err)
	}
	address := "ws" + strings.TrimPrefix(m.url, "http") + "/conferences/" + m.code + "/live?ticket=" + url.QueryEscape(t.Ticket)
	return dial(ctx, address, http.Header{"Origin": {m.url}})
}

// close ends the conference.
func (m *meeting) close(ctx context.Context) error {
	_, err := m.chair.post(ctx, "/conferences/"+m.code+"/end", nil)
	return err
}

// holds looks into the minutes: what they show is what was stored, not what
// the sockets say.
func (m *meeting) holds(ctx context.Context, text string) (bool, error) {
	page, err := m.chair.get(ctx, "/conferences/"+m.code+"/minutes")
	return strings.Contains(page, text), err
}

func newVisitor(id, address string) (*visitor, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &visitor{id, address, &http.Client{Jar: jar, Timeout: 30 * time.Second, CheckRedirect: stay}}, nil
}

func (v *visitor) get(ctx context.Context, path string) (string, error) {
	return v.do(ctx, http.MethodGet, path, nil, http.StatusOK)
}

// finds says whether a page exists for this person.
func (v *visitor) finds(ctx context.Context, path string) bool {
	_, err := v.get(ctx, path)
	return err == nil
}

// post sends a form and returns the path of the page that comes after it.
func (v *visitor) post(ctx context.Context, path string, form url.Values) (string, error) {
	to, err := v.do(ctx, http.MethodPost, path, form, http.StatusSeeOther)
	to, _, _ = strings.Cut(to, "?")
	return to, err
}

// do returns the body of an answer, or where it sends us. Any status but the
// wanted one is an error.
func (v *visitor) do(ctx context.Context, method, path string, form url.Values, want int) (string, error) {
	req, err := http.NewRequestWithContext(ctx, method, v.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := v.http.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	switch {
	case err != nil:
		return "", err
	case res.StatusCode != want:
		return "", fmt.Errorf("%s %s: %s", method, path, res.Status)
	case want == http.StatusSeeOther:
		return res.Header.Get("Location"), nil
	}
	return string(body), nil
}
