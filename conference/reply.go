package conference

import (
	"slices"
	"strings"
	"time"

	"github.com/konsil-server/konsil/conference/ical"
)

// What calendars send back, and what follows from it. RFC 5546 §3.2.3 (REPLY), §3.2.7 (COUNTER), §3.2.6 (REFRESH).

// reply is what one mail says about one invitation.
type reply struct {
	method         string // REPLY, COUNTER or REFRESH
	answer         Answer // of a REPLY
	start, end     time.Time
	comment        string
	sequence       int
	stamp          time.Time
	kept           string // rule why a person has to look instead; empty: it can be followed
	ignored        string // rule why nothing follows from it
	raisedSequence bool   // some clients count up as attendees; what they say holds all the same
}

// maxAhead is how far the clock of a calendar may be ahead of ours.
const maxAhead = 24 * time.Hour

// givenAt is when an answer was given, by its own stamp. Without one it counts from when it is read; and so does one from a clock that is far
// ahead, which would make everything said later look older.
func givenAt(stamp, now time.Time) time.Time {
	if stamp.IsZero() || stamp.After(now.Add(maxAhead)) {
		return now.Truncate(time.Second)
	}
	return stamp
}

// readReply says what follows from a calendar object for an invitation as it stands. last is the stamp of the newest answer for the same
// sequence number, however it came.
func readReply(o *ical.Object, sequence int, last time.Time) reply {
	r := reply{method: o.Method, sequence: o.Sequence, stamp: o.Stamp, comment: comment(o.Comment), raisedSequence: o.Sequence > sequence}
	switch {
	case !slices.Contains([]string{"REPLY", "COUNTER", "REFRESH"}, o.Method):
		r.ignored = "method"
	case len(o.Attendees) > 1 || len(o.Attendees) == 1 && o.Attendees[0].Delegated:
		r.kept = "delegated" // nobody takes a seat because somebody else says so
	case o.Sequence < sequence:
		r.kept = "stale"
	case !last.IsZero() && o.Stamp.Before(last):
		r.ignored = "older"
	}
	if r.kept != "" || r.ignored != "" {
		return r
	}
	switch o.Method {
	case "REPLY":
		r.answer = partstats[partstat(o)]
		if r.answer == "" {
			r.kept = "no_answer"
		}
	case "COUNTER":
		r.start, r.end = o.Start, o.End
		if o.AllDay || r.start.IsZero() || !r.end.After(r.start) {
			r.kept = "no_date"
		}
	}
	return r
}

var partstats = map[string]Answer{"ACCEPTED": Accepted, "TENTATIVE": Tentative, "DECLINED": Declined}

func partstat(o *ical.Object) string {
	if len(o.Attendees) == 0 {
		return ""
	}
	return o.Attendees[0].Partstat
}

// comment fits what somebody wrote beside an answer into its field.
func comment(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > 300 {
		s = string(r[:299]) + "…"
	}
	return s
}
