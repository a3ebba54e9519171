package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/gorilla/websocket"
)

// hocuspocusScript starts the server with nothing configured but where it
// listens: it keeps documents in memory only.
const hocuspocusScript = `const { Server } = require('@hocuspocus/server')
const port = Number(process.env.PORT)
new Server({ port, address: process.env.HOST, quiet: true }).listen()
`

// peer is a server to compare with, running as a child of ours.
type peer struct {
	*exec.Cmd
	address string // host:port
	dir     string // removed with it; "": none
}

// startPeer starts one of the servers that the help names from the packages
// in modules, and waits until it listens.
func startPeer(ctx context.Context, name, modules string) (*peer, error) {
	modules, err := filepath.Abs(modules)
	if err != nil {
		return nil, err
	}
	p := &peer{}
	if p.dir, err = os.MkdirTemp("", "konsil-bench-"); err != nil {
		return nil, err
	}
	port, err := freePort()
	if err == nil {
		p.address = net.JoinHostPort("127.0.0.1", port)
		err = p.run(ctx, name, modules, port)
	}
	if err != nil {
		p.stop()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return p, nil
}

func (p *peer) run(ctx context.Context, name, modules, port string) error {
	var script string
	switch name {
	case "y-websocket":
		script = filepath.Join(modules, "y-websocket", "bin", "server.cjs")
	case "hocuspocus":
		script = filepath.Join(p.dir, "hocuspocus.cjs")
		if err := os.WriteFile(script, []byte(hocuspocusScript), 0o600); err != nil {
			return err
		}
	default:
		return errors.New("no such server; there are hocuspocus and y-websocket")
	}
	p.Cmd = exec.CommandContext(ctx, "node", script)
	p.Env = append(os.Environ(), "HOST=127.0.0.1", "PORT="+port, "NODE_PATH="+modules, "NODE_ENV=production")
	p.Stderr = os.Stderr
	if err := p.Start(); err != nil {
		return err
	}
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		conn, err := net.Dial("tcp", p.address)
		if err == nil {
			return conn.Close()
		}
		if time.Now().After(end) {
			return fmt.Errorf("does not listen: %w", err)
		}
	}
}

func (p *peer) stop() {
	if p.Cmd != nil && p.Process != nil {
		_ = p.Process.Kill() // fails when it is gone already
		_ = p.Wait()         // says that it was killed
	}
	_ = os.RemoveAll(p.dir) // of the system's temporary files
}

// freePort finds one by taking it for a moment.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port), nil
}

// plainVenue is a document on a server that asks for nothing.
type plainVenue struct{ address string }

func (v plainVenue) dial(ctx context.Context, _ int) (*websocket.Conn, error) {
	return dial(ctx, v.address, http.Header{})
}

// close leaves the document to its server.
func (plainVenue) close(context.Context) error { return nil }

// holds is satisfied: such a server does not promise to store anything.
func (plainVenue) holds(context.Context, string) (bool, error) { return true, nil }
