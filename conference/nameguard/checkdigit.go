package nameguard

// Check digits of German identifiers. Each takes the identifier without blanks or separators and with letters in capitals.

func digitSum(n int) int { return n/10 + n%10 }

// weighted sums the digit sums of digit × weight; weights repeat.
func weighted(digits []int, weights ...int) int {
	sum := 0
	for i, d := range digits {
		sum += digitSum(d * weights[i%len(weights)])
	}
	return sum
}

func digitsOf(s string) []int {
	digits := make([]int, len(s))
	for i := range len(s) {
		digits[i] = int(s[i] - '0')
	}
	return digits
}

// spellLetter is the letter's place in the alphabet as two digits: A is 01.
func spellLetter(c byte) []int { n := int(c-'A') + 1; return []int{n / 10, n % 10} }

// validKVNR checks the permanent part of a health insurance number (§ 290 SGB V): a letter, eight digits, a check digit.
func validKVNR(s string) bool {
	if len(s) != 10 || !isCapital(s[0]) || !allDigits(s[1:]) {
		return false
	}
	digits := append(spellLetter(s[0]), digitsOf(s[1:9])...)
	return weighted(digits, 1, 2)%10 == int(s[9]-'0')
}

// validRVNR checks a pension insurance number (§ 147 SGB VI): area, birth date, letter, serial, check digit. Days run to 31, or from
// 51 to 81 where 31 did not suffice.
func validRVNR(s string) bool {
	if !shapedRVNR(s) {
		return false
	}
	day, month := int(s[2]-'0')*10+int(s[3]-'0'), int(s[4]-'0')*10+int(s[5]-'0')
	if (day < 1 || day > 31) && (day < 51 || day > 81) || month > 12 || month == 0 {
		return false
	}
	digits := append(append(digitsOf(s[:8]), spellLetter(s[8])...), digitsOf(s[9:11])...)
	return weighted(digits, 2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1)%10 == int(s[11]-'0')
}

func shapedRVNR(s string) bool {
	return len(s) == 12 && allDigits(s[:8]) && isCapital(s[8]) && allDigits(s[9:])
}

// validTaxID checks a Steuer-ID (§ 139b AO): ISO 7064 MOD 11,10, and among the first ten digits exactly one that occurs twice or
// three times.
func validTaxID(s string) bool {
	if len(s) != 11 || !allDigits(s) || s[0] == '0' {
		return false
	}
	var count [10]int
	p := 10
	for _, d := range digitsOf(s[:10]) {
		count[d]++
		t := (d + p) % 10
		if t == 0 {
			t = 10
		}
		p = 2 * t % 11
	}
	repeated := 0
	for _, n := range count {
		if n > 3 {
			return false
		}
		if n > 1 {
			repeated++
		}
	}
	return repeated == 1 && (11-p)%10 == int(s[10]-'0')
}

// validIBAN checks ISO 13616: the first four characters to the end, letters as numbers, modulo 97. German ones have 22 characters.
func validIBAN(s string) bool {
	if len(s) < 15 || len(s) > 34 || s[:2] == "DE" && len(s) != 22 {
		return false
	}
	rest := 0
	for _, c := range []byte(s[4:] + s[:4]) {
		switch {
		case c >= '0' && c <= '9':
			rest = (rest*10 + int(c-'0')) % 97
		case isCapital(c):
			rest = (rest*100 + int(c-'A') + 10) % 97
		default:
			return false
		}
	}
	return rest == 1
}

// validLANR checks a physician's lifelong number: six digits, check digit, two of the specialty.
func validLANR(s string) bool {
	if len(s) != 9 || !allDigits(s) {
		return false
	}
	sum := 0
	for i, d := range digitsOf(s[:6]) {
		sum += d * []int{4, 9}[i%2]
	}
	return (10-sum%10)%10 == int(s[6]-'0')
}

// validBSNR knows only the regions in which practices are numbered; there is no check digit.
func validBSNR(s string) bool {
	if len(s) != 9 || !allDigits(s) {
		return false
	}
	switch s[:2] {
	case "01", "02", "03", "17", "20", "35", "38", "46", "51", "52", "71", "72", "73", "74", "78", "83", "88", "93", "98":
		return true
	}
	return false
}

func isCapital(c byte) bool { return c >= 'A' && c <= 'Z' }

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
