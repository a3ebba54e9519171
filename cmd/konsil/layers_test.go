package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/konsil-server/konsil/"

// mayImport is the house: one line per package, and whom it may import. Imports go down only.
var mayImport = map[string][]string{
	"cmd/konsil": { // opinion, poll: the rehearsal network has one of each
		"web", "conference", "conference/trial", "conference/plan", "conference/opinion", "conference/poll", "conference/casefile", "conference/casefile/icf", "conference/pseudonym", "conference/nameguard", "conference/slot", "expertpool",
		"expertpool/account", "expertpool/exchange", "expertpool/mail", "expertpool/audit", "realtime", "realtime/sfu", "migrations", "migrations/localpg",
	},
	"cmd/konsil-bench": { // invitations and answers are measured as the house makes and takes them, on a database of its own
		"realtime/ydoc", "realtime/sfu", "conference", "conference/plan", "conference/casefile", "conference/pseudonym", "conference/nameguard",
		"conference/nameguard/yardstick", "conference/slot", "conference/ical", "expertpool", "expertpool/account", "expertpool/mail", "migrations", "migrations/localpg",
	},
	"web": { // ical: the outbox page says in words what a calendar part says
		"conference", "conference/trial", "conference/plan", "conference/agenda", "conference/opinion", "conference/attachment", "conference/casefile", "conference/casefile/icf", "conference/pseudonym", "conference/nameguard",
		"conference/ical", "conference/slot", "conference/poll", "expertpool", "expertpool/account", "expertpool/exchange", "expertpool/mail", "realtime", "web/checkout",
	},
	"web/checkout": {}, // below all: where the tests' PostgreSQL may come from
	"conference": { // ydoc: pure; the note's log is read back with the engine that wrote it
		"conference/plan", "conference/agenda", "conference/opinion", "conference/casefile", "conference/nameguard", "conference/pseudonym", "conference/ical", "conference/slot", "conference/poll",
		"expertpool", "expertpool/account", "expertpool/mail", "expertpool/audit", "expertpool/sweep", "realtime/ydoc",
	},
	"conference/trial":               {"conference/ical", "expertpool", "expertpool/account", "expertpool/mail", "expertpool/audit"}, // a date that belongs to no conference: who tries her calendar needs nothing of a case
	"conference/plan":                {"conference/casefile", "expertpool", "expertpool/account", "expertpool/mail", "expertpool/audit", "expertpool/sweep"},
	"conference/opinion":             {"conference/casefile", "expertpool/account"}, // casefile: what can be queried. Apart, since nothing else may read what its tables hold before the opening
	"conference/casefile":            {"conference/attachment", "conference/casefile/icf", "conference/pseudonym", "conference/nameguard", "expertpool", "expertpool/account", "expertpool/audit"},
	"conference/agenda":              {"expertpool/account"}, // pure: the rules of an agenda, apart because conference is large; account: what a form is refused with
	"conference/casefile/icf":        {},                     // pure
	"conference/pseudonym":           {"conference/nameguard", "expertpool/account", "expertpool/audit"},
	"conference/attachment":          {},
	"conference/ical":                {"conference/slot"}, // pure; what a clock on the wall means is the same in both
	"conference/nameguard":           {},
	"conference/slot":                {},                  // pure
	"conference/poll":                {"conference/slot"}, // pure: the rules of a poll about dates, apart because conference is large; a round is chosen by slot's rule
	"conference/nameguard/yardstick": {"conference/nameguard"},
	"expertpool":                     {"expertpool/account", "expertpool/mail", "expertpool/audit", "expertpool/sweep", "conference/slot", "conference/attachment", "conference/ical"}, // mail: who applies, leaves or runs out is written to; slot: pure, the hours of a week mean the same in both; ical: pure, the calendar of an expert is read as one that comes by mail; attachment: pure, a signed agreement is made as harmless as what is attached to a case
	"expertpool/exchange":            {"expertpool", "expertpool/account", "expertpool/audit", "expertpool/sweep"},
	"expertpool/account":             {"expertpool/mail", "expertpool/audit"}, // mail: whose account changes is told so in the same transaction
	"expertpool/mail":                {},
	"expertpool/audit":               {},
	"expertpool/sweep":               {}, // what runs again and again is told to the queue in one way
	"realtime":                       {"realtime/ydoc", "realtime/sfu"},
	"realtime/ydoc":                  {},
	"realtime/sfu":                   {},
	"migrations":                     {},
	"migrations/localpg":             {"migrations"},
	"migrations/pgtest":              {"migrations", "migrations/localpg", "web/checkout"},
}

// reserved libraries have one home: import path prefix → its only users.
var reserved = map[string][]string{
	"github.com/labstack/echo":       {"web"},
	"github.com/gorilla/websocket":   {"realtime", "cmd/konsil-bench"},
	"github.com/pion/":               {"realtime/sfu", "cmd/konsil-bench"},
	"github.com/emersion/go-ical":    {"conference/ical"},
	"github.com/wneessen/go-mail":    {"expertpool/mail"},
	"github.com/emersion/go-imap":    {"expertpool/mail"},
	"github.com/emersion/go-message": {"expertpool/mail"},
	"github.com/emersion/go-vcard":   {"expertpool/exchange"},
	"github.com/emersion/go-smtp":    {"expertpool/mail"},
	"github.com/coreos/go-oidc":      {"expertpool/account"},
	"golang.org/x/oauth2":            {"expertpool/account"},
	"github.com/prometheus/":         {"cmd/konsil"},
	"github.com/pressly/goose":       {"migrations"},
	"github.com/riverqueue/river":    {"expertpool", "expertpool/exchange", "expertpool/mail", "expertpool/sweep", "conference", "conference/plan", "migrations", "cmd/konsil"},
	"github.com/jackc/pgx": {
		"cmd/konsil", "cmd/konsil-bench", "conference", "conference/plan", "conference/opinion", "conference/trial", "conference/casefile", "conference/pseudonym",
		"expertpool", "expertpool/account", "expertpool/exchange", "expertpool/mail", "expertpool/audit",
		"migrations", "migrations/localpg", "migrations/pgtest",
	},
}

func TestImportsGoDownOnly(t *testing.T) {
	t.Parallel()
	tree := os.DirFS("../..")
	err := fs.WalkDir(tree, ".", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		n := d.Name()
		if d.IsDir() && (slices.Contains([]string{"node_modules", "dist", "testdata"}, n) || n != "." && n[0] == '.') {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(n, ".go") || strings.HasSuffix(n, "_test.go") {
			return nil
		}
		checkFile(t, tree, file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func checkFile(t *testing.T, tree fs.FS, file string) {
	src, err := fs.ReadFile(tree, file)
	if err != nil {
		t.Fatal(err)
	}
	f, err := parser.ParseFile(token.NewFileSet(), file, src, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	pkg := path.Dir(file)
	allowed, known := mayImport[pkg]
	if !known {
		t.Errorf("%s: package %s is not in the table of layers; put it there on purpose", file, pkg)
	}
	for _, spec := range f.Imports {
		imp := strings.Trim(spec.Path.Value, `"`)
		if in, ok := strings.CutPrefix(imp, module); ok && !slices.Contains(allowed, in) {
			t.Errorf("%s imports %s, which its layer may not", file, in)
		}
		for prefix, owners := range reserved {
			if strings.HasPrefix(imp, prefix) && !slices.Contains(owners, pkg) {
				t.Errorf("%s imports %s, reserved to %v", file, imp, owners)
			}
		}
	}
}
