package sfu

import (
	"strings"
	"testing"
	"time"
)

func ufragOf(sdp string) string {
	_, after, _ := strings.Cut(sdp, "a=ice-ufrag:")
	ufrag, _, _ := strings.Cut(after, "\r\n")
	return ufrag
}

// lastOffer is the newest offer c was made, and how many there were.
func (c *client) lastOffer() (Offer, int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.offers[len(c.offers)-1], len(c.offers)
}

func TestRestartingTheSubscribersICEKeepsItsTracks(t *testing.T) {
	t.Parallel()
	s := newSFU(t)
	anna, ben := join(t, s, "r", "anna"), join(t, s, "r", "ben")
	anna.publish("mic", "camera")
	ben.sees("anna", "camera", 20)
	before, n := ben.lastOffer()
	for range 5 {
		ben.peer.RestartICE("sub")
	}
	eventually(t, "a new offer", func() bool { _, now := ben.lastOffer(); return now > n })
	ben.sees("anna", "camera", 50)
	ben.sees("anna", "mic", 20)
	after, now := ben.lastOffer()
	if ufragOf(before.SDP) == ufragOf(after.SDP) {
		t.Error("the same ICE credentials")
	}
	if len(after.Tracks) != 2 || strings.Count(after.SDP, "m=") != strings.Count(before.SDP, "m=") {
		t.Errorf("%d tracks, m-lines %d → %d", len(after.Tracks), strings.Count(before.SDP, "m="), strings.Count(after.SDP, "m="))
	}
	if now-n > 3 {
		t.Errorf("five wishes made %d offers", now-n)
	}
	if r := ben.got("anna", "camera"); r.foreign > 0 {
		t.Errorf("%d foreign payloads", r.foreign)
	}
}

func TestRestartingThePublishersICEKeepsItsTracks(t *testing.T) {
	t.Parallel()
	s := newSFU(t)
	anna, ben := join(t, s, "r", "anna"), join(t, s, "r", "ben")
	anna.publish("mic", "camera")
	ben.sees("anna", "camera", 20)
	_, offers := ben.lastOffer()
	for range 3 { // over and over: the count of candidates begins anew each time
		anna.restartPub()
		ben.sees("anna", "camera", 50)
	}
	if _, now := ben.lastOffer(); now != offers {
		t.Errorf("ben was offered %d times more: to him nothing has changed", now-offers)
	}
}

func TestWhoseUDPDiesGoesOnOverTCPAfterARestart(t *testing.T) {
	t.Parallel()
	s := newSFU(t)
	anna, ben := join(t, s, "r", "anna"), join(t, s, "r", "ben")
	anna.both, ben.both = true, true
	anna.publish("camera")
	ben.sees("anna", "camera", 20)

	ben.wire.dead.Store(true)
	ben.peer.RestartICE("sub")
	ben.sees("anna", "camera", 50)
	anna.uplink.dead.Store(true)
	anna.restartPub()
	ben.sees("anna", "camera", 50)
	ben.mu.Lock()
	defer ben.mu.Unlock()
	if got := protocolOf(t, ben.sub); got != "tcp" {
		t.Errorf("goes over %s", got)
	}
}

func TestATrackThatStandsStillComesAgainUnderAnotherMID(t *testing.T) {
	t.Parallel()
	s := newSFU(t)
	anna, ben := join(t, s, "r", "anna"), join(t, s, "r", "ben")
	anna.publish("mic", "camera")
	ben.sees("anna", "camera", 20)
	before, n := ben.lastOffer()
	time.Sleep(renewEvery)
	for range 5 { // one renewal, however often it is asked for
		ben.peer.Mend("anna", "camera", true)
		ben.peer.Mend("anna", "screen", true) // there is none
		ben.peer.Mend("carl", "camera", true)
	}
	eventually(t, "a new offer", func() bool { _, now := ben.lastOffer(); return now > n })
	ben.sees("anna", "camera", 50)
	ben.sees("anna", "mic", 20)
	after, now := ben.lastOffer()
	if midOf(before, "mic") != midOf(after, "mic") || midOf(before, "camera") == midOf(after, "camera") || len(after.Tracks) != 2 {
		t.Errorf("the tracks were %v and are %v", before.Tracks, after.Tracks)
	}
	if now != n+1 {
		t.Errorf("it took %d offers", now-n)
	}
	anna.sources["camera"].mute.Store(true)
	ben.dries("anna", "camera")
	time.Sleep(renewEvery + quietAfter)
	ben.peer.Mend("anna", "camera", true)
	ben.sees("anna", "mic", 50)
	if _, later := ben.lastOffer(); later != now {
		t.Error("what does not come in was offered anew")
	}
}

func midOf(o Offer, source string) string {
	for _, track := range o.Tracks {
		if track.Source == source {
			return track.MID
		}
	}
	return ""
}
