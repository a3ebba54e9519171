package account_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/expertpool/account"
)

// asked is a challenge for whoever signs.
func (d *desk) asked() account.Challenge {
	d.t.Helper()
	c, err := d.AskPasskey(d.t.Context())
	d.must(err)
	return c
}

// making is a challenge for a new passkey of the actor's.
func (d *desk) making(a account.Actor) account.Challenge {
	d.t.Helper()
	c, err := d.MakePasskey(d.t.Context(), a)
	d.must(err)
	return c
}

// keep hands in what a device has made.
func (d *desk) keep(a account.Actor, cookie string, answer []byte) (account.Keys, error) {
	return d.KeepPasskey(d.t.Context(), a, cookie, "", "Firefox", answer)
}

// enter hands in what a device has signed.
func (d *desk) enter(cookie string, answer []byte) (account.Keys, error) {
	return d.SignInByPasskey(d.t.Context(), cookie, account.Attempt{Device: "Firefox"}, answer)
}

// tries signs in with a device as it is.
func (d *desk) tries(k softKey) error {
	d.t.Helper()
	c := d.asked()
	_, err := d.enter(c.Cookie, k.signed(c))
	return err
}

// called adds somebody who has come in with her password and owes a factor.
func (d *desk) called(email string) account.Actor {
	d.t.Helper()
	n := d.brandt()
	n.Email = email
	d.add(n)
	_, a := d.half(email)
	return a
}

// carries adds somebody whose factor is a passkey, and who is in.
func (d *desk) carries(email string) (softKey, account.Actor) {
	d.t.Helper()
	a, k := d.called(email), newSoftKey(d.t)
	c := d.making(a)
	keys, err := d.keep(a, c.Cookie, k.made(c))
	d.must(err)
	a, err = d.Session(d.t.Context(), keys.Token)
	d.must(err)
	return k, a
}

func (d *desk) sessions() (n int) {
	d.t.Helper()
	d.must(d.db.QueryRow(d.t.Context(), `select count(*) from session`).Scan(&n))
	return n
}

func TestAPasskeyCompletesASessionAndLaterSignsInByItself(t *testing.T) {
	t.Parallel()
	d, ctx := newDesk(t), t.Context()
	k, a := d.carries("jana@jc.test")
	f, err := d.Factors(ctx, a)
	if d.must(err); len(f.Passkeys) != 1 || f.Passkeys[0].Name != "Firefox" || f.Passkeys[0].Synced || !f.Enough() {
		t.Fatalf("factors %+v", f)
	}
	if !bytes.Equal(k.handle, a.ID[:]) {
		t.Error("the handle is not the account's id")
	}
	d.clock = d.clock.Add(24 * time.Hour)
	for range 2 { // a device that does not count gives 0 each time
		c := d.asked()
		keys, err := d.enter(c.Cookie, k.signed(c))
		d.must(err)
		if a, err = d.Session(ctx, keys.Token); err != nil || a.Method != account.ByPasskey || !bytes.Equal(a.ID[:], k.handle) || keys.Browser == "" {
			t.Fatalf("signed in as %+v, %v", a, err)
		}
	}
	f, err = d.Factors(ctx, a)
	if d.must(err); !f.Passkeys[0].UsedAt.Equal(d.clock) || f.Passkeys[0].MadeAt.Equal(d.clock) {
		t.Errorf("made and used at %+v", f.Passkeys[0])
	}
	if made, in := d.audited("add_passkey"), d.audited("sign_in"); made != 1 || in != 3 {
		t.Errorf("%d passkeys and %d sign-ins are on record", made, in)
	}
}

func TestAPasskeyMakesASessionFreshButNobodyElses(t *testing.T) {
	t.Parallel()
	d, ctx := newDesk(t), t.Context()
	k, a := d.carries("jana@jc.test")
	other, _ := d.carries("mara@jc.test")
	d.clock = d.clock.Add(time.Hour)
	c := d.asked()
	if _, err := d.ConfirmByPasskey(ctx, a, c.Cookie, "", other.signed(c)); !errors.Is(err, account.ErrWrong) {
		t.Errorf("somebody else's passkey: %v", err)
	}
	c = d.asked()
	keys, err := d.ConfirmByPasskey(ctx, a, c.Cookie, "", k.signed(c))
	d.must(err)
	if again, err := d.Session(ctx, keys.Token); err != nil || again.Session != a.Session || !again.Fresh(d.clock) || a.Fresh(d.clock) {
		t.Errorf("confirmed %+v, %v", again, err)
	}
}

