package mail

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// absent skips where a program of others is not installed, and fails where it has to be.
func absent(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal("not installed: " + what)
	}
	t.Skip("not on this machine: apt-get install " + what)
}

// dovecot runs a real mail server of its own until the test ends: IMAP on loopback, one user with a maildir. It returns its port and
// a function that delivers a mail.
func dovecot(t *testing.T) (string, func([]byte)) {
	t.Helper()
	path, err := exec.LookPath("dovecot")
	if err != nil {
		absent(t, "dovecot-imapd")
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	if me.Uid != "0" {
		t.Skip("dovecot starts as root only")
	}
	dir, err := os.MkdirTemp("", "dovecot")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
	l.Close()
	home := filepath.Join(dir, "mail")
	for _, sub := range []string{"", "Maildir", "Maildir/new", "Maildir/cur", "Maildir/tmp"} {
		if err := os.MkdirAll(filepath.Join(home, sub), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	if err := exec.Command("chown", "-R", "nobody", home).Run(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(dir, "dovecot.conf")
	text := strings.NewReplacer("DIR", dir, "PORT", port, "HOME", home).Replace(`
base_dir = DIR/run
state_dir = DIR/state
log_path = DIR/log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
default_login_user = nobody
default_internal_user = nobody
default_internal_group = nogroup
first_valid_uid = 1
mail_location = maildir:HOME/Maildir
service anvil {
  chroot =
}
service imap-login {
  chroot =
  inet_listener imap {
    port = PORT
  }
  inet_listener imaps {
    port = 0
  }
}
passdb {
  driver = static
  args = password=geheim
}
userdb {
  driver = static
  args = uid=nobody gid=nogroup home=HOME
}
namespace inbox {
  inbox = yes
  separator = /
}
`)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	server := exec.Command(path, "-F", "-c", config)
	server.Stdout, server.Stderr = &said, &said
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Signal(os.Interrupt)
		_ = server.Wait()
	})
	for end := time.Now().Add(60 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		c, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			c.Close()
			break
		}
		if time.Now().After(end) {
			log, _ := os.ReadFile(filepath.Join(dir, "log"))
			t.Fatalf("dovecot does not answer: %s %s", said.String(), log)
		}
	}
	n := 0
	return port, func(raw []byte) {
		n++
		tmp := filepath.Join(home, "Maildir", "tmp", fmt.Sprint(n))
		if err := os.WriteFile(tmp, raw, 0o666); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(tmp, 0o666); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(tmp, filepath.Join(home, "Maildir", "new", fmt.Sprintf("%d.%d.test", time.Now().UnixNano(), n))); err != nil {
			t.Fatal(err)
		}
	}
}

func TestARealMailServersMailboxIsEmptiedAndItsPushIsHeard(t *testing.T) {
	t.Parallel()
	port, deliver := dovecot(t)
	o := newOffice(t, Outbox{})
	o.receive = counting(o)
	o.start()
	for i := range imapBatch + 3 {
		deliver(letter(fmt.Sprintf("p%d@praxis.example", i)))
	}
	m, err := NewIMAP("imap://termine:geheim@127.0.0.1:"+port, NewInbox(o.Queue, o.receive))
	if err != nil {
		t.Fatal(err)
	}
	m.poll = 10 * time.Minute
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); m.Run(ctx, func(step string) { t.Logf("trouble: %s", step) }) }()
	o.await(imapBatch+3, `select count(*) from effect`)
	deliver(letter("late@praxis.example"))
	o.await(1, `select count(*) from effect where sender = 'late@praxis.example'`)
	cancel()
	<-done
}
