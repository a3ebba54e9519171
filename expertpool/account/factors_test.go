package account_test

import (
	"encoding/base32"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/konsil-server/konsil/expertpool/account"
)

// must ends the test at an error.
func (d *desk) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

// half signs in with a password and returns the token and whoever owes a factor.
func (d *desk) half(email string) (string, account.Actor) {
	d.t.Helper()
	token, err := d.SignIn(d.t.Context(), account.Attempt{Email: email, Password: password})
	d.must(err)
	a, err := d.Session(d.t.Context(), token)
	if !errors.Is(err, account.ErrHalf) {
		d.t.Fatalf("after the password: %v", err)
	}
	return token, a
}

// code is what the app of an address shows now.
func (d *desk) code(email string) string {
	d.t.Helper()
	code, err := totp.GenerateCode(d.apps[email], d.clock)
	d.must(err)
	return code
}

// pair gives an account an app, and returns the recovery codes and the keys of the completed session.
func (d *desk) pair(a account.Actor, email string) ([]string, account.Keys) {
	d.t.Helper()
	d.must(d.BeginCodes(d.t.Context(), a))
	p, err := d.Pairing(d.t.Context(), a)
	d.must(err)
	d.apps[email] = strings.ReplaceAll(p.Secret, " ", "")
	codes, k, err := d.ConfirmCodes(d.t.Context(), a, d.code(email), "")
	d.must(err)
	return codes, k
}

// signIn signs in with two factors; the first time it makes the second one.
func (d *desk) signIn(email string) (string, account.Actor) {
	d.t.Helper()
	_, a := d.half(email)
	var k account.Keys
	if d.apps[email] == "" {
		_, k = d.pair(a, email)
	} else {
		d.clock = d.clock.Add(30 * time.Second) // a code counts once
		var err error
		k, err = d.Second(d.t.Context(), a, d.code(email), "")
		d.must(err)
	}
	a, err := d.Session(d.t.Context(), k.Token)
	d.must(err)
	return k.Token, a
}

// wantRule fails unless err is a broken rule of a field.
func wantRule(t *testing.T, what string, err error, rule string) {
	t.Helper()
	var bad *account.InvalidError
	if !errors.As(err, &bad) || bad.Field+" "+bad.Rule != rule {
		t.Errorf("%s: %v, want %s", what, err, rule)
	}
}

func TestACodeCountsOnceEvenWhenTenBringItAtOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.add(d.brandt())
	d.signIn("jana@jc.test")
	d.clock = d.clock.Add(10 * time.Minute)
	halves := make([]account.Actor, 10)
	for i := range halves {
		_, halves[i] = d.half("jana@jc.test")
		d.clock = d.clock.Add(time.Minute)
	}
	d.clock = d.clock.Add(10 * time.Minute) // the pace lets five through at once
	code := d.code("jana@jc.test")
	var wg sync.WaitGroup
	results := make([]error, len(halves))
	for i, a := range halves {
		wg.Go(func() { _, results[i] = d.Second(t.Context(), a, code, "") })
	}
	wg.Wait()
	in, slow := 0, 0
	for _, err := range results {
		switch {
		case err == nil:
			in++
		case errors.Is(err, account.ErrSlow):
			slow++
		default:
			wantRule(t, "the same code", err, "code used")
		}
	}
	if in != 1 || slow != 5 {
		t.Errorf("%d came in, %d were slowed down", in, slow)
	}
}

func TestCodesOfTheStepBeforeAndAfterCountAndOthersDoNot(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.add(d.brandt())
	d.signIn("jana@jc.test")
	for _, c := range []struct {
		off time.Duration
		ok  bool
	}{{-60 * time.Second, false}, {-30 * time.Second, true}, {0, true}, {30 * time.Second, true}, {60 * time.Second, false}} {
		d.clock = d.clock.Add(10 * time.Minute)
		_, a := d.half("jana@jc.test")
		code, err := totp.GenerateCode(d.apps["jana@jc.test"], d.clock.Add(c.off))
		d.must(err)
		_, err = d.Second(t.Context(), a, code[:3]+" "+code[3:], "")
		if c.ok != (err == nil) {
			t.Errorf("a code %s away: %v", c.off, err)
		}
	}
}

func TestTheSecretOfAnAppIsSealedAndBoundToItsAccount(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.add(d.brandt())
	d.signIn("jana@jc.test")
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(d.apps["jana@jc.test"])
	d.must(err)
	var plain bool
	d.must(d.db.QueryRow(t.Context(), `select position($1::bytea in secret) > 0 from totp`, raw).Scan(&plain))
	if plain {
		t.Error("the secret stands in the database")
	}
	other := d.brandt()
	other.Email = "mara@jc.test"
	d.add(other)
	d.signIn("mara@jc.test")
	d.clock = d.clock.Add(time.Minute)
	d.exec(`update totp set secret = (select secret from totp t where t.account_id <> totp.account_id)`)
	_, a := d.half("jana@jc.test")
	if _, err := d.Second(t.Context(), a, d.code("mara@jc.test"), ""); err == nil {
		t.Error("somebody else's secret opens")
	}
}

