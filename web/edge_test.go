package web

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
)

// fitting leaves of a form what a route takes.
func fitting(route string, form url.Values) url.Values {
	all, v := slotsOf(route), url.Values{}
	for name, values := range form {
		if all.takes(name, len(values)) {
			v[name] = values
		}
	}
	return v
}

func TestACallersAddressIsTheLastHopThatNoProxyOfOursWrote(t *testing.T) {
	t.Parallel()
	s := &server{Parts: Parts{Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24"), netip.MustParsePrefix("fd00::1/128")}}}
	for _, c := range []struct {
		peer, want string
		hops       []string
	}{
		{"192.0.2.7:1", "192.0.2.7", nil},
		{"192.0.2.7:1", "192.0.2.7", []string{"127.0.0.1"}}, // who is no proxy says nothing about others
		{"10.0.0.1:1", "10.0.0.1", nil},
		{"10.0.0.1:1", "192.0.2.7", []string{"192.0.2.7"}},
		{"10.0.0.1:1", "192.0.2.7", []string{"198.51.100.1, 192.0.2.7"}}, // what stands further left was said by the caller
		{"10.0.0.1:1", "192.0.2.7", []string{"198.51.100.1", "192.0.2.7, 10.0.0.9"}},
		{"10.0.0.1:1", "10.0.0.9", []string{"10.0.0.9"}},
		{"10.0.0.1:1", "10.0.0.1", []string{"192.0.2.7, unknown"}},
		{"10.0.0.1:1", "10.0.0.1", []string{"192.0.2.7:80"}},
		{"10.0.0.1:1", "10.0.0.1", []string{""}},
		{"[fd00::1]:1", "2001:db8::5", []string{"2001:db8::5"}},
		{"[::ffff:10.0.0.1]:1", "192.0.2.7", []string{"::ffff:192.0.2.7"}},
		{"@", "invalid IP", []string{"192.0.2.7"}},
	} {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
		r.RemoteAddr = c.peer
		r.Header["X-Forwarded-For"] = c.hops
		r.Header.Set("X-Real-Ip", "203.0.113.1")
		r.Header.Set("Forwarded", "for=203.0.113.1")
		if got := s.caller(r).String(); got != c.want {
			t.Errorf("%s, by way of %q: %s, want %s", c.peer, c.hops, got, c.want)
		}
	}
}

func TestOneConnectionOfIPv6IsOneHousehold(t *testing.T) {
	t.Parallel()
	for a, want := range map[string]string{"2001:db8:1:2:3::4": "2001:db8:1:2::/64", "2001:db8:1:2:ffff::": "2001:db8:1:2::/64", "192.0.2.7": "192.0.2.7"} {
		if got := household(netip.MustParseAddr(a)); got != want {
			t.Errorf("%s: %s", a, got)
		}
	}
}

func TestABudgetSaysExactlyWhenThereIsMore(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_000_000, 0)
	b := newBudget(pace{3, 10 * time.Second}, func() time.Time { return now })
	for n, c := range []struct {
		pass, wait time.Duration
	}{{0, 0}, {0, 0}, {0, 0}, {0, 10 * time.Second}, {4 * time.Second, 6 * time.Second}, {6 * time.Second, 0}, {0, 10 * time.Second}, {time.Hour, 0}, {0, 0}, {0, 0}, {0, 10 * time.Second}} {
		now = now.Add(c.pass)
		if wait := b.take("somebody"); wait != c.wait {
			t.Errorf("try %d: wait %v, want %v", n+1, wait, c.wait)
		}
		if n == 3 && b.take("somebody else") != 0 {
			t.Error("somebody else pays for it")
		}
	}
	if newBudget(pace{}, time.Now).take("anybody") != 0 {
		t.Error("no pace is no limit")
	}
}

func TestABudgetStaysSmallAndForgetsNobodyWhoGoesOnCalling(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_000_000, 0)
	b := newBudget(pace{1, time.Hour}, func() time.Time { return now })
	b.holds = 100
	b.take("guesser")
	for n := range 10_000 {
		b.take(fmt.Sprint("stranger ", n))
		if n%90 == 0 && b.take("guesser") == 0 {
			t.Fatalf("after %d strangers the guesser has a new budget", n)
		}
	}
	if size := len(b.young) + len(b.old); size > 2*b.holds {
		t.Errorf("it knows %d callers", size)
	}
}

