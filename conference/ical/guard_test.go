package ical

import (
	"errors"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// faults are inputs that hurt go-ical when it reads them unguarded, by their number in the package's list of faults.
// They seed the fuzzers too.
func faults() map[string][]byte {
	long := strings.Repeat("x", 100_000)
	return map[string][]byte{
		"1 no colon":            event("", "DTSTART;VALUE=DATE"),
		"1 begin with param":    []byte("BEGIN:VCALENDAR\r\nBEGIN;A=B\r\nEND:VCALENDAR\r\n"),
		"1 text behind a quote": event("", `ATTENDEE;CN="a"b:mailto:a@b.example`),
		"1 end at once":         []byte("BEGIN:VCALENDAR"),
		"2 nesting":             []byte(strings.Repeat("BEGIN:VCALENDAR\r\n", 40_000)),
		"3 long parameter":      event("", "ATTENDEE;CN="+long[:60_000]+":mailto:a@b.example"),
		"3 long line":           event("", "ATTENDEE;CN="+long+":mailto:a@b.example"),
		"3 many parameters":     event("", strings.Repeat("ATTENDEE"+strings.Repeat(";CN="+long[:250], 200)+":mailto:a@b.example\r\n", 20)),
		"3 unquoted quote":      event("", `ATTENDEE;CN=a"b:mailto:a@b.example`),
		"3 too many parameters": event("", strings.Repeat("ATTENDEE;ROLE="+long[:250]+";CN="+long[:250]+":mailto:a@b.example\r\n", 1000)),
		"4 many lines":          event("", strings.Repeat("COMMENT:\r\n", 100_000)),
		"4 many components":     []byte("BEGIN:VCALENDAR\r\n" + strings.Repeat("BEGIN:VALARM\r\nEND:VALARM\r\n", 30_000) + "END:VCALENDAR\r\n"),
		"7 control characters":  event("", "SUMMARY:a\x00b\x07c\x7fd", "LOCATION:tab\there"),
		"9 local zone":          event("", "DTSTART;TZID=Local:20270101T000000"),
		"11 escapes":            event("", `SUMMARY:50\% \: a\,b\;c, d\\n\n\`),
		"11 lower case":         event("", "dtstart;value=date:20270101", "BAD LINE", "status:confirmed"),
		"11 mark and blanks":    []byte("\xEF\xBB\xBF" + strings.ReplaceAll(string(event("", "SUMMARY:a")), "\r\n", " \t\r\n")),
		"11 not UTF-8":          event("", "SUMMARY:Gro\xdf"),
		"12 durations":          event("", "DTSTART:20270101T000000Z", "DURATION:P99999999999999W"),
		"14 two calendars":      append([]byte("BEGIN:VCALENDAR\r\nMETHOD:PUBLISH\r\nEND:VCALENDAR\r\n"), event("METHOD:REPLY\r\n", "SUMMARY:a")...),
		"14 crossed":            []byte("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nEND:VCALENDAR\r\nEND:VEVENT\r\n"),
	}
}

func TestFaultsAreStoppedOrRepaired(t *testing.T) {
	t.Parallel()
	inputs := faults()
	for name, want := range map[string]struct {
		rule   string // of the error; "" if the object is read
		check  func(*Object) bool
		notice string
	}{
		"1 no colon":            {notice: "DTSTART", check: func(o *Object) bool { return o.UID == "u" && o.Start.IsZero() }},
		"1 begin with param":    {rule: "malformed"},
		"1 text behind a quote": {notice: "ATTENDEE", check: func(o *Object) bool { return len(o.Attendees) == 0 }},
		"1 end at once":         {rule: "unclosed"},
		"2 nesting":             {rule: "too-deep"},
		"3 long parameter": {notice: "ATTENDEE", check: func(o *Object) bool {
			return o.Attendees[0] == Attendee{Address{"", "a@b.example"}, "NEEDS-ACTION", "", false, false}
		}},
		"3 long line":           {rule: "too-long"},
		"3 many parameters":     {check: func(o *Object) bool { return len(o.Attendees) == 20 && len(o.Attendees[0].Name) == 250 }},
		"3 too many parameters": {rule: "too-many-parameters"},
		"3 unquoted quote":      {notice: "ATTENDEE", check: func(o *Object) bool { return len(o.Attendees) == 0 }},
		"4 many lines":          {rule: "too-many-lines"},
		"4 many components":     {rule: "too-many-components"},
		"7 control characters":  {check: func(o *Object) bool { return o.Summary == "abcd" && o.Location == "tab here" }},
		"9 local zone":          {notice: "DTSTART", check: func(o *Object) bool { return o.Start.IsZero() }},
		"11 escapes":            {check: func(o *Object) bool { return o.Summary == "50% : a,b;c, d\\n\n\\" }},
		"11 lower case": {notice: "line", check: func(o *Object) bool {
			return o.AllDay && o.Start.Equal(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)) && o.Status == "CONFIRMED"
		}},
		"11 mark and blanks": {check: func(o *Object) bool { return o.Summary == "a" }},
		"11 not UTF-8":       {check: func(o *Object) bool { return o.Summary == "Gro\uFFFD" }},
		"12 durations":       {notice: "DURATION", check: func(o *Object) bool { return o.End.IsZero() }},
		"14 two calendars":   {check: func(o *Object) bool { return o.Method == "REPLY" && o.Summary == "a" }},
		"14 crossed":         {rule: "unexpected"},
	} {
		raw, listed := inputs[name]
		delete(inputs, name)
		o, err := Parse(raw)
		var invalid *InvalidError
		switch {
		case !listed:
			t.Errorf("%s is no fault of the list", name)
		case want.rule != "":
			if !errors.As(err, &invalid) || invalid.Rule != want.rule {
				t.Errorf("%s: error %v, want %s", name, err, want.rule)
			}
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case !want.check(o):
			t.Errorf("%s: read as %+v", name, o)
		case want.notice == "" && len(o.Notices) > 0 || want.notice != "" && (len(o.Notices) == 0 || o.Notices[0].Field != want.notice):
			t.Errorf("%s: notices %v, want %q", name, o.Notices, want.notice)
		}
	}
	for name := range inputs {
		t.Errorf("%s has no expectation", name)
	}
}

// TestHostileInputCostsLinearTimeAndLittleMemory compares each input with its own quarter: sixteen times the work
// would be quadratic. It counts this process's processor time, which a busy machine stretches less than the clock.
func TestHostileInputCostsLinearTimeAndLittleMemory(t *testing.T) { // not parallel: it measures
	const maxAllocated = 32 << 20
	fill := func(part string) func(int) []byte {
		return func(size int) []byte { return event("", strings.Repeat(part, size/len(part))) }
	}
	onsets := func(size int) []byte {
		return event("BEGIN:VTIMEZONE\r\nTZID:z\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0100\r\n"+
			strings.Repeat("RDATE:"+strings.Repeat("20270101T000000,", 3_000)+"20270101T000000\r\n", size/48_000)+
			"END:STANDARD\r\nEND:VTIMEZONE\r\n", "DTSTART;TZID=z:20270101T000000")
	}
	for name, input := range map[string]func(int) []byte{
		"parameters of 250": fill("ATTENDEE;CN=" + strings.Repeat("a", 250) + ";ROLE=" + strings.Repeat("a", 250) + ":\r\n"),
		"parameters of 64k": fill("ATTENDEE;CN=" + strings.Repeat("a", 64_000) + ":\r\n"),
		"short lines":       fill("X:\r\n"),
		"bad lines":         fill("\x00\r\n"),
		"folded to pieces":  fill("x\r\n "),
		"continuations":     fill("\r\n "),
		"dropped params":    fill("ATTENDEE" + strings.Repeat(";X-A=b", 10_000) + ":\r\n"),
		"onset lists":       onsets,
	} {
		small, _ := cost(t, input(1<<18))
		large, allocated := cost(t, input(1<<20))
		t.Logf("%s: %v for 1 MiB, %v for a quarter, %d kB allocated", name, large, small, allocated>>10)
		if large > 12*small+20*time.Millisecond {
			t.Errorf("%s: %v for 1 MiB, but %v for a quarter", name, large, small)
		}
		if allocated > maxAllocated {
			t.Errorf("%s: %d kB allocated", name, allocated>>10)
		}
	}
	if _, err := Parse(make([]byte, MaxSize+1)); err == nil {
		t.Error("an object over the limit is read")
	}
}

// cost returns the processor time, the least of three runs, and the memory of reading an input.
func cost(t *testing.T, raw []byte) (least time.Duration, allocated uint64) {
	t.Helper()
	least = time.Hour
	for range 3 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := processorTime(t)
		_, _ = Parse(raw) // many of these are refused; here only the price counts
		least = min(least, processorTime(t)-start)
		runtime.ReadMemStats(&after)
		allocated = after.TotalAlloc - before.TotalAlloc
	}
	return least, allocated
}

func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func TestFirstEventCountsAndTheRestIsOnlyBounded(t *testing.T) {
	t.Parallel()
	raw := []byte("BEGIN:VCALENDAR\nMETHOD:PUBLISH\nBEGIN:VTODO\nUID:task\nEND:VTODO\n" +
		"BEGIN:VEVENT\nUID:one\nBEGIN:VALARM\nUID:alarm\nEND:VALARM\nSUMMARY:x\nEND:VEVENT\n" +
		"BEGIN:VEVENT\nUID:two\nEND:VEVENT\nEND:VCALENDAR\n" + strings.Repeat(string(event("")), 500))
	if o := parsed(t, raw); o.UID != "one" || o.Summary != "x" || o.Events != 502 || o.Kind != "VEVENT" || o.Method != "PUBLISH" {
		t.Errorf("read as %+v", o)
	}
	if o := parsed(t, []byte("BEGIN:VCALENDAR\nEND:VCALENDAR\n")); o.Kind != "" || o.Events != 0 {
		t.Errorf("an empty calendar is %+v", o)
	}
}

func TestAnswersOfCommonProgramsAreUnderstood(t *testing.T) {
	t.Parallel()
	raw := event("METHOD:REPLY\r\n", "SEQUENCE:2", "DTSTAMP:20270301T100000Z",
		"DTSTART;TZID=Europe/Berlin:20270330T173000", "DURATION:PT45M",
		`ATTENDEE;CN="Gro^'ß, A";PARTSTAT=accepted;X-RESPONSE-COMMENT="ja":MAILTO:a%2Bb@praxis.example`,
		"ATTENDEE;EMAIL=c@praxis.example:urn:uuid:1", "COMMENT:Gern\\, bis dann", "SEQUENCE:3")
	o := parsed(t, raw)
	want := []Attendee{{Address{`Gro"ß, A`, "a+b@praxis.example"}, "ACCEPTED", "", false, false}, {Address{"", "c@praxis.example"}, "NEEDS-ACTION", "", false, false}}
	if len(o.Attendees) != 2 || o.Attendees[0] != want[0] || o.Attendees[1] != want[1] {
		t.Errorf("attendees %+v", o.Attendees)
	}
	if o.Sequence != 2 || o.Comment != "Gern, bis dann" || o.End.Sub(o.Start) != 45*time.Minute || o.Method != "REPLY" {
		t.Errorf("read as %+v", o)
	}
}

// TestWhoHandsAPlaceOnIsSeen: RFC 5546 §4.2.5. One ATTENDEE is enough to say so, in either direction.
func TestWhoHandsAPlaceOnIsSeen(t *testing.T) {
	t.Parallel()
	for params, want := range map[string]bool{
		`;PARTSTAT=DELEGATED;DELEGATED-TO="mailto:b@praxis.example"`:  true,
		`;PARTSTAT=ACCEPTED;delegated-from="mailto:b@praxis.example"`: true,
		";PARTSTAT=ACCEPTED": false,
	} {
		o := parsed(t, event("METHOD:REPLY\r\n", "ATTENDEE"+params+":mailto:a@praxis.example"))
		if len(o.Attendees) != 1 || o.Attendees[0].Delegated != want {
			t.Errorf("%s: %+v", params, o.Attendees)
		}
	}
}

func TestDurationsHaveARange(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]int{"PT45M": 2700, "P1DT1H": 90000, "P2W": 14 * 86400, "+PT1S": 1,
		"": -1, "P": -1, "PT": -1, "PTM": -1, "P1H": -1, "PT1D": -1, "-PT1H": -1, "P99999W": -1, "P1": -1, "PT999999999999S": -1} {
		got, ok := parseDuration(s)
		if ok != (want >= 0) || ok && got != want {
			t.Errorf("%q is %d, %v", s, got, ok)
		}
	}
}
