package gallery

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Audience is a group of readers: the public, or one partner. The zero value is
// the public where the configuration has no rules.
type Audience struct {
	Name         string        // of the partner; empty: the public
	Groups       []string      // of the partner
	Delay        time.Duration // galleries are shown so long after they are published
	MaxAge       time.Duration // and, counted from then too, no longer than that; 0: for good
	DenyUnstated bool          // shown is only what a list in allow names this audience for
	Rules        []Rule        // of the configuration, in addition to the rights in events
}

// Public names the audience that is no partner, in lists of audiences.
const Public = "public"

// Rule says who may see pictures of some credits and galleries of some sources.
type Rule struct {
	credits, sources []string // patterns, folded
	allow, deny      []string
	excludes         bool // nobody may
	where            string
}

// NewRule returns the rule for the slides with one of the credits and for the
// galleries with one of the sources: in each "*" stands for any text, and case does not
// count. where names the rule in [Decision].
func NewRule(credits, sources, allow, deny []string, where string) Rule {
	return Rule{credits: folds(credits), sources: folds(sources), allow: allow, deny: deny, where: where}
}

// NewExclusion returns the rule by which its one audience sees neither slides with one of
// the credits nor galleries with one of the sources, as patterns of [NewRule]. In a
// [Decision] the keys "credits" and "sources" follow where.
func NewExclusion(credits, sources []string, where string) Rule {
	return Rule{credits: folds(credits), sources: folds(sources), excludes: true, where: where}
}

// Decision says whether something is shown to an audience at an instant, and why.
type Decision struct {
	Shown bool
	Rule  string    // the code of what decided, such as "rights.deny"; "default" where nothing did
	Where string    // a JSON pointer into the event, or a key of the configuration; may be empty
	Next  time.Time // when the time alone changes the answer next; zero: never
}

// String says all that a decides by: audiences that decide alike say the same, wherever
// their rules stand.
func (a *Audience) String() string {
	text := fmt.Appendf(nil, "%q %q %d %d %t", a.Name, a.Groups, a.Delay, a.MaxAge, a.DenyUnstated)
	for _, r := range a.Rules {
		text = fmt.Appendf(text, " %q %q %q %q %t", r.credits, r.sources, r.allow, r.deny, r.excludes)
	}
	return string(text)
}

// Gallery decides whether a gallery on these terms is shown to a at t.
func (a *Audience) Gallery(terms *Terms, t time.Time) Decision {
	w := a.gallery(terms)
	return w.at(t)
}

// Slide decides whether the slide with that index is shown to a at t, where its gallery
// is.
func (a *Audience) Slide(terms *Terms, i int, t time.Time) Decision {
	w := a.slide(terms, i)
	return w.at(t)
}

// Window is the time in which a gallery on these terms is shown to a: from the first
// instant on, and before the second one unless that is zero. ok is false where it never
// is.
func (a *Audience) Window(terms *Terms) (from, until time.Time, ok bool) {
	w := a.gallery(terms)
	return w.from, w.until, w.ever()
}

// SlideInstants returns the instants at which the time alone shows or hides a slide that a
// may ever see: each in order and without repetition.
func (a *Audience) SlideInstants(terms *Terms) (starts, ends []time.Time) {
	for i := range terms.Slides {
		if r := &terms.Slides[i].Rights; r.From.IsZero() && r.Until.IsZero() {
			continue
		}
		if w := a.slide(terms, i); w.ever() {
			if !w.from.IsZero() {
				starts = append(starts, w.from)
			}
			if !w.until.IsZero() {
				ends = append(ends, w.until)
			}
		}
	}
	return ordered(starts), ordered(ends)
}

func ordered(list []time.Time) []time.Time {
	slices.SortFunc(list, time.Time.Compare)
	return slices.CompactFunc(list, time.Time.Equal)
}

