package exchange

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"strings"

	"github.com/konsil-server/konsil/expertpool"
)

// Names of the systems that codes and numbers of the German directory belong to.
const (
	professionSystem = "https://gematik.de/fhir/directory/CodeSystem/PractitionerProfessionOID"
	lanrSystem       = "https://fhir.kbv.de/NamingSystem/KBV_NS_Base_ANR"
	bsnrSystem       = "https://fhir.kbv.de/NamingSystem/KBV_NS_Base_BSNR"
	languageSystem   = "urn:ietf:bcp:47"
	oidPrefix        = "urn:oid:"
	ownExtension     = "urn:konsil:expert:" // and one of ownProperties
)

// What of FHIR R4 is read and written. Everything else in a resource is passed over.
type (
	bundle struct {
		ResourceType string  `json:"resourceType"`
		Type         string  `json:"type"`
		Entry        []entry `json:"entry,omitempty"`
	}
	entry struct {
		FullURL  string          `json:"fullUrl,omitempty"`
		Resource json.RawMessage `json:"resource,omitempty"`
	}
	practitioner struct {
		ResourceType  string          `json:"resourceType"`
		ID            string          `json:"id,omitempty"`
		Extension     []extension     `json:"extension,omitempty"`
		Identifier    []identifier    `json:"identifier,omitempty"`
		Active        *bool           `json:"active,omitempty"`
		Name          []humanName     `json:"name,omitempty"`
		Telecom       []contact       `json:"telecom,omitempty"`
		Address       []address       `json:"address,omitempty"`
		Qualification []qualification `json:"qualification,omitempty"`
		Communication []concept       `json:"communication,omitempty"`
	}
	practitionerRole struct {
		ResourceType string       `json:"resourceType"`
		ID           string       `json:"id,omitempty"`
		Identifier   []identifier `json:"identifier,omitempty"`
		Active       *bool        `json:"active,omitempty"`
		Practitioner reference    `json:"practitioner"`
		Specialty    []concept    `json:"specialty,omitempty"`
		Telecom      []contact    `json:"telecom,omitempty"`
	}
	extension struct {
		URL   string `json:"url"`
		Value string `json:"valueString,omitempty"`
	}
	identifier struct {
		System string `json:"system,omitempty"`
		Value  string `json:"value,omitempty"`
	}
	humanName struct {
		Text   string   `json:"text,omitempty"`
		Family string   `json:"family,omitempty"`
		Given  []string `json:"given,omitempty"`
		Prefix []string `json:"prefix,omitempty"`
	}
	contact struct {
		System string `json:"system,omitempty"`
		Value  string `json:"value,omitempty"`
	}
	address struct {
		City       string `json:"city,omitempty"`
		PostalCode string `json:"postalCode,omitempty"`
		Country    string `json:"country,omitempty"`
	}
	qualification struct {
		Code concept `json:"code"`
	}
	concept struct {
		Coding []coding `json:"coding,omitempty"`
		Text   string   `json:"text,omitempty"`
	}
	coding struct {
		System  string `json:"system,omitempty"`
		Code    string `json:"code,omitempty"`
		Display string `json:"display,omitempty"`
	}
	reference struct {
		Reference string `json:"reference,omitempty"`
	}
)

// ReadFHIR reads a Bundle with Practitioner and PractitionerRole resources (FHIR R4) in the shape of the German directory. Roles are put
// to their practitioner. discipline is that of people from whose specialty and profession none follows. Errors are *FileError.
func ReadFHIR(raw []byte, discipline string) ([]Row, error) {
	if len(raw) > MaxBytes {
		return nil, &FileError{Rule: "too_large"}
	}
	var b bundle
	if err := json.Unmarshal(bytes.TrimPrefix(raw, []byte("\uFEFF")), &b); err != nil || b.ResourceType != "Bundle" {
		return nil, &FileError{Rule: "structure"}
	}
	var rows []Row
	place := map[string]int{} // what a reference can say → row
	var roles []practitionerRole
	for i, e := range b.Entry {
		var kind struct {
			ResourceType string `json:"resourceType"`
		}
		if json.Unmarshal(e.Resource, &kind) != nil {
			return nil, &FileError{"structure", i + 1}
		}
		switch kind.ResourceType {
		case "Practitioner":
			var p practitioner
			if json.Unmarshal(e.Resource, &p) != nil {
				return nil, &FileError{"structure", i + 1}
			}
			if len(rows) >= MaxRows {
				return nil, &FileError{Rule: "too_many"}
			}
			place[e.FullURL], place["Practitioner/"+p.ID] = len(rows), len(rows)
			rows = append(rows, p.row(i+1))
		case "PractitionerRole":
			var r practitionerRole
			if json.Unmarshal(e.Resource, &r) != nil {
				return nil, &FileError{"structure", i + 1}
			}
			roles = append(roles, r)
		}
	}
	for _, r := range roles {
		if i, known := place[r.Practitioner.Reference]; known && r.Practitioner.Reference != "" {
			r.into(&rows[i])
		}
	}
	if len(rows) == 0 {
		return nil, &FileError{Rule: "empty"}
	}
	for i := range rows {
		rows[i].infer(discipline)
	}
	return checkAll(rows), nil
}

