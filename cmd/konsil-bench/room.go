package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

const roomHelp = `konsil-bench room [-scenario 1x5,1x20,6x6] [-seconds S] [-runs N] [-plain] [-with plain-pion]
konsil-bench room -url U [-pid P] [-publishers P -subscribers S] …

Fills a room with people and measures who forwards their media. A scenario 1x20 is one publisher whom twenty watch; 6x6 is six
people who all publish and all watch; -publishers and -subscribers say it otherwise. A publisher sends 320 packets a second: 30
pictures of nine packets of 1100 bytes and 50 sounds of 100 bytes, ended like frames that are end-to-end encrypted.
Everybody is a pion client in this process, so all times are of one clock; people come 237 ms apart.

Without -url each run has a fresh server of its own: konsil's media server as a child, spoken to by the same frames as the
live socket. -plain lets one that sends every packet by itself take turns with it, -with plain-pion one that is written with
nothing but pion's defaults. With -url a whole server in evaluation mode is measured; the program makes a conference in it.

One line per run, and a summary with the median of each: packets received in the part that counts, which begins 3 s after the
last came; lost: packets of the whole run that somebody lacks in the end; latency_p50_ms and latency_p99_ms from before a packet is
written to after it is read; first_keyframe_p50_ms and first_keyframe_max_ms from dialling to the last packet of the first whole
key frame, over 20 joins or -joins; join_p50_ms from dialling to the connection; cpu_us_per_packet: user and system time of the
server by the packets received; cpu_ms_per_join: the same while people came, forwarding included, by joins;
rss_per_person_bytes: what the server has grown by, at the end of the part that counts, by people. The ratio in the summary is
cpu_us_per_packet by that of plain-pion. These figures mean little on a busy machine: load says how busy it was.

Flags:
`

// roomPlan is what the flags say.
type roomPlan struct {
	url       string
	pid, runs int
	joins     int
	length    time.Duration
	scenarios []scenario
	servers   []string // children to start
}

type scenario struct {
	name                    string
	publishers, subscribers int
}

func parseRoom(args []string) (roomPlan, error) {
	p := roomPlan{servers: []string{"konsil"}}
	var names, with string
	var seconds, publishers, subscribers int
	var plain bool
	f := flag.NewFlagSet("room", flag.ContinueOnError)
	f.Usage = func() { fmt.Fprint(f.Output(), roomHelp); f.PrintDefaults() }
	f.StringVar(&names, "scenario", "1x5,1x20,6x6", "who is there")
	f.IntVar(&publishers, "publishers", 0, "how many publish, instead of -scenario")
	f.IntVar(&subscribers, "subscribers", 0, "how many only watch")
	f.IntVar(&seconds, "seconds", 8, "length of the part that counts")
	f.IntVar(&p.joins, "joins", 20, "how many people come while media flows, at least")
	f.IntVar(&p.runs, "runs", 1, "how many runs")
	f.BoolVar(&plain, "plain", false, "measure the way without batches, too")
	f.StringVar(&with, "with", "", "other servers to run in turn: plain-pion")
	f.StringVar(&p.url, "url", "", "`address` of a server in evaluation mode, as its KONSIL_PUBLIC_URL says it")
	f.IntVar(&p.pid, "pid", 0, "with -url: the server's process")
	if err := f.Parse(args); err != nil {
		return p, err
	}
	p.length, p.url = time.Duration(seconds)*time.Second, strings.TrimSuffix(p.url, "/")
	if plain {
		p.servers = append(p.servers, "konsil-plain")
	}
	if with != "" {
		p.servers = append(p.servers, with)
	}
	if publishers > 0 || subscribers > 0 {
		names = fmt.Sprintf("%dx%d", publishers, subscribers)
		p.scenarios = []scenario{{names, publishers, subscribers}}
	} else if err := p.choose(names); err != nil {
		return p, err
	}
	switch {
	case f.NArg() > 0:
		return p, fmt.Errorf("what is %q?", f.Arg(0))
	case p.runs < 1 || seconds < 1:
		return p, errors.New("it takes one run and one second at least")
	case with != "" && with != "plain-pion":
		return p, fmt.Errorf("there is no server %q, only plain-pion", with)
	case p.url != "" && len(p.servers) > 1:
		return p, errors.New("-url excludes -plain and -with")
	}
	return p, p.possible()
}

// choose reads scenarios: NxN is N people who publish and watch.
func (p *roomPlan) choose(names string) error {
	for name := range strings.SplitSeq(names, ",") {
		s := scenario{name: name}
		if n, err := fmt.Sscanf(name, "%dx%d", &s.publishers, &s.subscribers); n != 2 || err != nil {
			return fmt.Errorf("%q is no scenario; 1x20 is one, and 6x6", name)
		}
		if s.publishers == s.subscribers {
			s.subscribers = 0
		}
		p.scenarios = append(p.scenarios, s)
	}
	return nil
}

func (p *roomPlan) possible() error {
	for _, s := range p.scenarios {
		if s.publishers < 1 || s.subscribers < 0 || s.publishers+s.subscribers < 2 || s.publishers+s.subscribers > 100 {
			return fmt.Errorf("%s: it takes a publisher and somebody else, and a hundred people at most", s.name)
		}
	}
	return nil
}

