package nameguard

// Words around names. All folded.
var (
	salutations = words("frau herr herrn hr fr fam familie fraeulein")
	titles      = words(`dr dra drs mult em prof doz priv privatdozent pd med phil rer nat dipl psych ing mag univ ao habil oa oae ca ass oberarzt oberaerztin chefarzt chefaerztin
		assistenzarzt assistenzaerztin stationsarzt stationsaerztin primar prim hc dent vet jur pol theol`)
	surelyTitles = words("dr dra drs prof doz privatdozent pd dipl oa oae")
	relations    = words(`tochter sohn mutter vater bruder schwester ehemann ehefrau mann partner partnerin lebensgefaehrte lebensgefaehrtin lebenspartner
		lebenspartnerin freund freundin oma opa grossmutter grossvater tante onkel cousin cousine neffe nichte enkel enkelin schwager schwaegerin schwiegermutter
		schwiegervater schwiegersohn schwiegertochter exmann exfrau stiefvater stiefmutter stiefsohn nachbar nachbarin kind baby verlobte verlobter witwe witwer
		hausarzt hausaerztin psychiater psychiaterin therapeut therapeutin psychotherapeut psychotherapeutin psychologe psychologin neurologe neurologin orthopaede
		orthopaedin arzt aerztin betreuer betreuerin coach jobcoach fallmanager fallmanagerin sachbearbeiter sachbearbeiterin ansprechpartner ansprechpartnerin
		sozialarbeiter sozialarbeiterin vermieter vermieterin chef chefin kollege kollegin vorgesetzte vorgesetzter rechtsanwalt rechtsanwaeltin richter richterin
		patient patientin patienten klient klientin klienten kundin kunde teilnehmer teilnehmerin kollegen pfleger pflegerin krankenschwester physiotherapeut physiotherapeutin
		ergotherapeut ergotherapeutin logopaede logopaedin lehrer lehrerin ausbilder ausbilderin heilpraktiker heilpraktikerin pflegekraft gez unterschrift
		namens name vorname nachname familienname geborene`)
	offices = []string{"minister", "ministerin", "praesident", "praesidentin", "kanzler", "kanzlerin", "trainer", "trainerin", "sprecher", "sprecherin", "chef", "chefin",
		"direktor", "direktorin", "leiter", "leiterin", "meister", "meisterin", "regisseur", "regisseurin", "schauspieler", "schauspielerin", "saenger", "saengerin",
		"autor", "autorin", "schriftsteller", "schriftstellerin", "maler", "malerin", "komponist", "komponistin", "dichter", "dichterin", "kaiser", "kaiserin", "koenig",
		"koenigin", "prinz", "prinzessin", "herzog", "herzogin", "graf", "graefin", "fuerst", "papst", "bischof", "pfarrer", "pfarrerin", "politiker", "politikerin",
		"architekt", "architektin", "professor", "professorin", "stuermer", "torwart", "spieler", "spielerin", "fahrer", "pilot", "general", "senator", "senatorin",
		"abgeordnete", "abgeordneter", "gouverneur", "historiker", "historikerin", "philosoph", "journalist", "journalistin", "moderator", "moderatorin", "produzent",
		"bassist", "gitarrist", "schlagzeuger", "pianist", "dirigent", "experte", "expertin", "forscher", "forscherin", "unternehmer", "gruender", "erfinder",
		"manager", "managerin", "sekretaer", "sekretaerin", "vorsitzende", "vorsitzender", "anwalt", "anwaeltin", "kommissar", "kommissarin"}
	articles = words(`der die das den dem des ein eine einen einem einer eines beim im zum zur am ins vom keine kein keinen seine seinen seinem seiner ihre ihren ihrem ihrer
		diese dieser diesem diesen jede jeder jeden zwei drei vier beide beiden alle allen viele vielen einige wenige mehrere offiziellen neue neuen ganze`)
	particles = words("von van de der den zu zur vom da di del della la le el al bin ibn ben dos du abu freiherr freifrau graf graefin ter ten te mc o")
	notName   = words(`doktor doctor professor kollege kollegin kollegen kolleginnen patient patientin klient klientin kunde kundin doktorin pfarrer ministerin minister
		praesident praesidentin kanzlerin direktor direktorin und oder die der das den dem des ein eine einer eines sie er es ihr ihre ihrer sein seine wir ich mein meine
		unser unsere herr frau herrn zwar sehr nach vor bei mit ohne aus im in am an zu zum zur von vom als wie wenn dass ist war hat hatte wird wurde kann soll
		damen geehrte geehrter lieber liebe diese dieser dieses jede jeder jedes alle viele einige mehr kein keine`)
	eponymTails = []string{"syndrom", "krankheit", "zeichen", "test", "index", "skala", "score", "screening", "reflex", "diaet", "demenz", "erkrankung", "fraktur", "schema", "typ", "methode", "gesetz", "virus", "preis", "strasse", "platz", "schule", "stiftung", "partei", "plan"}
)

