package exchange

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/emersion/go-vcard"
)

// Fields of ours for which vCard has no property. RFC 6350 §6.10
const ownPrefix = "X-KONSIL-"

// ownProperties are the fields that travel as properties of our own. The place is among them because the library cuts the parts of
// an address at semicolons within them.
func ownProperties() []string {
	return []string{"place", "discipline", "profession", "specialties", "travel_km", "modes", "lanr", "bsnr", "accessibility", "hours_per_month", "max_cases"}
}

func propertyOf(field string) string {
	return ownPrefix + strings.ToUpper(strings.ReplaceAll(field, "_", "-"))
}

// ReadVCards reads cards of RFC 6350, and those of version 3. discipline is that of people whose card names none: address books know
// of none. Errors are *FileError.
func ReadVCards(raw []byte, discipline string, words Words) (rows []Row, err error) {
	switch {
	case len(raw) > MaxBytes:
		return nil, &FileError{Rule: "too_large"}
	case bytes.IndexByte(raw, 0) >= 0:
		return nil, &FileError{Rule: "encoding"}
	}
	if line := longLine(raw); line > 0 {
		return nil, &FileError{"too_large", line}
	}
	defer func() {
		if recover() != nil { // what the library stumbles over may quote the card
			rows, err = nil, &FileError{Rule: "structure"}
		}
	}()
	d := vcard.NewDecoder(bytes.NewReader(raw))
	for {
		card, err := d.Decode()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, &FileError{Rule: "structure"}
		}
		if len(rows) >= MaxRows {
			return nil, &FileError{Rule: "too_many"}
		}
		rows = append(rows, rowOfCard(card, len(rows)+1, discipline, words))
	}
	if len(rows) == 0 {
		return nil, &FileError{Rule: "empty"}
	}
	return checkAll(rows), nil
}

// longLine finds a logical line, folded or not, that is longer than any field of ours: portraits are.
func longLine(raw []byte) int {
	length, begin, n := 0, 0, 0
	for line := range bytes.Lines(raw) {
		n++
		if len(line) == 0 || line[0] != ' ' && line[0] != '\t' {
			length, begin = 0, n
		}
		if length += len(line); length > 1<<20 {
			return begin
		}
	}
	return 0
}

func rowOfCard(card vcard.Card, number int, discipline string, words Words) Row {
	r := Row{Number: number, Name: card.PreferredValue(vcard.FieldFormattedName), Email: strings.ToLower(card.PreferredValue(vcard.FieldEmail))}
	if n := card.Name(); r.Name == "" && n != nil {
		r.Name = strings.Join(strings.Fields(n.HonorificPrefix+" "+n.GivenName+" "+n.FamilyName), " ")
	}
	if a := card.Address(); a != nil {
		r.Place, r.Postcode = a.Locality, a.PostalCode
	}
	r.Specialty = card.PreferredValue(vcard.FieldRole)
	if r.Specialty == "" {
		r.Specialty = card.PreferredValue(vcard.FieldTitle)
	}
	for _, l := range card.Values(vcard.FieldLanguage) {
		tag, _, _ := strings.Cut(strings.ToLower(l), "-")
		r.Languages = append(r.Languages, words.code("languages", tag))
	}
	for _, c := range card.Values(vcard.FieldCategories) {
		r.Topics = append(r.Topics, list(c)...)
	}
	for _, f := range ownProperties() {
		if v := card.PreferredValue(propertyOf(f)); v != "" {
			r.set(f, v, words)
		}
	}
	if r.Discipline == "" {
		r.Discipline, r.Assumed = discipline, append(r.Assumed, "discipline")
	}
	return r
}

// WriteVCards writes experts as cards. RFC 6350; codes stay codes.
func WriteVCards(w io.Writer, rows []Row) error {
	e := vcard.NewEncoder(w)
	for _, r := range rows {
		card := make(vcard.Card)
		card.SetValue(vcard.FieldFormattedName, oneLine(r.Name))
		card.SetName(nameOf(r.Name))
		if r.Email != "" {
			card.SetValue(vcard.FieldEmail, r.Email)
		}
		if r.Place != "" || r.Postcode != "" {
			card.SetAddress(&vcard.Address{Locality: strings.ReplaceAll(oneLine(r.Place), ";", ","), PostalCode: r.Postcode, Country: "Deutschland"})
		}
		if r.Specialty != "" {
			card.SetValue(vcard.FieldRole, oneLine(r.Specialty))
		}
		for _, l := range r.Languages {
			card.AddValue(vcard.FieldLanguage, l)
		}
		if len(r.Topics) > 0 {
			card.SetValue(vcard.FieldCategories, oneLine(strings.Join(r.Topics, " | ")))
		}
		for _, f := range ownProperties() {
			if v := r.Cell(f, nil); v != "" {
				card.SetValue(propertyOf(f), oneLine(v))
			}
		}
		vcard.ToV4(card)
		if err := e.Encode(card); err != nil {
			return err
		}
	}
	return nil
}

// nameOf cuts a name as people are called here: titles, given names, one family name.
func nameOf(name string) *vcard.Name {
	words := strings.Fields(oneLine(name))
	var n vcard.Name
	for len(words) > 1 && strings.HasSuffix(words[0], ".") {
		n.HonorificPrefix = strings.TrimSpace(n.HonorificPrefix + " " + words[0])
		words = words[1:]
	}
	if len(words) > 0 {
		n.GivenName, n.FamilyName = strings.Join(words[:len(words)-1], " "), words[len(words)-1]
	}
	return &n
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
