package web

import (
	"net"

	"golang.org/x/sys/unix"
)

// boundUnsent bounds how much of an answer the kernel keeps while the client's window is
// full. Only that window bounds what is in transit, so a fast client loses nothing.
func boundUnsent(conn *net.TCPConn) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, maxUnsent)
	})
}
