package realtime

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
)

// Limits of the wire, announced in protocol.md.
const (
	// maxFrame is in bytes. It is what a long paste makes and all that a
	// reader of ours ever holds for a stranger; more is sent in parts.
	maxFrame = 64 << 10
	// hardFrame is how much is read to know the number of a document frame that
	// is too large, so that it can be refused by it. Beyond that the socket ends.
	hardFrame  = 128 << 10
	maxInteger = 1<<53 - 1 // lib0 reads no larger integer
)

// Message types of binary frames: y-protocols' own and, from 100, ours.
const (
	msgSync      = 0
	msgAwareness = 1
	msgQuery     = 3
	msgAck       = 100
	msgHello     = 101
	msgState     = 102
	msgReject    = 103
)

const (
	syncStep1  = 0
	syncStep2  = 1
	syncUpdate = 2
)

// noteState is the body of message 102.
type noteState uint64

const (
	stateOpen        noteState = 0
	stateSealing     noteState = 1
	stateSealed      noteState = 2
	stateUnavailable noteState = 3
	stateRights      noteState = 4
	stateRewritten   noteState = 5
)

// refusal is why a document frame was not taken, as message 103 says it.
type refusal uint64

const (
	accepted          refusal = 0
	refusedSealed     refusal = 1
	refusedRight      refusal = 2
	refusedSize       refusal = 3
	refusedClient     refusal = 4
	refusedMalformed  refusal = 5
	refusedDependency refusal = 6
	refusedOutdated   refusal = 7
)

// Close codes of ours.
const (
	closeEnded     = 4403
	closeSlow      = 4408
	closeElsewhere = 4409
	closeReturned  = 4410
	closeFlood     = 4429
	closeReload    = 4500
)

var errFrame = errors.New("malformed frame")

// messageKind is what a binary frame asks for.
type messageKind uint8

const (
	kindUnknown messageKind = iota // well-formed or not: nothing for us
	kindStep1
	kindStep2
	kindUpdate
	kindAwareness
	kindQuery
)

// isDocument says whether the frame counts among the document frames, which
// are the ones that acknowledgements and refusals number.
func (k messageKind) isDocument() bool { return k == kindStep2 || k == kindUpdate }

// parseMessage splits a binary frame. The kind is told even with an error, so
// that a broken document frame can be refused by its number.
func parseMessage(frame []byte) (messageKind, []byte, error) {
	kind, rest, err := parseKind(frame)
	if err != nil || kind == kindUnknown || kind == kindQuery {
		return kind, nil, err
	}
	body, rest, err := readBytes(rest)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%w: %d bytes too many", errFrame, len(rest))
	}
	return kind, body, err
}

func parseKind(frame []byte) (messageKind, []byte, error) {
	kind, rest, err := readInteger(frame)
	if err != nil {
		return kindUnknown, nil, err
	}
	switch kind {
	case msgAwareness:
		return kindAwareness, rest, nil
	case msgQuery:
		return kindQuery, rest, nil
	case msgSync:
		step, rest, err := readInteger(rest)
		if err != nil || step > syncUpdate {
			return kindUnknown, nil, err
		}
		return kindStep1 + messageKind(step), rest, nil
	}
	return kindUnknown, nil, nil
}

// readInteger reads lib0's varuint, which is the base 128 of package binary.
func readInteger(b []byte) (uint64, []byte, error) {
	v, n := binary.Uvarint(b)
	if n <= 0 || v > maxInteger {
		return 0, nil, fmt.Errorf("%w: integer", errFrame)
	}
	return v, b[n:], nil
}

func readBytes(b []byte) ([]byte, []byte, error) {
	n, rest, err := readInteger(b)
	if err != nil {
		return nil, nil, err
	}
	if n > uint64(len(rest)) {
		return nil, nil, fmt.Errorf("%w: length", errFrame)
	}
	return rest[:n], rest[n:], nil
}

func appendBytes(b, data []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(data))), data...)
}

// Opcodes of RFC 6455 §5.2, with the FIN bit.
const (
	opText   = 0x81
	opBinary = 0x82
	opClose  = 0x88
	opPing   = 0x89
	opPong   = 0x8a
)

// frame makes a whole unmasked WebSocket frame (RFC 6455 §5.2). We write them
// ourselves because one made once is then good for every socket, and several
// leave in a single write.
func frame(op byte, payload []byte) []byte {
	b := make([]byte, 0, len(payload)+10)
	b = append(b, op)
	switch n := len(payload); {
	case n < 126:
		b = append(b, byte(n))
	case n <= 0xffff:
		b = binary.BigEndian.AppendUint16(append(b, 126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 127), uint64(n))
	}
	return append(b, payload...)
}

func closeFrame(code int, reason string) []byte {
	return frame(opClose, append(binary.BigEndian.AppendUint16(nil, uint16(code)), reason...))
}

// integersFrame makes a binary frame of a type and integers.
func integersFrame(integers ...uint64) []byte {
	var b []byte
	for _, v := range integers {
		b = binary.AppendUvarint(b, v)
	}
	return frame(opBinary, b)
}

func syncFrame(step uint64, body []byte) []byte {
	b := make([]byte, 0, len(body)+12)
	b = binary.AppendUvarint(b, msgSync)
	b = binary.AppendUvarint(b, step)
	return frame(opBinary, appendBytes(b, body))
}

func awarenessFrame(body []byte) []byte {
	return frame(opBinary, appendBytes([]byte{msgAwareness}, body))
}

// envelope is a text frame, in both directions.
type envelope struct {
	Type string          `json:"t"`
	Data json.RawMessage `json:"d,omitempty"`
}

// textFrame makes a text frame. All values that are passed are our own and
// made of plain fields; one that cannot be marshalled is a programming error
// and would show as an empty body in the first test that sends it.
func textFrame(kind string, data any) []byte {
	d, _ := json.Marshal(data)
	b, _ := json.Marshal(envelope{Type: kind, Data: d})
	return frame(opText, b)
}
