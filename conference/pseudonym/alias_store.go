package pseudonym

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/audit"
)

// Domain is towards whom a pseudonym stands for a case. Within one domain a case has one pseudonym, in another one another, and
// only the vault knows that they are of one person.
type Domain struct {
	name, prefix string
	id           uuid.UUID
}

// ForConference is the domain of the conference that a request leads to: everybody there says the same pseudonym.
func ForConference(request uuid.UUID) Domain { return Domain{"conference", OfConference, request} }

// ForRecipient is the domain of an organisation that is given something about the case to keep.
func ForRecipient(organisation uuid.UUID) Domain {
	return Domain{"organisation", OfRecipient, organisation}
}

// Alias returns the pseudonym of a case in a domain, and draws it the first time. Drawing links it to the case, which is recorded
// with the organisation that has the case.
func (v *Vault) Alias(ctx context.Context, tx pgx.Tx, by account.Actor, caseID, organisation uuid.UUID, d Domain) (string, error) {
	var alias string
	var drawn bool
	err := inside(ctx, tx, func() error {
		var err error
		alias, drawn, err = draw(ctx, tx, caseID, organisation, d)
		return err
	})
	if err == nil && drawn {
		err = audit.Record(ctx, tx, audit.Entry{
			Organisation: organisation, At: v.now(), By: by.ID, Role: string(by.Role), Did: "link", Kind: "pseudonym", To: alias, Case: caseID,
		})
	}
	if err != nil {
		return "", fmt.Errorf("pseudonym: %w", err)
	}
	return alias, nil
}

func draw(ctx context.Context, tx pgx.Tx, caseID, organisation uuid.UUID, d Domain) (alias string, drawn bool, err error) {
	for {
		err = tx.QueryRow(ctx, `
			select pseudonym from vault.alias where domain = $1 and domain_id = $2 and case_id = $3`, d.name, d.id, caseID).Scan(&alias)
		if !errors.Is(err, pgx.ErrNoRows) {
			return alias, drawn, err
		}
		tag, err := tx.Exec(ctx, `
			insert into vault.alias (pseudonym, domain, domain_id, case_id, organisation_id) values ($1, $2, $3, $4, $5)
			on conflict do nothing`, New(d.prefix), d.name, d.id, caseID, organisation)
		if err != nil {
			return "", false, err
		}
		drawn = tag.RowsAffected() == 1
	}
}
