package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"

	"github.com/gorilla/websocket"

	"github.com/konsil-server/konsil/realtime/sfu"
)

// frame is a text frame of the live socket, see realtime/protocol.md.
type frame struct {
	Type string          `json:"t"`
	Data json.RawMessage `json:"d,omitempty"`
}

// Bodies of the frames that a room needs.
type (
	trackName struct {
		MID    string `json:"mid"`
		Peer   string `json:"peer,omitempty"`
		Source string `json:"source"`
	}
	description struct {
		Gen    int         `json:"gen"`
		SDP    string      `json:"sdp"`
		Tracks []trackName `json:"tracks,omitempty"`
	}
	iceCandidate struct {
		PC   string          `json:"pc"`
		Init json.RawMessage `json:"cand"`
	}
)

// textSocket sends text frames, from any goroutine.
type textSocket struct {
	*websocket.Conn
	mu sync.Mutex
}

func (s *textSocket) say(kind string, body any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.WriteJSON(frame{kind, data})
}

// next returns the next text frame.
func (s *textSocket) next() (f frame, err error) {
	for {
		kind, data, err := s.ReadMessage()
		if err != nil {
			return f, err
		}
		if kind == websocket.TextMessage {
			return f, json.Unmarshal(data, &f)
		}
	}
}

// forwarder is a media server with one room.
type forwarder interface {
	// enter brings somebody in; say sends what its client must be told.
	enter(name string, say func(kind string, body any) error) (attendance, error)
}

// attendance is somebody in that room.
type attendance interface {
	Offer(gen int, sdp string, tracks []sfu.Track)
	Answer(gen int, sdp string)
	Candidate(pc string, init json.RawMessage)
	Close()
}

// serveRoom lets a forwarder be spoken to like the live socket of a
// conference, without people, rights and notes.
func serveRoom(f forwarder, out io.Writer) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go func() {
		untilOrphaned()
		l.Close()
	}()
	fmt.Fprintln(out, l.Addr())
	upgrader := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	err = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer ws.Close()
		attend(f, &textSocket{Conn: ws}, r.URL.Query().Get("peer"))
	}))
	if errors.Is(err, net.ErrClosed) {
		return nil // the parent is done
	}
	return err
}

// attend serves one socket until it ends.
func attend(f forwarder, s *textSocket, name string) {
	if first, err := s.next(); err != nil || first.Type != "hello" {
		return
	}
	if s.say("welcome", map[string]any{"self": name, "iceServers": []any{}}) != nil {
		return
	}
	a, err := f.enter(name, s.say)
	if err != nil {
		return
	}
	defer a.Close()
	for {
		m, err := s.next()
		if err != nil || obey(a, m) != nil {
			return
		}
	}
}

func obey(a attendance, m frame) error {
	switch m.Type {
	case "pub.offer", "sub.answer":
		var d description
		if err := json.Unmarshal(m.Data, &d); err != nil {
			return err
		}
		if m.Type == "sub.answer" {
			a.Answer(d.Gen, d.SDP)
			return nil
		}
		tracks := make([]sfu.Track, len(d.Tracks))
		for i, t := range d.Tracks {
			tracks[i] = sfu.Track{MID: t.MID, Source: t.Source}
		}
		a.Offer(d.Gen, d.SDP, tracks)
	case "ice":
		var c iceCandidate
		if err := json.Unmarshal(m.Data, &c); err != nil {
			return err
		}
		a.Candidate(c.PC, c.Init)
	}
	return nil
}

// ourForwarder is konsil's.
type ourForwarder struct{ *sfu.SFU }

func (f ourForwarder) enter(name string, say func(string, any) error) (attendance, error) {
	return f.Join("bench", name, func(e sfu.Event) {
		// A socket that is gone is noticed by its reader.
		switch {
		case e.PubAnswer != nil:
			_ = say("pub.answer", description{Gen: e.PubAnswer.Gen, SDP: e.PubAnswer.SDP})
		case e.SubOffer != nil:
			d := description{Gen: e.SubOffer.Gen, SDP: e.SubOffer.SDP}
			for _, t := range e.SubOffer.Tracks {
				d.Tracks = append(d.Tracks, trackName(t))
			}
			_ = say("sub.offer", d)
		case e.Candidate != nil:
			_ = say("ice", iceCandidate{e.Candidate.PC, e.Candidate.Init})
		}
	})
}

// runSFU is konsil's media server alone, as a child.
func runSFU(args []string, out io.Writer) error {
	f := flag.NewFlagSet("sfu", flag.ContinueOnError)
	plain := f.Bool("plain", false, "send every packet by itself")
	_ = plain
	if err := f.Parse(args); err != nil {
		return err
	}
	s, err := sfu.Listen(sfu.Config{Addr: "127.0.0.1:0", Guard: true, Plain: *plain})
	if err != nil {
		return err
	}
	return errors.Join(serveRoom(ourForwarder{s}, out), s.Close())
}
