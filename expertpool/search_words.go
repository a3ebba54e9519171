package expertpool

import (
	"strings"
	"sync"
)

// entry is a line of the lexicon: what words of a search stand for.
type entry struct {
	words   []string // folded
	facets  []string
	also    []string // folded words that mean the same, for what people say about themselves
	synonym bool     // the words are not the name of the facets
}

// lexicon is everything that the search understands beyond letters: the names of what stands in lists, and what people say
// instead.
func lexicon() []entry { return wholeLexicon() }

var wholeLexicon = sync.OnceValue(func() []entry { // a table: folded once
	var all []entry
	for _, s := range Specialties() {
		all = append(all, entry{words: nameWords(s.Term), facets: []string{Facet("s", s.Code)}})
	}
	for _, p := range Professions() {
		all = append(all, entry{words: nameWords(p.Term), facets: []string{Facet("p", p.Code)}})
	}
	read := func(lines string, synonym bool) {
		for line := range strings.SplitSeq(strings.TrimSpace(lines), "\n") {
			words, means, _ := strings.Cut(line, ":")
			e := entry{words: strings.Fields(fold(words)), synonym: synonym}
			for _, m := range strings.Fields(means) {
				if strings.Contains(m, "=") {
					e.facets = append(e.facets, strings.Replace(m, "=", ":", 1))
				} else {
					e.also = append(e.also, fold(m))
				}
			}
			all = append(all, e)
		}
	}
	read(facetNames, false)
	read(synonyms, true)
	return all
})

// nameWords are the words of a name that say something by themselves.
func nameWords(name string) []string {
	var words []string
	for _, w := range strings.FieldsFunc(fold(name), func(r rune) bool { return strings.ContainsRune(" ()-", r) }) {
		switch w {
		case "innere", "arbeits", "haut", "kinder", "jugend", "hals", "nasen", "sport":
			words = append(words, w)
		default:
			if len(w) >= 5 {
				words = append(words, w)
			}
		}
	}
	return words
}

// facetNames are the names that disciplines, languages and ways of taking part go by.
const facetNames = `
Psychiatrie: d=psychiatry
Psychosomatik: d=psychosomatics s=psychosomatics
Neurologie: d=neurology
Orthopädie: d=orthopaedics
Arbeitsmedizin: d=occupational_medicine
Sozialmedizin: d=social_medicine
Allgemeinmedizin: d=general_medicine
Psychologie: d=psychology
Physiotherapie: d=physiotherapy
Ergotherapie: d=occupational_therapy
Sozialarbeit: d=social_work p=social_worker
Suchtberatung: d=addiction_counselling
Schuldnerberatung: d=debt_counselling
Pflege: d=nursing
Coaching Coach: d=coaching p=coach
Krankenkasse: d=insurance s=health_insurance
Deutsch: l=de
Gebärdensprache DGS: l=gsg
Englisch: l=en
Arabisch: l=ar
Bulgarisch: l=bg
Bosnisch: l=bs
Griechisch: l=el
Spanisch: l=es
Persisch Farsi Dari: l=fa
Französisch: l=fr
Kroatisch: l=hr
Ungarisch: l=hu
Italienisch: l=it
Kurdisch Kurmandschi: l=ku
Niederländisch: l=nl
Polnisch: l=pl
Paschtu: l=ps
Portugiesisch: l=pt
Rumänisch: l=ro
Russisch: l=ru
Albanisch: l=sq
Serbisch: l=sr
Tigrinya: l=ti
Türkisch: l=tr
Ukrainisch: l=uk
Urdu: l=ur
Vietnamesisch: l=vi
Chinesisch: l=zh
Video Videokonferenz: m=video
Telefon telefonisch: m=phone
schriftlich Stellungnahme: m=written
`

