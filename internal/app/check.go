package app

import (
	"github.com/gallerywire/gallerywire/internal/config"
	"github.com/gallerywire/gallerywire/internal/schedule"
)

// LoadConfig reads the configuration and checks all of it, what only the
// scheduler knows included. Its error is a [config.Problems].
func LoadConfig(path string, environ []string) (config.Config, error) {
	c, err := config.Load(path, environ)
	if err != nil {
		return c, err
	}
	var problems config.Problems
	for _, job := range []struct{ key, spec string }{
		{"schedule.republish", c.Schedule.Republish},
		{"schedule.notices", c.Schedule.Notices},
	} {
		if _, err := schedule.Parse(job.spec); err != nil {
			problems = append(problems, c.Problem(job.key, err.Error()))
		}
	}
	if len(problems) > 0 {
		return c, problems
	}
	return c, nil
}
