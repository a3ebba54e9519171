package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// usage is what a process has used and holds, as /proc says (proc(5)). Linux
// only. The zero value stands for a process nobody asked about.
type usage struct {
	cpu      time.Duration // utime + stime of the process itself
	children time.Duration // of all its descendants, ended ones included
	rss      uint64        // bytes
	memory   uint64        // bytes of it that are not files
	threads  int
	files    int
	family   bool // it has descendants
}

// clockTick is the unit of times in /proc; the kernel shows 100 Hz on every
// machine.
const clockTick = 10 * time.Millisecond

// usageOf looks at a process and at all that it started.
func usageOf(pid int) (usage, error) {
	if pid == 0 {
		return usage{}, nil
	}
	self, err := readStat(pid)
	if err != nil {
		return usage{}, fmt.Errorf("process %d: %w", pid, err)
	}
	u := usage{cpu: self.own, rss: self.rss, threads: self.threads}
	if u.memory, err = anonymous(pid); err != nil {
		return usage{}, fmt.Errorf("process %d: %w", pid, err)
	}
	if open, err := os.ReadDir(filepath.Join("/proc", strconv.Itoa(pid), "fd")); err == nil {
		u.files = len(open)
	}
	all, err := everyProcess()
	if err != nil {
		return usage{}, err
	}
	line := map[int]bool{pid: true}
	for grew := true; grew; { // children may stand before their parents
		grew = false
		for _, p := range all {
			if line[p.parent] && !line[p.pid] {
				line[p.pid], grew, u.family = true, true, true
				u.children += p.own + p.reaped
			}
		}
	}
	return u, nil
}

// anonymous is the resident memory of a process that no file backs, in bytes.
func anonymous(pid int) (uint64, error) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(text), "RssAnon:")
	number, _, found := strings.Cut(strings.TrimSpace(rest), " kB")
	kib, err := strconv.ParseUint(number, 10, 64)
	if !found || err != nil {
		return 0, errors.New("status names no RssAnon")
	}
	return kib << 10, nil
}

type stat struct {
	pid, parent int
	own, reaped time.Duration // of itself; of children that have ended
	rss         uint64
	threads     int
}

func everyProcess() ([]stat, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var all []stat
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if s, err := readStat(pid); err == nil { // others end while we look
			all = append(all, s)
		}
	}
	return all, nil
}

// readStat reads /proc/PID/stat. The name in parentheses may hold anything,
// so fields count from the last parenthesis.
func readStat(pid int) (stat, error) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return stat{}, err
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 22 {
		return stat{}, errors.New("stat has too few fields")
	}
	number := func(i int) int { // numbered as in proc(5), where the state is 3
		n, _ := strconv.Atoi(fields[i-3]) // the kernel writes numbers
		return n
	}
	return stat{
		pid: pid, parent: number(4), threads: number(20),
		own:    time.Duration(number(14)+number(15)) * clockTick,
		reaped: time.Duration(number(16)+number(17)) * clockTick,
		rss:    uint64(number(24)) * uint64(os.Getpagesize()),
	}, nil
}

// loadAverage is the machine's of the last minute; 0 where it cannot be read.
func loadAverage() float64 {
	text, _ := os.ReadFile("/proc/loadavg")
	first, _, _ := strings.Cut(string(text), " ")
	load, _ := strconv.ParseFloat(first, 64)
	return load
}
