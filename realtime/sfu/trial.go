package sfu

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pion/webrtc/v4"
)

// ErrBusy says that too many connections are being tried out.
var ErrBusy = errors.New("busy")

// Try answers the offer of a connection that carries nothing, from somebody who wants to know before joining whether and how her
// browser reaches us. The answer holds all our candidates; those of the offer are ignored, so that only the ways she tries are
// tried. The connection belongs to no room and ends by itself after 15 s. Offers of more than one m-line, or that send media, are
// refused; ErrBusy: 32 are under way.
func (s *SFU) Try(ctx context.Context, offer string) (answer string, err error) {
	v, err := vetTrial(offer)
	if err != nil {
		return "", fmt.Errorf("try: %w", err)
	}
	if !s.beginTrial() {
		return "", fmt.Errorf("try: %w", ErrBusy)
	}
	pc, err := s.engine.connect(nil)
	if err != nil {
		s.trials.Add(-1)
		s.running.Done()
		return "", fmt.Errorf("try: %w", err)
	}
	ended := make(chan struct{}, 1)
	pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		if state == webrtc.PeerConnectionStateFailed || state == webrtc.PeerConnectionStateClosed {
			signal(ended)
		}
	})
	go s.endTrial(pc, ended)
	if answer, err = reply(ctx, pc, v.sdp); err != nil {
		signal(ended)
	}
	return answer, err
}

func vetTrial(offer string) (*vetted, error) {
	v, err := vet(offer, 1)
	if err != nil {
		return nil, err
	}
	if len(v.media) != 1 {
		return nil, errTracks
	}
	for _, m := range v.media {
		if m.sends {
			return nil, errTracks
		}
	}
	return v, nil
}

// beginTrial counts it among what Close waits for.
func (s *SFU) beginTrial() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.trials.Load() >= maxTrials {
		return false
	}
	s.trials.Add(1)
	s.running.Add(1)
	return true
}

func (s *SFU) endTrial(pc *webrtc.PeerConnection, ended <-chan struct{}) {
	defer s.running.Done()
	defer s.trials.Add(-1)
	limit := time.NewTimer(trialLife)
	defer limit.Stop()
	select {
	case <-ended:
	case <-limit.C:
	case <-s.closing:
	}
	_ = pc.GracefulClose() // nothing depends on how it went
}

// reply waits for the candidates, which are our own and found at once.
func reply(ctx context.Context, pc *webrtc.PeerConnection, offer string) (string, error) {
	gathered := webrtc.GatheringCompletePromise(pc)
	if pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}) != nil {
		return "", fmt.Errorf("try: %w", errNegotiate)
	}
	answer, err := pc.CreateAnswer(nil)
	if err != nil || pc.SetLocalDescription(answer) != nil {
		return "", fmt.Errorf("try: %w", errNegotiate)
	}
	select {
	case <-gathered:
		return pc.LocalDescription().SDP, nil
	case <-ctx.Done():
		return "", fmt.Errorf("try: %w", ctx.Err())
	}
}
