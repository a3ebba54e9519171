package realtime

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"
)

// all gives the bodies of the text frames of one type, in order.
func (c *client) all(kind string) (bodies []json.RawMessage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.texts {
		if e.Type == kind {
			bodies = append(bodies, e.Data)
		}
	}
	return bodies
}

// publish offers a microphone over the socket, as a browser does.
func publish(t *testing.T, c *client) (*webrtc.PeerConnection, *webrtc.TrackLocalStaticSample) {
	t.Helper()
	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pc.Close() })
	mic, err := webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus}, "mic", c.hubPeer())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pc.AddTransceiverFromTrack(mic, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly}); err != nil {
		t.Fatal(err)
	}
	pc.OnICECandidate(func(cand *webrtc.ICECandidate) {
		if cand != nil {
			c.text("ice", map[string]any{"pc": "pub", "way": c.way(), "cand": cand.ToJSON()})
		}
	})
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := pc.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	c.text("pub.offer", map[string]any{"gen": 1, "sdp": offer.SDP, "way": c.way(), "tracks": []any{map[string]any{"mid": "0", "source": "mic"}}})
	return pc, mic
}

// way is the number of the way that the server told of last.
func (c *client) way() int64 {
	var w wayTaken
	json.Unmarshal(c.textOf("way"), &w)
	return w.N
}

// hubPeer is the peer id the server gave.
func (c *client) hubPeer() string {
	var w welcome
	json.Unmarshal(c.textOf("welcome"), &w)
	return w.Self
}

func TestAMicrophoneOfferedOverTheSocketIsHeardOfByTheOthers(t *testing.T) {
	t.Parallel()
	r := newRig(t, withRooms(t))
	a, b := r.join("k1", "anna", 1), r.join("k1", "bert", 2)
	for _, c := range []*client{a, b} {
		c.text("hello", struct{}{})
		until(t, "welcome", func() bool { return c.textOf("welcome") != nil })
	}
	pc, mic := publish(t, a)
	until(t, "an answer", func() bool { return a.textOf("pub.answer") != nil })
	var answer description
	if err := json.Unmarshal(a.textOf("pub.answer"), &answer); err != nil || answer.Gen != 1 {
		t.Fatalf("answer %+v: %v", answer, err)
	}
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer.SDP}); err != nil {
		t.Fatal(err)
	}
	taken := 0
	until(t, "bert sees that anna's sound arrives, and is offered it", func() bool {
		for _, body := range a.all("ice")[taken:] {
			var cand struct {
				PC   string                  `json:"pc"`
				Init webrtc.ICECandidateInit `json:"cand"`
			}
			if json.Unmarshal(body, &cand) == nil && cand.PC == "pub" {
				pc.AddICECandidate(cand.Init)
			}
			taken++
		}
		mic.WriteSample(media.Sample{Data: []byte{0xf8, 0xff, 0xfe}, Duration: 20 * time.Millisecond})
		var list peopleList
		json.Unmarshal(b.textOf("people"), &list)
		var offer subOffer
		json.Unmarshal(b.textOf("sub.offer"), &offer)
		return len(list.People) == 2 && list.People[0].Live && !list.People[1].Live &&
			len(offer.Tracks) == 1 && offer.Tracks[0].Peer == a.hubPeer() && offer.Tracks[0].Source == "mic"
	})
}