// synonyms are what people say: colloquial, older or wider words, in the forms for women and men.
const synonyms = `
Nervenarzt Nervenärztin Nervenheilkunde: d=psychiatry d=neurology s=psychiatry s=neurology
Psychiater Psychiaterin: d=psychiatry s=psychiatry
Psychosomatiker Psychosomatikerin: d=psychosomatics s=psychosomatics
Neurologe Neurologin: d=neurology s=neurology
Orthopäde Orthopädin Knochenarzt: d=orthopaedics s=orthopaedics
Betriebsarzt Betriebsärztin Werksarzt Betriebsmedizin Arbeitsmediziner Arbeitsmedizinerin: d=occupational_medicine s=occupational_medicine
Sozialmediziner Sozialmedizinerin Gutachter Gutachterin: d=social_medicine s=social_medicine
Hausarzt Hausärztin Allgemeinarzt Allgemeinärztin: d=general_medicine s=general_medicine
Internist Internistin: s=internal_medicine
Arzt Ärztin Ärzte Mediziner Medizinerin: p=physician
Kardiologe Kardiologin Herzarzt Herz: s=cardiology Herzschwäche
Lungenarzt Lungenfacharzt Lungenheilkunde Pneumologe Lunge: s=pneumology
Rheumatologe Rheumatologin Rheuma: s=rheumatology
Diabetologe Diabetologin Diabetes Zucker: s=diabetology
Onkologe Onkologin Onkologie Krebs Krebsarzt: s=oncology Krebsnachsorge
Altersmedizin Geriater: s=geriatrics
Frauenarzt Frauenärztin Gynäkologie Gynäkologin: s=gynaecology
Kinderarzt Kinderärztin Pädiatrie: s=paediatrics
Hautarzt Hautärztin Dermatologie: s=dermatology
Augenarzt Augenärztin: s=ophthalmology
Ohrenarzt HNO Hörstörung: s=otorhinolaryngology
Unfallchirurg Unfallchirurgin: s=trauma_surgery
Chirurg Chirurgin: s=surgery
Reha Rehabilitation Rehamedizin: s=rehabilitation
Amtsarzt Amtsärztin Gesundheitsamt: s=public_health
Schlaf Schlafmediziner: s=sleep_medicine Schlafstörung
Schmerztherapie Schmerztherapeut Schmerztherapeutin Schmerz: s=pain_medicine Schmerzbewältigung
Sucht Suchtarzt Suchtmediziner: s=addiction_medicine d=addiction_counselling
Suchttherapie Suchttherapeut Suchthilfe Drogenberatung: s=addiction_medicine d=addiction_counselling
Psychotherapeut Psychotherapeutin Therapeut Therapeutin: p=psychotherapist s=psychotherapy
Psychologe Psychologin: d=psychology p=psychologist
Krankengymnastik Krankengymnast Physiotherapeut Physiotherapeutin Physio: d=physiotherapy p=physiotherapist
Ergotherapeut Ergotherapeutin Ergo Arbeitstherapie: d=occupational_therapy p=occupational_therapist
Sozialarbeiter Sozialarbeiterin Sozialpädagoge Sozialpädagogin Sozialdienst: d=social_work p=social_worker
Schuldenberatung Schulden Insolvenzberatung: d=debt_counselling Überschuldung
Krankenpflege Krankenschwester Krankenpfleger Pflegekraft Pflegefachkraft: d=nursing p=nurse
Ernährungsberatung Diätassistenz: s=nutrition
Jobcoach Arbeitscoach: s=job_coaching
Krankenversicherung Kasse: s=health_insurance
Rentenversicherung Rente DRV: s=pension_insurance Erwerbsminderung
Berufsgenossenschaft Unfallkasse: s=accident_insurance
Hausbesuch aufsuchend: m=on_site
Gutachten Votum: m=written
Kreuzschmerz Kreuz Wirbelsäule Rücken: Rückenschmerz Bandscheibe Rücken Wirbelsäule
Burnout ausgebrannt: Erschöpfung Burnout
Fatigue ME/CFS: Erschöpfung
Depressionen depressiv Schwermut: Depression
Ängste Phobie Panikattacken: Angst Panik
Alkoholiker Trinken: Alkohol
Tabletten: Medikamente
PTBS Traumatherapie: Trauma Traumafolgen
Kopfschmerz Kopfschmerzen: Migräne Kopfschmerz
BEM: Wiedereingliederung
`
