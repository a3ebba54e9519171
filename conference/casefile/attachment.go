package casefile

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference/pseudonym"
)

// Attachment is a picture or a document of a case: made harmless when it came, sealed where it lies, and to be looked at in a page
// only. Who brought it does not release it. It goes with the case.
type Attachment struct {
	ID         uuid.UUID
	Title      string // typed by the one who brought it; the file's own name is not kept
	Kind       string // image/png, image/jpeg, application/pdf
	Size       int    // bytes
	Pages      int
	Unread     bool // there is something in it that the name guard could not read
	State      State
	UploadedBy string
	UploaderID uuid.UUID
	UploadedAt time.Time
	ReleasedAt *time.Time
	Alone      bool // nobody but the one who brought it could release it
	Single     bool // the organisation allows that
}

// Waits says that the attachment has not been released.
func (a Attachment) Waits() bool { return a.State == Draft }

// Document says that it has pages, rather than being a picture.
func (a Attachment) Document() bool { return a.Kind == "application/pdf" }

// MayRelease says that this person may release it.
func (a Attachment) MayRelease(by uuid.UUID) bool {
	return fourEyes(a.UploaderID, by, a.Alone, a.Single, "x") == nil
}

// mostAttachments a case may have: it is a summary of one page, and they stand beside it.
const mostAttachments = 10

// boxOf is AES-256-GCM with a nonce of its own for each message.
func boxOf(secret []byte) cipher.AEAD {
	block, err := aes.NewCipher(secret)
	if err != nil {
		panic(err) // the secret has 32 bytes wherever it comes from
	}
	box, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err)
	}
	return box
}

// files is what a store needs to keep attachments.
type files struct {
	keys *pseudonym.Keys
	one  sync.Mutex // a picture may need a hundred megabytes while it is built anew: one after the other
}

// chunkSize is how much of an attachment is sealed together, in bytes.
const chunkSize = 256 << 10

// sealedFile is an attachment as the database holds it.
type sealedFile struct {
	keyID   string
	wrapped []byte
	chunks  [][]byte
}

// sealFile encrypts data under a fresh key, and that under the key of that name. Case, attachment, place and number of the chunks are
// bound in, so that neither rows can be exchanged nor an end be cut off.
func sealFile(keys *pseudonym.Keys, keyID string, data []byte, id, caseID uuid.UUID) (sealedFile, error) {
	secret := make([]byte, 32)
	rand.Read(secret)
	wrapped, err := keys.Wrap(keyID, secret, bound(id, caseID, -1, 0))
	if err != nil {
		return sealedFile{}, err
	}
	f := sealedFile{keyID: keyID, wrapped: wrapped}
	box := boxOf(secret)
	n := (len(data) + chunkSize - 1) / chunkSize
	for i := range n {
		part := data[i*chunkSize : min(len(data), (i+1)*chunkSize)]
		f.chunks = append(f.chunks, box.Seal(nil, nil, part, bound(id, caseID, i, n)))
	}
	return f, nil
}

func openFile(keys *pseudonym.Keys, f sealedFile, id, caseID uuid.UUID) ([]byte, error) {
	secret, err := keys.Unwrap(f.keyID, f.wrapped, bound(id, caseID, -1, 0))
	if err != nil {
		return nil, err
	}
	box := boxOf(secret)
	var data []byte
	for i, chunk := range f.chunks {
		if data, err = box.Open(data, nil, chunk, bound(id, caseID, i, len(f.chunks))); err != nil {
			return nil, fmt.Errorf("open: %w", err)
		}
	}
	return data, nil
}

func bound(id, caseID uuid.UUID, n, of int) []byte {
	return fmt.Appendf(nil, "attachment|%s|%s|%d|%d", id, caseID, n, of)
}
