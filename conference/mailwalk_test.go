package conference

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference/plan"
	"github.com/konsil-server/konsil/conference/poll"
	"github.com/konsil-server/konsil/conference/trial"
	"github.com/konsil-server/konsil/expertpool"
)

// mailWalks lead together to every mail that can go out about a conference, each in a house of its own.
func mailWalks() map[string]func(*house) {
	return map[string]func(*house){
		"arc": walkArc, "reminders": walkReminders, "inbox": walkInbox, "opinions": walkOpinions, "stand-ins": walkStandIns, "polls": walkPolls,
		"drafts and consent": walkDrafts, "topics": walkTopics, "series": walkSeries, "leaving": walkLeaving, "trial": walkTrial,
	}
}

// TestNoMailSaysAWordOfACase: rule 22, along everything that sends mails. Walked as a whole, it fails as well when there is a sentence in
// the code of mails that no walk has sent.
func TestNoMailSaysAWordOfACase(t *testing.T) {
	t.Parallel()
	var one sync.Mutex
	var sent strings.Builder
	walked := 0
	t.Run("walk", func(t *testing.T) {
		for what, walk := range mailWalks() {
			t.Run(what, func(t *testing.T) {
				t.Parallel()
				h := newHouse(t)
				walk(h)
				mails := strings.Join(h.discreet(), "\n")
				one.Lock()
				defer one.Unlock()
				sent.WriteString(mails + "\n")
				walked++
			})
		}
	})
	if walked < len(mailWalks()) {
		t.Logf("%d of %d walked: what was not sent is not looked for", walked, len(mailWalks()))
		return
	}
	all := sentences(t)
	if len(all) < 120 {
		t.Errorf("%d sentences in the code of mails: most were not found", len(all))
	}
	for text, by := range all {
		if !strings.Contains(sent.String(), text) {
			t.Errorf("%s can write %q, and no walk has sent it", by, text)
		}
	}
}

func walkArc(h *house) {
	ctx, kern := h.t.Context(), h.experts["Kern"]
	off, _ := h.convene("Kern", "Voss")
	code, _ := h.convene("Kern", "Reimann")
	if h.marked() == 0 {
		h.t.Error("nothing was marked")
	}
	h.allSent()
	h.must(h.s.Answer(ctx, kern, h.invitationOf(off, "Kern"), 0, Declined, "Zu weit für die Cellistin."))
	h.must(h.s.Uninvite(ctx, h.coordinator, off, h.experts["Voss"].ID))
	h.must(h.s.Cancel(ctx, h.coordinator, off))
	h.must(h.s.Move(ctx, h.coordinator, code, h.clock.Add(26*time.Hour), 25*time.Minute))
	h.must(h.s.ProposeDate(ctx, kern, h.invitationOf(code, "Kern"), 1, h.clock.Add(50*time.Hour), "Nach der Probe der Cellistin."))
	h.must(h.s.RefuseProposal(ctx, h.coordinator, code, get[uuid.UUID](h, `select id from proposal where decision is null`)))
	h.accept(code, "Kern", "Reimann")
	h.must(h.s.AskInformation(ctx, kern, code, "Spielt sie noch im Ensemble?", expertpool.Today(h.clock), ""))
	h.must(h.s.AnswerInformation(ctx, h.caseworker, code, get[uuid.UUID](h, `select id from information_request`), "Seit Ostern nicht mehr.", ""))
	h.marked()
	h.open(code)
	conf := get[uuid.UUID](h, `select id from conference where code = $1`, code)
	h.must(h.s.Joined(ctx, conf, kern.ID))
	h.must(h.s.Joined(ctx, conf, h.experts["Reimann"].ID)) // hears what became of it
	h.bringDevice(code)
	h.must(h.s.Propose(ctx, kern, code, "Probe im Kammerchor vermitteln", kern.ID, expertpool.Today(h.clock).AddDate(0, 0, 10), ""))
	h.must(h.s.End(ctx, h.coordinator, code))
	h.must(h.s.Minute(ctx, h.coordinator, code, "Zuerst der Kammerchor."))
	h.must(h.s.Approve(ctx, h.coordinator, code, ""))
	measure := get[uuid.UUID](h, `select id from measure`)
	h.must(h.plans.Answer(ctx, kern, measure, true, ""))
	h.marked()
	h.clock = h.clock.AddDate(0, 0, 10)
	_, err := h.plans.Sweep(ctx, h.clock)
	h.must(err)
	h.must(h.s.Report(ctx, kern, measure, plan.OutcomeDone, "Sie singt wieder."))
	last, caseID := h.convene("Reimann")
	h.allSent()
	_, err = h.s.Withdraw(ctx, h.caseworker, caseID)
	h.must(err)
	if h.state(last) != Sealed {
		h.t.Errorf("withdrawn it is %s", h.state(last))
	}
}

