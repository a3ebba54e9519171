package expertpool

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/google/uuid"
)

// Calendar is how it stands with the calendar that an expert lets be read.
type Calendar struct {
	Host     string // of its address; the rest is a secret
	AddedAt  time.Time
	ReadAt   *time.Time // when that last went well
	PausedAt *time.Time // it failed too often and is left alone
	Failed   string     // rule why the last try failed; empty: it did not
	Unread   int        // entries that were not understood
	Found    int        // busy times in the next eight weeks
}

// Busy is what is known of somebody from her calendar.
type Busy struct {
	Spans []Span    // when she is not free; in order
	Fresh bool      // it was read lately: whatever is not in Spans is free until Until
	Until time.Time // nothing is known of what is later
}

// At says how a calendar stands to a date: Engaged, Free, or Unknown where it was not read lately or does not reach so far.
func (b Busy) At(at Span) OnDate {
	switch {
	case !b.Fresh:
		return Unknown
	case slices.ContainsFunc(b.Spans, func(s Span) bool { return s.From.Before(at.Until) && s.Until.After(at.From) }):
		return Engaged
	case at.Until.After(b.Until):
		return Unknown
	}
	return Free
}

const (
	busyFresh   = 48 * time.Hour          // older than that it may have changed
	busyCovers  = 26 * 7 * 24 * time.Hour // so far ahead busy times are kept
	busyEnough  = 10 * 7 * 24 * time.Hour // with less left, an unchanged calendar is read anew
	busyShown   = 8 * 7 * 24 * time.Hour
	readEvery   = 4 * time.Hour
	readJitter  = time.Hour
	retryFirst  = 30 * time.Minute // doubles with each failure
	retryLast   = 12 * time.Hour
	maxFailures = 10
	readAgain   = time.Minute // between two tries that somebody asks for
	readAtOnce  = 16
	readLease   = 5 * time.Minute // after that another node may try
)

// calendars is what is needed to read those of other places.
type calendars struct {
	box  cipher.AEAD // seals addresses
	from Downloads
}

var errNoCalendars = errors.New("calendars need ReadCalendars")

// ReadCalendars gives the store what it needs to read calendars of experts: a secret of this installation of 32 bytes, under which their
// addresses are kept. It is called before the store is used by others.
func (s *Store) ReadCalendars(secret []byte, d Downloads) error {
	key, err := hkdf.Key(sha256.New, secret, nil, "konsil calendars 1", 32)
	if err != nil {
		return fmt.Errorf("key of calendars: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return fmt.Errorf("key of calendars: %w", err)
	}
	s.calendars.from = d
	s.calendars.box, err = cipher.NewGCMWithRandomNonce(block)
	return err
}

// seal makes an address unreadable, and open readable again, for one account only.
func (c calendars) seal(account uuid.UUID, address string) ([]byte, error) {
	if c.box == nil {
		return nil, errNoCalendars
	}
	return c.box.Seal(nil, nil, []byte(address), account[:]), nil
}

func (c calendars) open(account uuid.UUID, sealed []byte) (string, error) {
	if c.box == nil {
		return "", errNoCalendars
	}
	address, err := c.box.Open(nil, nil, sealed, account[:])
	if err != nil {
		return "", fmt.Errorf("address of a calendar: %w", err)
	}
	return string(address), nil
}

// nextRead is how long a calendar rests after so many failures in a row. No two rest equally long: they spread over time.
func nextRead(failures int) time.Duration {
	rest := readEvery
	if failures > 0 {
		rest = min(retryFirst<<min(failures-1, 10), retryLast)
	}
	return rest - readJitter/4 + rand.N(readJitter/2)
}
