package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/konsil-server/konsil/conference/nameguard"
	"github.com/konsil-server/konsil/conference/nameguard/yardstick"
)

// guardRun is what runGuard was asked for.
type guardRun struct {
	noVault, heldOut, spans, show bool
	guard                         *nameguard.Guard
	lines                         *json.Encoder
	total                         guardTotal
}

// guardTotal is the last line.
type guardTotal struct {
	Precision float64 `json:"precision"`        // share of findings that touch something marked
	Speed     float64 `json:"bytes_per_second"` // of CPU
	right     int
	findings  int
	bytes     int
	cpu       time.Duration
}

// runGuard measures the name guard on each file of marked texts named in args: a line for every class of passage and one for the file,
// the last line for all. With -no-vault the guard does not know whom a text is about; with -held-out only the fifth that rules are not made
// from is read; with -spans each document is a line with what was found in it instead; -show adds what was missed and what was found
// wrongly.
func runGuard(args []string, out io.Writer) error {
	r := guardRun{guard: nameguard.New(), lines: json.NewEncoder(out)}
	flags := flag.NewFlagSet("guard", flag.ContinueOnError)
	flags.BoolVar(&r.noVault, "no-vault", false, "do not tell the guard whom a text is about")
	flags.BoolVar(&r.heldOut, "held-out", false, "only the documents that no rule was made from")
	flags.BoolVar(&r.spans, "spans", false, "print what was found in each document instead of figures")
	flags.BoolVar(&r.show, "show", false, "print what was missed and what was found wrongly")
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("guard: %w", err)
	}
	if flags.NArg() == 0 {
		return errors.New("guard: no file given")
	}
	for _, path := range flags.Args() {
		if err := r.read(path); err != nil {
			return fmt.Errorf("guard %s: %w", filepath.Base(path), err)
		}
	}
	if r.spans {
		return nil
	}
	r.total.Precision = share(r.total.right, r.total.findings)
	r.total.Speed = perSecond(r.total.bytes, r.total.cpu)
	return r.lines.Encode(r.total)
}

// guardRow is a line for one class of passage. Recall is the share with every letter and digit covered.
type guardRow struct {
	File    string  `json:"file"`
	Class   string  `json:"class"`
	Gold    int     `json:"gold"`
	Covered int     `json:"covered"`
	Touched int     `json:"touched"` // found at least in part
	Recall  float64 `json:"recall"`
}

// guardFile is the line for a file.
type guardFile struct {
	File      string  `json:"file"`
	Documents int     `json:"documents"`
	Findings  int     `json:"findings"`
	Precision float64 `json:"precision"`
	Speed     float64 `json:"bytes_per_second"`
}

func (r *guardRun) read(path string) error {
	docs, err := yardstick.Load(path)
	if err != nil {
		return err
	}
	if r.heldOut {
		docs = slices.DeleteFunc(docs, func(d yardstick.Document) bool { return !d.HeldOut() })
	}
	if r.noVault {
		for i := range docs {
			docs[i].Vault = nil
		}
	}
	if r.spans {
		return r.listSpans(docs)
	}
	return r.measure(strings.TrimSuffix(filepath.Base(path), ".jsonl"), docs)
}

func (r *guardRun) measure(file string, docs []yardstick.Document) error {
	began := ownCPU()
	s := yardstick.Measure(r.guard, docs, yardstick.Kinds(file), yardstick.Counts(file))
	spent := ownCPU() - began
	r.total.right, r.total.findings = r.total.right+s.Right, r.total.findings+s.Findings
	r.total.bytes, r.total.cpu = r.total.bytes+s.Bytes, r.total.cpu+spent
	for _, class := range slices.Sorted(maps.Keys(s.Rows)) {
		row := s.Row(class)
		if err := r.lines.Encode(guardRow{file, class, row.N, row.Full, row.Any, row.Recall()}); err != nil {
			return err
		}
	}
	if r.show {
		for _, passage := range append(s.Missed, s.Wrong...) {
			if err := r.lines.Encode(map[string]string{"file": file, "passage": passage}); err != nil {
				return err
			}
		}
	}
	return r.lines.Encode(guardFile{file, len(docs), s.Findings, s.Precision(), perSecond(s.Bytes, spent)})
}

// guardSpan is a finding as the marked files count: code points, End exclusive.
type guardSpan struct {
	Start      int    `json:"start"`
	End        int    `json:"end"`
	Class      string `json:"class"`
	Confidence string `json:"confidence"`
}

func (r *guardRun) listSpans(docs []yardstick.Document) error {
	sure := map[nameguard.Confidence]string{nameguard.Low: "low", nameguard.Medium: "medium", nameguard.High: "high"}
	for _, d := range docs {
		list := []guardSpan{}
		at, points := 0, 0 // findings are in order, so the text is counted once
		for _, f := range r.guard.Find(d.Text, d.Subject()) {
			start := points + utf8.RuneCountInString(d.Text[at:f.Start])
			points, at = start+utf8.RuneCountInString(d.Text[f.Start:f.End]), f.End
			list = append(list, guardSpan{start, points, string(f.Class), sure[f.Confidence]})
		}
		if err := r.lines.Encode(map[string]any{"id": d.ID, "findings": list}); err != nil {
			return err
		}
	}
	return nil
}

func share(part, of int) float64 {
	if of == 0 {
		return 1
	}
	return float64(part) / float64(of)
}

func perSecond(bytes int, cpu time.Duration) float64 {
	return float64(bytes) / max(cpu, time.Microsecond).Seconds()
}

// ownCPU is the CPU time of this process so far.
func ownCPU() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
