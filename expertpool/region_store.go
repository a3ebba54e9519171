package expertpool

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konsil-server/konsil/expertpool/account"
)

// ImportPlaces replaces the middles of postcodes. It is for administration on the machine and asks for no actor.
func ImportPlaces(ctx context.Context, db *pgxpool.Pool, places []Area) error {
	err := pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `delete from postcode_area`); err != nil {
			return err
		}
		_, err := tx.CopyFrom(ctx, pgx.Identifier{"postcode_area"}, []string{"code", "lat", "lon", "place"},
			pgx.CopyFromSlice(len(places), func(i int) ([]any, error) {
				p := places[i]
				return []any{p.Postcode, p.Lat, p.Lon, p.Name}, nil
			}))
		return err
	})
	if err != nil {
		return fmt.Errorf("import places: %w", err)
	}
	return nil
}

// Way is how far it is between two postcodes.
type Way struct {
	KM    int
	Rough bool // between the middles of two regions, because a place is not known any better
}

// Ways says how far it is from one postcode to others, in km as the crow flies. Those that nobody knows are missing; where
// from is not known the map is empty.
func Ways(ctx context.Context, q querier, from string, to []string) (map[string]Way, error) {
	here, rough, err := locate(ctx, q, from)
	if errors.Is(err, account.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	known, err := middlesOf(ctx, q, to)
	if err != nil {
		return nil, err
	}
	ways := map[string]Way{}
	for _, code := range to {
		if p, ok := known[code]; ok {
			ways[code] = Way{int(here.To(p) + .5), rough}
		} else if r, ok := regionOf(code); ok {
			ways[code] = Way{int(here.To(r.Centre) + .5), true}
		}
	}
	return ways, nil
}

// locate finds a postcode: by the imported places, or roughly by its region. ErrNotFound if it is in neither.
func locate(ctx context.Context, q querier, postcode string) (p Point, rough bool, err error) {
	err = q.QueryRow(ctx, `select lat, lon from postcode_area where code = $1`, postcode).Scan(&p.Lat, &p.Lon)
	switch {
	case err == nil:
		return p, false, nil
	case !errors.Is(err, pgx.ErrNoRows):
		return p, false, fmt.Errorf("locate: %w", err)
	}
	r, ok := regionOf(postcode)
	if !ok {
		return p, false, account.ErrNotFound
	}
	return r.Centre, true, nil
}

func middlesOf(ctx context.Context, q querier, postcodes []string) (map[string]Point, error) {
	rows, err := q.Query(ctx, `select code, lat, lon from postcode_area where code = any($1)`, nonNil(postcodes))
	if err != nil {
		return nil, fmt.Errorf("places: %w", err)
	}
	known := map[string]Point{}
	var code string
	var p Point
	_, err = pgx.ForEachRow(rows, []any{&code, &p.Lat, &p.Lon}, func() error {
		known[code] = p
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("places: %w", err)
	}
	return known, nil
}
