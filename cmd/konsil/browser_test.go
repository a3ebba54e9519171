//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// People at browsers: a real server, one Chromium with a profile of its own per person, mouse and keyboard. What a page shows
// is read as its reader reads it; names of buttons and fields are the words on the page.

// patience is how long somebody waits for something to happen on a page before the test says what was missing.
const patience = 90 * time.Second

// chromium finds the browser. Without one the test is skipped, but not where a missing browser would hide a fault.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if bin, err := exec.LookPath(name); err == nil {
			return bin
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("no Chromium on this machine")
	}
	t.Skip("SKIPPED: no Chromium on this machine, so nobody walked through the pages")
	return ""
}

// person is somebody at a tab of her own browser.
type person struct {
	t    *testing.T
	h    *house
	name string
	ctx  context.Context
	desk *desk
	fox  *firefox // in place of Chromium
}

// desk is what the tabs of one browser share.
type desk struct {
	dir     string // profile and downloads
	pid     atomic.Int64
	mu      sync.Mutex
	console []string
	allowed []string
	stays   bool     // answers a page that asks before leaving with no
	asked   []string // what pages asked before leaving
}

// person starts a browser with a fresh profile. It is closed, and its profile removed, when the test ends.
func (h *house) person(name string) *person {
	h.t.Helper()
	d := &desk{dir: place(h.t, true)}
	p := &person{t: h.t, h: h, name: name, desk: d}
	for _, sub := range []string{"profile", "downloads"} {
		if err := os.Mkdir(filepath.Join(d.dir, sub), 0o700); err != nil {
			h.t.Fatal(err)
		}
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), d.flags(chromium(h.t))...)
	ctx, leave := chromedp.NewContext(allocator, chromedp.WithListener(p.hears))
	p.ctx = ctx
	h.t.Cleanup(func() {
		p.goes()
		leave()
		stop()
	})
	if err := chromedp.Do(ctx); err != nil {
		h.t.Fatalf("%s cannot start Chromium: %v", name, err)
	}
	p.sitsDown()
	_, err := chromedp.CallBrowser(ctx, cdpbrowser.SetDownloadBehavior, cdpbrowser.SetDownloadBehaviorParams{
		Behavior: cdpbrowser.SetDownloadBehaviorBehaviorAllow, DownloadPath: filepath.Join(d.dir, "downloads"),
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return p
}

// flags keep Chromium to itself and small: two processors show three videos to three people. Cameras and microphones are
// Chromium's own test pictures and sounds.
func (d *desk) flags(bin string) []chromedp.ExecAllocatorOption {
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(bin), chromedp.UserDataDir(filepath.Join(d.dir, "profile")),
		chromedp.Env("TMPDIR=" + d.dir),
		chromedp.ModifyCmdFunc(func(cmd *exec.Cmd) {
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
		}),
	}
	for name, value := range map[string]any{
		"headless": true, "no-sandbox": true, "disable-gpu": true, "disable-quic": true, "no-first-run": true,
		"disable-background-networking": true, "disable-component-update": true, "disable-sync": true, "disable-breakpad": true,
		"disable-default-apps": true, "disable-extensions": true, "disable-dev-shm-usage": true, "no-default-browser-check": true,
		"password-store": "basic", "window-size": "1000,720", "hide-scrollbars": true,
		"disable-renderer-backgrounding": true, "disable-backgrounding-occluded-windows": true, "disable-background-timer-throttling": true,
		"use-fake-device-for-media-stream": "fps=5", "use-fake-ui-for-media-stream": true,
		"allow-loopback-in-peer-connection": true, "disable-features": "WebRtcHideLocalIpsWithMdns,Translate,MediaRouter,OptimizationHints",
	} {
		options = append(options, chromedp.Flag(name, value))
	}
	return options
}

// watch is in every page before its own script: it tells of what the content security policy stopped, and keeps hold of
// camera and microphone so that the test can ask whether they are off. It changes nothing.
const watch = `
addEventListener("securitypolicyviolation", (e) => console.error("content security policy", e.violatedDirective, e.blockedURI, e.sourceFile, e.lineNumber));
if (navigator.mediaDevices) {
  const own = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  window.devices = [];
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    const stream = await own(wanted);
    window.devices.push(...stream.getTracks());
    return stream;
  };
}`

func (p *person) sitsDown() {
	p.t.Helper()
	if c := chromedp.FromContext(p.ctx); c.Browser != nil && c.Browser.Process() != nil {
		p.desk.pid.Store(int64(c.Browser.Process().Pid))
	}
	_, err := chromedp.Call(p.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: watch})
	if err != nil {
		p.t.Fatal(err)
	}
}

