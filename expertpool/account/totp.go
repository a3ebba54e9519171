package account

import (
	"crypto/rand"
	"encoding/base32"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
)

// codeStep is how long a code of an authenticator app holds. RFC 6238 §5.2.
const codeStep = 30 * time.Second

// recoveryCodes is how many there are in a set.
const recoveryCodes = 10

// base32Plain is base32 as authenticator apps take it.
func base32Plain() *base32.Encoding { return base32.StdEncoding.WithPadding(base32.NoPadding) }

// newSecret draws the secret of an authenticator app: 160 bits. RFC 4226 §4.
func newSecret() []byte {
	b := make([]byte, 20)
	rand.Read(b)
	return b
}

// stepOf finds the step whose code this is, one before and one after the present one included: clocks differ. 0: it is none of them.
func stepOf(secret []byte, code string, now time.Time) int64 {
	code = strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' {
			return -1
		}
		return r
	}, code)
	at := now.Unix() / int64(codeStep.Seconds())
	for step := at - 1; step <= at+1; step++ {
		ok, err := hotp.ValidateCustom(code, uint64(step), base32Plain().EncodeToString(secret), hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		if err == nil && ok {
			return step
		}
	}
	return 0
}

// A Pairing is what an authenticator app has to learn.
type Pairing struct {
	Secret string // base32 in groups, for typing
	URI    string // the same for a QR code
}

func pairingOf(secret []byte, host, email string) Pairing {
	text := base32Plain().EncodeToString(secret)
	label := url.PathEscape("konsil " + host + ":" + email)
	query := url.Values{"secret": {text}, "issuer": {"konsil " + host}}
	return Pairing{Secret: grouped(text), URI: "otpauth://totp/" + label + "?" + strings.ReplaceAll(query.Encode(), "+", "%20")}
}

// grouped sets a blank after every four characters.
func grouped(text string) string {
	var b strings.Builder
	for i, r := range text {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// newRecovery draws a set of recovery codes of 80 bits each, as people write them down.
func newRecovery() []string {
	codes := make([]string, recoveryCodes)
	for i := range codes {
		codes[i] = strings.ReplaceAll(grouped(rand.Text()[:16]), " ", "-")
	}
	return codes
}

// plainRecovery is a typed recovery code as it is kept.
func plainRecovery(typed string) string {
	return strings.ToUpper(strings.NewReplacer(" ", "", "-", "").Replace(typed))
}

// bind is what a sealed secret is bound to: it opens for no other account.
func bind(account uuid.UUID) []byte { return framed([]byte("konsil totp 1"), account[:]) }
