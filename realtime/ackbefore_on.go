//go:build ackbeforecommit

package realtime

import "time"

// acksBeforeCommit breaks the promise "saved means committed" on purpose: the
// loss test builds its negative control with it, to show that it would notice.
const acksBeforeCommit = true

// ackLead is by how much, so that hardly a kill falls between two ticks.
const ackLead = 25 * time.Millisecond
