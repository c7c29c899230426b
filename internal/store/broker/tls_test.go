package broker_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"

	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
)

// certificate writes a certificate for the loopback, signed by itself, and
// its key, both in PEM.
func certificate(t *testing.T) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return writePEM(t, "CERTIFICATE", cert), writePEM(t, "PRIVATE KEY", private)
}

func writePEM(t *testing.T, kind string, der []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), strings.ReplaceAll(kind, " ", "")+".pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// secureServer asks its clients for a certificate.
func secureServer(t *testing.T, certFile, keyFile string) (url string) {
	t.Helper()
	config, err := server.GenTLSConfig(&server.TLSConfigOpts{CertFile: certFile, KeyFile: keyFile, CaFile: certFile, Verify: true})
	if err != nil {
		t.Fatal(err)
	}
	config.MinVersion = tls.VersionTLS12
	ns, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true, TLSConfig: config, TLSTimeout: storetest.WaitLimit.Seconds(),
	})
	if err != nil {
		t.Fatal(err)
	}
	ns.Start()
	t.Cleanup(ns.WaitForShutdown)
	t.Cleanup(ns.Shutdown)
	if !ns.ReadyForConnections(storetest.WaitLimit) {
		t.Fatal("server does not start")
	}
	return "tls://" + ns.Addr().String()
}

func TestCertificatesAreUsed(t *testing.T) {
	t.Parallel()
	certFile, keyFile := certificate(t)
	url := secureServer(t, certFile, keyFile)
	b := open(t, broker.Options{URL: url, TLS: broker.TLS{CAFile: certFile, CertFile: certFile, KeyFile: keyFile}})
	if err := b.Status(); err != nil {
		t.Errorf("status: %v", err)
	}
	log := make(logLines, 64)
	stranger := open(t, broker.Options{URL: url, Logger: log.logger()})
	storetest.Receive(t, "the first try", log)
	wantError(t, stranger.Status(), "no connection to nats at "+url, "certificate")
}

func TestCredentialsFile(t *testing.T) {
	t.Parallel()
	user, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	seed, err := user.Seed()
	if err != nil {
		t.Fatal(err)
	}
	const token = "-----BEGIN NATS USER JWT-----\ne30.e30.c2ln\n------END NATS USER JWT------\n\n"
	for name, c := range map[string]struct{ text, says string }{
		"whole":   {token + "-----BEGIN USER NKEY SEED-----\n" + string(seed) + "\n------END USER NKEY SEED------\n", ""},
		"no seed": {token, "no user seed"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "user.creds")
			if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			b, err := broker.Open(t.Context(), broker.Options{URL: "nats://127.0.0.1:1", CredentialsFile: file})
			if c.says != "" {
				wantError(t, err, c.says)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := b.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
