package sfu

import (
	"bytes"
	"net"
	"testing"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/crypto/selfsign"
	dtlsnet "github.com/pion/dtls/v3/pkg/net"
	"github.com/pion/srtp/v3"
)

func TestTheLaneHasTheKeysThatPionHas(t *testing.T) {
	t.Parallel()
	for _, suite := range []dtls.CipherSuiteID{
		dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, dtls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
		dtls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, dtls.TLS_ECDHE_ECDSA_WITH_AES_128_CCM,
	} {
		t.Run(suite.String(), func(t *testing.T) {
			t.Parallel()
			s, state := shakeHands(t, suite)
			var want srtp.Config
			want.Profile = srtp.ProtectionProfileAeadAes128Gcm
			if err := want.ExtractSessionKeysFromDTLS(&state, false); err != nil {
				t.Fatal(err)
			}
			got, err := s.take()
			if err != nil || got == nil {
				t.Fatal(got, err)
			}
			if got.Profile != want.Profile || !bytes.Equal(got.Keys.LocalMasterKey, want.Keys.LocalMasterKey) ||
				!bytes.Equal(got.Keys.RemoteMasterKey, want.Keys.RemoteMasterKey) ||
				!bytes.Equal(got.Keys.LocalMasterSalt, want.Keys.LocalMasterSalt) {
				t.Error("other keys than pion's")
			}
			if again, _ := s.take(); again != nil || s.master != nil {
				t.Error("secrets are kept")
			}
		})
	}
}

// shakeHands is a DTLS handshake of one cipher suite: what the server's secrets saw of it, and its state.
func shakeHands(t *testing.T, suite dtls.CipherSuiteID) (*secrets, dtls.State) {
	t.Helper()
	certificate, err := selfsign.GenerateSelfSigned()
	if err != nil {
		t.Fatal(err)
	}
	both := []dtls.Option{
		dtls.WithCertificates(certificate), dtls.WithCipherSuites(suite), dtls.WithInsecureSkipVerify(true), dtls.WithLoggerFactory(silence()),
		dtls.WithExtendedMasterSecret(dtls.RequireExtendedMasterSecret), dtls.WithSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM),
	}
	s := &secrets{}
	serving, calling := []dtls.ServerOption{dtls.WithKeyLogWriter(s), dtls.WithServerHelloMessageHook(s.hello)}, []dtls.ClientOption{}
	for _, o := range both {
		serving, calling = append(serving, o), append(calling, o)
	}
	a, b := net.Pipe()
	server, err := dtls.ServerWithOptions(dtlsnet.PacketConnFromConn(a), a.RemoteAddr(), serving...)
	if err != nil {
		t.Fatal(err)
	}
	client, err := dtls.ClientWithOptions(dtlsnet.PacketConnFromConn(b), b.RemoteAddr(), calling...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = a.Close()
		_ = b.Close()
		_ = client.Close()
		_ = server.Close()
	})
	done := make(chan error, 2)
	go func() { done <- client.Handshake() }()
	go func() { done <- server.Handshake() }()
	for range 2 {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
		case <-time.After(60 * time.Second):
			t.Fatal("no handshake")
		}
	}
	state, ok := server.ConnectionState()
	if !ok {
		t.Fatal("no state")
	}
	return s, state
}
