package expertpool

import (
	"errors"
	"testing"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/expertpool/account"
)

func (d *directory) named(name string) uuid.UUID {
	d.t.Helper()
	var id uuid.UUID
	if err := d.db.QueryRow(d.t.Context(), `select id from account where name = $1`, name).Scan(&id); err != nil {
		d.t.Fatal(err)
	}
	return id
}

func TestACoordinatorWritesAProfileAndTheRecordSaysWhatChanged(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	id := d.named("Dr. Jürgen Müller")
	p := fullProfile()
	if err := d.Describe(t.Context(), d.clara, id, p); err != nil {
		t.Fatal(err)
	}
	if err := d.Describe(t.Context(), d.clara, id, p); err != nil {
		t.Fatal(err)
	}
	e, err := d.Entry(t.Context(), d.clara, id)
	if err != nil || e.Profile.LANR != p.LANR || e.Profile.Discipline != "psychiatry" || e.Contingent.Hours != 2 || !e.ChangedAt.Equal(searchDay) {
		t.Errorf("%+v, %v", e, err)
	}
	var deeds int
	var what string
	if err := d.db.QueryRow(t.Context(), `select count(*), max(reason) from audit.entry where action = 'profile_changed' and object_id = $1`, id.String()).Scan(&deeds, &what); err != nil {
		t.Fatal(err)
	}
	if deeds != 1 || what != "discipline specialties specialty topics languages place postcode travel_km modes lanr bsnr hours_per_month max_cases" {
		t.Errorf("%d entries: %s", deeds, what)
	}
	if f := d.search(Search{Text: "Auenstadt"}); names(f) != "Dr. Jürgen Müller" {
		t.Errorf("the search does not know yet: %s", names(f))
	}
	var invalid *account.InvalidError
	p.Postcode = "1"
	if err := d.Describe(t.Context(), d.clara, id, p); !errors.As(err, &invalid) || invalid.Field != "postcode" {
		t.Errorf("a wrong postcode: %v", err)
	}
}

func TestAnExpertDescribesHerselfButNotWhatWasChecked(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	id := d.named("Rolf Enders")
	her := account.Actor{ID: id, Session: uuid.New(), Organisation: d.pool, Network: d.network, Role: account.Expert}
	p := fullProfile()
	if err := d.Describe(t.Context(), her, id, p); err != nil {
		t.Fatal(err)
	}
	e, err := d.Entry(t.Context(), her, id)
	if err != nil || e.Profile.Discipline != "addiction_counselling" || e.Profile.Profession != "counsellor" || e.Profile.LANR != "" || e.Profile.MaxCases != 0 || e.Profile.Place != "Auenstadt" || e.Profile.HoursPerMonth != 2 {
		t.Errorf("%+v, %v", e.Profile, err)
	}
	other := d.named("Dr. Jürgen Müller")
	if err := d.Describe(t.Context(), her, other, p); !errors.Is(err, account.ErrDenied) {
		t.Errorf("somebody else's profile: %v", err)
	}
	if _, err := d.Entry(t.Context(), her, other); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("she reads somebody else's: %v", err)
	}
}

func TestOnlyWhoMaySeesAProfileAndNobodyThatOfAnotherNetwork(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	id := d.named("Dr. Anselm Kern")
	if err := d.Describe(t.Context(), d.clara, id, fullProfile()); err != nil {
		t.Fatal(err)
	}
	for role, sees := range map[account.Role]bool{
		account.Caseworker: true, account.Coordinator: true, account.Admin: true, account.NetworkAdmin: true, account.Expert: false,
		account.DataProtectionOfficer: false, account.Guest: false, account.Client: false,
	} {
		who := d.clara
		who.Role = role
		e, err := d.Entry(t.Context(), who, id)
		if (err == nil) != sees {
			t.Errorf("%s: %v", role, err)
		}
		if shows := e.Profile.LANR != ""; shows != (role == account.Coordinator) {
			t.Errorf("%s is shown the LANR: %v", role, shows)
		}
		if role != account.Coordinator {
			if err := d.Describe(t.Context(), who, id, fullProfile()); !errors.Is(err, account.ErrDenied) {
				t.Errorf("%s writes: %v", role, err)
			}
		}
	}
	if _, err := d.Entry(t.Context(), d.stranger, id); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("another network reads: %v", err)
	}
	if err := d.Describe(t.Context(), d.stranger, id, fullProfile()); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("another network writes: %v", err)
	}
}
