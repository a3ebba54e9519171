package web

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// listener is the offer of a browser that would only receive sound.
const listener = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n" +
	"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=recvonly\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n" +
	"a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=setup:actpass\r\n" +
	"a=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\n"

func TestTheNetworkTestAnswersMembersAndTellsThemNothingElse(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	anna := s.as("Anna")
	a := anna.post("/nettest", typed("sdp", listener))
	var answer struct {
		SDP        string
		ICEServers []any
	}
	if a.Status != http.StatusOK || json.Unmarshal([]byte(a.Body), &answer) != nil {
		t.Fatalf("status %d: %s", a.Status, a.Body)
	}
	for _, want := range []string{" udp ", " tcp ", "a=fingerprint:"} {
		if !strings.Contains(answer.SDP, want) {
			t.Errorf("no %q in the answer:\n%s", want, answer.SDP)
		}
	}
	if answer.ICEServers == nil || len(answer.ICEServers) != 0 {
		t.Errorf("ICE servers without a relay: %v", answer.ICEServers)
	}
	if a := s.as("Clara").post("/nettest", typed("sdp", "rubbish")); a.Status != http.StatusUnprocessableEntity {
		t.Errorf("rubbish: status %d", a.Status)
	}
	if a := s.visitor().post("/nettest", typed("sdp", listener)); a.Path != "/" || strings.Contains(a.Body, "a=candidate") {
		t.Errorf("a stranger: status %d at %s", a.Status, a.Path)
	}
	for range 20 {
		if anna.post("/nettest", typed("sdp", listener)).Status == http.StatusTooManyRequests {
			return
		}
	}
	t.Error("a person may try on and on")
}

func TestTheNetworkTestAnswersWhoeverHasAGuestsLink(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	link := s.asked(s.opened(), "Anna", "client")
	if a := s.visitor().get(link); !a.Has(`data-nettest="` + link + `/nettest"`) {
		t.Error("the guest's page does not know where to ask")
	}
	if a := s.visitor().post(link+"/nettest", typed("sdp", listener)); a.Status != http.StatusOK || !strings.Contains(a.Body, "a=candidate") {
		t.Errorf("status %d: %s", a.Status, a.Body)
	}
	if a := s.visitor().post("/guest/nobody/nettest", typed("sdp", listener)); a.Status != http.StatusNotFound {
		t.Errorf("a dead link: status %d", a.Status)
	}
}
