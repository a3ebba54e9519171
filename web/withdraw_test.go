package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/websocket"
)

// socket opens the live page's socket as somebody.
func (s *testServer) socket(b *browser, code string) *websocket.Conn {
	s.t.Helper()
	var key struct{ Ticket string }
	s.must(json.Unmarshal([]byte(b.post("/conferences/"+code+"/ticket", nil).Body), &key))
	ws, _, err := websocket.DefaultDialer.DialContext(s.t.Context(),
		strings.Replace(s.URL, "http", "ws", 1)+"/conferences/"+code+"/live?ticket="+key.Ticket, http.Header{"Origin": {s.URL}})
	s.must(err)
	s.t.Cleanup(func() { ws.Close() })
	if _, _, err := ws.ReadMessage(); err != nil { // the first frame says that this person is in
		s.t.Fatal(err)
	}
	return ws
}

// ended reads until the socket closes and returns the code and the reason of the close frame.
func ended(t *testing.T, ws *websocket.Conn) (int, string) {
	t.Helper()
	if err := ws.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	for {
		_, _, err := ws.ReadMessage()
		var closed *websocket.CloseError
		if errors.As(err, &closed) {
			return closed.Code, closed.Text
		}
		if err != nil {
			t.Fatalf("the socket broke without a word: %v", err)
		}
	}
}

func TestAWithdrawalEndsTheLiveConferenceForEverybodyBeforeTheReceipt(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.opened()
	at := "/cases/" + query[uuid.UUID](s, `select case_id from conference where code = $1`, code).String()
	ewald, clara := s.socket(s.as("Ewald"), code), s.socket(s.as("Clara"), code)
	b := s.as("Anna")
	if a := b.get(at + "/withdraw"); !a.Has("Die laufende Konferenz endet für alle") {
		t.Error("the page does not say that the conference will end")
	}
	if a := b.post(at+"/withdraw", nil); a.Path != at+"/receipt" {
		t.Fatalf("withdrawal: %d at %s", a.Status, a.Path)
	}
	for _, ws := range []*websocket.Conn{ewald, clara} {
		if code, why := ended(t, ws); code != 4403 || why != "withdrawn" {
			t.Errorf("the socket closed with %d %q", code, why)
		}
	}
}

func TestSigningOutClosesTheSocketsOfThatSignInOnly(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.opened()
	desk, phone := s.as("Ewald"), s.as("Ewald")
	gone, stays := s.socket(desk, code), s.socket(phone, code)
	desk.post("/sign-out", nil)
	if code, why := ended(t, gone); code != 4403 || why != "signedout" {
		t.Errorf("the socket closed with %d %q", code, why)
	}
	if err := stays.WriteControl(websocket.PingMessage, nil, time.Now().Add(time.Second)); err != nil {
		t.Errorf("the other sign-in's socket is gone: %v", err)
	}
	s.must(stays.SetReadDeadline(time.Now().Add(300 * time.Millisecond)))
	for {
		_, _, err := stays.ReadMessage()
		var closed *websocket.CloseError
		if errors.As(err, &closed) {
			t.Errorf("the other sign-in's socket closed with %d %q", closed.Code, closed.Text)
		}
		if err != nil {
			break
		}
	}
}
