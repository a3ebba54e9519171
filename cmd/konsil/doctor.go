package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/konsil-server/konsil/expertpool/mail"
	"github.com/konsil-server/konsil/migrations"
	"github.com/konsil-server/konsil/realtime/sfu"
)

// errUnwell is the doctor's answer when a line says fail.
var errUnwell = errors.New("not everything is as it must be")

// examination is one run of konsil doctor: a line for each thing looked at. It makes and changes nothing.
type examination struct {
	config
	out    io.Writer
	failed bool
	serves bool // a server answers here
}

func (x *examination) ok(format string, args ...any)   { x.line("ok", format, args...) }
func (x *examination) warn(format string, args ...any) { x.line("warn", format, args...) }
func (x *examination) fail(format string, args ...any) {
	x.failed = true
	x.line("fail", format, args...)
}

func (x *examination) line(verdict, format string, args ...any) {
	fmt.Fprintf(x.out, "%-5s %s\n", verdict, fmt.Sprintf(format, args...))
}

// doctor looks at everything that operators get wrong, beside a running server or without one, and says in words what it found.
func doctor(ctx context.Context, _ []string, out io.Writer) error {
	x := &examination{out: out}
	c, err := readConfig()
	if err != nil {
		x.fail("settings: %v", err)
		return errUnwell
	}
	x.config = c
	x.ok("settings: all can be read")
	for _, look := range []func(context.Context){x.keysAtRest, x.database, x.web, x.media, x.relayed, x.address, x.mail} {
		if err := ctx.Err(); err != nil {
			return err
		}
		look(ctx)
	}
	if x.failed {
		return errUnwell
	}
	return nil
}

// keysAtRest are the files that only the server's own user may read.
func (x *examination) keysAtRest(context.Context) {
	files, err := os.ReadDir(x.keys())
	if errors.Is(err, os.ErrNotExist) {
		x.warn("keys: %s is made by the first start; keep it safe, and apart from the backups of the database", x.keys())
		return
	}
	if err != nil {
		x.fail("keys: %v", err)
		return
	}
	for _, f := range files {
		if info, err := f.Info(); err != nil || info.Mode().Perm()&0o077 != 0 {
			x.fail("keys: %s can be read by others; chmod 600 it", filepath.Join(x.keys(), f.Name()))
			return
		}
	}
	x.ok("keys: %d in %s, for their owner only", len(files), x.keys())
}

func (x *examination) database(ctx context.Context) {
	if x.evaluation() {
		if _, err := os.Stat(x.Data); err != nil {
			x.warn("database: evaluation mode, and no private cluster yet; the first start makes it")
			return
		}
		x.warn("database: DATABASE_URL is not set: this is evaluation mode, with invented people on this machine only")
	}
	db, err := openDatabase(ctx, x.config, true, func(string) {})
	if err != nil {
		x.fail("database: %v", err)
		return
	}
	defer db.close()
	x.shape(ctx, db)
	x.vault(ctx, db)
	x.durability(ctx, db)
	x.clock(ctx, db)
}

func (x *examination) shape(ctx context.Context, db *database) {
	var version int
	err := db.QueryRow(ctx, `select current_setting('server_version_num')::int / 10000`).Scan(&version)
	has, newest, verr := migrations.Versions(ctx, db)
	switch {
	case err != nil || verr != nil:
		x.fail("database: %v", errors.Join(err, verr))
	case version < 15:
		x.fail("database: PostgreSQL %d is too old, 15 is needed", version)
	case has < newest:
		x.warn("database: PostgreSQL %d answers; migration %d of %d: konsil migrate, or the next start, brings it up to date", version, has, newest)
	case has > newest:
		x.fail("database: a newer konsil has migrated it (%d, this one knows %d)", has, newest)
	default:
		x.ok("database: PostgreSQL %d answers, migration %d of %d", version, has, newest)
	}
	if err := migrations.Check(ctx, db); errors.Is(err, migrations.ErrGermanText) {
		x.warn("database: its locale does not know German letters, so search will miss words; C.UTF-8 or de_DE.UTF-8 does")
	}
}

// vault: who the clients are is out of reach of ordinary statements.
func (x *examination) vault(ctx context.Context, db *database) {
	if has, newest, err := migrations.Versions(ctx, db); err != nil || has < newest {
		return // said already
	}
	shared, err := sharedVault(ctx, db)
	switch {
	case err != nil:
		x.fail("vault: %v", err)
	case shared != "":
		x.warn("vault: %s", shared)
	default:
		x.ok("vault: its tables belong to a role of their own")
	}
}

