package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/app"
	"github.com/gallerywire/gallerywire/internal/config"
	"github.com/gallerywire/gallerywire/internal/store/credential"
	"github.com/gallerywire/gallerywire/internal/syndicate/partner"
	"github.com/go-json-experiment/json"
)

type partnersCmd struct {
	List partnersListCmd `cmd:"" help:"List the partners and the state of their keys."`
	Show partnersShowCmd `cmd:"" help:"Show a partner: what it gets, its keys and its addresses."`
	Key  partnersKeyCmd  `cmd:"" help:"Make a key for a partner."`
}

// partnersOf asks the node at url, or the one of this machine, for its partners.
func (c *console) partnersOf(ctx context.Context, url string) ([]app.PartnerReport, error) {
	cfg, err := c.load()
	if err != nil {
		return nil, err
	}
	n, err := findNode(c, cfg, url)
	if err != nil {
		return nil, err
	}
	answer, err := n.get(ctx, app.PartnersPath)
	if err != nil {
		return nil, err
	}
	var list []app.PartnerReport
	if err := json.Unmarshal(answer, &list); err != nil {
		return nil, n.other()
	}
	return list, nil
}

type partnersListCmd struct {
	URL  nodeAddress `name:"url" help:"The node's address for operators; by default the node of this machine." placeholder:"URL"`
	JSON bool        `name:"json" help:"Print a line of JSON for each."`
}

// Help is printed below the command's usage.
func (partnersListCmd) Help() string {
	return `The node is found as the status command finds it. Times are UTC, and those of the last
requests are of this node only.

A line of JSON has name, title, groups, dialect, match, exclude, items, order, content,
delay, max_age, unstated_rights, link_query, path_keys, networks, poll_every, keys and
addresses. What is empty may be missing. A key has name, state (good, not yet, ended,
unreadable), from, until, used (when the last request came with it), and problem.`
}

// Run lists every partner.
func (l partnersListCmd) Run(ctx context.Context, c *console) error {
	list, err := c.partnersOf(ctx, string(l.URL))
	if err != nil {
		return err
	}
	if len(list) == 0 && !l.JSON {
		c.say("no partner is configured: see partners in the configuration")
		return nil
	}
	var rows [][]cell
	for _, p := range list {
		if l.JSON {
			if err := c.line(p); err != nil {
				return err
			}
			continue
		}
		rows = append(rows, []cell{{text: p.Name}, {text: p.Title}, keysCell(p.Keys), lastUse(p.Keys)})
	}
	return table(c, rows)
}

// keysCell counts keys by their state.
func keysCell(keys []partner.KeyState) cell {
	var parts []string
	colour := red
	for _, state := range []partner.State{partner.Good, partner.NotYet, partner.Ended, partner.Unreadable} {
		n := 0
		for _, k := range keys {
			if k.State == state {
				n++
			}
		}
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, state))
		}
		if n > 0 && state == partner.Good {
			colour = green
		}
	}
	if len(parts) == 0 {
		return cell{"no keys", red}
	}
	return cell{"keys: " + strings.Join(parts, ", "), colour}
}

func lastUse(keys []partner.KeyState) cell {
	var last time.Time
	for _, k := range keys {
		if k.Used.After(last) {
			last = k.Used
		}
	}
	if last.IsZero() {
		return cell{"no request yet", quiet}
	}
	return cell{"last request " + last.UTC().Format(time.RFC3339), quiet}
}

type partnersShowCmd struct {
	Name string      `arg:"" help:"Name of the partner."`
	URL  nodeAddress `name:"url" help:"The node's address for operators; by default the node of this machine." placeholder:"URL"`
	JSON bool        `name:"json" help:"Print a line of JSON."`
}

// Help is printed below the command's usage.
func (partnersShowCmd) Help() string {
	return `The line of JSON is that of the list. The exit code is 1 if there is no such partner.`
}

