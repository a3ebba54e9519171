package sfu

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"strings"
	"sync"

	"github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/crypto/prf"
	"github.com/pion/dtls/v3/pkg/protocol/extension"
	"github.com/pion/dtls/v3/pkg/protocol/handshake"
	"github.com/pion/srtp/v3"
)

// secrets is what a DTLS handshake with us as the server has agreed on. Pion says it nowhere but to whoever looks at the server's
// hello and takes the key log; nothing of it is ever written anywhere, and take forgets it.
type secrets struct {
	mu      sync.Mutex
	suite   dtls.CipherSuiteID
	profile srtp.ProtectionProfile
	server  []byte // random
	client  []byte // random
	master  []byte // secret
}

// hello is pion's call before the server's hello leaves.
func (s *secrets) hello(m handshake.MessageServerHello) handshake.Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	random := m.Random.MarshalFixed()
	s.server = random[:]
	if m.CipherSuiteID != nil {
		s.suite = dtls.CipherSuiteID(*m.CipherSuiteID)
	}
	for _, e := range m.Extensions {
		if e, ok := e.(*extension.UseSRTP); ok && len(e.ProtectionProfiles) == 1 {
			s.profile = srtp.ProtectionProfile(e.ProtectionProfiles[0])
		}
	}
	return &m
}

// Write takes a line of the key log: CLIENT_RANDOM, the client's random and the master secret (draft-ietf-tls-keylogfile §2).
func (s *secrets) Write(line []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := strings.Fields(string(line)); len(f) == 3 && f[0] == "CLIENT_RANDOM" {
		client, err := hex.DecodeString(f[1])
		master, err2 := hex.DecodeString(f[2])
		if errors.Join(err, err2) == nil {
			s.client, s.master = client, master
		}
	}
	return len(line), nil
}

// take makes SRTP's keys of the secrets and forgets them. Nil: some are not known.
func (s *secrets) take() (*srtp.Config, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server == nil || s.master == nil || s.profile == 0 {
		return nil, nil
	}
	c := &srtp.Config{Profile: s.profile}
	err := c.ExtractSessionKeysFromDTLS(s, false)
	clear(s.master)
	s.server, s.client, s.master = nil, nil, nil
	return c, err
}

// ExportKeyingMaterial is RFC 5705 §4 without a context. The caller holds mu.
func (s *secrets) ExportKeyingMaterial(label string, _ []byte, length int) ([]byte, error) {
	seed := append(append([]byte(label), s.client...), s.server...)
	hash := sha256.New
	switch s.suite {
	case dtls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, dtls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384:
		hash = sha512.New384
	}
	return prf.PHash(s.master, seed, length, hash)
}
