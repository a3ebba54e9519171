package web

import (
	"bytes"
	"encoding/json"
	"image"
	"image/png"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/websocket"
	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/conference"
	"github.com/konsil-server/konsil/conference/agenda"
	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/conference/casefile/icf"
	"github.com/konsil-server/konsil/conference/opinion"
	"github.com/konsil-server/konsil/conference/poll"
	"github.com/konsil-server/konsil/conference/pseudonym"
	"github.com/konsil-server/konsil/conference/slot"
	"github.com/konsil-server/konsil/expertpool"
)

// traces are words that stand in one text of a case each and nowhere else in konsil.
var traces = []string{
	"kastanienrot", "birkengrau", "fliederblau", "haselbraun", "lindengelb", // the summary
	"ahornweich", "eschenhell", // question and own wish
	"tannenstill", "weidenzart", // a section of the notes, the decisions of the minutes
	"erlenfeucht", "ulmenhart", // a measure, an addendum
	"buchenfest", "eibendunkel", // a request for information and its answer
	"kiefernharzig",              // what an expert answered the invitation with
	"pappelhoch",                 // the question of a request that waits
	"mispelgelb", "schlehenblau", // what the coordination asked about it, and the answer
	"espenzittrig",                            // a guest's name in the room
	"zederntrocken",                           // whom a release from secrecy is for
	"fichtenblau", "rosenmild", "ginsterlang", // a note in the profile, an instrument, who says how many hours
	"quittengelb", "mispelweich", // an opinion that everybody has read, one that is still blind
	"sanddornsauer", "berberitzenrot", // what they say to a part question
	"holundersauer", // what an attachment is called
	"schlehenherb",  // a part question
	"ebereschig",    // what an expert answered a question for dates with
	"sanddornig",    // a phase of the agenda
}

// passedOn are those of them that go to another organisation.
var passedOn = []string{"ahornweich", "erlenfeucht"}

// estate is a case with a trace in every text: a conference that has ended with minutes, one that is live, a request that waits.
type estate struct {
	*testServer
	caseID        uuid.UUID
	first, second string
	client        string   // path of the client's own page
	links         []string // paths of all links
	passed        string   // the plan of the first conference, as it was passed on
}

func newEstate(t *testing.T) *estate {
	t.Helper()
	e := &estate{testServer: newTestServer(t)}
	e.writes()
	e.confers()
	e.goesOn()
	return e
}

func (e *estate) writes() {
	ctx, anna := e.t.Context(), e.people["Anna"]
	var err error
	e.caseID, err = e.Cases.New(ctx, anna, pseudonym.Identity{FirstName: "Vorname", LastName: "Geheimniss"}, casefile.Summary{
		Situation: "Alles ist kastanienrot.", Resources: "Auch birkengrau.", Tried: "Schon fliederblau.", Goals: "Gern haselbraun.", Limits: "Nie lindengelb.",
	})
	e.must(err)
	e.release(e.caseID, 1)
	k := e.consentTo("psychiatry", "physiotherapy")
	k.Releases = []casefile.SecrecyRelease{{Profession: "general_medicine", Holder: "meine Ärztin, zederntrocken"}}
	k.Purposes, k.PlanTo = append(k.Purposes, casefile.PassPlan), []uuid.UUID{e.people["Bernd"].Organisation}
	e.must(e.Conferences.Grant(ctx, anna, e.caseID, k))
	found := icf.Blank("d850")
	found.Performance = 3
	on := expertpool.Today(e.Now()).AddDate(0, 0, -1)
	e.must(e.Cases.Observe(ctx, anna, e.caseID, casefile.Observation{Occasion: "entry", Rater: "self", Month: on, Finding: found, Note: "Sehr fichtenblau."}))
	e.must(e.Cases.AddScore(ctx, anna, e.caseID, casefile.Score{
		Instrument: "rosenmild", Version: "1", Value: "1", Min: "0", Max: "2", MeasuredOn: on, ComputedBy: "Haus",
	}))
	e.must(e.Cases.StateCapacity(ctx, anna, e.caseID, casefile.WorkCapacity{Band: "from_6", StatedOn: on, Source: "Der Dienst, ginsterlang"}))
	var picture bytes.Buffer
	e.must(png.Encode(&picture, image.NewGray(image.Rect(0, 0, 8, 8))))
	_, err = e.Cases.Attach(ctx, anna, e.caseID, casefile.Upload{Title: "Bild holundersauer", Data: picture.Bytes()})
	e.must(err)
	token, err := e.Cases.NewClientLink(ctx, anna, e.caseID)
	e.must(err)
	e.client = "/client/" + token
	e.first = e.convenes("Was ist ahornweich?", "Bitte eschenhell.", time.Hour)
}