func TestEveryFormDrawsOnABudget(t *testing.T) {
	t.Parallel()
	for path := range fields {
		if allowanceFor("POST", path) == nil {
			t.Errorf("POST %s may be sent without end", path)
		}
	}
	for path, want := range map[string]string{"/sign-in": "sign_in", uploads: "upload", uploads + "/x/remove": "write", "/cases/find": "search", "/guest/:token/ticket": "link", "/cases": "write"} {
		if a := allowanceFor("POST", path); a.name != want {
			t.Errorf("%s draws on %s", path, a.name)
		}
	}
	if allowanceFor("GET", "/cases") != nil || allowanceFor("GET", "/search").name != "search" {
		t.Error("reading pages is limited, or searching is not")
	}
}

func TestWhoDoesTooMuchIsToldHowLongToWaitAndOthersAreNotHeldUp(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	anna, bernd := s.as("Anna"), s.as("Bernd")
	var a answered
	for n := 0; a.Status != http.StatusTooManyRequests; n++ {
		if n > 1000 {
			t.Fatal("nobody stops her")
		}
		a = anna.get("/search?q=")
	}
	wait := a.Header.Get("Retry-After")
	if !a.Has("Zu viele Versuche") || wait != "1" || !a.Has("Wartezeit: 1 Sekunden") {
		t.Errorf("told to wait %q", wait)
	}
	if a := bernd.get("/search?q="); a.Status == http.StatusTooManyRequests {
		t.Error("a colleague of the same address is held up")
	}
	if a := anna.get("/cases"); a.Status != http.StatusOK {
		t.Errorf("she may not read any more: %d", a.Status)
	}
}

// raw sends bytes and reads the status of every answer until the connection closes.
func (s *testServer) raw(request string) (statuses []int) {
	s.t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	s.must(err)
	defer c.Close()
	s.must(c.SetDeadline(time.Now().Add(time.Minute)))
	_, err = io.WriteString(c, strings.ReplaceAll(request, "HOST", strings.TrimPrefix(s.URL, "http://")))
	s.must(err)
	from := bufio.NewReader(c)
	for {
		a, err := http.ReadResponse(from, nil)
		if err != nil {
			return statuses
		}
		_, _ = io.Copy(io.Discard, a.Body)
		a.Body.Close()
		statuses = append(statuses, a.StatusCode)
		if a.Close {
			return statuses
		}
	}
}

