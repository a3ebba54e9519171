//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/konsil-server/konsil/web"
)

// Media that breaks comes back by itself: real pages, real pictures, and networks that fail.

// router stands between browsers and the media port as one with NAT does: people know its address only. Its UDP can die.
type router struct {
	udp  *net.UDPConn
	tcp  net.Listener
	to   string
	dead atomic.Bool // of UDP, in both directions
	shut atomic.Bool // for TCP

	mu   sync.Mutex
	ways map[netip.AddrPort]net.Conn // by client
	all  []net.Conn
}

// newRouter finds a port that is free on both its sides.
func newRouter(t *testing.T) *router {
	t.Helper()
	r := &router{ways: map[netip.AddrPort]net.Conn{}}
	port := 0
	for try := 0; r.tcp == nil; try++ { // a port that is free for packets may be taken for streams
		var err error
		if r.udp, err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}); err != nil {
			t.Fatal(err)
		}
		port = r.udp.LocalAddr().(*net.UDPAddr).Port
		if r.tcp, err = net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", port)); err != nil {
			r.udp.Close()
			if try == 20 {
				t.Fatal(err)
			}
		}
	}
	r.to = fmt.Sprintf("127.0.0.2:%d", port)
	go r.packets()
	go r.streams()
	t.Cleanup(func() {
		r.udp.Close()
		r.tcp.Close()
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, c := range r.all {
			c.Close()
		}
	})
	return r
}

// behind lets the media port stand behind the router.
func (r *router) behind(c *config) { c.RTCAddr, c.RTCPublicIP = r.to, "127.0.0.1" }

func (r *router) dial(network string) (net.Conn, error) {
	c, err := net.Dial(network, r.to)
	if err == nil {
		r.mu.Lock()
		r.all = append(r.all, c)
		r.mu.Unlock()
	}
	return c, err
}

func (r *router) packets() {
	buf := make([]byte, 2048)
	for {
		n, from, err := r.udp.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		way := r.ways[from] // only this goroutine knows them
		if way == nil {
			if way, err = r.dial("udp4"); err != nil {
				continue
			}
			r.ways[from] = way
			go r.answers(way, from)
		}
		if !r.dead.Load() {
			way.Write(buf[:n])
		}
	}
}

