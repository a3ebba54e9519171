//go:build linux

package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/gorilla/websocket"
)

// firefoxProgram is the browser's, empty where there is none.
func firefoxProgram() string {
	for _, name := range []string{"firefox-esr", "firefox"} {
		if bin, err := exec.LookPath(name); err == nil {
			return bin
		}
	}
	return ""
}

// findFirefox gives the browser's program. Firefox is looked for, not demanded: without one the test is skipped.
func findFirefox(t *testing.T) string {
	t.Helper()
	if bin := firefoxProgram(); bin != "" {
		return bin
	}
	t.Skip("SKIPPED: no Firefox on this machine, so nobody met across two browsers")
	return ""
}

// firefoxPrefs give test pictures and sounds for devices, let media flow on loopback and keep the browser at home.
const firefoxPrefs = `
user_pref("media.navigator.streams.fake", true);
user_pref("media.navigator.permission.disabled", true);
user_pref("media.peerconnection.ice.loopback", true);
user_pref("media.peerconnection.ice.obfuscate_host_addresses", false);
user_pref("media.gmp-manager.updateEnabled", false);
user_pref("media.gmp-provider.enabled", false);
user_pref("network.proxy.type", 0);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("dom.ipc.processCount", 1);
`

// firefox is one tab of a running Firefox, led over WebDriver BiDi (https://www.w3.org/TR/webdriver-bidi/).
type firefox struct {
	line *websocket.Conn
	tab  string            // its browsing context
	hear func(line string) // is told what the browser complains about

	mu     sync.Mutex // also around writing
	asked  int
	awaits map[int]chan bidiMessage
}

// bidiMessage is an answer, which has an id, or an event, which has a method.
type bidiMessage struct {
	ID      int             `json:"id"`
	Type    string          `json:"type"`
	Method  string          `json:"method"`
	Params  json.RawMessage `json:"params"`
	Result  json.RawMessage `json:"result"`
	Error   string          `json:"error"`
	Message string          `json:"message"`
}

type object = map[string]any

// personAtFirefox is like person, but the browser is another one.
func (h *house) personAtFirefox(name string) *person {
	h.t.Helper()
	d := &desk{dir: place(h.t, true)}
	p := &person{t: h.t, h: h, name: name, desk: d, ctx: context.Background(), fox: &firefox{awaits: map[int]chan bidiMessage{}}}
	p.fox.hear = p.noted
	h.t.Cleanup(p.goes)
	ctx, stop := context.WithTimeout(p.ctx, 3*patience) // the first start of a profile takes its time on a busy machine
	defer stop()
	address, err := d.startFirefox(ctx, findFirefox(h.t))
	if err == nil {
		err = p.fox.opens(ctx, address)
	}
	if err != nil {
		h.t.Fatalf("%s cannot start Firefox: %v", name, err)
	}
	return p
}

// startFirefox begins a browser with a fresh profile, and gives the address under which it is led.
func (d *desk) startFirefox(ctx context.Context, bin string) (string, error) {
	profile := filepath.Join(d.dir, "profile")
	if err := os.Mkdir(profile, 0o700); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(profile, "user.js"), []byte(firefoxPrefs), 0o600); err != nil {
		return "", err
	}
	said, says, err := os.Pipe()
	if err != nil {
		return "", err
	}
	defer says.Close()
	cmd := exec.Command(bin, "--headless", "--no-remote", "--profile", profile, "--remote-debugging-port", "0", "--width", "1000", "--height", "720", "about:blank")
	cmd.Dir, cmd.Stderr = d.dir, says
	cmd.Env = append(os.Environ(), "HOME="+d.dir, "TMPDIR="+d.dir, "MOZ_CRASHREPORTER_DISABLE=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	d.pid.Store(int64(cmd.Process.Pid))
	go cmd.Wait() // it ends when goes kills its group
	return listens(ctx, said)
}

// listens reads where the browser waits to be led, and reads on, so that it never waits for its reader.
func listens(ctx context.Context, said *os.File) (string, error) {
	found := make(chan string, 1)
	go func() {
		defer said.Close()
		lines := bufio.NewScanner(said)
		for lines.Scan() {
			if _, address, ok := strings.Cut(lines.Text(), "WebDriver BiDi listening on "); ok {
				found <- address
				break
			}
		}
		_, _ = io.Copy(io.Discard, said)
	}()
	select {
	case address := <-found:
		return address, nil
	case <-ctx.Done():
		return "", errors.New("it does not say where it listens")
	}
}

