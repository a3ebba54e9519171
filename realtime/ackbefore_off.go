//go:build !ackbeforecommit

package realtime

// acksBeforeCommit is false in every server that is meant to be used.
const acksBeforeCommit = false
