// Package mail sends what konsil has to say to people outside: invitations, their changes, reminders, sign-in links.
//
// It owns the table message_out, the form of a mail (one recipient, the MIME tree calendars expect, our own
// Message-ID) and its way out. Enqueue renders a mail and writes it in the caller's transaction: if that rolls back,
// nothing was ever queued; once it is committed, the mail leaves, survives a crash and is repeated byte by byte.
// Messages of one thread leave in the order they were queued, one at a time, whichever node sends them.
//
// The package refuses mails to several people, addresses and headers with anything hidden in them, and calendar
// parts whose method does not match the object. It does not know what an invitation is and does not look at rights.
// No address, name or text of a mail enters a job's arguments, an error or a log: errors name a step and a code.
//
// Locks. Two advisory locks per thread, both derived from its name: the one taken by Enqueue until the caller's
// transaction ends makes positions of a thread follow the order of commits; the one held by a delivery on its own
// connection keeps a thread to one sender and ends with that connection. Neither is ever taken under the other. A mail that
// opens its thread needs none of the first kind: nobody else has heard of the thread before its transaction has ended.
package mail