// bringDevice lets Kern come into a live room with a browser that nobody has seen.
func (h *house) bringDevice(code string) {
	h.t.Helper()
	kern := h.experts["Kern"]
	pair, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	h.must(err)
	key, err := pair.PublicKey.Bytes()
	h.must(err)
	var framed []byte
	for _, part := range [][]byte{[]byte("konsil device 1"), []byte(kern.ID.String()), key} {
		framed = append(binary.BigEndian.AppendUint64(framed, uint64(len(part))), part...)
	}
	sum := sha256.Sum256(framed)
	r, s, err := ecdsa.Sign(rand.Reader, pair, sum[:])
	h.must(err)
	proof := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	h.must(h.s.BringDevice(h.t.Context(), kern, code, key, proof, "Browser der Cellistin"))
}

func walkReminders(h *house) {
	h.clock = berlin("2027-03-01 10:00")
	code, _ := h.convene("Kern", "Reimann", "Voss")
	h.must(h.s.Move(h.t.Context(), h.coordinator, code, berlin("2027-03-15 10:00"), 25*time.Minute))
	h.marked()
	h.must(h.s.Answer(h.t.Context(), h.experts["Kern"], h.invitationOf(code, "Kern"), 1, Accepted, "Gern, ich höre ihr zu."))
	h.must(h.s.Declare(h.t.Context(), h.experts["Kern"], code, NoTie))
	for _, at := range []string{"2027-03-09 10:00", "2027-03-11 12:00", "2027-03-12 09:00"} {
		h.remind(at)
	}
	h.yes(code, "Voss")
	h.must(h.s.Declare(h.t.Context(), h.experts["Voss"], code, Knows)) // a seat is free
}

func walkInbox(h *house) {
	ctx := h.t.Context()
	urgent := h.submit(h.wanting().urgently(h.clock, 30*time.Hour))
	first := h.submit(h.wanting())
	h.marked()
	h.must(h.s.SweepInbox(ctx)) // one has come,
	h.submit(h.wanting())
	h.submit(h.wanting())
	h.marked()
	h.must(h.s.SweepInbox(ctx)) // then two
	h.must(h.s.AskBack(ctx, h.coordinator, first, "Spielt sie noch im Ensemble?", expertpool.Today(h.clock), ""))
	h.must(h.s.AnswerInquiry(ctx, h.caseworker, first, get[uuid.UUID](h, `select id from information_request`), "Seit Ostern nicht mehr.", ""))
	h.must(h.s.Decline(ctx, h.coordinator, urgent, "Zuerst gehört die Cellistin zum Hausarzt."))
}

func walkOpinions(h *house) {
	ctx := h.t.Context()
	video, _ := h.askingOpinions(nil, "Kern", "Reimann")
	day := UsualDue(h.clock, "")
	written, _ := h.askingOpinions(inWriting(day), "Kern", "Reimann", "Voss")
	h.marked()
	h.allSent()
	h.accept(video, "Kern", "Reimann")
	h.must(h.s.Uninvite(ctx, h.coordinator, written, h.experts["Voss"].ID))
	h.accept(written, "Kern", "Reimann")
	h.must(h.s.SweepOpinions(ctx))
	h.must(h.opines(video, "Kern", "yes"))
	h.must(h.opines(video, "Reimann", "no"))
	h.must(h.opines(written, "Kern", "yes"))
	h.marked()
	h.clock = h.clock.AddDate(0, 0, 6).Add(9 * time.Hour) // the evening before the last day
	h.must(h.s.SweepOpinions(ctx))
	h.must(h.s.ExtendOpinions(ctx, h.coordinator, written, day.AddDate(0, 0, 1)))
	h.must(h.opines(written, "Reimann", "no"))
	if h.state(written) != MinutesDraft {
		h.t.Errorf("answered it is %s", h.state(written))
	}
}

func walkStandIns(h *house) {
	ctx := h.t.Context()
	people := h.more(4)
	for _, end := range []RaceState{RaceFilled, RaceNobody} {
		code := h.dropOut(4 * time.Hour)
		h.marked()
		h.must(h.s.FindStandIn(ctx, h.coordinator, code, "psychiatry"))
		for h.race(code).State == RaceRuns && (end == RaceNobody || h.counts(code, "asked") < len(people)) {
			h.clock = *h.race(code).NextAt
			h.must(h.s.SweepStandIns(ctx))
		}
		if end == RaceFilled {
			var all sync.WaitGroup
			for _, who := range people { // one of them has the place, the others are thanked
				all.Go(func() {
					if err := h.s.StandIn(ctx, who, h.offerTo(code, who)); err != nil && ruleOf(err) != "stand_in_gone" {
						h.t.Error(err)
					}
				})
			}
			all.Wait()
		}
		if got := h.race(code).State; got != end {
			h.t.Fatalf("the race ended %s, not %s", got, end)
		}
	}
}

