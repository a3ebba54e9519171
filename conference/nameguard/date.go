package nameguard

var (
	months = words(`januar jaenner jan februar feber feb maerz maer mrz april apr mai juni jun juli jul august aug september sept sep oktober okt
		november nov dezember dez`)
	weekdays   = words("montag dienstag mittwoch donnerstag freitag samstag sonnabend sonntag mo di mi do fr sa so")
	beforeDate = words("am vom bis seit zum ab den von dem zwischen und ca etwa ende anfang mitte bereits")
	notYear    = words("uicc icd icf leitlinie leitlinien fassung edition version seite nr nummer zimmer raum din iso norm win office")
	afterDay   = words("uhr prozent grad mg ml cm mm kg g l std stunden minuten tage tagen wochen monate monaten jahre jahren euro")
	aboutBirth = words("geb geboren geborene geburtsdatum geburtstag gebdatum")
)

// dates finds days, months with a year, and years after a word of time. Times, doses, section numbers and codes are none.
func (s *scan) dates() {
	for i := 0; i < len(s.toks); i++ {
		if s.taken[i] || !s.isNumber(i) && !s.isWord(i) {
			continue
		}
		end := s.dateAt(i)
		if end < 0 || !s.free(i, end) {
			continue
		}
		first := s.widen(i)
		class, sure := Date, Medium
		if end == i+1 {
			sure = Low // a year alone
		}
		if s.born(first) {
			class, sure = Birthdate, High
		}
		s.add(first, end, class, sure, ByShape)
		i = end - 1
	}
}

// dateAt gives the end of the date that begins at i, or -1.
func (s *scan) dateAt(i int) int {
	if s.isWord(i) {
		return s.monthYear(i)
	}
	if s.glued(i) && s.at(i-1).kind == word {
		return -1 // d850.3, F33.1
	}
	for _, form := range []func(int) int{s.dotted, s.iso, s.spelled, s.slashed, s.year} {
		if end := form(i); end > 0 && s.ends(end) {
			return end
		}
	}
	return -1
}

func (s *scan) day(i int) bool   { v := s.value(i); return s.digits(i) <= 2 && v >= 1 && v <= 31 }
func (s *scan) month(i int) bool { v := s.value(i); return s.digits(i) <= 2 && v >= 1 && v <= 12 }

func (s *scan) century(i int) bool {
	v := s.value(i)
	return s.digits(i) == 4 && v >= 1900 && v <= 2099
}

// dotted: 4.8.26, 04.08.2026, 4. 8. 2026, 23.04 2029, and 19.3. after a word of time or before a dash.
func (s *scan) dotted(i int) int {
	if !s.day(i) || !s.isMark(i+1, ".,") || !s.glued(i+1) || !s.month(i+2) || !s.near(i+2) {
		return -1
	}
	k := i + 3
	dot := s.isMark(k, ".,") && s.glued(k)
	if dot {
		k++
	}
	if s.near(k) && (dot || s.at(k).gap == spaced) {
		if s.century(k) {
			return k + 1
		}
		if dot && s.digits(k) == 2 && (s.glued(k) || s.glued(i+2)) {
			return k + 1
		}
	}
	full := s.is(i+1, ".") && dot && s.is(k-1, ".")
	if !full || s.isNumber(k) && s.glued(k) {
		return -1
	}
	timely := s.isWord(i-1) && beforeDate.has(s.at(i-1).fold) && s.near(i)
	if timely && !afterDay.has(s.at(k).fold) || s.isMark(k, "-–") && s.glued(k) || s.isMark(i-1, "-–") && s.glued(i) && s.isNumber(i-2) {
		return k
	}
	return -1
}

// iso: 2026-08-04, also with slashes or dots.
func (s *scan) iso(i int) int {
	if !s.century(i) || !s.isMark(i+1, "-/.") || !s.month(i+2) || !s.is(i+3, s.at(i+1).fold) || !s.day(i+4) {
		return -1
	}
	for k := i + 1; k <= i+4; k++ {
		if !s.glued(k) {
			return -1
		}
	}
	return i + 5
}

// spelled: 4. August 2026, 4 August, 4. Aug. 26
func (s *scan) spelled(i int) int {
	if !s.day(i) {
		return -1
	}
	k := i + 1
	if s.is(k, ".") && s.glued(k) {
		k++
	}
	if !s.isWord(k) || !months.has(s.at(k).fold) || !s.at(k).capital || !s.near(k) {
		return -1
	}
	return s.yearAfter(k + 1)
}

