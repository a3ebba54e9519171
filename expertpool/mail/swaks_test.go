package mail

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestAProgramOfOthersHandsMailOver: swaks speaks LMTP as a mail server does, and hears 250, 550 and 552 where it should. RFC 2033, RFC 3463.
func TestAProgramOfOthersHandsMailOver(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("swaks")
	if err != nil {
		absent(t, "swaks")
	}
	o := newOffice(t, Outbox{})
	o.receive = counting(o)
	path := handsOver(t, o)
	hand := func(to, body string) (string, error) {
		file := filepath.Join(t.TempDir(), "mail")
		if err := os.WriteFile(file, []byte("From: ruth@praxis.example\nTo: "+to+"\nSubject: Antwort\n\n"+body+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		c := exec.CommandContext(t.Context(), program, "--protocol", "LMTP", "--socket", path, "--from", "ruth@praxis.example", "--to", to, "--data", "@"+file)
		c.Env = append(os.Environ(), "HOME="+filepath.Dir(file))
		said, err := c.CombinedOutput()
		return string(said), err
	}
	for _, c := range []struct{ what, to, body, answer string }{
		{"for us", "termine@konsil.example", "Gern.", "<-  250 "},
		{"for us, back from somebody", "termine+b-" + strings.Repeat("0", 32) + "@konsil.example", "Gern.", "<-  250 "},
		{"for somebody else", "other@konsil.example", "Gern.", "<** 550 5.1.1 "},
		{"too large", "termine@konsil.example", strings.Repeat("0123456789abcdef\n", 70_000), "<** 552 "},
	} {
		said, err := hand(c.to, c.body)
		if !strings.Contains(said, c.answer) || (err == nil) != strings.HasPrefix(c.answer, "<- ") {
			t.Errorf("%s: %v\n%.2000s", c.what, err, said)
		}
	}
	o.await(2, `select count(*) from effect`)
}
