package conference

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/expertpool/account"
)

// Origin is how a conference has come to its date, as far as the actor may look at that.
type Origin struct {
	Series  *Series    // of which the conference has a place; nil: of none
	Day     time.Time  // of that place, midnight UTC
	Place   int        // which of the day, from 1; 0: the rule has changed since
	Request uuid.UUID  // what the conference was asked for by
	Polled  *time.Time // when the poll began whose date was confirmed; nil: there was none
}

// Origin returns it, for the coordination of the conference's network; to others it tells nothing.
func (s *Store) Origin(ctx context.Context, by account.Actor, code string) (Origin, error) {
	if !by.May(account.Convene) || !by.May(account.DecideRequests) {
		return Origin{}, nil
	}
	var o Origin
	var series uuid.UUID
	var starts time.Time
	err := s.DB.QueryRow(ctx, `
		select coalesce(c.series_id, `+nobody+`), c.starts_at, coalesce(c.request_id, `+nobody+`),
			(select max(p.started_at) from poll p where p.request_id = c.request_id and p.closed = 'confirmed')
		from conference c join organisation o on o.id = c.organisation_id
		where c.code = $1 and o.network_id = $2`, code, by.Network).Scan(&series, &starts, &o.Request, &o.Polled)
	if isNone(err) {
		return Origin{}, nil
	}
	if err != nil {
		return Origin{}, fmt.Errorf("origin: %w", err)
	}
	if series == uuid.Nil {
		return o, nil
	}
	t, err := s.oneSeries(ctx, s.DB, by, series)
	if err != nil {
		return Origin{}, fmt.Errorf("origin: %w", err)
	}
	o.Series, o.Day = &t.Series, t.dayOf(starts)
	o.Place = 1 + slices.IndexFunc(t.placesOn(o.Day), func(p SeriesPlace) bool { return p.Starts.Equal(starts) })
	return o, nil
}