func (e *estate) asks(question, wish string) uuid.UUID {
	e.t.Helper()
	id, err := e.Conferences.Submit(e.t.Context(), e.people["Anna"], conference.Request{
		CaseID: e.caseID, Question: question, Urgency: "normal", Disciplines: []string{"psychiatry"}, OwnWish: wish,
		Parts: []conference.PartQuestion{{Text: "Und was ist schlehenherb?"}},
	})
	e.must(err)
	return id
}

func (e *estate) convenes(question, wish string, in time.Duration) string {
	e.t.Helper()
	code, err := e.Conferences.Convene(e.t.Context(), e.people["Clara"], e.asks(question, wish), conference.Panel{
		Experts: []uuid.UUID{e.people["Ewald"].ID, e.people["Frieda"].ID}, Starts: e.Now().Add(in), Length: 25 * time.Minute,
	})
	e.must(err)
	return code
}

// opines gives Ewald's opinion, which nobody opens: Frieda has not answered.
func (e *estate) opines(code, reason, onPart string) {
	e.t.Helper()
	e.must(e.Conferences.SendOpinion(e.t.Context(), e.people["Ewald"], code, opinion.Answer{
		Position: "yes", Reason: reason, Confidence: opinion.Sure, Parts: []opinion.PartAnswer{{Number: 1, Position: "no", Reason: onPart}},
	}, 15, ""))
}

// confers holds the first conference up to its approved minutes.
func (e *estate) confers() {
	ctx, clara, ewald := e.t.Context(), e.people["Clara"], e.people["Ewald"]
	e.must(e.Conferences.AskOpinions(ctx, clara, e.first, opinion.Tendency))
	e.accept(e.first, "Ewald")
	e.opines(e.first, "Eher quittengelb.", "Auch sanddornsauer.")
	id, err := e.Conferences.OwnInvitation(ctx, e.people["Frieda"], e.first)
	e.must(err)
	e.must(e.Conferences.Answer(ctx, e.people["Frieda"], id, 0, conference.Tentative, "Wenn es kiefernharzig wird."))
	e.clock.set(e.Now().Add(time.Hour))
	today := expertpool.Today(e.Now())
	e.must(e.Conferences.AskInformation(ctx, ewald, e.first, "Ist es buchenfest?", today, ""))
	e.must(e.Conferences.AnswerInformation(ctx, e.people["Anna"], e.first, query[uuid.UUID](e.testServer, `select id from information_request`), "Eher eibendunkel.", ""))
	e.must(e.Conferences.Open(ctx, clara, e.first))
	e.must(e.Conferences.ArrangeAgenda(ctx, clara, e.first, agenda.Agenda{{Kind: agenda.Own, Title: "Warum sanddornig?", Minutes: 5, Owner: agenda.Owner{Role: agenda.Moderator}}}, ""))
	e.must(e.Conferences.Joined(ctx, query[uuid.UUID](e.testServer, `select id from conference where code = $1`, e.first), ewald.ID))
	e.leaveInLog(e.first, said{"Ewald", "assessment", "Heute tannenstill."})
	e.must(e.Conferences.Propose(ctx, clara, e.first, "Es wird erlenfeucht.", ewald.ID, today.AddDate(0, 0, 21), ""))
	if a := e.as("Clara").post("/conferences/"+e.first+"/end", nil); a.Status != http.StatusOK {
		e.t.Fatalf("end: %d", a.Status)
	}
	e.must(e.Conferences.Append(ctx, ewald, e.first, "assessment", "Noch ulmenhart."))
	e.must(e.Conferences.Minute(ctx, clara, e.first, "Beschlossen: weidenzart."))
	e.must(e.Conferences.Approve(ctx, clara, e.first, ""))
	e.links = append(e.links, e.link("Ewald", "invitation"), e.link("Ewald", "measure"))
	id, err = func() (uuid.UUID, error) {
		m, err := e.Plans.Mine(ctx, ewald)
		return m[0].ID, err
	}()
	e.must(err)
	e.must(e.Plans.Answer(ctx, ewald, id, true, ""))
	id, err = e.Conferences.PassPlan(ctx, e.people["Anna"], e.first, conference.Handover{
		Recipient: e.people["Bernd"].Organisation, Measures: []uuid.UUID{query[uuid.UUID](e.testServer, `select id from measure`)}, Question: true, Read: true,
	})
	e.must(err)
	e.passed = id.String()
	_, err = e.Plans.Sweep(ctx, e.Now().AddDate(0, 0, 21))
	e.must(err)
	e.links = append(e.links, e.link("Ewald", "follow_up"))
}

