package outbound

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// TestCertificateErrorsRepeatNoNames has, for each reason not to trust one, a
// certificate whose every text is hostile.
func TestCertificateErrorsRepeatNoNames(t *testing.T) {
	const hostile, host = "\x1b[31mhunter2\n.example", "inside.example"
	for want, change := range map[string]func(*x509.Certificate){
		"":                                    func(*x509.Certificate) {},
		"its certificate is for another name": func(c *x509.Certificate) { c.DNSNames = []string{hostile} },
		"its certificate has expired, or is not valid yet":          func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Hour) },
		"its certificate is not valid":                              func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning} },
		"its certificate is of an authority that is not known here": nil,
	} {
		certificate := &x509.Certificate{
			SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: hostile, Organization: []string{hostile}},
			NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(time.Hour),
			DNSNames: []string{host, hostile}, BasicConstraintsValid: true, IsCA: true,
		}
		if change != nil {
			change(certificate)
		}
		port, roots := serveTLS(t, certificate)
		c := newClient(Options{AllowNetworks: prefixes("127.0.0.0/8")}, names(t, map[string]string{host: "127.0.0.1"}))
		c.transport.TLSClientConfig = &tls.Config{RootCAs: roots}
		if change == nil {
			c.transport.TLSClientConfig.RootCAs = x509.NewCertPool()
		}
		got := ""
		if _, err := c.Do(newRequest(t, "GET", "https://"+host+":"+port+"/", ""), 10); err != nil {
			got = err.Error()
		}
		if want != "" {
			want = host + ":" + port + ": " + want
		}
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// serveTLS answers with that certificate, made its own authority.
func serveTLS(t *testing.T, certificate *x509.Certificate) (port string, roots *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, certificate, certificate, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots = x509.NewCertPool()
	roots.AddCert(made)
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	server.StartTLS()
	t.Cleanup(server.Close)
	_, port, err = net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port, roots
}
