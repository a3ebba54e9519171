//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package localpg

import (
	"context"
	"fmt"
	"runtime"
)

// Cluster is never made on this system.
type Cluster struct{}

// Start answers ErrNotFound: the private cluster needs file locks, process groups and a POSIX
// shell. DATABASE_URL works everywhere.
func Start(context.Context, Options) (*Cluster, error) {
	return nil, fmt.Errorf("%w\n(on %s only DATABASE_URL works)", ErrNotFound, runtime.GOOS)
}

// URL is empty.
func (c *Cluster) URL() string { return "" }

// Ended is nil.
func (c *Cluster) Ended() <-chan struct{} { return nil }

// Stop does nothing.
func (c *Cluster) Stop() error { return nil }

// Idle is true: there are no clusters.
func Idle(string) bool { return true }
