package account_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/expertpool/account"
)

// town is a network with two organisations and everybody who looks after accounts, and an administrator from elsewhere.
type town struct {
	*desk
	there                                uuid.UUID // the second organisation
	admin, network, brandt, dpo, foreign account.Actor
}

func newTown(t *testing.T) *town {
	t.Helper()
	d := newDesk(t).notified()
	w := &town{desk: d, there: uuid.New()}
	d.exec(`insert into organisation (id, network_id, name, kind) select $1, network_id, 'Pool', 'pool' from organisation`, w.there)
	far, elsewhere := uuid.New(), uuid.New()
	d.exec(`insert into network (id, name) values ($1, 'M')`, far)
	d.exec(`insert into organisation (id, network_id, name, kind) values ($1, $2, 'O', 'jobcenter')`, elsewhere, far)
	w.admin = w.person(d.org, account.Admin, "Ada")
	w.network = w.person(w.there, account.NetworkAdmin, "Nora")
	w.brandt = w.person(d.org, account.Caseworker, "Jana")
	w.dpo = w.person(d.org, account.DataProtectionOfficer, "Dora")
	w.foreign = w.person(elsewhere, account.NetworkAdmin, "Fred")
	return w
}

func (w *town) person(org uuid.UUID, role account.Role, name string) account.Actor {
	w.t.Helper()
	id, err := w.Add(w.t.Context(), account.New{Organisation: org, Role: role, Name: name, Email: strings.ToLower(name) + "@o.test", Rehearsal: true})
	if err != nil {
		w.t.Fatal(err)
	}
	token, err := w.Rehearse(w.t.Context(), id, "")
	if err != nil {
		w.t.Fatal(err)
	}
	return w.signedIn(token)
}

func (w *town) signedIn(token string) account.Actor {
	w.t.Helper()
	a, err := w.Session(w.t.Context(), token)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

func (w *town) stands(a account.Actor) bool {
	w.t.Helper()
	found, err := w.Standing(w.t.Context(), []uuid.UUID{a.Session})
	if err != nil {
		w.t.Fatal(err)
	}
	_, yes := found[a.Session]
	return yes
}

func (w *town) did(action string) (n int) {
	w.t.Helper()
	if err := w.db.QueryRow(w.t.Context(), `select count(*) from audit.entry where action = $1`, action).Scan(&n); err != nil {
		w.t.Fatal(err)
	}
	return n
}

// deeds are the changes that can be made to an account.
func (w *town) deeds(by account.Actor, id uuid.UUID) map[string]error {
	ctx := w.t.Context()
	_, _, seen := w.Person(ctx, by, id)
	return map[string]error{
		"see": seen, "correct": w.Correct(ctx, by, id, "Somebody", uuid.NewString()+"@o.test"),
		"role": w.SetRole(ctx, by, id, account.DataProtectionOfficer), "sessions": w.EndSessions(ctx, by, id),
		"setup": w.SendSetUp(ctx, by, id), "lock": w.Lock(ctx, by, id), "unlock": w.Unlock(ctx, by, id),
	}
}

func TestOnlyWhoLooksAfterAnAccountChangesIt(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	coordinator := w.person(w.org, account.Coordinator, "Karin")
	link := w.admin
	link.Session = uuid.Nil
	for name, try := range map[string]struct {
		by   account.Actor
		of   uuid.UUID
		want error
	}{
		"a caseworker":                           {w.brandt, w.dpo.ID, account.ErrDenied},
		"a data-protection officer":              {w.dpo, w.brandt.ID, account.ErrDenied},
		"herself, a caseworker":                  {w.brandt, w.brandt.ID, account.ErrDenied},
		"an administrator by a link":             {link, w.brandt.ID, account.ErrDenied},
		"an administrator of another network":    {w.foreign, w.brandt.ID, account.ErrNotFound},
		"an administrator, of another house":     {w.admin, w.network.ID, account.ErrNotFound},
		"an administrator, of a coordinator":     {w.admin, coordinator.ID, account.ErrDenied},
		"an administrator, of an unknown person": {w.admin, uuid.New(), account.ErrNotFound},
	} {
		for deed, err := range w.deeds(try.by, try.of) {
			if deed == "see" && name == "an administrator, of a coordinator" {
				continue // seen, not changed
			}
			if !errors.Is(err, try.want) {
				t.Errorf("%s: %s: %v, want %v", name, deed, err, try.want)
			}
		}
	}
	for _, a := range []account.Actor{w.brandt, w.dpo, coordinator, w.network} {
		if !w.stands(a) {
			t.Errorf("%s was signed out", a.Name)
		}
	}
	if got := w.sent(); len(got) != 0 {
		t.Errorf("somebody was told: %v", got)
	}
	for deed, err := range w.deeds(w.network, w.brandt.ID) {
		if err != nil {
			t.Errorf("the network's administrator: %s: %v", deed, err)
		}
	}
}

func TestNobodyGivesARoleThatReachesFurther(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ctx := t.Context()
	for i, try := range []struct {
		by    account.Actor
		role  account.Role
		given bool
	}{
		{w.admin, account.Caseworker, true}, {w.admin, account.DataProtectionOfficer, true}, {w.admin, account.Admin, true},
		{w.admin, account.Coordinator, false}, {w.admin, account.NetworkAdmin, false}, {w.admin, account.Expert, false}, {w.admin, "root", false},
		{w.network, account.Coordinator, true}, {w.network, account.NetworkAdmin, true}, {w.network, account.Expert, false}, {w.network, account.Client, false},
	} {
		_, invited := w.Invite(ctx, try.by, account.New{Organisation: w.org, Role: try.role, Name: "N", Email: fmt.Sprintf("n%d@o.test", i)})
		changed := w.SetRole(ctx, try.by, w.brandt.ID, try.role)
		if try.given != (invited == nil) || try.given != (changed == nil || errors.Is(changed, account.ErrDenied)) {
			t.Errorf("%s gives %s: %v, %v", try.by.Role, try.role, invited, changed)
		}
		if err := w.SetRole(ctx, w.network, w.brandt.ID, account.Caseworker); err != nil {
			t.Fatal(err)
		}
	}
	kern := w.person(w.org, account.Expert, "Eva")
	if err := w.SetRole(ctx, w.network, kern.ID, account.Caseworker); !errors.Is(err, account.ErrConflict) {
		t.Errorf("an expert became a caseworker: %v", err)
	}
	for _, by := range []account.Actor{w.brandt, w.dpo, w.foreign} {
		if _, err := w.Invite(ctx, by, account.New{Organisation: w.org, Role: account.Caseworker, Name: "N", Email: "x@o.test"}); err == nil {
			t.Errorf("%s made an account", by.Name)
		}
	}
	if _, err := w.Invite(ctx, w.admin, account.New{Organisation: w.there, Role: account.Caseworker, Name: "N", Email: "x@o.test"}); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("an account in another house: %v", err)
	}
}

