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

	"github.com/konsil-server/konsil/conference/nameguard"
	"github.com/konsil-server/konsil/conference/nameguard/yardstick"
)

// runGuard measures the name guard on each file of marked texts named in args: one line for every kind of passage, then one for the
// file. With -held-out only the fifth that rules are not made from is read.
func runGuard(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("guard", flag.ContinueOnError)
	heldOut := flags.Bool("held-out", false, "only the documents that no rule was made from")
	show := flags.Bool("show", false, "print what was missed and what was found wrongly")
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("guard: %w", err)
	}
	if flags.NArg() == 0 {
		return errors.New("guard: no file given")
	}
	lines := json.NewEncoder(out)
	g := nameguard.New()
	for _, path := range flags.Args() {
		if err := measureGuard(g, path, *heldOut, *show, lines); err != nil {
			return fmt.Errorf("guard %s: %w", filepath.Base(path), err)
		}
	}
	return nil
}

// guardRow is a line for one kind of passage. Recall is the share with every letter and digit covered, Touched the share found at
// least in part.
type guardRow struct {
	File    string  `json:"file"`
	Kind    string  `json:"kind"`
	N       int     `json:"n"`
	Recall  float64 `json:"recall"`
	Touched float64 `json:"touched"`
}

// guardResult is the line for a file.
type guardResult struct {
	File      string  `json:"file"`
	Documents int     `json:"documents"`
	Findings  int     `json:"findings"`
	Precision float64 `json:"precision"`  // share of findings that touch something marked
	MBPerSec  float64 `json:"mb_per_sec"` // of text, per second of CPU
}

func measureGuard(g *nameguard.Guard, path string, heldOut, show bool, lines *json.Encoder) error {
	docs, err := yardstick.Load(path)
	if err != nil {
		return err
	}
	if heldOut {
		docs = slices.DeleteFunc(docs, func(d yardstick.Document) bool { return !d.HeldOut() })
	}
	file := strings.TrimSuffix(filepath.Base(path), ".jsonl")
	began := ownCPU()
	s := yardstick.Measure(g, docs, yardstick.Kinds(file), yardstick.Counts(file))
	spent := ownCPU() - began
	for _, kind := range slices.Sorted(maps.Keys(s.Rows)) {
		r := s.Row(kind)
		if err := lines.Encode(guardRow{file, kind, r.N, r.Recall(), r.Touched()}); err != nil {
			return err
		}
	}
	if show {
		for _, passage := range append(s.Missed, s.Wrong...) {
			if err := lines.Encode(map[string]string{"file": file, "passage": passage}); err != nil {
				return err
			}
		}
	}
	return lines.Encode(guardResult{file, len(docs), s.Findings, s.Precision(), float64(s.Bytes) / 1e6 / spent.Seconds()})
}

// ownCPU is the CPU time of this process so far.
func ownCPU() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