// Run shows one partner.
func (s partnersShowCmd) Run(ctx context.Context, c *console) error {
	list, err := c.partnersOf(ctx, string(s.URL))
	if err != nil {
		return err
	}
	i := slices.IndexFunc(list, func(p app.PartnerReport) bool { return p.Name == s.Name })
	switch {
	case i < 0:
		return fmt.Errorf("there is no partner %q: \"gallerywire partners list\" lists them", s.Name)
	case s.JSON:
		return c.line(list[i])
	}
	writePartner(c.out, list[i])
	return nil
}

// writePartner writes a partner for people, without what is empty.
func writePartner(w io.Writer, p app.PartnerReport) {
	field(w, "partner", p.Name)
	field(w, "title", p.Title)
	field(w, "groups", strings.Join(p.Groups, ", "))
	field(w, "match", listsText(p.Match))
	field(w, "exclude", listsText(p.Exclude))
	field(w, "feed", fmt.Sprintf("%d galleries, the last %s first, %s, dialect %s", p.Items, p.Order, p.Content, p.Dialect))
	field(w, "delay", p.Delay)
	field(w, "max age", p.MaxAge)
	field(w, "unstated", p.UnstatedRights)
	field(w, "links", p.LinkQuery)
	field(w, "polls", p.PollEvery)
	for _, n := range p.Networks {
		field(w, "network", n.String())
	}
	for _, k := range p.Keys {
		field(w, "key", keyText(k))
	}
	for _, address := range p.Addresses {
		field(w, "address", address)
	}
	if p.PathKeys {
		_, after, _ := strings.Cut(p.Addresses[0], "/partners/"+p.Name+"/")
		field(w, "address", strings.TrimSuffix(p.Addresses[0], after)+"~KEY/"+after)
	}
}

// listsText writes lists of names, such as "sections Travel, Food; tags night".
func listsText(lists map[string][]string) string {
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(lists)) {
		parts = append(parts, key+" "+strings.Join(lists[key], ", "))
	}
	return strings.Join(parts, "; ")
}

func keyText(k partner.KeyState) string {
	parts := []string{k.Name + " is " + string(k.State)}
	for _, at := range []struct {
		name string
		time.Time
	}{{"from", k.From}, {"until", k.Until}, {"last request", k.Used}} {
		if !at.IsZero() {
			parts = append(parts, at.name+" "+at.UTC().Format(time.RFC3339))
		}
	}
	if k.Problem != "" {
		parts = append(parts, k.Problem)
	}
	return strings.Join(parts, ", ")
}

type partnersKeyCmd struct {
	Name string `arg:"" help:"Name of the partner, which need not be configured yet."`
	JSON bool   `name:"json" help:"Print a line of JSON."`
}

// Help is printed below the command's usage.
func (partnersKeyCmd) Help() string {
	return `Prints a random key and its hash, and stores neither. Give the key to the partner, on a way
that nobody else reads. Put the hash into a file of its own, and name that file in the
configuration: whoever reads the file cannot read the feed with it. To replace a key, add
the new one, and remove the old one once the partner has changed: "gallerywire partners
show" says when a request last came with each.

The line of JSON has partner, key and hash.`
}

// Validate accepts names that a partner may have.
func (k partnersKeyCmd) Validate() error {
	if !config.IsPartnerName(k.Name) {
		return fmt.Errorf("%s is not the name of a partner: write 1 to 64 of a-z, 0-9, _ and -, but not public", strconv.Quote(k.Name))
	}
	return nil
}

// Run prints a new key.
func (k partnersKeyCmd) Run(c *console) error {
	key := credential.NewKey()
	hash := credential.HashOf(key).String()
	if k.JSON {
		return c.line(struct {
			Partner string `json:"partner"`
			Key     string `json:"key"`
			Hash    string `json:"hash"`
		}{k.Name, key, hash})
	}
	today := time.Now().UTC().Format(time.DateOnly)
	_, err := fmt.Fprintf(c.out, `key:  %[2]s
hash: %[3]s

Give the key to the partner. Put the hash into a file:

  echo %[3]s >/etc/gallerywire/%[1]s-%[4]s.key

The configuration of the partner names the file:

  - name: %[1]s
    access: {keys: [{name: %[4]s, secret_file: /etc/gallerywire/%[1]s-%[4]s.key}]}
`, k.Name, key, hash, today)
	return err
}
