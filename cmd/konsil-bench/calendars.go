package main

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// calendarFigures is the line that calendars prints. The calendars' server runs in the same process: what it costs is in all of them.
type calendarFigures struct {
	Calendars int     `json:"calendars"`
	Read      int     `json:"read"`   // must be calendars
	Failed    int     `json:"failed"` // must be 0
	Entries   int     `json:"entries"`
	Answers   float64 `json:"answer_ms"` // how long each server takes to answer
	Bytes     int64   `json:"bytes"`     // fetched
	Busy      int     `json:"busy"`      // times kept
	Minutes   float64 `json:"minutes"`
	PerSecond float64 `json:"per_second"`
	CPU       float64 `json:"cpu_ms_per_calendar"`
	RSS       float64 `json:"rss_bytes"` // the most that the process ever had
	Load      float64 `json:"load"`
}

// runCalendars lets many experts have a calendar read, and then refreshes all of them when all are due at once.
func runCalendars(args []string, out io.Writer) error {
	f := flag.NewFlagSet("konsil-bench calendars", flag.ContinueOnError)
	address := f.String("url", "", "of an empty PostgreSQL database; otherwise a private cluster is made for the run")
	n := f.Int("n", 200, "calendars")
	entries := f.Int("entries", 300, "entries of each, every tenth of them weekly")
	takes := f.Duration("answer", 200*time.Millisecond, "how long a server takes to answer")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *n < 1 || *entries < 1 || *entries > 5_000 || *takes < 0 || f.NArg() > 0 {
		return errors.New("usage: konsil-bench calendars [-url U] [-n N] [-entries 1…5000] [-answer 200ms]")
	}
	ctx, stop := context.WithTimeout(context.Background(), time.Hour)
	defer stop()
	h, err := openOffice(ctx, *address)
	if err != nil {
		return err
	}
	defer h.close()
	from := serveCalendars(*entries)
	defer from.Close()
	if err := h.letRead(ctx, from, *n); err != nil {
		return fmt.Errorf("calendars: %w", err)
	}
	from.takes = *takes
	fig, err := h.refresh(ctx, from)
	if err != nil {
		return fmt.Errorf("calendars: %w", err)
	}
	fig.Calendars, fig.Entries, fig.Answers, fig.Load = *n, *entries, float64(takes.Milliseconds()), loadAverage()
	return json.NewEncoder(out).Encode(fig)
}

// calendarHouse serves calendars from loopback over TLS. From the second round on they say something else than before, so that none is
// left out as unchanged.
type calendarHouse struct {
	*httptest.Server
	takes time.Duration
	round atomic.Int64
	sent  atomic.Int64
	files [][]byte
}

// variety is how many different calendars there are: experts share them.
const variety = 40

func serveCalendars(entries int) *calendarHouse {
	h := &calendarHouse{}
	for i := range variety {
		h.files = append(h.files, calendarFile(entries, i))
	}
	h.Server = httptest.NewUnstartedServer(http.HandlerFunc(h.give))
	h.Config.ErrorLog = log.New(io.Discard, "", 0)
	h.StartTLS()
	return h
}

func (h *calendarHouse) give(w http.ResponseWriter, r *http.Request) {
	time.Sleep(h.takes)
	var which int
	if _, err := fmt.Sscanf(r.URL.Path, "/%d.ics", &which); err != nil {
		http.NotFound(w, r)
		return
	}
	tag := fmt.Sprintf(`"%d"`, h.round.Load())
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Header().Set("ETag", tag)
	file := h.files[(which+int(h.round.Load()))%variety]
	h.sent.Add(int64(len(file)))
	_, _ = w.Write(file)
}

// calendarFile is a practice's calendar of half a year back and a year ahead.
func calendarFile(entries, seed int) []byte {
	var b strings.Builder
	b.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Somebody//Calendar//EN\r\nX-WR-TIMEZONE:Europe/Berlin\r\n")
	day := time.Now().AddDate(0, -6, seed)
	for i := range entries {
		at := day.AddDate(0, 0, i*540/entries)
		fmt.Fprintf(&b, "BEGIN:VEVENT\r\nUID:%s@elsewhere.example\r\nDTSTAMP:20260101T000000Z\r\nSUMMARY:Sprechstunde %d\r\nDESCRIPTION:%s\r\nDTSTART;TZID=Europe/Berlin:%sT%02d3000\r\nDTEND;TZID=Europe/Berlin:%sT%02d1500\r\n",
			rand.Text(), i, strings.Repeat("Text ", 20), at.Format("20060102"), 7+(i+seed)%10, at.Format("20060102"), 8+(i+seed)%10)
		if i%10 == 0 {
			b.WriteString("RRULE:FREQ=WEEKLY;COUNT=40\r\n")
		}
		b.WriteString("END:VEVENT\r\n")
	}
	b.WriteString("END:VCALENDAR\r\n")
	return []byte(b.String())
}

// letRead gives an office as many experts as there are calendars, each of whom lets one be read.
func (h *office) letRead(ctx context.Context, from *calendarHouse, n int) error {
	trust := x509.NewCertPool()
	trust.AddCert(from.Certificate())
	if err := h.pool.ReadCalendars(make([]byte, 32), expertpool.Downloads{Trust: trust, Loopback: true}); err != nil {
		return err
	}
	h.pool.Correspond(h.accounts, h.mails, "https://konsil.example")
	var g errgroup.Group
	g.SetLimit(8)
	for i := range n {
		g.Go(func() error {
			by, err := h.person(ctx, h.experts, account.Expert)
			if err == nil {
				err = h.pool.Add(ctx, h.network, h.experts, expertpool.Expert{ID: by.ID, Discipline: "psychiatry", HoursPerMonth: 10})
			}
			if err == nil {
				by.Network = h.network
				err = h.pool.KeepCalendar(ctx, by, fmt.Sprintf("%s/%d.ics", from.URL, i))
			}
			return err
		})
	}
	return g.Wait()
}

// refresh makes all calendars due and different from what was read, and reads them as the server's job does.
func (h *office) refresh(ctx context.Context, from *calendarHouse) (fig calendarFigures, err error) {
	if _, err = h.Exec(ctx, `update busy_calendar set due_at = now(), read_at = null`); err != nil {
		return fig, err
	}
	from.round.Add(1)
	from.sent.Store(0)
	began, cpu := time.Now(), ownCPU()
	tried, err := h.pool.RefreshCalendars(ctx)
	if err != nil {
		return fig, err
	}
	took := time.Since(began)
	fig.Minutes, fig.PerSecond, fig.CPU = took.Minutes(), float64(tried)/took.Seconds(), float64((ownCPU()-cpu).Milliseconds())/float64(max(tried, 1))
	fig.Bytes, fig.RSS = from.sent.Load(), ownPeak()
	err = h.QueryRow(ctx, `
		select count(read_at), count(*) filter (where failed <> ''), (select count(*) from busy) from busy_calendar`).Scan(&fig.Read, &fig.Failed, &fig.Busy)
	return fig, err
}

// ownPeak is the most memory that this process ever had, in bytes.
func ownPeak() float64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return float64(u.Maxrss) * 1024 // Linux counts in kibibytes
}
