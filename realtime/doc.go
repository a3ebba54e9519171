// Package realtime is everything live of one conference: sockets, presence,
// the shared note and the signalling of the video room.
//
// It owns no table and no durable fact. It can be killed at any moment and
// restarted: an edit is acknowledged, and shown to anybody else, only after
// [Notes].Append has returned, and every right is looked up through [Gate].
// It refuses to decide who may do what, to know what a note is about, and to
// touch media: frames of picture and sound pass through realtime/sfu only.
// protocol.md beside this file is the wire protocol.
//
// # Goroutines and their owners
//
//   - Hub.Run owns the committer and waits for it and for every conference.
//   - Per conference that somebody is in: the conference's own goroutine
//     (conference.run), which owns document, presence, people and timers and
//     does no I/O after loading; its clerk, which does the slow things in the
//     order they were asked for (attendance, section texts, snapshots); its
//     doorkeeper, which asks the Gate once a second. The conference's
//     goroutine starts the other two and waits for them.
//   - Per socket: the reader, which Hub.Serve starts after the upgrade and
//     Hub.Run waits for, and the writer, which the reader starts and waits for.
//     The request's goroutine ends with the upgrade. Only the writer writes
//     (the library adds a close frame of its own after a protocol error, in
//     one write, when nothing else follows anyway). The reader parses, decodes
//     and signals to the socket's sfu.Peer, or, where two people are connected
//     straight, through the conference to the other of them (pair.go). The
//     conference joins the peer to the room when the room's rules let the socket in (roomstate.go: pure),
//     and the reader closes it before it says that it has left: only then do
//     the list of people and the epoch of the keys change.
//   - One goroutine for all notes, the committer, drains the ticks of every
//     conference into one Notes.Append.
//
// # How they talk
//
// Readers hand frames to their conference through a bounded channel and wait
// when it is full, so a flood slows its own sender down and nobody else.
// Everything else (commands of the hub, results of committer, clerk and
// doorkeeper, events of the room) is posted to the conference's mailbox, which
// never blocks the poster. The conference never waits for anybody while it
// lives: it posts to committer and clerk, and puts frames into outboxes. An
// outbox is bounded; a socket that lets it fill is closed and comes back.
//
// # An edit
//
// A frame is decoded by the reader and checked and integrated by the
// conference. Integrated frames gather in the pending tick. As soon as no tick
// of this note is under way, and at least commitEvery after the last one was
// handed over, the pending tick is encoded by our own encoder (one row per
// author, one frame for everybody) and handed to the committer. When it is
// committed its authors get their acknowledgements, and its frame joins those
// that go out together deliverEvery after the first of them was typed. Memory is therefore ahead of the
// log by the pending tick and the one under way; whatever shows document
// content outside a tick (the answer to a sync step 1, section texts,
// snapshots, the barrier behind Hub.Drop and Hub.Flush) goes through
// note.settle, which looks at the document when it equals the log plus the
// tick under way and speaks once that tick is committed.
//
// A tick that fails, or that is fenced off by a newer epoch, ends the
// conference's goroutine: sockets close with 4500, come back, and the note is
// loaded from the log. Clients resend what was not acknowledged.
//
// # Removing for good
//
// When a passage is removed from a note, its log is written anew (Hub.Rewrite):
// no frame is taken, what is pending is committed, the clerk has the log
// rewritten and loads it, and the conference goes on with that. Documents of
// before are recognised by the client ids in them, which are retired for ever,
// and, where none tells, by the socket, which has to ask for the document anew
// before it is listened to again.
//
// # Locks
//
// There are three kinds: the hub's (the table of live conferences, tickets),
// a mailbox's and an outbox's. They are taken in that order, never two of a
// kind, and never across I/O, a call into the room or a callback.
package realtime
