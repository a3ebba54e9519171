//go:build ackbeforecommit

package realtime

// acksBeforeCommit breaks the promise "saved means committed" on purpose: the
// loss test builds its negative control with it, to show that it would notice.
const acksBeforeCommit = true
