package sfu

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"
)

// What a probe may find. Neither quotes an address.
var (
	ErrSilent = errors.New("no answer")
	ErrOther  = errors.New("something else answers there")
)

const probeTries = 4

// ProbeUDP asks the media port of a running server for an answer and returns as whom it saw us. ErrSilent: there was none before ctx
// ended, or after a second and a half.
func ProbeUDP(ctx context.Context, addr string) (netip.AddrPort, error) {
	to, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("probe: %w", err)
	}
	conn, err := net.ListenUDP("udp", nil)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("probe: %w", err)
	}
	defer conn.Close()
	return ask(ctx, conn, to)
}

// ask sends the same request until an answer comes (RFC 8489 §6.2.1).
func ask(ctx context.Context, conn net.PacketConn, to net.Addr) (netip.AddrPort, error) {
	request, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewSoftware(strings.Repeat("konsil doctor ", 3)), stun.Fingerprint)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("probe: %w", err)
	}
	buf := make([]byte, maxPacket)
	for try := range probeTries {
		if ctx.Err() != nil {
			break
		}
		if _, err := conn.WriteTo(request.Raw, to); err != nil {
			return netip.AddrPort{}, fmt.Errorf("probe: %w", err)
		}
		_ = conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond << try))
		for {
			n, _, err := conn.ReadFrom(buf)
			if timedOut(err) {
				break
			} else if err != nil {
				return netip.AddrPort{}, ErrSilent // ICMP: nobody listens
			}
			if mapped, ok := answered(buf[:n], request); ok {
				return mapped, nil
			}
		}
	}
	return netip.AddrPort{}, ErrSilent
}

func answered(b []byte, request *stun.Message) (netip.AddrPort, bool) {
	m := &stun.Message{Raw: append([]byte(nil), b...)}
	var mapped stun.XORMappedAddress
	if m.Decode() != nil || m.TransactionID != request.TransactionID || m.Type != stun.BindingSuccess || mapped.GetFrom(m) != nil {
		return netip.AddrPort{}, false
	}
	ip, ok := netip.AddrFromSlice(mapped.IP)
	return netip.AddrPortFrom(ip.Unmap(), uint16(mapped.Port)), ok
}

// ProbeTCP looks whether a media port listens on TCP: one ends a connection whose first message names nobody (RFC 4571 framing),
// without a word. ErrSilent: nobody takes the connection; ErrOther: somebody speaks.
func ProbeTCP(ctx context.Context, addr string) error {
	conn, err := (&net.Dialer{Timeout: 2 * time.Second}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return ErrSilent
	}
	defer conn.Close()
	request, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.Fingerprint)
	if err != nil {
		return fmt.Errorf("probe: %w", err)
	}
	_ = conn.SetDeadline(time.Now().Add(2 * time.Second))
	if _, err := conn.Write(append([]byte{0, byte(len(request.Raw))}, request.Raw...)); err != nil {
		return ErrOther
	}
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		return ErrOther
	}
	return nil
}

// ProbeRelay allocates with a server that RelayServers names, over the transport of the url, and asks the media port through it.
// secured is for turns:. The error says in words what has failed.
func ProbeRelay(ctx context.Context, url string, server RelayServer, secured *tls.Config, media netip.AddrPort) error {
	uri, err := stun.ParseURI(url)
	if err != nil {
		return fmt.Errorf("address of the relay: %w", err)
	}
	at := net.JoinHostPort(uri.Host, fmt.Sprint(uri.Port))
	conn, err := reach(ctx, uri, at, secured)
	if err != nil {
		return err
	}
	defer conn.Close()
	family := turn.RequestedAddressFamilyIPv4
	if media.Addr().Is6() {
		family = turn.RequestedAddressFamilyIPv6
	}
	client, err := turn.NewClient(&turn.ClientConfig{
		STUNServerAddr: at, TURNServerAddr: at, Conn: conn, Realm: relayRealm, RTO: 200 * time.Millisecond,
		Username: server.Username, Password: server.Credential, LoggerFactory: silence(),
		RequestedAddressFamily: family,
	})
	if err == nil {
		err = client.Listen()
	}
	if err != nil {
		return fmt.Errorf("relay: %w", err)
	}
	defer client.Close()
	relayed, err := client.Allocate()
	if err != nil {
		return errors.New("the relay gives no allocation")
	}
	defer relayed.Close()
	if _, err := ask(ctx, relayed, net.UDPAddrFromAddrPort(media)); err != nil {
		return fmt.Errorf("media port through the relay: %w", err)
	}
	return nil
}

func reach(ctx context.Context, uri *stun.URI, at string, secured *tls.Config) (net.PacketConn, error) {
	if uri.Proto == stun.ProtoTypeUDP {
		conn, err := net.ListenPacket("udp", ":0")
		if err != nil {
			return nil, fmt.Errorf("relay: %w", err)
		}
		return conn, nil
	}
	dialer := &net.Dialer{Timeout: 2 * time.Second}
	var conn net.Conn
	var err error
	if uri.Scheme == stun.SchemeTypeTURNS {
		conn, err = (&tls.Dialer{NetDialer: dialer, Config: secured}).DialContext(ctx, "tcp", at)
	} else {
		conn, err = dialer.DialContext(ctx, "tcp", at)
	}
	if certificate := (*tls.CertificateVerificationError)(nil); errors.As(err, &certificate) {
		return nil, errors.New("the relay's certificate is not valid for its name")
	}
	if err != nil {
		return nil, ErrSilent
	}
	return turn.NewSTUNConn(conn), nil
}