func TestARecoveryCodeCountsOnceAndANewSetEndsTheOld(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.add(d.brandt())
	_, a := d.half("jana@jc.test")
	codes, _ := d.pair(a, "jana@jc.test")
	if len(codes) != 10 {
		t.Fatalf("%d codes", len(codes))
	}
	_, a = d.half("jana@jc.test")
	k, err := d.Second(t.Context(), a, strings.ToLower(codes[3]), "")
	d.must(err)
	_, again := d.half("jana@jc.test")
	_, err = d.Second(t.Context(), again, codes[3], "")
	wantRule(t, "the same code again", err, "code wrong")
	full, err := d.Session(t.Context(), k.Token)
	d.must(err)
	f, err := d.Factors(t.Context(), full)
	if d.must(err); f.Recovery != 9 {
		t.Errorf("%d codes are left", f.Recovery)
	}
	_, err = d.DrawRecovery(t.Context(), full)
	d.must(err)
	_, err = d.Second(t.Context(), again, codes[4], "")
	wantRule(t, "a code of the old set", err, "code wrong")
}

func TestWhoOwesAFactorSheHasCannotMakeAnother(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.add(d.brandt())
	d.signIn("jana@jc.test")
	_, a := d.half("jana@jc.test")
	if err := d.BeginCodes(t.Context(), a); !errors.Is(err, account.ErrDenied) {
		t.Errorf("codes: %v", err)
	}
	if _, err := d.MakePasskey(t.Context(), a); !errors.Is(err, account.ErrDenied) {
		t.Errorf("passkey: %v", err)
	}
	if _, err := d.ChangePassword(t.Context(), a, password, "zwölf andere Zeichen"); !errors.Is(err, account.ErrDenied) {
		t.Errorf("password: %v", err)
	}
	if a.Fresh(d.clock) {
		t.Error("half a sign-in is fresh")
	}
}

func TestWhatIsNotFreshChangesNoFactor(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.add(d.brandt())
	token, _ := d.signIn("jana@jc.test")
	d.clock = d.clock.Add(10 * time.Minute)
	a, err := d.Session(t.Context(), token)
	d.must(err)
	for name, do := range map[string]func() error{
		"codes":    func() error { return d.RemoveCodes(t.Context(), a) },
		"recovery": func() error { _, err := d.DrawRecovery(t.Context(), a); return err },
		"password": func() error {
			_, err := d.ChangePassword(t.Context(), a, password, "zwölf andere Zeichen")
			return err
		},
		"others": func() error { _, err := d.EndOthers(t.Context(), a); return err },
		"ending": func() error { return d.EndSitting(t.Context(), a, a.Session) },
	} {
		if err := do(); !errors.Is(err, account.ErrDenied) {
			t.Errorf("%s after ten minutes: %v", name, err)
		}
	}
	k, err := d.Confirm(t.Context(), a, password, d.code("jana@jc.test"), "")
	d.must(err)
	if _, err := d.Session(t.Context(), token); !errors.Is(err, account.ErrUnknown) {
		t.Errorf("the token from before the confirmation: %v", err)
	}
	a, err = d.Session(t.Context(), k.Token)
	d.must(err)
	if err := d.RemoveCodes(t.Context(), a); !errors.Is(err, account.ErrConflict) {
		t.Errorf("the last factor: %v", err)
	}
	if _, err := d.DrawRecovery(t.Context(), a); err != nil {
		t.Error(err)
	}
}

func TestAChangedPasswordEndsOtherSessionsAndOldOnes(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.add(d.brandt())
	elsewhere, _ := d.signIn("jana@jc.test")
	here, a := d.signIn("jana@jc.test")
	_, err := d.ChangePassword(t.Context(), a, "nicht das alte Wort", "zwölf andere Zeichen")
	wantRule(t, "another old password", err, "old wrong")
	_, err = d.ChangePassword(t.Context(), a, password, "kurz")
	wantRule(t, "a short one", err, "password length")
	ended, err := d.ChangePassword(t.Context(), a, password, "zwölf andere Zeichen")
	if d.must(err); len(ended) == 0 {
		t.Error("nothing was ended")
	}
	if _, err := d.Session(t.Context(), elsewhere); !errors.Is(err, account.ErrUnknown) {
		t.Errorf("the other session: %v", err)
	}
	if _, err := d.Session(t.Context(), here); err != nil {
		t.Errorf("this session: %v", err)
	}
	if _, err := d.SignIn(t.Context(), account.Attempt{Email: "jana@jc.test", Password: password}); !errors.Is(err, account.ErrWrong) {
		t.Errorf("the old password: %v", err)
	}
}
