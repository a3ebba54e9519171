package sfu

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"
)

// Event is what a peer's client must be told. Exactly one field is set.
type Event struct {
	PubAnswer *Description // answers the Offer of the same Gen
	SubOffer  *Offer       // wants an Answer of the same Gen
	Candidate *Candidate
	Live      *bool // RTP of this peer has begun to arrive, or has been missing for 3 s
	Layers    *LayerState
	PubLayers *PubLayers
	Speakers  []string // peers in the order in which they speak or spoke, the dominant one first; sent when it changes
	Refused   *Refused
}

// LayerState is what a viewer is sent of a camera or screen from now on. Of a microphone it says that it is "paused" because others
// are "louder", and "high" when it is heard again.
type LayerState struct {
	Peer, Source string
	State        string // "high" (720 lines, or all there is), "mid" (360), "low" (180) or "paused"
	Why          string // what keeps it from being better: "bandwidth", "lastN", "view", "louder"; "" if nothing does
}

// PubLayers tells a publisher which layers of a source (low, mid, high) somebody wants. The others need not be sent. A source in
// one stream has three times the same answer.
type PubLayers struct {
	Source string
	Active [3]bool
}

// Refused says that a track of this peer is not passed on, and why: "share", because nobody allowed it to share its screen;
// "plaintext", because what it sends is not end-to-end encrypted, which is said once, and the track goes on when it is.
type Refused struct {
	MID, Source, Reason string
}

// ViewItem is a picture that a viewer's page shows.
type ViewItem struct {
	Peer, Source string
	MaxH         int // lines there is room for, in pixels of the device; 0: out of sight
	Prio         int // more comes first when not everything can be sent
}

// Description is a session description and the number of the round it belongs to.
type Description struct {
	Gen int
	SDP string
}

// Offer is the server's offer for the subscriber connection. Tracks says what each m-line carries now; an m-line that is not
// listed carries nothing.
type Offer struct {
	Gen    int
	SDP    string
	Tracks []Track
}

// Track names one m-line. In a publisher's offer Peer is ignored.
type Track struct {
	MID    string
	Peer   string
	Source string // "mic", "camera" or "screen"
}

// Candidate is one trickled ICE candidate for the connection PC, "pub" or "sub". Init is an RTCIceCandidateInit.
type Candidate struct {
	PC   string
	Init json.RawMessage
}

// kindOf is the kind of medium a source must have; 0 for an unknown source.
func kindOf(source string) webrtc.RTPCodecType {
	switch source {
	case "mic":
		return webrtc.RTPCodecTypeAudio
	case "camera", "screen":
		return webrtc.RTPCodecTypeVideo
	}
	return 0
}

// vetted is a remote description that is safe to give to pion, and the candidates taken out of it.
type vetted struct {
	sdp         string
	fingerprint string
	ufrag       string
	candidates  []string
	media       map[string]media // by mid
}

type media struct {
	kind  webrtc.RTPCodecType
	sends bool
	rids  []string // of its simulcast layers, in the order of rungs
}

// vet checks the size and shape of a remote description. Candidates are taken out so that they pass the same gate as trickled ones.
func vet(text string, sections int) (*vetted, error) {
	if len(text) > maxSDP {
		return nil, errTooLarge
	}
	if strings.Count("\n"+text, "\nm=") > sections {
		return nil, errTooMany
	}
	v := &vetted{media: map[string]media{}}
	var kept strings.Builder
	for line := range strings.Lines(text) {
		bare := strings.TrimRight(line, "\r\n")
		switch {
		case strings.HasPrefix(bare, "a=candidate:"):
			v.candidates = append(v.candidates, strings.TrimPrefix(bare, "a="))
			continue
		case strings.HasPrefix(bare, "a=fingerprint:") && v.fingerprint == "":
			v.fingerprint = bare
		case strings.HasPrefix(bare, "a=ice-ufrag:") && v.ufrag == "":
			v.ufrag = bare
		}
		kept.WriteString(line)
	}
	v.sdp = kept.String()
	return v, v.readMedia()
}

func (v *vetted) readMedia() error {
	var parsed sdp.SessionDescription
	if parsed.UnmarshalString(v.sdp) != nil {
		return errMalformed
	}
	for _, m := range parsed.MediaDescriptions {
		mid, ok := m.Attribute(sdp.AttrKeyMID)
		if !ok || mid == "" {
			continue
		}
		_, inactive := m.Attribute(sdp.AttrKeyInactive)
		_, receives := m.Attribute(sdp.AttrKeyRecvOnly)
		_, bundled := m.Attribute("bundle-only") // Firefox offers further tracks so, with port 0: RFC 9143 §6
		rids, ok := readRIDs(m)
		if !ok {
			return errTracks
		}
		v.media[mid] = media{
			rids:  rids,
			kind:  webrtc.NewRTPCodecType(m.MediaName.Media),
			sends: !inactive && !receives && (bundled || m.MediaName.Port.Value != 0),
		}
	}
	return nil
}

// readRIDs finds the layers an m-line offers to send (RFC 8851). Only those named in rungs, each once, are understood.
func readRIDs(m *sdp.MediaDescription) (rids []string, ok bool) {
	for _, a := range m.Attributes {
		rid, rest, _ := strings.Cut(a.Value, " ")
		if a.Key != "rid" || !strings.HasPrefix(rest, "send") {
			continue
		}
		if rungOf(rid) < 0 || slices.Contains(rids, rid) {
			return nil, false
		}
		rids = append(rids, rid)
	}
	slices.SortFunc(rids, func(a, b string) int { return rungOf(a) - rungOf(b) })
	return rids, true
}

// fits checks the tracks a client declares against its description: at most three, each source once, each of the right kind.
func (v *vetted) fits(tracks []Track) error {
	if len(tracks) > maxTracks {
		return errTracks
	}
	for i, t := range tracks {
		kind := kindOf(t.Source)
		if kind == 0 || v.media[t.MID].kind != kind {
			return errTracks
		}
		same := func(o Track) bool { return o.MID == t.MID || o.Source == t.Source }
		if slices.ContainsFunc(tracks[:i], same) {
			return errTracks
		}
	}
	return nil
}
