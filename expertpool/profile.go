package expertpool

import (
	"slices"
	"strings"

	"github.com/konsil-server/konsil/expertpool/account"
)

// Profile is what an expert offers: the part of the directory that she, a coordinator or an import may write.
type Profile struct {
	Discipline    string   // what a request asks for: one of Disciplines
	Profession    string   // code of one of Professions; "" when nobody has said
	Specialties   []string // codes of Specialties
	Specialty     string   // in her own words
	Topics        []string
	Languages     []string // codes of Languages
	Place         string
	Postcode      string
	TravelKM      int      // how far she comes; 0: comes nowhere
	Modes         []string // of Modes, at least one
	LANR, BSNR    string   // numbers of physicians and of their practices, "" for everybody else
	Accessibility string   // of the place, in words
	HoursPerMonth int      // contingent
	MaxCases      int      // open cases at once; 0: no ceiling
}

// Ceilings of a profile. Lengths are in characters.
const (
	MaxSpecialties   = 10
	MaxTopics        = 20
	MaxLanguages     = 20
	MaxHoursPerMonth = 200
	MaxTravelKM      = 1000
	MaxCasesAtOnce   = 1000

	maxWords         = 200
	maxTopic         = 60
	maxPlace         = 120
	maxAccessibility = 400
)

// Profession is what somebody has learnt, or works as.
type Profession struct {
	Code string
	Term string   // German, names the field so that it fits everybody in it
	OIDs []string // in the physicians' directory (gemSpec_OID, Tab_PKI_402): the first is written, all are read; none: not listed there
}

// Professions are all there are, in the order in which they are offered.
func Professions() []Profession {
	return []Profession{
		{"physician", "Medizin (ärztlich)", []string{"1.2.276.0.76.4.30"}},
		{"psychotherapist", "Psychotherapie", []string{"1.2.276.0.76.4.45", "1.2.276.0.76.4.46", "1.2.276.0.76.4.47"}},
		{"psychologist", "Psychologie", nil},
		{"physiotherapist", "Physiotherapie", []string{"1.2.276.0.76.4.236"}},
		{"occupational_therapist", "Ergotherapie", []string{"1.2.276.0.76.4.274"}},
		{"social_worker", "Soziale Arbeit", nil},
		{"nurse", "Pflege", []string{"1.2.276.0.76.4.234", "1.2.276.0.76.4.232", "1.2.276.0.76.4.233"}},
		{"coach", "Coaching", nil},
		{"counsellor", "Beratung", nil},
		{"insurance_staff", "Sozialversicherung", nil},
	}
}

// KnownProfession tells whether code is one of Professions.
func KnownProfession(code string) bool {
	return slices.ContainsFunc(Professions(), func(p Profession) bool { return p.Code == code })
}

// The two lists that the physicians' directory takes its specialties from, kept by IHE Deutschland.
const (
	MedicalSpecialties = "1.3.6.1.4.1.19376.3.276.1.5.4" // Ärztliche Fachrichtungen
	OtherSpecialties   = "1.3.6.1.4.1.19376.3.276.1.5.5" // Nichtärztliche Fachrichtungen
)

// Specialty is a field of work, finer than a discipline.
type Specialty struct {
	Code, Term string // Term is German
	Discipline string // that people of this specialty are usually asked for
	System     string // MedicalSpecialties or OtherSpecialties; "": the directory does not have it
	Listed     string // its code there
}

