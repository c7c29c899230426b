package status

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gallerywire/gallerywire/internal/syndicate/partner"
)

// maxNamed is how many feeds or jobs a trouble names.
const maxNamed = 5

// Troubles returns, in words, what needs an operator, the worst first; nothing if all is
// well.
func (s Status) Troubles() []string {
	var all []string
	add := func(n int, one, many string, names ...string) {
		text := many
		switch {
		case n == 0:
			return
		case n == 1:
			text = one
		}
		if strings.Contains(text, "%d") {
			text = fmt.Sprintf(text, n)
		}
		if len(names) > 0 {
			text += ": " + named(names)
		}
		all = append(all, text)
	}
	for _, reason := range s.NotReady {
		all = append(all, "This node is not ready: "+reason)
	}
	if s.Stuck != "" {
		all = append(all, "No event is taken in: "+s.Stuck)
	}
	failing, cut := s.feedsThatAre(Failing), s.feedsThatAre(Cut)
	add(len(failing), "A feed cannot be served", "%d feeds cannot be served", failing...)
	add(len(cut), "A feed could not be rendered and serves what it had", "%d feeds could not be rendered and serve what they had", cut...)
	unreadable := namesOf(s.Senders, func(one Sender) (string, bool) { return one.Name, one.Problem != "" })
	add(len(unreadable), "The secrets of a sender are wrong or cannot be read", "The secrets of %d senders are wrong or cannot be read", unreadable...)
	keyless, silent := s.partnersWithout()
	add(len(keyless), "A partner has no good key, so it gets nothing", "%d partners have no good key, so they get nothing", keyless...)
	add(len(silent), "A partner does not poll this node", "%d partners do not poll this node", silent...)
	add(s.LeftOut.Total, "A gallery is left out of a feed: correct it and publish it again", "%d times a gallery is left out of a feed: correct it and publish it again")
	failed := namesOf(s.Jobs, func(j Job) (string, bool) { return j.Name, j.Outcome == "failed" || j.Outcome == "panicked" })
	add(len(failed), "The last run of a job failed", "The last runs of %d jobs failed", failed...)
	if s.Rejects.Err != "" && len(s.NotReady) == 0 { // else that is why
		all = append(all, "The rejects cannot be read: "+s.Rejects.Err)
	}
	if s.Notices != nil {
		const then = `: see "gallerywire notices list", then "gallerywire notices retry KEY"`
		add(s.Notices.DeadLetters.Total, "A delivery was given up"+then, "%d deliveries were given up"+then)
	}
	return append(all, s.Warnings...)
}

// namesOf are the names of those in the list that are in trouble.
func namesOf[T any](list []T, trouble func(T) (name string, is bool)) (names []string) {
	for _, one := range list {
		if name, is := trouble(one); is {
			names = append(names, name)
		}
	}
	return names
}

// partnersWithout are the partners that have no good key, and those that do not poll.
func (s Status) partnersWithout() (keys, polls []string) {
	for _, p := range s.Partners {
		if !slices.ContainsFunc(p.Keys, func(k partner.KeyState) bool { return k.State == partner.Good }) {
			keys = append(keys, p.Name)
		}
		if p.Silence != "" {
			polls = append(polls, p.Name+" for "+p.Silence)
		}
	}
	return keys, polls
}

func (s Status) feedsThatAre(state string) []string {
	var names []string
	for _, f := range s.Feeds {
		if f.State == state {
			names = append(names, f.Name)
		}
	}
	for _, p := range s.Partners {
		if p.Feed.State == state {
			names = append(names, p.Feed.Name)
		}
	}
	return names
}

func named(names []string) string {
	if more := len(names) - maxNamed; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:maxNamed], ", "), more)
	}
	return strings.Join(names, ", ")
}
