package realtime

import (
	"encoding/json"
	"testing"

	"github.com/pion/webrtc/v4"

	"github.com/konsil-server/konsil/realtime/ydoc"
)

// offerScreen offers a screen over the socket.
func offerScreen(t *testing.T, c *client) {
	t.Helper()
	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pc.Close() })
	if _, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly}); err != nil {
		t.Fatal(err)
	}
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	c.text("pub.offer", map[string]any{"gen": 1, "sdp": offer.SDP, "tracks": []any{map[string]any{"mid": "0", "source": "screen"}}})
}

// lastOf decodes the newest frame of a type.
func lastOf[T any](c *client, kind string) (v T) {
	json.Unmarshal(c.textOf(kind), &v)
	return v
}

func TestScreenIsRefusedUntilAModeratorGivesLeaveAndShownAsThePageWants(t *testing.T) {
	t.Parallel()
	r := newRig(t, withRooms(t))
	lead := guest("k1", "lead")
	lead.Part = PartModerator
	ben, anna := r.joinWith(lead, 1, ydoc.New()), r.join("k1", "anna", 2)
	for _, c := range []*client{ben, anna} {
		c.text("hello", map[string]any{"e2ee": true})
		until(t, "the welcome", c.is(func() bool { return len(c.texts) > 0 && c.texts[0].Type == "welcome" }))
	}
	offerScreen(t, anna)
	until(t, "the screen is refused", func() bool {
		refused := lastOf[trackRefused](anna, "track.refused")
		return refused == trackRefused{"0", "screen", "share"}
	})
	ben.text("mod.share", map[string]any{"peer": anna.hubPeer(), "on": true})
	state := func(want layerState) func() bool {
		want.Peer, want.Source = anna.hubPeer(), "screen"
		return func() bool { return lastOf[layerState](ben, "layers") == want }
	}
	until(t, "the screen is sent", state(layerState{State: "high"}))
	ben.text("view", map[string]any{"items": []any{}, "mode": "all"})
	until(t, "a page that does not show it gets none of it", state(layerState{State: "paused", Why: "view"}))
	shown := []any{map[string]any{"peer": anna.hubPeer(), "source": "screen", "maxH": 700, "prio": 1}}
	ben.text("view", map[string]any{"items": shown, "lastN": 4, "mode": "few"})
	until(t, "a page that shows it gets it", state(layerState{State: "high"}))
	ben.text("view", map[string]any{"items": shown, "mode": "audio"})
	until(t, "sound only", state(layerState{State: "paused", Why: "view"}))
	ben.text("view", map[string]any{"items": shown, "mode": "louder"})
	until(t, "a mode nobody knows is refused", func() bool { return lastOf[what](ben, "error") == what{"malformed"} })
}
