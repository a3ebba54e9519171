//go:build linux

package main

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/sys/unix"
)

// cable is a line of TCP connections to the server that can be damaged. Each connection is a link.
type cable struct {
	listener net.Listener
	server   string
	mu       sync.Mutex
	links    map[*link]bool
	running  sync.WaitGroup
}

func newCable(t *testing.T, server string) *cable {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{listener: l, server: server, links: map[*link]bool{}}
	c.running.Go(c.accept)
	t.Cleanup(func() {
		l.Close()
		for _, k := range c.standing() {
			k.end()
		}
		c.running.Wait()
	})
	return c
}

// dialer leads to the server through the cable, whatever address it is told.
func (c *cable) dialer() *websocket.Dialer {
	return &websocket.Dialer{NetDialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, c.listener.Addr().String())
	}}
}

func (c *cable) accept() {
	for {
		near, err := c.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", c.server)
		if err != nil { // there is no server at the moment
			near.Close()
			continue
		}
		c.connect(&link{near: near.(*net.TCPConn), far: far.(*net.TCPConn)})
	}
}

func (c *cable) connect(k *link) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.links[k] = true
	var ways sync.WaitGroup
	ways.Go(func() { k.pump(k.far, k.near, &k.up) })
	ways.Go(func() { k.pump(k.near, k.far, &k.down) })
	c.running.Go(func() {
		ways.Wait()
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.links, k)
	})
}

// standing are the links there are.
func (c *cable) standing() (links []*link) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for k := range c.links {
		links = append(links, k)
	}
	return links
}

// What becomes of the bytes on one way of a link. One that has lost bytes never carries any again: TCP would not either.
const (
	whole   int32 = iota
	swallow       // they vanish, and whoever sends them notices nothing
	halve         // half of the next ones arrive, then the link breaks
)

type link struct {
	near, far *net.TCPConn // to a person, to the server
	up, down  atomic.Int32
}

func (k *link) pump(to, from *net.TCPConn, fate *atomic.Int32) {
	defer k.end()
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		switch fate.Load() {
		case swallow:
		case halve:
			_, _ = to.Write(b[:n/2])
			return
		default:
			if _, err := to.Write(b[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (k *link) end() {
	k.near.Close()
	k.far.Close()
}

// tear breaks the link and drops what is on its way in either direction.
func (k *link) tear() {
	_ = k.near.SetLinger(0) // it may have ended by itself
	_ = k.far.SetLinger(0)
	k.end()
}

// narrow dials lines on which hardly anything can be on its way: small segments make for small buffers at the server, too.
// While throttled is set, whoever is at the end of one reads a trickle; after that the line is wide.
func narrow(throttled *atomic.Bool) *websocket.Dialer {
	small := func(_, _ string, c syscall.RawConn) error {
		var err error
		refused := c.Control(func(fd uintptr) {
			if err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_MAXSEG, 536); err == nil {
				err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 4<<10)
			}
		})
		if refused != nil {
			return refused
		}
		return err
	}
	return &websocket.Dialer{NetDialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := (&net.Dialer{Control: small}).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &trickle{TCPConn: c.(*net.TCPConn), throttled: throttled}, nil
	}}
}

// trickle is such a line. It has one reader.
type trickle struct {
	*net.TCPConn
	throttled *atomic.Bool
	was       bool // throttled
}

func (c *trickle) Read(b []byte) (int, error) {
	switch {
	case c.throttled.Load():
		c.was = true
		time.Sleep(20 * time.Millisecond)
		b = b[:min(len(b), 64)]
	case c.was:
		c.was = false
		if err := c.SetReadBuffer(1 << 20); err != nil {
			return 0, err
		}
	}
	return c.TCPConn.Read(b)
}