// durability: what is called saved must outlive a power cut.
func (x *examination) durability(ctx context.Context, db *database) {
	var fsync, synchronous string
	err := db.QueryRow(ctx, `select current_setting('fsync'), current_setting('synchronous_commit')`).Scan(&fsync, &synchronous)
	switch {
	case err != nil:
		x.fail("database: %v", err)
	case fsync == "off" || synchronous == "off":
		x.fail("database: fsync is %s, synchronous_commit is %s: what people saw as saved can be lost", fsync, synchronous)
	}
}

func (x *examination) clock(ctx context.Context, db *database) {
	var theirs time.Time
	if err := db.QueryRow(ctx, `select clock_timestamp()`).Scan(&theirs); err != nil {
		x.fail("clock: %v", err)
		return
	}
	if apart := time.Since(theirs).Abs(); apart > 2*time.Second {
		x.warn("clock: this machine and the database are %v apart; have both ask a time server", apart.Round(time.Second))
		return
	}
	x.ok("clock: as the database's, %s", time.Now().Format("2006-01-02 15:04:05 MST"))
}

// web asks the server directly, and then as browsers do.
func (x *examination) web(ctx context.Context) {
	if status, _ := visit(ctx, "http://"+reachable(x.Addr)+"/livez", nil); status != http.StatusOK {
		x.warn("server: nothing answers at %s; start konsil and ask again, the ports are only looked at from outside", x.Addr)
		return
	}
	x.serves = true
	status, err := visit(ctx, x.PublicURL+"/readyz", nil)
	if status != http.StatusOK {
		x.fail("pages: %s does not lead here (%s); is the proxy in front set up?", x.PublicURL, outcome(status, err))
		return
	}
	x.ok("pages: %s leads here", x.PublicURL)
	status, err = visit(ctx, x.PublicURL+"/conferences/doctor/live?ticket=doctor", http.Header{
		"Origin": {x.PublicURL}, "Connection": {"Upgrade"}, "Upgrade": {"websocket"},
		"Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"ZG9jdG9yZG9jdG9yZG9jdA=="},
	})
	switch status {
	case http.StatusUnauthorized: // the ticket is none, and that the server gets to look at it is what counts
		x.ok("WebSocket: passes, with its origin")
	case http.StatusUpgradeRequired:
		x.fail("WebSocket: the proxy in front does not pass the headers Upgrade and Connection on")
	default:
		x.fail("WebSocket: %s", outcome(status, err))
	}
}

func visit(ctx context.Context, url string, header http.Header) (status int, err error) {
	ctx, stop := context.WithTimeout(ctx, 5*time.Second)
	defer stop()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	r.Header = header
	answer, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(r)
	if err != nil {
		return 0, err
	}
	return answer.StatusCode, answer.Body.Close()
}

func outcome(status int, err error) string {
	if status == 0 {
		return err.Error()
	}
	return fmt.Sprintf("answer %d", status)
}

// reachable is an address listened on as this machine can call it.
func reachable(addr string) string {
	host, port, _ := net.SplitHostPort(addr)
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return addr
}

func (x *examination) media(ctx context.Context) {
	if !x.serves {
		x.free("media port", x.RTCAddr)
		return
	}
	if _, err := sfu.ProbeUDP(ctx, reachable(x.RTCAddr)); err != nil {
		x.fail("media port: UDP %s: %v", x.RTCAddr, err)
	} else {
		x.ok("media port: UDP %s answers", x.RTCAddr)
	}
	if err := sfu.ProbeTCP(ctx, reachable(x.RTCAddr)); err != nil {
		x.fail("media port: TCP %s: %v", x.RTCAddr, err)
	} else {
		x.ok("media port: TCP %s answers, for networks without UDP", x.RTCAddr)
	}
	for _, at := range x.offered() {
		if x.RTCPublicIP == "" {
			break // reached above under another of this machine's addresses
		}
		if _, err := sfu.ProbeUDP(ctx, at.String()); err != nil {
			x.warn("media port: %s does not answer from here; many routers do not lead back inside, so look from another network, with the test before a conference", at)
		} else {
			x.ok("media port: %s answers", at)
		}
	}
}

// free looks whether a server could have a port for UDP and TCP.
func (x *examination) free(what, addr string) {
	packets, err := net.ListenPacket("udp", addr)
	if err == nil {
		packets.Close()
		var stream net.Listener
		if stream, err = net.Listen("tcp", addr); err == nil {
			stream.Close()
			x.ok("%s: %s is free for UDP and TCP", what, addr)
			return
		}
	}
	x.fail("%s: %v", what, err)
}

// offered is what people are told to send media to.
func (x *examination) offered() []netip.AddrPort {
	ips, err := x.publicIPs()
	if err != nil {
		return nil // readConfig has refused that already
	}
	all, err := sfu.Config{Addr: x.RTCAddr, PublicIPs: ips}.Offered()
	if err != nil {
		x.fail("media port: %v", err)
	}
	return all
}

