package web

import (
	"context"
	"time"

	"github.com/konsil-server/konsil/conference"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// origin says in words where the date of a conference comes from, and leads there.
type origin struct{ Words, URL string }

// origins are those of a conference, for those who may open them: its place in a fixed slot, and the poll that found its date.
func (s *server) origins(ctx context.Context, by account.Actor, code string) ([]origin, error) {
	o, err := s.Conferences.Origin(ctx, by, code)
	if err != nil {
		return nil, err
	}
	var found []origin
	if o.Series != nil {
		found = append(found, s.placeOf(o))
	}
	if o.Polled != nil {
		found = append(found, origin{s.words.f("origin.poll", conference.Day(*o.Polled)), "/requests/" + o.Request.String() + "/poll"})
	}
	return found, nil
}

// placeOf leads to the day of the place while that is to come, else to the slot: the page of a day that is over may be gone.
func (s *server) placeOf(o conference.Origin) origin {
	weekly := s.words.f("origin.weekly", s.words.t("weekly.", int(o.Series.Weekday)), clockOf(o.Series.Begins))
	words := s.words.f("origin.series", o.Series.Name, weekly)
	if o.Place > 0 {
		words = s.words.f("origin.place", o.Place, o.Series.Name, weekly)
	}
	at := seriesAt(o.Series.ID)
	if !o.Day.Before(expertpool.Today(s.Now())) {
		at += "/days/" + o.Day.Format(time.DateOnly)
	}
	return origin{words, at}
}
