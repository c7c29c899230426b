package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/serve/status"
	"github.com/go-json-experiment/json"
)

type statusCmd struct {
	URL  nodeAddress `name:"url" help:"The node's address for operators; by default the node of this machine." placeholder:"URL"`
	JSON bool        `name:"json" help:"Print one line of JSON."`
}

// Help is printed below the command's usage.
func (statusCmd) Help() string {
	return `Prints /status of the node's address for operators: the last events, rejects, the
state of each feed and partner, the schedule, pending notices and subscribers. Times are
UTC.

Without --url the command uses the socket in the data directory, or http.admin_listen
if nats.url is set or no node runs on that directory. It sends the token of
http.admin_token_file: with nats.url or --url to the program at that address,
otherwise only to the owner of the directory.

The line of JSON is /status.json: site, url, at, started, not_ready, warnings,
galleries, stuck, events, partial, rejects, feeds, partners, left_out, jobs, notices,
websub, digests, subscribers. warnings are for operators; everything works. partners,
notices, websub and digests are missing if the node has none.`
}

// Run asks the node and shows its answer.
func (s statusCmd) Run(ctx context.Context, c *console) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	n, err := findNode(c, cfg, string(s.URL))
	if err != nil {
		return err
	}
	answer, err := n.get(ctx, "/status.json")
	if err != nil {
		return err
	}
	var is status.Status
	if err := json.Unmarshal(answer, &is); err != nil || is.At.IsZero() {
		return n.other()
	}
	if s.JSON {
		_, err = c.out.Write(append([]byte(strings.TrimSpace(string(answer))), '\n'))
		return err
	}
	return (&statusWriter{Status: is, out: c.out, coloured: c.coloured(c.out)}).write()
}

const (
	maxEventLines = 20
	maxLines      = 10 // of anything else but feeds
)

// statusWriter writes a status for people.
type statusWriter struct {
	status.Status
	out      io.Writer
	coloured bool
	err      error // the first one
}

func (w *statusWriter) write() error {
	w.head()
	w.feeds()
	w.partners()
	w.events()
	w.senders()
	w.partial()
	w.rejects()
	w.leftOut()
	w.jobs()
	w.notices()
	w.hub()
	w.digests()
	w.readers()
	return w.err
}

func (w *statusWriter) printf(format string, args ...any) {
	if w.err == nil {
		_, w.err = fmt.Fprintf(w.out, format, args...)
	}
}

// section writes a heading and a table, or none if the table is empty, and the number
// of further rows. It quotes control characters in the table.
func (w *statusWriter) section(title string, rows [][]cell, none string, more int) {
	if len(rows) == 0 {
		w.printf("\n%s: %s\n", cell{title, bold}.painted(w.coloured), none)
		return
	}
	w.printf("\n%s\n", cell{title, bold}.painted(w.coloured))
	for _, row := range rows {
		for i := range row {
			row[i].text = shown(row[i].text)
		}
	}
	if w.err == nil {
		w.err = writeTable(w.out, rows, w.coloured)
	}
	if more > 0 {
		w.printf("  %s\n", cell{fmt.Sprintf("and %d more", more), quiet}.painted(w.coloured))
	}
}

func (w *statusWriter) head() {
	troubles := w.Troubles()
	verdict := cell{"all is well", green}
	if len(troubles) > 0 {
		verdict = cell{"needs attention", red}
	}
	w.printf("%s: %s\n", cell{shown(w.Site), bold}.painted(w.coloured), verdict.painted(w.coloured))
	for _, trouble := range troubles {
		w.printf("  %s\n", shown(trouble))
	}
	w.printf("%s/ at %s UTC, up for %s, %s\n", shown(w.URL), w.At.UTC().Format(time.DateTime),
		w.At.Sub(w.Started).Round(time.Second), number(w.Galleries, "gallery", "galleries"))
}

func (w *statusWriter) feeds() {
	var rows [][]cell
	for _, f := range w.Feeds {
		why := f.Reason
		if f.LeftOut > 0 {
			why = strings.TrimPrefix(why+"; "+strconv.Itoa(f.LeftOut)+" left out", "; ")
		}
		rows = append(rows, []cell{
			{f.Name, plain}, {f.State, stateColour(f.State)}, {number(f.Galleries, "gallery", "galleries"), plain},
			{"changed " + w.when(f.Changed, "never"), quiet}, {why, plain},
		})
	}
	w.section("Feeds", rows, "none is known yet", 0)
}

func (w *statusWriter) partners() {
	var rows [][]cell
	for _, p := range w.Partners {
		request := cell{"last request " + w.when(p.Polled, "none"), quiet}
		if p.Silence != "" {
			request.colour = red
		}
		rows = append(rows, []cell{
			{p.Name, plain}, {p.Feed.State, stateColour(p.Feed.State)}, {number(p.Feed.Galleries, "gallery", "galleries"), plain},
			keysCell(p.Keys), request, {p.Feed.Reason, plain},
		})
	}
	if len(rows) > 0 {
		w.section("Partners", rows, "", 0)
	}
}

func (w *statusWriter) senders() {
	var rows [][]cell
	for _, s := range w.Senders {
		rows = append(rows, []cell{
			{s.Name, plain}, {s.Kind, plain}, {"ids: " + cmp.Or(s.IDPrefix, "any"), plain}, {"last request " + w.when(s.Used, "none"), quiet}, {s.Problem, red},
		})
	}
	if len(rows) > 0 {
		w.section("Senders of events over HTTP", rows, "", 0)
	}
}

