// Package ydoc is the engine behind the shared notes: it reads and writes
// Yjs updates of format v1, integrates them into a document in memory and
// answers what a peer still lacks.
//
// It owns the binary format, the integration order, garbage collection and
// the mapping between positions in a text and identifiers of characters. It
// refuses update format v2, keeps nothing pending between two calls, starts no
// goroutine, does no I/O and knows neither sockets nor people. A [Doc] belongs
// to one goroutine at a time.
//
// Positions and lengths are UTF-16 code units throughout, as in Yjs: a
// character beyond the basic plane counts two. A clock numbers the units that
// one client has ever inserted; it stays below 2³¹.
//
// The algorithm (YATA) and the format are those of Yjs by Kevin Jahns and
// contributors, https://github.com/yjs/yjs, MIT licence. The code is our own.
//
// Trust: [Decode] takes bytes from anybody. Whatever it accepts can be
// applied without a panic and in time that follows the size of the update,
// with one exception that lies in the algorithm: structs that several clients
// insert at one and the same spot are compared with each other, so n of them
// cost n²/2 comparisons of a few nanoseconds each. Limit how much one person
// may send; a client id belongs to one person.
package ydoc
