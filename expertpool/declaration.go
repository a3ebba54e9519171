package expertpool

import (
	"crypto/sha256"
	"time"

	"github.com/konsil-server/konsil/expertpool/account"
)

// Declaration is a version of the declaration of confidentiality. A published text is never changed.
type Declaration struct {
	Version     int
	Body        string // paragraphs, divided by blank lines
	PublishedAt time.Time
	PublishedBy string // empty: came with the program
}

// Digest is the SHA-256 of the text. Who signs names it, so that nobody signs another text than the one she has read.
func (d Declaration) Digest() [32]byte { return sha256.Sum256([]byte(d.Body)) }

// Signature says that somebody has signed a version.
type Signature struct {
	Version int
	Name    string // as she typed it
	At      time.Time
	Digest  []byte
}

const maxDeclaration = 20_000 // characters

func checkDeclaration(body *string) error {
	return account.CheckText("body", body, maxDeclaration, true)
}