func (r *router) answers(way net.Conn, to netip.AddrPort) {
	buf := make([]byte, 2048)
	for {
		n, err := way.Read(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil && !r.dead.Load() {
			r.udp.WriteToUDPAddrPort(buf[:n], to)
		}
	}
}

func (r *router) streams() {
	for {
		c, err := r.tcp.Accept()
		if err != nil {
			return
		}
		way, err := r.dial("tcp4")
		if err != nil || r.shut.Load() {
			c.Close()
			continue
		}
		for _, ends := range [][2]net.Conn{{c, way}, {way, c}} {
			go func() {
				io.Copy(ends[0], ends[1])
				ends[0].Close()
			}()
		}
	}
}

// hidesItsAddresses: on the other side of a router own addresses lead nowhere. Here they would lead to the browser, past the router,
// whether they come one by one or, where the page was slow to send it, inside a description.
func (p *person) hidesItsAddresses() {
	p.t.Helper()
	asked[bool](p, `(() => {
		RTCIceCandidate.prototype.toJSON = () => ({ candidate: "", sdpMid: "0" });
		const own = Object.getOwnPropertyDescriptor(RTCSessionDescription.prototype, "sdp");
		const get = function () { return own.get.call(this).replace(/^a=candidate:.*\r\n/gm, ""); };
		Object.defineProperty(RTCSessionDescription.prototype, "sdp", { ...own, get });
		return true;
	})()`)
}

// bothGoOver waits until both connections of both have taken that way.
func (r *room) bothGoOver(way string) {
	r.t.Helper()
	for _, p := range []*person{r.jana, r.kern} {
		p.until(way+" both ways", `window.konsil.room.stats().then((s) => s.ways.length === 2 && s.ways.every((way) => way === "`+way+`"))`)
	}
}

// shuts lets nothing through to the media port any more.
func (r *router) shuts() {
	r.dead.Store(true)
	r.shut.Store(true)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.all {
		if c.RemoteAddr().Network() == "tcp" {
			c.Close()
		}
	}
}

// goesOver is what the connections of a page go over.
func (p *person) goesOver() []string {
	p.t.Helper()
	return asked[[]string](p, `window.konsil.room.stats().then((s) => s.ways)`)
}

func (r *room) withPictures() {
	r.t.Helper()
	for _, p := range []*person{r.jana, r.kern} {
		p.switchesOn()
	}
	r.bothSeeEachOther()
}

func (r *room) bothSeeEachOther() {
	r.t.Helper()
	for _, p := range []*person{r.jana, r.kern} {
		p.seesEverybodyMove(1)
	}
}

func TestWhoseUDPIsCutGoesOnOverTCP(t *testing.T) {
	chromium(t)
	nat := newRouter(t)
	r := newRoom(t, nat.behind)
	for _, p := range []*person{r.jana, r.kern} {
		p.hidesItsAddresses()
	}
	r.withPictures()
	r.bothGoOver("udp")
	began := time.Now()
	nat.dead.Store(true)
	r.bothGoOver("tcp")
	t.Logf("TCP both ways after %v", time.Since(began).Round(time.Millisecond))
	r.bothSeeEachOther()
	t.Logf("mended within %v", time.Since(began).Round(time.Millisecond))
	r.kern.until("nobody misses anybody", `!document.getElementById("tiles").innerText.includes("gerade nicht")`)
}

func TestWhereOnlyTheRelayIsLeftItCarriesEverything(t *testing.T) {
	chromium(t)
	nat := newRouter(t)
	r := newRoom(t, nat.behind, func(c *config) { c.TURNAddr = "127.0.0.1:0" })
	for _, p := range []*person{r.jana, r.kern} {
		p.hidesItsAddresses()
	}
	r.withPictures()
	r.bothGoOver("udp")
	began := time.Now()
	nat.shuts()
	r.bothGoOver("relay")
	r.bothSeeEachOther()
	t.Logf("over the relay within %v", time.Since(began).Round(time.Millisecond))
}

// restart ends the server as an operator would and starts it anew, on the same database and under the same address.
func (h *house) restart() {
	h.t.Helper()
	h.stop()
	l, err := net.Listen("tcp", h.Addr)
	if err != nil {
		h.t.Fatal(err)
	}
	h.door.Listener = l // the server closes it
	assets, err := web.LoadAssets(h.t.Context(), "", func(string) {})
	if err != nil {
		h.t.Fatal(err)
	}
	if h.server, err = newServer(h.t.Context(), h.config, h.db, assets, h.clock, slog.New(complaints{h.t})); err != nil {
		h.t.Fatal(err)
	}
	h.start()
}

func TestTheRoomFormsAgainByItselfAfterARestartOfTheServer(t *testing.T) {
	chromium(t)
	r := newRoom(t)
	r.withPictures()
	for _, p := range []*person{r.jana, r.kern} {
		for _, part := range []string{"net::ERR_", "WebSocket connection to", "the server responded with a status of 5"} {
			p.allows(part, "the server is restarted")
		}
	}
	began := time.Now()
	r.restart()
	r.jana.until("the notes are back", `window.konsil.notes.connected()`)
	r.bothSeeEachOther()
	t.Logf("pictures again %v after the restart began", time.Since(began).Round(time.Millisecond))
	for _, p := range []*person{r.jana, r.kern} {
		p.sees("2 Personen", "Kamera an", "Mikrofon an")
	}
	sameCode(t, "", r.jana, r.kern)
}

func TestMediaOutlivesASocketThatIsCut(t *testing.T) {
	chromium(t)
	r := newRoom(t)
	r.withPictures()
	for _, p := range []*person{r.jana, r.kern} {
		for _, part := range []string{"net::ERR_", "WebSocket connection to"} {
			p.allows(part, "the connection is cut on purpose")
		}
	}
	r.door.cut()
	r.jana.until("word of being offline", `document.getElementById("saved").innerText.startsWith("offline")`)
	r.door.mend()
	r.bothSeeEachOther()
	if all := strings.Join(r.jana.goesOver(), " "); all != "udp udp" {
		t.Errorf("goes over %s", all)
	}
}

// keepsHold lets a page's connections and workers be taken hold of.
const keepsHold = `
for (const [name, list] of [["RTCPeerConnection", "pcs"], ["Worker", "workers"]]) {
  window[list] = [];
  window[name] = class extends window[name] { constructor(...all) { super(...all); window[list].push(this); } };
}`

// losesFrames: from here on nothing of the picture that comes in is shown; the connection and the sound are as they were.
const losesFrames = `(() => {
	const comes = (t) => t.currentDirection === "recvonly" && t.receiver.track.kind === "video";
	const { receiver } = window.pcs.flatMap((pc) => pc.getTransceivers()).find(comes);
	receiver.transform = new RTCRtpScriptTransform(window.workers[0], { op: "receive", connection: -1, mid: "" });
	return window.pcs.length;
})()`

func TestASinglePictureThatStandsStillIsMendedByItself(t *testing.T) {
	chromium(t)
	r := newRoom(t)
	r.kern.isGiven(keepsHold)
	r.kern.visits("/conferences/" + r.code + "/room")
	r.jana.switchesOn()
	r.kern.seesEverybodyMove(1)
	connections := asked[int](r.kern, losesFrames)
	r.kern.until("the picture comes in another line", `window.pcs.flatMap((pc) => pc.getTransceivers()).filter((t) => t.receiver.track.kind === "video").length > 1`)
	r.kern.seesEverybodyMove(1)
	if n := asked[int](r.kern, `window.pcs.length`); n != connections {
		t.Errorf("%d connections were made for it", n-connections)
	}
	r.kern.until("nobody misses anybody", `!document.getElementById("tiles").innerText.includes("gerade nicht")`)
}

func TestTheNetworkIsTriedOutWayByWay(t *testing.T) {
	chromium(t)
	nat := newRouter(t)
	r := newRoom(t, nat.behind, func(c *config) { c.TURNAddr = "127.0.0.1:0" })
	r.jana.presses("Prüfen")
	r.jana.presses("Netz prüfen")
	r.jana.sees("Direkter Weg (UDP): frei.", "Ausweichweg (TCP): frei.", "Umweg über das Relais: frei.", "Das Netz ist gut")
	nat.dead.Store(true)
	r.jana.presses("Netz prüfen")
	r.jana.sees("Direkter Weg (UDP): dieses Netz lässt ihn nicht zu.", "Ausweichweg (TCP): frei.", "Bild und Ton nehmen einen Umweg")
}

// sharesACanvas: what she shares of her screen is a small picture that changes ten times a second.
const sharesACanvas = `navigator.mediaDevices.getDisplayMedia = async () => {
	const canvas = Object.assign(document.createElement("canvas"), { width: 640, height: 360 });
	const page = canvas.getContext("2d");
	let n = 0;
	setInterval(() => {
		page.fillStyle = "white";
		page.fillRect(0, 0, 640, 360);
		page.fillStyle = "black";
		page.fillText("Zeile " + n++, 20, 20 + (n % 300));
	}, 100);
	return canvas.captureStream(10);
};`

// sendsAs are the formats of the pictures that a page sends.
const sendsAs = `Promise.all(window.pcs.map((pc) => pc.getStats())).then((all) => all.flatMap((stats) =>
	[...stats.values()].filter((s) => s.type === "outbound-rtp" && s.kind === "video" && s.framesEncoded > 0)
		.map((s) => stats.get(s.codecId)?.mimeType + " " + (s.scalabilityMode ?? "?"))))`

func TestAScreenComesInAFormatForWritingToEveryBrowser(t *testing.T) {
	chromium(t)
	h := newHouse(t)
	kern := h.person
	if firefoxProgram() != "" {
		kern = h.personAtFirefox
	}
	r := h.meeting(h.person("Jana Brandt"), kern("Dr. Anselm Kern"))
	karin := r.moderator()
	karin.isGiven(keepsHold + sharesACanvas)
	karin.visits("/conferences/" + r.code + "/room")
	karin.until("the notes", `window.konsil?.notes.connected()`)
	karin.presses("Bildschirm aus")
	karin.sees("Bildschirm an")
	for _, p := range []*person{r.jana, r.kern} {
		p.seesEverybodyMove(1)
	}
	if formats := asked[[]string](karin, sendsAs); len(formats) != 1 || formats[0] != "video/VP9 L1T3" {
		t.Errorf("the screen is sent as %q", formats)
	}
	for _, p := range []*person{r.jana, r.kern} {
		for name, c := range p.seal().Counts {
			if c.Failed > 0 || c.Plain > 0 {
				t.Errorf("%s: frames of %s: %+v", p.name, name, c)
			}
		}
	}
	again := r.jana // who comes later begins with what is kept of the picture
	again.visits("/conferences/" + r.code + "/room")
	again.seesEverybodyMove(1)
}
