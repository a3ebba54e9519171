package conference

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/expertpool/account"
)

// Term says how long data of a class is kept, and from when on.
//
// konsil is not the file of record: what was agreed goes to the organisation's own file, and what is here is deleted early and
// provably (GDPR Art. 5(1)(e), 17; SGB X section 84).
type Term struct {
	Class   string
	Default int // days
	Least   int // days below which nobody may go
	Days    int // that hold for the organisation
	Reason  string
	SetBy   string
	SetAt   *time.Time // nil: nobody has changed it
}

// Longer says that an organisation keeps data longer than the program would.
func (t Term) Longer() bool { return t.Days > t.Default }

// terms are the program's own, in the order in which they are shown:
//
//	room      who did what in a room: from the end of the conference, once its minutes are approved
//	mail      mails that were sent
//	draft     versions of a summary that nobody released: from the day they were written
//	plan      measures and minutes: from the day the last measure was due
//	case      everything of a case: from the end of its last conference, or the day it was made
//	left      the same, from the day the client left the project; the earlier of the two counts
//	topic     everything of a conference without a case: as plan, else from its end; questions without one that came to nothing
//	consent   the proof that there was one: from the day it ended
//	audit     the record of who did what: from the day of the deed, a year at least, since it is kept against those who could shorten it
//
// A withdrawn consent has its own day, which the receipt names and nobody moves.
func terms() []Term {
	list := []Term{
		{Class: "room", Default: 7}, {Class: "mail", Default: 90}, {Class: "draft", Default: 30}, {Class: "plan", Default: 183},
		{Class: "case", Default: 365}, {Class: "left", Default: 90}, {Class: "topic", Default: 183}, {Class: "consent", Default: 3 * 365},
		{Class: "audit", Default: 3 * 365, Least: 365},
	}
	for i := range list {
		list[i].Days = list[i].Default
	}
	return list
}

// checkTerm holds a change of a term to the rules: a class there is, its least and at most ten years, and a reason for longer.
func checkTerm(class string, days int, reason *string) error {
	set := terms()
	i := slices.IndexFunc(set, func(t Term) bool { return t.Class == class })
	switch {
	case i < 0:
		return &account.InvalidError{Field: "class", Rule: "unknown"}
	case days < 0 || days > 3650:
		return &account.InvalidError{Field: "days", Rule: "range"}
	case days < set[i].Least:
		return &account.InvalidError{Field: "days", Rule: "least"}
	}
	return account.CheckText("reason", reason, 300, days > set[i].Default)
}

// Due is a case that a sweep will delete, and when.
type Due struct {
	CaseID    uuid.UUID
	Pseudonym string
	Class     string // case, left or withdrawn
	On        time.Time
	Held      *time.Time // nothing is deleted before that day
}

// Deleted is a line of the protocol: how many of which class the sweep has deleted.
type Deleted struct {
	Class string
	Count int
	At    time.Time
}

// Hold keeps a case from being deleted while an objection or a court case is open.
type Hold struct {
	Reason, SetBy string
	Until         time.Time // a date: the last day
	SetAt         time.Time
}

// dataClass tells for every table that holds data of clients by which term its rows go. A table that is missing here fails a test.
func dataClass() map[string]string {
	return map[string]string{
		"case_summary": "draft", "conference_request": "case", "conference": "case", "seat": "case", "invitation": "case", "response": "case",
		"information_request": "case", "conference_guest": "case", "room_deed": "room", "note": "case", "note_client": "case", "note_update": "case",
		"note_snapshot": "case", "note_section": "case", "note_redaction": "case", "note_addendum": "case", "attachment": "case",
		"attachment_chunk": "case", "icf_observation": "case", "case_score": "case", "capacity_rating": "case", "work_capacity": "case",
		"case_phase": "case", "case_traits": "case", "guard_override": "case", "legal_hold": "case", "client_link": "case", "reveal_request": "case",
		"plan_pass": "case", "proposal": "case", "part_question": "case", "stand_in_race": "case", "stand_in_offer": "case",
		"poll": "case", "poll_seat": "case", "poll_option": "case", "poll_voice": "case", "poll_vote": "case",
		"opinion_round": "case", "opinion": "case", "opinion_version": "case", "opinion_part": "case", "opinion_addendum": "case", "agenda_phase": "case",
		"minutes": "plan", "measure": "plan", "measure_event": "plan", "consent": "consent", "secrecy_release": "case", "case_file": "consent",
		"case_deletion": "consent", "message_out": "mail", "message_in": "mail",
	}
}

// held are rows of a table.
type held struct{ table, rows string }

// ofConferences are the tables of some conferences and of the requests that they came of, in the order in which their rows can be deleted.
// Both are given as a query for their ids.
func ofConferences(conferences, requests string) []held {
	conf := `conference_id in (` + conferences + `)`
	return []held{
		{"measure_event", `measure_id in (select id from measure where ` + conf + `)`}, {"measure", conf},
		{"plan_pass", conf}, {"minutes", conf}, {"room_deed", conf}, {"conference_guest", conf}, {"note_addendum", conf},
		{"information_request", conf + ` or request_id in (` + requests + `)`},
		{"agenda_phase", conf},
		{"opinion", conf}, {"opinion_round", conf}, // and with them what was sent and added
		{"note", conf}, // and with it its log, snapshots, sections and redactions
		{"response", `invitation_id in (select id from invitation where ` + conf + `)`},
		{"proposal", `invitation_id in (select id from invitation where ` + conf + `)`},
		{"message_in", `thread in (select id::text from invitation where ` + conf + `)`}, {"invitation", conf}, {"seat", conf},
		{"link", `subject_id in (select v.id from poll_voice v join poll p on p.id = v.poll_id where p.request_id in (` + requests + `))`},
		{"message_out", `thread in (select v.id::text from poll_voice v join poll p on p.id = v.poll_id where p.request_id in (` + requests + `)
			union all select id::text from poll where request_id in (` + requests + `))`},
		{"poll", `request_id in (` + requests + `)`}, // and with it its dates, voices and votes
		{"stand_in_race", conf},                      // and with it its offers
		{"conference", `id in (` + conferences + `)`}, {"part_question", `request_id in (` + requests + `)`},
		{"conference_request", `id in (` + requests + `)`},
	}
}

// ofCase are the tables of a case in the order in which their rows can be deleted, each with its rows.
func ofCase() []held {
	return append(ofConferences(`select id from conference where case_id = $1`, `select id from conference_request where case_id = $1`), []held{
		{"attachment", `case_id = $1`}, {"case_summary", `case_id = $1`},
		{"icf_observation", `case_id = $1`}, {"case_score", `case_id = $1`}, {"capacity_rating", `case_id = $1`}, {"work_capacity", `case_id = $1`},
		{"case_phase", `case_id = $1`}, {"case_traits", `case_id = $1`}, {"guard_override", `case_id = $1`}, {"legal_hold", `case_id = $1`},
		{"client_link", `case_id = $1`}, {"reveal_request", `case_id = $1`},
		{"secrecy_release", `consent_id in (select id from consent where case_id = $1)`},
	}...)
}
