//go:build darwin || freebsd || netbsd || openbsd || dragonfly

package localpg

// namespaced has no counterpart here.
func namespaced() []identity { return nil }
