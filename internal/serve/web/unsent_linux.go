package web

import (
	"net"

	"golang.org/x/sys/unix"
)

// boundUnsent bounds what the kernel keeps of an answer that the client has no room
// for. What is on its way is bounded by that room alone, so that a fast client loses
// nothing.
func boundUnsent(conn *net.TCPConn) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, maxUnsent)
	})
}
