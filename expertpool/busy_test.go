package expertpool

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/expertpool/account"
)

// calendarFixture has an expert and the server that her calendar lies on.
func calendarFixture(t *testing.T) (*fixture, *calendarServer, account.Actor) {
	t.Helper()
	f, from := newFixture(t), newCalendarServer(t)
	f.must(f.s.ReadCalendars(make([]byte, 32), from.downloads()))
	return f, from, f.people["expert"]
}

// busyAt is a calendar with an hour from each of these instants on, and a title that nobody needs.
func busyAt(from ...time.Time) string {
	var b strings.Builder
	for _, at := range from {
		fmt.Fprintf(&b, "BEGIN:VEVENT\r\nUID:%d@elsewhere\r\nSUMMARY:Zahnarzt\r\nDTSTART:%s\r\nDURATION:PT1H\r\nEND:VEVENT\r\n", at.Unix(), at.UTC().Format("20060102T150405Z"))
	}
	return "BEGIN:VCALENDAR\r\n" + b.String() + "END:VCALENDAR\r\n"
}

func (f *fixture) wait(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.clock = f.clock.Add(d)
}

func (f *fixture) busy(id uuid.UUID) Busy {
	f.Helper()
	found, err := BusyTimes(f.Context(), f.db, []uuid.UUID{id}, Span{From: f.s.now(), Until: f.s.now().AddDate(0, 0, 56)}, f.s.now())
	f.must(err)
	return found[id]
}

