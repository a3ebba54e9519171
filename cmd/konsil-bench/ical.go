package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/konsil-server/konsil/conference/ical"
)

// objectFigures is what one calendar file says, read as an answer by mail would be.
type objectFigures struct {
	File      string   `json:"file"`
	OK        bool     `json:"ok"`
	Error     string   `json:"error"`
	MS        float64  `json:"ms"`
	Method    string   `json:"method"`
	UID       string   `json:"uid"`
	Sequence  int      `json:"sequence"`
	Start     string   `json:"start"` // RFC 3339; empty without one
	End       string   `json:"end"`
	Attendees []string `json:"attendees"`
}

// hostileFigures is what one kind of input costs that was made to hurt.
type hostileFigures struct {
	Kind  string  `json:"kind"`
	Bytes int     `json:"bytes"`
	MS    float64 `json:"ms"`         // the best of three readings
	Heap  uint64  `json:"heap_bytes"` // all that a reading allocates, as if nothing were collected meanwhile
	Error string  `json:"error"`      // the rule it was refused by; empty: it was read
}

// runICal reads calendar files and says what they are, or how much the worst inputs cost that it can think of.
func runICal(args []string, out io.Writer) error {
	f := flag.NewFlagSet("konsil-bench ical", flag.ContinueOnError)
	hostile := f.Bool("hostile", false, "read inputs made to hurt instead of files")
	size := f.Int("size", 1<<20, "of each of them, in bytes")
	if err := f.Parse(args); err != nil {
		return err
	}
	lines := json.NewEncoder(out)
	switch {
	case *hostile && f.NArg() == 0 && *size >= 1<<10 && *size <= ical.MaxSize:
		return measureHostile(lines, *size)
	case *hostile || f.NArg() == 0:
		return errors.New("usage: konsil-bench ical FILE.ics… | -hostile [-size BYTES]")
	}
	for _, name := range f.Args() {
		raw, err := os.ReadFile(name)
		if err != nil {
			return fmt.Errorf("ical: %w", err)
		}
		if err := lines.Encode(readObject(name, raw)); err != nil {
			return fmt.Errorf("ical: %w", err)
		}
	}
	return nil
}

func readObject(name string, raw []byte) objectFigures {
	began := time.Now()
	o, err := ical.Parse(raw)
	l := objectFigures{File: name, OK: err == nil, MS: float64(time.Since(began).Microseconds()) / 1e3, Attendees: []string{}}
	if err != nil {
		l.Error = err.Error()
		return l
	}
	l.Method, l.UID, l.Sequence, l.Start, l.End = o.Method, o.UID, o.Sequence, instant(o.Start), instant(o.End)
	for _, a := range o.Attendees {
		l.Attendees = append(l.Attendees, a.Email)
	}
	return l
}

func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}

func measureHostile(lines *json.Encoder, size int) error {
	for _, h := range hostileInputs() {
		raw := h.make(size)
		f := hostileFigures{Kind: h.kind, Bytes: len(raw)}
		for range 3 {
			took, heap, rule := priceOf(func() string { return h.read(raw) })
			if f.MS == 0 || float64(took.Microseconds())/1e3 < f.MS {
				f.MS = float64(took.Microseconds()) / 1e3
			}
			f.Heap, f.Error = heap, rule
		}
		if err := lines.Encode(f); err != nil {
			return fmt.Errorf("ical: %w", err)
		}
	}
	return nil
}

// priceOf runs something once, without a collection in between, so that what it allocates is what it could hold at most.
func priceOf(do func() string) (took time.Duration, heap uint64, said string) {
	runtime.GC()
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := time.Now()
	said = do()
	took = time.Since(began)
	runtime.ReadMemStats(&after)
	return took, after.TotalAlloc - before.TotalAlloc, said
}
