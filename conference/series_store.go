package conference

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/audit"
)

// AllSeries are the series of the actor's network by name, those that have come to an end last. Coordinators only: ErrDenied.
func (s *Store) AllSeries(ctx context.Context, by account.Actor) ([]Timetable, error) {
	return s.timetables(ctx, s.DB, by, uuid.Nil)
}

// SeriesByID returns one of AllSeries. Errors: ErrNotFound, ErrDenied.
func (s *Store) SeriesByID(ctx context.Context, by account.Actor, id uuid.UUID) (Timetable, error) {
	return s.oneSeries(ctx, s.DB, by, id)
}

func (s *Store) oneSeries(ctx context.Context, q casefile.Querier, by account.Actor, id uuid.UUID) (Timetable, error) {
	found, err := s.timetables(ctx, q, by, id)
	if err == nil && len(found) == 0 {
		err = account.ErrNotFound
	}
	if err != nil {
		return Timetable{}, err
	}
	return found[0], nil
}

// KeepSeries makes a series, or changes the rule of one: conferences that have a place keep their date. Its zone is expertpool.Zone, its Land,
// when none is named, that of the actor's organisation. The id is returned. Errors: InvalidError, also when the name is taken, ErrNotFound, ErrDenied.
func (s *Store) KeepSeries(ctx context.Context, by account.Actor, r Series) (uuid.UUID, error) {
	if !by.May(account.Convene) {
		return uuid.Nil, account.ErrDenied
	}
	if err := r.validate(); err != nil {
		return uuid.Nil, err
	}
	did := "change_series"
	if r.ID == uuid.Nil {
		r.ID, did = uuid.New(), "new_series"
	}
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		if did == "change_series" {
			if _, err := s.lockSeries(ctx, tx, by, r.ID); err != nil {
				return err
			}
		}
		own, err := landOf(ctx, tx, by.Organisation)
		if err != nil {
			return err
		}
		r.Land = cmp.Or(r.Land, own)
		if err := putSeries(ctx, tx, by, r); err != nil {
			return err
		}
		return audit.Record(ctx, tx, by.Entry(s.Now(), did, "series", r.ID.String()))
	})
	if err != nil {
		return uuid.Nil, fmt.Errorf("keep series: %w", err)
	}
	return r.ID, nil
}

func putSeries(ctx context.Context, tx pgx.Tx, by account.Actor, r Series) error {
	if r.Group != uuid.Nil {
		var own bool
		err := tx.QueryRow(ctx, `select exists (select from expert_group where id = $1 and network_id = $2)`, r.Group, by.Network).Scan(&own)
		if err != nil {
			return err
		}
		if !own {
			return &account.InvalidError{Field: "group", Rule: "unknown"}
		}
	}
	_, err := tx.Exec(ctx, `
		insert into series (id, network_id, name, weekday, begins, zone, places, place_minutes, land, from_on, until_on, group_id)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, nullif($12, `+nobody+`))
		on conflict (id) do update set name = $3, weekday = $4, begins = $5, places = $7, place_minutes = $8, land = $9,
			from_on = $10, until_on = $11, group_id = excluded.group_id`,
		r.ID, by.Network, r.Name, int(r.Weekday), r.Begins, expertpool.Zone().String(), r.Places, int(r.Length/time.Minute), r.Land,
		r.From, r.Until, r.Group)
	var broken *pgconn.PgError
	if errors.As(err, &broken) && broken.ConstraintName == "series_name" {
		return &account.InvalidError{Field: "series_name", Rule: "taken"}
	}
	return err
}

// Opening is a free place that a request can have.
type Opening struct {
	Series Series
	SeriesPlace
}