// UpdatedAt is when what a sees of the gallery at t last changed, as feeds state it:
// the latest of the update that its publisher states, the instant at which a sees it
// first, and each instant up to t at which the time alone showed or hid a slide.
func (a *Audience) UpdatedAt(terms *Terms, t time.Time) time.Time {
	at := terms.Updated
	if from := a.gallery(terms).from; from.After(at) {
		at = from
	}
	starts, ends := a.SlideInstants(terms)
	for _, change := range append(starts, ends...) {
		if !change.After(t) && change.After(at) {
			at = change
		}
	}
	return at
}

// SlideWithdrawn is when the slide with that index was withdrawn from a because its
// rights ran out, not before the revision that says so. ok is false where they have not
// at t, and where a never saw the slide.
func (a *Audience) SlideWithdrawn(terms *Terms, i int, t time.Time) (when time.Time, ok bool) {
	w, first := a.slide(terms, i), a.gallery(terms).from
	if w.from.After(first) {
		first = w.from
	}
	if w.until.IsZero() || !w.ever() || !first.Before(w.until) || t.Before(w.until) {
		return time.Time{}, false
	}
	if w.until.Before(terms.Updated) {
		return terms.Updated, true
	}
	return w.until, true
}

// Numbers returns the place of each slide, from 1, among those that a sees at t or saw
// before, and 0 for the others.
func (a *Audience) Numbers(terms *Terms, t time.Time) []int {
	numbers, n, from := make([]int, len(terms.Slides)), 0, a.gallery(terms).from
	for i := range terms.Slides {
		w := a.slide(terms, i)
		first := w.from
		if from.After(first) {
			first = from
		}
		if saw := w.ever() && (w.until.IsZero() || first.Before(w.until)); saw && !t.Before(w.from) {
			n++
			numbers[i] = n
		}
	}
	return numbers
}

func (a *Audience) gallery(terms *Terms) window {
	w := window{from: terms.Published, starts: reason{"published", "/published"}}
	w.startsAt(terms.Published.Add(a.Delay), reason{"delay", ""})
	w.endsAt(terms.Expires, reason{"expires", "/expires"})
	if a.MaxAge > 0 {
		w.endsAt(terms.Published.Add(a.MaxAge), reason{"max_age", ""})
	}
	a.restrict(&w, &terms.Rights, "", "sources", func(r *Rule) bool { return r.hasSource(terms.Sources) })
	if a.DenyUnstated && w.denied == (reason{}) && w.granted == (reason{}) {
		w.denied = reason{"unstated_rights", ""}
	}
	return w
}

// slide is the window of a slide by its own rights, without those of its gallery.
func (a *Audience) slide(terms *Terms, i int) window {
	s := &terms.Slides[i]
	var w window
	credit := ""
	if len(a.Rules) > 0 {
		credit = Fold(s.Credit)
	}
	a.restrict(&w, &s.Rights, "/slides/"+strconv.Itoa(i), "credits", func(r *Rule) bool { return matchesAny(r.credits, credit) })
	return w
}

// restrict narrows w to what rights and the rules that concern their holder, by the list
// of that key, let a see. What denies wins, wherever it stands.
func (a *Audience) restrict(w *window, r *Rights, pointer, key string, concerns func(*Rule) bool) {
	pointer += "/rights"
	w.startsAt(r.From, reason{"rights.from", pointer + "/from"})
	w.endsAt(r.Until, reason{"rights.until", pointer + "/until"})
	if r.Syndicate != nil && !*r.Syndicate {
		w.denied = reason{"rights.syndicate", pointer + "/syndicate"}
		return
	}
	if i := slices.IndexFunc(r.Deny, a.is); i >= 0 {
		w.denied = reason{"rights.deny", pointer + "/deny/" + strconv.Itoa(i)}
		return
	}
	if len(r.Allow) > 0 {
		i := slices.IndexFunc(r.Allow, a.is)
		if i < 0 {
			w.denied = reason{"rights.allow", pointer + "/allow"}
			return
		}
		w.granted = reason{"rights.allow", pointer + "/allow/" + strconv.Itoa(i)}
	}
	for i := range a.Rules {
		rule := &a.Rules[i]
		switch {
		case !concerns(rule):
		case rule.excludes:
			w.denied = reason{"exclude." + key, rule.where + "." + key}
			return
		case slices.ContainsFunc(rule.deny, a.is):
			w.denied = reason{"rules.deny", rule.where}
			return
		case len(rule.allow) == 0:
		case !slices.ContainsFunc(rule.allow, a.is):
			w.denied = reason{"rules.allow", rule.where}
		case w.granted == (reason{}):
			w.granted = reason{"rules.allow", rule.where}
		}
	}
}

