package backup

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/store/catalogue"
	"github.com/go-json-experiment/json"
)

// Store keeps a record unless it has one with a rank as high. It may be called for
// several at once, and for the same one again.
type Store interface {
	Put(context.Context, catalogue.Revision) (catalogue.Outcome, error)
}

// Site keeps the id that every identifier of the site is made of.
type Site interface {
	// ID returns the id in use, empty when there is none yet.
	ID(context.Context) (string, error)
	// Remember makes id the one that is known to all nodes.
	Remember(ctx context.Context, id string) error
}

// Options are the target of an import.
type Options struct {
	Store    Store
	Site     Site
	KeepSite bool         // ignore the site's id in the export
	Reader   event.Reader // reads the events
	Done     func(Result) // called for each line of a gallery, in their order
}

// Result is the outcome of one line.
type Result struct {
	Line    int // from 1
	Outcome catalogue.Outcome
	Err     error // for a line that was refused
}

const (
	// window is how many galleries may be in flight at once.
	window = 16
	// maxLine is far more than the line of the largest event.
	maxLine = 64 << 20
)

// Import stores the galleries of an export. A damaged line is refused and the others
// follow. Import ends early when the export is of another site, when a gallery cannot
// be stored, or when ctx ends: import again then, and what is stored already is
// skipped. An export that is not complete is an error once all of it is stored.
func Import(ctx context.Context, r io.Reader, o Options) error {
	in := &input{scanner: bufio.NewScanner(r)}
	in.scanner.Buffer(nil, maxLine)
	if err := o.begin(ctx, in); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	q := queue{done: o.Done}
	for in.next() {
		if err := q.wait(window - 1); err != nil {
			return err
		}
		l, err := in.line()
		if err == nil && l.Galleries != nil {
			in.counted, in.ended = *l.Galleries, true
			continue
		}
		in.galleries++
		q.waiting = append(q.waiting, o.start(ctx, in.number, l, err))
	}
	return errors.Join(q.wait(0), in.err())
}

// begin reads the first line, and compares or remembers the site's id.
func (o Options) begin(ctx context.Context, in *input) error {
	if !in.next() {
		return errors.Join(in.scanner.Err(), errors.New("there is nothing in it: an export begins with the site"))
	}
	l, err := in.line()
	if err != nil {
		return fmt.Errorf("line %d: %w", in.number, err)
	}
	if l.Site == nil {
		return fmt.Errorf("line %d: this is no export of gallerywire: one begins with the site", in.number)
	}
	if *l.Site == "" || o.KeepSite {
		return nil
	}
	id, err := o.Site.ID(ctx)
	if err != nil {
		return err
	}
	if id != "" && id != *l.Site {
		return fmt.Errorf("the export is of the site %q, here is %q: set site.id to that of the export, so that readers recognise its galleries, "+
			"or use --keep-site to store them as new ones", *l.Site, id)
	}
	return o.Site.Remember(ctx, *l.Site)
}

// start stores the gallery of a line while others are stored. The channel gets the
// result.
func (o Options) start(ctx context.Context, number int, l line, err error) <-chan Result {
	ch := make(chan Result, 1)
	result := Result{Line: number, Err: err}
	if err != nil {
		ch <- result
		return ch
	}
	go func() {
		var r catalogue.Revision
		if r, result.Err = l.record(o.Reader); result.Err == nil {
			result.Outcome, result.Err = o.Store.Put(ctx, r)
			refused := errors.Is(result.Err, catalogue.ErrUnreadable) || errors.Is(result.Err, catalogue.ErrNewerFormat)
			if result.Err != nil && !refused { // the other lines would fail as well
				result.Err = &storageError{result.Err}
			}
		}
		ch <- result
	}()
	return ch
}

// storageError ends an import.
type storageError struct{ error }

// queue holds the results to come, in the order of their lines.
type queue struct {
	done    func(Result)
	waiting []<-chan Result
}

// wait returns when at most so many results are to come, and after a storage error
// when all have come.
func (q *queue) wait(most int) error {
	var failed error
	for len(q.waiting) > most || failed != nil && len(q.waiting) > 0 {
		result := <-q.waiting[0]
		q.waiting = q.waiting[1:]
		if failed != nil {
			continue
		}
		if storage, ok := result.Err.(*storageError); ok {
			failed = fmt.Errorf("line %d: %w: import again, what is stored already is skipped", result.Line, storage.error)
			continue
		}
		q.done(result)
	}
	return failed
}

// input is an export as it is read.
type input struct {
	scanner   *bufio.Scanner
	number    int // of the line, from 1
	galleries int
	counted   int  // how many galleries the last line counts
	ended     bool // the last line was read
	beyond    bool // something follows it
}

// next goes to the next line that is not blank.
func (in *input) next() bool {
	for in.scanner.Scan() {
		in.number++
		if len(bytes.TrimSpace(in.scanner.Bytes())) > 0 {
			in.beyond = in.ended
			return !in.beyond
		}
	}
	return false
}

// line reads the current line. It shares no memory with the input.
func (in *input) line() (line, error) {
	var l line
	if err := json.Unmarshal(bytes.Clone(in.scanner.Bytes()), &l); err != nil {
		return l, errors.New("the line is damaged, or not from an export")
	}
	switch {
	case l.Format > format:
		return l, fmt.Errorf("format %d was written by a newer release: import it with that", l.Format)
	case l.Format < 1:
		return l, errors.New("it has no format: the line is damaged, or not from an export")
	}
	return l, nil
}

// err returns why the input is not a complete export.
func (in *input) err() error {
	switch err := in.scanner.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return fmt.Errorf("line %d: it is longer than any that an export has", in.number+1)
	case err != nil:
		return fmt.Errorf("read line %d: %w", in.number+1, err)
	case in.beyond:
		return fmt.Errorf("line %d: the export ended before it: import one export at a time", in.number)
	case !in.ended:
		return fmt.Errorf("the export is not complete: it ends after line %d, without its last one", in.number)
	case in.counted != in.galleries:
		return fmt.Errorf("the export is not complete: it had %d galleries and has %d", in.counted, in.galleries)
	}
	return nil
}
