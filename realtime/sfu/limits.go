package sfu

import (
	"errors"
	"time"
)

// What a client may ask for. A client beyond a limit is refused or ignored, never waited for.
const (
	maxSDP         = 64 << 10 // bytes of a session description
	maxMedia       = 32       // media sections of a publisher's offer
	maxTracks      = 3        // one microphone, one camera, one screen
	maxCandidates  = 64       // remote candidates per connection
	maxCandidate   = 2 << 10  // bytes of one candidate in JSON
	callBacklog    = 64       // calls waiting for a peer's goroutine
	eventBacklog   = 256      // callbacks of pion waiting for it
	inboxBacklog   = 64       // notes waiting for a track's loop
	maxRepeats     = 3        // times one packet is sent again to one receiver
	maxPacket      = 1500     // bytes of an RTP packet that is forwarded
	videoCache     = 512      // packets kept for repeats at most: about 1.5 s of camera
	audioCache     = 128      // about 2.5 s of Opus
	firstCache     = 16       // packets a cache has room for at first
	gopPackets     = 256      // a picture longer than this is not replayed to a joiner,
	gopAge         = 2 * time.Second
	oldKeyAge      = 20 * time.Millisecond  // of a key frame of an earlier epoch that may still begin a picture, for whoever has its key
	changeAge      = 250 * time.Millisecond // of a key frame at which a viewer changes over to another layer
	socketBuffer   = 4 << 20                // bytes, as far as the kernel allows
	coalesce       = 20 * time.Millisecond
	rebuildEvery   = 500 * time.Millisecond
	renewEvery     = 3 * time.Second  // a track that stands still is offered anew
	answerWait     = 10 * time.Second // without an answer the subscriber connection is built anew
	breakAfter     = time.Second      // without RTP what is missing is not asked for any more
	quietAfter     = 3 * time.Second  // without RTP a peer is no longer live
	keyFrameEvery  = 500 * time.Millisecond
	reportEvery    = time.Second
	housekeeping   = 100 * time.Millisecond
	feedbackEvery  = 100 * time.Millisecond
	firstNackAfter = 10 * time.Millisecond // reordered packets need no repeat
	nackEvery      = 50 * time.Millisecond
	nackTries      = 5
	relayWait      = 300 * time.Millisecond
	maxReadErrors  = 100 // in a row end a track

	maxTCP         = 2048             // connections to one TCP port,
	maxTCPEach     = 256              // of these from one address: an office behind one NAT
	provenWithin   = 10 * time.Second // for a TCP connection to show whose it is
	mediaIdle      = 30 * time.Second // without a packet a TCP connection is given up; checks of consent come every few seconds
	tcpReadQueue   = 64               // packets of one client
	tcpWriteBuffer = 512 << 10        // bytes waiting for one client: two seconds of picture
	acceptPause    = 50 * time.Millisecond
	portTries      = 20

	maxCredential  = time.Hour        // that credentials of the relay begin allocations,
	relayLife      = 12 * time.Hour   // that what has begun goes on
	relayIdle      = 11 * time.Minute // without a byte a relayed TCP connection is given up; allocations end after 10 by themselves
	maxRelayed     = 1000             // allocations in all,
	maxRelayedEach = 12               // of one user
	maxTrials      = 32               // at a time
	trialLife      = 15 * time.Second
)

// How pictures are shared out, see alloc.go.
const (
	defaultLastN = 9
	maxLastN     = 25
	maxView      = 128                     // pictures a page can speak of
	fewCameras   = 2                       // in mode "few"
	firstLines   = 360                     // before the page has said what it shows
	aliveFor     = 1500 * time.Millisecond // without packets a layer is taken for switched off,
	wakeFor      = 3 * time.Second         // unless the publisher was told so recently to switch it on
	riseAfter    = 5 * time.Second         // a picture lowered for want of bandwidth stays so: each change costs a key frame
	idleAfter    = 5 * time.Second         // a layer nobody has wanted is switched off
	arriveFor    = 15 * time.Second        // somebody who has joined will want a picture within
)

// Who is heard in a crowd, see choir.go.
const (
	crowd        = 12                     // with so many microphones everybody is sent on,
	choirSize    = 6                      // with more so many: two who talk, those who interrupt, and who laughs
	voicePast    = 0b1111                 // of the newest packets
	voicePackets = 3                      // so many must be loud
	voicePause   = 400 * time.Millisecond // without a loud packet somebody still speaks
	voiceLead    = 3 * 16                 // 1/16 dB louder takes a place from somebody who speaks, too
	voiceBefore  = 100 * time.Millisecond // that is sent of what came before,
	voiceFresh   = 500 * time.Millisecond // if the place is given so soon
	prioChosen   = 2                      // of a picture that its viewer has chosen: whose it is is always heard
)

// How speakers are found, see speaker.go.
const (
	speakerBeats  = 3   // of housekeeping: 300 ms
	speechLevel   = 60  // -dBov: louder is speech
	speechPackets = 4   // of 15 in a tick
	speechWindow  = 15. // packets of 20 ms in a tick
	speechLead    = 1.3 // times louder takes the word
)

// How the bandwidth of a subscriber is found, see estimator.go.
const (
	headerBytes  = 64 // IP, UDP, RTP with extensions, and the tag
	estimateOver = 1500 * time.Millisecond
	queueOver    = 500 * time.Millisecond // if even the packet that waited least in this time
	queuePackets = 10                     // among so many
	queueLimit   = 120 * time.Millisecond // waited longer than this, the way is full,
	lossWindows  = 3                      // and also if so many times in a row,
	lossWindow   = 350 * time.Millisecond // each so long,
	lossPackets  = 8                      // of so many at least
	lossLimit    = 0.15                   // more than this part got lost: a bad radio link loses 5 %
	lowerTo      = 0.85                   // of what got through
	lowerEvery   = 700 * time.Millisecond
	leastRate    = 50_000          // bit/s
	holdAfter    = 8 * time.Second // after that before more is tried,
	probeEvery   = 3 * time.Second // at most so often, twice as long after each failure
	maxFailures  = 4
	raiseTrial   = 10 * time.Second // a rate that lasts so long was a success
	probeLong    = 120 * time.Millisecond
	probeTick    = 10 * time.Millisecond
	probePackets = 8    // fewer say nothing
	probeTrust   = 0.95 // of what a probe has measured
	padBytes     = 240  // in a packet of padding, 255 at most
	floorOver    = 15 * time.Second
)

// Why Join or a call was refused. The errors of parsers below quote what they could not read, which may be somebody's address; they
// are replaced by one of these instead of wrapped.
var (
	ErrClosed = errors.New("closed")
	ErrTaken  = errors.New("peer is already in the room")

	errMalformed = errors.New("description malformed")
	errNegotiate = errors.New("description cannot be negotiated")
	errTooLarge  = errors.New("description too large")
	errTooMany   = errors.New("too many media sections")
	errFlood     = errors.New("too many at once")
	errTracks    = errors.New("tracks do not fit the description")
	errCandidate = errors.New("candidate refused")
)
