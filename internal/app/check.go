package app

import (
	"fmt"

	"github.com/gallerywire/gallerywire/internal/config"
	"github.com/gallerywire/gallerywire/internal/event/ninjs"
	"github.com/gallerywire/gallerywire/internal/notify/digest"
	"github.com/gallerywire/gallerywire/internal/schedule"
)

// LoadConfig reads the configuration and checks all of it, what only the packages
// that use a value know included. Its error is a [config.Problems].
func LoadConfig(path string, environ []string) (config.Config, error) {
	return config.Load(path, environ, checkSchedule, checkTemplate, checkDigests)
}

func checkSchedule(c config.Config, r config.Report) {
	for _, job := range []struct{ key, spec string }{
		{"schedule.republish", c.Schedule.Republish},
		{"schedule.notices", c.Schedule.Notices},
	} {
		if _, err := schedule.Parse(job.spec); err != nil {
			r(job.key, err.Error())
		}
	}
	for i, d := range c.Digests {
		// What the parser says is not repeated: it quotes the text, of which a wrong
		// indent makes an address part that holds a password.
		if _, err := schedule.Parse(d.Schedule); err != nil {
			r(fmt.Sprintf("digests[%d].schedule", i), `is not a schedule: write five cron fields such as "CRON_TZ=Europe/Rome 0 7 * * 1-5", or "@daily"`)
		}
	}
}

func checkTemplate(c config.Config, r config.Report) {
	if err := ninjs.CheckTemplate(c.Events.URLTemplate); err != nil {
		r("events.url_template", err.Error())
	}
}

// checkDigests says of addresses what only their sender knows, and quotes none.
func checkDigests(c config.Config, r config.Report) {
	for i, d := range c.Digests {
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
