package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gallerywire/gallerywire/internal/config"
)

const unit = "../../deployments/gallerywire.service"

// mostExposed is what the unit's exposure may be at most, in tenths: systemd
// calls 20 and less fine.
const mostExposed = "15"

func TestUnitIsValidAndHardened(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("systemd-analyze is needed: install systemd")
		}
		t.Skip("systemd-analyze is not installed")
	}
	file := filepath.Join(t.TempDir(), "gallerywire.service")
	if err := os.WriteFile(file, []byte(installed(t)), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"verify", "--man=no", file},
		{"security", "--offline=yes", "--no-pager", "--threshold=" + mostExposed, file},
	} {
		out, err := exec.Command(analyze, args...).CombinedOutput()
		if err != nil {
			t.Errorf("systemd-analyze %s: %v\n%s", args[0], err, out)
		}
		if args[0] == "verify" && len(out) > 0 {
			t.Errorf("systemd-analyze verify warns:\n%s", out)
		}
	}
}

// installed returns the unit with a program that is here, for systemd-analyze
// looks for it, and with the lines that are there to be used when wanted.
func installed(t *testing.T) string {
	t.Helper()
	text := readUnit(t)
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	const wanted = "/usr/local/bin/gallerywire serve"
	if !strings.Contains(text, "ExecStart="+wanted+"\n") {
		t.Fatalf("the unit does not run %s", wanted)
	}
	text = strings.Replace(text, wanted, program+" serve", 1)
	text = strings.ReplaceAll(text, "\n#LoadCredential=", "\nLoadCredential=")
	return strings.ReplaceAll(text, "\n#Environment=", "\nEnvironment=")
}

func readUnit(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(unit)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestUnitSetsKeysThatExist(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("open-sesame-open-sesame\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	keys := map[string]string{
		"GALLERYWIRE_NATS_EMBEDDED_DATA_DIR":             "nats.embedded.data_dir",
		"GALLERYWIRE_LOG_FORMAT":                         "log.format",
		"GALLERYWIRE_HTTP_ADMIN_TOKEN_FILE":              "http.admin_token_file",
		"GALLERYWIRE_NATS_EMBEDDED_PUBLISHER_TOKEN_FILE": "nats.embedded.publisher_token_file",
		"GALLERYWIRE_NATS_CREDENTIALS_FILE":              "nats.credentials_file",
	}
	for _, line := range strings.Split(installed(t), "\n") {
		setting, found := strings.CutPrefix(line, "Environment=")
		name, value, _ := strings.Cut(setting, "=")
		if !found || name == "GALLERYWIRE_CONFIG" {
			continue
		}
		environ := []string{name + "=" + strings.Replace(value, "%d/"+filepath.Base(value), secret, 1)}
		if name == "GALLERYWIRE_NATS_CREDENTIALS_FILE" {
			environ = append(environ, "GALLERYWIRE_NATS_URL=nats://nats.example.com")
		}
		cfg, err := config.Load("", environ)
		if err != nil || !cfg.Configured(keys[name]) {
			t.Errorf("%s: sets %q, %v", line, keys[name], err)
		}
	}
}