func walkPolls(h *house) {
	ctx, q := h.t.Context(), h.polling()
	q.start()
	q.arrived()
	h.marked()
	b := Ballot{Votes: map[uuid.UUID]poll.Vote{q.poll().Options[0].ID: poll.No}, Note: "Nach der Probe der Cellistin."}
	h.must(h.s.AnswerPoll(ctx, h.experts["Kern"], q.voice("Kern"), b))
	h.must(h.s.AddOption(ctx, h.coordinator, q.request, q.options[2].AddDate(0, 0, 1)))
	q.sweepAt(berlin("2026-11-25 18:00")) // half of the time is over
	for _, name := range []string{"Kern", "Reimann", "Voss"} {
		h.must(q.says(name, "nnnn"))
	}
	h.must(h.s.ClosePoll(ctx, h.coordinator, q.request))

	q.request = h.asked()
	q.start()
	q.arrived()
	h.marked()
	h.must(q.says("Kern", "yyn"))
	h.must(q.says("Reimann", "yyy"))
	q.sweepAt(q.poll().Deadline.Add(time.Hour)) // Voss has not answered
	_, err := h.s.ConfirmOption(ctx, h.coordinator, q.request, q.poll().Options[1].ID)
	h.must(err)
}

func walkDrafts(h *house) {
	h.workedOn("Die Cellistin hat ein Engagement.")
	_, caseID := h.convene("Kern", "Reimann")
	h.marked()
	h.must(h.s.Grant(h.t.Context(), h.caseworker, caseID, h.consent("psychiatry"))) // Reimann may not come any more
	h.sweep(23)
}

func walkTopics(h *house) {
	ctx, kern := h.t.Context(), h.experts["Kern"]
	code := h.topic("Kern")
	h.marked()
	h.must(h.s.Move(ctx, h.coordinator, code, h.clock.Add(3*time.Hour), 45*time.Minute))
	h.must(h.s.Cancel(ctx, h.coordinator, code))
	var asked []uuid.UUID
	for range 2 {
		id, err := h.s.Ask(ctx, h.caseworker, question())
		h.must(err)
		asked = append(asked, id)
	}
	h.marked()
	h.must(h.s.Decline(ctx, h.coordinator, asked[0], "Das beantwortet der Leitfaden."))
	code, err := h.s.Convene(ctx, h.coordinator, asked[1], Panel{Experts: []uuid.UUID{kern.ID}, Starts: h.clock.Add(time.Hour), Length: 25 * time.Minute})
	h.must(err)
	h.says(code, kern, Accepted)
	h.must(h.s.AskInformation(ctx, kern, code, "Welche Maßnahmen waren es?", expertpool.Today(h.clock), ""))
	h.must(h.s.AnswerInformation(ctx, h.caseworker, code, get[uuid.UUID](h, `select id from information_request`), "Praktika in Vollzeit.", ""))
	h.open(code)
	h.writeSections(code, map[string]string{"decisions": "Nach sechs Wochen, mit vier Stunden."})
	h.must(h.s.Propose(ctx, kern, code, "Leitfaden für Übergaben entwerfen", kern.ID, expertpool.Today(h.clock).AddDate(0, 0, 10), ""))
	h.must(h.s.End(ctx, h.coordinator, code))
	h.must(h.s.Approve(ctx, h.coordinator, code, ""))
}

func walkSeries(h *house) {
	ctx, slot := h.t.Context(), h.slot()
	first, second := slot.put(), slot.put()
	h.marked()
	h.must(h.s.SwapPlaces(ctx, h.coordinator, slot.id, first, second))
	for i, day := range []string{"2026-11-25", "2026-12-02"} { // moved, then called off
		told, err := h.s.IfDropped(ctx, h.coordinator, slot.id, on(h.t, day), i == 0)
		h.must(err)
		h.must(h.s.DropDay(ctx, h.coordinator, slot.id, on(h.t, day), i == 0, told))
	}
	if h.state(first) != Cancelled || h.state(second) != Cancelled {
		h.t.Errorf("called off they are %s and %s", h.state(first), h.state(second))
	}
}

func walkLeaving(h *house) {
	ctx, kern := h.t.Context(), h.experts["Kern"]
	_, measure := h.promises("Kern")
	code, _ := h.convene("Kern", "Reimann")
	h.accept(code, "Kern", "Reimann")
	h.marked()
	h.must(h.s.LeavePool(ctx, h.coordinator, kern.ID, HandOver{Measures: map[uuid.UUID]uuid.UUID{measure: h.experts["Reimann"].ID}}))
}

func walkTrial(h *house) {
	ctx := h.t.Context()
	h.convene("Kern")
	h.marked()
	s := &trial.Store{DB: h.s.DB, Mails: h.s.Mails, URL: h.s.URL, Organizer: h.s.Organizer, Now: h.s.Now}
	h.must(s.Begin(ctx, h.caseworker))
	h.must(s.Move(ctx, h.caseworker))
	h.must(s.Cancel(ctx, h.caseworker))
}
