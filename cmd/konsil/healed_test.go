//go:build linux

package main

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/conference"
	"github.com/konsil-server/konsil/realtime/ydoc"
)

// heal lets everybody finish and compares all there is: log, snapshots, replicas, a newcomer, and what people had done.
func (r *lossRig) heal() {
	r.t.Helper()
	r.stopType()
	r.until("everything is saved", (*scribe).settled)
	r.readLog()
	texts := map[string]string{}
	for _, key := range conference.CaseConference.Sections() {
		texts[key] = r.ledger.doc.Text("s:" + key)
	}
	late := r.scribe("z", r.writers[0].account, r.cable.dialer())
	r.readers = append(r.readers, late)
	ctx, leave := context.WithCancel(context.Background())
	r.t.Cleanup(leave)
	go late.live(ctx)
	for key, text := range texts {
		r.until("section "+key+" reads the same everywhere", func(s *scribe) bool { return s.text(key) == text })
	}
	r.compareTokens(texts)
	r.compareSnapshots(texts)
	r.server.stop()
	refused, again := r.setbacks()
	r.t.Logf("%d rows, %d characters; frames that lacked something: %d; strokes that had to be sent again: %d",
		r.ledger.head, len([]rune(strings.Join(values(texts), ""))), refused, again)
}

func values(m map[string]string) (all []string) {
	for v := range maps.Values(m) {
		all = append(all, v)
	}
	return all
}

func (r *lossRig) setbacks() (refused, again int) {
	for _, s := range r.everybody() {
		s.mu.Lock()
		refused, again = refused+s.refused, again+s.again
		s.mu.Unlock()
	}
	return refused, again
}

// compareTokens looks at the text alone: each token that was typed and left stands there once, in its writer's order, and
// there is nothing else. No row but one has it either; a token that was taken out again at once may never have been in any.
func (r *lossRig) compareTokens(texts map[string]string) {
	r.t.Helper()
	for key, text := range texts {
		length := 0
		for _, s := range r.writers {
			last := -1
			for _, token := range s.mine[key] {
				length += len(token)
				at := strings.Index(text, token)
				switch {
				case at < 0 || strings.LastIndex(text, token) != at:
					r.t.Errorf("section %s has %s %d times", key, token, strings.Count(text, token))
				case at < last:
					r.t.Errorf("section %s has %s before what %s had written earlier", key, token, s.name)
				}
				last = at
				if n := r.ledger.tokens[token]; n != 1 {
					r.t.Errorf("the log has %s %d times", token, n)
				}
			}
		}
		if length != len(text) {
			r.t.Errorf("section %s has %d bytes, what people wrote and left there has %d", key, len(text), length)
		}
	}
	for token, n := range r.ledger.tokens {
		if n > 1 {
			r.t.Errorf("the log has %s %d times", token, n)
		}
	}
}

// compareSnapshots reads the note as a start would from each snapshot: its state and the rows after it.
func (r *lossRig) compareSnapshots(texts map[string]string) {
	r.t.Helper()
	conn := r.database()
	defer conn.Close(context.Background())
	rows, err := conn.Query(r.t.Context(), `
		select s.upto_seq, s.state, array(select data from note_update u where u.note_id = s.note_id and u.seq > s.upto_seq order by seq)
		from note_snapshot s`)
	if err != nil {
		r.t.Fatal(err)
	}
	var upto int64
	var state []byte
	var after [][]byte
	n := 0
	_, err = pgx.ForEachRow(rows, []any{&upto, &state, &after}, func() error {
		n++
		doc := ydoc.New()
		if err := apply(doc, append([][]byte{state}, after...)); err != nil {
			return fmt.Errorf("snapshot at %d: %w", upto, err)
		}
		for key, text := range texts {
			if doc.Text("s:"+key) != text {
				r.t.Errorf("section %s reads differently from the snapshot at %d on", key, upto)
			}
		}
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Logf("%d snapshots", n)
}
