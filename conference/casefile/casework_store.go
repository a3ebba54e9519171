package casefile

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference/casefile/icf"
	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/audit"
)

// Casework is what a network works with: which categories a profile asks for, which phases a case goes through, which capacities
// are rated, and how many cases one person leads before a warning.
type Casework struct {
	Codes      []icf.Code
	Phases     []string
	Capacities []string
	Caseload   int
}

// casework is what holds where a network has set nothing: the working list, the four phases of Gecko, 25 cases.
func casework() Casework {
	return Casework{
		Codes: icf.Working(), Capacities: icf.Capacities(), Caseload: 25,
		Phases: []string{"Zusteuerung", "Situations- und Bedarfsanalyse", "Aktive Unterstützung", "Überleitung"},
	}
}

const mostLines = 60 // of each list

func (c *Casework) validate() error {
	switch {
	case len(c.Codes) == 0 || len(c.Codes) > mostLines:
		return &account.InvalidError{Field: "codes", Rule: "lines"}
	case len(c.Phases) == 0 || len(c.Phases) > mostLines:
		return &account.InvalidError{Field: "phases", Rule: "lines"}
	case len(c.Capacities) == 0 || len(c.Capacities) > mostLines:
		return &account.InvalidError{Field: "capacities", Rule: "lines"}
	case c.Caseload < 1 || c.Caseload > 500:
		return &account.InvalidError{Field: "caseload", Rule: "range"}
	}
	for i, code := range c.Codes {
		known, err := icf.ParseCode(string(code))
		if err != nil {
			return &account.InvalidError{Field: "codes", Rule: "icf"}
		}
		c.Codes[i] = known
	}
	for field, list := range map[string][]string{"phases": c.Phases, "capacities": c.Capacities} {
		for i := range list {
			if err := account.CheckText(field, &list[i], 80, true); err != nil {
				return err
			}
		}
	}
	return nil
}

// Casework returns what the actor's network works with: to caseworkers and coordinators.
func (s *Store) Casework(ctx context.Context, by account.Actor) (Casework, error) {
	if !by.May(account.SeeCaseload) {
		return Casework{}, account.ErrDenied
	}
	rows, err := s.db.Query(ctx, `select codes, phases, capacities, caseload from casework where network_id = $1`, by.Network)
	if err != nil {
		return Casework{}, fmt.Errorf("casework: %w", err)
	}
	set, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Casework])
	if err != nil {
		return Casework{}, fmt.Errorf("casework: %w", err)
	}
	if len(set) == 0 {
		return casework(), nil
	}
	return set[0], nil
}

// SetCasework changes it. Coordinators only. What cases hold already stays. Errors: InvalidError, ErrDenied.
func (s *Store) SetCasework(ctx context.Context, by account.Actor, c Casework) error {
	if !by.May(account.SetCasework) {
		return account.ErrDenied
	}
	if err := c.validate(); err != nil {
		return err
	}
	codes := make([]string, len(c.Codes))
	for i, code := range c.Codes {
		codes[i] = string(code)
	}
	err := pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			insert into casework (network_id, codes, phases, capacities, caseload) values ($1, $2, $3, $4, $5)
			on conflict (network_id) do update set codes = excluded.codes, phases = excluded.phases,
				capacities = excluded.capacities, caseload = excluded.caseload`, by.Network, codes, c.Phases, c.Capacities, c.Caseload)
		if err != nil {
			return err
		}
		return audit.Record(ctx, tx, by.Entry(s.now(), "set_casework", "network", by.Network.String()))
	})
	if err != nil {
		return fmt.Errorf("set casework: %w", err)
	}
	return nil
}

// Load is how many open cases somebody leads.
type Load struct {
	ID                 uuid.UUID // of the account
	Organisation, Name string
	Cases, Limit       int
}

// Full says that no further case should be led by this person.
func (l Load) Full() bool { return l.Cases >= l.Limit }

// Free is how many more there may be.
func (l Load) Free() int { return max(l.Limit-l.Cases, 0) }

// Loads tells how many open cases each caseworker leads: a coordinator those of her network, a caseworker those of her
// organisation. It is a count, and nothing of a case.
func (s *Store) Loads(ctx context.Context, by account.Actor) ([]Load, error) {
	set, err := s.Casework(ctx, by)
	if err != nil {
		return nil, err
	}
	rows, err := s.db.Query(ctx, `
		select a.id, o.name, a.name, count(c.id)::int, $3::int
		from account a join organisation o on o.id = a.organisation_id
		left join case_file c on c.caseworker_id = a.id and c.state = 'open'
		where a.role = 'caseworker' and a.disabled_at is null and o.network_id = $1 and ($4 or o.id = $2)
		group by o.name, a.id, a.name
		order by o.name, a.name`, by.Network, by.Organisation, set.Caseload, by.Reach(account.SeeCaseload) == account.OwnNetwork)
	if err != nil {
		return nil, fmt.Errorf("loads: %w", err)
	}
	loads, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Load])
	if err != nil {
		return nil, fmt.Errorf("loads: %w", err)
	}
	return loads, nil
}
