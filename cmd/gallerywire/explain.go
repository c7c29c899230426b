package main

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/app"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/go-json-experiment/json"
)

type explainCmd struct {
	ID      string      `arg:"" name:"id" help:"Id of a gallery."`
	Feed    string      `help:"Only this feed, such as all, tags/night or partners/msn." placeholder:"FEED"`
	Partner string      `help:"Only for this partner." placeholder:"NAME" xor:"audience"`
	Public  bool        `help:"Only for the public." xor:"audience"`
	At      time.Time   `help:"The answer for this instant (RFC 3339); the default is now." placeholder:"TIME" format:"2006-01-02T15:04:05Z07:00"`
	URL     nodeAddress `name:"url" help:"The node's address for operators; by default the node of this machine." placeholder:"URL"`
	JSON    bool        `name:"json" help:"Print one line of JSON."`
}

// Help is printed below the command's usage.
func (explainCmd) Help() string {
	return `Says for each feed whether its audience sees the gallery in it, the rule that decides,
and where that rule stands: a JSON pointer into the event, or a key of the configuration.
The feeds of the public are the configured ones, those of the gallery's section, tags and
authors, and its own; a partner has its feed, and the gallery's own in it. The slides that
an audience does not see follow. Times are UTC.

The rules: default (nothing hides it), published, delay, max_age, expires,
rights.syndicate, rights.from, rights.until, rights.allow, rights.deny, rules.allow,
rules.deny, unstated_rights, match.sections, match.tags, match.authors, match.languages,
exclude.sections, exclude.tags, exclude.authors, exclude.languages, exclude.sources,
exclude.credits, items (it is in the archive), taken-down, left-out (it cannot be shown
as it is).

--at goes by what is stored now, and may be past or to come. The node is found as the
status command finds it.

The line of JSON is a list: audience, feed, shown, rule, where, slides (slide, id, shown,
rule, where), next (when the time alone changes what is shown; missing: never). The exit
code is 1 if no event of the gallery is known.`
}

// Run asks the node and shows its answer.
func (e explainCmd) Run(ctx context.Context, c *console) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	n, err := findNode(c, cfg, string(e.URL))
	if err != nil {
		return err
	}
	query := url.Values{"id": {e.ID}}
	if !e.At.IsZero() {
		query.Set("at", e.At.Format(time.RFC3339Nano))
	}
	if e.Public {
		e.Partner = gallery.Public
	}
	if e.Partner != "" {
		query.Set("audience", e.Partner)
	}
	answer, err := n.get(ctx, app.ExplainPath+"?"+query.Encode())
	if err != nil {
		return err
	}
	var list []edition.Explanation
	if err := json.Unmarshal(answer, &list); err != nil {
		return n.other()
	}
	if len(list) == 0 {
		return fmt.Errorf("no event of gallery %s is known to the node %s", shown(e.ID), n.where())
	}
	if e.Feed != "" {
		list = slices.DeleteFunc(list, func(x edition.Explanation) bool { return x.Feed != e.Feed })
		if len(list) == 0 {
			return fmt.Errorf("feed %s is neither configured, nor a partner's, nor one of the gallery's section, tags or authors", shown(e.Feed))
		}
	}
	if e.JSON {
		return c.line(list)
	}
	return e.write(c, list)
}

// write shows for each audience the feeds, then the slides that it does not see.
func (e explainCmd) write(c *console, list []edition.Explanation) error {
	var rows [][]cell
	for i, x := range list {
		rows = append(rows, []cell{verdict(x.Shown), {text: x.Feed}, {text: x.Rule}, {text: x.Where}, untilCell(x.Next)})
		if i+1 < len(list) && list[i+1].Audience == x.Audience {
			continue
		}
		if err := table(c, rows); err != nil {
			return err
		}
		rows = nil
		for _, s := range x.Slides { // they are the same in each feed of an audience
			if !s.Shown {
				rows = append(rows, []cell{verdict(false), {text: strings.TrimSpace(fmt.Sprintf("slide %d %s", s.Slide+1, s.ID))}, {text: s.Rule}, {text: s.Where}})
			}
		}
		if err := table(c, rows); err != nil {
			return err
		}
		rows = nil
	}
	return nil
}

// table writes rows whose control characters are quoted.
func table(c *console, rows [][]cell) error {
	for _, row := range rows {
		for i := range row {
			row[i].text = shown(row[i].text)
		}
	}
	return writeTable(c.out, rows, c.coloured(c.out))
}

func verdict(shown bool) cell {
	if shown {
		return cell{"in", green}
	}
	return cell{"out", red}
}

func untilCell(next time.Time) cell {
	if next.IsZero() {
		return cell{}
	}
	return cell{"changes " + next.UTC().Format(time.RFC3339), quiet}
}
