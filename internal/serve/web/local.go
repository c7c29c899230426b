package web

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// addressed wants what came in over the loopback interface to be addressed to
// an IP address or to localhost, but for metrics. Without a token the interface
// is all that keeps others out, and a site that is open in a browser on this
// machine would get around it by pointing its own name at 127.0.0.1 (DNS
// rebinding).
func addressed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/metrics" || !cameByLoopback(r) || isLocal(r.Host) {
			next.ServeHTTP(w, r)
			return
		}
		plain(w, http.StatusForbidden, "open this by the node's IP address or as localhost, or set http.admin_token_file")
	})
}

// cameByLoopback reports whether the connection was made to a loopback address.
func cameByLoopback(r *http.Request) bool {
	at, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return ok && at.IP.IsLoopback()
}

// isLocal reports whether no name service was asked for the host.
func isLocal(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "" || host == "localhost" || strings.HasSuffix(host, ".localhost") { // browsers always name one, and ask nobody for these
		return true
	}
	_, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"))
	return err == nil
}
