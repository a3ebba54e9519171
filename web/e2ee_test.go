//go:build !release

package web

import (
	"bufio"
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/konsil-server/konsil/web/checkout"
)

// checked is a line of a test in testdata/e2ee.
type checked struct {
	Name, Fault, Vector string
}

// runScript bundles a TypeScript file of testdata with the code it tests and runs it with node, which has the browsers' cryptography.
func runScript(t *testing.T, name string) (lines []checked) {
	t.Helper()
	if err := checkout.Prepare(t.Context(), func(line string) { t.Log(line) }); err != nil {
		t.Fatal(err)
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	// node reads these behind go test's back, which must not take an old result for the new sources
	if _, err := sourceHash(here); err != nil {
		t.Fatal(err)
	}
	for _, one := range []string{name, "check.ts"} {
		if _, err := os.ReadFile(filepath.Join("testdata", "e2ee", one)); err != nil {
			t.Fatal(err)
		}
	}
	bundle := filepath.Join(t.TempDir(), "bundle.mjs")
	build := []string{filepath.Join(here, "node_modules", ".bin", "esbuild"), filepath.Join("testdata", "e2ee", name), "--bundle", "--format=esm", "--outfile=" + bundle, "--log-level=warning"}
	if err := checkout.Run(t.Context(), here, build); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", bundle)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	for scan := bufio.NewScanner(bytes.NewReader(out)); scan.Scan(); {
		var line checked
		if err := json.Unmarshal(scan.Bytes(), &line); err != nil {
			t.Fatalf("%s said %q", name, scan.Text())
		}
		lines = append(lines, line)
	}
	return lines
}

// report makes a subtest of each check.
func report(t *testing.T, lines []checked, want int) {
	t.Helper()
	checks := 0
	for _, line := range lines {
		if line.Name == "" {
			continue
		}
		checks++
		t.Run(line.Name, func(t *testing.T) {
			if line.Fault != "" {
				t.Error(line.Fault)
			}
		})
	}
	if checks != want {
		t.Errorf("%d checks were run, want %d", checks, want)
	}
}

func TestFramesAreSealedAsAnotherImplementationSealsThem(t *testing.T) {
	t.Parallel()
	lines := runScript(t, "frame_test.ts")
	report(t, lines, 7)
	for _, line := range lines {
		if line.Vector != "" && line.Vector != hex.EncodeToString(sealedFrame(t)) {
			t.Errorf("sealed in a browser %s\nsealed here        %x", line.Vector, sealedFrame(t))
		}
	}
	if len(lines) == 0 || lines[0].Vector == "" {
		t.Error("there was no frame to compare")
	}
}

// sealedFrame is the frame of frame_test.ts, sealed anew: clear header ‖ ciphertext and tag ‖ counter ‖ key id ‖ clear length ‖ "kn".
func sealedFrame(t *testing.T) []byte {
	t.Helper()
	secret, picture := make([]byte, 32), make([]byte, 100)
	for i := range secret {
		secret[i] = byte(i)
	}
	for i := range picture {
		picture[i] = byte(i * 7)
	}
	derived, err := hkdf.Key(sha256.New, secret, nil, "konsil frame 1 camera", 20)
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(derived[:16])
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	counter := []byte{0, 0, 0, 1, 0, 0, 0, 5}
	const keyID, clear = 258 % 256, 3
	header := picture[:clear]
	associated := append(append(append([]byte{}, header...), "00112233aabbccddcamera"...), keyID)
	frame := gcm.Seal(append([]byte{}, header...), append(append([]byte{}, derived[16:]...), counter...), picture[clear:], associated)
	return append(append(frame, counter...), keyID, clear, 'k', 'n')
}

func TestThePageStartsTheWorkerItWasBuiltWith(t *testing.T) {
	t.Parallel()
	a := loaded(t)
	worker := strings.TrimPrefix(a.URL("worker.js"), "/assets/")
	if a.files[worker].plain == nil || !strings.HasPrefix(worker, "worker-") {
		t.Fatalf("there is no worker: %q", worker)
	}
	for name, file := range a.files {
		if strings.HasSuffix(name, ".js") && bytes.Contains(file.plain, []byte(worker)) {
			return
		}
	}
	t.Errorf("no script names %s", worker)
}

func TestParticipantsAgreeOnKeysThatTheServerDoesNotHave(t *testing.T) {
	t.Parallel()
	report(t, runScript(t, "keys_test.ts"), 14)
}

func TestLinesOfCaptionsAreSealedAsAnotherImplementationOpensThem(t *testing.T) {
	t.Parallel()
	lines := runScript(t, "lines_test.ts")
	report(t, lines, 5)
	for _, line := range lines {
		if line.Vector != "" {
			if got := openedLine(t, line.Vector); got != "Guten Tag 🙂" {
				t.Errorf("opened here it says %q", got)
			}
			return
		}
	}
	t.Error("there was no line to open")
}

// openedLine opens the line of lines_test.ts: counter ‖ ciphertext and tag, filled up with zeros.
func openedLine(t *testing.T, blob string) string {
	t.Helper()
	sealed, err := base64.RawURLEncoding.DecodeString(blob)
	if err != nil {
		t.Fatal(err)
	}
	secret := make([]byte, 32)
	for i := range secret {
		secret[i] = byte(i)
	}
	const label = "konsil caption 1"
	derived, err := hkdf.Key(sha256.New, secret, nil, label, 20)
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(derived[:16])
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	var associated []byte
	for _, part := range []string{label, "00112233aabbccdd", string(binary.BigEndian.AppendUint64(nil, 258))} {
		associated = append(binary.BigEndian.AppendUint64(associated, uint64(len(part))), part...)
	}
	text, err := gcm.Open(nil, append(derived[16:], sealed[:8]...), sealed[8:], associated)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimRight(string(text), "\x00")
}
