package nameguard

import (
	"strings"
	"unicode/utf8"
)

// Words that say what a number beside them is.
var (
	aboutInsured   = words("kv kvnr krankenversichertennummer krankenversicherungsnummer versichertennummer versichertennr versicherten versicherung gkv krankenkasse egk")
	aboutPension   = words("rv rvnr rentenversicherungsnummer rentenversicherung sozialversicherungsnummer sv svnr drv vsnr versicherungsnummer")
	aboutTax       = words("steuer steuerid steueridentifikationsnummer idnr steuernummer tin identifikationsnummer")
	aboutPhysician = words("lanr arztnummer arztnr")
	aboutPractice  = words("bsnr betriebsstaettennummer betriebsstaette nbsnr")
	aboutCustomer  = words("kd kdnr kundennummer kundennr kunden bakundennummer")
	aboutCourt     = words("az aktenzeichen gz geschaeftszeichen gericht sozialgericht amtsgericht landgericht urteil beschluss verfahren")
	aboutRecord    = words(`az aktenzeichen gz geschaeftszeichen aktennummer fallnummer fallnr fall patientennummer patientennr pid patientenid
		aufnahmenummer aufnahmezahl fallzahl fn pn mitgliedsnummer mitglied versicherungsnummer versicherungsschein kassenzeichen vorgangsnummer vorgang vertragsnummer
		personalnummer ausweisnummer personalausweis reisepass passnummer fuehrerschein histologie enr kennzeichen kontonummer konto`)
	courtRegisters = words("as al kr r sb so u p ka eg vg vs c f m t o s js ls ds cs in ik xvii vii k l d h va ve vk wf w")
)

// numbers finds identifiers. Spelled with blanks between their groups they are found all the same.
func (s *scan) numbers() {
	for i := range s.toks {
		if s.taken[i] {
			continue
		}
		_ = s.bank(i) || s.insured(i) || s.pension(i) || s.customer(i) || s.community(i) || s.tax(i) || s.practice(i) || s.court(i) || s.record(i)
	}
}

// gather joins numbers from i on while they stand on one line with at most a blank between them, up to want digits. It gives the
// token after the last, or -1 when the digits do not come out at want.
func (s *scan) gather(i, want int) (string, int) {
	var b strings.Builder
	for k := i; s.isNumber(k) && (k == i || s.near(k)); k++ {
		b.WriteString(s.at(k).fold)
		if b.Len() == want {
			return b.String(), k + 1
		}
		if b.Len() > want {
			break
		}
	}
	return "", -1
}

// ends says that nothing is glued to the token before i that would make it part of something longer.
func (s *scan) ends(i int) bool { return !s.glued(i) || s.at(i).kind == mark }

// begins says that nothing is glued in front of token i.
func (s *scan) begins(i int) bool { return !s.glued(i) || s.at(i-1).kind == mark }

func (s *scan) letter(i int) bool { return s.isWord(i) && utf8.RuneCountInString(s.raw(i)) == 1 }

// bank finds IBANs of every country.
func (s *scan) bank(i int) bool {
	t := s.at(i)
	if t.kind != word || len(t.fold) != 2 || !t.capital || !s.begins(i) || !s.glued(i+1) || s.digits(i+1) < 2 {
		return false
	}
	var b strings.Builder
	b.WriteString(strings.ToUpper(t.fold))
	best, last := -1, i+1
	for k := i + 1; k <= i+12 && (s.isNumber(k) || s.isWord(k) && k > i+1 && s.at(k).upper) && s.near(k) && b.Len() < 34; k++ {
		b.WriteString(strings.ToUpper(s.at(k).fold))
		last = k + 1
		if validIBAN(b.String()) {
			best = k + 1
		}
	}
	switch {
	case best > 0:
		s.add(i, best, BankAccount, High, ByCheckDigit)
	case t.fold == "de" && b.Len() >= 18 && b.Len() <= 26:
		s.add(i, last, BankAccount, Medium, ByShape)
	default:
		return false
	}
	return true
}

func (s *scan) insured(i int) bool {
	if !s.letter(i) || !s.begins(i) || !s.near(i+1) {
		return false
	}
	digits, end := s.gather(i+1, 9)
	if end < 0 || !s.ends(end) {
		return false
	}
	switch context := s.says(i, 5, aboutInsured); {
	case validKVNR(strings.ToUpper(s.at(i).fold) + digits):
		s.add(i, end, HealthInsured, High, ByCheckDigit)
	case context:
		s.add(i, end, HealthInsured, Medium, ByContext)
	case s.glued(i+1) && end == i+2:
		s.add(i, end, HealthInsured, Medium, ByShape)
	default:
		return false
	}
	return true
}

func (s *scan) pension(i int) bool {
	if !s.isNumber(i) || !s.begins(i) {
		return false
	}
	area, at := s.gather(i, 8)
	if at < 0 || !s.letter(at) || !s.near(at) {
		return false
	}
	serial, end := s.gather(at+1, 3)
	if end < 0 || !s.near(at+1) || !s.ends(end) {
		return false
	}
	switch id := area + strings.ToUpper(s.at(at).fold) + serial; {
	case validRVNR(id):
		s.add(i, end, PensionInsured, High, ByCheckDigit)
	case s.says(i, 5, aboutPension):
		s.add(i, end, PensionInsured, Medium, ByContext)
	default:
		s.add(i, end, PensionInsured, Medium, ByShape)
	}
	return true
}

