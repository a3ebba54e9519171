package nameguard

import "strings"

var (
	// streetEnds are endings that nothing else with a number behind it has; mayEndStreets need more of an address around them.
	streetEnds    = []string{"strasse", "str", "strsse", "strse", "strsze", "weg", "gasse", "allee", "platz", "ring", "damm", "ufer", "steig"}
	mayEndStreets = []string{"stieg", "chaussee", "promenade", "markt", "wall", "graben", "zeile", "pfad", "kamp", "hain", "siedlung", "anger", "winkel", "kai", "bruecke",
		"twiete", "terrasse", "gaesschen", "berg", "hof", "park", "garten", "feld", "acker", "wiese", "busch", "horst", "tor", "leite", "halde", "rain", "stiege"}
	streetStarts = words("am an auf im in hinter unter unterm zum zur vor beim bei alte alter neue neuer grosse grosser kleine kleiner obere oberer untere unterer lange breite hohe")
	streetMiddle = words("der dem den am an auf im zu zur zum und vor hinter des die")
	beforeHome   = words("wohnhaft wohnt wohnte adresse anschrift wohnung neu umgezogen zieht wohnsitz strasse wh whft")
	beforePlace  = words("in aus nach bei wohnhaft nahe um")
	placeMiddle  = words("am an im in bei ob vor der dem den d i a b zu unter auf")
	placeStarts  = words("bad sankt st sanct gross klein alt neu neuen alten hohen ober unter burg")
	countryCodes = words("d a ch de at")
	notPlace     = words("euro eur stunden std prozent personen einwohner patienten thrombozyten leukozyten schritte meter kilometer jahre tage punkte stueck fragen seiten")
	notHouse     = words("uhr mg ml kg g cm mm m km prozent jahre jahren jahr tage tagen wochen monate monaten stunden std euro mal x grad punkte termine personen")
)

// addresses finds streets with their numbers, postcodes with their towns, and towns of the list after a word of place.
func (s *scan) addresses() {
	for i := range s.toks {
		if s.taken[i] {
			continue
		}
		_ = s.postcode(i) || s.street(i) || s.town(i)
	}
}

// house gives the end of the house number at i ("12", "12a", "12 b", "12-14"), or -1.
func (s *scan) house(i int) int {
	v := s.value(i)
	if v < 1 || v > 999 || !s.near(i) || s.digits(i) > 3 {
		return -1
	}
	k := i + 1
	if s.letter(k) && !s.at(k).capital && s.near(k) && (s.glued(k) || s.ends(k+1) && !s.isWord(k+1)) {
		k++
	}
	if s.isMark(k, "-–/") && s.glued(k) && s.value(k+1) > 0 && s.digits(k+1) <= 3 && s.glued(k+1) {
		k += 2
		if s.letter(k) && s.glued(k) {
			k++
		}
	}
	if next := s.at(k); next.gap != lined && (notHouse.has(next.fold) || next.fold == "%" || next.fold == "." && s.isNumber(k+1) && s.glued(k+1)) {
		return -1
	}
	if s.isWord(k) && s.glued(k) {
		return -1
	}
	return k
}

// street looks for a house number behind a street's last word, and takes the name backwards from there.
func (s *scan) street(i int) bool {
	if !s.isWord(i) {
		return false
	}
	if begin, end := s.typicalStreet(i); end > 0 {
		s.add(begin, end, Street, High, ByShape)
		return true
	}
	if end := s.prepositionStreet(i); end > 0 {
		s.add(i, end, Street, Medium, ByShape)
		return true
	}
	if end := s.streetBeforePostcode(i); end > 0 {
		s.add(i, end, Street, Medium, ByContext)
		return true
	}
	return false
}

func (s *scan) streetEnd(i int) bool {
	return hasAnySuffix(s.at(i).fold, streetEnds...) || hasAnySuffix(s.at(i).fold, mayEndStreets...)
}

func (s *scan) typicalStreet(i int) (begin, end int) {
	if !s.streetEnd(i) {
		return 0, -1
	}
	k := i + 1
	if s.is(k, ".") && s.glued(k) {
		k++
	}
	end = s.house(k)
	begin = s.streetBegin(i)
	proper := s.at(i).capital || s.is(i-1, "-")
	if end < 0 || !proper && begin == i {
		return 0, -1
	}
	if !hasAnySuffix(s.at(i).fold, streetEnds...) && !s.addressed(begin, end) {
		return 0, -1
	}
	return begin, end
}

// streetBegin goes back over "Innsbrucker", "Alois-Alzheimer-", "Rote", "Am Alten".
func (s *scan) streetBegin(i int) int {
	begin := i
	for steps := 0; begin > 0 && steps < 6; steps++ {
		switch before := s.at(begin - 1); {
		case before.fold == "-" && s.glued(begin) && s.isWord(begin-2):
			begin -= 2
		case s.at(begin).gap == spaced && before.kind == word && before.capital && !notStreet(before.fold) && !s.taken[begin-1] && streetwise(before.fold):
			begin--
		default:
			return begin
		}
	}
	return begin
}

