package app

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/gallerywire/gallerywire/internal/config"
	"github.com/gallerywire/gallerywire/internal/event/ninjs"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/notify/digest"
	"github.com/gallerywire/gallerywire/internal/schedule"
	"github.com/gallerywire/gallerywire/internal/store/credential"
	"github.com/gallerywire/gallerywire/internal/syndicate/partner"
)

// LoadConfig reads the configuration and checks all of it, also what only the package
// that uses a value can judge. Its error is a [config.Problems].
func LoadConfig(path string, environ []string) (config.Config, error) {
	return config.Load(path, environ, checkValues)
}

// checkValues quotes no schedule and no address of a digest: with a wrong indent a
// schedule may be an address, which may hold a password.
func checkValues(c config.Config, r config.Report) {
	taken := map[credential.Hash]string{}
	checkPartnerKeys(c, taken, r)
	checkIntakeKeys(c, taken, r)
	if err := ninjs.CheckTemplate(c.Events.URLTemplate); err != nil {
		r("events.url_template", err.Error())
	}
	if _, err := schedule.Parse(c.Schedule.Republish); err != nil {
		r("schedule.republish", err.Error())
	}
	if _, err := schedule.Parse(c.Schedule.Notices); err != nil {
		r("schedule.notices", err.Error())
	}
	for i, d := range c.Digests {
		if _, err := schedule.Parse(d.Schedule); err != nil {
			r(fmt.Sprintf("digests[%d].schedule", i), `is not a schedule: write five cron fields such as "CRON_TZ=Europe/Rome 0 7 * * 1-5", or "@daily"`)
		}
		inline := len(d.To) - len(d.ToFile)
		for j, to := range d.To {
			at, which := fmt.Sprintf("digests[%d].to[%d]", i, j), ""
			if j >= inline {
				at, which = fmt.Sprintf("digests[%d].to_file", i), fmt.Sprintf("number %d in the file: ", j-inline+1)
			}
			if err := digest.Check(string(to)); err != nil {
				r(at, which+err.Error())
			}
		}
	}
}

// checkPartnerKeys reads the files of keys. A file that is missing is no error but a warning:
// removing it ends a key, and must not keep a node from starting. It adds the keys to taken.
func checkPartnerKeys(c config.Config, taken map[credential.Hash]string, r config.Report) {
	for i, p := range c.Partners {
		for j, k := range p.Access.Keys {
			at := fmt.Sprintf("partners[%d].access.keys[%d].secret_file", i, j)
			hash, err := partner.ReadHash(k.SecretFile)
			first, known := taken[hash]
			switch {
			case k.SecretFile == "" || errors.Is(err, fs.ErrNotExist):
			case err != nil:
				r(at, err.Error())
			case known:
				r(at, fmt.Sprintf("%q has the same key as %s, but a key says who its partner is, and ends by itself: make another with \"gallerywire partners key %s\"", k.SecretFile, first, p.Name))
			default:
				taken[hash] = at
			}
		}
	}
}

// checkIntakeKeys reads the secrets of senders, none of which may be in taken, where it adds
// them.
func checkIntakeKeys(c config.Config, taken map[credential.Hash]string, r config.Report) {
	for i, k := range intakeKeys(c) {
		at := fmt.Sprintf("intake.keys[%d].secret", i)
		if k.File != "" {
			at += "_file"
		}
		ids, err := k.Check()
		if err != nil {
			r(at, err.Error(), fmt.Sprintf("intake.keys[%d].kind", i), fmt.Sprintf("intake.keys[%d].secret_file", i))
		}
		for _, id := range ids {
			if first, known := taken[id]; known && first != at {
				r(at, fmt.Sprintf("has a secret of %s too, but a secret says who sends: write another", first))
				break
			}
			taken[id] = at
		}
	}
}

// maxUnknown is how many unknown audiences of a gallery are listed.
const maxUnknown = 20

// UnknownAudiences lists the audiences in g's rights that are not configured, with their
// places. They are no errors: a CMS may name future partners.
func UnknownAudiences(c config.Config, g *gallery.Gallery) (found gallery.Problems) {
	collect := func(pointer string, r gallery.Rights) {
		for i, name := range slices.Concat(r.Allow, r.Deny) {
			key, at := "allow", i
			if i >= len(r.Allow) {
				key, at = "deny", i-len(r.Allow)
			}
			if len(found) < maxUnknown && !c.Knows(name) {
				found = append(found, gallery.Problem{
					Place:  fmt.Sprintf("%s/rights/%s/%d", pointer, key, at),
					Reason: fmt.Sprintf("%q is no partner and no group of one in the configuration, so it names nobody", gallery.Clip(name, 100)),
				})
			}
		}
	}
	collect("", g.Rights)
	for i, s := range g.Slides {
		collect(fmt.Sprintf("/slides/%d", i), s.Rights)
	}
	return found
}