// TestARequestIsReadInOneWayOrNotAtAll: where a body ends is said once, and nothing in a body is taken for the next request.
func TestARequestIsReadInOneWayOrNotAtAll(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	const head, form, next = "POST /sign-in HTTP/1.1\r\nHost: HOST\r\n", "Content-Type: application/x-www-form-urlencoded\r\n", "GET /livez HTTP/1.1\r\nHost: HOST\r\n\r\n"
	for name, request := range map[string]string{
		"length and chunks":        head + form + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + next,
		"chunks and length":        head + form + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n" + next,
		"chunks":                   head + form + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + next,
		"chunks, spelled oddly":    head + form + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + next,
		"chunks twice":             head + form + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + next,
		"two lengths":              head + form + "Content-Length: 0\r\nContent-Length: 40\r\n\r\n" + next,
		"a list of lengths":        head + form + "Content-Length: 0, 40\r\n\r\n" + next,
		"a length with a sign":     head + form + "Content-Length: +4\r\n\r\nabcd" + next,
		"a negative length":        head + form + "Content-Length: -1\r\n\r\n" + next,
		"a blank before the colon": head + form + "Content-Length : 4\r\n\r\nabcd" + next,
		"a folded header":          head + "X: a\r\n b\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" + next,
		"no host":                  "POST /sign-in HTTP/1.1\r\n" + form + "Content-Length: 0\r\n\r\n" + next,
		"two hosts":                head + "Host: elsewhere.test\r\n" + form + "Content-Length: 0\r\n\r\n" + next,
		"a NUL in a header":        head + "X: a\x00b\r\n\r\n" + next,
	} {
		if got := s.raw(request); len(got) != 1 || got[0] < 400 || got[0] >= 500 && got[0] != http.StatusNotImplemented {
			t.Errorf("%s: answered %v", name, got)
		}
	}
	if got := s.raw("GET /livez HTTP/1.1\r\nHost: HOST\r\n\r\n" + strings.Replace(next, "\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1)); !slices.Equal(got, []int{200, 200}) {
		t.Errorf("two requests that are fine: %v", got)
	}
}

func TestAPathThatSaysTheSameAsAnotherIsNoPage(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	id := s.newCase().String()
	anna := s.as("Anna")
	if a := anna.get("/cases/" + id); a.Status != http.StatusOK {
		t.Fatalf("her case: %d", a.Status)
	}
	for _, path := range []string{
		"/cases/" + id + "/", "//cases/" + id, "/cases//" + id, "/cases/./" + id, "/experts/../cases/" + id, "/cases/%2e%2e/cases/" + id, "/experts/..%2fcases/" + id,
		"/%63ases/" + id, "/cases%2F" + id, "/cases/" + id + "%2f", "/cases/" + id + "%00", "/cases/" + id + ";x", "/cases;x/" + id, "/cases\\" + id, "/cases/" + id + "%20",
		"/cases/" + strings.ToUpper(id), "/CASES/" + id, "/cases/{" + id + "}", "/cases/" + id + "%0d%0aX: y", "/cases/" + strings.ReplaceAll(id, "-", ""), "/cases/%EF%BC%8F" + id,
	} {
		for _, method := range []string{"GET", "POST"} {
			u := &url.URL{Scheme: "http", Host: strings.TrimPrefix(s.URL, "http://"), Opaque: path}
			if strings.HasPrefix(path, "//") {
				u.Opaque = u.Scheme + "://" + u.Host + path
			}
			r := (&http.Request{Method: method, URL: u, Header: http.Header{}}).WithContext(t.Context())
			a, err := anna.http.Do(r)
			s.must(err)
			a.Body.Close()
			if a.StatusCode != http.StatusNotFound && a.StatusCode != http.StatusMethodNotAllowed && a.StatusCode != http.StatusBadRequest || method == "GET" && a.StatusCode == http.StatusMethodNotAllowed {
				t.Errorf("%s %s: %d", method, path, a.StatusCode)
			}
		}
	}
}

// TestAMethodThatARouteDoesNotHaveIsRefused on every route, also where a header asks for it.
func TestAMethodThatARouteDoesNotHaveIsRefused(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	b := s.visitor()
	b.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	has := map[string][]string{}
	for _, line := range access {
		method, path, _ := strings.Cut(line.route, " ")
		has[path] = append(has[path], method)
	}
	delete(has, "/assets/*") // a file is there or not
	for path, methods := range has {
		for _, method := range []string{"TRACE", "PROPFIND", "PATCH", "PUT", "DELETE", "GETT"} {
			a := b.do(method, path, nil)
			if a.Status != http.StatusMethodNotAllowed {
				t.Errorf("%s %s: %d", method, path, a.Status)
			}
			for _, m := range methods {
				if !strings.Contains(a.Header.Get("Allow"), m) {
					t.Errorf("%s %s: allows %q, and not %s", method, path, a.Header.Get("Allow"), m)
				}
			}
		}
	}
	anna := s.as("Anna")
	s.unchanged("asking for another method in a header", func() {
		for _, name := range []string{"X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"} {
			r, err := http.NewRequestWithContext(t.Context(), "GET", s.URL+"/sign-out", nil)
			s.must(err)
			r.Header.Set(name, "POST")
			a, err := anna.http.Do(r)
			s.must(err)
			a.Body.Close()
			if a.StatusCode != http.StatusMethodNotAllowed {
				t.Errorf("%s: %d", name, a.StatusCode)
			}
		}
	})
	if a := anna.get("/cases"); a.Path != "/cases" {
		t.Error("she is signed out")
	}
	for _, path := range []string{"/metrics", "/debug/pprof/", "/debug/pprof/heap", "/.git/config", "/.env"} {
		if a := anna.get(path); a.Status != http.StatusNotFound {
			t.Errorf("%s: %d", path, a.Status)
		}
	}
}

// TestEveryRouteRefusesAFieldThatIsNotItsOwn sends one more field to every address that takes a form, as somebody who is let in.
func TestEveryRouteRefusesAFieldThatIsNotItsOwn(t *testing.T) {
	t.Parallel()
	m := newMatrix(t)
	m.unchanged("forms with a field too many", func() {
		for _, line := range access {
			method, path, _ := strings.Cut(line.route, " ")
			if _, anything := slotsOf(path)[""]; method != http.MethodPost || anything || line.in == "" {
				continue
			}
			who := strings.Fields(strings.NewReplacer(anybody, "nobody", everybody, "Gustav").Replace(line.in))[0]
			a := m.calls(m.doors[who], method, m.address(path)+"?organisation_id=1", m.filled(line.form))
			if a.Status != http.StatusUnprocessableEntity || !a.Has("organisation_id") && !slotsOf(path).file() {
				t.Errorf("%s by %s: %d", line.route, who, a.Status)
			}
		}
	})
}

// TestEveryFormRefusesWhatItDoesNotTake: one fault after the other, for every form.
func TestEveryFormRefusesWhatItDoesNotTake(t *testing.T) {
	t.Parallel()
	for path := range fields {
		all := slotsOf(path)
		for _, f := range faultsOf(all) {
			r := httptest.NewRequestWithContext(t.Context(), "POST", "/"+f.query, strings.NewReader(f.body))
			r.Header["Content-Type"] = f.kinds
			c := echo.New().NewContext(r, httptest.NewRecorder())
			c.SetPath(path)
			err := (&server{}).strictly(path, func(c echo.Context) error {
				if !all.file() {
					return nil
				}
				_, _, err := uploaded(c)
				return err
			})(c)
			if status, _ := statusOf(err); err == nil || status != f.status {
				t.Errorf("%s: %s: %v, want %d", path, f.name, err, f.status)
			}
		}
	}
}

type fault struct {
	name        string
	kinds       []string
	body, query string
	status      int
}

func faultsOf(all slots) []fault {
	plain, parts := []string{"application/x-www-form-urlencoded"}, []string{"multipart/form-data; boundary=x"}
	part := func(head string) string {
		return "--x\r\nContent-Disposition: form-data; " + head + "\r\n\r\nyes\r\n--x--\r\n"
	}
	faults := []fault{
		{"another kind of text", []string{"application/json"}, `{"role":"admin"}`, "", http.StatusUnsupportedMediaType},
		{"no kind", nil, "role=admin", "", http.StatusUnsupportedMediaType},
		{"two kinds", append(parts, plain...), "role=admin", "", http.StatusUnsupportedMediaType},
		{"another charset", []string{plain[0] + "; charset=utf-16"}, "a=b", "", http.StatusUnsupportedMediaType},
	}
	if _, anything := all[""]; anything {
		return faults
	}
	faults = append(faults, fault{"a strange field as a part", parts, part(`name="role_id"`), "", http.StatusUnprocessableEntity},
		fault{"a strange field in the address", nil, "", "?role_id=admin", http.StatusUnprocessableEntity},
		fault{"a file of another name", parts, part(`name="other"; filename="a"`), "", http.StatusUnprocessableEntity})
	if all.file() {
		return append(faults, fault{"a form without its file", plain, "title=x", "", http.StatusUnsupportedMediaType},
			fault{"a field twice", parts, strings.TrimSuffix(part(`name="title"`), "--x--\r\n") + part(`name="title"`), "", http.StatusUnprocessableEntity})
	}
	faults = append(faults, fault{"a strange field", plain, "role_id=admin", "", http.StatusUnprocessableEntity},
		fault{"a broken escape", plain, "a=%zz", "", http.StatusBadRequest},
		fault{"a file", parts, part(`name="file"; filename="a"`), "", http.StatusUnprocessableEntity})
	for name, kind := range all {
		if kind == '#' {
			name += "0"
		}
		faults = append(faults, fault{"a NUL in " + name, plain, name + "=a%00b", "", http.StatusUnprocessableEntity},
			fault{"no UTF-8 in " + name, plain, name + "=a%ffb", "", http.StatusUnprocessableEntity})
		if kind != '*' {
			faults = append(faults, fault{name + " twice", plain, name + "=1&" + name + "=2", "", http.StatusUnprocessableEntity},
				fault{name + " in the address, too", plain, name + "=1", "?" + name + "=2", http.StatusUnprocessableEntity})
		}
	}
	return faults
}

func TestAFormThatIsTooLargeOrComesFromElsewhereIsRefused(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	b := s.as("Clara")
	send := func(body string, headers ...string) answered {
		r, err := http.NewRequestWithContext(t.Context(), "POST", s.URL+"/requests/x/decline", strings.NewReader(body))
		s.must(err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		a, err := b.http.Do(r)
		s.must(err)
		defer a.Body.Close()
		text, err := io.ReadAll(a.Body)
		s.must(err)
		checkHeaders(t, "POST", a.Header)
		return answered{Status: a.StatusCode, Body: string(text), Header: a.Header}
	}
	if a := send("reason=" + strings.Repeat("x", 1<<20)); a.Status != http.StatusRequestEntityTooLarge {
		t.Errorf("a megabyte and more: %d", a.Status)
	}
	if a := send("reason=x" + strings.Repeat("&a=1", 1001)); a.Status != http.StatusRequestEntityTooLarge && a.Status != http.StatusUnprocessableEntity {
		t.Errorf("a thousand fields and more: %d", a.Status)
	}
	if a := send("<script>=1"); a.Status != http.StatusUnprocessableEntity || strings.Contains(a.Body, "script>=") || strings.Contains(a.Body, "&lt;script") {
		t.Errorf("a strange name: %d", a.Status)
	}
	if a := send("role_id=admin"); !a.Has("role_id") || !a.Has("Dieses Formular passt nicht zur Seite") {
		t.Error("the field is not named")
	}
	for _, from := range [][]string{
		{"Origin", "https://evil.test"}, {"Origin", "null"}, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"},
		{"Origin", s.URL + ".evil.test"}, {"Origin", strings.Replace(s.URL, "127.0.0.1", "127.0.0.1.evil.test", 1)},
	} {
		if a := send("reason=x", from...); a.Status != http.StatusForbidden || !a.Has("Das kam nicht von dieser Seite") {
			t.Errorf("%v: %d", from, a.Status)
		}
	}
	if a := send("reason=x", "Origin", s.URL, "Sec-Fetch-Site", "same-origin"); a.Status != http.StatusNotFound {
		t.Errorf("from its own page: %d", a.Status)
	}
}

// TestOverTLSCookiesBelongToThisHostAndPlainHTTPLeadsBack: konsil behind a proxy that ends TLS.
func TestOverTLSCookiesBelongToThisHostAndPlainHTTPLeadsBack(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	p := s.Parts
	p.URL, p.Proxies = "https://konsil.test", []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24")}
	h, err := New(p)
	s.must(err)
	ask := func(method, path, peer string, headers ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
		r.RemoteAddr = peer + ":1"
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	door := "/rehearse/" + s.people["Anna"].ID.String()
	in := ask("POST", door, "10.0.0.1", "X-Forwarded-Proto", "https")
	session := in.Result().Cookies()
	if len(session) != 1 || session[0].Name != "__Host-konsil" || !session[0].Secure || !session[0].HttpOnly || session[0].Path != "/" || session[0].Domain != "" || session[0].SameSite != http.SameSiteLaxMode {
		t.Fatalf("signed in: %d, %v", in.Code, in.Header()["Set-Cookie"])
	}
	if in.Header().Get("Strict-Transport-Security") == "" {
		t.Error("browsers are not told to stay with TLS")
	}
	out := ask("POST", "/sign-out", "10.0.0.1", "Cookie", "__Host-konsil="+session[0].Value)
	for _, k := range out.Result().Cookies() {
		if !strings.HasPrefix(k.Name, "__Host-") || !k.Secure || !k.HttpOnly || k.Path != "/" || k.Domain != "" {
			t.Errorf("signed out: %v", k)
		}
	}
	if len(out.Result().Cookies()) != 2 {
		t.Errorf("signed out: %v", out.Header()["Set-Cookie"])
	}
	if w := ask("GET", "/cases?q=a%26b", "10.0.0.1", "X-Forwarded-Proto", "http"); w.Code != http.StatusPermanentRedirect || w.Header().Get("Location") != "https://konsil.test/cases?q=a%26b" {
		t.Errorf("plain: %d to %s", w.Code, w.Header().Get("Location"))
	}
	if w := ask("POST", door, "10.0.0.1", "X-Forwarded-Proto", "http"); w.Code != http.StatusForbidden || len(w.Result().Cookies()) > 0 {
		t.Errorf("a form, plain: %d", w.Code)
	}
	if w := ask("GET", "/livez", "192.0.2.7", "X-Forwarded-Proto", "http"); w.Code != http.StatusOK {
		t.Errorf("said by somebody who is no proxy of ours: %d", w.Code)
	}
}

func TestAPanicEndsOneRequestAndTellsNobodyWhy(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	said := &strings.Builder{}
	p := s.Parts
	p.Log = slog.New(slog.NewTextHandler(said, nil))
	edge := &server{Parts: p, budgets: newBudgets(time.Now)}
	var err error
	edge.words, err = loadWords("de")
	s.must(err)
	edge.pages, err = loadPages(edge)
	s.must(err)
	e := echo.New()
	e.HTTPErrorHandler = edge.fail
	edge.edge(e)
	e.GET("/broken", func(echo.Context) error { panic("kastanienrot\r\nlevel=INFO") })
	e.GET("/whole", func(c echo.Context) error { return c.NoContent(http.StatusNoContent) })
	for path, want := range map[string]int{"/broken": http.StatusInternalServerError, "/whole": http.StatusNoContent} {
		w := httptest.NewRecorder()
		e.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", path, nil))
		if w.Code != want || strings.Contains(w.Body.String(), "goroutine") || strings.Contains(w.Body.String(), "kastanienrot") {
			t.Errorf("%s: %d, %s", path, w.Code, w.Body)
		}
		checkHeaders(t, "GET "+path, w.Header())
	}
	if !strings.Contains(said.String(), "/broken") || strings.Contains(said.String(), "\r\nlevel=INFO") {
		t.Errorf("logged: %s", said)
	}
}
