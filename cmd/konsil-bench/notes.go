package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

const notesHelp = `konsil-bench notes -url U -writers W -readers R -rate N -seconds S [-pid P]

W people type N single letters a second each into one live note, and R more read it. The server must be in evaluation mode:
the program signs in as its people, makes a conference and ends it. A person has five sockets at most, so W + R is bounded by
how many people there are. Nothing counts in the first second.

Prints one line per run and one for all, which is the median of each figure. Times are from the moment before a frame is
written to the moment after it is read. fanout counts every letter at every connection but its writer's; ack is the time to
"saved". cpu_us_per_delivery is user and system time of process P between the first letter that counts and the arrival of the
last, by all those arrivals; pg_cpu_us_per_delivery the same of the processes that P has started, PostgreSQL above all. lost
is how many letters were acknowledged or seen by somebody and are missing from what a fresh reader or the minutes show.

-idle N lets N people sit in notes without typing, in as many conferences as it takes, and as many with a server that does
nothing but upgrade and read, a child of this program. rss_per_connection_bytes is what a connection adds to process P,
memory_per_connection_bytes the part of it that is not files: heap and stacks. own_bytes, in the summary, is what ours adds
beyond that of the bare server. A process keeps memory once it has had it, so P has to be fresh, and there is one run.

-soak M goes on for M minutes and prints what the process holds eleven times meanwhile; without it, a run of a minute or more
prints that three times.

-plain ws://HOST:PORT/NAME measures a server that speaks plain y-protocols instead, -document NAME one that speaks
Hocuspocus' variant. -with hocuspocus,y-websocket -node-modules DIR starts both by itself and lets them take turns with
ours, run by run; it needs node, and in DIR what this installs:
    npm install y-websocket@2.1.0 @hocuspocus/server@3.4.4
By hand: HOST=127.0.0.1 PORT=1234 node DIR/y-websocket/bin/server.cjs, and for Hocuspocus a script of the lines
    ` + `const { Server } = require('@hocuspocus/server'); new Server({ port: 1235 }).listen()
Neither stores anything.

Flags:
`

// notesPlan is what the flags say.
type notesPlan struct {
	url, plain, document, with, modules string
	writers, readers, pid, runs         int
	looks                               int // at what the process holds, in a long run
	idle                                bool
	rate                                float64
	length                              time.Duration
}

func parseNotes(args []string) (notesPlan, error) {
	var p notesPlan
	var seconds, idle, soak int
	f := flag.NewFlagSet("notes", flag.ContinueOnError)
	f.Usage = func() { fmt.Fprint(f.Output(), notesHelp); f.PrintDefaults() }
	f.StringVar(&p.url, "url", "http://127.0.0.1:8080", "`address` of a server in evaluation mode, as its KONSIL_PUBLIC_URL says it")
	f.IntVar(&p.writers, "writers", 10, "how many type")
	f.IntVar(&p.readers, "readers", 0, "how many only read")
	f.Float64Var(&p.rate, "rate", 10, "letters a second of each writer")
	f.IntVar(&seconds, "seconds", 10, "length of a run")
	f.IntVar(&p.pid, "pid", 0, "the server's process, for figures of CPU and memory")
	f.IntVar(&p.runs, "runs", 1, "how many runs")
	f.StringVar(&p.plain, "plain", "", "WebSocket `address` of another server to measure instead")
	f.StringVar(&p.document, "document", "", "with -plain: the document, for Hocuspocus")
	f.StringVar(&p.with, "with", "", "other `servers` to run in turn: hocuspocus, y-websocket or both")
	f.StringVar(&p.modules, "node-modules", "", "`directory` of their npm packages")
	f.IntVar(&idle, "idle", 0, "how many sit there, instead of -writers and -readers")
	f.IntVar(&soak, "soak", 0, "length of a run in minutes, instead of -seconds")
	if err := f.Parse(args); err != nil {
		return p, err
	}
	p.length, p.looks = time.Duration(seconds)*time.Second, 3
	if soak > 0 {
		p.length, p.looks = time.Duration(soak)*time.Minute, 11
	}
	if p.idle = idle != 0; p.idle {
		p.writers, p.readers = 0, idle
	}
	p.url = strings.TrimSuffix(p.url, "/")
	switch {
	case f.NArg() > 0:
		return p, fmt.Errorf("what is %q?", f.Arg(0))
	case p.writers < 0 || p.readers < 0 || p.writers+p.readers < 2 || p.runs < 1 || seconds < 1 || soak < 0:
		return p, errors.New("it takes two people, one run and one second at least")
	case p.writers == 0 && !p.idle:
		return p, errors.New("nobody types; -idle measures that")
	case p.idle && (p.pid == 0 || p.plain != "" || p.with != "" || p.runs > 1):
		return p, errors.New("-idle needs -pid, and excludes -plain, -with and -runs")
	case p.writers > 0 && (p.rate <= 0 || p.rate > 200):
		return p, errors.New("a rate is above 0 and 200 at most, which is what the server lets one socket send")
	case p.with != "" && (p.modules == "" || p.plain != ""):
		return p, errors.New("-with needs -node-modules, and excludes -plain")
	}
	return p, nil
}

// contender is a server that takes turns with others.
type contender struct {
	name    string
	pid     int
	dialect dialect
	plain   string     // address; "": ours
	people  *rehearsal // ours only
	results []notesResult
}

