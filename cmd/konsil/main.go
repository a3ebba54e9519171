// Command konsil is the server for case conferences, and its administration.
//
//	konsil [serve]            serve
//	konsil migrate            bring the database of DATABASE_URL up to date
//	konsil user add …         make an account
//	konsil user link …        make a link with which somebody sets her account up anew
//	konsil user disable …     take every right away from an account
//	konsil organisation single-release on|off …   allow somebody who is alone to release what she wrote
//	konsil audit verify       check the chain of the audit record
//	konsil minutes verify …   check a file of approved minutes, with nothing but the file
//	konsil doctor             look at settings, database, ports, relay and mail, and say what is wrong
//	konsil places import FILE take the middles of postcodes, so that the directory knows distances
//	konsil rehearse -experts N  fill the pool of the rehearsal network with invented experts, for measurements
//	konsil icf import FILE    take the official titles of an edition of the ICF
//	konsil keys rotate        give the vault a new key and take the old one away
//	konsil minutes key        say under which public key this installation signs minutes
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/konsil-server/konsil/web"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "konsil:", err)
		os.Exit(1)
	}
}

// commands are all there are; an unknown word shows them.
var commands = map[string]func(ctx context.Context, args []string, out io.Writer) error{
	"serve":        configured(serve),
	"migrate":      configured(migrate),
	"user add":     configured(userAdd),
	"user link":    configured(userLink),
	"user disable": configured(userDisable),

	"organisation single-release": configured(singleRelease),

	"audit verify":   configured(auditVerify),
	"doctor":         doctor,
	"keys rotate":    configured(keysRotate),
	"minutes verify": minutesVerify,
	"minutes key":    configured(minutesKey),
	"icf import":     configured(icfImport),
	"places import":  configured(placesImport),
	"rehearse":       configured(rehearsePool),
}

// configured is a command that needs the settings. The others work wherever the program is.
func configured(do func(ctx context.Context, c config, args []string, out io.Writer) error) func(context.Context, []string, io.Writer) error {
	return func(ctx context.Context, args []string, out io.Writer) error {
		c, err := readConfig()
		if err != nil {
			return err
		}
		return do(ctx, c, args, out)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	name, rest := "serve", args
	for n := min(2, len(args)); n > 0; n-- {
		if word := strings.Join(args[:n], " "); commands[word] != nil {
			name, rest = word, args[n:]
			break
		}
	}
	if name == "serve" && len(rest) > 0 {
		return fmt.Errorf("%q is not a command; there are: serve, migrate, user add, user link, user disable, audit verify, organisation single-release, doctor, keys rotate, minutes verify, minutes key, icf import, places import, rehearse", strings.Join(rest, " "))
	}
	return commands[name](ctx, rest, out)
}

// serve starts everything, saying before each step what it does, and serves until ctx ends.
func serve(ctx context.Context, c config, _ []string, out io.Writer) error {
	say := func(line string) { fmt.Fprintln(out, line) }
	assets, err := web.LoadAssets(ctx, "", say)
	if err != nil {
		return unlessStopped(ctx, err)
	}
	db, err := openDatabase(ctx, c, false, say)
	if err != nil {
		return unlessStopped(ctx, err)
	}
	defer db.close()
	s, l, err := prepare(ctx, c, db, assets, say)
	if err != nil {
		return unlessStopped(ctx, err)
	}
	greet(say, c)
	ctx, end := db.whileThere(ctx)
	defer end(nil)
	err = s.run(ctx, l)
	if errors.Is(context.Cause(ctx), errEnded) {
		return errEnded // whatever else went wrong did so because of that
	}
	return err
}

// unlessStopped drops what a start says that a signal has cut off: everything under way then fails, and none of it is news.
func unlessStopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// prepare makes a server on an open database that only has to be run, and its listener.
func prepare(ctx context.Context, c config, db *database, assets *web.Assets, say func(string)) (*server, net.Listener, error) {
	if err := db.migrate(ctx); err != nil {
		return nil, nil, err
	}
	s, err := newServer(ctx, c, db.Pool, assets, time.Now, slog.New(slog.NewTextHandler(os.Stderr, nil)))
	if err != nil {
		return nil, nil, err
	}
	if err := s.vault.Prepare(ctx); err != nil {
		return nil, nil, errors.Join(err, s.rooms.Close())
	}
	if shared, err := sharedVault(ctx, db); err != nil || shared != "" {
		s.log.Warn("vault", "what", shared, "err", err)
	}
	if c.evaluation() {
		if err := s.rehearse(ctx, say); err != nil {
			return nil, nil, errors.Join(err, s.rooms.Close())
		}
		if err := s.rehearseExamples(ctx, say); err != nil {
			return nil, nil, errors.Join(err, s.rooms.Close())
		}
	}
	l, err := net.Listen("tcp", c.Addr)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("KONSIL_ADDR: %w", err), s.rooms.Close())
	}
	return s, l, nil
}

func greet(say func(string), c config) {
	if c.evaluation() {
		say("Evaluation mode: a private database with invented people, on this machine only. Nothing here is fit for real cases.")
		say("Sign in with one click as any of them; mails stay at " + c.PublicURL + "/outbox")
	}
	if !c.evaluation() && c.SMTPURL == "" {
		say("KONSIL_SMTP_URL is not set: invitations and other mails are kept in the database and reach nobody")
	}
	say("konsil is ready: " + c.PublicURL)
}

func hostOf(public string) string {
	u, err := url.Parse(public)
	if err != nil {
		return ""
	}
	return u.Hostname()
}
