package conference

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/conference/pseudonym"
	"github.com/konsil-server/konsil/expertpool/account"
)

// Disclosure is everything that konsil holds about the client of a case, for the client: GDPR Art. 15, SGB X section 83. Where
// other people have a name it has a placeholder, since the right of access does not reach theirs (Art. 15(4)).
type Disclosure struct {
	Pseudonym string
	At        time.Time
	Reason    string
	Sealed    bool // the consent was withdrawn: what is left is its proof and the protocol
	Identity  *pseudonym.Identity
	Chapters  []Chapter // those that hold something, in a fixed order
	Hidden    []string  // placeholders that stand for somebody, in their order
	LeftOut   []string  // keys of what is not part of it, in order
}

// Chapter is one kind of data about the client, oldest first.
type Chapter struct {
	Key     string
	Records [][]Fact
}

// Fact is one value of a record. Value is a string, a list of strings, a whole number, a bool, a Date, a time.Time or a File. Facts
// without a value are left out.
type Fact struct {
	Key   string
	Value any
}

// File is an attachment. It has its bytes once EmbedFiles has read them.
type File struct {
	ID       uuid.UUID `json:"-"`
	Name     string    `json:"name"` // its title, without names of others; what is in it nobody can veil
	Type     string    `json:"type"` // of RFC 6838
	Data     []byte    `json:"base64,omitempty"`
	TooLarge bool      `json:"too_large,omitempty"` // it did not fit any more
}

// Picture says that a page can show it by itself.
func (f File) Picture() bool { return strings.HasPrefix(f.Type, "image/") }

// Date is a day. Nothing but the dates of conferences is told more finely.
type Date struct{ time.Time }

// MarshalText writes it as in ISO 8601.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.Format(time.DateOnly)), nil }

// notDisclosed tells for tables of clients' data why a disclosure has nothing from them: what they hold stands elsewhere in it, or is about
// others.
func notDisclosed() map[string]string {
	return map[string]string{
		"note_update": "steps", "note_snapshot": "steps", "note_client": "steps", "opinion_round": "dates", "opinion_version": "steps", "attachment_chunk": "files", "invitation": "dates",
		"response": "dates", "proposal": "dates", "stand_in_race": "dates", "stand_in_offer": "dates", "poll": "dates",
		"poll_seat": "dates", "poll_option": "dates", "poll_voice": "dates", "poll_vote": "dates", "message_in": "mails", "room_deed": "room", "message_out": "mails",
	}
}

// leftOut are the reasons of notDisclosed that concern the client, as a page tells them.
func leftOut() []string { return []string{"names", "files", "steps", "dates", "room", "mails"} }

// somebody is a person with an account, who may be named in a text.
type somebody struct {
	id        uuid.UUID
	role      account.Role
	name      string
	concerned bool // has something to do with the case
	called    string
	parts     map[string]bool // of the name, folded
}

// veil takes people's names out of texts. Whoever is concerned with the case is recognised by each part of the name, others of the
// network by the whole name or after a salutation: a surname that is a word as well must not make holes everywhere.
type veil struct {
	people []*somebody
	byPart map[string][]*somebody
	count  map[account.Role]int
	hidden []string
}

// A word of a text may be joined by hyphens; an address is taken whole.
var (
	wordOrAddress = regexp.MustCompile(`[^\s<>(),;:"]+@[^\s<>(),;:"]+|[\p{L}\p{M}]+(?:-[\p{L}\p{M}]+)*`)
	salutation    = regexp.MustCompile(`(?i)(?:^|[^\p{L}])(?:frau|herrn?|fr\.|hr\.|dr\.|prof\.|med\.)\s*$`)
)

func titles() []string {
	return []string{"dr", "prof", "med", "phil", "rer", "nat", "dipl", "psych", "frau", "herr", "von", "van", "der", "de", "zu"}
}