// streetwise says whether a word can be the first part of a street's name: an adjective or a preposition written large.
func streetwise(fold string) bool {
	return streetStarts.has(fold) || hasAnySuffix(fold, "er", "e", "es", "en")
}

func notStreet(fold string) bool {
	return beforeHome.has(fold) || months.has(fold) || fold == "die" || fold == "der" || fold == "herr" || fold == "frau" || fold == "meine" || fold == "ihre" || fold == "seine"
}

// prepositionStreet: Am Mühlbach 36b, Hinter der Mauer 8. It must look like part of an address.
func (s *scan) prepositionStreet(i int) int {
	if !s.at(i).capital || !streetStarts.has(s.at(i).fold) {
		return -1
	}
	k := i + 1
	for k < i+3 && s.isWord(k) && s.near(k) && streetMiddle.has(s.at(k).fold) {
		k++
	}
	proper := 0
	for k < i+6 && s.isWord(k) && s.near(k) && s.at(k).capital && !months.has(s.at(k).fold) && !weekdays.has(s.at(k).fold) {
		proper++
		k++
		if s.is(k, "-") && s.glued(k) {
			k++
		}
	}
	if proper == 0 {
		return -1
	}
	end := s.house(k)
	if end < 0 || !s.addressed(i, end) {
		return -1
	}
	return end
}

// addressed says whether tokens i to end stand where an address stands.
func (s *scan) addressed(i, end int) bool {
	if s.says(i, 3, beforeHome) {
		return true
	}
	next := end
	if s.isMark(next, ",;") {
		next++
	}
	if s.is(next, "in") {
		next++
	}
	if countryCodes.has(s.at(next).fold) && s.is(next+1, "-") {
		next += 2
	}
	return s.digits(next) == 5 || s.digits(next) == 4 && s.isWord(next+1) && s.at(next+1).capital && s.at(end).gap == lined
}

// streetBeforePostcode: any proper word with a number, when a postcode and a town follow at once.
func (s *scan) streetBeforePostcode(i int) int {
	if !s.at(i).capital || s.at(i-1).kind == word && s.near(i) && s.at(i-1).capital {
		return -1
	}
	k := i
	for k < i+4 && (s.isWord(k) && (k == i || s.near(k)) && s.at(k).capital || s.is(k, "-") && s.glued(k)) {
		if s.guard.forenames.has(s.at(k).fold) || k > i && s.streetEnd(k) {
			return -1 // a name stands before the street
		}
		k++
	}
	end := s.house(k)
	if end < 0 || !s.addressed(i, end) {
		return -1
	}
	return end
}

// postcode finds five digits, or four behind a country's code, with the town behind them.
func (s *scan) postcode(i int) bool {
	digits := s.digits(i)
	if digits != 5 && digits != 4 || !s.begins(i) || s.glued(i+1) && !s.isMark(i+1, ",.;)") {
		return false
	}
	first := i
	if s.is(i-1, "-") && s.glued(i) && countryCodes.has(s.at(i-2).fold) {
		first = i - 2
	}
	if digits == 4 && first == i && s.century(i) {
		return false
	}
	end := s.townEnd(i + 1)
	known := end > 0 && s.guard.places.has(s.at(i+1).fold)
	placed := first < i || s.at(i).gap == lined || s.isMark(first-1, ",;(") || s.says(first, 2, beforePlace) || s.says(first, 2, beforeHome)
	switch {
	case end < 0 || notPlace.has(s.at(i+1).fold) || !s.near(i+1):
		return false
	case digits == 4 && first == i && !placed:
		return false
	case !known && !placed && digits == 4:
		return false
	}
	sure := Medium
	if known || placed {
		sure = High
	} else if s.isNumber(i-1) || s.isWord(i-1) && !s.at(i-1).capital {
		return false
	}
	s.add(first, end, Place, sure, ByShape)
	return true
}

// townEnd gives the end of the town's name at i: one proper word with what belongs to it, as in "Offenbach am Main", "Bad Homburg
// v. d. Höhe", "St. Johann", "Berlin-Mitte".
func (s *scan) townEnd(i int) int {
	k := i
	for k < i+3 && s.isWord(k) && s.at(k).capital && placeStarts.has(s.at(k).fold) && (k == i || s.near(k)) {
		k++
		if s.is(k, ".") {
			k++
		}
	}
	if !s.isWord(k) || !s.at(k).capital || k > i && !s.near(k) {
		if k > i {
			return k
		}
		return -1
	}
	k++
	for first := k; k < first+6 && s.is(k, "-") && s.glued(k) && s.isWord(k+1) && s.at(k+1).capital; {
		k += 2
	}
	m := k
	for m < k+4 && s.near(m) && (s.isWord(m) && !s.at(m).capital && placeMiddle.has(s.at(m).fold) || m > k && s.is(m, ".")) {
		m++
	}
	if m > k && s.isWord(m) && s.at(m).capital && s.near(m) && !s.glued(m) {
		return m + 1
	}
	return k
}

