package main

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference"
	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/conference/casefile/icf"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/audit"
)

// withDatabase runs an administration command beside a running server or without one.
func withDatabase(ctx context.Context, c config, do func(*database) error) error {
	db, err := openDatabase(ctx, c, true, func(string) {})
	if err != nil {
		return err
	}
	defer db.close()
	return do(db)
}

func migrate(ctx context.Context, c config, _ []string, out io.Writer) error {
	return withDatabase(ctx, c, func(db *database) error {
		if err := db.migrate(ctx); err != nil {
			return err
		}
		fmt.Fprintln(out, "database is up to date")
		return nil
	})
}

func auditVerify(ctx context.Context, c config, _ []string, out io.Writer) error {
	return withDatabase(ctx, c, func(db *database) error {
		n, err := audit.Verify(ctx, db.Pool)
		if err != nil {
			return fmt.Errorf("audit record does not hold: %w", err)
		}
		anchors, err := audit.Anchors(ctx, db.Pool)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "audit record holds: %d entries checked\n", n)
		for _, a := range anchors {
			fmt.Fprintf(out, "chain of organisation %s: %d entries from before %s were deleted by its term; verified from anchor %x on\n",
				a.Organisation, a.Seq, a.Before.UTC().Format(time.DateOnly), a.Hash)
		}
		return nil
	})
}

// icfImport takes the official titles of an edition from a file that the operator has got from those who publish it.
func icfImport(ctx context.Context, c config, args []string, out io.Writer) error {
	if len(args) != 1 {
		return errors.New("usage: konsil icf import FILE")
	}
	f, err := os.Open(args[0])
	if err != nil {
		return err
	}
	defer f.Close()
	edition, entries, err := icf.ReadClaML(f)
	if err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	return withDatabase(ctx, c, func(db *database) error {
		n, err := casefile.ImportICF(ctx, db.Pool, edition, entries)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "titles of %d categories, edition %s\n", n, edition)
		return nil
	})
}

// minutesVerify checks a file of minutes with nothing but the file: no settings, no database, no network. What it says is one
// line; what does not hold is the error.
func minutesVerify(_ context.Context, args []string, out io.Writer) error {
	name, expected, err := verifyArgs(args, out)
	if err != nil {
		return err
	}
	file, err := readUpTo(name, conference.MaxMinutesFile)
	if err != nil {
		return err
	}
	p, err := conference.VerifyMinutes(file)
	if err != nil {
		return fmt.Errorf("minutes do not hold: %w", err)
	}
	whose := "whose key that is was not asked (-key)"
	if expected != nil {
		if !expected.Equal(p.Key) {
			return fmt.Errorf("minutes do not hold: public_key: signed by %x, expected was %x", []byte(p.Key), []byte(expected))
		}
		whose = "which is the expected one"
	}
	notes := "no seal of their notes"
	if p.Body.Seal != nil {
		notes = fmt.Sprintf("seal of their notes up to row %d %s", p.Body.Seal.HeadSeq, p.Body.Seal.SHA256)
	}
	_, err = fmt.Fprintf(out, "minutes hold: conference %s of %s, SHA-256 %x, %s, signed by key %x, %s\n",
		p.Body.Code, p.Body.StartsAt.UTC().Format("2006-01-02 15:04 MST"), p.SHA256, notes, []byte(p.Key), whose)
	return err
}

// verifyArgs reads the name of the file and the expected key, nil if none is named, in either order.
func verifyArgs(args []string, out io.Writer) (name string, expected ed25519.PublicKey, err error) {
	f := flag.NewFlagSet("konsil minutes verify", flag.ContinueOnError)
	f.SetOutput(out)
	f.Func("key", "public key that must have signed: as konsil minutes key prints it, or a file with that", func(s string) error {
		expected, err = publicKey(s)
		return err
	})
	var files []string
	for len(args) > 0 {
		if err := f.Parse(args); err != nil {
			return "", nil, err
		}
		if args = f.Args(); len(args) > 0 {
			files, args = append(files, args[0]), args[1:]
		}
	}
	if len(files) != 1 {
		return "", nil, errors.New("usage: konsil minutes verify [-key HEX|FILE] FILE")
	}
	return files[0], expected, nil
}

// readUpTo reads a file, and of a longer one just enough to show that it is longer.
func readUpTo(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, limit+1))
}

// publicKey takes a key in hexadecimal digits, or the name of a file that holds them.
func publicKey(hexOrFile string) (ed25519.PublicKey, error) {
	digits := hexOrFile
	if raw, err := hex.DecodeString(digits); err != nil || len(raw) != ed25519.PublicKeySize {
		text, err := readUpTo(hexOrFile, 1<<10)
		if err != nil {
			return nil, fmt.Errorf("neither a public key nor a file: %w", err)
		}
		digits = strings.TrimSpace(string(text))
	}
	key, err := hex.DecodeString(digits)
	if err != nil || len(key) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("the file does not hold the %d hexadecimal digits of a public key", 2*ed25519.PublicKeySize)
	}
	return key, nil
}

// minutesKey says the public key of this installation, which is made if this is the first that is asked of it.
func minutesKey(_ context.Context, c config, args []string, out io.Writer) error {
	if len(args) > 0 {
		return errors.New("usage: konsil minutes key")
	}
	key, err := conference.LoadMinutesKey(c.keys())
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%x\n", []byte(key.Public()))
	return err
}