// tab opens another tab beside this one: the same profile, so the same session.
func (p *person) tab() *person {
	p.t.Helper()
	q := *p
	var leave context.CancelFunc
	q.ctx, leave = chromedp.NewContext(p.ctx, chromedp.WithListener(q.hears))
	q.name += " in another tab"
	p.t.Cleanup(func() {
		if p.t.Failed() {
			q.leavesTraces()
		}
		leave()
	})
	if err := chromedp.Do(q.ctx); err != nil {
		p.t.Fatalf("%s cannot open another tab: %v", p.name, err)
	}
	q.sitsDown()
	return &q
}

// goes closes the browser and looks at what it had to complain about. Whatever of it is still there is killed by its group.
func (p *person) goes() {
	if p.t.Failed() {
		p.leavesTraces()
	}
	if p.fox == nil {
		ctx, stop := context.WithTimeout(p.ctx, 5*time.Second)
		defer stop()
		_ = chromedp.Cancel(ctx) // a browser that does not close is killed below
	}
	group := int(p.desk.pid.Load())
	if group <= 0 {
		return
	}
	for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		_ = syscall.Kill(-group, syscall.SIGKILL)
		left := inhabitants(p.t, p.desk.dir)
		if len(left) == 0 {
			break
		}
		if time.Now().After(deadline) {
			p.t.Errorf("%s: the browser does not go: %v", p.name, left)
			break
		}
	}
	p.desk.mu.Lock()
	defer p.desk.mu.Unlock()
	for _, line := range p.desk.console {
		p.t.Errorf("%s: the browser complained: %s", p.name, line)
	}
}

// leavesTraces keeps what somebody had before her when the test failed.
func (p *person) leavesTraces() {
	dir := p.t.ArtifactDir()
	base := filepath.Join(dir, strings.ReplaceAll(p.name, " ", "-"))
	ctx, stop := context.WithTimeout(p.ctx, 5*time.Second)
	defer stop()
	take := func(ctx context.Context) ([]byte, error) { return chromedp.Run(ctx, chromedp.FullScreenshot(100)) }
	if p.fox != nil {
		take = p.fox.picture
	}
	picture, err := take(ctx)
	if err == nil {
		err = os.WriteFile(base+".png", picture, 0o600)
	}
	where, _ := evaluated[string](p, `location.pathname`)
	p.desk.mu.Lock()
	lines := strings.Join(p.desk.console, "\n")
	p.desk.mu.Unlock()
	err = errors.Join(err, os.WriteFile(base+".txt", []byte(where+"\n"+lines+"\n"), 0o600))
	p.t.Logf("%s was at %s; picture and console: %s.* (kept with -artifacts), %v", p.name, where, base, err)
}

// hears takes what the browser says about its pages. It must not ask the browser anything itself.
func (p *person) hears(event any) {
	switch e := event.(type) {
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			p.noted(fmt.Sprintf("%s %s: %s %s", e.Entry.Source, e.Entry.Level, e.Entry.Text, e.Entry.URL))
		}
	case *runtime.EventExceptionThrown:
		line := e.ExceptionDetails.Text
		if o := e.ExceptionDetails.Exception; o != nil {
			line += " " + o.Description
		}
		p.noted("exception: " + line)
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning || e.Type == runtime.ConsoleAPICalledTypeAssert {
			var said []string
			for _, arg := range e.Args {
				said = append(said, strings.Trim(string(arg.Value)+" "+arg.Description, " "))
			}
			p.noted("console." + string(e.Type) + ": " + strings.Join(said, " "))
		}
	case *page.EventJavascriptDialogOpening:
		p.desk.mu.Lock()
		stays := p.desk.stays
		p.desk.asked = append(p.desk.asked, string(e.Type))
		p.desk.mu.Unlock()
		go func() { // from here the browser cannot be answered
			_, _ = chromedp.Call(p.ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: !stays})
		}()
	}
}

func (p *person) noted(line string) {
	p.desk.mu.Lock()
	defer p.desk.mu.Unlock()
	if !slices.ContainsFunc(p.desk.allowed, func(part string) bool { return strings.Contains(line, part) }) {
		p.desk.console = append(p.desk.console, line)
	}
}

// allows names a complaint of the browser that is none, from here on, and why.
func (p *person) allows(part, why string) {
	p.t.Logf("%s: complaints with %q are allowed from here: %s", p.name, part, why)
	p.desk.mu.Lock()
	defer p.desk.mu.Unlock()
	p.desk.allowed = append(p.desk.allowed, part)
}

// forbids ends an allowance.
func (p *person) forbids(part string) {
	p.desk.mu.Lock()
	defer p.desk.mu.Unlock()
	p.desk.allowed = slices.DeleteFunc(p.desk.allowed, func(s string) bool { return s == part })
}