// goesOn opens a second conference of the case with a guest, and leaves a request for a third.
func (e *estate) goesOn() {
	e.second = e.convenes("Noch einmal ahornweich?", "Bitte eschenhell.", 10*time.Minute)
	e.must(e.Conferences.AskOpinions(e.t.Context(), e.people["Clara"], e.second, opinion.Tendency))
	e.accept(e.second, "Ewald")
	e.opines(e.second, "Eher mispelweich.", "Auch berberitzenrot.")
	e.must(e.Conferences.Open(e.t.Context(), e.people["Clara"], e.second))
	e.leaveInLog(e.second, said{"Ewald", "assessment", "Heute tannenstill."})
	waits := e.asks("Ist es pappelhoch?", "Bitte eschenhell.")
	e.must(e.Conferences.AskBack(e.t.Context(), e.people["Clara"], waits, "Auch mispelgelb?", expertpool.Today(e.Now()), ""))
	inquiry := query[uuid.UUID](e.testServer, `select id from information_request where request_id is not null`)
	e.must(e.Conferences.AnswerInquiry(e.t.Context(), e.people["Anna"], waits, inquiry, "Eher schlehenblau.", ""))
	e.polls(waits)
	e.links = append(e.links, e.link("Frieda", "poll"), e.link("Frieda", "invitation"), e.asked(e.second, "Clara", "client"), e.client)
}

// polls asks for dates of a request, and Frieda answers.
func (e *estate) polls(request uuid.UUID) {
	e.t.Helper()
	ctx, at := e.t.Context(), e.Now().UTC().Truncate(slot.Quarter)
	_, err := e.Conferences.StartPoll(ctx, e.people["Clara"], request, conference.PollDraft{
		DateSearch: conference.DateSearch{Wishes: []conference.Wish{{Discipline: "psychiatry"}, {Discipline: "physiotherapy"}}, Length: 25 * time.Minute},
		Options:    []time.Time{at.AddDate(0, 0, 6), at.AddDate(0, 0, 7)},
	})
	e.must(err)
	voice := query[uuid.UUID](e.testServer, `select id from poll_voice where account_id = $1`, e.people["Frieda"].ID)
	a, err := e.Conferences.Polled(ctx, e.people["Frieda"], voice)
	e.must(err)
	e.must(e.Conferences.AnswerPoll(ctx, e.people["Frieda"], voice, conference.Ballot{
		Votes: map[uuid.UUID]poll.Vote{a.Choices[0].ID: poll.IfNeedBe}, Note: "Ungern, weil ebereschig.",
	}))
}