// Openings are the next free places of each series for a request that waits, the earliest first. Errors: ErrNotFound, ErrDenied,
// ErrConflict when it is decided already.
func (s *Store) Openings(ctx context.Context, by account.Actor, request uuid.UUID) ([]Opening, error) {
	var found []Opening
	err := pgx.BeginTxFunc(ctx, s.DB, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		r, err := s.waiting(ctx, tx, by, request, "")
		if err != nil {
			return err
		}
		all, err := s.timetables(ctx, tx, by, uuid.Nil)
		for _, t := range all {
			for _, p := range t.Next(r.soonest(s.Now()), openingsEach) {
				found = append(found, Opening{t.Series, p})
			}
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("openings: %w", err)
	}
	slices.SortStableFunc(found, func(a, b Opening) int { return a.Starts.Compare(b.Starts) })
	return found, nil
}

// openingsEach is how many places of one series are offered: the next, and others for those who cannot.
const openingsEach = 3

// SwapPlaces lets two cases of a series change places; everybody asked gets the new date. Errors: InvalidError, ErrNotFound, ErrDenied,
// ErrConflict.
func (s *Store) SwapPlaces(ctx context.Context, by account.Actor, id uuid.UUID, one, other string) error {
	if one == other {
		return &account.InvalidError{Field: "second", Rule: "same"}
	}
	return s.onSeries(ctx, by, id, "swap_places", func(tx pgx.Tx, t Timetable) ([]audit.Entry, error) {
		i := slices.IndexFunc(t.held, func(p SeriesPlace) bool { return p.Code == one })
		j := slices.IndexFunc(t.held, func(p SeriesPlace) bool { return p.Code == other })
		if i < 0 || j < 0 {
			return nil, account.ErrNotFound
		}
		a, b := t.held[i], t.held[j]
		return s.shift(ctx, tx, by, id, []Shift{{one, b.Starts, b.Ends}, {other, a.Starts, a.Ends}})
	})
}

// PutInPlace moves a case of a series to a free place of it; everybody asked gets the new date. Errors: ErrNotFound, ErrDenied, ErrConflict
// (series_day_changed when the place is not free).
func (s *Store) PutInPlace(ctx context.Context, by account.Actor, id uuid.UUID, code string, starts time.Time) error {
	return s.onSeries(ctx, by, id, "put_in_place", func(tx pgx.Tx, t Timetable) ([]audit.Entry, error) {
		if !slices.ContainsFunc(t.held, func(p SeriesPlace) bool { return p.Code == code }) {
			return nil, account.ErrNotFound
		}
		if t.place(starts, t.Length) != nil {
			return nil, account.Refuse(account.ErrConflict, "series_day_changed")
		}
		return s.shift(ctx, tx, by, id, []Shift{{code, starts, starts.Add(t.Length)}})
	})
}

// IfDropped tells what DropDay would do with a day, midnight UTC. Errors: ErrNotFound, ErrDenied, ErrConflict (series_day_over,
// series_day_off, and to move: series_full).
func (s *Store) IfDropped(ctx context.Context, by account.Actor, id uuid.UUID, day time.Time, move bool) ([]Shift, error) {
	t, err := s.SeriesByID(ctx, by, id)
	if err != nil {
		return nil, err
	}
	return t.ifDropped(day, move)
}

// DropDay lets a series leave out a day. Its conferences are called off, or moved to the next free places; everybody asked is told. told is
// what IfDropped has said: when it would be something else by now nothing is done, and ErrConflict returned (series_day_changed). Errors as
// of IfDropped.
func (s *Store) DropDay(ctx context.Context, by account.Actor, id uuid.UUID, day time.Time, move bool, told []Shift) error {
	return s.onSeries(ctx, by, id, "drop_day", func(tx pgx.Tx, t Timetable) ([]audit.Entry, error) {
		will, err := t.ifDropped(day, move)
		if err != nil {
			return nil, err
		}
		if !slices.EqualFunc(will, told, func(a, b Shift) bool { return a.Code == b.Code && a.Starts.Equal(b.Starts) && a.Ends.Equal(b.Ends) }) {
			return nil, account.Refuse(account.ErrConflict, "series_day_changed")
		}
		_, err = tx.Exec(ctx, `insert into series_off (series_id, on_day) values ($1, $2) on conflict do nothing`, id, day)
		if err != nil {
			return nil, err
		}
		return s.shift(ctx, tx, by, id, will)
	})
}

// ResumeDay takes a day back into a series that was called off: its places are free. Conferences do not come back. Errors: ErrNotFound, ErrDenied.
func (s *Store) ResumeDay(ctx context.Context, by account.Actor, id uuid.UUID, day time.Time) error {
	return s.onSeries(ctx, by, id, "resume_day", func(tx pgx.Tx, _ Timetable) ([]audit.Entry, error) {
		gone, err := tx.Exec(ctx, `delete from series_off where series_id = $1 and on_day = $2`, id, day)
		if err == nil && gone.RowsAffected() == 0 {
			err = account.ErrNotFound
		}
		return nil, err
	})
}

// onSeries does something to a series that nobody else puts a case into until it is done, and records it. Its entries and those that do
// returns are written by organisation: each has a chain of its own, and whoever locks several does so in one order.
func (s *Store) onSeries(ctx context.Context, by account.Actor, id uuid.UUID, did string, do func(pgx.Tx, Timetable) ([]audit.Entry, error)) error {
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		t, err := s.lockSeries(ctx, tx, by, id)
		if err != nil {
			return err
		}
		entries, err := do(tx, t)
		if err != nil {
			return err
		}
		entries = append(entries, by.Entry(s.Now(), did, "series", id.String()))
		slices.SortStableFunc(entries, func(a, b audit.Entry) int { return slices.Compare(a.Organisation[:], b.Organisation[:]) })
		for _, e := range entries {
			if err := audit.Record(ctx, tx, e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("%s: %w", did, err)
	}
	return nil
}

// lockSeries returns a series whose places nobody else takes or leaves by it until tx ends.
func (s *Store) lockSeries(ctx context.Context, tx pgx.Tx, by account.Actor, id uuid.UUID) (Timetable, error) {
	if _, err := tx.Exec(ctx, `select from series where id = $1 and network_id = $2 for no key update`, id, by.Network); err != nil {
		return Timetable{}, fmt.Errorf("series: %w", err)
	}
	return s.oneSeries(ctx, tx, by, id)
}

// takePlace holds a panel's date to be a free place of its series, if it names one, which stays free until tx ends.
func (s *Store) takePlace(ctx context.Context, tx pgx.Tx, by account.Actor, p Panel) error {
	if p.Series == uuid.Nil {
		return nil
	}
	t, err := s.lockSeries(ctx, tx, by, p.Series)
	if errors.Is(err, account.ErrNotFound) {
		return &account.InvalidError{Field: "series", Rule: "unknown"}
	}
	if err != nil {
		return err
	}
	return t.place(p.Starts, p.Length)
}

// shift calls conferences of a series off, or moves them to places of it; they may trade places among each other. It returns what is to be
// recorded.
func (s *Store) shift(ctx context.Context, tx pgx.Tx, by account.Actor, series uuid.UUID, shifts []Shift) ([]audit.Entry, error) {
	var entries []audit.Entry
	var moved []uuid.UUID
	var codes []string
	for _, m := range shifts {
		codes = append(codes, m.Code)
	}
	// Whoever locks several conferences does so by id.
	if _, err := tx.Exec(ctx, `select from conference where code = any($1) order by id for update`, codes); err != nil {
		return nil, fmt.Errorf("lock places: %w", err)
	}
	for _, m := range shifts {
		c, _, err := s.lock(ctx, tx, by, m.Code, toPlan)
		if err != nil {
			return nil, err
		}
		did := "cancel"
		if m.Moved() {
			did, moved = "move", append(moved, c.ID)
			err = s.moveToPlace(ctx, tx, by, c, m)
		} else {
			err = s.cancelPlanned(ctx, tx, c)
		}
		if err != nil {
			return nil, err
		}
		entries = append(entries, audit.Entry{
			Organisation: c.Organisation, At: s.Now(), By: by.ID, Role: string(by.Role), Did: did, Kind: "conference", To: c.Code, Case: c.CaseID,
		})
	}
	// Each has left its place by moving; only when all have are the places free for one another.
	if _, err := tx.Exec(ctx, `update conference set series_id = $1 where id = any($2)`, series, moved); err != nil {
		return nil, fmt.Errorf("places: %w", err)
	}
	return entries, nil
}

func (s *Store) moveToPlace(ctx context.Context, tx pgx.Tx, by account.Actor, c Conference, m Shift) error {
	length := m.Ends.Sub(m.Starts)
	if err := validDate(m.Starts, length, s.Now()); err != nil {
		return account.Refuse(account.ErrConflict, "series_day_over")
	}
	_, err := s.moveTo(ctx, tx, by, c, m.Starts, length)
	return err
}

// timetables reads the series of the actor's network, or one of them, with what is known of their days from today on.
func (s *Store) timetables(ctx context.Context, q casefile.Querier, by account.Actor, one uuid.UUID) ([]Timetable, error) {
	if !by.May(account.Convene) {
		return nil, account.ErrDenied
	}
	now := s.Now()
	rows, err := q.Query(ctx, `
		select s.id, s.name, s.weekday, s.begins, s.zone, s.places, s.place_minutes, s.land, s.from_on, s.until_on,
			coalesce(g.id, `+nobody+`), coalesce(g.name, ''),
			array(select f.on_day from series_off f where f.series_id = s.id order by 1)
		from series s left join expert_group g on g.id = s.group_id
		where s.network_id = $1 and ($2 = `+nobody+` or s.id = $2)
		order by coalesce(s.until_on < $3, false), s.name collate "de-x-icu", s.id`, by.Network, one, expertpool.Today(now))
	if err != nil {
		return nil, fmt.Errorf("series: %w", err)
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (t Timetable, err error) {
		var minutes int
		t.now = now
		err = row.Scan(&t.ID, &t.Name, &t.Weekday, &t.Begins, &t.Zone, &t.Places, &minutes, &t.Land, &t.From, &t.Until, &t.Group, &t.GroupName, &t.off)
		t.Length = time.Duration(minutes) * time.Minute
		return t, err
	})
	if err != nil {
		return nil, fmt.Errorf("series: %w", err)
	}
	return found, s.fillPlaces(ctx, q, found)
}

// fillPlaces reads the conferences that have places of these series, from today on.
func (s *Store) fillPlaces(ctx context.Context, q casefile.Querier, of []Timetable) error {
	ids := make([]uuid.UUID, len(of))
	for i, t := range of {
		ids[i] = t.ID
	}
	y, m, d := s.Now().In(expertpool.Zone()).Date()
	rows, err := q.Query(ctx, `
		select c.series_id, c.starts_at, c.ends_at, c.code, c.state, o.name
		from conference c join organisation o on o.id = c.organisation_id
		where c.series_id = any($1) and c.starts_at >= $2 and c.state not in ('cancelled', 'sealed')
		order by c.starts_at, c.code`, ids, time.Date(y, m, d, 0, 0, 0, 0, expertpool.Zone()))
	if err != nil {
		return fmt.Errorf("places: %w", err)
	}
	var series uuid.UUID
	var p SeriesPlace
	_, err = pgx.ForEachRow(rows, []any{&series, &p.Starts, &p.Ends, &p.Code, &p.State, &p.OrganisationName}, func() error {
		i := slices.Index(ids, series)
		of[i].held = append(of[i].held, p)
		return nil
	})
	if err != nil {
		return fmt.Errorf("places: %w", err)
	}
	return nil
}
