package exchange

import (
	"time"

	"github.com/google/uuid"
)

// State is how far a batch is.
type State string

// States of a batch, in their order. Read can also be the last one: nobody has to apply what was brought.
const (
	Read     State = "read"
	Applying State = "applying"
	Applied  State = "applied"
	Undoing  State = "undoing"
	Undone   State = "undone"
)

// Keeps is how long a batch stays, and can be taken back, after its last step.
const Keeps = 7 * 24 * time.Hour

// Batch is a file that somebody has brought.
type Batch struct {
	ID         uuid.UUID
	FileName   string
	Format     string
	Columns    []string // of a table: a field for each, "" for none
	MadeByName string
	MadeAt     time.Time
	State      State
	SteppedAt  time.Time // when it came into this state
	Counts
}

// Counts are rows by what becomes, or has become, of them.
type Counts struct {
	New, Changed, Unchanged, Wrong int
	Applied                        int // of those that are new or changed
	Waiting                        int // of those that are new or changed
	Next                           int // number of the first that waits; 0: none
	TakenBack                      int
	StayUsed, StayChanged          int // could not be taken back
}

// Rows is how many there are.
func (c Counts) Rows() int { return c.New + c.Changed + c.Unchanged + c.Wrong }

// ToApply is how many ask for something to be done.
func (c Counts) ToApply() int { return c.New + c.Changed }

// Looked is how many of those that were applied somebody has tried to take back.
func (c Counts) Looked() int { return c.TakenBack + c.StayUsed + c.StayChanged }

// Until is when a batch goes, and with it the way back.
func (b Batch) Until() time.Time { return b.SteppedAt.Add(Keeps) }

// Working tells whether the server is busy with it.
func (b Batch) Working() bool { return b.State == Applying || b.State == Undoing }

// File is what somebody brings.
type File struct {
	Name       string
	Data       []byte
	Discipline string // of people of whom the file says none; may be empty
}