// Specialties are all there are, by discipline in the order of Disciplines.
func Specialties() []Specialty {
	const med, other = MedicalSpecialties, OtherSpecialties
	return []Specialty{
		{"psychiatry", "Psychiatrie und Psychotherapie", "psychiatry", med, "PSYC"},
		{"child_psychiatry", "Kinder- und Jugendpsychiatrie", "psychiatry", med, "KPSY"},
		{"forensic_psychiatry", "Forensische Psychiatrie", "psychiatry", med, "FPSY"},
		{"addiction_medicine", "Suchtmedizin", "psychiatry", "", ""},
		{"psychosomatics", "Psychosomatische Medizin und Psychotherapie", "psychosomatics", med, "PSYM"},
		{"pain_medicine", "Schmerzmedizin", "psychosomatics", med, "INTS"},
		{"neurology", "Neurologie", "neurology", med, "NEUR"},
		{"neurosurgery", "Neurochirurgie", "neurology", med, "NRCH"},
		{"sleep_medicine", "Schlafmedizin", "neurology", med, "SCHL"},
		{"orthopaedics", "Orthopädie", "orthopaedics", med, "ORTH"},
		{"trauma_surgery", "Unfallchirurgie", "orthopaedics", med, "UNFC"},
		{"surgery", "Chirurgie", "orthopaedics", med, "CHIR"},
		{"sports_medicine", "Sport- und Bewegungsmedizin", "orthopaedics", med, "SPOR"},
		{"occupational_medicine", "Arbeitsmedizin", "occupational_medicine", med, "ARBE"},
		{"social_medicine", "Sozialmedizin", "social_medicine", "", ""},
		{"rehabilitation", "Physikalische und Rehabilitative Medizin", "social_medicine", med, "REHA"},
		{"public_health", "Öffentliches Gesundheitswesen", "social_medicine", med, "GESU"},
		{"general_medicine", "Allgemeinmedizin", "general_medicine", med, "ALLG"},
		{"internal_medicine", "Innere Medizin", "general_medicine", med, "INNE"},
		{"cardiology", "Kardiologie", "general_medicine", med, "KARD"},
		{"pneumology", "Pneumologie", "general_medicine", med, "PNEU"},
		{"rheumatology", "Rheumatologie", "general_medicine", med, "RHEU"},
		{"diabetology", "Endokrinologie und Diabetologie", "general_medicine", med, "ENDO"},
		{"gastroenterology", "Gastroenterologie", "general_medicine", med, "GAST"},
		{"oncology", "Hämatologie und internistische Onkologie", "general_medicine", med, "HAEM"},
		{"geriatrics", "Geriatrie", "general_medicine", med, "GERI"},
		{"palliative_medicine", "Palliativmedizin", "general_medicine", med, "PALL"},
		{"gynaecology", "Frauenheilkunde und Geburtshilfe", "general_medicine", med, "FRAU"},
		{"paediatrics", "Kinder- und Jugendmedizin", "general_medicine", med, "KIJU"},
		{"dermatology", "Haut- und Geschlechtskrankheiten", "general_medicine", med, "HAUT"},
		{"ophthalmology", "Augenheilkunde", "general_medicine", med, "AUGE"},
		{"otorhinolaryngology", "Hals-Nasen-Ohrenheilkunde", "general_medicine", med, "HNOH"},
		{"psychotherapy", "Psychotherapie (nichtärztlich)", "psychology", other, "PST"},
		{"neuropsychology", "Neuropsychologie", "psychology", "", ""},
		{"work_psychology", "Arbeits- und Organisationspsychologie", "psychology", "", ""},
		{"physiotherapy", "Physiotherapie", "physiotherapy", "", ""},
		{"occupational_therapy", "Ergotherapie", "occupational_therapy", other, "ERG"},
		{"social_services", "Sozialwesen", "social_work", other, "SOZ"},
		{"care_coordination", "Versorgungskoordination", "social_work", other, "VKO"},
		{"addiction_counselling", "Suchtberatung", "addiction_counselling", "", ""},
		{"debt_counselling", "Schuldnerberatung", "debt_counselling", "", ""},
		{"care", "Pflege und Betreuung", "nursing", other, "PFL"},
		{"elderly_care", "Altenpflege", "nursing", other, "ALT"},
		{"nutrition", "Ernährung und Diätetik", "nursing", other, "ERN"},
		{"job_coaching", "Jobcoaching", "coaching", "", ""},
		{"health_coaching", "Gesundheitscoaching", "coaching", "", ""},
		{"health_insurance", "Krankenversicherung", "insurance", "", ""},
		{"pension_insurance", "Rentenversicherung", "insurance", "", ""},
		{"accident_insurance", "Unfallversicherung", "insurance", "", ""},
	}
}

// KnownSpecialty tells whether code is one of Specialties.
func KnownSpecialty(code string) bool {
	return slices.ContainsFunc(Specialties(), func(s Specialty) bool { return s.Code == code })
}

// Modes are the ways in which an expert takes part, in the order in which they are offered.
func Modes() []string { return []string{"video", "phone", "on_site", "written"} }

// Languages are what experts speak, as ISO 639: two letters, or three where there are no two (gsg: Deutsche Gebärdensprache).
func Languages() []string {
	return []string{
		"de", "gsg", "en", "ar", "bg", "bs", "el", "es", "fa", "fr", "hr", "hu", "it", "ku", "nl", "pl", "ps", "pt", "ro", "ru", "sq", "sr",
		"ti", "tr", "uk", "ur", "vi", "zh",
	}
}

// Check brings a profile into shape (no blanks around words, lists without doubles in a fixed order) and holds it to its
// rules. The error is an *account.InvalidError with the name of the column and one of: required, unknown, too_long, text,
// too_many, range, postcode, digits, check_digit, profession (this profession has no such number).
func (p *Profile) Check() error {
	p.tidy()
	return account.FirstError(
		oneOf("discipline", p.Discipline, true, KnownDiscipline),
		oneOf("profession", p.Profession, false, KnownProfession),
		allOf("specialties", p.Specialties, MaxSpecialties, KnownSpecialty),
		account.CheckText("specialty", &p.Specialty, maxWords, false),
		p.checkTopics(),
		allOf("languages", p.Languages, MaxLanguages, func(l string) bool { return slices.Contains(Languages(), l) }),
		account.CheckText("place", &p.Place, maxPlace, false),
		checkPostcode(p.Postcode),
		within("travel_km", p.TravelKM, MaxTravelKM),
		p.checkModes(),
		p.checkNumbers(),
		account.CheckText("accessibility", &p.Accessibility, maxAccessibility, false),
		within("hours_per_month", p.HoursPerMonth, MaxHoursPerMonth),
		within("max_cases", p.MaxCases, MaxCasesAtOnce),
	)
}