// OnlyByName returns the names by which events allow a gallery for a, and whether nothing
// else can: without one of these in a gallery's list a never sees it.
func (a *Audience) OnlyByName() (names []string, only bool) {
	only = a.DenyUnstated && !slices.ContainsFunc(a.Rules, func(r Rule) bool { return slices.ContainsFunc(r.allow, a.is) })
	return append([]string{a.Name}, a.Groups...), only
}

// is reports whether name, in a list of audiences, names a.
func (a *Audience) is(name string) bool {
	if name = strings.TrimSpace(name); a.Name == "" {
		return strings.EqualFold(name, Public)
	}
	return strings.EqualFold(name, a.Name) || slices.ContainsFunc(a.Groups, func(group string) bool { return strings.EqualFold(name, group) })
}

func (r *Rule) hasSource(sources []string) bool {
	return len(r.sources) > 0 && slices.ContainsFunc(sources, func(source string) bool { return matchesAny(r.sources, Fold(source)) })
}

// window is when something is shown, and why not at other times.
type window struct {
	from, until  time.Time // zero: no bound
	starts, ends reason    // what the bounds are
	denied       reason    // why it is never shown
	granted      reason    // why it is shown
}

// reason is a part of a [Decision].
type reason struct{ rule, where string }

func (w *window) startsAt(t time.Time, why reason) {
	if !t.IsZero() && t.After(w.from) {
		w.from, w.starts = t, why
	}
}

func (w *window) endsAt(t time.Time, why reason) {
	if !t.IsZero() && (w.until.IsZero() || t.Before(w.until)) {
		w.until, w.ends = t, why
	}
}

// ever reports whether there is an instant at which it is shown.
func (w *window) ever() bool {
	return w.denied == (reason{}) && (w.until.IsZero() || w.from.Before(w.until))
}

func (w *window) at(t time.Time) Decision {
	switch {
	case w.denied != (reason{}):
		return Decision{Rule: w.denied.rule, Where: w.denied.where}
	case !w.ever() || !w.until.IsZero() && !t.Before(w.until):
		return Decision{Rule: w.ends.rule, Where: w.ends.where}
	case t.Before(w.from):
		return Decision{Rule: w.starts.rule, Where: w.starts.where, Next: w.from}
	case w.granted != (reason{}):
		return Decision{Shown: true, Rule: w.granted.rule, Where: w.granted.where, Next: w.until}
	}
	return Decision{Shown: true, Rule: "default", Next: w.until}
}

func folds(names []string) []string {
	list := make([]string, len(names))
	for i, name := range names {
		list[i] = Fold(name)
	}
	return list
}

// matchesAny reports whether text, which is folded, is what one of the patterns
// stands for.
func matchesAny(patterns []string, text string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		parts := strings.Split(pattern, "*")
		last := len(parts) - 1
		rest, ok := strings.CutPrefix(text, parts[0])
		if last == 0 {
			return ok && rest == ""
		}
		for _, part := range parts[1:last] {
			i := strings.Index(rest, part)
			if ok = ok && i >= 0; !ok {
				return false
			}
			rest = rest[i+len(part):]
		}
		return ok && strings.HasSuffix(rest, parts[last])
	})
}
