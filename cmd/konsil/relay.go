package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/konsil-server/konsil/conference/pseudonym"
	"github.com/konsil-server/konsil/realtime"
	"github.com/konsil-server/konsil/realtime/sfu"
)

// relayKey is the file of the relay's secret, beside the other keys.
const relayKey = "relay.key"

// validateRelay looks at the settings of the relay, and whether its certificate can be used.
func (c config) validateRelay() error {
	if c.TURNAddr != "" && !hostPort(c.TURNAddr) {
		return fmt.Errorf("KONSIL_TURN_ADDR: %q is not host:port", c.TURNAddr)
	}
	if c.TURNTLSAddr == "" {
		return nil
	}
	if !hostPort(c.TURNTLSAddr) {
		return fmt.Errorf("KONSIL_TURN_TLS_ADDR: %q is not host:port", c.TURNTLSAddr)
	}
	if c.TLSCert == "" || c.TLSKey == "" {
		return errors.New("KONSIL_TURN_TLS_ADDR needs KONSIL_TLS_CERT and KONSIL_TLS_KEY")
	}
	if _, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey); err != nil {
		return fmt.Errorf("KONSIL_TLS_CERT, KONSIL_TLS_KEY: %w", err)
	}
	return nil
}

// relay is what the settings say about TURN, nil for nothing. Its secret is kept, so that konsil doctor can try the relay of a
// running server.
func (c config) relay() (*sfu.Relay, error) {
	if c.TURNAddr == "" && c.TURNTLSAddr == "" {
		return nil, nil
	}
	secret, err := pseudonym.Secret(filepath.Join(c.keys(), relayKey))
	if err != nil {
		return nil, fmt.Errorf("relay key: %w", err)
	}
	r := &sfu.Relay{Addr: c.TURNAddr, TLSAddr: c.TURNTLSAddr, Host: hostOf(c.PublicURL), TLSHost: hostOf(c.PublicURL), Secret: secret}
	ips, err := c.publicIPs()
	if err != nil {
		return nil, err
	}
	if len(ips) > 0 {
		r.Host = ips[0].String() // the web server may stand elsewhere
	}
	if c.TURNTLSAddr != "" {
		r.TLS = (&certificate{cert: c.TLSCert, key: c.TLSKey}).config()
	}
	return r, nil
}

// iceServers is what a person's browser is told about the relay.
func (s *server) iceServers(person string, life time.Duration) []realtime.ICEServer {
	var servers []realtime.ICEServer
	for _, r := range s.rooms.RelayServers(person, life) {
		servers = append(servers, realtime.ICEServer{URLs: r.URLs, Username: r.Username, Credential: r.Credential})
	}
	return servers
}

// certificate is read again when its file has changed: certificates are renewed every few weeks, and nobody should have to end
// conferences for that.
type certificate struct {
	cert, key string

	mu     sync.Mutex
	read   time.Time // of the file
	loaded *tls.Certificate
}

func (c *certificate) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get}
}

// get keeps the old one where the new one cannot be used, as when only one of the two files is there yet.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if file, err := os.Stat(c.cert); err == nil && !file.ModTime().Equal(c.read) {
		if pair, err := tls.LoadX509KeyPair(c.cert, c.key); err == nil {
			c.loaded, c.read = &pair, file.ModTime()
		}
	}
	if c.loaded == nil {
		return nil, errors.New("the relay has no certificate that can be used")
	}
	return c.loaded, nil
}