// yearAfter takes the year that may follow a month, and the dot of a month that is cut short.
func (s *scan) yearAfter(k int) int {
	if s.is(k, ".") && s.glued(k) && s.isNumber(k+1) && s.near(k+1) {
		k++
	}
	switch {
	case !s.near(k):
	case s.century(k), s.isMark(k, "'’") && s.digits(k+1) == 2:
		if s.isNumber(k) {
			return k + 1
		}
		return k + 2
	case s.digits(k) == 2 && s.ends(k+1) && !s.is(k+1, ".") && !afterDay.has(s.at(k+1).fold):
		return k + 1
	}
	return k
}

// monthYear: August 2026. A month alone could be anybody's.
func (s *scan) monthYear(i int) int {
	if !s.at(i).capital || !months.has(s.at(i).fold) {
		return -1
	}
	end := s.yearAfter(i + 1)
	if end == i+1 || !s.isNumber(end-1) {
		return -1
	}
	return end
}

// slashed: 04/2029, and 06/11 after a word of time or in a range.
func (s *scan) slashed(i int) int {
	if !s.isMark(i+1, "/") || !s.glued(i+1) || !s.glued(i+2) || s.glued(i) && s.isMark(i-1, ".,/") {
		return -1
	}
	switch {
	case s.day(i) && s.month(i+2) && s.is(i+3, "/") && s.glued(i+4) && (s.digits(i+4) == 2 || s.century(i+4)):
		return i + 5
	case !s.month(i):
		return -1
	case s.century(i + 2):
		return i + 3
	case s.digits(i+2) == 2 && !s.is(i+3, "/") && s.timely(i, i+3):
		return i + 3
	}
	return -1
}

// timely says whether tokens i to end stand where a month with a short year stands rather than a fraction: after a word of time, in
// brackets, in a range, or last on its line with a leading zero.
func (s *scan) timely(i, end int) bool {
	before, after := s.at(i-1), s.at(end)
	switch {
	case before.kind == word && beforeDate.has(before.fold) && s.near(i):
		return !afterDay.has(after.fold)
	case (s.isMark(i-1, "(") || s.isMark(i-2, "(")) && s.isMark(end, ")-–;,"), s.isMark(end, "-–") && s.isMark(end+2, "/"), s.isMark(i-1, "-–") && s.isMark(i-3, "/"):
		return true
	}
	return (s.digits(i) == 2 || s.value(i+2) > 12) && (after.gap == lined || after.end == 0) && before.kind == word
}

// year: seit 2019, * 1979, Hüft-TEP 2035; not what a guideline or an edition is called by
func (s *scan) year(i int) int {
	if !s.century(i) || !s.begins(i) || s.glued(i) && s.isMark(i-1, ".,/-") || s.isMark(i+1, ".,/-") && s.glued(i+2) && s.isNumber(i+2) {
		return -1
	}
	if after := s.at(i + 1).fold; afterDay.has(after) || notHouse.has(after) || s.isMark(i+1, "%€") || notYear.has(s.at(i-1).fold) && s.near(i) {
		return -1
	}
	return i + 1
}

// widen takes the first half of a range whose end is the date at i: 19.–22.3.2029, 06-07.11.2024, 19.3.-22.3.
func (s *scan) widen(i int) int {
	dash := i - 1
	if !s.isMark(dash, "-–") || !s.near(i) {
		return i
	}
	k := dash - 1
	if s.is(k, ".") {
		k--
	}
	if !s.day(k) || !s.near(dash) || s.taken[k] {
		return i
	}
	if s.is(k-1, ".") && s.day(k-2) && s.glued(k) {
		return k - 2
	}
	return k
}

func (s *scan) born(i int) bool {
	return s.isMark(i-1, "*") || s.says(i, 3, aboutBirth)
}

// ages finds how old somebody is.
func (s *scan) ages() {
	for i := range s.toks {
		v := s.value(i)
		if v < 1 || v > 115 || s.taken[i] || s.glued(i) && s.at(i-1).kind == word {
			continue
		}
		k := i + 1
		if s.isMark(k, "-–") && s.near(k) {
			k++
		}
		next := s.at(k).fold
		aged := (next == "j" || next == "jaehr") && s.is(k+1, ".") || hasAnyPrefix(next, "jaehrig", "jahrig") || next == "lj" || next == "." && s.is(k+1, "lj") ||
			next == "jahre" && (s.is(k+1, "alt") || s.is(k+1, "alte") || s.is(k+1, "alter") || s.is(k+1, "altes") || s.is(k+1, "alten"))
		if s.near(k) && aged || (s.is(i-1, "alter") || s.is(i-2, "alter") && s.is(i-1, ":")) && s.near(i) {
			s.add(i, i+1, Age, Low, ByShape)
		}
	}
}
