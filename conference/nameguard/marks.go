package nameguard

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Marks is what a page needs to find a subject in a text without being told who it is: keyed hashes of everything that Find compares with,
// under a key of this one answer. Whoever has them can try out names, as with the guard itself but faster, so they are for people who may
// know the name. The numbers of a site come along as the shapes that they are.
type Marks struct {
	Key string `json:"key"` // of the HMAC, base64

	// Hashes gives for the first nine bytes of HMAC-SHA-256, in base64, what it says: a Class, and a "?" behind it where it is not sure. An
	// empty one stands for a word that only looks like a name of the subject. What is hashed begins with its kind:
	//
	//	w:  a word of a name, folded and loosened       p: length of a word, and its sound       o: a word that is none
	//	n:  words of a street or town, a blank between  #: letters and digits of a number        b: the birthday, dd.mm and dd.mm.yy
	//	i:  two initials
	//
	// Hashes of nothing fill it up to a multiple of 64, so that their number does not tell how long the name is.
	Hashes map[string]string `json:"hashes"`

	// Slips gives for a Class, one after the other and in base64, the first six bytes of the hashes of what words look like that are within
	// a typing error or two of a name: "e:", what is left when letters are taken out of them, ":", and the places of those letters with a
	// comma between. Hashes of nothing fill each up to a multiple of 1024.
	Slips map[Class]string `json:"slips"`

	Words  int      `json:"words"`  // of the longest street or town
	Digits int      `json:"digits"` // and letters of the longest number
	Shapes []string `json:"shapes"` // see With
}

// Marks prepares the comparison for a page. subject may be nil.
func (g *Guard) Marks(subject *Subject) Marks {
	key := make([]byte, 16)
	rand.Read(key)
	m := Marks{Key: base64.StdEncoding.EncodeToString(key), Hashes: map[string]string{}, Slips: map[Class]string{}, Shapes: append([]string{}, g.shapes...)}
	if subject == nil {
		return m
	}
	p := press{key: key, hashes: m.Hashes}
	slips := map[Class]map[string]struct{}{}
	for _, name := range subject.parts {
		p.name(name, g.nouns.hasLoose(name.loose))
		if slips[name.class] == nil {
			slips[name.class] = map[string]struct{}{}
		}
		maps.Copy(slips[name.class], name.mistyped())
	}
	for class, all := range slips {
		m.Slips[class] = p.slips(all)
	}
	p.exceptions(g.nouns, subject)
	for _, two := range subject.initials {
		p.put("i:", string(two[:]), string(Person)+"?")
	}
	for _, ph := range subject.phrases {
		p.put("n:", strings.Join(ph.words, " "), string(ph.class))
		m.Words = max(m.Words, len(ph.words))
	}
	for number, class := range subject.numbers {
		p.put("#:", number, string(class))
	}
	m.Digits = subject.longest
	if day := subject.born; !day.IsZero() {
		p.put("b:", day.Format("02.01"), string(Birthdate))
		p.put("b:", day.Format("02.01.06"), string(Birthdate))
	}
	for len(m.Hashes)%64 != 0 {
		m.Hashes[rand.Text()[:12]] = string(Person)
	}
	return m
}

// press makes hashes.
type press struct {
	key    []byte
	hashes map[string]string
}

// put hashes what a page may come across; what is surer was put before.
func (p press) put(kind, value, says string) {
	hash := base64.StdEncoding.EncodeToString(p.hash(kind + value)[:9])
	if old, there := p.hashes[hash]; !there || strings.HasSuffix(old, "?") {
		p.hashes[hash] = says
	}
}

func (p press) hash(of string) []byte {
	mac := hmac.New(sha256.New, p.key)
	mac.Write([]byte(of))
	return mac.Sum(nil)
}

// slips hashes what words look like that are mistyped, in no order that tells anything.
func (p press) slips(all map[string]struct{}) string {
	var hashes []string
	for typed := range all {
		hashes = append(hashes, string(p.hash("e:" + typed)[:6]))
	}
	for len(hashes)%1024 != 0 {
		nothing := make([]byte, 6)
		rand.Read(nothing)
		hashes = append(hashes, string(nothing))
	}
	slices.Sort(hashes)
	return base64.StdEncoding.EncodeToString([]byte(strings.Join(hashes, "")))
}

// name puts a word and its sound.
func (p press) name(n part, alsoWord bool) {
	doubtful := string(n.class) + "?"
	if alsoWord {
		p.put("w:", n.loose, doubtful)
	} else {
		p.put("w:", n.loose, string(n.class))
	}
	if len(n.sound) < 3 {
		return
	}
	for length := len(n.loose) - 2; length <= len(n.loose)+2; length++ {
		p.put("p:", fmt.Sprint(length, ":", n.sound), doubtful)
	}
}

// exceptions puts the words of the language that are like a name of the subject.
func (p press) exceptions(nouns wordSet, u *Subject) {
	for noun := range nouns {
		loose := loosen(noun)
		if _, same := u.byWord[loose]; !same && loose != "" && slices.ContainsFunc(u.parts, func(n part) bool { return similar(n, loose, koelner(noun)) }) {
			p.put("o:", noun, "")
		}
	}
}

// hasLoose is has for a word that was loosened.
func (w wordSet) hasLoose(loose string) bool {
	if w.has(loose) {
		return true
	}
	for word := range w {
		if loosen(word) == loose {
			return true
		}
	}
	return false
}
