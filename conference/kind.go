package conference

import (
	"slices"
	"strings"

	"github.com/konsil-server/konsil/realtime/ydoc"
)

// Kind is what a conference is for. It is chosen when the conference is convened, and decides the sections of the shared
// notes and what stands in them at the beginning.
type Kind string

const (
	CaseConference              Kind = "case_conference"
	ParticipationPlanConference Kind = "participation_plan_conference" // SGB IX § 20
	TopicConference             Kind = "topic_conference"              // without a case
)

// Kinds are those that a conference about a case can be of, the usual one first. Without a case there is one kind.
var Kinds = []Kind{CaseConference, ParticipationPlanConference}

// section of shared notes: its key, and the text that it begins with.
type section struct{ key, begins string }

// sections of each kind, in the order of the talk. All have decisions: the draft of the minutes begins with them.
var sections = map[Kind][]section{
	CaseConference: {
		{key: "assessment"}, {key: "recommendations"}, {key: "decisions"}, {key: "dissent"}, {key: "open_questions"},
	},
	ParticipationPlanConference: {
		{"wishes", "Eigene Ziele:\n\nWas dabei wichtig ist:\n\n"},
		{"needs", "Aktivitäten und Teilhabe:\n\nWas im Umfeld hilft oder hindert:\n\n"},
		{"services", "Leistung, Träger, ab wann:\n\n"},
		{key: "decisions"}, {key: "dissent"}, {key: "open_questions"},
	},
	TopicConference: {
		{key: "starting_point"}, {key: "viewpoints"}, {key: "recommendations"}, {key: "decisions"}, {key: "dissent"}, {key: "open_questions"},
	},
}

// Sections are the keys of the sections of the notes, in the order of the talk.
func (k Kind) Sections() []string {
	keys := make([]string, len(sections[k]))
	for i, s := range sections[k] {
		keys[i] = s.key
	}
	return keys
}

func (k Kind) known() bool { return slices.Contains(Kinds, k) }

// untouched says that a section says nothing beyond what it began with.
func (k Kind) untouched(key, text string) bool {
	i := slices.IndexFunc(sections[k], func(s section) bool { return s.key == key })
	return strings.TrimSpace(text) == "" || i >= 0 && strings.TrimSpace(text) == strings.TrimSpace(sections[k][i].begins)
}

// templateClient is under which client id the server writes what sections begin with. Browsers draw theirs from 32 bits, so
// none of them ever comes upon it.
const templateClient = 1 << 32

// beginning is the update that fills an empty note; nil where there is nothing to fill it with.
func (k Kind) beginning() ([]byte, error) {
	doc, empty := ydoc.New(), true
	for _, s := range sections[k] {
		if s.begins == "" {
			continue
		}
		if _, err := doc.Edit(templateClient, noteRoot(s.key), 0, 0, s.begins); err != nil {
			return nil, err
		}
		empty = false
	}
	if empty {
		return nil, nil
	}
	return doc.EncodeState(), nil
}