// everywhere is every address that can be got, as the table of routes says, for this case.
func (e *estate) everywhere() []string {
	e.t.Helper()
	router := echo.New()
	(&server{Parts: e.Parts}).routes(router)
	ids := map[string][]string{"/cases/:id": {e.caseID.String()}}
	for under, sql := range map[string]string{
		"/requests/:id": `select id::text from conference_request`, "/outbox/:id": `select id::text from message_out`,
	} {
		rows, err := e.db.Query(e.t.Context(), sql)
		e.must(err)
		for rows.Next() {
			var id string
			e.must(rows.Scan(&id))
			ids[under] = append(ids[under], id)
		}
		e.must(rows.Err())
	}
	var all []string
	for _, r := range router.Routes() {
		if r.Method != http.MethodGet || strings.HasPrefix(r.Path, "/assets") || strings.HasSuffix(r.Path, "/live") {
			continue
		}
		all = append(all, e.addresses(r.Path, ids)...)
	}
	for _, word := range traces {
		all = append(all, "/search?q="+word[:7]) // the page repeats what was asked for
	}
	all = append(all, "/conferences/"+e.first+"/notes?seq=1", "/cases?q=Geheimniss")
	slices.Sort(all)
	return slices.Compact(all)
}

// addresses are those that a route has for this case.
func (e *estate) addresses(route string, ids map[string][]string) (all []string) {
	switch {
	case strings.Contains(route, ":code"):
		for _, code := range []string{e.first, e.second} {
			all = append(all, strings.Replace(route, ":code", code, 1))
		}
	case strings.Contains(route, ":token"):
		for _, link := range e.links {
			before, after, _ := strings.Cut(route, ":token")
			if strings.HasPrefix(link, before) {
				all = append(all, link+after)
			}
		}
	case strings.Contains(route, ":day"):
		all = append(all, strings.Replace(route, ":day", e.Now().Format(time.DateOnly), 1))
	case strings.Contains(route, ":id"):
		before, after, _ := strings.Cut(route, ":id")
		of := ids[before+":id"]
		if of == nil {
			of = []string{e.caseID.String()}
		}
		for _, id := range of {
			all = append(all, before+id+after)
		}
	default:
		return []string{route}
	}
	// A further parameter of the same route: whatever belongs to the case.
	for i := range all {
		if before, after, more := strings.Cut(all[i], "/:"); more {
			_, after, _ = strings.Cut(after, "/")
			id := e.caseID.String()
			if strings.HasSuffix(before, "/pass") {
				id = e.passed
			}
			all[i] = strings.TrimSuffix(before+"/"+id+"/"+after, "/")
		}
	}
	return all
}

// walk lets people get every address, and says where each trace was read.
func (e *estate) walk(people ...string) map[string][]string {
	e.t.Helper()
	found := map[string][]string{}
	for _, name := range people {
		b := e.visitor()
		if name != "" {
			b = e.as(name)
		}
		for _, path := range e.everywhere() {
			a := b.get(path)
			if a.Status >= http.StatusInternalServerError {
				e.t.Errorf("%q at %s: %d", name, path, a.Status)
			}
			for _, word := range traces {
				if a.Has(word) || strings.Contains(a.Header.Get("Content-Disposition"), word) {
					found[word] = append(found[word], name+" at "+path)
				}
			}
		}
	}
	return found
}

// ending is what came over a socket until it closed, and why it did.
type ending struct {
	frames, why string
	broke       error // closed without a word
}

// follow reads a socket until it closes. It reads beside the test, or the server would take a page that answers no ping for gone.
func follow(ws *websocket.Conn) <-chan ending {
	over := make(chan ending, 1)
	go func() {
		var all strings.Builder
		var closed *websocket.CloseError
		err := ws.SetReadDeadline(time.Now().Add(5 * time.Minute))
		for err == nil {
			var frame []byte
			_, frame, err = ws.ReadMessage()
			all.Write(frame)
		}
		if asClose(err, &closed) {
			over <- ending{frames: all.String(), why: closed.Text}
			return
		}
		over <- ending{frames: all.String(), broke: err}
	}()
	return over
}

// listen reads frames until the socket closes: what came in them, and why it closed.
func listen(t *testing.T, ws *websocket.Conn) (frames string, why string) {
	t.Helper()
	e := <-follow(ws)
	if e.broke != nil {
		t.Fatalf("the socket broke without a word: %v", e.broke)
	}
	return e.frames, e.why
}