func (w *statusWriter) events() {
	var rows [][]cell
	for _, e := range cutTo(w.Events, maxEventLines) {
		rows = append(rows, []cell{
			{w.when(e.At, ""), quiet}, {cmp.Or(e.Kind, "-"), plain}, {cmp.Or(e.Gallery, "-"), plain},
			{e.Outcome, stateColour(e.Outcome)}, {strings.TrimSuffix(strings.TrimPrefix(e.Title+"; "+e.Reason, "; "), "; "), quiet},
		})
	}
	w.section("Last events", rows, "this node has processed none since it started", len(w.Events)-len(rows))
}

func (w *statusWriter) partial() {
	var rows [][]cell
	for _, e := range cutTo(w.Partial.Newest, maxLines) {
		rows = append(rows, []cell{{w.when(e.At, ""), quiet}, {cmp.Or(e.Gallery, "-"), plain}, {e.Reason, plain}})
	}
	if len(rows) > 0 {
		w.section("Left out of galleries", rows, "", w.Partial.Total-len(rows))
	}
}

func (w *statusWriter) rejects() {
	if w.Rejects.Err != "" {
		w.section("Rejects", nil, "not known: "+shown(w.Rejects.Err), 0)
		return
	}
	var rows [][]cell
	for _, r := range cutTo(w.Rejects.Newest, maxLines) {
		rows = append(rows, []cell{
			{strconv.FormatUint(r.Number, 10), plain}, {w.when(r.Stored, ""), quiet}, {cmp.Or(r.Gallery, "-"), plain}, {r.Reason, plain},
		})
	}
	w.section("Rejects", rows, "no event was rejected", int(w.Rejects.Kept)-len(rows))
}

func (w *statusWriter) leftOut() {
	var rows [][]cell
	for _, f := range cutTo(w.LeftOut.First, maxLines) {
		rows = append(rows, []cell{{f.Gallery, plain}, {"of " + f.Feed, plain}, {f.Reason, plain}})
	}
	w.section("Left out of feeds", rows, "nothing", w.LeftOut.Total-len(rows))
}

func (w *statusWriter) jobs() {
	var rows [][]cell
	for _, j := range w.Jobs {
		outcome := cell{cmp.Or(j.Outcome, "-"), stateColour(j.Outcome)}
		if j.Running {
			outcome = cell{"running", quiet}
		}
		rows = append(rows, []cell{
			{j.Name, plain}, {j.Spec, quiet}, {"last " + w.when(j.Last, "never"), plain}, outcome,
			{"next " + w.when(j.Next, "never"), plain}, {j.Reason, plain},
		})
	}
	w.section("Schedule", rows, "not known yet", 0)
}

func (w *statusWriter) notices() {
	if w.Notices == nil {
		return
	}
	var pending [][]cell
	for _, c := range w.Notices.Channels {
		pending = append(pending, []cell{{c.Name, plain}, {strconv.Itoa(c.Pending), plain}})
	}
	w.section("Pending notices", pending, "none", 0)
	w.deliveries("Waiting for a retry", w.Notices.Retries)
	w.deliveries("Given up", w.Notices.DeadLetters)
}

func (w *statusWriter) deliveries(title string, list status.Deliveries) {
	var rows [][]cell
	for _, d := range cutTo(list.First, maxLines) {
		at := cell{"last " + w.when(d.Last, ""), quiet}
		if !d.Due.IsZero() {
			at.text = "next " + w.when(d.Due, "")
		}
		rows = append(rows, []cell{
			{d.Channel, plain}, {d.Target, plain}, {d.About, plain}, at,
			{number(d.Attempts, "attempt", "attempts"), quiet}, {d.Reason, plain},
		})
	}
	w.section(title, rows, "none", list.Total-len(rows))
}

func (w *statusWriter) hub() {
	if w.Hub == nil {
		return
	}
	var rows [][]cell
	for _, f := range cutTo(w.Hub.Feeds, maxLines) {
		rows = append(rows, []cell{{f.Feed, plain}, {strconv.Itoa(f.Subscriptions), plain}})
	}
	w.section("WebSub subscriptions", rows, "none", w.Hub.More+len(w.Hub.Feeds)-len(rows))
}

func (w *statusWriter) digests() {
	var rows [][]cell
	for _, d := range w.Digests {
		rows = append(rows, []cell{{d.Name, plain}, {"last " + w.when(d.Last, "never"), plain}, {"next " + w.when(d.Next, "never"), plain}})
	}
	if len(rows) > 0 {
		w.section("Digests", rows, "", 0)
	}
}

func (w *statusWriter) readers() {
	var rows [][]cell
	for _, s := range cutTo(w.Readers.Services, maxLines) {
		rows = append(rows, []cell{{s.Name, plain}, {s.Feed, plain}, {strconv.Itoa(s.Subscribers), plain}, {"reported " + w.when(s.At, ""), quiet}})
	}
	w.section("Subscribers, as feed services report them", rows, "no service has reported any", w.Readers.More+len(w.Readers.Services)-len(rows))
}

// when writes a time near the time of the status.
func (w *statusWriter) when(t time.Time, never string) string {
	switch t = t.UTC(); {
	case t.IsZero():
		return never
	case t.Format(time.DateOnly) == w.At.UTC().Format(time.DateOnly):
		return t.Format(time.TimeOnly)
	}
	return t.Format("2006-01-02 15:04")
}

// shown returns s on one line, printable.
func shown(s string) string { return printable(strings.Join(strings.Fields(s), " ")) }

func number(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

func cutTo[T any](list []T, n int) []T { return list[:min(len(list), n)] }
