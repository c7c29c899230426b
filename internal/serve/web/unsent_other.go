//go:build !linux

package web

import "net"

// boundUnsent bounds how much of an answer the kernel keeps while the client's window is
// full.
func boundUnsent(conn *net.TCPConn) { _ = conn.SetWriteBuffer(maxUnsent) }
