package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/konsil-server/konsil/expertpool"
)

// placesImport takes the middles of postcodes from a file that the operator has got from those who publish it. They replace
// what was imported before.
func placesImport(ctx context.Context, c config, args []string, out io.Writer) error {
	if len(args) != 1 {
		return errors.New("usage: konsil places import FILE")
	}
	f, err := os.Open(args[0])
	if err != nil {
		return err
	}
	defer f.Close()
	places, err := expertpool.ReadPlaces(f)
	if err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	return withDatabase(ctx, c, func(db *database) error {
		if err := db.migrate(ctx); err != nil {
			return err
		}
		if err := expertpool.ImportPlaces(ctx, db.Pool, places); err != nil {
			return err
		}
		_, err := fmt.Fprintf(out, "middles of %d postcodes\n", len(places))
		return err
	})
}
