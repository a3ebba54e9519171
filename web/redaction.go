package web

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/conference"
)

// purgeDeadline bounds the wait for the files of the database; what takes longer is done by the sweep.
const purgeDeadline = 30 * time.Second

// redact removes a passage from the note of a live conference, for everybody and for good. It answers 204 when it is gone from
// the files of the database as well, 202 when those are still to follow. Once begun it is finished even if the browser does
// not wait for it.
func (s *server) redact(c echo.Context) error {
	ctx := context.WithoutCancel(c.Request().Context())
	f, err := formOf(c)
	if err != nil {
		return err
	}
	status, err := s.rewrite(ctx, c, func(ctx context.Context) error {
		return s.Conferences.Redact(ctx, me(c), code(c), f.Get("section"), f.Get("units"))
	})
	if err != nil {
		return err
	}
	return c.NoContent(status)
}

// redactWords removes words from the note of a conference whose minutes are a draft.
func (s *server) redactWords(c echo.Context) error {
	f, err := formOf(c)
	if err != nil {
		return err
	}
	status, err := s.rewrite(context.WithoutCancel(c.Request().Context()), c, func(ctx context.Context) error {
		return s.Conferences.RedactWords(ctx, me(c), code(c), f.Get("words"))
	})
	receipt := "redacted"
	if status == http.StatusAccepted {
		receipt = "redacted_soon"
	}
	return s.minuted(c, err, f, receipt)
}

// rewrite removes something from the note of the conference in the address, shows its mark to those in the room, and purges.
// The status says how far that came.
func (s *server) rewrite(ctx context.Context, c echo.Context, redact func(context.Context) error) (status int, err error) {
	v, err := s.Conferences.ByCode(ctx, me(c), code(c))
	if err != nil {
		return 0, err
	}
	id := v.ID.String()
	if err := s.Live.Rewrite(ctx, id, redact); err != nil {
		return 0, err
	}
	s.Live.Refresh(id, "conference")
	return s.purge(ctx), nil
}

// purge tells by a status whether the files of the database are clean.
func (s *server) purge(ctx context.Context) int {
	ctx, cancel := context.WithTimeout(ctx, purgeDeadline)
	defer cancel()
	logs, err := s.Conferences.Purge(ctx)
	switch {
	case errors.Is(err, conference.ErrPurgeWaits), errors.Is(err, context.DeadlineExceeded):
		return http.StatusAccepted
	case err != nil:
		s.Log.Error("files still hold what was redacted", "err", err)
		return http.StatusAccepted
	case !logs:
		s.Log.Warn("a redacted passage stays in the database's write-ahead log until that is recycled: grant the role pg_checkpoint and execute on pg_switch_wal, set wal_recycle=off; it stays in log archives and backups until they expire")
		return http.StatusAccepted
	}
	return http.StatusNoContent
}

// cuts says in words what was removed from a section: 1 Stelle entfernt, von Jana Brandt, um 14:12 Uhr.
func (s *server) cuts(all []conference.Redaction, section string) string {
	n, last := 0, conference.Redaction{}
	for _, r := range all {
		if r.Section == section {
			n, last = n+1, r
		}
	}
	switch n {
	case 0:
		return ""
	case 1:
		return s.words.f("redaction.one", last.Name, clock(last.At))
	}
	return s.words.f("redaction.many", n, last.Name, clock(last.At))
}
