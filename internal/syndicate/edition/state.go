package edition

import "time"

// Condition is whether a feed serves what is stored.
type Condition string

// The conditions of a feed.
const (
	Fresh   Condition = "fresh"   // its edition is of what is stored now
	Due     Condition = "due"     // the next request renders it
	Cut     Condition = "cut"     // a fallback: the last good edition, without what was withdrawn since
	Failing Condition = "failing" // there is nothing to serve
)

// State is the state of a configured feed.
type State struct {
	Name      string
	Title     string
	Galleries int       // as of [Set.Len]; of a partner those in its edition, if one is kept
	Touched   time.Time // as of [Set.Touched]; of a partner when its edition was
	Condition Condition
	Err       error // why the last rendering failed; nil: it did not
	LeftOut   int   // galleries that cannot be published as they are
}

// States returns the states of the configured feeds in their order. It reads
// memory only and renders nothing.
func (s *Set) States() []State {
	states := make([]State, len(s.opts.Feeds))
	for i, d := range s.opts.Feeds {
		r, st := s.feeds[d.Name], &states[i]
		*st = State{Name: r.name(), Title: d.Title, Condition: r.condition()}
		if why := r.failure.Load(); why != nil {
			st.Err = *why
		}
		e := r.current.Load()
		if e != nil {
			st.LeftOut = len(e.LeftOut)
		}
		switch {
		case s.partner == nil:
			st.Galleries, st.Touched = s.Len(d.Name), s.Touched(d.Name)
		case e != nil:
			st.Galleries, st.Touched = len(e.Galleries()), e.Touched
		}
	}
	return states
}

// condition is [Cut] if rendering failed and the last good edition is served, [Failing] if
// there is none.
func (r *feedRenderer) condition() Condition {
	e := r.current.Load()
	switch {
	case r.fresh() != nil:
		return Fresh
	case e != nil && e.Fallback:
		return Cut
	case r.failure.Load() != nil:
		return Failing
	}
	return Due
}
