package ical

import (
	"bytes"
	"errors"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// FuzzParse holds the guard to its promise: no panic, no error but an InvalidError, and only clean values.
func FuzzParse(f *testing.F) {
	for _, raw := range faults() {
		if len(raw) < 5_000 {
			f.Add(raw)
		}
	}
	f.Add(must2(f)(Request(sample(f))))
	f.Add(must2(f)(Cancel(sample(f))))
	f.Fuzz(func(t *testing.T, raw []byte) {
		o, err := Parse(raw)
		var invalid *InvalidError
		if err != nil {
			if !errors.As(err, &invalid) {
				t.Fatalf("error %v", err)
			}
			return
		}
		for _, s := range []string{o.Method, o.UID, o.Summary, o.Description, o.Zone, o.Organizer.Name} {
			if !utf8.ValidString(s) || bytes.ContainsAny([]byte(s), "\r\x00") {
				t.Errorf("unclean value %q", s)
			}
		}
	})
}

// FuzzRequest feeds every text of an event: what comes out is well-formed and says what went in, or an error.
func FuzzRequest(f *testing.F) {
	f.Add("Fallkonferenz", "Text", "Ort", "Name", "a@b.example", int64(1_800_000_000), "Europe/Berlin")
	f.Add("a\r\nATTENDEE:mailto:x@y", "\\n;,\x00", "\u2028\u0085", `"a"^n;:,`, "a%b@c.example", int64(1_761_438_600), "Africa/Casablanca")
	f.Fuzz(func(t *testing.T, summary, description, location, name, email string, at int64, zone string) {
		e := sample(t)
		e.Summary, e.Description, e.Location, e.Attendee = summary, description, location, Address{name, email}
		e.Start, e.Zone = time.Unix(at, 0), zone
		e.End = e.Start.Add(45 * time.Minute)
		for _, render := range []func(Event) ([]byte, error){Request, Cancel} {
			raw, err := render(e)
			var invalid *InvalidError
			if err != nil {
				if !errors.As(err, &invalid) {
					t.Fatalf("error %v", err)
				}
				continue
			}
			checkForm(t, raw)
			if o := parsed(t, raw); !o.Start.Equal(e.Start) || len(o.Attendees) != 1 || o.Attendees[0].Email != email {
				t.Errorf("reads back as %+v", o)
			}
		}
		raw, err := DeclineCounter(e, description)
		var invalid *InvalidError
		if err != nil && !errors.As(err, &invalid) {
			t.Fatalf("error %v", err)
		}
		if err == nil {
			checkForm(t, raw)
		}
	})
}

func TestAnyTextsGiveWellFormedLines(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		e := sample(t)
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-z"^;:,\\\r\n\x00äß€😀]{0,300}`))
		e.Summary = "K" + cut(cleanText(text.Draw(rt, "summary")), 200)
		e.Description = cut(cleanText(text.Draw(rt, "description")), 2000)
		e.Location = cut(cleanText(text.Draw(rt, "location")), 500)
		e.Attendee.Name, e.Organizer.Name = text.Draw(rt, "attendee"), text.Draw(rt, "organizer")
		raw, err := Request(e)
		if err != nil {
			rt.Fatal(err)
		}
		checkForm(t, raw)
	})
}

func BenchmarkRequest(b *testing.B) {
	e := sample(b)
	for b.Loop() {
		if _, err := Request(e); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseOrdinaryFile(b *testing.B) {
	one := must2(b)(Request(sample(b)))
	from, to := bytes.Index(one, []byte("BEGIN:VEVENT")), bytes.Index(one, []byte("END:VCALENDAR"))
	raw := append([]byte{}, one[:to]...)
	for len(raw) < 1<<20 {
		raw = append(raw, one[from:to]...)
	}
	raw = append(raw, one[to:]...)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(raw); err != nil {
			b.Fatal(err)
		}
	}
}
