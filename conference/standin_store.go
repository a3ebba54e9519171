package conference

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/audit"
)

// Gap is a discipline that a planned conference needs and that nobody of the round stands for any more.
type Gap struct {
	Code             string
	StartsAt, EndsAt time.Time
	Discipline       string
	Race             RaceState // of the last search for this date; empty: there was none
}

// StandIns is what the coordination sees of stand-ins for a conference.
type StandIns struct {
	Auto  bool // a search begins by itself when the conference is near
	Gaps  []Gap
	Races []Race // for the date as it stands, the last first
}

// StandIns returns it. ErrNotFound, ErrDenied.
func (s *Store) StandIns(ctx context.Context, by account.Actor, code string) (StandIns, error) {
	var found StandIns
	c, err := s.coordinated(ctx, by, code)
	if err != nil {
		return found, fmt.Errorf("stand-ins: %w", err)
	}
	if err := s.DB.QueryRow(ctx, `select stand_in_auto from conference where id = $1`, c.ID).Scan(&found.Auto); err != nil {
		return found, fmt.Errorf("stand-ins: %w", err)
	}
	if found.Gaps, err = s.gaps(ctx, s.DB, `c.id = $2`, ``, c.ID); err != nil {
		return found, err
	}
	found.Races, err = races(ctx, s.DB, `r.conference_id = $1 and r.starts_at = $2 order by r.began_at desc`, c.ID, c.StartsAt)
	return found, err
}

// Gaps are those of the planned conferences of a coordinator's network, the nearest first; others have none.
func (s *Store) Gaps(ctx context.Context, by account.Actor) ([]Gap, error) {
	if by.Reach(account.Convene) != account.OwnNetwork {
		return nil, nil
	}
	return s.gaps(ctx, s.DB, `o.network_id = $2`, ``, by.Network)
}