// town finds towns of the list, after a word of place; single words that are also something else need that word at once.
func (s *scan) town(i int) bool {
	t := s.at(i)
	if t.kind != word || !t.capital || !s.begins(i) {
		return false
	}
	name := t.fold
	if placeStarts.has(name) && s.isWord(i+1) && s.near(i+1) {
		name += " " + s.at(i+1).fold
	}
	if !s.guard.places.has(name) && !s.heading(i) {
		return false
	}
	before := s.at(i - 1)
	if !s.heading(i) && (before.kind != word || !beforePlace.has(before.fold) || !s.near(i)) {
		return false
	}
	end := s.townEnd(i)
	if end < 0 || !s.free(i, end) {
		return false
	}
	s.add(i, end, Place, Medium, ByList)
	return true
}

// heading says whether the word at i is the place of a letter's date: "Neudorf, am 16.12.2029".
func (s *scan) heading(i int) bool {
	k := s.townEnd(i)
	if s.near(i) || k < 0 || !s.is(k, ",") {
		return false
	}
	k++
	if s.is(k, "am") || s.is(k, "den") {
		k++
	}
	return s.isNumber(k) && s.near(k) && s.taken[k]
}

// Heads of organisations' names, and what they are followed by.
var (
	orgEnds = []string{"klinik", "klinikum", "klinken", "kliniken", "krankenhaus", "krankenhauses", "hospital", "spital", "sanatorium", "krankenanstalten", "bildungswerk", "berufsfoerderungswerk", "sozialwerk",
		"hilfswerk", "diakoniewerk", "universitaet", "hochschule", "verein", "verband", "stiftung", "akademie"}
	orgHeads = words("kh praxis apotheke firma fa kanzlei caritas caritasverband diakonie awo drk johanniter malteser edeka rewe aldi lidl kaufland penny netto rossmann mueller amazon dhl hermes ikea obi bauhaus siemens bosch volkswagen daimler bmw audi opel bayer basf sap telekom vodafone charite zentrum")
	orgForms = words("gmbh ggmbh ag kg ohg ug gbr mbh eg")
	orgLinks = words("der des die dem am an im in bei zu von st hl")
)

// organisations finds institutions and employers that are called by a name of their own.
func (s *scan) organisations() {
	for i := range s.toks {
		if s.taken[i] || !s.isWord(i) || !s.at(i).capital {
			continue
		}
		_ = s.legalForm(i) || s.institution(i)
	}
}

// legalForm: proper words before GmbH, AG, e.V.
func (s *scan) legalForm(i int) bool {
	end := i + 1
	switch {
	case orgForms.has(s.at(i).fold) && (s.at(i).upper || strings.HasSuffix(s.at(i).fold, "mbh")):
	case s.is(i, "e") && s.is(i+1, ".") && s.is(i+2, "v"):
		end = i + 3
		if s.is(end, ".") {
			end++
		}
	default:
		return false
	}
	begin := i
	for i-begin < 8 && begin > 0 && s.near(begin) && !s.taken[begin-1] && (s.isWord(begin-1) && s.at(begin-1).capital || s.isMark(begin-1, "-&+") || s.is(begin-1, "und") && begin < i) {
		begin--
	}
	for begin < i && (!s.isWord(begin) || notName.has(s.at(begin).fold)) {
		begin++
	}
	if begin == i {
		return false
	}
	s.add(begin, end, Organisation, Medium, ByShape)
	return true
}

// institution: a head such as Klinik or Praxis with the name that follows, or a compound such as Christian-Drosten-Klinik.
func (s *scan) institution(i int) bool {
	fold := s.at(i).fold
	if !orgHeads.has(fold) && !hasAnySuffix(fold, orgEnds...) {
		return false
	}
	begin := i
	for i-begin < 8 && s.is(begin-1, "-") && s.glued(begin) && s.isWord(begin-2) && !s.taken[begin-2] {
		begin -= 2
	}
	end := s.nameOfInstitution(i + 1)
	if end == i+1 && !(i-begin >= 2 && s.guard.known(s.at(begin).fold)) {
		return false
	}
	s.add(begin, end, Organisation, Medium, ByContext)
	return true
}

func (s *scan) nameOfInstitution(k int) int {
	end, purpose := k, false
	for steps := 0; steps < 10 && s.near(k); steps++ {
		t := s.at(k)
		switch {
		case t.fold == "fuer":
			purpose = true // "Klinik für Innere Medizin" is what it is, not what it is called, unless "des …" follows
			k++
		case purpose && (t.kind == word && t.capital || t.fold == "und" || t.fold == "-" || t.fold == ","):
			k++
		case t.kind == word && t.capital && !notName.has(t.fold) && !s.taken[k] && !weekdays.has(t.fold) && !months.has(t.fold):
			k++
			end = k
			for first := k; k < first+8 && s.is(k, "-") && s.glued(k) && s.isWord(k+1) && s.glued(k+1); {
				k += 2
				end = k
			}
		case t.kind == word && !t.capital && orgLinks.has(t.fold), t.fold == "." && (titles.has(s.at(k-1).fold) || s.is(k-1, "st") || s.is(k-1, "hl")):
			purpose = false
			k++
		default:
			return end
		}
	}
	return end
}
