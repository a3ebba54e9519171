// Package ical turns invitations into calendar objects and calendar objects into plain values.
//
// It owns the wire form: which properties an invitation carries, time zone definitions, folding, escaping, and the
// guard around go-ical. No type of that library leaves the package, and nothing reaches the library that the guard
// has not bounded and cleaned: it panics on some malformed lines, recurses without limit and reads parameters in
// quadratic time.
//
// Writing is strict (RFC 5545, 5546 and 6047): one VEVENT with one ATTENDEE per object, a VTIMEZONE made from
// Go's zone data, lines of at most 75 octets, and every object is read back and compared before it is returned.
// Reading is tolerant but bounded: a bad line is dropped and listed in Object.Notices, a bad structure is an error.
//
// The package refuses recurring dates, alarms, attachments, all-day and floating times on the way out, and never
// guesses a zone on the way in. It knows nothing about cases, seats or mail, and it does no I/O. Whoever fills
// Summary, Description and Location answers for their content: they travel to foreign calendars.
package ical