// relayed tries each way to the relay with credentials as the server gives them, up to the media port behind it.
func (x *examination) relayed(ctx context.Context) {
	if x.TURNAddr == "" && x.TURNTLSAddr == "" {
		x.warn("relay: none (KONSIL_TURN_ADDR, KONSIL_TURN_TLS_ADDR): people whose network lets only the web through stay without sound and picture")
		return
	}
	if _, err := os.Stat(filepath.Join(x.keys(), relayKey)); err != nil || !x.serves {
		x.warn("relay: cannot be tried before konsil runs with it")
		return
	}
	r, err := x.relay()
	media := x.offered()
	if err != nil || len(media) == 0 {
		x.fail("relay: %v", err)
		return
	}
	server := r.Server("doctor", time.Minute)
	for _, url := range server.URLs {
		near := strings.NewReplacer(":"+r.Host+":", ":"+hostAt(x.TURNAddr)+":", ":"+r.TLSHost+":", ":"+hostAt(x.TURNTLSAddr)+":").Replace(url)
		if err := sfu.ProbeRelay(ctx, near, server, &tls.Config{ServerName: r.TLSHost}, media[0]); err != nil {
			x.fail("relay: %s: %v", url, err)
			continue
		}
		if err := sfu.ProbeRelay(ctx, url, server, &tls.Config{ServerName: r.TLSHost}, media[0]); err != nil {
			x.warn("relay: %s works on this machine, but not under its name: %v", url, err)
			continue
		}
		x.ok("relay: %s leads to the media port", url)
	}
}

func hostAt(addr string) string {
	host, _, _ := net.SplitHostPort(reachable(addr))
	return host
}

// address asks whether people elsewhere can reach what they are told.
func (x *examination) address(ctx context.Context) {
	all := x.offered()
	var outside []netip.AddrPort
	for _, at := range all {
		if ip := at.Addr(); ip.IsGlobalUnicast() && !ip.IsPrivate() {
			outside = append(outside, at)
		}
	}
	switch {
	case loopback(x.PublicURL[strings.Index(x.PublicURL, "//")+2:]):
		x.warn("address: %s is for this machine only", x.PublicURL)
	case len(all) == 0:
		x.fail("address: this machine has none that people could send media to")
	case len(outside) == 0:
		x.warn("address: people are told to send media to %v, which leads here from the house's own network only; "+
			"KONSIL_RTC_PUBLIC_IP names the address that a router in front has", all)
	default:
		x.ok("address: people send media to %v", outside)
	}
	names, err := net.DefaultResolver.LookupNetIP(ctx, "ip", hostOf(x.PublicURL))
	if err != nil || len(names) == 0 {
		x.fail("address: %s has no address", hostOf(x.PublicURL))
	}
}

func (x *examination) mail(ctx context.Context) {
	t, err := x.transport()
	smtp, sends := t.(*mail.SMTP)
	switch {
	case err != nil:
		x.fail("mail: %v", err)
	case !sends:
		x.warn("mail: KONSIL_SMTP_URL is not set: mails are kept and reach nobody")
	default:
		ctx, stop := context.WithTimeout(ctx, 15*time.Second)
		defer stop()
		if err := smtp.Reach(ctx, x.MailFrom); err != nil {
			x.fail("mail: the relay does not take mails: %v", err)
		} else {
			x.ok("mail: the relay answers and knows us")
		}
	}
	if box, err := x.mailbox(nil); box != nil && err == nil {
		ctx, stop := context.WithTimeout(ctx, 15*time.Second)
		defer stop()
		if err := box.Reach(ctx); err != nil {
			x.fail("mail: answers cannot be fetched: %v", err)
		} else {
			x.ok("mail: the mailbox for answers opens")
		}
	}
	if strings.HasSuffix(x.MailFrom, "@localhost") {
		if !x.evaluation() {
			x.warn("mail: KONSIL_MAIL_FROM is %s, which nobody can answer", x.MailFrom)
		}
		return
	}
	x.sender(mail.StandingOf(ctx, net.DefaultResolver, x.MailFrom))
}

// sender says what receivers learn about the domain that mails come from. Nothing of it stops the server; mails may end as spam.
func (x *examination) sender(s mail.Standing) {
	words := map[string]string{
		mail.Missing: "there is none", mail.Weak: "it asks for nothing", mail.Double: "there are two, so none counts",
		mail.Unseen: "no key under the usual selectors; fine if the relay signs", mail.Unknown: "could not be looked up",
	}
	for _, f := range []struct{ what, found string }{{"SPF, who may send", s.SPF}, {"DKIM, the signature", s.DKIM}, {"DMARC, what becomes of forgeries", s.DMARC}} {
		if f.found == mail.Good {
			x.ok("mail: %s of %s: set", f.what, s.Domain)
			continue
		}
		x.warn("mail: %s of %s: %s", f.what, s.Domain, words[f.found])
	}
}