// beforeBirth finds the name before "geb." or "*": "Weil, Klementine, geb. 16.01.1993".
func (s *scan) beforeBirth() {
	for i := range s.toks {
		marked := s.isMark(i, "*") && s.near(i+1) && i+1 < len(s.toks) && s.taken[i+1]
		if !marked && !(s.isWord(i) && aboutBirth.has(s.at(i).fold)) {
			continue
		}
		end := i
		for end > 0 && s.near(end) && s.isMark(end-1, ",(;-–") {
			end--
		}
		if begin := s.nameBefore(end); begin < end {
			s.add(s.withTitles(begin), end, Person, High, ByContext)
		}
	}
}

// nameBefore gives where the name begins that ends before token end; end itself if there is none.
func (s *scan) nameBefore(end int) int {
	begin, proper := end, 0
back:
	for k := end; k > 0 && end-k < 7 && (s.near(k) || k == end) && !s.taken[k-1]; k-- {
		switch t := s.at(k - 1); {
		case t.kind == word && t.capital && !notName.has(t.fold) && !relations.has(t.fold) && !salutations.has(t.fold) && !titles.has(t.fold):
			proper++
			begin = k - 1
		case t.kind == word && particles.has(t.fold), s.isMark(k-1, "-,'’") && proper > 0, s.is(k-1, ".") && s.letter(k-2) && s.at(k-2).capital:
		default:
			break back
		}
	}
	if proper > 4 {
		return end
	}
	return begin
}

// signers end the words for those who sign.
var signers = []string{"arzt", "aerztin", "direktor", "direktorin", "leiter", "leiterin", "psychologe", "psychologin", "psychiater", "psychiaterin", "therapeut",
	"therapeutin", "urologe", "neurologe", "internist", "chirurg", "vorstand", "betreuer", "betreuerin", "manager", "managerin", "sachbearbeiter", "sachbearbeiterin",
	"coach", "assistent", "assistentin", "professor", "professorin"}

// signatures finds names that have a line to themselves above what their bearer is.
func (s *scan) signatures() {
	for i := range s.toks {
		if s.at(i).gap != lined || !s.isWord(i) || !s.at(i).capital || s.at(i).upper || s.taken[i] {
			continue
		}
		end := s.nameAt(i, doubtful)
		if end < i+2 || s.at(end).gap != lined || !s.free(i, end) {
			continue
		}
		if t := s.at(end); t.kind == word && hasAnySuffix(t.fold, signers...) {
			s.add(i, end, Person, Medium, ByContext)
		}
	}
}

// names finds people: behind a salutation, a title or a word of relation, as "Nachname, Vorname", by a first name with what follows,
// and by their office.
func (s *scan) names() {
	s.beforeBirth()
	s.signatures()
	for i := range s.toks {
		t := s.at(i)
		if t.kind != word || s.taken[i] {
			continue
		}
		switch {
		case salutations.has(t.fold) && (t.capital || t.fold == "fr" || t.fold == "hr"):
			s.addressee(i)
		case surelyTitles.has(t.fold) && (s.is(i+1, ".") || t.upper):
			s.addressee(i)
		case t.capital && relations.has(t.fold):
			s.related(i)
		case t.capital && hasAnySuffix(t.fold, offices...) && !s.guard.surnames.has(t.fold):
			s.office(i)
		case t.capital:
			_ = s.listed(i) || s.inverted(i) || s.pair(i)
		}
	}
}

// addressee takes the name behind salutation and titles at i.
func (s *scan) addressee(i int) {
	k := s.pastTitles(i + 1)
	end := s.nameAt(k, trusted)
	if end < 0 || !s.free(k, end) {
		return
	}
	s.add(s.withTitles(k), end, Person, High, BySalutation)
}

