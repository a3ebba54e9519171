package conference

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
)

// Seal ties minutes to the shared note that they come from: to the last row of its log, whose hash stands for all rows, to
// what each section said, and to who took part. A section that the minutes leave out, because nobody wrote in it or because
// the decisions were put in other words, is bound all the same: it can be shown later and proved.
type Seal struct {
	HeadSeq  int64           `json:"head_seq"`
	HeadHash string          `json:"head_hash"` // hexadecimal; empty when nothing was ever written
	Sections []SealedSection `json:"sections"`  // all, in the order of the note
	SHA256   string          `json:"sha256"`    // hexadecimal, of what digest says
}

// SealedSection is the hexadecimal SHA-256 of a section's text in UTF-8.
type SealedSection struct {
	Key    string `json:"key"`
	SHA256 string `json:"sha256"`
}

// digest is the SHA-256 over the canonical JSON of everything that the seal is about.
func (s Seal) digest(people []MinutePerson) (string, error) {
	canonical, err := json.Marshal(struct {
		HeadSeq  int64           `json:"head_seq"`
		HeadHash string          `json:"head_hash"`
		Sections []SealedSection `json:"sections"`
		People   []MinutePerson  `json:"people"`
	}{s.HeadSeq, s.HeadHash, s.Sections, people})
	if err != nil {
		return "", err
	}
	return textHash(string(canonical)), nil
}

func textHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// holds checks the seal against the body that it stands in.
func (s Seal) holds(b Body) error {
	head, err := hex.DecodeString(s.HeadHash)
	if err != nil || s.HeadSeq < 0 || len(head) != sha256.Size && (s.HeadSeq > 0 || len(head) > 0) {
		return errors.New("head_hash: not that of a row")
	}
	for _, n := range b.Notes {
		i := slices.IndexFunc(s.Sections, func(t SealedSection) bool { return t.Key == n.Key })
		if i < 0 || s.Sections[i].SHA256 != textHash(n.Text) {
			return fmt.Errorf("section %.40q: its text is not the one that was sealed", n.Key)
		}
	}
	sum, err := s.digest(b.People)
	if err != nil {
		return err
	}
	if sum != s.SHA256 {
		return errors.New("sha256: it is not that of the sections, the people and the log")
	}
	return nil
}

// sealMinutes reads what seals minutes with these people. The note takes no more rows by then.
func (s *Store) sealMinutes(ctx context.Context, tx pgx.Tx, c Conference, people []MinutePerson) (*Seal, error) {
	var seal Seal
	var keys []string
	var head []byte
	err := tx.QueryRow(ctx, `
		select head_seq, head_hash, sections from note
		where conference_id = $1 and state = 'sealed' for update`, c.ID).Scan(&seal.HeadSeq, &head, &keys)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	texts, err := sectionTexts(ctx, tx, c)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	seal.HeadHash = hex.EncodeToString(head)
	for _, key := range keys {
		seal.Sections = append(seal.Sections, SealedSection{key, textHash(texts[key])})
	}
	seal.SHA256, err = seal.digest(people)
	return &seal, err
}
