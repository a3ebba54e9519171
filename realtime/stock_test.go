package realtime

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/konsil-server/konsil/web/checkout"
)

// nodeModules finds the directory that holds y-protocols' node_modules.
func nodeModules(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("KONSIL_NODE_MODULES")
	if dir == "" {
		dir = filepath.Join("..", "web", "node_modules")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("NOT TESTED against y-protocols: node is missing")
	}
	protocol := filepath.Join(dir, "y-protocols", "sync.js")
	if _, err := os.Stat(protocol); err != nil && checkout.Prepare(t.Context(), func(line string) { t.Log(line) }) != nil {
		t.Skip("NOT TESTED against y-protocols: web/node_modules is missing, run npm ci in web/")
	}
	if _, err := os.Stat(protocol); err != nil {
		t.Fatal(err)
	}
	return filepath.Dir(dir)
}

func TestAStockYjsClientReadsAndWrites(t *testing.T) {
	t.Parallel()
	modules := nodeModules(t)
	r := newRig(t)
	a := r.join("k1", "anna", 1)
	until(t, "in", a.saved)
	a.edit("lage", 0, 0, "Grüße 🙂 ")
	a.sayAware(1, 1, `{"cursor":null}`)
	until(t, "saved", a.saved)

	ws, status := r.dial(r.hub.Ticket(guest("k1", "stock")), origin)
	if ws == nil {
		t.Fatal(status)
	}
	node := exec.Command("node", filepath.Join("testdata", "stock.cjs"), modules, "vom Original", "zurück")
	var report bytes.Buffer
	node.Stderr = &report
	in, err := node.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := node.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	go carryIn(ws, in)
	carried := make(chan struct{})
	go func() { defer close(carried); carryOut(out, ws) }()

	until(t, "anna reads it", func() bool { return a.read1("lage") == "Grüße 🙂 vom Original" })
	a.edit("lage", 0, 0, "zurück ")
	<-carried
	if err := node.Wait(); err != nil {
		t.Fatalf("%v: %s", err, report.String())
	}
	ws.Close()
	var said struct {
		Text   string
		Others []awareUser
	}
	if err := json.Unmarshal(report.Bytes(), &said); err != nil || said.Text != "zurück Grüße 🙂 vom Original" ||
		len(said.Others) != 1 || said.Others[0].Name != "ANNA" {
		t.Errorf("it read %s (%v)", report.String(), err)
	}
	if log := r.notes.replay(t, "k1")["lage"]; log != said.Text {
		t.Errorf("the log reads %q", log)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	shown := 0
	for id, state := range a.aware {
		if id != 1 {
			shown++
			if string(state) != "null" && !strings.Contains(string(state), `"name":"STOCK"`) {
				t.Errorf("it is shown as %s", state)
			}
		}
	}
	if shown != 1 {
		t.Errorf("%d states besides anna's", shown)
	}
}

func carryIn(ws *websocket.Conn, in io.WriteCloser) {
	defer in.Close()
	for {
		_, data, err := ws.ReadMessage()
		if err != nil {
			return
		}
		in.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(data))), data...))
	}
}

func carryOut(out io.Reader, ws *websocket.Conn) {
	var length [4]byte
	for {
		if _, err := io.ReadFull(out, length[:]); err != nil {
			return
		}
		data := make([]byte, binary.BigEndian.Uint32(length[:]))
		if _, err := io.ReadFull(out, data); err != nil {
			return
		}
		ws.WriteMessage(websocket.BinaryMessage, data)
	}
}
