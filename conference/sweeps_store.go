package conference

import (
	"context"
	"errors"
	"time"

	"github.com/riverqueue/river"

	"github.com/konsil-server/konsil/expertpool/sweep"
)

// The jobs that wake what is done again and again.
type (
	purgeArgs     struct{}
	consentArgs   struct{}
	retentionArgs struct{}
	remindArgs    struct{}
	pollArgs      struct{}
	standInArgs   struct{}
	opinionArgs   struct{}
	inboxArgs     struct{}
)

func (purgeArgs) Kind() string     { return "note.purge" }
func (consentArgs) Kind() string   { return "consent.sweep" }
func (retentionArgs) Kind() string { return "retention.sweep" }
func (remindArgs) Kind() string    { return "conference.remind" }
func (pollArgs) Kind() string      { return "poll.sweep" }
func (standInArgs) Kind() string   { return "conference.stand_in" }
func (opinionArgs) Kind() string   { return "conference.opinions" }
func (inboxArgs) Kind() string     { return "inbox.sweep" }

// Register adds the workers that purge, end consents, delete, remind, look after polls, look for stand-ins, ask for opinions and open them,
// and tell of new requests, and returns the jobs that wake them.
func (s *Store) Register(w *river.Workers) []*river.PeriodicJob {
	return []*river.PeriodicJob{
		// What had to wait is large.
		sweep.Register[purgeArgs](w, sweep.Pass{Every: 10 * time.Minute, Timeout: 30 * time.Minute, Do: s.purgeUnlessBusy}),
		// Terms end at midnight, and what may be read ends then without it.
		sweep.Register[consentArgs](w, sweep.Pass{Every: 5 * time.Minute, Do: s.sweepConsentsNow}),
		// The first one after years has much to do.
		sweep.Register[retentionArgs](w, sweep.Pass{Every: 6 * time.Hour, Timeout: time.Hour, Do: s.deleteWhatIsDue}),
		sweep.Register[remindArgs](w, sweep.Pass{Every: 5 * time.Minute, Do: s.remindAll}),
		sweep.Register[pollArgs](w, sweep.Pass{Every: time.Minute, Do: s.SweepPolls}),
		sweep.Register[standInArgs](w, sweep.Pass{Every: 30 * time.Second, Do: s.SweepStandIns}),
		sweep.Register[opinionArgs](w, sweep.Pass{Every: time.Minute, Do: s.SweepOpinions}),
		// It gathers what comes in: a mail for each request would only teach people to ignore them.
		sweep.Register[inboxArgs](w, sweep.Pass{Every: 15 * time.Minute, Do: s.SweepInbox}),
	}
}

// purgeUnlessBusy leaves to the next run what has to wait.
func (s *Store) purgeUnlessBusy(ctx context.Context) error {
	_, err := s.Purge(ctx)
	if errors.Is(err, ErrPurgeWaits) {
		return nil
	}
	return err
}

func (s *Store) sweepConsentsNow(ctx context.Context) error {
	_, err := s.SweepConsents(ctx, s.Now())
	return err
}

func (s *Store) remindAll(ctx context.Context) error {
	_, err := s.Remind(ctx)
	return err
}

// deleteWhatIsDue begins with what a restored backup has brought back.
func (s *Store) deleteWhatIsDue(ctx context.Context) error {
	if _, err := s.Reapply(ctx); err != nil {
		return err
	}
	_, err := s.Sweep(ctx)
	return err
}
