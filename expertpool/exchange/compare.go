package exchange

import (
	"bytes"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/expertpool"
)

// Formats of files.
const (
	CSV   = "csv"
	VCard = "vcard"
	FHIR  = "fhir"
)

// FormatOf tells from its beginning what a file is. Whatever is neither a card nor JSON is taken for a table.
func FormatOf(raw []byte) string {
	start := bytes.TrimLeft(bytes.TrimPrefix(raw, []byte("\uFEFF")), " \t\r\n")
	switch {
	case len(start) >= 11 && strings.EqualFold(string(start[:11]), "BEGIN:VCARD"):
		return VCard
	case len(start) > 0 && start[0] == '{':
		return FHIR
	}
	return CSV
}

// What becomes of a row.
const (
	New       = "new"
	Changed   = "changed"
	Unchanged = "unchanged"
	Rejected  = "wrong"
)

// Staged is a row beside what the directory has.
type Staged struct {
	Row
	State   string
	Before  *expertpool.Profile // of somebody who is changed
	Expert  uuid.UUID           // who is meant, or was added
	Perhaps uuid.UUID           // who may be the same as somebody new; uuid.Nil: nobody
	Known   string              // the name of either
	Undone  string              // done, used, changed; empty: nobody has asked
}

// Changes names the fields that are different afterwards.
func (s Staged) Changes() []string {
	if s.Before == nil {
		return nil
	}
	return s.Before.Differences(s.Profile)
}

// Was is a field before, as people read it.
func (s Staged) Was(field string, words Words) string {
	return Row{Profile: *s.Before}.Cell(field, words)
}

func (s *Staged) reject(field, rule string) {
	s.State, s.Wrong = Rejected, append(s.Wrong, Wrong{field, rule})
}

// directory is what rows are compared with: the experts of a network, and the addresses of a file that belong to other accounts.
type directory struct {
	all     []expertpool.Listed
	taken   map[string]bool
	byEmail map[string]int
	byLANR  map[string][]int
	byPlace map[string][]int // name and postcode
	met     map[int]bool     // by an earlier row
	added   map[string]bool  // LANR of earlier rows
}

func newDirectory(all []expertpool.Listed, taken map[string]bool) *directory {
	d := &directory{all, taken, map[string]int{}, map[string][]int{}, map[string][]int{}, map[int]bool{}, map[string]bool{}}
	for i := range all {
		l := &all[i]
		_ = l.Profile.Check() // only brings it into shape: what is there already may break younger rules
		if l.Email != "" {
			d.byEmail[strings.ToLower(l.Email)] = i
		}
		if l.Left {
			continue
		}
		if l.Profile.LANR != "" {
			d.byLANR[l.Profile.LANR] = append(d.byLANR[l.Profile.LANR], i)
		}
		at := placeKey(l.Name, l.Profile)
		d.byPlace[at] = append(d.byPlace[at], i)
	}
	return d
}

func placeKey(name string, p expertpool.Profile) string {
	return strings.ToLower(oneLine(name)) + "\n" + p.Postcode
}

// compare says what becomes of a row. columns are the fields that a table has, nil for other formats: a field that the file does not
// have stays as it is.
func (d *directory) compare(r Row, columns []string) Staged {
	s := Staged{Row: r, State: New}
	if len(r.Wrong) > 0 {
		s.State = Rejected
		return s
	}
	at, found := d.find(r, columns)
	switch {
	case found && d.met[at]:
		s.reject("row", "twice")
	case found && d.all[at].Left:
		s.reject("email", "left")
	case found:
		d.met[at] = true
		d.change(&s, at, columns)
	case r.Email != "" && d.taken[r.Email]:
		s.reject("email", "address_taken")
	case r.LANR != "" && d.added[r.LANR]:
		s.reject("lanr", "twice")
	default:
		d.added[r.LANR] = true
		if like := d.alike(r); len(like) > 0 {
			s.Perhaps, s.Known = d.all[like[0]].ID, d.all[like[0]].Name
		}
	}
	return s
}

// find looks for whoever a row means beyond doubt: by her address; without one by the number that only she has, or because
// everything is the same.
func (d *directory) find(r Row, columns []string) (at int, found bool) {
	if r.Email != "" {
		at, found = d.byEmail[r.Email]
		return at, found
	}
	if same := d.byLANR[r.LANR]; r.LANR != "" && len(same) == 1 {
		return same[0], true
	}
	for _, i := range d.byPlace[placeKey(r.Name, r.Profile)] {
		before := d.all[i].Profile
		if !d.met[i] && len(before.Differences(r.onto(before, columns))) == 0 {
			return i, true
		}
	}
	return 0, false
}

// alike are those who may be meant.
func (d *directory) alike(r Row) []int {
	if same := d.byLANR[r.LANR]; r.LANR != "" && len(same) > 0 {
		return same
	}
	return d.byPlace[placeKey(r.Name, r.Profile)]
}

func (d *directory) change(s *Staged, at int, columns []string) {
	before := d.all[at].Profile
	s.Expert, s.Known, s.State = d.all[at].ID, d.all[at].Name, Unchanged
	s.Profile = s.onto(before, columns)
	if err := s.Profile.Check(); err != nil { // of what stays and what is new
		s.State = Rejected
		s.note(err)
		return
	}
	if len(before.Differences(s.Profile)) > 0 {
		s.State, s.Before = Changed, &before
	}
}

// onto is what a profile becomes by a row.
func (r Row) onto(before expertpool.Profile, columns []string) expertpool.Profile {
	p := r.Profile
	for _, f := range Fields() {
		said := r.Cell(f, nil)
		silent := columns == nil && (said == "" || said == "0") || columns != nil && !slices.Contains(columns, f)
		if silent || slices.Contains(r.Assumed, f) {
			keep(&p, f, before)
		}
	}
	return p
}

// keep leaves one field as it was.
func keep(p *expertpool.Profile, field string, before expertpool.Profile) {
	switch field {
	case "discipline":
		p.Discipline = before.Discipline
	case "profession":
		p.Profession = before.Profession
	case "specialties":
		p.Specialties = before.Specialties
	case "specialty":
		p.Specialty = before.Specialty
	case "topics":
		p.Topics = before.Topics
	case "languages":
		p.Languages = before.Languages
	case "place":
		p.Place = before.Place
	case "postcode":
		p.Postcode = before.Postcode
	case "travel_km":
		p.TravelKM = before.TravelKM
	case "modes":
		p.Modes = before.Modes
	case "lanr":
		p.LANR = before.LANR
	case "bsnr":
		p.BSNR = before.BSNR
	case "accessibility":
		p.Accessibility = before.Accessibility
	case "hours_per_month":
		p.HoursPerMonth = before.HoursPerMonth
	case "max_cases":
		p.MaxCases = before.MaxCases
	}
}