// opens a session in the tab that is there.
func (f *firefox) opens(ctx context.Context, address string) error {
	var err error
	if f.line, _, err = websocket.DefaultDialer.DialContext(ctx, address+"/session", nil); err != nil {
		return err
	}
	go f.reads()
	var tree struct{ Contexts []struct{ Context string } }
	err = errors.Join(
		f.call(ctx, "session.new", object{"capabilities": object{}}, nil),
		f.call(ctx, "session.subscribe", object{"events": []string{"log.entryAdded"}}, nil),
		f.call(ctx, "script.addPreloadScript", object{"functionDeclaration": "() => {" + watch + "}"}, nil),
		f.call(ctx, "browsingContext.getTree", object{}, &tree),
	)
	if err == nil && len(tree.Contexts) == 0 {
		err = errors.New("it has no tab")
	}
	if err != nil {
		return err
	}
	f.tab = tree.Contexts[0].Context
	return nil
}

// reads until the browser is gone; whoever waits for an answer then has a context that ends.
func (f *firefox) reads() {
	for {
		var m bidiMessage
		if err := f.line.ReadJSON(&m); err != nil {
			f.line.Close()
			return
		}
		if m.Type == "event" {
			f.heard(m)
			continue
		}
		f.mu.Lock()
		answer := f.awaits[m.ID]
		delete(f.awaits, m.ID)
		f.mu.Unlock()
		if answer != nil {
			answer <- m
		}
	}
}

func (f *firefox) heard(m bidiMessage) {
	var entry struct{ Level, Text, Type string }
	if m.Method != "log.entryAdded" || json.Unmarshal(m.Params, &entry) != nil {
		return
	}
	if entry.Level == "error" || entry.Level == "warn" {
		f.hear(entry.Type + " " + entry.Level + ": " + entry.Text)
	}
}

// call gives one command and waits for its result.
func (f *firefox) call(ctx context.Context, method string, params object, result any) error {
	answer := make(chan bidiMessage, 1)
	f.mu.Lock()
	f.asked++
	id := f.asked
	f.awaits[id] = answer
	err := f.line.WriteJSON(object{"id": id, "method": method, "params": params})
	f.mu.Unlock()
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	select {
	case m := <-answer:
		if m.Type == "error" {
			return fmt.Errorf("%s: %s: %s", method, m.Error, m.Message)
		}
		if result == nil {
			return nil
		}
		return json.Unmarshal(m.Result, result)
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", method, ctx.Err())
	}
}

// asks the page for the value of an expression, of the promise if it is one.
func (f *firefox) asks(ctx context.Context, js string, value any) error {
	var said struct {
		Type             string
		Result           struct{ Value string }
		ExceptionDetails struct{ Text string }
	}
	err := f.call(ctx, "script.evaluate", object{
		"expression": "(async () => JSON.stringify(await (" + js + ")) ?? 'null')()", "awaitPromise": true, "target": object{"context": f.tab},
	}, &said)
	if err == nil && said.Type != "success" {
		err = errors.New(said.ExceptionDetails.Text)
	}
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(said.Result.Value), value)
}

func (f *firefox) visits(ctx context.Context, url string) error {
	return f.call(ctx, "browsingContext.navigate", object{"context": f.tab, "url": url, "wait": "complete"}, nil)
}

// acts lets one device do things, one after the other.
func (f *firefox) acts(ctx context.Context, kind string, actions ...object) error {
	return f.call(ctx, "input.performActions", object{
		"context": f.tab, "actions": []object{{"type": kind, "id": kind, "actions": actions}},
	}, nil)
}

func (f *firefox) clicks(ctx context.Context, x, y float64) error {
	return f.acts(ctx, "pointer", object{"type": "pointerMove", "x": int(x), "y": int(y)},
		object{"type": "pointerDown", "button": 0}, object{"type": "pointerUp", "button": 0})
}

// types strikes one key after the other, each in a command of its own as from a hand. What no key is for, Firefox loses when it is
// struck as one; it comes as from a picker of characters.
func (f *firefox) types(ctx context.Context, text string) error {
	for _, r := range text {
		if r > 0xFFFF {
			var done bool
			if err := f.asks(ctx, `document.execCommand("insertText", false, `+quoted(string(r))+`)`, &done); err != nil {
				return err
			}
			if !done {
				return fmt.Errorf("%q is not taken", r)
			}
			continue
		}
		key := cmp.Or(map[rune]string{'\t': "\uE004", '\n': "\uE007"}[r], string(r))
		if err := f.acts(ctx, "key", object{"type": "keyDown", "value": key}, object{"type": "keyUp", "value": key}); err != nil {
			return err
		}
	}
	return nil
}

func (f *firefox) picture(ctx context.Context) ([]byte, error) {
	var shot struct{ Data string }
	if err := f.call(ctx, "browsingContext.captureScreenshot", object{"context": f.tab, "origin": "document"}, &shot); err != nil {
		return nil, err
	}
	return base64.StdEncoding.DecodeString(shot.Data)
}
