package sfu

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
)

// tryOut reaches a server as a browser does before joining: an answer of which only some candidates are believed.
func tryOut(t *testing.T, s *SFU, only string) *webrtc.PeerConnection {
	t.Helper()
	var set webrtc.SettingEngine
	set.LoggerFactory = silence()
	set.SetIncludeLoopbackCandidate(true)
	set.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeTCP4})
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(set)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pc.GracefulClose() })
	if _, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeAudio, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
		t.Fatal(err)
	}
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := pc.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	answer, err := s.Try(t.Context(), offer.SDP)
	if err != nil {
		t.Fatal(err)
	}
	var kept strings.Builder
	for line := range strings.Lines(answer) {
		if !strings.HasPrefix(line, "a=candidate:") || strings.Contains(line, " "+only+" ") {
			kept.WriteString(line)
		}
	}
	if !strings.Contains(kept.String(), "a=candidate:") {
		t.Fatalf("no candidate for %s in %s", only, answer)
	}
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: kept.String()}); err != nil {
		t.Fatal(err)
	}
	return pc
}

func connected(pc *webrtc.PeerConnection) func() bool {
	return func() bool { return pc.ConnectionState() == webrtc.PeerConnectionStateConnected }
}

func TestATrialFindsOutEachWayByItself(t *testing.T) {
	t.Parallel()
	s := newSFU(t)
	udp, tcp := tryOut(t, s, "udp"), tryOut(t, s, "tcp")
	eventually(t, "connected over UDP", connected(udp))
	eventually(t, "connected over TCP", connected(tcp))
	if a, b := protocolOf(t, udp), protocolOf(t, tcp); a != "udp" || b != "tcp" {
		t.Errorf("went over %s and %s", a, b)
	}
	if st := s.Stats(); st.Rooms != 0 || st.Peers != 0 {
		t.Errorf("a trial is in a room: %+v", st)
	}
	_ = udp.Close()
	_ = tcp.Close()
	eventually(t, "trials end", func() bool { return s.trials.Load() == 0 })
}

func TestTrialsAreFewAndCarryNothing(t *testing.T) {
	t.Parallel()
	s := newSFU(t)
	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	if _, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeAudio, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
		t.Fatal(err)
	}
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	good := offer.SDP
	for name, sdp := range map[string]string{
		"sends": strings.Replace(good, "a=recvonly", "a=sendonly", 1), "two lines": good + good[strings.Index(good, "m="):],
		"none": good[:strings.Index(good, "m=")], "rubbish": "rubbish", "empty": "", "giant": good + strings.Repeat("a=x\r\n", maxSDP/4),
	} {
		if _, err := s.Try(t.Context(), sdp); err == nil || errors.Is(err, ErrBusy) {
			t.Errorf("%s: %v", name, err)
		}
	}
	eventually(t, "refused ones hold nothing", func() bool { return s.trials.Load() == 0 })
	for i := range maxTrials {
		if _, err := s.Try(t.Context(), good); err != nil {
			t.Fatalf("trial %d: %v", i+1, err)
		}
	}
	if _, err := s.Try(t.Context(), good); !errors.Is(err, ErrBusy) {
		t.Errorf("one too many: %v", err)
	}
	began := time.Now()
	if err := s.Close(); err != nil || time.Since(began) > trialLife/2 {
		t.Errorf("Close waits for trials: %v after %v", err, time.Since(began))
	}
}
