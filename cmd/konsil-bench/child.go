package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"

	"github.com/gorilla/websocket"
)

// asChild, in the environment, makes a process of this program run the command
// line it is given even if it is a test binary.
const asChild = "KONSIL_BENCH_CHILD"

// startChild runs a command of this program as a process of its own. Its first
// line of output is where it listens. It ends with its standard input.
func startChild(ctx context.Context, args ...string) (*peer, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &peer{Cmd: exec.CommandContext(ctx, self, args...)}
	p.Env = append(os.Environ(), asChild+"=1")
	p.Stderr = os.Stderr
	if _, err := p.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.StdoutPipe()
	if err == nil {
		err = p.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", args[0], err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		p.stop()
		return nil, fmt.Errorf("%s has ended before it listened: %w", args[0], err)
	}
	p.address = strings.TrimSpace(line)
	return p, nil
}

// untilOrphaned returns when the parent closes our standard input or is gone.
func untilOrphaned() { _, _ = io.Copy(io.Discard, os.Stdin) }

// runBare is the least a WebSocket server can be: it upgrades, with gorilla's
// own settings, answers the first message with an empty document, and reads.
func runBare(_ []string, out io.Writer) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	upgrader := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	go func() {
		untilOrphaned()
		l.Close()
	}()
	fmt.Fprintln(out, l.Addr())
	err = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer ws.Close()
		if _, _, err := ws.ReadMessage(); err != nil {
			return
		}
		if ws.WriteMessage(websocket.BinaryMessage, dialect{}.sync(syncStep2, []byte{0, 0})) != nil {
			return
		}
		for {
			if _, _, err := ws.ReadMessage(); err != nil {
				return
			}
		}
	}))
	if errors.Is(err, net.ErrClosed) {
		return nil // the parent is done
	}
	return err
}
