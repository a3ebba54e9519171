package account

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// ErrSlow says that something was guessed at too often lately.
var ErrSlow = errors.New("too many tries")

// pace is how fast something may be guessed at: so many tries at once, then one in every while.
type pace struct {
	once  int
	every time.Duration
}

// The paces. A password is guessed at by address, whether an account has it or not; a code by account.
var (
	passwordPace = pace{10, time.Minute}
	codePace     = pace{5, time.Minute}
	resetPace    = pace{3, 10 * time.Minute}
)

// guessed names what is guessed at. A browser that is known for an account has a pace of its own, so whoever guesses elsewhere does
// not slow the person down.
func guessed(what, at string, browser []byte) []byte {
	h := sha256.Sum256(framed([]byte("konsil guess 1"), []byte(what), []byte(at), browser))
	return h[:]
}

// take takes one try, or gives ErrSlow. The row holds when the last of all tries taken so far is due (GCRA), so that many at once get
// exactly as many as there are.
func (s *Store) take(ctx context.Context, p pace, key []byte) error {
	now := s.now()
	if _, err := s.db.Exec(ctx, `delete from guess_pace where due < $1`, now); err != nil {
		return fmt.Errorf("pace: %w", err)
	}
	var due time.Time
	err := s.db.QueryRow(ctx, `
		insert into guess_pace as g (key, due) values ($1, $2)
		on conflict (key) do update set due = g.due + $3::interval
		where g.due <= $4
		returning due`, key, now.Add(p.every), p.every, now.Add(time.Duration(p.once-1)*p.every)).Scan(&due)
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrSlow
	}
	if err != nil {
		return fmt.Errorf("pace: %w", err)
	}
	return nil
}

// maxBrowsers is how many of one account are known; beyond, the one that was not used for longest is forgotten.
const maxBrowsers = 20

// knownBrowser is the hash of a browser's token if somebody has signed in to the account with it before, else nil.
func knownBrowser(ctx context.Context, q querier, account uuid.UUID, browser string) ([]byte, error) {
	var hash []byte
	err := q.QueryRow(ctx, `select token_hash from known_browser where account_id = $1 and token_hash = $2`, account, hashToken(browser)).Scan(&hash)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return nil, fmt.Errorf("known browser: %w", err)
	}
	return hash, nil
}

// remember makes a browser known for an account within tx and returns its token. The owner is told of one that is new, except of her first.
func (s *Store) remember(ctx context.Context, tx pgx.Tx, account uuid.UUID, browser string) (string, error) {
	token, fresh, others, err := s.meet(ctx, tx, account, browser)
	if err != nil {
		return "", fmt.Errorf("remember browser: %w", err)
	}
	if fresh && others {
		return token, s.Tell(ctx, tx, account, BrowserNew)
	}
	return token, nil
}

// meet says whether the browser is new to the account, and whether others are known. A token that nobody was given by us is replaced.
func (s *Store) meet(ctx context.Context, tx pgx.Tx, account uuid.UUID, browser string) (token string, fresh, others bool, err error) {
	var ours bool
	err = tx.QueryRow(ctx, `
		select exists (select from known_browser where token_hash = $2), exists (select from known_browser where account_id = $1)`,
		account, hashToken(browser)).Scan(&ours, &others)
	if err != nil {
		return "", false, false, err
	}
	token, hash := browser, hashToken(browser)
	if !ours {
		token, hash = newToken()
	}
	err = tx.QueryRow(ctx, `
		insert into known_browser (token_hash, account_id, made_at, used_at) values ($1, $2, $3, $3)
		on conflict (account_id, token_hash) do update set used_at = excluded.used_at
		returning made_at = $3`, hash, account, s.now()).Scan(&fresh)
	if err != nil {
		return "", false, false, err
	}
	_, err = tx.Exec(ctx, `
		delete from known_browser where account_id = $1 and token_hash in (
			select token_hash from known_browser where account_id = $1 order by used_at desc offset $2)`, account, maxBrowsers)
	return token, fresh, others, err
}
