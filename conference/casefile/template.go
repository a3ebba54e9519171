package casefile

import (
	"slices"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/expertpool/account"
)

// TemplateFields are the names of the fields of a summary, in the order in which they are written.
var TemplateFields = []string{"situation", "resources", "tried", "goals", "limits"}

// alwaysRequired are the fields that no template can make optional: the person's own.
var alwaysRequired = []string{"goals", "limits"}

// Template gives the fields of a summary headings and prompts of their own, for a project or a kind of question. The coordination
// keeps templates for its network; one that is edited is replaced, so that summaries keep the headings they were written under.
type Template struct {
	ID     uuid.UUID
	Name   string
	Fields map[string]TemplateField // by the names of TemplateFields; what is missing is as on the plain form
}

// TemplateField is how a template asks for one field.
type TemplateField struct {
	Heading  string `json:"heading,omitempty"` // empty: the plain one
	Prompt   string `json:"prompt,omitempty"`  // what helps to write it
	Optional bool   `json:"optional,omitempty"`
}

// plain is the form without a template: every field is required.
var plain = Template{}

// Required says whether a field must not be empty.
func (t Template) Required(field string) bool {
	return !t.Fields[field].Optional || t.Fixed(field)
}

// Fixed says that no template can make a field optional.
func (t Template) Fixed(field string) bool { return slices.Contains(alwaysRequired, field) }

func (t *Template) validate() error {
	if err := account.CheckText("name", &t.Name, 80, true); err != nil {
		return err
	}
	kept := map[string]TemplateField{}
	for _, name := range TemplateFields {
		f := t.Fields[name]
		err := account.FirstError(
			account.CheckText(name+"_heading", &f.Heading, 60, false),
			account.CheckText(name+"_prompt", &f.Prompt, 400, false),
		)
		if err != nil {
			return err
		}
		f.Optional = f.Optional && !t.Fixed(name)
		kept[name] = f
	}
	t.Fields = kept
	return nil
}

// shipped are the templates that a coordination finds when it looks for the first time.
var shipped = []Template{
	{Name: "Rückkehr in Arbeit", Fields: map[string]TemplateField{
		"situation": {Prompt: "Zuletzt ausgeübte Tätigkeit als Berufsfeld, seit wann nicht mehr, was im Alltag heute geht und was nicht."},
		"resources": {Prompt: "Was spricht für einen Anfang: Fähigkeiten, Menschen, Wege, Zeiten, in denen es gut geht."},
		"tried":     {Heading: "Bisherige Schritte zurück", Prompt: "Probearbeit, Wiedereingliederung, Maßnahmen: was hat getragen, woran ist es gescheitert?"},
		"goals":     {Prompt: "Welche Arbeit wünscht sich die Person, in welchem Umfang, mit welchen Menschen?"},
	}},
	{Name: "Leistungsvermögen in Stunden", Fields: map[string]TemplateField{
		"situation": {Heading: "Einschränkungen", Prompt: "Was schränkt ein, wie lange schon, wie schwankt es über den Tag und die Woche? Vorhandene Einschätzungen mit Monat und Quelle."},
		"resources": {Heading: "Was heute gelingt", Prompt: "Wie viele Stunden am Stück, mit welchen Pausen, bei welcher Tätigkeit, auch im Haushalt oder Ehrenamt?"},
		"tried":     {Prompt: "Belastungsproben, Gutachten, Reha: mit welchem Ergebnis in Stunden?"},
	}},
	{Name: "Engpass in der Behandlung", Fields: map[string]TemplateField{
		"situation": {Prompt: "Welche Behandlung wird gebraucht, was fehlt dafür: Platz, Weg, Kostenträger, Zutrauen?"},
		"resources": {Optional: true, Prompt: "Was hält die Person in der Wartezeit?"},
		"tried":     {Heading: "Behandlung bisher", Prompt: "Welche Fachrichtung, wie lange, was hat geholfen? Wartelisten mit Monat."},
	}},
	{Name: "Schmerz und Psyche", Fields: map[string]TemplateField{
		"situation": {Prompt: "Wo und wann ist der Schmerz, wie geht es der Stimmung, was verstärkt sich gegenseitig? Schlaf, Rückzug, Medikamente als Gruppe."},
		"resources": {Prompt: "Was lindert, was lenkt ab, wer tut gut?"},
		"tried":     {Prompt: "Körperliche und seelische Behandlung, jeweils: was hat geholfen, was nicht?"},
		"limits":    {Prompt: "Was kommt nicht infrage? Was darf nicht wieder passieren?"},
	}},
}