// withTitles goes back from the name at k over the titles before it: they tell something, a salutation does not.
func (s *scan) withTitles(k int) int {
	first := k
	for i := k - 1; i >= 0 && k-i < 14 && s.near(i+1) && !s.taken[i]; i-- {
		switch {
		case s.isWord(i) && titles.has(s.at(i).fold):
			first = i
		case !s.isMark(i, ".-"):
			return first
		}
	}
	return first
}

// pastTitles goes over titles, their dots, and the comma or line break of a letter's head.
func (s *scan) pastTitles(k int) int {
	for steps := 0; steps < 14; steps++ {
		switch t := s.at(k); {
		case t.kind == word && (titles.has(t.fold) || salutations.has(t.fold)):
			k++
		case s.isMark(k, ".-") && s.isWord(k-1) && (titles.has(s.at(k-1).fold) || salutations.has(s.at(k-1).fold)):
			k++
		default:
			return k
		}
	}
	return k
}

// related takes the name behind a word of relation, if it is one: nouns follow such words, too.
func (s *scan) related(i int) {
	k := i + 1
	if s.isMark(k, ":") && s.near(k) {
		k++
	}
	k = s.pastTitles(k)
	if !s.near(k) || !s.isWord(k) || !s.at(k).capital {
		return
	}
	end := s.nameAt(k, doubtful)
	if end > 0 && s.free(k, end) {
		s.add(s.withTitles(k), end, Person, Medium, ByRelation)
	}
}

// office: Präsident Obama, Trainer Klinsmann.
func (s *scan) office(i int) {
	if !s.near(i+1) || !s.isWord(i+1) || !s.at(i+1).capital {
		return
	}
	end := s.nameAt(i+1, doubtful)
	if end > 0 && s.free(i+1, end) {
		s.add(i+1, end, Person, Medium, ByRelation)
	}
}

// trust is how sure it is that a name follows.
type trust uint8

const (
	doubtful trust = iota // a noun may follow as well
	likely                // the first word is a first name
	trusted               // a title or salutation stands before it
)

// nameAt gives the end of the name at k, or -1.
func (s *scan) nameAt(k int, how trust) int {
	at, proper := k, 0
	for steps := 0; steps < 7; steps++ {
		t := s.at(at)
		if at > k && !s.near(at) || at < len(s.taken) && s.taken[at] {
			break
		}
		switch {
		case t.kind == word && t.capital && proper > 0 && len(t.fold) == 1 && s.is(at+1, "."):
			at += 2
			continue
		case t.kind == word && t.capital && len(t.fold) == 1 && s.is(at+1, ".") && s.glued(at+1):
			at += 2 // an initial
			proper++
			continue
		case t.kind == word && particles.has(t.fold) && (!t.capital || s.hyphened(at) == at+1) && s.particle(at):
			at++
			continue
		case t.kind == word && t.capital && !notName.has(t.fold) && (proper == 0 || s.partOfName(at) || how == trusted && s.surnameAfter(at)):
			if proper == 0 && how == doubtful && !s.namelike(at) {
				return -1
			}
			at = s.hyphened(at)
			proper++
			continue
		}
		break
	}
	if proper == 0 || s.eponym(at) {
		return -1
	}
	if proper == 1 && how != likely {
		at = s.forenameBehind(k, at)
	}
	for at > k && (particles.has(s.at(at-1).fold) && !s.at(at-1).capital) {
		at--
	}
	return at
}

// forenameBehind takes the first name behind a comma: FISCHER, Anna.
func (s *scan) forenameBehind(k, at int) int {
	if !s.is(at, ",") || !s.glued(at) || !s.near(at+1) || !s.isWord(at+1) || !s.at(at+1).capital {
		return at
	}
	if s.guard.forenames.has(s.at(at+1).fold) || s.at(k).upper && !s.nounlike(at+1) {
		return s.hyphened(at + 1)
	}
	return at
}

// hyphened gives the end of a word with its hyphens and apostrophes: Müller-Lüdenscheidt, Al-Masri, O'Brien. Names have four parts
// at most.
func (s *scan) hyphened(at int) int {
	at++
	for first := at; at < first+6 && s.isMark(at, "-'’‑") && s.glued(at) && s.isWord(at+1) && s.glued(at+1) && s.at(at+1).capital; {
		at += 2
	}
	return at
}