func (p *Profile) tidy() {
	codes := make([]string, 0, len(Specialties()))
	for _, s := range Specialties() {
		codes = append(codes, s.Code)
	}
	p.Specialties = inOrder(p.Specialties, codes)
	p.Languages = inOrder(p.Languages, Languages())
	p.Modes = inOrder(p.Modes, Modes())
	topics := make([]string, 0, len(p.Topics))
	for _, t := range p.Topics {
		t = strings.Join(strings.Fields(t), " ")
		if t != "" && !slices.ContainsFunc(topics, func(has string) bool { return strings.EqualFold(has, t) }) {
			topics = append(topics, t)
		}
	}
	p.Topics = topics
	for _, s := range []*string{&p.Postcode, &p.LANR, &p.BSNR} {
		*s = strings.ReplaceAll(strings.TrimSpace(*s), " ", "")
	}
}

// inOrder drops doubles and blanks and sorts by the order in which values are offered; unknown ones come last, so that a check
// still meets them.
func inOrder(values, offered []string) []string {
	kept := make([]string, 0, len(values))
	for _, v := range values {
		if v = strings.TrimSpace(v); v != "" && !slices.Contains(kept, v) {
			kept = append(kept, v)
		}
	}
	place := func(v string) int {
		if i := slices.Index(offered, v); i >= 0 {
			return i
		}
		return len(offered)
	}
	slices.SortStableFunc(kept, func(a, b string) int { return place(a) - place(b) })
	return kept
}

func (p *Profile) checkTopics() error {
	if len(p.Topics) > MaxTopics {
		return &account.InvalidError{Field: "topics", Rule: "too_many"}
	}
	for i := range p.Topics {
		if err := account.CheckText("topics", &p.Topics[i], maxTopic, true); err != nil {
			return err
		}
	}
	return nil
}

func (p *Profile) checkModes() error {
	if len(p.Modes) == 0 {
		return &account.InvalidError{Field: "modes", Rule: "required"}
	}
	return allOf("modes", p.Modes, len(Modes()), func(m string) bool { return slices.Contains(Modes(), m) })
}

// checkNumbers holds the numbers of contract physicians to their form. Only physicians and psychotherapists are given one
// (§ 293 Absatz 4 SGB V).
func (p *Profile) checkNumbers() error {
	for _, n := range []struct {
		field, value string
		check        func(string) string
	}{{"lanr", p.LANR, lanrRule}, {"bsnr", p.BSNR, bsnrRule}} {
		if n.value == "" {
			continue
		}
		if rule := n.check(n.value); rule != "" {
			return &account.InvalidError{Field: n.field, Rule: rule}
		}
		if p.Profession != "" && p.Profession != "physician" && p.Profession != "psychotherapist" {
			return &account.InvalidError{Field: n.field, Rule: "profession"}
		}
	}
	return nil
}

// lanrRule says which rule a physician's lifelong number breaks: six digits, a check digit over them with the weights 4 and 9
// in turn, and two of the group she is in.
func lanrRule(s string) string {
	if len(s) != 9 || !digits(s) {
		return "digits"
	}
	sum := 0
	for i := range 6 {
		weight := 4
		if i%2 == 1 {
			weight = 9
		}
		sum += weight * int(s[i]-'0')
	}
	if (10-sum%10)%10 != int(s[6]-'0') {
		return "check_digit"
	}
	return ""
}

// bsnrRule knows the build of a practice's number: two digits of the regional association or its district, five of the place,
// two of its branch. It has no check digit, and the districts are too many to be told apart from slips.
func bsnrRule(s string) string {
	if len(s) != 9 || !digits(s) || s[:2] == "00" || s[2:7] == "00000" {
		return "digits"
	}
	return ""
}

func checkPostcode(s string) error {
	if s == "" || len(s) == 5 && digits(s) && s >= "01" {
		return nil
	}
	return &account.InvalidError{Field: "postcode", Rule: "postcode"}
}

func digits(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
}

func oneOf(field, value string, required bool, known func(string) bool) error {
	switch {
	case value == "" && required:
		return &account.InvalidError{Field: field, Rule: "required"}
	case value != "" && !known(value):
		return &account.InvalidError{Field: field, Rule: "unknown"}
	}
	return nil
}

func allOf(field string, values []string, most int, known func(string) bool) error {
	if len(values) > most {
		return &account.InvalidError{Field: field, Rule: "too_many"}
	}
	if slices.ContainsFunc(values, func(v string) bool { return !known(v) }) {
		return &account.InvalidError{Field: field, Rule: "unknown"}
	}
	return nil
}

func within(field string, n, most int) error {
	if n < 0 || n > most {
		return &account.InvalidError{Field: field, Rule: "range"}
	}
	return nil
}
