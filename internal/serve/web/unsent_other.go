//go:build !linux

package web

import "net"

// boundUnsent bounds what the kernel keeps of an answer that the client has no room
// for.
func boundUnsent(conn *net.TCPConn) { _ = conn.SetWriteBuffer(maxUnsent) }