func (p practitioner) row(number int) Row {
	r := Row{Number: number}
	if len(p.Name) > 0 {
		n := p.Name[0]
		r.Name = n.Text
		if r.Name == "" {
			r.Name = strings.Join(append(append(slices.Clone(n.Prefix), n.Given...), n.Family), " ")
		}
		r.Name = oneLine(r.Name)
	}
	r.contacts(p.Telecom)
	if len(p.Address) > 0 {
		r.Place, r.Postcode = p.Address[0].City, p.Address[0].PostalCode
	}
	r.numbers(p.Identifier)
	for _, q := range p.Qualification {
		for _, c := range q.Code.Coding {
			r.qualified(c)
		}
	}
	for _, l := range p.Communication {
		for _, c := range l.Coding {
			tag, _, _ := strings.Cut(strings.ToLower(c.Code), "-")
			r.Languages = append(r.Languages, tag)
		}
	}
	for _, x := range p.Extension {
		if field, own := strings.CutPrefix(x.URL, ownExtension); own {
			r.set(field, x.Value, nil)
		}
	}
	return r
}

func (role practitionerRole) into(r *Row) {
	r.contacts(role.Telecom)
	r.numbers(role.Identifier)
	for _, s := range role.Specialty {
		for _, c := range s.Coding {
			r.qualified(c)
		}
		if r.Specialty == "" && len(s.Coding) == 0 {
			r.Specialty = s.Text
		}
	}
}

func (r *Row) contacts(all []contact) {
	for _, c := range all {
		if c.System == "email" && r.Email == "" {
			r.Email = strings.ToLower(strings.TrimSpace(c.Value))
		}
	}
}

func (r *Row) numbers(all []identifier) {
	for _, i := range all {
		switch i.System {
		case lanrSystem:
			r.LANR = i.Value
		case bsnrSystem:
			r.BSNR = i.Value
		}
	}
}

// qualified takes a code as a profession or a specialty; what is neither of ours is passed over.
func (r *Row) qualified(c coding) {
	for _, p := range expertpool.Professions() {
		if r.Profession == "" && c.System == professionSystem && slices.Contains(p.OIDs, c.Code) {
			r.Profession = p.Code
		}
	}
	for _, s := range expertpool.Specialties() {
		if s.Listed != "" && c.Code == s.Listed && strings.TrimPrefix(c.System, oidPrefix) == s.System {
			r.Specialties = append(r.Specialties, s.Code)
		}
	}
}

// infer finds the discipline of somebody of whom only a specialty is known.
func (r *Row) infer(otherwise string) {
	if r.Discipline != "" {
		return
	}
	for _, s := range expertpool.Specialties() {
		if slices.Contains(r.Specialties, s.Code) {
			r.Discipline = s.Discipline
			return
		}
	}
	r.Discipline, r.Assumed = otherwise, append(r.Assumed, "discipline")
}

// WriteFHIR writes experts as a Bundle of type collection (FHIR R4 §2.36): a Practitioner and a PractitionerRole for each. ids name them, one
// for each row.
func WriteFHIR(w io.Writer, rows []Row, ids []string) error {
	b := bundle{ResourceType: "Bundle", Type: "collection"}
	for i, r := range rows {
		p, role := r.practitioner(ids[i]), r.role(ids[i])
		for _, x := range []struct {
			url      string
			resource any
		}{{"urn:uuid:" + ids[i], p}, {"", role}} {
			raw, err := json.Marshal(x.resource)
			if err != nil {
				return err
			}
			b.Entry = append(b.Entry, entry{x.url, raw})
		}
	}
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	return e.Encode(b)
}

func (r Row) practitioner(id string) practitioner {
	active := true
	n := nameOf(r.Name)
	p := practitioner{ResourceType: "Practitioner", ID: id, Active: &active, Name: []humanName{{Text: r.Name, Family: n.FamilyName}}}
	if n.GivenName != "" {
		p.Name[0].Given = strings.Fields(n.GivenName)
	}
	if n.HonorificPrefix != "" {
		p.Name[0].Prefix = strings.Fields(n.HonorificPrefix)
	}
	if r.Email != "" {
		p.Telecom = []contact{{"email", r.Email}}
	}
	if r.Place != "" || r.Postcode != "" {
		p.Address = []address{{r.Place, r.Postcode, "DE"}}
	}
	if r.LANR != "" {
		p.Identifier = []identifier{{lanrSystem, r.LANR}}
	}
	for _, x := range expertpool.Professions() {
		if x.Code == r.Profession && len(x.OIDs) > 0 {
			p.Qualification = []qualification{{concept{Coding: []coding{{professionSystem, x.OIDs[0], x.Term}}}}}
		}
	}
	for _, l := range r.Languages {
		p.Communication = append(p.Communication, concept{Coding: []coding{{System: languageSystem, Code: l}}})
	}
	for _, f := range []string{"discipline", "profession", "specialties", "specialty", "topics", "travel_km", "modes", "accessibility", "hours_per_month", "max_cases"} {
		if v := r.Cell(f, nil); v != "" {
			p.Extension = append(p.Extension, extension{ownExtension + f, v})
		}
	}
	return p
}

func (r Row) role(id string) practitionerRole {
	active := true
	role := practitionerRole{ResourceType: "PractitionerRole", ID: id + "-role", Active: &active, Practitioner: reference{"urn:uuid:" + id}}
	if r.BSNR != "" {
		role.Identifier = []identifier{{bsnrSystem, r.BSNR}}
	}
	for _, s := range expertpool.Specialties() {
		if slices.Contains(r.Specialties, s.Code) && s.Listed != "" {
			role.Specialty = append(role.Specialty, concept{Coding: []coding{{oidPrefix + s.System, s.Listed, s.Term}}})
		}
	}
	return role
}
