package conference

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konsil-server/konsil/conference/slot"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/migrations/pgtest"
)

// counter counts statements, those of a batch one by one.
type counter struct{ n atomic.Int64 }

func (c *counter) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	c.n.Add(1)
	return ctx
}
func (c *counter) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}
func (c *counter) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return ctx
}
func (c *counter) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) { c.n.Add(1) }
func (c *counter) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData)     {}

// newCountedHouse is a house that counts what it asks of the database.
func newCountedHouse(t *testing.T) (*house, *counter) {
	t.Helper()
	config, count := pgtest.New(t).Config(), &counter{}
	config.ConnConfig.Tracer = count
	db, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return newHouseOn(t, db), count
}

// TestALargeRoundTakesAsManyStatementsAsASmallOne: what is asked or written for each seat would show as six statements more.
func TestALargeRoundTakesAsManyStatementsAsASmallOne(t *testing.T) {
	t.Parallel()
	h, count := newCountedHouse(t)
	start, disciplines := slot.Wall(2026, time.December, 1, 10*60, expertpool.Zone()), expertpool.Disciplines[:8]
	var round []uuid.UUID
	for _, d := range disciplines {
		h.newExpert(d)
		round = append(round, get[uuid.UUID](h, `select account_id from expert where discipline = $1 and account_id <> $2 limit 1`, d, h.experts["Kern"].ID))
	}
	counted := func(do func() error) int64 {
		before := count.n.Load()
		h.must(do())
		return count.n.Load() - before
	}
	var code string
	for what, take := range map[string]func(seats int) int64{
		"convene": func(seats int) int64 {
			request, p := h.asked(), Panel{Starts: start, Length: 30 * time.Minute, Experts: round[:seats]}
			return counted(func() (err error) { code, err = h.s.Convene(t.Context(), h.coordinator, request, p); return err })
		},
		"invite": func(seats int) int64 {
			request, p := h.asked(), Panel{Starts: start, Length: 30 * time.Minute, Experts: []uuid.UUID{h.experts["Kern"].ID}}
			var err error
			code, err = h.s.Convene(t.Context(), h.coordinator, request, p)
			h.must(err)
			return counted(func() error { return h.s.Invite(t.Context(), h.coordinator, code, round[:seats]) })
		},
		"move": func(seats int) int64 {
			request, p := h.asked(), Panel{Starts: start, Length: 30 * time.Minute, Experts: round[:seats]}
			var err error
			code, err = h.s.Convene(t.Context(), h.coordinator, request, p)
			h.must(err)
			return counted(func() error {
				return h.s.Move(t.Context(), h.coordinator, code, start.AddDate(0, 0, 2), 30*time.Minute)
			})
		},
		"confirm": func(seats int) int64 {
			request, option := h.polled(start, disciplines[:seats])
			return counted(func() (err error) {
				code, err = h.s.ConfirmOption(t.Context(), h.coordinator, request, option)
				return err
			})
		},
	} {
		taken := map[int]int64{}
		for _, seats := range []int{2, 2, 8} { // the first warms up
			taken[seats] = take(seats)
			asked := get[int](h, `select count(*) from invitation i join conference c on c.id = i.conference_id join message_out m on m.thread = i.id::text
				where c.code = $1 and m.kind in ('invitation', 'update') and m.sequence = i.sequence`, code)
			if want := seats; what != "invite" && asked != want || what == "invite" && asked != want+1 {
				t.Errorf("%s: %d were asked instead of %d", what, asked, want)
			}
			h.must(h.s.Cancel(t.Context(), h.coordinator, code))
		}
		t.Logf("%s: %d statements with two seats, %d with eight", what, taken[2], taken[8])
		if taken[8]-taken[2] >= 6 {
			t.Errorf("%s: %d statements with two seats, %d with eight", what, taken[2], taken[8])
		}
	}
}

func TestEverybodyOfARoundIsWrittenToWithALinkAndADateOfHerOwn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.exec(`insert into calendar_choice (account_id, private) values ($1, true), ($2, false)`, h.experts["Kern"].ID, h.experts["Voss"].ID)
	code, _ := h.convene("Kern", "Reimann", "Voss")
	for name, expert := range h.experts {
		id := h.invitationOf(code, name)
		var body, calendar, uid string
		h.must(h.db.QueryRow(t.Context(), `
			select m.body_text, convert_from(m.calendar, 'UTF8'), i.uid from message_out m join invitation i on i.id::text = m.thread join account a on a.id = i.account_id
			where i.id = $1 and m.to_name = a.name and m.to_email = a.email`, id).Scan(&body, &calendar, &uid))
		_, rest, _ := strings.Cut(body, "https://konsil.test/answer/")
		token, _, _ := strings.Cut(rest, "\n")
		by, about, err := h.accounts.Follow(t.Context(), token, account.ForInvitation)
		if err != nil || by.ID != expert.ID || about != id {
			t.Errorf("%s: the link leads elsewhere: %v", name, err)
		}
		if !strings.Contains(calendar, "UID:"+uid) || strings.Contains(calendar, "CLASS:PRIVATE") != (name == "Kern") {
			t.Errorf("%s gets %s", name, calendar)
		}
	}
}
