package realtime

import "github.com/konsil-server/konsil/realtime/sfu"

// This file is what pages and room tell each other about who sees what.

// Bodies of text frames.
type (
	view struct {
		Items []viewItem `json:"items"`
		LastN int        `json:"lastN"`
		Mode  string     `json:"mode"`
	}
	viewItem struct {
		Peer   string `json:"peer"`
		Source string `json:"source"`
		MaxH   int    `json:"maxH"`
		Prio   int    `json:"prio"`
	}
	layerState struct {
		Peer   string `json:"peer"`
		Source string `json:"source"`
		State  string `json:"state"`
		Why    string `json:"why"`
		Way    int64  `json:"way,omitempty"`
	}
	pubLayers struct {
		Source string  `json:"source"`
		Active [3]bool `json:"active"`
		Way    int64   `json:"way,omitempty"`
	}
	speakerOrder struct {
		Order []string `json:"order"`
	}
	trackRefused struct {
		MID    string `json:"mid"`
		Source string `json:"source"`
		Reason string `json:"reason"`
	}
)

// usable says whether the mode is one of those there are.
func (v view) usable() bool {
	switch v.Mode {
	case "all", "few", "audio", "text":
		return true
	}
	return false
}

func (v view) pictures() []sfu.ViewItem {
	items := make([]sfu.ViewItem, len(v.Items))
	for i, one := range v.Items {
		items[i] = sfu.ViewItem{Peer: one.Peer, Source: one.Source, MaxH: one.MaxH, Prio: one.Prio}
	}
	return items
}

// relayMedia sends on what the room says about layers, speakers and tracks.
func (s *socket) relayMedia(e sfu.Event, way int64) {
	switch {
	case e.Layers != nil:
		l := e.Layers
		s.out.put(textFrame("layers", layerState{l.Peer, l.Source, l.State, l.Why, way}))
	case e.PubLayers != nil:
		s.out.put(textFrame("pub.layers", pubLayers{e.PubLayers.Source, e.PubLayers.Active, way}))
	case e.Speakers != nil:
		s.out.put(textFrame("speakers", speakerOrder{e.Speakers}))
	case e.Refused != nil:
		s.out.put(textFrame("track.refused", trackRefused{e.Refused.MID, e.Refused.Source, e.Refused.Reason}))
	}
}
