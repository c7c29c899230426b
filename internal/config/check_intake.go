package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"

	"github.com/gallerywire/gallerywire/internal/store/credential"
)

// checkIntake leaves the secrets of keys to the package receive.
func (c Config) checkIntake(r Report) {
	checkRange("intake.requests_per_minute", c.Intake.RequestsPerMinute, 1, maxRequests, r)
	taken := map[string]string{}
	for i, k := range c.Intake.Keys {
		path := fmt.Sprintf("intake.keys[%d]", i)
		checkLabel(path+".name", k.Name, taken, r)
		checkOneOf(path+".kind", k.Kind, intakeKinds(), r)
		switch {
		case k.SecretFile == "" && k.Secret == "":
			r(path+".secret_file", "is missing, so that anybody could send events: name a file with the secret, or write it in secret", path+".secret")
		case k.SecretFile != "" && k.Secret != "":
			r(path+".secret", "is in addition to secret_file: write all secrets into the file, or remove it", path+".secret_file")
		}
		checkIDPrefix(path+".id_prefix", k.IDPrefix, r)
		c.checkCallback(path+".callback", k.Callback, r)
	}
	c.checkOpenOnLoopback(r)
}

// checkOpenOnLoopback rejects open_on_loopback where a proxy may forward requests: they would
// all come from this machine.
func (c Config) checkOpenOnLoopback(r Report) {
	const path = "intake.open_on_loopback"
	switch base, err := url.Parse(c.Site.BaseURL); {
	case !c.Intake.OpenOnLoopback || c.OnlyHere():
	case !onLoopback(c.HTTP.Listen):
		r(path, fmt.Sprintf("is true, and http.listen, which is %q, opens the node to other machines: set it to false, and give each sender a key in intake.keys", c.HTTP.Listen))
	case err == nil:
		r(path, fmt.Sprintf("is true, and site.base_url names %q: behind a proxy on this machine everybody could send events without a key: set it to false, and give each sender a key in intake.keys", base.Host))
	}
}

// OnlyHere reports whether only programs of this machine are meant to reach the node.
func (c Config) OnlyHere() bool {
	base, err := url.Parse(c.Site.BaseURL)
	return onLoopback(c.HTTP.Listen) && (c.Site.BaseURL == "" || err == nil && isLoopback(base.Hostname()))
}

func intakeKinds() []string { return []string{"bearer", "standard-webhooks", "superdesk"} }

// checkCallback does not quote a secret, nor the address, whose query may be one.
func (c Config) checkCallback(path string, back Callback, r Report) {
	secrets := back.Secrets()
	if back.URL == "" && len(secrets) == 0 {
		return
	}
	checkCalled(path+".url", back.URL, "https://www.example.com/hooks/gallerywire", r)
	c.checkPlain(path+".url", back.URL, r)
	if len(secrets) == 0 {
		r(path+".secret_file", "is missing: name a file with the secret that signs, or write it in secret", path+".secret")
	}
	for i, secret := range secrets {
		if _, err := credential.ParseSigning(string(secret)); err != nil {
			at, which := path+".secret", ""
			if i >= len(secrets)-len(back.SecretFile) {
				at, which = path+".secret_file", fmt.Sprintf("number %d in the file ", i-len(secrets)+len(back.SecretFile)+1)
			}
			r(at, which+err.Error())
		}
	}
}

// warnOfIntake names keys that may send what is another's, and an open door.
func (c Config) warnOfIntake(r Report) {
	for i, k := range c.Intake.Keys {
		if k.IDPrefix == "" && len(c.Intake.Keys) > 1 {
			r(fmt.Sprintf("intake.keys[%d].id_prefix", i), fmt.Sprintf("is empty, so that key %q may change and take down the galleries of every other key: write how its ids begin, such as \"blog-\"", k.Name))
		}
	}
	if path := "intake.open_on_loopback"; c.Intake.OpenOnLoopback && c.Configured(path) { // the demonstration says it itself
		r(path, "lets every program of this machine publish and take down galleries without a key, and everybody whose requests a proxy or tunnel on this machine forwards: keep it for trying, and set it to false before one stands before the node")
	}
}

// onLoopback reports whether only this machine reaches an address that is listened on.
func onLoopback(listen string) bool {
	host, _, _ := net.SplitHostPort(listen)
	return isLoopback(host)
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && addr.Unmap().IsLoopback()
}