// particle says whether the particle at i leads to a proper word.
func (s *scan) particle(i int) bool {
	for k := i + 1; k < i+3; k++ {
		t := s.at(k)
		switch {
		case !s.near(k) || t.kind != word && t.fold != "-" && t.fold != "'":
			return false
		case t.kind == word && t.capital:
			return !notName.has(t.fold)
		case t.kind == word && !particles.has(t.fold):
			return false
		}
	}
	return false
}

// partOfName says whether the capital word at i goes on a name: known as one, or not a noun as far as can be told.
func (s *scan) partOfName(i int) bool {
	t := s.at(i)
	if s.guard.surnames.has(t.fold) || s.guard.forenames.has(t.fold) {
		return true
	}
	return !s.nounlike(i) && !salutations.has(t.fold) && !titles.has(t.fold) && !relations.has(t.fold) && !months.has(t.fold) && !weekdays.has(t.fold)
}

// surnameAfter says whether the noun at i is a surname because the first name before it wants one: Dr. Heinz Hals.
func (s *scan) surnameAfter(i int) bool {
	next := s.at(i + 1)
	return s.guard.forenames.has(s.at(i-1).fold) && s.guard.nouns.has(s.at(i).fold) && (!next.capital || next.gap == lined || titles.has(next.fold))
}

// namelike is partOfName for a word that nothing vouches for.
func (s *scan) namelike(i int) bool {
	t := s.at(i)
	if s.guard.forenames.has(t.fold) || s.guard.surnames.has(t.fold) && !s.guard.nouns.has(t.fold) {
		return true
	}
	return s.partOfName(i) && !s.guard.nouns.has(t.fold) && !s.guard.places.has(t.fold) && (!t.upper || len(t.fold) > 4) && len(t.fold) > 2 && !hasAnySuffix(t.fold, offices...)
}

var nounEnds = []string{"ung", "ungen", "heit", "heiten", "keit", "keiten", "schaft", "schaften", "tion", "tionen", "ismus", "taet", "taeten", "ment", "mente", "ling",
	"nis", "nisse", "tum", "enz", "anz", "ik", "iker", "ion", "ose", "itis", "ie", "ien", "ur", "uren", "thek", "gramm", "zeug", "stelle", "haus", "werk",
	"arbeit", "zeit", "jahr", "amt", "kraft", "plan", "gruppe", "hilfe", "schule", "kurs", "stand", "gang", "lage", "weise", "seite", "innen", "ungs", "ismen", "logie", "pathie"}

// nounlike says whether a word is a German noun by the list or by its ending.
func (s *scan) nounlike(i int) bool {
	fold := s.at(i).fold
	if s.guard.nouns.has(fold) {
		return true
	}
	return len(fold) > 5 && hasAnySuffix(fold, nounEnds...)
}

// eponym says whether what ends before token i names a disease or a method rather than a person.
func (s *scan) eponym(end int) bool {
	last := s.at(end - 1).fold
	if hasAnySuffix(last, eponymTails...) && s.is(end-2, "-") {
		return true
	}
	return s.is(end, "-") && s.isWord(end+1) && s.glued(end) && s.glued(end+1)
}

// listed finds a first name of the list together with what follows, and a surname of the list that is hardly anything else.
func (s *scan) listed(i int) bool {
	t := s.at(i)
	if s.is(i-1, "-") && s.glued(i) || s.eponymous(i) {
		return false
	}
	weak := s.guard.nouns.has(t.fold) || s.guard.places.has(t.fold)
	if s.guard.forenames.has(t.fold) {
		end := s.nameAt(i, likely)
		full := end > s.hyphened(i) || s.isInitial(i+1)
		switch {
		case end < 0 || !s.free(i, end) || weak && !full:
			return false
		case full:
			s.add(i, end, Person, High, ByList)
		case len(t.fold) > 2:
			s.add(i, end, Person, Medium, ByList)
		default:
			return false
		}
		return true
	}
	if s.initialsBefore(i) {
		return s.afterInitials(i)
	}
	return false
}

func (s *scan) isInitial(i int) bool { return s.letter(i) && s.at(i).capital && s.is(i+1, ".") }

func (s *scan) initialsBefore(i int) bool {
	return s.is(i-1, ".") && s.letter(i-2) && s.at(i-2).capital && s.glued(i-1) && s.at(i).gap == spaced
}

