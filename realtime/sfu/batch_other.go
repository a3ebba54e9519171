//go:build !linux

package sfu

import "net"

// bulkSender is what Linux has; elsewhere packets are sent one by one.
type bulkSender struct{}

type bulk struct{}

func newBulkSender(*net.UDPConn) *bulkSender { return nil }

func newLoad() *load { return &load{} }

func (*bulkSender) send(*load) {}
