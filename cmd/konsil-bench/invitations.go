package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference/ical"
	"github.com/konsil-server/konsil/expertpool/mail"
)

// renderFigures is the line that invitations prints.
type renderFigures struct {
	Rendered     int     `json:"rendered"`
	PerSecond    float64 `json:"per_second"`
	PerCPUSecond float64 `json:"per_cpu_second"` // of one core that nobody else uses
	Bytes        int     `json:"bytes"`          // of one mail
	Cores        int     `json:"cores"`
	Load         float64 `json:"load"`
}

// runInvitations writes invitations on all cores: the calendar object, the words, and the mail around both.
func runInvitations(args []string, out io.Writer) error {
	f := flag.NewFlagSet("konsil-bench invitations", flag.ContinueOnError)
	seconds := f.Float64("seconds", 5, "how long")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *seconds <= 0 || f.NArg() > 0 {
		return errors.New("usage: konsil-bench invitations [-seconds S]")
	}
	q, err := mail.New(nil, mail.Config{From: "termine@konsil.example", Host: "konsil.example", Transport: mail.Outbox{}})
	if err != nil {
		return err
	}
	r := renderFigures{Cores: runtime.GOMAXPROCS(0)}
	began, cpu, until := time.Now(), ownCPU(), time.Now().Add(time.Duration(*seconds*float64(time.Second)))
	var count, size atomic.Int64
	failed := make(chan error, r.Cores)
	var wait sync.WaitGroup
	for range r.Cores {
		wait.Go(func() {
			for time.Now().Before(until) {
				raw, err := oneInvitation(q)
				if err != nil {
					failed <- err
					return
				}
				count.Add(1)
				size.Store(int64(len(raw)))
			}
		})
	}
	wait.Wait()
	close(failed)
	if err := <-failed; err != nil {
		return fmt.Errorf("invitations: %w", err)
	}
	r.Rendered, r.Bytes, r.Load = int(count.Load()), int(size.Load()), loadAverage()
	r.PerSecond, r.PerCPUSecond = float64(r.Rendered)/time.Since(began).Seconds(), float64(r.Rendered)/(ownCPU()-cpu).Seconds()
	return json.NewEncoder(out).Encode(r)
}

func oneInvitation(q *mail.Queue) ([]byte, error) {
	start := time.Date(2027, 3, 30, 15, 30, 0, 0, time.UTC)
	raw, err := ical.Request(ical.Event{
		UID: ical.NewUID("konsil.example"), Stamp: start.AddDate(0, -1, 0), Start: start, End: start.Add(45 * time.Minute), Zone: "Europe/Berlin",
		Summary: "Fallkonferenz K7-1234-5678MG", Location: "Video", URL: "https://konsil.example/conferences/K7-1234-5678MG",
		Description: "Videokonferenz. Beitritt ab 30 Minuten vor Beginn, nach der Anmeldung: https://konsil.example/conferences/K7-1234-5678MG",
		Organizer:   ical.Address{Name: "konsil Termine", Email: "termine@konsil.example"}, Attendee: ical.Address{Name: "Dr. Änne Groß", Email: "a.gross@praxis.example"},
	})
	if err != nil {
		return nil, err
	}
	l := mail.Letter{
		Lines: []string{"Guten Tag Dr. Änne Groß,", "Sie werden zu einer Fallkonferenz gebeten:", "Dienstag, 30. März 2027, 17:30–18:15 Uhr, per Video."}, Button: "Zusagen oder absagen",
		URL: "https://konsil.example/answer/" + uuid.NewString(), Foot: []string{"Diese Mail enthält keine Angaben zum Fall."},
	}
	return q.Rendered(mail.Message{
		Thread: uuid.NewString(), Kind: "invitation", Conference: "K7-1234-5678MG", Organisation: uuid.New(), To: mail.Address{Name: "Dr. Änne Groß", Email: "a.gross@praxis.example"},
		Subject: "Fallkonferenz K7-1234-5678MG · Di., 30.03.2027, 17:30–18:15 Uhr", Text: l.Text(), HTML: l.HTML(), Calendar: raw, Method: "REQUEST",
	})
}

// confirmFigures is the line that confirm prints.
type confirmFigures struct {
	Conferences int     `json:"conferences"`
	Seats       int     `json:"seats"`
	Statements  float64 `json:"statements"`  // of one conference, begin and commit included
	Postgres    float64 `json:"postgres_ms"` // of one conference, on average: answers of the database that were waited for
	P50         float64 `json:"p50_ms"`      // of the whole call, commit included
	P95         float64 `json:"p95_ms"`
	P99         float64 `json:"p99_ms"`
	Max         float64 `json:"max_ms"`
	Goal        float64 `json:"goal_ms"` // for p95_ms with eight seats, on a machine that does nothing else
	Load        float64 `json:"load"`
}

// confirmGoal is how long convening a conference with eight seats may take.
const confirmGoal = 50 * time.Millisecond

// runConfirm convenes conferences, each with an invitation for every seat, and says how long that takes.
func runConfirm(args []string, out io.Writer) error {
	f := flag.NewFlagSet("konsil-bench confirm", flag.ContinueOnError)
	seats := f.Int("seats", 8, "experts of each conference")
	n := f.Int("n", 100, "conferences")
	h, err := officeFor(context.Background(), f, args, "[-seats 1…12] [-n N]", func() bool { return *seats >= 1 && *seats <= 12 && *n >= 1 })
	if err != nil {
		return err
	}
	defer h.close()
	for range 10 { // warm up, and leave the database something to know about itself
		if _, err := h.convene(*seats); err != nil {
			return fmt.Errorf("confirm: %w", err)
		}
	}
	if err := h.analyze(context.Background()); err != nil {
		return fmt.Errorf("confirm: %w", err)
	}
	took, sum := newLatencies(), convened{}
	for range *n {
		c, err := h.convene(*seats)
		if err != nil {
			return fmt.Errorf("confirm: %w", err)
		}
		took.add(c.took)
		sum.statements, sum.waited = sum.statements+c.statements, sum.waited+c.waited
	}
	return json.NewEncoder(out).Encode(confirmFigures{
		Conferences: *n, Seats: *seats, Statements: float64(sum.statements) / float64(*n), Postgres: milliseconds(sum.waited) / float64(*n),
		P50: took.percentile(50), P95: took.percentile(95), P99: took.percentile(99), Max: took.percentile(100),
		Goal: milliseconds(confirmGoal), Load: loadAverage(),
	})
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