func (s *scan) tax(i int) bool {
	if !s.isNumber(i) || !s.begins(i) {
		return false
	}
	id, end := s.gather(i, 11)
	if end < 0 || !s.ends(end) {
		return false
	}
	switch context := s.says(i, 5, aboutTax); {
	case validTaxID(id) && (context || s.digits(i) == 2 || s.digits(i) == 11):
		s.add(i, end, TaxID, High, ByCheckDigit)
	case context:
		s.add(i, end, TaxID, Medium, ByContext)
	default:
		return false
	}
	return true
}

// practice finds physicians' and practices' numbers, which are nine digits like many others: only with a word beside them.
func (s *scan) practice(i int) bool {
	if !s.isNumber(i) || !s.begins(i) {
		return false
	}
	id, end := s.gather(i, 9)
	if end < 0 || !s.ends(end) {
		return false
	}
	switch {
	case s.says(i, 4, aboutPhysician):
		s.add(i, end, PhysicianID, sureIf(validLANR(id)), ByContext)
	case s.says(i, 4, aboutPractice):
		s.add(i, end, PracticeID, sureIf(validBSNR(id)), ByContext)
	default:
		return false
	}
	return true
}

func sureIf(valid bool) Confidence {
	if valid {
		return High
	}
	return Medium
}

// customer finds the customer number of the Bundesagentur: three digits, a letter, six digits.
func (s *scan) customer(i int) bool {
	if s.digits(i) != 3 || !s.letter(i+1) || s.digits(i+2) != 6 || !s.near(i+1) || !s.near(i+2) || !s.begins(i) || !s.ends(i+3) {
		return false
	}
	if !s.says(i, 4, aboutCustomer) && (!s.glued(i+1) || !s.glued(i+2)) {
		return false
	}
	s.add(i, i+3, CustomerID, High, ByShape)
	return true
}

// community finds the number of a Bedarfsgemeinschaft: five digits, "//" or "BG", seven digits.
func (s *scan) community(i int) bool {
	if s.digits(i) != 5 || !s.begins(i) {
		return false
	}
	k := i + 1
	switch {
	case s.is(k, "/") && s.is(k+1, "/"):
		k += 2
	case s.is(k, "bg"):
		k++
	default:
		return false
	}
	if s.digits(k) != 7 || !s.near(k) || !s.ends(k+1) {
		return false
	}
	s.add(i, k+1, CommunityID, High, ByShape)
	return true
}

// court finds references such as "S 12 AS 345/23" or, with a word before it, "12 C 345/23".
func (s *scan) court(i int) bool {
	first := i
	chamber := s.isWord(i) && s.at(i).capital && len(s.at(i).fold) == 1 && strings.Contains("slb", s.at(i).fold)
	if chamber {
		i++
	}
	n := s.digits(i)
	if n == 0 || n > 3 || !s.isWord(i+1) || !s.at(i+1).capital || !courtRegisters.has(s.at(i+1).fold) || !s.near(i+1) || !s.near(i+2) {
		return false
	}
	year := s.digits(i + 4)
	if d := s.digits(i + 2); d == 0 || d > 5 || !s.is(i+3, "/") || year != 2 && year != 4 || !s.near(i+4) || !s.ends(i+5) {
		return false
	}
	if !chamber && !s.says(first, 4, aboutCourt) {
		return false
	}
	end := i + 5
	if s.is(end, "er") && s.at(end).upper && s.near(end) {
		end++ // einstweiliger Rechtsschutz
	}
	s.add(first, end, CourtReference, High, ByShape)
	return true
}

// record finds what a word such as "Fallnummer" introduces, if it has three digits or more.
func (s *scan) record(i int) bool {
	if !s.isWord(i) || !s.introduces(i) {
		return false
	}
	k := i + 1
	for k < i+6 && (s.isMark(k, ".:-#") || s.is(k, "nr") || s.is(k, "nummer") || s.is(k, "id")) && (s.near(k) || s.is(k-1, ":")) {
		k++
	}
	end, digits := k, 0
	for end < k+9 && s.at(end).end > 0 && (end == k || s.glued(end)) && (s.isNumber(end) || s.isWord(end) || s.isMark(end, "-/._")) {
		digits += s.digits(end)
		end++
	}
	for end > k && s.isMark(end-1, "-/._") {
		end--
	}
	if digits < 3 || end == k || !s.near(k) && s.at(k-1).kind == word || !s.free(k, end) {
		return false
	}
	s.add(k, end, RecordNumber, Medium, ByContext)
	return true
}

// introduces says whether word i announces a number of a record: one of the known words, or any that ends in -nummer, or a short one
// followed by "Nr".
func (s *scan) introduces(i int) bool {
	fold := s.at(i).fold
	switch {
	case aboutRecord.has(fold):
		return s.is(i+1, ":") || s.is(i+1, ".") || s.is(i+1, "-") || strings.HasSuffix(fold, "nummer") || strings.HasSuffix(fold, "nr") || fold == "aktenzeichen" || fold == "az"
	case strings.HasSuffix(fold, "nummer"), s.at(i).upper && len(fold) <= 4, fold == "id":
		return s.is(i+1, ":") && s.digits(i+2)+s.digits(i+3)+s.digits(i+4) >= 6
	case s.is(i+1, "-"), s.is(i+1, "."):
		return s.is(i+2, "nr")
	}
	return s.is(i+1, "nr") && s.at(i).capital
}
