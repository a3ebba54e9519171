package ydoc

// Change says what a call altered in a document: what it inserted, even if it
// was deleted again at once, and what it deleted. Both lists are sorted by
// client and clock, and neighbours are merged.
type Change struct {
	Inserted, Deleted []Range
}

// Empty reports whether nothing was altered.
func (c Change) Empty() bool { return len(c.Inserted) == 0 && len(c.Deleted) == 0 }

// Merge adds o to c, so that c stands for both changes together. Both must
// come from the same document.
func (c *Change) Merge(o Change) {
	c.Inserted = tidy(append(c.Inserted[:len(c.Inserted):len(c.Inserted)], o.Inserted...))
	c.Deleted = tidy(append(c.Deleted[:len(c.Deleted):len(c.Deleted)], o.Deleted...))
}
