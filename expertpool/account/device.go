package account

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"math/big"
	"time"

	"github.com/google/uuid"
)

// A device is a browser that has a signing key of its own. What people say about themselves in a room is signed with it, so
// others can tell a device of before from one that has just come. That is worth what this server's word is worth: two people
// who want to be sure compare the code of the room.

// maxDevices is how many of one account stand; beyond, the one that was not used for longest is revoked.
const maxDevices = 20

// Device is a browser's key as its owner sees it.
type Device struct {
	ID        uuid.UUID
	Print     string // the key's fingerprint, as rooms name it
	Name      string // what the browser calls itself
	MadeAt    time.Time
	UsedAt    time.Time
	RevokedAt *time.Time
}

// printOf names a key: base64url of the first 16 bytes of SHA-256 over "konsil print 1" ‖ key, with lengths. Browsers compute
// the same (realtime/protocol.md).
func printOf(key []byte) string {
	sum := sha256.Sum256(framed([]byte("konsil print 1"), key))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// holds says whether key is a P-256 point, and proof the signature by its private half over "konsil device 1" ‖ account ‖ key,
// with lengths: nobody registers a key that she does not hold, or for somebody else.
func holds(account uuid.UUID, key, proof []byte) bool {
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), key)
	if err != nil || len(proof) != 64 {
		return false
	}
	sum := sha256.Sum256(framed([]byte("konsil device 1"), []byte(account.String()), key))
	// r ‖ s, as browsers sign (IEEE P1363)
	return ecdsa.Verify(public, sum[:], new(big.Int).SetBytes(proof[:32]), new(big.Int).SetBytes(proof[32:]))
}

// framed puts 8 bytes of length before each part, so that no part runs into the next.
func framed(parts ...[]byte) (all []byte) {
	for _, part := range parts {
		all = append(binary.BigEndian.AppendUint64(all, uint64(len(part))), part...)
	}
	return all
}
