package mail

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-smtp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// TestACancelNeverOvertakesItsRequestWhenTheServerDiesAfterTakingIt: section 3.3. The relay has the mail, its 250 is lost, and meanwhile the
// invitation is called off: the same bytes go once more, the CANCEL after them, and not at the same time.
func TestACancelNeverOvertakesItsRequestWhenTheServerDiesAfterTakingIt(t *testing.T) {
	t.Parallel()
	for name, opens := range map[string]bool{"in a thread that is known": false, "in a thread that opens": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cancelAfterCrash(t, opens)
		})
	}
}

func cancelAfterCrash(t *testing.T, opens bool) {
	r := newRelay(t, nil)
	o := relayed(t, r)
	var seen []string
	owed := make(chan bool, 1)
	r.data = func(c *smtp.Conn, d delivery) error {
		if seen = append(seen, d.raw); len(seen) > 1 {
			return nil
		}
		err := pgx.BeginFunc(t.Context(), o.db, func(tx pgx.Tx) error {
			if err := o.Supersede(t.Context(), tx, "a"); err != nil {
				return err
			}
			reached, err := o.Sent(t.Context(), tx, "a")
			if err != nil {
				return err
			}
			owed <- len(reached) == 1
			off := invitation("CANCEL")
			off.Thread = "a"
			_, err = o.Enqueue(t.Context(), tx, off)
			return err
		})
		return errors.Join(err, c.Conn().Close(), errors.New("gone"))
	}
	for range 2 { // two nodes, either of which may go on
		o.start()
	}
	asked := invitation("REQUEST")
	asked.Thread, asked.Opens = "a", opens
	o.reach(o.put(asked)[0], "sent")
	var off uuid.UUID
	if err := o.db.QueryRow(t.Context(), `select id from message_out where method = 'CANCEL'`).Scan(&off); err != nil {
		t.Fatal(err)
	}
	o.reach(off, "sent")
	if !<-owed {
		t.Error("no CANCEL is owed for a mail the relay has")
	}
	if len(seen) != 3 || seen[0] != seen[1] || !strings.Contains(seen[2], "method=CANCEL") || r.clash {
		t.Errorf("%d deliveries, the first two equal: %v, two at once: %v", len(seen), len(seen) > 1 && seen[0] == seen[1], r.clash)
	}
}

// TestEachMailHasAReturnPathOfItsOwnInTheSendersDomain: rule 3.
func TestEachMailHasAReturnPathOfItsOwnInTheSendersDomain(t *testing.T) {
	t.Parallel()
	r := newRelay(t, nil)
	o := relayed(t, r)
	o.bounces = true
	o.start()
	var froms []string
	ids := o.put(note("a", "eins"), note("b", "zwei"))
	for _, id := range ids {
		o.reach(id, "sent")
	}
	for _, d := range r.mails() {
		froms = append(froms, d.from)
		if !slices.Contains(ids, bounceToken(d.from)) || !strings.HasSuffix(d.from, "@konsil.example") || !strings.Contains(d.raw, "<termine@konsil.example>") {
			t.Errorf("envelope from %s", d.from)
		}
	}
	if len(froms) != 2 || froms[0] == froms[1] {
		t.Errorf("return paths %v", froms)
	}
}

// TestAMailComesFromTheAddressItsThreadBeganWith: rule 1, after the installation's own has changed; answers to the old one are taken in.
func TestAMailComesFromTheAddressItsThreadBeganWith(t *testing.T) {
	t.Parallel()
	o := newOffice(t, Outbox{})
	m := invitation("REQUEST")
	m.From = "Frueher@Alt.example"
	h, _ := readMail(t, o.rawOf(m))
	if from, err := h.AddressList("From"); err != nil || from[0].Address != "frueher@alt.example" {
		t.Errorf("from %v, %v", from, err)
	}
	in := NewInbox(o.Queue, nil)
	for address, want := range map[string]bool{
		"frueher@alt.example": true, "Frueher+b-" + strings.Repeat("0", 32) + "@alt.example": true, "termine@konsil.example": true,
		"somebody@alt.example": false, "frueher@konsil.example": false,
	} {
		if got, err := in.takes(t.Context(), address); err != nil || got != want {
			t.Errorf("%s is ours: %v, %v", address, got, err)
		}
	}
	for _, to := range []string{"frueher@alt.example", "termine@konsil.example"} { // would come back as an answer from outside
		m.To.Email = to
		var invalid *InvalidError
		err := pgx.BeginFunc(t.Context(), o.db, func(tx pgx.Tx) error {
			_, err := o.Enqueue(t.Context(), tx, m)
			return err
		})
		if !errors.As(err, &invalid) || invalid.Rule != "is-sender" {
			t.Errorf("to %s: %v", to, err)
		}
	}
}

// TestAttachingTheDateIsASwitch: section 2.2. Without the file the calendar part stays what it is.
func TestAttachingTheDateIsASwitch(t *testing.T) {
	t.Parallel()
	o := newOffice(t, Outbox{})
	o.noFile = true
	m := invitation("REQUEST")
	_, root := readMail(t, o.rawOf(m))
	if root.kind != "multipart/alternative" || len(root.parts) != 3 || root.parts[2].params["method"] != "REQUEST" || !bytes.Equal(root.parts[2].body, m.Calendar) {
		t.Errorf("root %s with %d parts", root.kind, len(root.parts))
	}
}
