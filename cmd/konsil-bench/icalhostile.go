package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/konsil-server/konsil/conference/ical"
	"github.com/konsil-server/konsil/expertpool/mail"
)

// hostileInput makes an input of about a size that is meant to be dear, and reads it the way it would come in.
type hostileInput struct {
	kind string
	make func(size int) []byte
	read func(raw []byte) (rule string)
}

// hostileInputs are the worst we know for calendar objects and for the mails that bring them: what unguarded readers take minutes,
// gigabytes or their whole stack for.
func hostileInputs() []hostileInput {
	var all []hostileInput
	for kind, part := range map[string]string{
		"parameters of 250":       "ATTENDEE;CN=" + strings.Repeat("a", 250) + ";ROLE=" + strings.Repeat("a", 250) + ":\r\n",
		"parameters of 4k":        "ATTENDEE;CN=" + strings.Repeat("a", 4000) + ":\r\n",
		"parameters of 64k":       "ATTENDEE;CN=" + strings.Repeat("a", 64_000) + ":\r\n",
		"quoted parameters":       "ATTENDEE;CN=\"" + strings.Repeat(";", 200) + "\":\r\n",
		"many values of one":      "ATTENDEE;MEMBER=" + strings.Repeat("\"a\",", 15_000) + "\"a\":mailto:a@b.example\r\n",
		"dropped parameters":      "ATTENDEE" + strings.Repeat(";X-A=b", 10_000) + ":\r\n",
		"short lines":             "X:\r\n",
		"wanted lines":            "COMMENT:\r\n",
		"bad lines":               "\x00\r\n",
		"lines of 64k":            "DESCRIPTION:" + strings.Repeat("ä", 32_000) + "\r\n",
		"escapes":                 "DESCRIPTION:" + strings.Repeat(`\n`, 30_000) + "\r\n",
		"control characters":      "DESCRIPTION:" + strings.Repeat("\x01", 60_000) + "\r\n",
		"no UTF-8":                "DESCRIPTION:" + strings.Repeat("\xff", 60_000) + "\r\n",
		"folded to pieces":        "x\r\n ",
		"continuations":           "\r\n ",
		"components":              "BEGIN:VALARM\r\nEND:VALARM\r\n",
		"attendees":               "ATTENDEE;CN=a;PARTSTAT=ACCEPTED:mailto:a@b.example\r\n",
		"dates in unknown zones":  "DTSTART;TZID=/x/y/z/Mars/Olympus:20270101T000000\r\n",
		"durations without limit": "DURATION:P" + strings.Repeat("9W", 30_000) + "\r\n",
	} {
		all = append(all, hostileInput{kind, func(size int) []byte { return wrapped("", strings.Repeat(part, size/len(part)+1)) }, readHostile})
	}
	return append(all,
		hostileInput{"nesting", func(size int) []byte { return []byte(strings.Repeat("BEGIN:VCALENDAR\r\n", size/17)) }, readHostile},
		hostileInput{"one line", func(size int) []byte { return []byte("BEGIN:VCALENDAR\r\nX" + strings.Repeat("a", size)) }, readHostile},
		hostileInput{"zones", manyZones, readHostile},
		hostileInput{"onset lists", manyOnsets, readHostile},
		hostileInput{"calendars", func(size int) []byte { return bytes.Repeat(wrapped("", ""), size/80) }, readHostile},
		hostileInput{"mail: nested", cut(nestedMail), readHostileMail},
		hostileInput{"mail: parts", cut(func(size int) []byte {
			return mixed(strings.Repeat("--b\r\nContent-Type: text/plain\r\n\r\nx\r\n", size/38))
		}), readHostileMail},
		hostileInput{"mail: header", cut(func(size int) []byte {
			return []byte(strings.Repeat("X-A: b\r\n", size/8) + "\r\n")
		}), readHostileMail},
		hostileInput{"mail: references", cut(func(size int) []byte {
			return []byte("References: " + strings.Repeat("<a@b>\r\n ", min(size, 60_000)/8) + "\r\n\r\n" + strings.Repeat("x", size))
		}), readHostileMail},
		hostileInput{"mail: recipients", cut(func(size int) []byte {
			return []byte("From: " + strings.Repeat("a@b.example,\r\n ", min(size, 60_000)/15) + "a@b\r\n\r\n" + strings.Repeat("x", size))
		}), readHostileMail},
		hostileInput{"mail: text", cut(func(size int) []byte {
			return []byte("Content-Type: text/plain; charset=utf-16\r\n\r\n" + strings.Repeat("\u202e\x00", size/4))
		}), readHostileMail},
		hostileInput{"mail: encoded", cut(func(size int) []byte {
			inner := bytes.Repeat([]byte("BEGIN:VCALENDAR\r\n"), size/23)
			return []byte("Content-Type: text/calendar\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.StdEncoding.EncodeToString(inner))
		}), readHostileMail},
		hostileInput{"mail: report", cut(func(size int) []byte {
			return mixed("--b\r\nContent-Type: message/delivery-status\r\n\r\n" + strings.Repeat("A: b\r\n\r\n", size/8) + "--b--\r\n")
		}), readHostileMail},
	)
}

func wrapped(definitions, lines string) []byte {
	return []byte("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n" + definitions + "BEGIN:VEVENT\r\nUID:u\r\n" + lines + "END:VEVENT\r\nEND:VCALENDAR\r\n")
}

func mixed(parts string) []byte {
	return []byte("From: a@b.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + parts)
}

func manyZones(size int) []byte {
	const zone = "BEGIN:VTIMEZONE\r\nTZID:z%d\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0100\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"
	var b strings.Builder
	for i := range size / len(zone) {
		fmt.Fprintf(&b, zone, i)
	}
	return wrapped(b.String(), "DTSTART;TZID=z1:20270101T000000\r\n")
}

func manyOnsets(size int) []byte {
	line := "RDATE:" + strings.Repeat("20270101T000000,", 3_000) + "20270101T000000\r\n"
	return wrapped("BEGIN:VTIMEZONE\r\nTZID:z\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0100\r\n"+
		strings.Repeat(line, size/len(line)+1)+"END:STANDARD\r\nEND:VTIMEZONE\r\n", "DTSTART;TZID=z:20270101T000000\r\n")
}

func nestedMail(size int) []byte {
	var b bytes.Buffer
	b.WriteString("From: a@b.example\r\nContent-Type: multipart/mixed; boundary=b0\r\n\r\n")
	for i := 1; b.Len() < size; i++ {
		fmt.Fprintf(&b, "--b%d\r\nContent-Type: multipart/mixed; boundary=b%d\r\n\r\n", i-1, i)
	}
	return b.Bytes()
}

// cut is a mail of at most size: a longer one is not looked into.
func cut(make func(int) []byte) func(int) []byte {
	return func(size int) []byte {
		raw := make(size)
		return raw[:min(len(raw), size)]
	}
}

func readHostile(raw []byte) string {
	if _, err := ical.Parse(raw); err != nil {
		return err.Error()
	}
	return ""
}

// readHostileMail reads a mail as the inbox does, and the calendar object that it brings.
func readHostileMail(raw []byte) string {
	in := mail.Read(raw, "termine@konsil.example")
	if in.Calendar != nil && in.Unreadable == "" {
		return readHostile(in.Calendar)
	}
	return in.Unreadable
}