func TestACalendarIsReadReplacedAndForgotten(t *testing.T) {
	t.Parallel()
	f, from, expert := calendarFixture(t)
	ctx := t.Context()
	first, second := f.clock.Add(24*time.Hour), f.clock.Add(48*time.Hour)
	from.gives(busyAt(first, second))
	f.must(f.s.KeepCalendar(ctx, expert, from.URL+"/geheim.ics"))
	c, err := f.s.Calendar(ctx, expert)
	f.must(err)
	if c == nil || c.Host != "127.0.0.1" || c.Found != 2 || c.Failed != "" || c.ReadAt == nil {
		t.Fatalf("calendar: %+v", c)
	}
	if b := f.busy(expert.ID); len(b.Spans) != 2 || !b.Spans[0].From.Equal(first) || !b.Spans[0].Until.Equal(first.Add(time.Hour)) || !b.Fresh {
		t.Errorf("busy: %+v", b)
	}
	var sealed []byte
	f.must(f.db.QueryRow(ctx, `select address from busy_calendar`).Scan(&sealed))
	if strings.Contains(string(sealed), "geheim") {
		t.Error("the address lies open")
	}
	from.gives(busyAt(second))
	if err := f.s.ReadCalendar(ctx, expert); !errors.Is(err, account.ErrConflict) {
		t.Errorf("twice in a minute: %v", err)
	}
	f.wait(2 * time.Minute)
	f.must(f.s.ReadCalendar(ctx, expert))
	if b := f.busy(expert.ID); len(b.Spans) != 1 || !b.Spans[0].From.Equal(second) {
		t.Errorf("after it changed: %+v", b)
	}
	f.wait(49 * time.Hour)
	if b := f.busy(expert.ID); b.Fresh {
		t.Error("what was read two days ago counts as fresh")
	}
	f.must(f.s.DropCalendar(ctx, expert))
	var left int
	f.must(f.db.QueryRow(ctx, `select (select count(*) from busy) + (select count(*) from busy_calendar)`).Scan(&left))
	if c, err := f.s.Calendar(ctx, expert); c != nil || err != nil || left != 0 {
		t.Errorf("left: %+v, %v, %d rows", c, err, left)
	}
	for _, name := range []string{"coordinator", "caseworker", "admin"} {
		if err := f.s.KeepCalendar(ctx, f.people[name], from.URL); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnUnchangedCalendarIsNotSentAgain(t *testing.T) {
	t.Parallel()
	f, from, expert := calendarFixture(t)
	raw := busyAt(f.clock.Add(24 * time.Hour))
	sent := 0
	from.does(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If-None-Match") == `"1"` && r.Header.Get("If-Modified-Since") == "Tue, 24 Nov 2026 08:00:00 GMT" {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		sent++
		w.Header().Set("ETag", `"1"`)
		w.Header().Set("Last-Modified", "Tue, 24 Nov 2026 08:00:00 GMT")
		fmt.Fprint(w, raw)
	})
	f.must(f.s.KeepCalendar(t.Context(), expert, from.URL))
	f.wait(2 * time.Hour)
	f.must(f.s.ReadCalendar(t.Context(), expert))
	if b := f.busy(expert.ID); sent != 1 || from.asked.Load() != 2 || len(b.Spans) != 1 || !b.Fresh {
		t.Errorf("sent %d of %d times: %+v", sent, from.asked.Load(), b)
	}
	f.wait(17 * 7 * 24 * time.Hour) // what is known does not reach far enough any more
	f.must(f.s.ReadCalendar(t.Context(), expert))
	if sent != 2 {
		t.Errorf("sent %d times", sent)
	}
}

func TestACalendarThatFailsTooOftenIsLeftAloneAndItsOwnerToldOnce(t *testing.T) {
	t.Parallel()
	f, from, expert := calendarFixture(t)
	ctx := t.Context()
	from.gives(busyAt(f.clock.Add(30 * 24 * time.Hour)))
	f.must(f.s.KeepCalendar(ctx, expert, from.URL+"/geheim.ics"))
	from.does(http.NotFound)
	for range maxFailures + 5 {
		f.wait(13 * time.Hour)
		_, err := f.s.RefreshCalendars(ctx)
		f.must(err)
	}
	c, err := f.s.Calendar(ctx, expert)
	f.must(err)
	if c.PausedAt == nil || c.Failed != "gone" || from.asked.Load() != 1+maxFailures {
		t.Errorf("%+v after %d requests", c, from.asked.Load())
	}
	var mails int
	var text string
	f.must(f.db.QueryRow(ctx, `select count(*), max(body_text) from message_out where kind = 'calendar'`).Scan(&mails, &text))
	if mails != 1 || !strings.Contains(text, "https://konsil.test/me/busy") || strings.Contains(text, "geheim") {
		t.Errorf("%d mails: %s", mails, text)
	}
	from.gives(busyAt(f.s.now().Add(24 * time.Hour)))
	f.must(f.s.ReadCalendar(ctx, expert))
	if c, err = f.s.Calendar(ctx, expert); err != nil || c.PausedAt != nil || c.Failed != "" || c.Found != 1 {
		t.Errorf("after it was mended: %+v, %v", c, err)
	}
}

func TestCalendarsAreReadWhenTheyAreDueSixteenAtOnce(t *testing.T) {
	t.Parallel()
	f, from, expert := calendarFixture(t)
	ctx := t.Context()
	from.gives(busyAt(f.clock.Add(24 * time.Hour)))
	const many = 40
	for i := range many {
		e := f.person(fmt.Sprintf("one of many %d", i), expert.Organisation, account.Expert)
		f.must(f.s.Add(ctx, expert.Network, expert.Organisation, Expert{ID: e.ID, Discipline: "psychiatry"}))
		e.Network = expert.Network
		f.must(f.s.KeepReminders(ctx, e, true))
		sealed, err := f.s.calendars.seal(e.ID, from.URL)
		f.must(err)
		f.exec(`insert into busy_calendar (account_id, organisation_id, address, added_at, due_at) values ($1, $2, $3, $4, $4)`, e.ID, expert.Organisation, sealed, f.clock)
	}
	n, err := f.s.RefreshCalendars(ctx)
	f.must(err)
	var read int
	f.must(f.db.QueryRow(ctx, `select count(*) from busy_calendar where read_at = $1 and due_at > $1 + interval '3 hours'`, f.clock).Scan(&read))
	if n != many || read != many || from.asked.Load() != many {
		t.Errorf("%d tried, %d read, %d requests", n, read, from.asked.Load())
	}
	if n, err = f.s.RefreshCalendars(ctx); n != 0 || err != nil {
		t.Errorf("again at once: %d, %v", n, err)
	}
}

// TestANameThatChangesItsAnswerLeadsOnlyWhereItWasChecked: it is public when it is asked first and leads to our own machine from then on. What is
// dialled is what was checked, and a later answer is checked as well; the calendar's server, which really stands on this machine, is reached
// as if it were at the public address.
func TestANameThatChangesItsAnswerLeadsOnlyWhereItWasChecked(t *testing.T) {
	t.Parallel()
	f, from := newFixture(t), newCalendarServer(t)
	ctx, expert := t.Context(), f.people["expert"]
	d := from.downloads()
	names := &resolver{answers: [][]netip.Addr{addresses("93.184.216.34"), addresses("127.0.0.1")}}
	var dialled []string
	d.Loopback, d.Resolver = false, names
	d.Connect = func(ctx context.Context, network, address string) (net.Conn, error) {
		dialled = append(dialled, address)
		return new(net.Dialer).DialContext(ctx, network, from.Listener.Addr().String())
	}
	f.must(f.s.ReadCalendars(make([]byte, 32), d))
	from.gives(busyAt(f.clock.Add(24 * time.Hour)))
	f.must(f.s.KeepCalendar(ctx, expert, "https://example.com/a.ics")) // a name that the server's certificate has
	c, err := f.s.Calendar(ctx, expert)
	f.must(err)
	if c.Failed != "" || c.Found != 1 || !slices.Equal(dialled, []string{"93.184.216.34:443"}) || names.asked.Load() != 1 {
		t.Errorf("%+v: dialled %v, asked %d times", c, dialled, names.asked.Load())
	}
	f.wait(2 * time.Minute)
	f.must(f.s.ReadCalendar(ctx, expert))
	if c, err = f.s.Calendar(ctx, expert); err != nil || c.Failed != "public" || len(dialled) != 1 || names.asked.Load() != 2 || from.asked.Load() != 1 {
		t.Errorf("%+v, %v: dialled %v, asked %d times, the server %d times", c, err, dialled, names.asked.Load(), from.asked.Load())
	}
}

func TestWhoLeavesThePoolLeavesNoCalendarBehind(t *testing.T) {
	t.Parallel()
	f, from, expert := calendarFixture(t)
	from.gives(busyAt(f.clock.Add(24 * time.Hour)))
	f.must(f.s.KeepCalendar(t.Context(), expert, from.URL))
	tx, err := f.db.Begin(t.Context())
	f.must(err)
	f.must(f.s.Leave(t.Context(), tx, expert, expert.ID))
	f.must(tx.Commit(t.Context()))
	var left int
	f.must(f.db.QueryRow(t.Context(), `select (select count(*) from busy) + (select count(*) from busy_calendar)`).Scan(&left))
	if left != 0 {
		t.Errorf("%d rows are left", left)
	}
}