// runRoom measures the media path over real sockets.
func runRoom(args []string, out io.Writer) error {
	p, err := parseRoom(args)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("room: %w", err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	lines := json.NewEncoder(out)
	for _, s := range p.scenarios {
		if err := p.measure(ctx, s, lines); err != nil {
			return fmt.Errorf("room: %s: %w", s.name, err)
		}
	}
	return nil
}

// measure lets the servers take turns in one scenario.
func (p roomPlan) measure(ctx context.Context, s scenario, lines *json.Encoder) error {
	results := make([][]roomResult, len(p.servers))
	for run := range p.runs {
		for i, server := range p.servers {
			fmt.Fprintf(os.Stderr, "run %d of %d: %s, %s\n", run+1, p.runs, s.name, server)
			r, err := p.one(ctx, s, server)
			if err != nil {
				return fmt.Errorf("%s: %w", server, err)
			}
			results[i] = append(results[i], r)
			if p.runs*len(p.servers) == 1 {
				break // the summary says the same
			}
			if err := lines.Encode(r); err != nil {
				return err
			}
		}
	}
	summary := roomSummary{roomResult: middleRoom(results[0]), Runs: p.runs}
	for i, server := range p.servers[1:] {
		peer := middleRoom(results[i+1])
		summary.Peers = append(summary.Peers, peer)
		if server == "plain-pion" {
			summary.Ratio = round(summary.CPU / peer.CPU)
		}
	}
	return lines.Encode(summary)
}

// one is one run.
func (p roomPlan) one(ctx context.Context, s scenario, server string) (roomResult, error) {
	if p.url != "" {
		people, err := gather(ctx, p.url)
		if err != nil {
			return roomResult{}, err
		}
		m, err := people.convene(ctx)
		if err != nil {
			return roomResult{}, fmt.Errorf("conference: %w", err)
		}
		r, err := p.fill(ctx, newHall(m, p.pid), s, server)
		return r, errors.Join(err, m.close(context.WithoutCancel(ctx)))
	}
	child, err := startChild(ctx, map[string][]string{
		"konsil": {"sfu"}, "konsil-plain": {"sfu", "-plain"}, "plain-pion": {"plain-pion"},
	}[server]...)
	if err != nil {
		return roomResult{}, err
	}
	defer child.stop()
	return p.fill(ctx, newHall(roomDoor{child.address}, child.Process.Pid), s, server)
}

func (p roomPlan) fill(ctx context.Context, h *hall, s scenario, server string) (roomResult, error) {
	if err := h.hold(ctx, s, p.joins, p.length); err != nil {
		return roomResult{}, err
	}
	packets := float64(h.packets.Load())
	if packets == 0 {
		return roomResult{}, errors.New("no packets were received")
	}
	cpu := (h.end.cpu - h.begin.cpu).Seconds() * 1e6 / packets
	grown := float64(h.end.rss) - float64(h.before.rss)
	return roomResult{
		Scenario: s.name, Server: server, Packets: packets, Lost: h.missing,
		P50: h.latency.percentile(50), P99: h.latency.percentile(99),
		KeyP50: h.pictures.percentile(50), KeyMax: h.pictures.percentile(100), Join: h.ready.percentile(50),
		CPU:     round(cpu),
		JoinCPU: round(h.joinCPU.Seconds() * 1e3 / float64(h.joined)),
		RSS:     math.Round(grown / float64(s.publishers+s.subscribers)),
		Load:    loadAverage(),
	}, nil
}

func round(v float64) float64 { return math.Round(v*100) / 100 }

// roomResult is a line of output. Without a process the figures of it are 0.
type roomResult struct {
	Scenario string  `json:"scenario"`
	Server   string  `json:"server"`
	Packets  float64 `json:"packets"`
	Lost     int     `json:"lost"`
	P50      float64 `json:"latency_p50_ms"`
	P99      float64 `json:"latency_p99_ms"`
	KeyP50   float64 `json:"first_keyframe_p50_ms"`
	KeyMax   float64 `json:"first_keyframe_max_ms"`
	Join     float64 `json:"join_p50_ms"`
	CPU      float64 `json:"cpu_us_per_packet"`
	JoinCPU  float64 `json:"cpu_ms_per_join"`
	RSS      float64 `json:"rss_per_person_bytes"`
	Load     float64 `json:"load"` // of the machine, in the last minute
}

// roomSummary is the last line of a scenario.
type roomSummary struct {
	roomResult
	Runs  int          `json:"runs"`
	Ratio float64      `json:"cpu_by_plain_pion,omitempty"`
	Peers []roomResult `json:"peers,omitempty"`
}

// middleRoom is the median of each figure over the runs of one server; lost is
// the sum.
func middleRoom(of []roomResult) roomResult {
	m := of[0]
	runs := make([][]*float64, len(of))
	m.Lost = 0
	for i := range of {
		m.Lost += of[i].Lost
		runs[i] = of[i].figures()
	}
	setMedians(m.figures(), runs, 100)
	return m
}

func (r *roomResult) figures() []*float64 {
	return []*float64{
		&r.Packets, &r.P50, &r.P99, &r.KeyP50, &r.KeyMax, &r.Join, &r.CPU, &r.JoinCPU, &r.RSS, &r.Load,
	}
}
