package web

import (
	"crypto/subtle"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Admin returns the handler for operators, on a listener of its own. Everything but health
// requires the token; without it a client does not even learn which paths exist. If no
// token is set, requests over the loopback interface must name localhost or an IP address
// as their host.
func Admin(o Options) http.Handler {
	o.fill()
	if o.Metrics == nil {
		o.Metrics = prometheus.NewRegistry()
	}
	private := http.NewServeMux()
	private.Handle("GET /metrics", promhttp.HandlerFor(o.Metrics, promhttp.HandlerOpts{}))
	private.HandleFunc("GET /debug/pprof/", pprof.Index)
	private.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	private.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	private.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	private.HandleFunc("POST /debug/pprof/symbol", pprof.Symbol) // as "go tool pprof" asks
	private.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	if o.Private != nil {
		o.Private(private)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", healthz)
	mux.HandleFunc("GET /readyz", readyz(o))
	if o.Token == "" {
		mux.Handle("/", localOnly(private))
	} else {
		mux.Handle("/", authenticated(o.Token, private))
	}
	return mux
}

// authenticated requires the token, which scrapers send as a bearer token (RFC 6750)
// and browsers as the password of any user (RFC 7617).
func authenticated(token string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, given, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if !strings.EqualFold(scheme, "Bearer") {
			_, given, _ = r.BasicAuth()
		}
		if subtle.ConstantTimeCompare([]byte(given), []byte(token)) == 1 {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="gallerywire", charset="UTF-8"`)
		plain(w, http.StatusUnauthorized, "the token is missing or wrong")
	})
}

// localOnly requires that a request over the loopback interface, except for metrics, names
// an IP address or localhost as its host. Without a token only the interface keeps others
// out, and a site that is open in a browser on this machine could point its own name at
// 127.0.0.1 (DNS rebinding).
func localOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
		if r.URL.Path != "/metrics" && ok && local.IP.IsLoopback() && !needsNoLookup(r.Host) {
			plain(w, http.StatusForbidden, "open this by the node's IP address or as localhost, or set http.admin_token_file")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// needsNoLookup reports whether a client reaches the host without a name service. Unlike in
// package receive, which takes events without a key from this machine, any IP address will
// do: no site can point one elsewhere, and the browser of an operator sends it.
func needsNoLookup(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "" || host == "localhost" || strings.HasSuffix(host, ".localhost") { // browsers always name one, and look none of these up
		return true
	}
	_, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"))
	return err == nil
}
