package conference

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/conference/ical"
)

// landOf is the Land whose holidays an organisation keeps; empty when nobody has said.
func landOf(ctx context.Context, q casefile.Querier, organisation uuid.UUID) (ical.State, error) {
	var land ical.State
	if err := q.QueryRow(ctx, `select land from organisation where id = $1`, organisation).Scan(&land); err != nil {
		return "", fmt.Errorf("land: %w", err)
	}
	return land, nil
}
