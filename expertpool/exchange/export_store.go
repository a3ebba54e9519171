package exchange

import (
	"bytes"
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// Export writes the experts of the actor's network who are in the pool, of one discipline or of all (""), and records that she took them.
// Errors: ErrDenied, InvalidError.
func (s *Store) Export(ctx context.Context, by account.Actor, format, discipline string, words Words) ([]byte, error) {
	if !by.May(account.KeepPool) {
		return nil, account.ErrDenied
	}
	if discipline != "" && !expertpool.KnownDiscipline(discipline) {
		return nil, &account.InvalidError{Field: "discipline", Rule: "unknown"}
	}
	if !slices.Contains([]string{CSV, VCard, FHIR}, format) {
		return nil, &account.InvalidError{Field: "format", Rule: "required"}
	}
	var b bytes.Buffer
	err := pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		all, err := s.pool.Listed(ctx, tx, by.Network)
		if err != nil {
			return err
		}
		all = slices.DeleteFunc(all, func(l expertpool.Listed) bool {
			return l.Left || discipline != "" && l.Profile.Discipline != discipline
		})
		if err := write(&b, format, all, words); err != nil {
			return err
		}
		said := strings.TrimSpace(format + " " + strconv.Itoa(len(all)) + " " + discipline)
		return s.record(ctx, tx, by, "export_experts", by.Network, said)
	})
	return b.Bytes(), err
}

func write(b *bytes.Buffer, format string, all []expertpool.Listed, words Words) error {
	rows, ids := make([]Row, len(all)), make([]string, len(all))
	for i, l := range all {
		rows[i], ids[i] = Row{Name: l.Name, Email: l.Email, Profile: l.Profile}, l.ID.String()
	}
	switch format {
	case VCard:
		return WriteVCards(b, rows)
	case FHIR:
		return WriteFHIR(b, rows, ids)
	}
	return WriteCSV(b, rows, words)
}