func TestANewAccountIsSetUpByALinkOfItsOwn(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	id, err := w.Invite(t.Context(), w.admin, account.New{Organisation: w.org, Role: account.Caseworker, Name: "Paul", Email: "paul@o.test", Password: password})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.SignIn(t.Context(), account.Attempt{Email: "paul@o.test", Password: password}); !errors.Is(err, account.ErrWrong) {
		t.Errorf("the administrator chose the password: %v", err)
	}
	token := func() string {
		sent := w.sent()
		last := sent[len(sent)-1]
		_, after, found := strings.Cut(last.Text, "https://konsil.test/setup/")
		if !found || last.To != "paul@o.test" {
			t.Fatalf("mail %+v", last)
		}
		return strings.Fields(after)[0]
	}
	first := token()
	if a, subject, err := w.Follow(t.Context(), first, account.ForSetup); err != nil || a.ID != id || subject != id {
		t.Errorf("the link leads to %v, %v, %v", a.ID, subject, err)
	}
	if err := w.SendSetUp(t.Context(), w.admin, id); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.Follow(t.Context(), first, account.ForSetup); !errors.Is(err, account.ErrUnknown) {
		t.Errorf("the first link leads somewhere after the second was sent: %v", err)
	}
	second := token()
	if err := w.Correct(t.Context(), w.admin, id, "Paul", "paul.neu@o.test"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.Follow(t.Context(), second, account.ForSetup); !errors.Is(err, account.ErrUnknown) {
		t.Errorf("a link that lies in the old mailbox leads somewhere: %v", err)
	}
	if _, err := w.Invite(t.Context(), w.admin, account.New{Organisation: w.org, Role: account.Caseworker, Name: "P", Email: "PAUL.neu@o.test"}); err == nil {
		t.Error("an address belongs to two accounts")
	}
}

func TestEachChangeIsRecordedAndTold(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ctx, id := t.Context(), w.brandt.ID
	for _, step := range []struct {
		do     func() error
		did    string
		to     string
		signed bool // is she still
	}{
		{func() error { return w.Correct(ctx, w.admin, id, " Jana Brandt-Ott ", "brandt@o.test") }, "correct_account", "jana@o.test jana@o.test brandt@o.test", true},
		{func() error { return w.SetRole(ctx, w.admin, id, account.Admin) }, "set_role", "brandt@o.test", false},
		{func() error { return w.Lock(ctx, w.admin, id) }, "disable_account", "brandt@o.test", false},
		{func() error { return w.Unlock(ctx, w.admin, id) }, "enable_account", "brandt@o.test", false},
	} {
		before := len(w.sent())
		for range 2 { // the second time nothing changes
			if err := step.do(); err != nil {
				t.Fatalf("%s: %v", step.did, err)
			}
		}
		var to []string
		for _, m := range w.sent()[before:] {
			to = append(to, m.To)
		}
		if got := strings.Join(to, " "); got != step.to || w.did(step.did) != 1 || w.stands(w.brandt) != step.signed {
			t.Errorf("%s: told %q, recorded %d times, signed in: %t", step.did, got, w.did(step.did), w.stands(w.brandt))
		}
	}
	if m, tends, err := w.Person(ctx, w.admin, id); err != nil || !tends || m.Role != account.Admin || m.Name != "Jana Brandt-Ott" || m.Email != "brandt@o.test" {
		t.Errorf("she is now %+v, %t, %v", m, tends, err)
	}
}

func TestTheLastAdministratorStays(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ctx := t.Context()
	stays := func(by account.Actor, id uuid.UUID) {
		t.Helper()
		if err := w.Lock(ctx, by, id); !errors.Is(err, account.ErrConflict) {
			t.Errorf("locked: %v", err)
		}
		if err := w.SetRole(ctx, by, id, account.Caseworker); !errors.Is(err, account.ErrConflict) {
			t.Errorf("has another role: %v", err)
		}
	}
	stays(w.network, w.network.ID) // the network's last, though the Jobcenter has one of its own
	second := w.person(w.there, account.NetworkAdmin, "Nils")
	if err := w.SetRole(ctx, w.network, w.network.ID, account.Caseworker); err != nil {
		t.Errorf("one of two could not step down: %v", err)
	}
	if err := w.Lock(ctx, w.network, w.admin.ID); !errors.Is(err, account.ErrDenied) {
		t.Errorf("who has stepped down still locks: %v", err)
	}
	if err := w.Lock(ctx, second, w.admin.ID); err != nil {
		t.Errorf("the network looks after a house without an administrator: %v", err)
	}
	w.exec(`update account set disabled_at = null where id = $1`, w.admin.ID)
	w.exec(`update account set role = 'coordinator' where id = $1`, second.ID)
	stays(w.admin, w.admin.ID)
}

func TestTwoAdministratorsCannotRemoveEachOther(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	other := w.person(w.there, account.NetworkAdmin, "Nils")
	var wg sync.WaitGroup
	errs := make([]error, 2)
	for i, pair := range [][2]account.Actor{{w.network, other}, {other, w.network}} {
		wg.Go(func() { errs[i] = w.Lock(t.Context(), pair[0], pair[1].ID) })
	}
	wg.Wait()
	if (errs[0] == nil) == (errs[1] == nil) {
		t.Errorf("both, or neither: %v", errs)
	}
}

func TestOrganisationsBelongToTheNetworksAdministrator(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ctx := t.Context()
	for _, by := range []account.Actor{w.admin, w.brandt, w.dpo} {
		if _, err := w.AddHouse(ctx, by, account.House{Name: "X", Kind: "jobcenter"}); !errors.Is(err, account.ErrDenied) {
			t.Errorf("%s added one: %v", by.Role, err)
		}
		if err := w.KeepHouse(ctx, by, account.House{ID: w.org, Name: "X", Kind: "jobcenter"}); !errors.Is(err, account.ErrDenied) {
			t.Errorf("%s renamed one: %v", by.Role, err)
		}
	}
	id, err := w.AddHouse(ctx, w.network, account.House{Name: " Reha am See ", Kind: "provider", Land: "BE"})
	if err != nil {
		t.Fatal(err)
	}
	var invalid *account.InvalidError
	for _, bad := range []account.House{{Name: "reha am see", Kind: "provider"}, {Kind: "provider"}, {Name: "Y", Kind: "castle"}, {Name: "Y", Kind: "provider", Land: "XX"}} {
		if _, err := w.AddHouse(ctx, w.network, bad); !errors.As(err, &invalid) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	if err := w.KeepHouse(ctx, w.foreign, account.House{ID: id, Name: "Z", Kind: "provider"}); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("another network's: %v", err)
	}
	if err := w.KeepHouse(ctx, w.network, account.House{ID: id, Name: "Reha am Berg", Kind: "provider", Land: "BY"}); err != nil {
		t.Fatal(err)
	}
	for by, want := range map[*account.Actor]string{&w.network: "O Pool Reha am Berg", &w.admin: "O"} {
		_, houses, err := w.Houses(ctx, *by)
		var names []string
		for _, h := range houses {
			names = append(names, h.Name)
		}
		if got := strings.Join(names, " "); err != nil || got != want {
			t.Errorf("%s looks after %q, %v", by.Role, got, err)
		}
	}
	people, err := w.People(ctx, w.admin, "")
	if err != nil || len(people) != 3 || people[0].Name != "Ada" || people[0].Sessions != 1 {
		t.Errorf("the administrator sees %+v, %v", people, err)
	}
	if people, err = w.People(ctx, w.network, "DORA"); err != nil || len(people) != 1 || people[0].ID != w.dpo.ID {
		t.Errorf("looking for a name finds %+v, %v", people, err)
	}
}
