package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/conference/pseudonym"
	"github.com/konsil-server/konsil/migrations"
)

// keysRotate gives the vault and the attachments a new key each, beside a running server or without one.
func keysRotate(ctx context.Context, c config, args []string, out io.Writer) error {
	if len(args) > 0 {
		return errors.New("usage: konsil keys rotate")
	}
	keys, err := c.vaultKeys().Load()
	if err != nil {
		return err
	}
	fileKeys, err := pseudonym.FileKeys(c.keys()).Load()
	if err != nil {
		return err
	}
	return withDatabase(ctx, c, func(db *database) error {
		if err := db.migrate(ctx); err != nil {
			return err
		}
		vault := pseudonym.NewVault(db.Pool, keys, time.Now)
		key, err := vault.Rotate(ctx, func(done, all int) {
			fmt.Fprintf(out, "%d of %d people are under the new key\n", done, all)
		})
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "vault key %s holds; the one before opens nothing any more\n", key)
		if c.VaultKeyOld != "" {
			fmt.Fprintln(out, "KONSIL_VAULT_KEY_OLD is of no use now: take it out of the settings")
		}
		cases := casefile.NewStore(db.Pool, vault, time.Now)
		cases.KeepFiles(fileKeys)
		key, err = cases.RotateFiles(ctx, func(done, all int) {
			fmt.Fprintf(out, "%d of %d attachments are under the new key\n", done, all)
		})
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "key of attachments %s holds; the one before opens nothing any more\n", key)
		return nil
	})
}

// sharedVault is what to say where the vault has no role of its own, "" where it has.
func sharedVault(ctx context.Context, db *database) (string, error) {
	separated, err := migrations.Separated(ctx, db)
	if err != nil || separated {
		return "", err
	}
	return "the identities' tables belong to the application's own role, because the user of DATABASE_URL may not make roles; " +
		"\"alter role … createrole\", or \"grant konsil_door to …\" where that role is there, and konsil migrate separate them", nil
}
