package conference

import (
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/migrations/pgtest"
)

// inMails are texts of a case's tables that mails name on purpose: what a date is called and where its calendar object comes from.
func inMails() []string {
	return []string{
		"conference.code", "conference_request.code", "measure.conference_code", "poll.code", "conference.zone", "invitation.uid", "invitation.organizer",
	}
}

// textColumns are the free texts of every table that hangs on a case, however far, as the database itself tells them: a new column joins by
// itself. Words out of a fixed list, which a check constraint names, are no texts.
func textColumns(h *house, conn *pgx.Conn) [][2]string {
	h.t.Helper()
	rows, err := conn.Query(h.t.Context(), `
		with recursive hangs as (
			select 'case_file'::regclass::oid as t
			union
			select k.conrelid from pg_constraint k join hangs h on k.confrelid = h.t where k.contype = 'f'
		)
		select c.relname::text, a.attname::text
		from hangs join pg_class c on c.oid = hangs.t join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
		where a.atttypid = 'text'::regtype and a.attgenerated = ''
			and not exists (
				select from pg_constraint k where k.conrelid = c.oid and k.contype in ('c', 'f') and a.attnum = any(k.conkey)
					and (k.contype = 'f' or pg_get_constraintdef(k.oid) like '%ARRAY[%'))
		order by 1, 2`)
	h.must(err)
	all, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (c [2]string, err error) { return c, r.Scan(&c[0], &c[1]) })
	h.must(err)
	return slices.DeleteFunc(all, func(c [2]string) bool { return slices.Contains(inMails(), c[0]+"."+c[1]) })
}

// discreet fails if any text of any case stands in any mail of the outbox, whatever made it: in its headers, its words, its calendar
// object, in any of its parts; or the name of an expert in a mail to somebody else. A walk calls it at its end. It returns the mails, as
// folded makes them.
func (h *house) discreet() []string {
	h.t.Helper()
	texts := h.texts()
	experts := get[[]string](h, `select array_agg(name) from account where role = 'expert'`)
	rows, err := h.db.Query(h.t.Context(), `select kind, subject || ' ' || body_text || ' ' || body_html || ' ' || to_name, to_name, raw from message_out`)
	h.must(err)
	var mails []string
	var kind, words, to string
	var raw []byte
	_, err = pgx.ForEachRow(rows, []any{&kind, &words, &to, &raw}, func() error {
		whole := folded(words + " " + decoded(h.t, raw))
		mails = append(mails, whole)
		for text, where := range texts {
			if strings.Contains(whole, text) {
				h.t.Errorf("a mail of kind %s says what stands in %s: %q", kind, where, text)
			}
		}
		for _, name := range experts {
			if name != to && strings.Contains(whole, folded(name)) {
				h.t.Errorf("a mail of kind %s names an expert to somebody else", kind)
			}
		}
		return nil
	})
	h.must(err)
	if len(mails) == 0 || len(texts) == 0 {
		h.t.Errorf("%d mails and %d texts: nothing was compared", len(mails), len(texts))
	}
	return mails
}

// texts are all texts of all cases, folded, and where each stands.
func (h *house) texts() map[string]string {
	h.t.Helper()
	ctx := h.t.Context()
	conn := pgtest.Owner(h.t, h.db)
	texts := map[string]string{}
	for _, c := range textColumns(h, conn) {
		rows, err := conn.Query(ctx, fmt.Sprintf(`select distinct %[2]s from %[1]s where length(trim(%[2]s)) >= 5`, pgx.Identifier{c[0]}.Sanitize(), pgx.Identifier{c[1]}.Sanitize()))
		h.must(err)
		found, err := pgx.CollectRows(rows, pgx.RowTo[string])
		h.must(err)
		for _, text := range found {
			texts[folded(text)] = c[0] + "." + c[1]
		}
	}
	return texts
}

func folded(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }

// decoded is all that a mail says, headers included, with nothing encoded or folded any more.
func decoded(t testing.TB, raw []byte) string {
	t.Helper()
	m, err := netmail.ReadMessage(strings.NewReader(string(raw)))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for name, values := range m.Header {
		for _, v := range values {
			plain, err := new(mime.WordDecoder).DecodeHeader(v)
			if err != nil {
				plain = v
			}
			b.WriteString(name + ": " + plain + "\n")
		}
	}
	decodePart(t, &b, m.Header.Get, m.Body)
	return b.String()
}

func decodePart(t testing.TB, b *strings.Builder, header func(string) string, body io.Reader) {
	t.Helper()
	kind, params, err := mime.ParseMediaType(header("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(kind, "multipart/") {
		for mr := multipart.NewReader(body, params["boundary"]); ; {
			p, err := mr.NextRawPart()
			if err == io.EOF {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			decodePart(t, b, p.Header.Get, p)
		}
	}
	switch header("Content-Transfer-Encoding") {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	b.WriteString(strings.NewReplacer("\r\n ", "", `\n`, "\n", `\,`, ",", `\;`, ";").Replace(string(text)) + "\n")
}

// marked fills every empty text of every case's tables with a word that stands nowhere else, as far as the database lets it.
func (h *house) marked() int {
	h.t.Helper()
	conn := pgtest.Owner(h.t, h.db)
	filled := 0
	for _, c := range textColumns(h, conn) {
		if slices.Contains([]string{"invitation.undeliverable"}, c[0]+"."+c[1]) {
			continue // stops the mails that are to be looked at
		}
		done, err := conn.Exec(h.t.Context(), fmt.Sprintf(`update %[1]s set %[2]s = 'Unverkennbar ' || $1 where %[2]s = ''`,
			pgx.Identifier{c[0]}.Sanitize(), pgx.Identifier{c[1]}.Sanitize()), c[0]+" "+c[1])
		if err == nil {
			filled += int(done.RowsAffected())
		}
	}
	return filled
}
