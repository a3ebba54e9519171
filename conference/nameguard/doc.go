// Package nameguard finds what could name a person in German text: identifiers with their check digits, dates, addresses, ways of
// contact, names, organisations, and above all whatever belongs to the one person a case is about.
//
// It is pure: text goes in, findings come out; it keeps nothing, logs nothing and calls nobody. It refuses to decide: a finding has
// a class, a confidence and a reason, and whether it stops a release is for the caller. It has no model that was trained on anybody's
// text. What it finds and misses is measured (konsil-bench guard), and free names without any context are what it misses most.
//
// # How it reads
//
// A text is cut into words, numbers and marks once. Every rule walks over these in one direction and looks at a bounded number of
// neighbours, so the cost is linear in the text whatever the text is. Words are compared folded (fold.go): lower case, umlauts
// written out, accents dropped. The subject's own data (Subject) is compared last and counts most; a surname that was found once is
// then looked for in the whole text.
package nameguard
