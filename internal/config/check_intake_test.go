package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestEveryProblemOfIntakeIsNamedAtOnceWithItsLine(t *testing.T) {
	text := `intake:
  requests_per_minute: 0
  keys:
    - {name: blog, kind: basic, secret: hunter2}
    - {name: blog, kind: bearer, secret: hunter2, secret_file: blog.secret}
    - name: news
      kind: bearer
      callback: {url: "https://a.example/?token=hunter2#x", secret: hunter2}
    - {name: wire, kind: superdesk, secret: hunter2, callback: {url: "https://a.example/?token=hunter2"}}
`
	want := []string{
		`g.yaml:2:3: intake.requests_per_minute: 0 is out of range: write 1 to 1000000`,
		`g.yaml:4:20: intake.keys[0].kind: "basic" is not a valid choice: write bearer or standard-webhooks or superdesk`,
		`g.yaml:5:8: intake.keys[1].name: "blog" is already intake.keys[0].name: choose another`,
		`g.yaml:5:34: intake.keys[1].secret: is in addition to secret_file: write all secrets into the file, or remove it`,
		`g.yaml:6:7: intake.keys[2].secret_file: is missing, so that anybody could send events: name a file with the secret, or write it in secret`,
		`g.yaml:8:18: intake.keys[2].callback.url: has a fragment, which is not sent: write an address such as https://www.example.com/hooks/gallerywire`,
		`g.yaml:8:61: intake.keys[2].callback.secret: is not a secret: write whsec_ and 24 to 64 random bytes in base64, as openssl rand -base64 32 prints them`,
		`g.yaml:9:54: intake.keys[3].callback.secret_file: is missing: name a file with the secret that signs, or write it in secret`,
	}
	if diff := cmp.Diff(want, problemsOf(t, text)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSecretsOfACallbackComeFromTheFileToo(t *testing.T) {
	file := write(t, t.TempDir(), "secrets", "# more\n"+signing(25)+"\n"+signing(26)+"\n")
	c, err := load("g.yaml", []byte(intakeKey(`, secret: a, callback: {url: "https://a.example", secret: `+signing(24)+`, secret_file: `+file+`}`)), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, secret := range c.Intake.Keys[0].Callback.Secrets() {
		got = append(got, string(secret))
	}
	if diff := cmp.Diff([]string{signing(24), signing(25), signing(26)}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	file = write(t, t.TempDir(), "secrets", signing(25)+"\nhunter2")
	want := []string{`g.yaml:1:92: intake.keys[0].callback.secret_file: number 2 in the file is not a secret: write whsec_ and 24 to 64 random bytes in base64, as openssl rand -base64 32 prints them`}
	if diff := cmp.Diff(want, problemsOf(t, intakeKey(`, secret: a, callback: {url: "https://a.example", secret_file: `+file+`}`))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestOpenOnLoopbackWhereOthersReachTheNode(t *testing.T) {
	const listens, proxy = "opens the node to other machines: set it to false", "behind a proxy on this machine everybody could send events without a key: set it to false"
	for more, want := range map[string]string{ // empty: good
		"":                                               "",
		`http: {listen: "localhost:80"}`:                 "",
		`http: {listen: "[::1]:80"}`:                     "",
		`http: {listen: ":80"}`:                          listens,
		`http: {listen: "0.0.0.0:80"}`:                   listens,
		`http: {listen: "192.0.2.1:80"}`:                 listens,
		"site: {base_url: http://localhost}":             "",
		`site: {base_url: "http://127.0.0.1:8080/news"}`: "",
		`site: {base_url: "http://[::1]:8080"}`:          "",
		"site: {base_url: https://news.example.com}":     proxy,
		"site: {base_url: http://localhost.example.com}": proxy,
		"site: {base_url: http://192.0.2.1}":             proxy,
		"site: {base_url: https://news.example.com}\nhttp: {listen: \"[2001:db8::1]:8080\"}": listens,
	} {
		got := problemsOf(t, "intake: {open_on_loopback: true}\n"+more)
		if len(got) != min(1, len(want)) || want != "" && (!strings.HasPrefix(got[0], "g.yaml:1:10: intake.open_on_loopback: is true, and ") || !strings.Contains(got[0], want)) {
			t.Errorf("%s: %q, want %q", more, got, want)
		}
		if got := problemsOf(t, more); len(got) > 0 {
			t.Errorf("%s, not open: %q", more, got)
		}
	}
}

func TestWarningsOfIntake(t *testing.T) {
	const keys = "keys: [{name: a, kind: bearer, secret: a, id_prefix: a-}, {name: b, kind: bearer, secret: b}]"
	for _, tt := range []struct {
		name, text string
		want       []string
	}{
		{"one key", "intake: {keys: [{name: a, kind: bearer, secret: a}]}", nil},
		{"a key beside another", "intake: {" + keys + "}", []string{
			`intake.keys[1].id_prefix: is empty, so that key "b" may change and take down the galleries of every other key: write how its ids begin, such as "blog-"`,
		}},
		{"open", "intake: {open_on_loopback: true}", []string{
			`intake.open_on_loopback: lets every program of this machine publish and take down galleries without a key, and everybody whose requests a proxy or tunnel on this machine forwards: keep it for trying, and set it to false before one stands before the node`,
		}},
		{"not open", "http: {listen: \":80\"}", nil},
	} {
		c, err := load("g.yaml", []byte(tt.text), nil, nil)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		var got []string
		for _, p := range c.Warnings(time.Now()) {
			got = append(got, p.Key+": "+p.Message)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}