// runNotes measures shared notes over real sockets.
func runNotes(args []string, out io.Writer) error {
	p, err := parseNotes(args)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("notes: %w", err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := p.measure(ctx, json.NewEncoder(out)); err != nil {
		return fmt.Errorf("notes: %w", err)
	}
	return nil
}

func (p notesPlan) measure(ctx context.Context, lines *json.Encoder) error {
	all, stop, err := p.contenders(ctx)
	defer stop()
	if err != nil {
		return err
	}
	for run := range p.runs {
		for _, c := range all {
			fmt.Fprintf(os.Stderr, "run %d of %d: %s\n", run+1, p.runs, c.name)
			r, err := p.one(ctx, c, lines)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			c.results = append(c.results, r)
			if p.runs*len(all) == 1 {
				break // the summary says the same
			}
			if err := lines.Encode(r); err != nil {
				return err
			}
		}
	}
	s := notesSummary{notesResult: middle(all[0].results), Runs: p.runs}
	for _, c := range all[1:] {
		s.Peers = append(s.Peers, middle(c.results))
	}
	if p.idle {
		own := s.idleFigures.RSS - s.Peers[0].idleFigures.RSS
		s.Own = &own
	}
	return lines.Encode(s)
}

// contenders finds, signs in to or starts every server of the plan.
func (p notesPlan) contenders(ctx context.Context) (all []*contender, stop func(), err error) {
	var started []*peer
	stop = func() {
		for _, s := range started {
			s.stop()
		}
	}
	if p.plain != "" {
		return []*contender{{name: "plain", pid: p.pid, plain: p.plain, dialect: dialect{p.document}}}, stop, nil
	}
	people, err := gather(ctx, p.url)
	if err != nil {
		return nil, stop, err
	}
	all = append(all, &contender{name: "konsil", pid: p.pid, people: people})
	if p.idle {
		bare, err := startChild(ctx, "bare")
		if err != nil {
			return nil, stop, err
		}
		started = append(started, bare)
		all = append(all, &contender{name: "bare", pid: bare.Process.Pid, plain: "ws://" + bare.address})
	}
	for name := range strings.SplitSeq(p.with, ",") {
		if name == "" {
			continue
		}
		s, err := startPeer(ctx, name, p.modules)
		if err != nil {
			return nil, stop, err
		}
		started = append(started, s)
		c := &contender{name: name, pid: s.Process.Pid, plain: "ws://" + s.address}
		if name == "hocuspocus" {
			c.dialect.document = "note"
		}
		all = append(all, c)
	}
	return all, stop, nil
}

// one is one run on one server, in a note of its own.
func (p notesPlan) one(ctx context.Context, c *contender, lines *json.Encoder) (notesResult, error) {
	if p.idle {
		return p.sit(ctx, c, lines)
	}
	n, room, err := p.noteAt(ctx, c)
	if err != nil {
		return notesResult{}, err
	}
	defer n.leave()
	if p.writers+p.readers > room {
		return notesResult{}, fmt.Errorf("a conference of this server takes %d sockets, %d for each person", room, socketsEach)
	}
	if err := n.open(ctx, p.readers); err != nil {
		return notesResult{}, err
	}
	var before, after usage
	watch := p.watch(ctx, c, lines)
	err = n.typeAll(ctx, func() (err error) {
		before, err = usageOf(c.pid)
		return err
	})
	watch()
	if err == nil {
		after, err = usageOf(c.pid)
	}
	if err != nil {
		return notesResult{}, err
	}
	r := resultOf(n, c, before, after)
	r.Lost, err = n.lost(ctx)
	return r, err
}

// noteAt makes a new note on a server, and says how many sockets it takes.
func (p notesPlan) noteAt(ctx context.Context, c *contender) (n *note, room int, err error) {
	d, v, room := c.dialect, venue(plainVenue{c.plain}), math.MaxInt
	switch name := fmt.Sprintf("note-%08x", rand.Uint32()); {
	case c.people != nil:
		m, err := c.people.convene(ctx)
		if err != nil {
			return nil, 0, fmt.Errorf("conference: %w", err)
		}
		v, room = m, m.room()
	case p.plain != "": // the flags name the document
	case d.document != "":
		d.document = name
	default:
		v = plainVenue{c.plain + "/" + name}
	}
	return newNote(d, v, p.writers, p.rate, p.length), room, nil
}

// sit lets people sit in notes where nothing happens, as many notes as it
// takes for all of them.
func (p notesPlan) sit(ctx context.Context, c *contender, lines *json.Encoder) (r notesResult, err error) {
	var notes []*note
	defer func() {
		for _, n := range notes {
			n.leave()
			err = errors.Join(err, n.close(context.WithoutCancel(ctx)))
		}
	}()
	var before usage
	for left := p.readers; left > 0; {
		n, room, err := p.noteAt(ctx, c)
		if err != nil {
			return r, err
		}
		notes = append(notes, n)
		if len(notes) == 1 {
			if before, err = n.withOne(ctx, c.pid); err != nil {
				return r, err
			}
		}
		if err := n.open(ctx, min(left, room)); err != nil {
			return r, err
		}
		left -= min(left, room)
	}
	watch := p.watch(ctx, c, lines)
	err = sleep(ctx, p.length)
	watch()
	if err != nil {
		return r, err
	}
	after, err := usageOf(c.pid)
	if err != nil {
		return r, err
	}
	each := func(before, after uint64) float64 { return (float64(after) - float64(before)) / float64(p.readers) }
	return notesResult{
		Server: c.name, Readers: p.readers, Load: loadAverage(),
		idleFigures: &idleFigures{each(before.rss, after.rss), each(before.memory, after.memory)},
		sizeFigures: &sizeFigures{float64(after.rss)},
	}, nil
}

// withOne looks at a process while one person is in the note, who then goes.
func (n *note) withOne(ctx context.Context, pid int) (usage, error) {
	defer n.leave()
	if err := n.open(ctx, 1); err != nil {
		return usage{}, err
	}
	return usageOf(pid)
}
