package sfu

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/logging"
	"github.com/pion/sdp/v3"
	"github.com/pion/transport/v4/stdnet"
	"github.com/pion/webrtc/v4"
)

// codec is a codec we forward.
type codec uint8

const (
	codecNone codec = iota
	codecVP8
	codecVP9
	codecOpus
	codecs // how many there are
)

// mimes also lists all that is offered: VP8 and VP9 because they work behind frame encryption in every browser, Opus, nothing else.
var mimes = [codecs]string{codecVP8: webrtc.MimeTypeVP8, codecVP9: webrtc.MimeTypeVP9, codecOpus: webrtc.MimeTypeOpus}

func codecOf(mime string) codec {
	for c := codecVP8; c < codecs; c++ {
		if mimes[c] == mime {
			return c
		}
	}
	return codecNone
}

// clockRate in Hz.
func (c codec) clockRate() uint32 {
	if c == codecOpus {
		return 48000
	}
	return 90000
}

const levelURI = "urn:ietf:params:rtp-hdrext:ssrc-audio-level" // RFC 6464

// engine is what all connections are made with.
type engine struct {
	media *webrtc.MediaEngine
	set   webrtc.SettingEngine
}

// connect makes a connection whose media takes the short way l, nil: pion's.
func (e *engine) connect(l *lane) (*webrtc.PeerConnection, error) {
	set, incoming := e.set, &interceptor.Registry{}
	if l != nil {
		set.SetDTLSServerHelloMessageHook(l.secrets.hello)
		set.SetDTLSKeyLogWriter(&l.secrets)
		incoming.Add(l.arrivals)
	}
	api := webrtc.NewAPI(webrtc.WithMediaEngine(e.media), webrtc.WithSettingEngine(set), webrtc.WithInterceptorRegistry(incoming))
	return api.NewPeerConnection(webrtc.Configuration{})
}

func newEngine(mux *offeredMux, tcp ice.TCPMux, quiet logging.LoggerFactory) (*engine, error) {
	media, err := newMediaEngine()
	if err != nil {
		return nil, fmt.Errorf("codecs: %w", err)
	}
	std, err := stdnet.NewNet()
	if err != nil {
		return nil, fmt.Errorf("network: %w", err)
	}
	var set webrtc.SettingEngine
	set.LoggerFactory = quiet
	set.SetICEUDPMux(mux)
	set.SetICETCPMux(tcp)
	set.SetNet(offeredNet{std, mux})
	set.SetNetworkTypes([]webrtc.NetworkType{
		webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6, webrtc.NetworkTypeTCP4, webrtc.NetworkTypeTCP6,
	})
	set.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	set.SetIncludeLoopbackCandidate(true) // only such as we offer
	// Every way to us ends at the same socket, so the first that works is as good as any other; only a relay is worth a moment's wait.
	set.SetHostAcceptanceMinWait(0)
	set.SetSrflxAcceptanceMinWait(0)
	set.SetPrflxAcceptanceMinWait(0)
	set.SetRelayAcceptanceMinWait(relayWait)
	set.DisableActiveTCP(true)
	set.SetRemoteIPFilter(func(ip net.IP) bool {
		addr, ok := netip.AddrFromSlice(ip)
		return ok && sendable(addr.Unmap())
	})
	set.SetSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AEAD_AES_256_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80)
	if err := set.SetAnsweringDTLSRole(webrtc.DTLSRoleServer); err != nil {
		return nil, fmt.Errorf("DTLS role: %w", err)
	}
	return &engine{media, set}, nil
}

func newMediaEngine() (*webrtc.MediaEngine, error) {
	m := &webrtc.MediaEngine{}
	repeat := webrtc.RTCPFeedback{Type: webrtc.TypeRTCPFBNACK}
	arrival := webrtc.RTCPFeedback{Type: webrtc.TypeRTCPFBTransportCC}
	picture := []webrtc.RTCPFeedback{repeat, {Type: webrtc.TypeRTCPFBNACK, Parameter: "pli"}, {Type: webrtc.TypeRTCPFBCCM, Parameter: "fir"}, arrival}
	for _, c := range []struct {
		pt       webrtc.PayloadType
		codec    codec
		channels uint16
		fmtp     string
		feedback []webrtc.RTCPFeedback
	}{
		{96, codecVP8, 0, "", picture},
		{98, codecVP9, 0, "profile-id=0", picture},
		{111, codecOpus, 2, "minptime=10;useinbandfec=1", []webrtc.RTCPFeedback{repeat, arrival}},
	} {
		kind := webrtc.RTPCodecTypeVideo
		if c.codec == codecOpus {
			kind = webrtc.RTPCodecTypeAudio
		}
		if err := register(m, c.pt, mimes[c.codec], c.codec.clockRate(), c.channels, c.fmtp, c.feedback, kind); err != nil {
			return nil, err
		}
		if kind == webrtc.RTPCodecTypeAudio {
			continue
		}
		if err := register(m, c.pt+1, webrtc.MimeTypeRTX, c.codec.clockRate(), 0, fmt.Sprintf("apt=%d", c.pt), nil, kind); err != nil {
			return nil, err
		}
	}
	return m, registerExtensions(m)
}

func register(m *webrtc.MediaEngine, pt webrtc.PayloadType, mime string, rate uint32, channels uint16, fmtp string,
	feedback []webrtc.RTCPFeedback, kind webrtc.RTPCodecType) error {
	return m.RegisterCodec(webrtc.RTPCodecParameters{
		PayloadType: pt,
		RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: mime, ClockRate: rate, Channels: channels, SDPFmtpLine: fmtp, RTCPFeedback: feedback,
		},
	}, kind)
}

// registerExtensions: mid and rid tell streams apart, only towards us; transport-cc lets the publisher estimate its uplink and us the
// subscriber's downlink; the audio level is passed on.
func registerExtensions(m *webrtc.MediaEngine) error {
	in := webrtc.RTPTransceiverDirectionRecvonly
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
		if err := m.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: sdp.SDESMidURI}, kind, in); err != nil {
			return fmt.Errorf("header extension: %w", err)
		}
		if err := m.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: sdp.TransportCCURI}, kind); err != nil {
			return fmt.Errorf("header extension: %w", err)
		}
	}
	for _, uri := range []string{sdp.SDESRTPStreamIDURI, sdp.SDESRepairRTPStreamIDURI} {
		if err := m.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: uri}, webrtc.RTPCodecTypeVideo, in); err != nil {
			return fmt.Errorf("header extension: %w", err)
		}
	}
	return m.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: levelURI}, webrtc.RTPCodecTypeAudio)
}

// silence is pion's log, switched off: it names clients' addresses, which are personal data. Pion asks for a dozen loggers per
// connection; all are this one.
func silence() logging.LoggerFactory { return mute{} }

type mute struct{}

func (m mute) NewLogger(string) logging.LeveledLogger { return m }

func (mute) Trace(string)          {}
func (mute) Tracef(string, ...any) {}
func (mute) Debug(string)          {}
func (mute) Debugf(string, ...any) {}
func (mute) Info(string)           {}
func (mute) Infof(string, ...any)  {}
func (mute) Warn(string)           {}
func (mute) Warnf(string, ...any)  {}
func (mute) Error(string)          {}
func (mute) Errorf(string, ...any) {}
