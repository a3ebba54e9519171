package expertpool

import (
	"bytes"
	"image"
	"image/png"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference/attachment"
	"github.com/konsil-server/konsil/expertpool/account"
)

// scan is a PNG picture of so many points with a comment that nobody sees.
func scan(f *fixture, width int) []byte {
	f.Helper()
	var b bytes.Buffer
	f.must(png.Encode(&b, image.NewGray(image.Rect(0, 0, width, 10))))
	return append(b.Bytes(), "hidden words"...)
}

func TestTheSignedDocumentOfAnAgreementIsKeptReplacedAndRemoved(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx, clara := t.Context(), f.people["coordinator"]
	id, err := f.s.KeepAgreement(ctx, clara, f.agreement("Klinik", 100))
	f.must(err)
	_, err = f.s.AgreementDocument(ctx, clara, id)
	f.wants("before there is one", err, "not_found")
	f.wants("removed before there is one", f.s.RemoveAgreementDocument(ctx, clara, id), "not_found")
	f.must(f.s.KeepAgreementDocument(ctx, clara, id, "Vertrag.png", scan(f, 20)))
	_, first, err := f.s.AgreementDocumentData(ctx, clara, id)
	f.must(err)
	f.pass(time.Hour)
	f.must(f.s.KeepAgreementDocument(ctx, clara, id, " Nachtrag.pdf ", scan(f, 30)))
	d, data, err := f.s.AgreementDocumentData(ctx, clara, id)
	f.must(err)
	want := AgreementDocument{"Nachtrag.pdf", attachment.PNG, clara.Name, f.clock}
	if d.UploadedAt = d.UploadedAt.UTC(); d != want || bytes.Equal(data, first) || bytes.Contains(data, []byte("hidden")) {
		t.Errorf("%+v of %d octets", d, len(data))
	}
	if c, err := png.DecodeConfig(bytes.NewReader(data)); err != nil || c.Width != 30 {
		t.Errorf("the picture: %+v, %v", c, err)
	}
	f.must(f.s.EndAgreement(ctx, clara, id))
	f.wants("after the end", f.s.KeepAgreementDocument(ctx, clara, id, "Spät.png", scan(f, 20)), "agreement_ended")
	f.must(f.s.RemoveAgreementDocument(ctx, clara, id))
	_, err = f.s.AgreementDocument(ctx, clara, id)
	f.wants("when it is removed", err, "not_found")
	for did, times := range map[string]int{"keep_agreement_document": 2, "remove_agreement_document": 1} {
		if n := one[int](f, `select count(*) from audit.entry where action = $1 and object_id = $2 and actor_id = $3`, did, id.String(), clara.ID); n != times {
			t.Errorf("%s is recorded %d times", did, n)
		}
	}
}

func TestAFileThatIsNoDocumentLeavesTheAgreementAsItWas(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx, clara := t.Context(), f.people["coordinator"]
	id, err := f.s.KeepAgreement(ctx, clara, f.agreement("Klinik", 100))
	f.must(err)
	f.must(f.s.KeepAgreementDocument(ctx, clara, id, "Vertrag.png", scan(f, 20)))
	entries := one[int](f, `select count(*) from audit.entry`)
	for what, c := range map[string]struct {
		name, rule string
		data       []byte
	}{
		"words":         {"a.pdf", "file.kind", []byte("Guten Tag")},
		"a page":        {"a.png", "file.kind", []byte("<!doctype html><script>alert(1)</script>")},
		"nothing":       {"a.pdf", "file.size", nil},
		"too much":      {"a.pdf", "file.size", bytes.Repeat([]byte("x"), attachment.MaxUpload+1)},
		"half a PDF":    {"a.pdf", "file.broken", []byte("%PDF-1.7\n1 0 obj")},
		"half a scan":   {"a.png", "file.broken", scan(f, 20)[:40]},
		"without name":  {" ", "name.required", scan(f, 20)},
		"a name's flow": {strings.Repeat("n", 101), "name.too_long", scan(f, 20)},
	} {
		f.wants(what, f.s.KeepAgreementDocument(ctx, clara, id, c.name, c.data), c.rule)
	}
	d, err := f.s.AgreementDocument(ctx, clara, id)
	if err != nil || d.Name != "Vertrag.png" || one[int](f, `select count(*) from audit.entry`) != entries {
		t.Errorf("%+v, %v", d, err)
	}
}

func TestOnlyThoseWhoKeepAgreementsOfTheNetworkHaveItsDocuments(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	for _, far := range []string{"", "far "} {
		house, pool := f.people[far+"caseworker"].Organisation, f.people[far+"coordinator"].Organisation
		f.person(far+"network admin", pool, account.NetworkAdmin)
		f.person(far+"officer", house, account.DataProtectionOfficer)
	}
	id, err := f.s.KeepAgreement(ctx, f.people["coordinator"], f.agreement("Klinik", 100))
	f.must(err)
	try := func(name string, a account.Actor, want string) {
		f.wants(name+" keeps", f.s.KeepAgreementDocument(ctx, a, id, "Vertrag.png", scan(f, 20)), want)
		_, err := f.s.AgreementDocument(ctx, a, id)
		f.wants(name+" looks", err, want)
		_, data, err := f.s.AgreementDocumentData(ctx, a, id)
		f.wants(name+" reads", err, want)
		if (len(data) > 0) != (want == "") {
			t.Errorf("%s reads %d octets", name, len(data))
		}
		f.wants(name+" removes", f.s.RemoveAgreementDocument(ctx, a, id), want)
	}
	for name, a := range f.people {
		want := map[string]string{"coordinator": "", "network admin": "", "far coordinator": "not_found", "far network admin": "not_found"}
		rule, may := want[name]
		if !may {
			rule = "denied"
		}
		if rule != "" { // there is something to be read that must not be
			f.must(f.s.KeepAgreementDocument(ctx, f.people["coordinator"], id, "Vertrag.png", scan(f, 20)))
		}
		try(name, a, rule)
		a.Session = uuid.Nil
		try(name+" by a link", a, "denied")
	}
}
