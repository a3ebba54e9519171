package nameguard

import "strings"

var (
	aboutPhone = words(`tel telefon telefonisch telefonnummer fon phone fax telefax mobil mobilnummer handy handynummer rueckruf ruf rufnummer
		durchwahl dw erreichbar nummer anruf whatsapp sms`)
	notPhone    = words("euro eur mg ml kg uhr prozent stunden std tage monate jahre punkte thrombozyten leukozyten")
	topDomains  = words("de com org net at ch eu info berlin hamburg bayern koeln nrw online gmbh io me fr pl tr ru")
	beforeLinks = words("http https ftp www")
)

// contacts finds e-mail addresses, links and telephone numbers.
func (s *scan) contacts() {
	for i := range s.toks {
		if s.taken[i] {
			continue
		}
		_ = s.email(i) || s.link(i) || s.phone(i)
	}
}

// email finds an address by its "@", also written (at) or [at].
func (s *scan) email(i int) bool {
	left, right := i, i+1
	switch {
	case s.is(i, "@"):
	case s.isMark(i, "([") && s.is(i+1, "at") && s.isMark(i+2, ")]"):
		right = i + 3
	default:
		return false
	}
	part := func(k int, marks string) bool { return s.isWord(k) || s.isNumber(k) || s.isMark(k, marks) }
	for left > 0 && i-left < 40 && (left == i && s.near(left) || s.glued(left)) && part(left-1, "._-+%") {
		left--
	}
	from := right
	for right-from < 20 && part(right, ".-") && (right == from && s.near(right) || s.glued(right)) {
		right++
	}
	for right > from && s.isMark(right-1, ".-") {
		right--
	}
	for left < i && s.isMark(left, "._-+%") {
		left++
	}
	if left == i || right-from < 3 {
		return false
	}
	s.add(left, right, Email, High, ByShape)
	return true
}

// link finds addresses on the web: with a scheme, with www, or a name that ends like one.
func (s *scan) link(i int) bool {
	end := i
	for end-i < 60 && s.at(end).end > 0 && (end == i || s.glued(end)) && !s.isMark(end, `<>"“”()[]{}„`) {
		end++
	}
	for end > i+1 && s.isMark(end-1, ".,;:!?-") {
		end--
	}
	fold := s.at(i).fold
	schemed := beforeLinks.has(fold) && (s.is(i+1, ":") && s.is(i+2, "/") || s.is(i+1, ".")) && end > i+3
	if !schemed && !(s.isWord(i) && s.begins(i) && s.domain(i, end)) {
		return false
	}
	s.add(i, end, Web, Medium, ByShape)
	return true
}

// domain says whether tokens i to end are a host's name: words with dots or hyphens between them and a known last part.
func (s *scan) domain(i, end int) bool {
	dots := 0
	for k := i; k < end; k++ {
		switch {
		case s.is(k, "."):
			dots++
		case s.is(k, "/"):
			end = k
		case !s.isWord(k) && !s.isNumber(k) && !s.is(k, "-"):
			return false
		}
	}
	return dots > 0 && end-i >= 3 && s.is(end-2, ".") && topDomains.has(s.at(end-1).fold) && len(s.at(end-3).fold) > 2 && !s.at(end-1).capital
}

// phone finds telephone numbers: after a word that announces one, or by their beginning. 7 to 15 digits (ITU-T E.164), fewer after
// the word.
func (s *scan) phone(i int) bool {
	if !s.isNumber(i) && !(s.isMark(i, "+(") && (s.isNumber(i+1) && s.glued(i+1) || s.is(i+1, "+"))) || !s.begins(i) {
		return false
	}
	end, digits, groups := s.dialled(i)
	announced := s.says(i, 4, aboutPhone)
	first := i
	for s.isMark(first, "+(") {
		first++
	}
	dialled := strings.HasPrefix(s.at(first).fold, "0") || s.is(first-1, "+")
	switch {
	case digits > 16 || notPhone.has(s.at(end).fold) && s.near(end) || !s.ends(end):
		return false
	case announced && digits >= 5:
		s.add(i, end, Phone, High, ByContext)
	case dialled && digits >= 7 && (groups > 1 || digits >= 9) && !(s.isMark(i-1, ".,") && s.glued(i)):
		s.add(i, end, Phone, Medium, ByShape)
	default:
		return false
	}
	return true
}

// dialled takes numbers and the marks people put between them, on one line.
func (s *scan) dialled(i int) (end, digits, groups int) {
	k := i
	for ; k < i+24; k++ {
		if k > i && !s.near(k) {
			break
		}
		switch {
		case s.isNumber(k):
			digits += s.digits(k)
			groups++
			end = k + 1
		case s.isMark(k, "+") && k == i, s.isMark(k, "()/-–") && (k == i || end > 0 || s.isMark(k-1, "+")):
		case s.is(k, "+") && s.isMark(k-1, "("):
		default:
			return s.extension(end), digits, groups
		}
	}
	return s.extension(end), digits, groups
}

// extension takes "-DW" and "o. 2522" behind a number.
func (s *scan) extension(end int) int {
	switch {
	case s.isMark(end, "-") && s.is(end+1, "dw") && s.glued(end+1):
		return end + 2
	case s.is(end, "o") && s.is(end+1, ".") && s.digits(end+2) >= 3 && s.near(end+2), s.is(end, "oder") && s.digits(end+1) >= 3 && s.near(end+1) && s.digits(end+1) <= 5:
		if s.is(end, "oder") {
			return end + 2
		}
		return end + 3
	}
	return end
}

func hasAnyPrefix(s string, prefixes ...string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}

func hasAnySuffix(s string, suffixes ...string) bool {
	for _, p := range suffixes {
		if strings.HasSuffix(s, p) {
			return true
		}
	}
	return false
}