// afterInitials: "G. Fischer", if the word is a surname of the list.
func (s *scan) afterInitials(i int) bool {
	if !s.guard.surnames.has(s.at(i).fold) || s.taken[i-2] {
		return false
	}
	s.add(i-2, s.hyphened(i), Person, Medium, ByShape)
	return true
}

func (s *scan) eponymous(i int) bool {
	return s.isWord(i-1) && s.near(i) && (s.is(i-1, "morbus") || s.is(i-1, "nach") && !s.isWord(i+1)) || s.is(i-1, ".") && s.is(i-2, "m") && s.at(i-2).capital && s.eponymNext(i)
}

func (s *scan) eponymNext(i int) bool { return s.isWord(i) && !s.isInitial(i+1) }

// inverted: "Nachname, Vorname" and "NACHNAME Vorname".
func (s *scan) inverted(i int) bool {
	t := s.at(i)
	k := s.hyphened(i)
	comma := s.is(k, ",") && s.glued(k)
	if comma {
		k++
	} else if !t.upper || s.near(k+1) && s.at(k+1).capital {
		return false
	}
	if !s.near(k) || !s.isWord(k) || !s.guard.forenames.has(s.at(k).fold) || s.guard.nouns.has(s.at(k).fold) || s.nounlike(i) || notName.has(t.fold) || len(t.fold) < 3 {
		return false
	}
	known := s.guard.surnames.has(t.fold) && !s.guard.nouns.has(t.fold)
	if comma && !known && !s.startsLine(i) || !s.free(i, k+1) || s.guard.forenames.has(t.fold) && comma {
		return false
	}
	s.add(i, s.hyphened(k), Person, Medium, ByShape)
	return true
}

// pair finds two words in a row that look like a first name and a surname though no list has them: both large, neither a noun as far
// as can be told. German writes nouns large, but rarely two in a row.
func (s *scan) pair(i int) bool {
	k := s.hyphened(i)
	if s.at(i).gap == lined || s.sentence(i) || articles.has(s.at(i-1).fold) || s.isNumber(i-1) || !s.unusual(i) || !s.near(k) || !s.isWord(k) || !s.at(k).capital || !s.unusual(k) {
		return false
	}
	end := s.hyphened(k)
	if s.at(end).capital && s.near(end) && s.isWord(end) || !s.free(i, end) || s.eponym(end) {
		return false
	}
	s.add(i, end, Person, Low, ByShape)
	return true
}

// sentence says whether a sentence begins at i.
func (s *scan) sentence(i int) bool { return i == 0 || s.isMark(i-1, ".:!?\"„“»›") }

func (s *scan) unusual(i int) bool {
	t := s.at(i)
	return s.namelike(i) && !t.upper && !s.guard.places.has(t.fold) && !notName.has(t.fold) && !titles.has(t.fold) && !particles.has(t.fold) && len(t.fold) > 3
}

func (s *scan) startsLine(i int) bool { return s.at(i).gap == lined || s.is(i-1, ":") }

// repetitions looks for the surnames that were found in the whole text, genitives included.
func (s *scan) repetitions() {
	seen := s.surnamesFound()
	if len(seen) == 0 {
		return
	}
	for i := range s.toks {
		t := s.at(i)
		if t.kind != word || !t.capital || s.taken[i] || s.eponymous(i) || s.eponym(i+1) {
			continue
		}
		if seen.has(t.fold) || len(t.fold) > 4 && t.fold[len(t.fold)-1] == 's' && seen.has(t.fold[:len(t.fold)-1]) {
			s.add(i, s.hyphened(i), Person, Medium, ByRepetition)
		}
	}
}

// surnamesFound are the words of people found for sure that are not words of the language.
func (s *scan) surnamesFound() wordSet {
	until := make(map[int]int)
	for _, f := range s.found {
		if f.Class == Person && (f.Confidence == High || f.Reason == ByList) {
			until[f.Start] = max(until[f.Start], f.End)
		}
	}
	seen, end := make(wordSet), -1
	for i, t := range s.toks {
		end = max(end, until[t.start])
		if t.start >= end || t.kind != word || !t.capital || len(t.fold) < 3 {
			continue
		}
		part := (s.is(i-1, "-") || s.is(i+1, "-")) && !s.guard.surnames.has(t.fold)
		if !part && !s.guard.nouns.has(t.fold) && !particles.has(t.fold) && !titles.has(t.fold) {
			seen[t.fold] = struct{}{}
		}
	}
	return seen
}