// gaps finds what missing says of seats, in many conferences at once; $2 is arg.
func (s *Store) gaps(ctx context.Context, q casefile.Querier, where, having string, arg any) ([]Gap, error) {
	rows, err := q.Query(ctx, `
		select c.code, c.starts_at, c.ends_at, t.discipline, coalesce(r.state, '')
		from conference c join organisation o on o.id = c.organisation_id
		join seat t on t.conference_id = c.id and t.role = 'expert' and t.required
		join lateral (select state from invitation i where i.seat_id = t.id order by i.state = 'cancelled', i.stamped_at desc limit 1) i on true
		left join lateral (
			select state from stand_in_race r
			where r.conference_id = c.id and r.discipline = t.discipline and r.starts_at = c.starts_at
			order by r.began_at desc limit 1
		) r on true
		where c.state in ('inviting', 'quorate') and c.starts_at > $1 and `+where+`
		group by c.code, c.starts_at, c.ends_at, t.discipline, r.state
		having not bool_or(i.state = 'accepted') and bool_or(i.state in ('declined', 'cancelled'))
			and (c.starts_at < $3 or not bool_or(i.state in ('offered', 'tentative')))`+having+`
		order by c.starts_at, c.code, t.discipline`, s.Now(), arg, s.Now().Add(autoWithin))
	if err != nil {
		return nil, fmt.Errorf("gaps: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Gap])
	if err != nil {
		return nil, fmt.Errorf("gaps: %w", err)
	}
	return found, nil
}

func races(ctx context.Context, q casefile.Querier, where string, args ...any) ([]Race, error) {
	rows, err := q.Query(ctx, `
		select r.id, r.discipline, r.starts_at, r.state, r.outcome, r.wave, r.next_at, r.began_at, r.ended_at, n.listed, n.asked, n.declined,
			coalesce((select a.name from stand_in_offer f join account a on a.id = f.account_id where f.race_id = r.id and f.state = 'taken'), '')
		from stand_in_race r
		cross join lateral (
			select count(*)::int as listed, (count(*) filter (where asked_at is not null))::int as asked, (count(*) filter (where state = 'declined'))::int as declined
			from stand_in_offer f where f.race_id = r.id
		) n
		where `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("stand-in races: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Race])
	if err != nil {
		return nil, fmt.Errorf("stand-in races: %w", err)
	}
	return found, nil
}

// FindStandIn begins to look for somebody of a discipline, for the date as it stands, and asks the first. For those who plan the conference.
// Errors: ErrNotFound, ErrDenied, ErrConflict (not_planned, nobody_missing, stand_in_runs).
func (s *Store) FindStandIn(ctx context.Context, by account.Actor, code, discipline string) error {
	return s.change(ctx, by, code, toPlan, "find_stand_in", func(tx pgx.Tx, c Conference, seats []Seat) error {
		return s.beginRace(ctx, tx, &by.ID, c, seats, discipline)
	})
}

// beginRace writes down who could come, in order, and sends the first wave, unless it is an hour to spare people. by is nil for the server.
func (s *Store) beginRace(ctx context.Context, tx pgx.Tx, by *uuid.UUID, c Conference, seats []Seat, discipline string) error {
	running, err := races(ctx, tx, `r.conference_id = $1 and r.discipline = $2 and r.state = 'running'`, c.ID, discipline)
	switch {
	case err != nil:
		return err
	case !c.State.Planned() || !s.Now().Before(c.StartsAt.Add(-lastCall)):
		return account.Refuse(account.ErrConflict, "not_planned")
	case !missing(c, seats, discipline, s.Now()):
		return account.Refuse(account.ErrConflict, "nobody_missing")
	case len(running) > 0:
		return account.Refuse(account.ErrConflict, "stand_in_runs")
	}
	takers, err := s.takers(ctx, tx, c, seats, discipline)
	if err != nil {
		return err
	}
	first, err := s.decent(ctx, tx, c, s.Now())
	if err != nil {
		return err
	}
	r := Race{ID: uuid.New(), Discipline: discipline, StartsAt: c.StartsAt, State: RaceRuns, NextAt: &first}
	_, err = tx.Exec(ctx, `
		insert into stand_in_race (id, conference_id, organisation_id, discipline, starts_at, state, next_at, began_at, began_by)
		values ($1, $2, $3, $4, $5, 'running', $6, $7, $8)`, r.ID, c.ID, c.Organisation, discipline, c.StartsAt, first, s.Now(), by)
	if err != nil {
		return fmt.Errorf("stand-in race: %w", err)
	}
	_, err = tx.Exec(ctx, `
		insert into stand_in_offer (id, race_id, organisation_id, account_id, position, state)
		select gen_random_uuid(), $1, $2, w.id, w.n, 'waiting' from unnest($3::uuid[]) with ordinality w(id, n)`, r.ID, c.Organisation, takers)
	if err != nil {
		return fmt.Errorf("stand-in offers: %w", err)
	}
	return s.advance(ctx, tx, c, r, true)
}

// takers are who can be asked, in order.
func (s *Store) takers(ctx context.Context, tx pgx.Tx, c Conference, seats []Seat, discipline string) ([]uuid.UUID, error) {
	server := account.Actor{Organisation: c.Organisation, Network: c.Network, Role: "server"}
	r := Request{Organisation: c.Organisation, CaseID: c.CaseID, Question: c.Question, Disciplines: []string{discipline}}
	benches, err := s.suggest(ctx, tx, server, r, Occasion{Starts: c.StartsAt, Length: c.EndsAt.Sub(c.StartsAt)})
	if err != nil {
		return nil, err
	}
	promised, err := booked(ctx, tx, c.Network, c.StartsAt.Add(-changeover), uuid.Nil)
	if err != nil {
		return nil, err
	}
	calendars, err := calendarsOf(ctx, tx, benches[:1], expertpool.Span{From: c.StartsAt, Until: c.EndsAt}, s.Now())
	if err != nil {
		return nil, err
	}
	return takersOf(benches[0], promised, calendars, seats, c.StartsAt, c.EndsAt)
}

// decent is when somebody may be asked from a moment on: at any hour when the conference is near, else when people are at work.
func (s *Store) decent(ctx context.Context, tx pgx.Tx, c Conference, from time.Time) (time.Time, error) {
	near := c.StartsAt.Add(-urgentWithin)
	if !from.Before(near) {
		return from, nil
	}
	land, err := landOf(ctx, tx, c.Organisation)
	if err != nil {
		return from, err
	}
	if at := DecentTime(from, land); at.Before(near) {
		return at, nil
	}
	return near, nil
}

// advance takes a race that runs one step further. The conference is locked. needed says whether its discipline still has nobody.
func (s *Store) advance(ctx context.Context, tx pgx.Tx, c Conference, r Race, needed bool) error {
	if _, err := tx.Exec(ctx, `select from stand_in_race where id = $1 for update`, r.ID); err != nil {
		return fmt.Errorf("stand-in race: %w", err)
	}
	waiting, err := s.stillFree(ctx, tx, c, r)
	if err != nil {
		return err
	}
	switch r.next(c, needed, len(waiting), s.Now()) {
	case askMore:
		return s.askWave(ctx, tx, c, r, waiting[:waveSize(r.Wave, len(waiting))])
	case giveUp:
		if err := s.endRace(ctx, tx, r.ID, RaceNobody); err != nil {
			return err
		}
		return s.tell(ctx, tx, c, c.ModeratorID, standInMissing)
	case callOff:
		return s.closeRace(ctx, tx, c, r.ID, RaceEnded)
	}
	return nil
}

// offer is one person in a race.
type offer struct {
	ID      uuid.UUID
	Account uuid.UUID
}

// stillFree are those who have not been asked and can be, in order: what has changed since the race began counts. The others are let go.
func (s *Store) stillFree(ctx context.Context, tx pgx.Tx, c Conference, r Race) ([]offer, error) {
	rows, err := tx.Query(ctx, `select id, account_id from stand_in_offer where race_id = $1 and state = 'waiting' order by position`, r.ID)
	if err != nil {
		return nil, fmt.Errorf("stand-in offers: %w", err)
	}
	waiting, err := pgx.CollectRows(rows, pgx.RowToStructByPos[offer])
	if err != nil || len(waiting) == 0 {
		return nil, err
	}
	ids := make([]uuid.UUID, len(waiting))
	for i, f := range waiting {
		ids[i] = f.Account
	}
	standings, err := expertpool.Standings(ctx, tx, c.Network, ids)
	if err != nil {
		return nil, err
	}
	out, err := s.bound(ctx, tx, c.CaseID)
	if err != nil {
		return nil, err
	}
	taken, err := engaged(ctx, tx, c, ids)
	if err != nil {
		return nil, err
	}
	for _, id := range out {
		taken[id] = true
	}
	free := waiting[:0]
	for _, f := range waiting {
		if standing, known := standings[f.Account]; known && standing.Bar(s.Now()) == "" && !taken[f.Account] {
			free = append(free, f)
		}
	}
	return free, nil
}

// engaged are those of some people who are in the round of c, or have promised to be elsewhere at its time.
func engaged(ctx context.Context, tx pgx.Tx, c Conference, ids []uuid.UUID) (map[uuid.UUID]bool, error) {
	rows, err := tx.Query(ctx, `
		select i.account_id from invitation i join conference x on x.id = i.conference_id
		where i.account_id = any($1) and (x.id = $2 and i.state <> 'cancelled'
			or i.state = 'accepted' and x.state in ('inviting', 'quorate', 'live') and x.starts_at < $4 and x.ends_at > $3)`,
		ids, c.ID, c.StartsAt, c.EndsAt)
	if err != nil {
		return nil, fmt.Errorf("engaged: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return nil, fmt.Errorf("engaged: %w", err)
	}
	taken := map[uuid.UUID]bool{}
	for _, id := range found {
		taken[id] = true
	}
	return taken, nil
}

func (s *Store) askWave(ctx context.Context, tx pgx.Tx, c Conference, r Race, wave []offer) error {
	for _, f := range wave {
		token, err := s.Accounts.NewLink(ctx, tx, f.Account, account.ForInvitation, f.ID, linkUntil(c))
		if err != nil {
			return err
		}
		to, err := addressOf(ctx, tx, f.Account)
		if err != nil {
			return err
		}
		if to.Email != "" {
			m := standInAsked(c, to, s.URL+"/stand-in/"+token)
			m.Thread = f.ID.String()
			if _, err := s.Mails.Enqueue(ctx, tx, m); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, `update stand_in_offer set state = 'asked', asked_at = $2 where id = $1`, f.ID, s.Now()); err != nil {
			return fmt.Errorf("stand-in offer: %w", err)
		}
	}
	next, err := s.decent(ctx, tx, c, s.Now().Add(waveGap(c.StartsAt.Sub(s.Now()))))
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `update stand_in_race set wave = wave + 1, next_at = $2 where id = $1`, r.ID, next)
	if err != nil {
		return fmt.Errorf("stand-in race: %w", err)
	}
	return nil
}

func (s *Store) endRace(ctx context.Context, tx pgx.Tx, id uuid.UUID, state RaceState) error {
	_, err := tx.Exec(ctx, `update stand_in_race set state = $2, next_at = null, ended_at = $3 where id = $1`, id, state, s.Now())
	if err != nil {
		return fmt.Errorf("stand-in race: %w", err)
	}
	return nil
}

// closeRace ends a race and thanks everybody who was asked and has not answered.
func (s *Store) closeRace(ctx context.Context, tx pgx.Tx, c Conference, race uuid.UUID, state RaceState) error {
	if err := s.endRace(ctx, tx, race, state); err != nil {
		return err
	}
	rows, err := tx.Query(ctx, `
		update stand_in_offer set state = 'thanked' where race_id = $1 and state = 'asked' returning id, account_id`, race)
	if err != nil {
		return fmt.Errorf("stand-in offers: %w", err)
	}
	asked, err := pgx.CollectRows(rows, pgx.RowToStructByPos[offer])
	if err != nil {
		return fmt.Errorf("stand-in offers: %w", err)
	}
	for _, f := range asked {
		to, err := addressOf(ctx, tx, f.Account)
		if err != nil {
			return err
		}
		if to.Email == "" {
			continue
		}
		m := standInThanks(c, to)
		m.Thread = f.ID.String()
		if _, err := s.Mails.Enqueue(ctx, tx, m); err != nil {
			return err
		}
	}
	return nil
}

// SweepStandIns begins the searches that begin by themselves, and takes those that run a step further. It may run on several nodes at
// once and be cut off at any time: each step is a transaction that looks again under the lock of its conference.
func (s *Store) SweepStandIns(ctx context.Context) error {
	due, err := s.gaps(ctx, s.DB, `c.stand_in_auto and c.starts_at < $2 and r.state is null`, ` and bool_or(i.state = 'declined')`, s.Now().Add(autoWithin))
	if err != nil {
		return err
	}
	for _, g := range due {
		if err := s.beginBySelf(ctx, g); err != nil {
			return fmt.Errorf("stand-in for %s: %w", g.Code, err)
		}
	}
	rows, err := s.DB.Query(ctx, `
		select c.code from stand_in_race r join conference c on c.id = r.conference_id where r.state = 'running' group by c.code order by c.code`)
	if err != nil {
		return fmt.Errorf("stand-ins: %w", err)
	}
	codes, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("stand-ins: %w", err)
	}
	for _, code := range codes {
		if err := s.advanceAll(ctx, code); err != nil {
			return fmt.Errorf("stand-in for %s: %w", code, err)
		}
	}
	return nil
}

func (s *Store) beginBySelf(ctx context.Context, g Gap) error {
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		c, seats, err := lockedWithSeats(ctx, tx, g.Code)
		if err != nil {
			return err
		}
		if err := s.beginRace(ctx, tx, nil, c, seats, g.Discipline); err != nil {
			return err
		}
		return audit.Record(ctx, tx, audit.Entry{
			Organisation: c.Organisation, At: s.Now(), Role: "server", Did: "find_stand_in", Kind: "conference", To: c.Code, Case: c.CaseID,
		})
	})
	if errors.Is(err, account.ErrConflict) {
		return nil // another node was quicker, or it is not needed any more
	}
	return err
}

func (s *Store) advanceAll(ctx context.Context, code string) error {
	return pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		c, seats, err := lockedWithSeats(ctx, tx, code)
		if err != nil {
			return err
		}
		running, err := races(ctx, tx, `r.conference_id = $1 and r.state = 'running'`, c.ID)
		if err != nil {
			return err
		}
		for _, r := range running {
			if err := s.advance(ctx, tx, c, r, missing(c, seats, r.Discipline, s.Now())); err != nil {
				return err
			}
		}
		return nil
	})
}

func lockedWithSeats(ctx context.Context, tx pgx.Tx, code string) (Conference, []Seat, error) {
	c, err := one(conferences(ctx, tx, `where c.code = $1 for update of c`, code))
	if err != nil {
		return c, nil, err
	}
	seats, err := seatsOf(ctx, tx, c.ID)
	return c, seats, err
}
