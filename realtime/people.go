package realtime

import (
	"reflect"
	"slices"
)

// person is one entry of the list of people: a socket that takes part in the
// room.
type person struct {
	Peer   string `json:"peer"`
	Person string `json:"person"`
	Name   string `json:"name"`
	Short  string `json:"short"`
	Role   string `json:"role"`
	Color  int    `json:"color"`
	Mic    bool   `json:"mic"`
	Camera bool   `json:"camera"`
	Screen bool   `json:"screen"`
	Hand   bool   `json:"hand"`
	Live   bool   `json:"live"`
	// Missing are the peers whose sound or picture does not play there though
	// it ought to.
	Missing []string `json:"missing"`
}

// people is who takes part in the room, in the order of arrival. It belongs to
// the conference's goroutine.
type people struct {
	present []*person
	changed bool // since the list was sent
}

func (p *people) add(peer string, g Guest) *person {
	who := &person{Peer: peer, Person: g.Person, Name: g.Name, Short: g.Short, Role: g.Role, Color: g.Color, Missing: []string{}}
	p.present = append(p.present, who)
	p.changed = true
	return who
}

func (p *people) remove(who *person) {
	p.present = slices.DeleteFunc(p.present, func(x *person) bool { return x == who })
	for _, x := range p.present {
		x.Missing = slices.DeleteFunc(x.Missing, func(peer string) bool { return peer == who.Peer })
	}
	p.changed = true
}

// update changes an entry and notes whether there is news. Lists are replaced,
// not changed in place.
func (p *people) update(who *person, change func(*person)) {
	before := *who
	change(who)
	p.changed = p.changed || !reflect.DeepEqual(*who, before)
}

func (p *people) list() []person {
	list := make([]person, len(p.present))
	for i, who := range p.present {
		list[i] = *who
	}
	return list
}