func newVeil(people []*somebody) *veil {
	v := &veil{people: people, byPart: map[string][]*somebody{}, count: map[account.Role]int{}}
	for _, p := range people {
		p.parts = map[string]bool{}
		words := wordOrAddress.FindAllString(p.name, -1)
		for i, w := range words {
			for _, part := range append(strings.Split(w, "-"), w) {
				f := foldName(part)
				title := slices.Contains(titles(), f) && i < len(words)-1
				if len(f) > 1 && !title && !p.parts[f] {
					p.parts[f] = true
					v.byPart[f] = append(v.byPart[f], p)
				}
			}
		}
	}
	return v
}

// foldName makes spellings of a name alike: case, and umlauts written in two letters or with a combining mark.
func foldName(s string) string {
	return strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue", "ß", "ss", "\u0308", "e").Replace(strings.ToLower(s))
}

// of is the placeholder of a person: the role and a letter.
func (v *veil) of(id uuid.UUID) string {
	i := slices.IndexFunc(v.people, func(p *somebody) bool { return p.id == id })
	if i < 0 {
		return "[Person]"
	}
	p := v.people[i]
	if p.called == "" {
		role := map[account.Role]string{account.Expert: "Fachperson", account.Caseworker: "Fallführung", account.Coordinator: "Koordination"}[p.role]
		if role == "" {
			role = "Verwaltung"
		}
		p.called = "[" + role + " " + letterOf(v.count[p.role]) + "]"
		v.count[p.role]++
		v.hidden = append(v.hidden, p.called)
	}
	return p.called
}

// letterOf is A to Z, then A2 and so on.
func letterOf(n int) string {
	l := string(rune('A' + n%26))
	if n >= 26 {
		l += fmt.Sprint(n/26 + 1)
	}
	return l
}

// mention is a stretch of text that may be somebody's name.
type mention struct {
	start, end int
	who        []*somebody
	words      int
	capital    bool
	address    bool
}

// hide puts placeholders where a text names somebody.
func (v *veil) hide(text string) string {
	var b strings.Builder
	end := 0
	for _, p := range v.passages(text) {
		if !v.names(p, text[:p.start]) {
			continue
		}
		b.WriteString(text[end:p.start])
		b.WriteString(v.call(p.who))
		end = p.end
	}
	b.WriteString(text[end:])
	return b.String()
}

// passages finds words that are part of a name, and joins those that follow each other and belong to one person.
func (v *veil) passages(text string) []mention {
	var found []mention
	for _, at := range wordOrAddress.FindAllStringIndex(text, -1) {
		word := text[at[0]:at[1]]
		p := mention{start: at[0], end: at[1], who: v.bearers(word), words: 1, address: strings.Contains(word, "@")}
		if len(p.who) == 0 {
			continue
		}
		p.capital = unicode.IsUpper([]rune(word)[0])
		if n := len(found) - 1; n >= 0 && strings.Trim(text[found[n].end:p.start], " \t\n\u00a0,.") == "" {
			if both := slices.DeleteFunc(slices.Clone(p.who), func(s *somebody) bool { return !slices.Contains(found[n].who, s) }); len(both) > 0 {
				found[n] = mention{found[n].start, p.end, both, found[n].words + 1, found[n].capital || p.capital, found[n].address || p.address}
				continue
			}
		}
		found = append(found, p)
	}
	return found
}

// bearers are those of whose name a word is a part, in the nominative or the genitive.
func (v *veil) bearers(word string) []*somebody {
	for _, w := range append([]string{word}, strings.FieldsFunc(word, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsMark(r) })...) {
		f := foldName(w)
		if who := v.byPart[f]; who != nil {
			return who
		}
		if who := v.byPart[strings.TrimSuffix(f, "s")]; who != nil {
			return who
		}
	}
	return nil
}

func (v *veil) names(p mention, before string) bool {
	switch {
	case p.words > 1 || p.address || salutation.MatchString(before):
		return true
	}
	return p.capital && slices.ContainsFunc(p.who, func(s *somebody) bool { return s.concerned })
}

// call is the placeholder for one of several who may be meant: it says who only where that is certain.
func (v *veil) call(who []*somebody) string {
	if concerned := slices.DeleteFunc(slices.Clone(who), func(s *somebody) bool { return !s.concerned }); len(concerned) > 0 {
		who = concerned
	}
	if len(who) == 1 {
		return v.of(who[0].id)
	}
	return "[Name]"
}
