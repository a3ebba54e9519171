package account

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/migrations/pgtest"
)

func TestPasswordsThatAreTriedFirstAreRefused(t *testing.T) {
	t.Parallel()
	for password, rule := range map[string]string{
		"vier ruhige Gänse fliegen": "", "korrekt pferd batterie heftklammer": "", "x9#Lm2!qRt7z": "", "Zugspitze bei Regen": "", "日本語の長い合言葉をここに": "",
		"kurz": "length", "elf Zeichen": "length", strings.Repeat("lang ", 300): "length",
		"passwort1234": "common", "Passwort2026!": "common", "P4ssw0rt!!!!": "common", "hallohallo12": "common", "sommer2026berlin": "common",
		"iloveyou1234": "common", "aaaaaaaaaaaa": "common", "abababababab": "common", "123456789012": "common", "qwertzuiopü1": "common",
		"987654321098": "common", "konsil-konsil": "common", "Jobcenter2026": "common", "Fallkonferenz": "common", "willkommen!!!": "common",
		"JanaBrandt2026": "own", "jana.brandt!!": "own", "brandtbrandt": "own", "jc-neustadt1234": "own",
	} {
		err := checkPassword("password", password, "Jana Brandt", "jana.brandt@jc-neustadt.de")
		var bad *InvalidError
		switch {
		case rule == "" && err != nil:
			t.Errorf("%q is refused: %v", password, err)
		case rule != "" && (!errors.As(err, &bad) || bad.Rule != rule):
			t.Errorf("%q: %v, want %s", password, err, rule)
		}
	}
}

func TestAHashMatchesItsPasswordOnlyAndIsAnotherEachTime(t *testing.T) {
	t.Parallel()
	h := newHasher()
	kept := h.hash("vier ruhige Gänse")
	if !h.matches("vier ruhige Gänse", kept) || h.matches("vier ruhige Gans", kept) || h.hash("vier ruhige Gänse") == kept {
		t.Errorf("the hash %s", kept)
	}
}

// counted is a store whose hashes are counted, and how many of them were computed at once at most.
func counted(t *testing.T) (s *Store, hashes, most *atomic.Int64) {
	t.Helper()
	s = NewStore(pgtest.New(t), time.Now)
	hashes, most = &atomic.Int64{}, &atomic.Int64{}
	var at atomic.Int64
	s.HashCheaply()
	derive := s.hasher.derive
	s.hasher.derive = func(password string, salt []byte) []byte {
		hashes.Add(1)
		if n := at.Add(1); n > most.Load() {
			most.Store(n)
		}
		defer at.Add(-1)
		time.Sleep(5 * time.Millisecond) // long enough for others to come in between, if they may
		return derive(password, salt)
	}
	org, net := uuid.New(), uuid.New()
	_, err := s.db.Exec(t.Context(), `
		with n as (insert into network values ($1, 'N') returning id)
		insert into organisation select $2, id, 'O', 'pool' from n`, net, org)
	if err != nil {
		t.Fatal(err)
	}
	for email, password := range map[string]string{"with@o.test": "vier ruhige Gänse", "without@o.test": ""} {
		if _, err := s.Add(t.Context(), New{Organisation: org, Role: Coordinator, Name: "Karin Oelze", Email: email, Password: password}); err != nil {
			t.Fatal(err)
		}
	}
	hashes.Store(0)
	return s, hashes, most
}

func TestEverySignInThatFailsCostsOneHashWhoeverIsAsked(t *testing.T) {
	t.Parallel()
	s, hashes, _ := counted(t)
	for _, email := range []string{"with@o.test", "without@o.test", "nobody@o.test", ""} {
		hashes.Store(0)
		if _, err := s.SignIn(t.Context(), Attempt{Email: email, Password: "fünf ruhige Gänse"}); !errors.Is(err, ErrWrong) {
			t.Errorf("%q: %v", email, err)
		}
		if n := hashes.Load(); n != 1 {
			t.Errorf("%q costs %d hashes", email, n)
		}
	}
}

func TestAFloodOfSignInsTakesTurnsAndIsCutOff(t *testing.T) {
	t.Parallel()
	s, hashes, most := counted(t)
	var wg sync.WaitGroup
	var slow atomic.Int64
	for range 100 {
		wg.Go(func() {
			_, err := s.SignIn(context.Background(), Attempt{Email: "with@o.test", Password: "fünf ruhige Gänse"})
			if errors.Is(err, ErrSlow) {
				slow.Add(1)
			} else if !errors.Is(err, ErrWrong) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := hashes.Load(); n < 10 || n > 12 || slow.Load() != 100-n {
		t.Errorf("%d hashes, %d slowed down", n, slow.Load())
	}
	if n := most.Load(); n > int64(cap(s.hasher.places)) {
		t.Errorf("%d at once", n)
	}
}
