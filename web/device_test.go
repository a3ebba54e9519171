package web

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// deviceForm is what a page posts about its browser's key.
func deviceForm(t *testing.T, person string) url.Values {
	t.Helper()
	pair, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := pair.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	h := sha256.New()
	for _, part := range []string{"konsil device 1", person, string(key)} {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		h.Write([]byte(part))
	}
	r, s, err := ecdsa.Sign(rand.Reader, pair, h.Sum(nil))
	if err != nil {
		t.Fatal(err)
	}
	proof := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	return typed("key", base64.RawURLEncoding.EncodeToString(key), "proof", base64.RawURLEncoding.EncodeToString(proof))
}

func TestWhoComesWithANewDeviceIsToldByMail(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	code := s.opened()
	ewald := s.as("Ewald")
	form := deviceForm(t, s.people["Ewald"].ID.String())
	for range 2 {
		if a := ewald.post("/conferences/"+code+"/device", form); a.Status != http.StatusNoContent {
			t.Fatalf("status %d", a.Status)
		}
	}
	const mails = `select count(*) from message_out where kind = 'device' and to_email = 'ewald@konsil.test'`
	if n := query[int](s, mails); n != 1 {
		t.Errorf("%d mails about one device", n)
	}
	text := query[string](s, `select subject || body_text from message_out where kind = 'device'`)
	if !strings.Contains(text, "neues Gerät") || strings.Contains(text, code) || strings.Contains(text, "zumutbar") {
		t.Errorf("the mail says %q", text)
	}
	s.unchanged("somebody else's key", func() {
		for name, wrong := range map[string]url.Values{
			"of Anna": deviceForm(t, s.people["Anna"].ID.String()), "none": nil, "no base64url": typed("key", "a+/=", "proof", "x"),
		} {
			if a := ewald.post("/conferences/"+code+"/device", wrong); a.Status != http.StatusUnprocessableEntity {
				t.Errorf("%s: status %d", name, a.Status)
			}
		}
	})
}