func asClose(err error, closed **websocket.CloseError) bool {
	c, ok := err.(*websocket.CloseError)
	*closed = c
	return ok
}

// TestAfterAWithdrawalNoWordOfTheCaseIsLeft: every text of a case has a word of its own. Before, each is read by somebody; then the
// client withdraws by her link, and nobody of either network gets one of them any more: on no page, in no file, by no search, in no
// frame, and in no mail at any time.
func TestAfterAWithdrawalNoWordOfTheCaseIsLeft(t *testing.T) {
	t.Parallel()
	e := newEstate(t)
	guest := e.knocks(e.visitor(), e.second, e.links[len(e.links)-2], "Gast espenzittrig")
	guest.hear("lobby.waiting")
	ewald := e.leads(e.as("Ewald"), e.second)
	clara := e.leads(e.as("Clara"), e.second)
	clara.hearWaiting(1)
	inside := map[string]<-chan ending{"Ewald": follow(ewald.ws), "Clara": follow(clara.ws), "the guest": follow(guest.ws)}
	var late struct{ Ticket string } // taken before, used after
	e.must(json.Unmarshal([]byte(e.as("Ewald").post("/conferences/"+e.second+"/ticket", nil).Body), &late))

	read := e.walk("Anna", "Ewald", "Clara", "")
	for _, word := range traces {
		if len(read[word]) == 0 && word != "espenzittrig" { // that one is heard, not read
			t.Errorf("%q is read nowhere before the withdrawal: the check says nothing about it", word)
		}
	}
	for _, word := range passedOn {
		for _, path := range []string{"/pass", "/pass/" + e.passed, "/pass/" + e.passed + "/file"} {
			if !slices.Contains(read[word], "Anna at /conferences/"+e.first+path) {
				t.Errorf("%q is not read at %s before the withdrawal", word, path)
			}
		}
	}
	e.unchanged("looking at the client's page", func() { e.visitor().get(e.client) })

	if a := e.visitor().post(e.client, typed("sure", "yes")); a.Status != http.StatusOK || !a.Has("Ihre Einwilligung ist widerrufen") || !a.Has("Dr. Ewald Psych") {
		t.Fatalf("the client withdraws: %d", a.Status)
	}
	for name, over := range inside {
		if e := <-over; e.why != "withdrawn" {
			t.Errorf("the socket of %s closed with %q, %v", name, e.why, e.broke)
		}
	}
	if ws, answer, err := websocket.DefaultDialer.DialContext(t.Context(),
		strings.Replace(e.URL, "http", "ws", 1)+"/conferences/"+e.second+"/live?ticket="+late.Ticket, http.Header{"Origin": {e.URL}}); err == nil {
		frames, why := listen(t, ws)
		for _, word := range traces {
			if strings.Contains(frames, word) {
				t.Errorf("a ticket from before hears %q until %q", word, why)
			}
		}
	} else if answer != nil && answer.StatusCode < 400 {
		t.Errorf("a ticket from before: %v", err)
	}
	for word, where := range e.walk("Anna", "Bernd", "Doris", "Clara", "Ewald", "Frieda", "Gustav", "Quirin", "Rosa", "Theo", "") {
		t.Errorf("%q is read after the withdrawal: %v", word, where)
	}
	for _, word := range traces {
		if n := query[int](e.testServer, `select count(*)::int from message_out m where m::text like '%' || $1 || '%'`, word); n > 0 {
			t.Errorf("%q is in %d mails", word, n)
		}
		if n := query[int](e.testServer, `select count(*)::int from audit.entry m where m::text like '%' || $1 || '%'`, word); n > 0 {
			t.Errorf("%q is in %d entries of the record", word, n)
		}
	}
	if n := query[int](e.testServer, `select count(*)::int from message_out where kind = 'cancel'`); n == 0 {
		t.Log("nobody was reached by an invitation yet, so nobody needs a cancellation")
	}
}
