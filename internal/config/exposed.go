package config

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// Exposed returns the secrets that every user of this machine can read: their file
// lets them. It is no error, for there may be no other user.
func (c Config) Exposed() Problems {
	files := map[string]string{"nats.credentials_file": c.NATS.CredentialsFile, "nats.tls.key_file": c.NATS.TLS.KeyFile}
	maps.Copy(files, c.secretFiles)
	var found Problems
	for _, key := range slices.Sorted(maps.Keys(files)) {
		if forAll(files[key]) {
			found = append(found, c.Problem(key, fmt.Sprintf("%q can be read by every user of this machine: chmod o= %[1]s", files[key])))
		}
	}
	if key := c.inlineSecret(); key != "" && forAll(c.places[""].source) {
		found = append(found, c.Problem(key, "is a secret, and every user of this machine can read this file: keep it in a file of its own, or chmod o= this one"))
	}
	return found
}

// inlineSecret is the first key that the configuration's file states a secret in;
// empty: none does.
func (c Config) inlineSecret() string {
	file := c.places[""].source
	stated := func(key string, secret bool) bool {
		return secret && file != "" && c.places.nearest(key).source == file
	}
	if stated("nats.url", strings.Contains(string(c.NATS.URL), "@")) {
		return "nats.url"
	}
	for i, w := range c.Webhooks {
		if key := fmt.Sprintf("webhooks[%d].secrets", i); stated(key, len(w.Secrets) > len(w.SecretsFile)) {
			return key
		}
	}
	for i, d := range c.Digests {
		inline := d.To[:len(d.To)-len(d.ToFile)]
		if key := fmt.Sprintf("digests[%d].to", i); stated(key, slices.ContainsFunc(inline, holdsPassword)) {
			return key
		}
	}
	return ""
}

// holdsPassword reports whether an address may hold what is to be kept secret. Only
// mail goes without.
func holdsPassword(address InlineSecret) bool {
	rest, mail := strings.CutPrefix(string(address), "smtp://")
	host, _, _ := strings.Cut(rest, "/")
	return !mail || strings.Contains(host, "@")
}

// forAll reports whether a file lets every user read it.
func forAll(file string) bool {
	info, err := os.Stat(file) // which none is at an empty path
	return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o004 != 0
}
