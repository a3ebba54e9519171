// Command konsil-bench measures konsil's parts and, over real sockets, the
// whole server. Each of its commands prints one JSON object per line, the
// summary last; diagnostics go to standard error. The exit status is 0 when
// the run itself worked, whatever the figures say, and 1 when it did not.
package main

import (
	"fmt"
	"io"
	"os"
	"slices"
)

// command is one program of the bench.
type command struct {
	name, usage string
	run         func(args []string, out io.Writer) error
}

var commands = []command{
	{"trace", "FILE.json.gz…  replays editing traces through the notes engine", runTrace},
	{"room", "[-scenario 1x20] [-with plain-pion] [-url U]  fills a room and measures who forwards its media", runRoom},
	{"guard", "[-no-vault] [-held-out] [-spans | -show] FILE.jsonl…  measures what the name guard finds and misses in marked texts", runGuard},
	{"slots", "[-experts N] [-weeks W] [-seats S]  ranks dates for a panel out of an invented pool", runSlots},
	{"ical", "FILE.ics… | -hostile [-size BYTES]  reads calendar files, or the worst inputs there are", runICal},
	{"invitations", "[-seconds S]  writes invitations: calendar object, words, mail", runInvitations},
	{"confirm", "[-url U] [-seats N] [-n N]  convenes conferences in a real database", runConfirm},
	{"inbound", "[-url U] [-n N] [-senders N]  brings answers by mail over LMTP, some of them twice", runInbound},
	{"calendars", "[-url U] [-n N] [-entries N] [-answer D]  refreshes the calendars that experts let be read, all of them due at once", runCalendars},
	{"http", "-url U [-seconds S] [-clients C]  asks for list pages and searches the directory", runHTTP},
	{"notes", "-url U -writers W -readers R -rate N -seconds S [-pid P]  lets people type into one live note", runNotes},
}

// children are servers that this program starts as processes of their own, to
// be measured from outside.
var children = []command{
	{"bare", "", runBare},
	{"sfu", "", runSFU},
	{"plain-pion", "", runPlain},
}

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "konsil-bench:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	if len(args) > 0 {
		for _, c := range slices.Concat(commands, children) {
			if c.name == args[0] {
				return c.run(args[1:], out)
			}
		}
	}
	fmt.Fprintln(os.Stderr, "usage: konsil-bench COMMAND …")
	for _, c := range commands {
		fmt.Fprintf(os.Stderr, "  %s %s\n", c.name, c.usage)
	}
	if len(args) == 0 {
		return fmt.Errorf("no command given")
	}
	return fmt.Errorf("unknown command %q", args[0])
}
