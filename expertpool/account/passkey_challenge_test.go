package account_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/konsil-server/konsil/expertpool/account"
)

func TestAChallengeCountsOnceEvenWhenTenBringItAtOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	k, _ := d.carries("jana@jc.test")
	c := d.asked()
	answer := k.signed(c)
	results := make([]error, 10)
	var wg sync.WaitGroup
	for i := range results {
		wg.Go(func() { _, results[i] = d.enter(c.Cookie, answer) })
	}
	wg.Wait()
	in := 0
	for _, err := range results {
		if err == nil {
			in++
		} else if !errors.Is(err, account.ErrWrong) {
			t.Error(err)
		}
	}
	if in != 1 {
		t.Errorf("%d came in", in)
	}
	if _, err := d.enter(c.Cookie, answer); !errors.Is(err, account.ErrWrong) {
		t.Errorf("later: %v", err)
	}
}

func TestAChallengeThatWasAnsweredWronglyIsUsedUp(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	k, _ := d.carries("jana@jc.test")
	c, wrong := d.asked(), k
	wrong.flags = present
	if _, err := d.enter(c.Cookie, wrong.signed(c)); !errors.Is(err, account.ErrWrong) {
		t.Fatalf("without verification: %v", err)
	}
	if _, err := d.enter(c.Cookie, k.signed(c)); !errors.Is(err, account.ErrWrong) {
		t.Errorf("the same challenge again: %v", err)
	}
}

func TestAChallengeBelongsToItsBrowserItsPurposeAndItsPerson(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	k, a := d.carries("jana@jc.test")
	_, b := d.carries("mara@jc.test")
	mine, hers := d.asked(), d.asked()
	for name, cookie := range map[string]string{"another browser's": hers.Cookie, "none": "", "an invented one": mine.Cookie[1:] + "A"} {
		if _, err := d.enter(cookie, k.signed(mine)); !errors.Is(err, account.ErrWrong) {
			t.Errorf("the cookie is %s: %v", name, err)
		}
	}
	if _, err := d.enter(mine.Cookie, k.signed(mine)); err != nil {
		t.Errorf("the right cookie: %v", err)
	}
	made, asked := d.making(a), d.asked()
	if _, err := d.enter(made.Cookie, k.signed(made)); !errors.Is(err, account.ErrWrong) {
		t.Errorf("a challenge for a new passkey signs in: %v", err)
	}
	fresh := newSoftKey(t)
	answer := fresh.made(made)
	fresh.challenge = fresh.read(asked).PublicKey.Challenge
	if _, err := d.keep(a, asked.Cookie, fresh.made(made)); !errors.Is(err, account.ErrWrong) {
		t.Errorf("a challenge for signing in makes a passkey: %v", err)
	}
	if _, err := d.keep(b, made.Cookie, answer); !errors.Is(err, account.ErrWrong) {
		t.Errorf("somebody else keeps it: %v", err)
	}
	if _, err := d.keep(a, made.Cookie, answer); err != nil {
		t.Errorf("its own person keeps it: %v", err)
	}
}

func TestAChallengeLastsFiveMinutes(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	k, a := d.carries("jana@jc.test")
	for _, at := range []struct {
		after time.Duration
		ok    bool
	}{{account.ChallengeLife - time.Second, true}, {account.ChallengeLife, false}, {account.ChallengeLife + time.Second, false}} {
		c := d.asked()
		d.clock = d.clock.Add(at.after)
		if _, err := d.enter(c.Cookie, k.signed(c)); at.ok != (err == nil) || !at.ok && !errors.Is(err, account.ErrWrong) {
			t.Errorf("signed after %s: %v", at.after, err)
		}
		c = d.asked()
		keys, err := d.ConfirmByPasskey(t.Context(), a, c.Cookie, "", k.signed(c))
		d.must(err)
		a, err = d.Session(t.Context(), keys.Token)
		d.must(err)
		c, made := d.making(a), newSoftKey(t)
		d.clock = d.clock.Add(at.after)
		if _, err := d.keep(a, c.Cookie, made.made(c)); at.ok != (err == nil) || !at.ok && !errors.Is(err, account.ErrWrong) {
			t.Errorf("made after %s: %v", at.after, err)
		}
	}
}
