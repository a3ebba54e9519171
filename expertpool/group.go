package expertpool

import "github.com/google/uuid"

// Group is experts whom the coordination likes to ask together, such as the round of a district. It is the network's.
type Group struct {
	ID      uuid.UUID
	Name    string
	Members []Expert // those who are still in the pool, by name
}

// maxMembers is how many a group can have: as many as can be asked for one conference.
const maxMembers = 12