// userAdd makes an account, and the organisation it belongs to if that is new. How she signs in her owner says by a link, shown once.
func userAdd(ctx context.Context, c config, args []string, out io.Writer) error {
	var n account.New
	var organisation, kind, network, discipline string
	f := flag.NewFlagSet("konsil user add", flag.ContinueOnError)
	f.SetOutput(out)
	f.Func("role", "caseworker, coordinator, expert, admin, network_admin or data_protection_officer", func(s string) error { n.Role = account.Role(s); return nil })
	f.StringVar(&n.Name, "name", "", "name as others see it")
	f.StringVar(&n.Email, "email", "", "address, for signing in and for mails")
	f.StringVar(&organisation, "organisation", "", "name of the organisation; made if new")
	f.StringVar(&kind, "kind", "jobcenter", "of a new organisation: jobcenter, provider or pool")
	f.StringVar(&network, "network", "Netzwerk", "name of the network of a new organisation; made if new")
	f.StringVar(&discipline, "discipline", "", "of an expert, one of the pool's disciplines")
	if err := f.Parse(args); err != nil {
		return err
	}
	if organisation == "" {
		return errors.New("-organisation is required")
	}
	if n.Role == account.Expert && !expertpool.KnownDiscipline(discipline) {
		return fmt.Errorf("-discipline is required for an expert, one of %v", expertpool.Disciplines)
	}
	return withDatabase(ctx, c, func(db *database) error {
		if err := db.migrate(ctx); err != nil {
			return err
		}
		org, net, err := organisationNamed(ctx, db, organisation, kind, network)
		if err != nil {
			return err
		}
		n.Organisation = org
		accounts, err := c.accounts(db)
		if err != nil {
			return err
		}
		id, err := accounts.Add(ctx, n)
		if err != nil {
			return err
		}
		if n.Role == account.Expert {
			e := expertpool.Expert{ID: id, Discipline: discipline, Languages: []string{"de"}, HoursPerMonth: 2}
			if err := expertpool.NewStore(db.Pool, time.Now).List(ctx, net, org, e); err != nil {
				return err
			}
		}
		fmt.Fprintf(out, "account %s\n", n.Email)
		return setUpLink(ctx, c, accounts, n.Email, out)
	})
}

// accounts are those of this installation. Whose account a command changes is told so by mail: a running server sends it.
func (c config) accounts(db *database) (*account.Store, error) {
	mails, err := c.queue(db.Pool)
	if err != nil {
		return nil, err
	}
	accounts := account.NewStore(db.Pool, time.Now)
	accounts.Notify(mails, c.PublicURL)
	return accounts, nil
}

// setUpLink shows a link with which an account is set up, or set up anew.
func setUpLink(ctx context.Context, c config, accounts *account.Store, who string, out io.Writer) error {
	token, err := accounts.StartOver(ctx, who)
	if err != nil {
		return whose(err)
	}
	_, err = fmt.Fprintf(out, "link for setting it up, shown this once, good for a day: %s/setup/%s\n", c.PublicURL, token)
	return err
}

// userLink makes a link for somebody who has lost everything that she signs in with. It takes that away when she redeems it.
func userLink(ctx context.Context, c config, args []string, out io.Writer) error {
	who := strings.Join(args, " ")
	if who == "" {
		return errors.New("usage: konsil user link NAME|EMAIL")
	}
	return withDatabase(ctx, c, func(db *database) error {
		accounts, err := c.accounts(db)
		if err != nil {
			return err
		}
		return setUpLink(ctx, c, accounts, who, out)
	})
}

// whose says in words that no account, or more than one, is meant.
func whose(err error) error {
	switch {
	case errors.Is(err, account.ErrUnknown):
		return errors.New("no account has this name or address")
	case errors.Is(err, account.ErrSeveral):
		return errors.New("several accounts have this name: say the address")
	}
	return err
}

// userDisable takes every right away from an account, on a running server as well: its doorkeepers notice within two seconds.
func userDisable(ctx context.Context, c config, args []string, out io.Writer) error {
	who := strings.Join(args, " ") // a name without quotes is a name all the same
	if who == "" {
		return errors.New("usage: konsil user disable NAME|EMAIL")
	}
	return withDatabase(ctx, c, func(db *database) error {
		accounts, err := c.accounts(db)
		if err != nil {
			return err
		}
		if err := accounts.Disable(ctx, who); err != nil {
			return whose(err)
		}
		_, err = fmt.Fprintln(out, "account disabled: its sign-ins have ended, its links lead nowhere")
		return err
	})
}

func organisationNamed(ctx context.Context, db *database, name, kind, network string) (org, net uuid.UUID, err error) {
	err = pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `select id, network_id from organisation where name = $1`, name).Scan(&org, &net)
		if !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		err = tx.QueryRow(ctx, `select id from network where name = $1`, network).Scan(&net)
		if errors.Is(err, pgx.ErrNoRows) {
			net = uuid.New()
			_, err = tx.Exec(ctx, `insert into network (id, name) values ($1, $2)`, net, network)
		}
		if err != nil {
			return err
		}
		org = uuid.New()
		_, err = tx.Exec(ctx, `insert into organisation (id, network_id, name, kind) values ($1, $2, $3, $4)`, org, net, name, kind)
		return err
	})
	if err != nil {
		return org, net, fmt.Errorf("organisation %q: %w", name, err)
	}
	return org, net, nil
}
