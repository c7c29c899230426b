package config

import (
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
		{"open", "intake: {open_on_loopback: true}", nil},
		{"open, by name", "intake: {open_on_loopback: true}\nhttp: {listen: \"localhost:80\"}", nil},
		{"open, by IPv6", "intake: {open_on_loopback: true}\nhttp: {listen: \"[::1]:80\"}", nil},
		{"open, on every interface", "intake: {open_on_loopback: true}\nhttp: {listen: \":80\"}", []string{
			`intake.open_on_loopback: opens /events to programs of this machine, and http.listen, which is ":80", to others: a proxy on this machine that adds no header lets everybody in: set it to false`,
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
