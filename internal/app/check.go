package app

import (
	"github.com/gallerywire/gallerywire/internal/config"
	"github.com/gallerywire/gallerywire/internal/ninjs"
	"github.com/gallerywire/gallerywire/internal/schedule"
)

// LoadConfig reads the configuration and checks all of it, what only the rooms
// that use a value know included. Its error is a [config.Problems].
func LoadConfig(path string, environ []string) (config.Config, error) {
	return config.Load(path, environ, checkSchedule, checkTemplate)
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
}

func checkTemplate(c config.Config, r config.Report) {
	if err := ninjs.CheckTemplate(c.Events.URLTemplate); err != nil {
		r("events.url_template", err.Error())
	}
}
