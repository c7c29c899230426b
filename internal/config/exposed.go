package config

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/gallerywire/gallerywire/internal/store/credential"
)

// Exposed returns the secrets in files that every user of this machine can read. It
// is not an error, because there may be no other user.
func (c Config) Exposed() Problems {
	files := map[string]string{"nats.credentials_file": c.NATS.CredentialsFile, "nats.tls.key_file": c.NATS.TLS.KeyFile}
	maps.Copy(files, c.secretFiles)
	for i, p := range c.Partners {
		for j, k := range p.Access.Keys {
			if !hasHashes(k.SecretFile) {
				files[fmt.Sprintf("partners[%d].access.keys[%d].secret_file", i, j)] = k.SecretFile
			}
		}
	}
	for i, k := range c.Intake.Keys {
		if k.Kind != "bearer" || !hasHashes(k.SecretFile) {
			files[fmt.Sprintf("intake.keys[%d].secret_file", i)] = k.SecretFile
		}
	}
	var found Problems
	for _, key := range slices.Sorted(maps.Keys(files)) {
		if forAll(files[key]) {
			found = append(found, c.Problem(key, fmt.Sprintf("%q can be read by every user of this machine: run chmod o= %[1]s", files[key])))
		}
	}
	if key := c.inlineSecret(); key != "" && forAll(c.places[""].source) {
		found = append(found, c.Problem(key, "is a secret, and every user of this machine can read this file: move it to a file of its own, or run chmod o= on this one"))
	}
	return found
}

// inlineSecret returns the first key with a secret in the configuration file itself,
// or nothing.
func (c Config) inlineSecret() string {
	file := c.places[""].source
	inFile := func(key string, secret bool) bool {
		return secret && file != "" && c.places.nearest(key).source == file
	}
	if inFile("nats.url", strings.Contains(string(c.NATS.URL), "@")) {
		return "nats.url"
	}
	for i, k := range c.Intake.Keys {
		at := fmt.Sprintf("intake.keys[%d]", i)
		if key := at + ".secret"; inFile(key, k.Secret != "" && (k.Kind != "bearer" || !areHashes(string(k.Secret)))) {
			return key
		}
		if key := at + ".callback.secret"; inFile(key, k.Callback.Secret != "") {
			return key
		}
	}
	for i, w := range c.Webhooks {
		if key := fmt.Sprintf("webhooks[%d].secrets", i); inFile(key, len(w.Secrets) > len(w.SecretsFile)) {
			return key
		}
	}
	for i, d := range c.Digests {
		inline := d.To[:len(d.To)-len(d.ToFile)]
		// Every address may contain a secret, but that of mail without a user.
		holdsPassword := func(address InlineSecret) bool {
			rest, mail := strings.CutPrefix(string(address), "smtp://")
			host, _, _ := strings.Cut(rest, "/")
			return !mail || strings.Contains(host, "@")
		}
		if key := fmt.Sprintf("digests[%d].to", i); inFile(key, slices.ContainsFunc(inline, holdsPassword)) {
			return key
		}
	}
	return ""
}

// hasHashes reports whether a file of keys has only their hashes, which are not secret.
func hasHashes(file string) bool {
	if info, err := os.Stat(file); err != nil || !info.Mode().IsRegular() {
		return false
	}
	data, err := readFile(file, credential.MaxFile)
	return err == nil && areHashes(string(data))
}

func areHashes(text string) bool {
	found := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line != "" && line[0] != '#' && !strings.HasPrefix(line, "sha256:") {
			return false
		}
		found = found || strings.HasPrefix(line, "sha256:")
	}
	return found
}

// forAll reports whether every user can read the file; no path names no file.
func forAll(file string) bool {
	info, err := os.Stat(file)
	return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o004 != 0
}
