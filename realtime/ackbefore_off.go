//go:build !ackbeforecommit

package realtime

const (
	// acksBeforeCommit is false in every server that is meant to be used.
	acksBeforeCommit = false
	ackLead          = 0
)