// faults are what is wrong with an answer in either ceremony.
func faults(otherKind string) map[string]func(*softKey) {
	return map[string]func(*softKey){
		"another origin":             func(k *softKey) { k.origin = "https://konsil.test.evil.test" },
		"an origin without TLS":      func(k *softKey) { k.origin = "http://konsil.test" },
		"another port":               func(k *softKey) { k.origin = "https://konsil.test:8443" },
		"a name below ours":          func(k *softKey) { k.origin = "https://a.konsil.test" },
		"another relying party":      func(k *softKey) { k.rp = "evil.test" },
		"within somebody else's":     func(k *softKey) { k.framed = true },
		"a ceremony of another kind": func(k *softKey) { k.kind = otherKind },
		"another challenge":          func(k *softKey) { k.challenge = base64url(make([]byte, 32)) },
		"nobody verified":            func(k *softKey) { k.flags = present },
		"nobody present":             func(k *softKey) { k.flags = verified },
	}
}

func TestADeviceThatAnswersWronglyMakesNoPasskey(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	a := d.called("jana@jc.test")
	for name, change := range faults("webauthn.get") {
		k := newSoftKey(t)
		change(&k)
		c := d.making(a)
		if _, err := d.keep(a, c.Cookie, k.made(c)); !errors.Is(err, account.ErrWrong) {
			t.Errorf("%s: %v", name, err)
		}
	}
	f, err := d.Factors(t.Context(), a)
	if d.must(err); len(f.Passkeys) > 0 || d.audited("add_passkey") > 0 {
		t.Errorf("there are %+v", f.Passkeys)
	}
	k, c := newSoftKey(t), d.making(a)
	if _, err := d.keep(a, c.Cookie, k.made(c)); err != nil {
		t.Errorf("a right answer after all that: %v", err)
	}
}

