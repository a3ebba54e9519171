package realtime

import "time"

// This file is captions: what is said, written down by somebody for those who
// would rather read. A line is sealed in its writer's browser like her picture
// and sound, and passed on like an envelope with keys (keys.go): the server
// cannot read it, keeps none and logs none.

// maxLine is the length of a sealed line, in bytes of base64url.
const maxLine = 2 << 10

// Bodies of text frames.
type (
	caption struct {
		Epoch int64  `json:"epoch"`
		Blob  string `json:"blob"`
	}
	captionFrom struct {
		Epoch int64  `json:"epoch"`
		From  string `json:"from"`
		Blob  string `json:"blob"`
	}
)

// usable says whether a line may be passed on; what is in it is none of our
// business.
func (l caption) usable() bool {
	return l.Epoch > 0 && l.Blob != "" && len(l.Blob) <= maxLine && isBase64URL(l.Blob)
}

// passLine hands a line to everybody in the room who has keys to open it with.
func (c *conference) passLine(from *socket, l caption) {
	switch {
	case !from.hasKeys():
		return
	case !from.visitor.Captions:
		from.complain(aboutRights)
		return
	}
	f := textFrame("caption", captionFrom{l.Epoch, from.peer, l.Blob})
	for _, s := range c.sockets {
		if s != from && s.hasKeys() {
			s.out.put(f)
		}
	}
}

// mayCaption says whether somebody may write captions: what a moderator has
// decided, else who leads the room and who interprets.
func (r *roomState) mayCaption(v *visitor) bool {
	if may, decided := r.scribes[v.Person]; decided {
		return may
	}
	return v.Part == PartModerator || v.Kind == kindInterpreter
}

// letCaption lets somebody write captions, or no longer, on all her pages and
// whenever she comes again.
func (r *roomState) letCaption(by *visitor, c command, _ time.Time) []effect {
	v := r.inside(c.Peer)
	switch {
	case v == nil || v.Captions == c.On:
		return nil
	case v.Part == PartModerator:
		return complain(by, aboutRights)
	}
	r.scribes[v.Person] = c.On
	for _, page := range r.ofPerson(v.Person, true) {
		page.Captions = c.On
	}
	r.news.people = true
	return nil
}
