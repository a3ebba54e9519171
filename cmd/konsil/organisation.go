package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/expertpool/account"
)

// singleRelease sets whether a caseworker who is alone in her organisation may release what she wrote herself, with a reason.
func singleRelease(ctx context.Context, c config, args []string, out io.Writer) error {
	if len(args) < 2 || args[0] != "on" && args[0] != "off" {
		return errors.New("usage: konsil organisation single-release on|off NAME")
	}
	allow, name := args[0] == "on", strings.Join(args[1:], " ")
	return withDatabase(ctx, c, func(db *database) error {
		err := casefile.AllowSingleRelease(ctx, db.Pool, name, allow, time.Now())
		if errors.Is(err, account.ErrNotFound) {
			return errors.New("no organisation has this name")
		}
		if err != nil {
			return err
		}
		said := "a summary is released by a second person only"
		if allow {
			said = "who is alone there may release her own summaries, with a reason"
		}
		_, err = fmt.Fprintf(out, "%s: %s\n", name, said)
		return err
	})
}
