package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"

	"github.com/gorilla/websocket"
)

// Numbers of y-protocols, of our own acknowledgements, and of Hocuspocus.
const (
	msgSync      = 0
	msgAuth      = 2 // Hocuspocus
	msgSyncReply = 4 // Hocuspocus: a sync message by another number
	msgAck       = 100
	msgReject    = 103

	syncStep1  = 0
	syncStep2  = 1
	syncUpdate = 2
)

// dialect is how a server wants y-protocols' messages: as they are, or each
// behind the name of its document.
type dialect struct {
	document string // "": as they are
}

var errFrame = errors.New("malformed frame")

// message is a frame that came: sync messages with step and body,
// acknowledgements and refusals with their number.
type message struct {
	kind, step uint64
	body       []byte
	number     uint64
}

// sync frames a sync message.
func (d dialect) sync(step uint64, body []byte) []byte {
	b := d.begin(msgSync)
	b = binary.AppendUvarint(b, step)
	return appendBytes(b, body)
}

// greeting is what must be said before anything else; nil if nothing must.
func (d dialect) greeting() []byte {
	if d.document == "" {
		return nil
	}
	return append(d.begin(msgAuth), 0, 0) // a token follows, and it is empty
}

func (d dialect) begin(kind uint64) []byte {
	b := make([]byte, 0, 64)
	if d.document != "" {
		b = appendBytes(b, []byte(d.document))
	}
	return binary.AppendUvarint(b, kind)
}

// parse reads a frame. Of kinds that mean nothing here it tells the kind.
func (d dialect) parse(b []byte) (m message, err error) {
	if d.document != "" {
		if _, b, err = readBytes(b); err != nil {
			return m, err
		}
	}
	if m.kind, b, err = readInteger(b); err != nil {
		return m, err
	}
	switch {
	case m.kind == msgAck && d.document == "" || m.kind == msgReject:
		m.number, _, err = readInteger(b)
	case m.kind == msgSync || m.kind == msgSyncReply && d.document != "":
		m.kind = msgSync
		if m.step, b, err = readInteger(b); err == nil {
			m.body, _, err = readBytes(b)
		}
	}
	return m, err
}

func readInteger(b []byte) (uint64, []byte, error) {
	v, n := binary.Uvarint(b)
	if n <= 0 {
		return 0, nil, fmt.Errorf("%w: integer", errFrame)
	}
	return v, b[n:], nil
}

func readBytes(b []byte) ([]byte, []byte, error) {
	n, rest, err := readInteger(b)
	if err != nil || n > uint64(len(rest)) {
		return nil, nil, fmt.Errorf("%w: length", errFrame)
	}
	return rest[:n], rest[n:], nil
}

func appendBytes(b, data []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(data))), data...)
}

func dial(ctx context.Context, address string, header http.Header) (*websocket.Conn, error) {
	d := websocket.Dialer{HandshakeTimeout: writeDeadline, ReadBufferSize: 4 << 10, WriteBufferSize: 1 << 10}
	ws, res, err := d.DialContext(ctx, address, header)
	if res != nil && err != nil {
		return nil, fmt.Errorf("socket: %s: %w", res.Status, err)
	}
	return ws, err
}
