package casefile

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/png"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/expertpool/account"
)

// picture is a PNG file that does not pack well, so that it has several chunks.
func picture() []byte {
	m := image.NewNRGBA(image.Rect(0, 0, 400, 300))
	noise := rand.NewChaCha8([32]byte{})
	noise.Read(m.Pix)
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// letter is a PDF document of one page with these words.
func letter(words string) []byte {
	content := "BT /F 12 Tf 10 100 Td (" + words + ") Tj ET"
	return fmt.Appendf(nil, `%%PDF-1.7
1 0 obj <</Type/Catalog/Pages 2 0 R>> endobj
2 0 obj <</Type/Pages/Count 1/Kids[<</Type/Page/MediaBox[0 0 200 200]/Contents 3 0 R/Resources<</Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>>>]>> endobj
3 0 obj <</Length %d>>stream
%s
endstream endobj
trailer <</Root 1 0 R>>
`, len(content), content)
}

func (d *desk) attach(caseID uuid.UUID, data []byte) uuid.UUID {
	d.t.Helper()
	id, err := d.Attach(d.t.Context(), d.by, caseID, Upload{Title: "Befund", Data: data})
	d.must(err)
	return id
}

func TestAnAttachmentIsBroughtByOneAndReleasedByAnother(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ctx := t.Context()
	of := d.newCase()
	for name, u := range map[string]Upload{
		"title:required": {Data: picture()}, "file:kind": {Title: "T", Data: []byte("x")}, "file:size": {Title: "T"},
		"because:names": {Title: "Brief von Xylophonia", Data: picture()},
	} {
		if _, err := d.Attach(ctx, d.by, of, u); ruleOf(err) != name {
			t.Errorf("%v, want %s", err, name)
		}
	}
	if _, err := d.Attach(ctx, d.by, of, Upload{Title: "Brief", Data: letter("Frau Xylophonia kommt gern.")}); ruleOf(err) != "because:names" {
		t.Errorf("the words of a document were not read: %v", err)
	}
	_, err := d.Attach(ctx, d.by, of, Upload{Title: "Brief", Data: letter("Frau Xylophonia kommt gern."), Because: "Sie will es."})
	d.must(err)
	d.clock = d.clock.Add(time.Minute)
	id := d.attach(of, picture())
	found, err := d.Attachments(ctx, d.second, of)
	d.must(err)
	if len(found) != 2 || found[0].Unread || !found[1].Unread || !found[0].Document() || found[1].Document() {
		t.Fatalf("%+v", found)
	}
	if open, err := d.ReleasedAttachments(ctx, d.db, of); err != nil || len(open) != 0 {
		t.Errorf("open to the circle before the release: %v, %v", open, err)
	}
	for _, try := range []struct {
		name string
		err  error
		want string
	}{
		{"without having looked", d.ReleaseAttachment(ctx, d.second, of, id, false, ""), "looked:required"},
		{"by the one who brought it", d.ReleaseAttachment(ctx, d.by, of, id, true, "allein"), "second_person"},
		{"by the colleague", d.ReleaseAttachment(ctx, d.second, of, id, true, ""), ""},
		{"twice", d.ReleaseAttachment(ctx, d.second, of, id, true, ""), "attachment_released"},
	} {
		if ruleOf(try.err) != try.want {
			t.Errorf("%s: %v", try.name, try.err)
		}
	}
	other := d.newCase()
	for name, err := range map[string]error{
		"another case":      d.ReleaseAttachment(ctx, d.second, other, id, true, ""),
		"another Jobcenter": d.ReleaseAttachment(ctx, d.foreign, of, id, true, ""),
		"the coordination":  d.RemoveAttachment(ctx, d.lead, of, id),
		"nothing":           d.RemoveAttachment(ctx, d.by, of, uuid.New()),
		"bringing":          second(d.Attach(ctx, d.foreign, of, Upload{Title: "T", Data: picture()})),
		"looking":           third(d.ViewAttachment(ctx, d.foreign, of, id)),
		"looking elsewhere": third(d.ViewAttachment(ctx, d.by, other, id)),
	} {
		if !errors.Is(err, account.ErrNotFound) && !errors.Is(err, account.ErrDenied) {
			t.Errorf("%s: %v", name, err)
		}
	}
	d.must(d.RemoveAttachment(ctx, d.by, of, id))
	if _, _, err := d.ViewAttachment(ctx, d.by, of, id); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("still there: %v", err)
	}
}

func third[A, B any](_ A, _ B, err error) error { return err }

func TestAnAttachmentLiesSealedAndItsPartsCannotBeExchanged(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ctx := t.Context()
	of := d.newCase()
	id, other := d.attach(of, picture()), d.attach(of, picture())
	_, data, err := d.ViewAttachment(ctx, d.second, of, id)
	d.must(err)
	if _, err := png.Decode(bytes.NewReader(data)); err != nil {
		t.Fatalf("what comes back is no picture: %v", err)
	}
	var chunks, clear, looks int
	d.must(d.db.QueryRow(ctx, `select count(*), count(*) filter (where position('IDAT'::bytea in sealed) > 0) from attachment_chunk where attachment_id = $1`, id).Scan(&chunks, &clear))
	if chunks < 2 || clear > 0 {
		t.Errorf("%d chunks, %d in clear", chunks, clear)
	}
	d.must(d.db.QueryRow(ctx, `select count(*) from audit.entry where action = 'view_attachment' and actor_id = $1`, d.second.ID).Scan(&looks))
	if looks != 1 {
		t.Errorf("%d looks recorded", looks)
	}
	for what, sql := range map[string]string{
		"a chunk of another": `update attachment_chunk c set sealed = o.sealed from attachment_chunk o where c.attachment_id = $1 and o.attachment_id = $2 and c.n = o.n and c.n = 0`,
		"chunks in disorder": `update attachment_chunk set n = 100 - n where attachment_id = $1 and $2::uuid is not null`,
		"the end cut off":    `delete from attachment_chunk where attachment_id = $1 and n > 0 and $2::uuid is not null`,
		"the key of another": `update attachment a set wrapped_key = o.wrapped_key from attachment o where a.id = $1 and o.id = $2`,
	} {
		tx, err := d.db.Begin(ctx)
		d.must(err)
		_, err = tx.Exec(ctx, sql, id, other)
		d.must(err)
		if data, err := d.openAttachment(ctx, tx, of, id); err == nil {
			t.Errorf("%s: %d bytes were opened", what, len(data))
		}
		d.must(tx.Rollback(ctx))
	}
}

func TestAttachmentsGoWithTheirCase(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ctx := t.Context()
	of := d.newCase()
	for range mostAttachments {
		d.attach(of, letter("Text"))
	}
	if _, err := d.Attach(ctx, d.by, of, Upload{Title: "T", Data: letter("Text")}); ruleOf(err) != "file:ten" {
		t.Errorf("one too many: %v", err)
	}
	tx, err := d.db.Begin(ctx)
	d.must(err)
	d.must(dropAttachments(ctx, tx, of))
	d.must(tx.Commit(ctx))
	var left int
	d.must(d.db.QueryRow(ctx, `select (select count(*) from attachment) + (select count(*) from attachment_chunk)`).Scan(&left))
	if left != 0 {
		t.Errorf("%d rows are left", left)
	}
}
