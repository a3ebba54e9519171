// Package sfu is the video side of a conference: it takes each participant's media once and forwards it to everybody else in
// the same room, unread.
//
// It owns one port (UDP, and TCP for networks without), the TURN relay that leads to it, the WebRTC connections of every peer and
// the packets between them. It knows neither sockets nor people:
// a room and a peer are strings, session descriptions and candidates cross the border as text, and what happens comes back as
// Events. Who may enter, who is muted and what a peer is called is decided elsewhere.
//
// It drops frames that are not end-to-end encrypted (guard.go). It refuses to record: payload has exactly one way out of this package, the encrypted connection to another peer, and a test
// reads the source to keep it so. It refuses codecs that cannot carry end-to-end encrypted frames, remote descriptions that
// could make the server send to addresses of a client's choice, and clients that ask for more than the limits in limits.go.
//
// # Two connections
//
// The client offers the publisher connection, the server offers the subscriber connection, so offers never cross. The server is
// the DTLS server on both, because only then browsers end up with AES-128-GCM, which costs a sixth of the alternative.
//
// # Who owns what
//
//   - One goroutine per Peer owns both connections and makes every call that negotiates. The exported methods and pion's
//     callbacks only put work into its queues; Close takes the peer out of all media first and leaves the rest to it.
//   - One goroutine reads the media port and takes each packet of a publisher to its end: decrypted, patched, encrypted for and sent to
//     the receivers (down) its stream feeds, out of an atomically replaced slice (intake.go, lane.go). Waking goroutines costs more than
//     all of that, so nothing is handed on. It allocates nothing per packet.
//   - A published stream (layer; a camera has up to three) is handled in turns. Whoever has the turn owns the packet cache, the list
//     of gaps, and of every receiver the layer feeds the munger. Each layer also has a loop, which takes turns for what comes by pion's
//     way (over TCP, sent again, or before the lane is open) and for the notes that everybody else leaves in its inbox.
//   - What is sent in a turn is encrypted at once and leaves together at the end (batch.go); the turn has not ended before. A reader
//     has the turns of all layers that a burst of packets belongs to, and waits for none while it has others.
//   - The viewer's goroutine decides which layer feeds a receiver (adapt, alloc.go); that layer takes the receiver over from the one
//     before at its next key frame (down.takeOver).
//   - What clients say in RTCP comes with the media, or by pion's way to a goroutine per stream; both leave notes, and reports about
//     arrivals go into the connection's bandwidth.
//   - One goroutine per room is everybody's clock, follows who speaks and chooses who is heard in a crowd (choir.go).
//   - A receiver that is taken away waits until the turns that were under way have ended (up.settle), so that removal is final; so are a
//     moderator's mute and the end of the leave to share.
//
// # Adaptation
//
// Three things decide what a viewer gets of a picture, in this order: what its page shows (Peer.View), how many cameras it wants at
// most, and what its connection carries. The last is found from when packets arrive (bwe.go, estimator.go): as long as nothing
// is held up, there is no limit; once there is one, it rises only when padding on the retransmission stream has shown that there is room.
// Sound is never held back. The publisher is told which layers nobody wants (thin.go).
//
// Lock order: SFU.mu, room.mu, Peer.mu, up.mu, layer.mu; lane.mu, lane.sending; lanes.mu and bandwidth.mu by themselves. None is held
// across a pion call, a send or a callback. A layer's turn (layer.work) comes before lane.sending and after nothing.
package sfu
