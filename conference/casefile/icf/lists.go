package icf

import (
	_ "embed"
	"encoding/json"
	"fmt"
)

// Label is what a category is called on pages, in words of our own: short for professionals, and as a question in plain language
// for the person it is about.
type Label struct {
	Label string `json:"label"`
	Plain string `json:"plain"`
}

//go:embed labels.json
var labels []byte

// Labels are the built-in labels, for the categories that come up when work is the question. Other categories are shown by their
// code, or as an imported edition calls them.
func Labels() map[Code]Label {
	all := map[Code]Label{}
	if err := json.Unmarshal(labels, &all); err != nil {
		panic(fmt.Errorf("icf: labels.json: %w", err)) // is part of the program
	}
	return all
}

// Brief are the thirteen categories of the brief ICF core set for vocational rehabilitation.
func Brief() []Code {
	return []Code{"d155", "d240", "d720", "d845", "d850", "d855", "e310", "e330", "e580", "e590", "b130", "b164", "b455"}
}

// Working are those a Jobcenter begins with: the brief set and what cases of health and work turn on besides. It is our own
// choice, "Arbeitsliste", and no core set.
func Working() []Code {
	return append(Brief(), "b134", "b152", "b280", "d230", "d570", "d760", "e410", "e465")
}

// Generic are the seven categories that any health condition can be described with.
func Generic() []Code { return []Code{"b130", "b152", "b280", "d230", "d450", "d455", "d850"} }

// Capacities are neutral names for thirteen capacities that psychological impairments touch, a place to begin from: a project
// that is licensed for an instrument enters its own names.
func Capacities() []string {
	return []string{
		"Regeln und Absprachen einhalten", "Aufgaben planen und ordnen", "Sich auf Neues umstellen", "Gelerntes anwenden",
		"Urteilen und entscheiden", "Von sich aus tätig werden", "Durchhalten", "Sich behaupten", "Auf andere zugehen",
		"Mit einer Gruppe zurechtkommen", "Nahe Beziehungen führen", "Für sich selbst sorgen", "Wege zurücklegen",
	}
}
