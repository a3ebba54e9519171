package account_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/expertpool/account"
)

// browser is a device with a key of its own, which signs as browsers do: r ‖ s.
type browser struct {
	t    *testing.T
	pair *ecdsa.PrivateKey
	key  []byte
}

func newBrowser(t *testing.T) browser {
	t.Helper()
	pair, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := pair.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return browser{t, pair, key}
}

func (b browser) proof(of uuid.UUID) []byte {
	b.t.Helper()
	h := sha256.New()
	for _, part := range [][]byte{[]byte("konsil device 1"), []byte(of.String()), b.key} {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(part)))
		h.Write(n[:])
		h.Write(part)
	}
	r, s, err := ecdsa.Sign(rand.Reader, b.pair, h.Sum(nil))
	if err != nil {
		b.t.Fatal(err)
	}
	return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
}

// keeps registers a device and says whether its owner was told.
func (d *desk) keeps(a account.Actor, b browser) (told bool) {
	d.t.Helper()
	err := d.KeepDevice(d.t.Context(), a, b.key, b.proof(a.ID), "Firefox", func(pgx.Tx, account.Device) error { told = true; return nil })
	if err != nil {
		d.t.Fatal(err)
	}
	return told
}

func (d *desk) actor(n account.New) account.Actor {
	d.t.Helper()
	a, err := d.ByID(d.t.Context(), d.add(n))
	if err != nil {
		d.t.Fatal(err)
	}
	return a
}

func (d *desk) before(a account.Actor, moment time.Time) []string {
	d.t.Helper()
	prints, err := d.DevicesBefore(d.t.Context(), a, moment)
	if err != nil {
		d.t.Fatal(err)
	}
	return prints
}

func TestADeviceVouchesOnceItWasThereBefore(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	a := d.actor(d.brandt())
	first, second := newBrowser(t), newBrowser(t)
	opened := d.clock
	if !d.keeps(a, first) || d.keeps(a, first) {
		t.Error("its owner is told once of a new device")
	}
	if got := d.before(a, opened); len(got) > 0 {
		t.Errorf("it vouches in the conference that it came for: %v", got)
	}
	d.clock = d.clock.Add(time.Hour)
	if !d.keeps(a, second) {
		t.Error("nobody is told of the second device")
	}
	one := d.before(a, d.clock)
	if len(one) != 1 {
		t.Fatalf("an hour later %v vouch", one)
	}
	d.clock = d.clock.Add(time.Hour)
	d.keeps(a, first)
	list, err := d.Devices(t.Context(), a)
	if err != nil || len(list) != 2 || list[0].Print != one[0] || !list[0].UsedAt.Equal(d.clock) || list[0].MadeAt.Equal(d.clock) || list[0].Name != "Firefox" {
		t.Fatalf("the devices are %+v, %v", list, err)
	}
	if n := d.audited("add_device"); n != 2 {
		t.Errorf("%d devices are on record", n)
	}
}

func (d *desk) audited(did string) (n int) {
	d.t.Helper()
	if err := d.db.QueryRow(d.t.Context(), `select count(*) from audit.entry where action = $1`, did).Scan(&n); err != nil {
		d.t.Fatal(err)
	}
	return n
}

func TestNobodyRegistersAKeyThatSheDoesNotHold(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	a := d.actor(d.brandt())
	other := d.actor(account.New{Role: account.Expert, Name: "Ewald Kern", Email: "kern@x.test", Password: password})
	b := newBrowser(t)
	proof := b.proof(a.ID)
	tell := func(pgx.Tx, account.Device) error { t.Error("somebody is told"); return nil }
	for name, try := range map[string]struct {
		who        account.Actor
		key, proof []byte
	}{
		"for somebody else":     {other, b.key, proof},
		"another key":           {a, newBrowser(t).key, proof},
		"a broken proof":        {a, b.key, append(bytes.Clone(proof[:63]), proof[63]^1)},
		"half a proof":          {a, b.key, proof[:32]},
		"no proof":              {a, b.key, nil},
		"no key":                {a, nil, proof},
		"no point":              {a, append([]byte{4}, make([]byte, 64)...), proof},
		"a key of another sort": {a, b.key[:33], proof},
	} {
		var invalid *account.InvalidError
		if err := d.KeepDevice(t.Context(), try.who, try.key, try.proof, "", tell); !errors.As(err, &invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestARevokedDeviceVouchesNoLongerAndStaysRevoked(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	a := d.actor(d.brandt())
	b := newBrowser(t)
	d.keeps(a, b)
	d.clock = d.clock.Add(time.Hour)
	list, err := d.Devices(t.Context(), a)
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	other := d.actor(account.New{Role: account.Expert, Name: "Ewald Kern", Email: "kern@x.test", Password: password})
	if err := d.RevokeDevice(t.Context(), other, list[0].ID); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("somebody else revokes it: %v", err)
	}
	for range 2 {
		if err := d.RevokeDevice(t.Context(), a, list[0].ID); err != nil {
			t.Fatal(err)
		}
	}
	if d.keeps(a, b) {
		t.Error("coming again, it counts as new")
	}
	if got := d.before(a, d.clock.Add(time.Hour)); len(got) > 0 {
		t.Errorf("%v vouch", got)
	}
	if n := d.audited("revoke_device"); n != 1 {
		t.Errorf("%d revocations are on record", n)
	}
}

func TestTheDeviceThatWasNotUsedForLongestMakesRoom(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	a := d.actor(d.brandt())
	for range 22 {
		d.clock = d.clock.Add(time.Minute)
		d.keeps(a, newBrowser(t))
	}
	list, err := d.Devices(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	stand := slices.IndexFunc(list, func(one account.Device) bool { return one.RevokedAt != nil })
	if stand != 20 || len(list) != 22 {
		t.Errorf("%d devices, of which the first %d stand", len(list), stand)
	}
}