func TestADeviceThatAnswersWronglySignsNobodyIn(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	k, _ := d.carries("jana@jc.test")
	other, _ := d.carries("mara@jc.test")
	stranger := newSoftKey(t)
	before := d.sessions()
	changes := faults("webauthn.create")
	maps.Copy(changes, map[string]func(*softKey){
		"another key":                func(k *softKey) { k.pair = stranger.pair },
		"the key of another account": func(k *softKey) { k.pair = other.pair },
		"a signature of other data":  func(k *softKey) { k.sealed = true },
		"an unknown passkey":         func(k *softKey) { k.id = stranger.id },
		"somebody else's passkey":    func(k *softKey) { k.id = other.id },
		"somebody else's handle":     func(k *softKey) { k.handle = other.handle },
		"a handle of nobody's":       func(k *softKey) { k.handle = stranger.id[:16] },
		"no handle":                  func(k *softKey) { k.handle = nil },
	})
	for name, change := range changes {
		one := k
		change(&one)
		if err := d.tries(one); !errors.Is(err, account.ErrWrong) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := d.sessions(); n != before {
		t.Errorf("%d sessions have begun", n-before)
	}
	if err := d.tries(k); err != nil {
		t.Errorf("a right answer after all that: %v", err)
	}
}

func TestAnAnswerThatIsNoneIsWrongAndNothingElse(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	k, a := d.carries("jana@jc.test")
	for _, cut := range []func([]byte) []byte{
		func([]byte) []byte { return nil },
		func([]byte) []byte { return []byte("null") },
		func([]byte) []byte { return []byte("{}") },
		func([]byte) []byte { return []byte(`{"id":"","rawId":"","type":"public-key","response":null}`) },
		func(b []byte) []byte { return b[:len(b)/2] },
		func(b []byte) []byte { return without(t, b, "id") },
		func(b []byte) []byte { return without(t, b, "type") },
		func(b []byte) []byte { return without(t, b, "response") },
		func(b []byte) []byte { return halved(t, b) },
	} {
		c := d.asked()
		answer := cut(k.signed(c))
		if _, err := d.enter(c.Cookie, answer); !errors.Is(err, account.ErrWrong) {
			t.Errorf("sign in by %s: %v", answer, err)
		}
		c, made := d.making(a), newSoftKey(t)
		answer = cut(made.made(c))
		if _, err := d.keep(a, c.Cookie, answer); !errors.Is(err, account.ErrWrong) {
			t.Errorf("keep %s: %v", answer, err)
		}
	}
}

// without is an answer that lacks a field.
func without(t *testing.T, answer []byte, field string) []byte {
	t.Helper()
	var all map[string]any
	if err := json.Unmarshal(answer, &all); err != nil {
		t.Fatal(err)
	}
	delete(all, field)
	b, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// halved is an answer that has half of what the device says.
func halved(t *testing.T, answer []byte) []byte {
	t.Helper()
	var all map[string]any
	if err := json.Unmarshal(answer, &all); err != nil {
		t.Fatal(err)
	}
	said := all["response"].(map[string]any)
	for _, field := range []string{"authenticatorData", "attestationObject"} {
		if whole, ok := said[field].(string); ok {
			said[field] = whole[:len(whole)/8*4]
		}
	}
	b, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestACounterThatDoesNotRiseOpensNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	k, _ := d.carries("jana@jc.test")
	for _, c := range []struct {
		count uint32
		ok    bool
	}{{0, true}, {5, true}, {5, false}, {4, false}, {0, false}, {6, true}, {1 << 31, true}, {7, false}} {
		k.count = c.count
		if err := d.tries(k); c.ok != (err == nil) || !c.ok && !errors.Is(err, account.ErrWrong) {
			t.Errorf("%d: %v", c.count, err)
		}
	}
}

func TestThePasskeyOfADisabledAccountOpensNothing(t *testing.T) {
	t.Parallel()
	d, ctx := newDesk(t), t.Context()
	k, a := d.carries("jana@jc.test")
	before := d.asked()
	d.must(d.Disable(ctx, "jana@jc.test"))
	if _, err := d.enter(before.Cookie, k.signed(before)); !errors.Is(err, account.ErrWrong) {
		t.Errorf("with a challenge from before: %v", err)
	}
	if err := d.tries(k); !errors.Is(err, account.ErrWrong) {
		t.Errorf("with a new one: %v", err)
	}
	c := d.asked()
	if _, err := d.ConfirmByPasskey(ctx, a, c.Cookie, "", k.signed(c)); err == nil {
		t.Error("its session goes on")
	}
	d.exec(`update account set disabled_at = null`)
	if err := d.tries(k); err != nil {
		t.Errorf("enabled again: %v", err)
	}
}

func TestAPasskeyThatWasRemovedOpensNothing(t *testing.T) {
	t.Parallel()
	d, ctx := newDesk(t), t.Context()
	k, a := d.carries("jana@jc.test")
	f, err := d.Factors(ctx, a)
	d.must(err)
	if err := d.RemovePasskey(ctx, a, f.Passkeys[0].ID); !errors.Is(err, account.ErrConflict) {
		t.Errorf("the only one is removed: %v", err)
	}
	if err := d.tries(k); err != nil {
		t.Errorf("what is still there: %v", err)
	}
	c, second := d.making(a), newSoftKey(t)
	_, err = d.keep(a, c.Cookie, second.made(c))
	d.must(err)
	_, b := d.carries("mara@jc.test")
	for who, id := range map[*account.Actor]uuid.UUID{&b: f.Passkeys[0].ID, &a: uuid.New()} {
		if err := d.RemovePasskey(ctx, *who, id); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("somebody else's or nobody's: %v", err)
		}
	}
	d.must(d.RemovePasskey(ctx, a, f.Passkeys[0].ID))
	if err := d.tries(k); !errors.Is(err, account.ErrWrong) {
		t.Errorf("removed: %v", err)
	}
	if err := d.tries(second); err != nil {
		t.Errorf("the other one: %v", err)
	}
}

func TestAPasskeyBelongsToOneAccount(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	k, a := d.carries("jana@jc.test")
	b := d.called("mara@jc.test")
	for name, who := range map[string]account.Actor{"its own": a, "another": b} {
		copied := newSoftKey(t)
		copied.id = k.id
		c := d.making(who)
		if _, err := d.keep(who, c.Cookie, copied.made(c)); !errors.Is(err, account.ErrConflict) {
			t.Errorf("its name comes again for %s account: %v", name, err)
		}
		if err := d.tries(copied); !errors.Is(err, account.ErrWrong) {
			t.Errorf("the copy for %s account: %v", name, err)
		}
	}
	if err := d.tries(k); err != nil {
		t.Errorf("the first: %v", err)
	}
}

func TestNobodyHasMoreThanTwentyPasskeysHoweverManyWereBegun(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	_, a := d.carries("jana@jc.test")
	d.exec(`
		insert into passkey (id, account_id, credential_id, credential, name, made_at, used_at)
		select gen_random_uuid(), account_id, credential_id || decode(lpad(to_hex(n), 2, '0'), 'hex'), credential, name, made_at, used_at
		from passkey, generate_series(1, 18) n`)
	first, second, last, over := d.making(a), d.making(a), newSoftKey(t), newSoftKey(t)
	if _, err := d.keep(a, first.Cookie, last.made(first)); err != nil {
		t.Errorf("the twentieth: %v", err)
	}
	if _, err := d.keep(a, second.Cookie, over.made(second)); !errors.Is(err, account.ErrConflict) {
		t.Errorf("one more, begun before: %v", err)
	}
	if _, err := d.MakePasskey(t.Context(), a); !errors.Is(err, account.ErrConflict) {
		t.Errorf("another is begun: %v", err)
	}
}
