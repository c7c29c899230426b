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

// Store keeps a record unless it knows a rank as high. It may be called for
// several at once, and for the same one again.
type Store interface {
	Restore(context.Context, catalogue.Record) (catalogue.Outcome, error)
}

// Site remembers the id that every identifier of the site is made of.
type Site interface {
	// ID returns the id that counts, empty when there is none yet.
	ID(context.Context) (string, error)
	// Remember makes id the one that is known to all nodes.
	Remember(ctx context.Context, id string) error
}

// Options say where an import goes.
type Options struct {
	Store    Store
	Site     Site
	KeepSite bool         // leave the site's id as it is, whatever the export says
	Reader   event.Reader // reads the events
	Done     func(Result) // called for each line of a gallery, in their order
}

// Result says what became of one line.
type Result struct {
	Line    int // from 1
	Outcome catalogue.Outcome
	Err     error // why it was refused
}

const (
	// window is how many galleries may be under way at once.
	window = 16
	// maxLine is far more than an event takes that a server takes.
	maxLine = 64 << 20
)

// Import stores what an export holds. A line that is damaged is refused and the
// others follow. It ends early when the export is of another site, when a
// gallery can not be stored, or when ctx ends: import again then, and what is
// stored already is skipped. An export that is not whole is an error once all
// of it is stored.
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
		if err := q.settle(window - 1); err != nil {
			return err
		}
		l, err := in.line()
		if err == nil && l.Galleries != nil {
			in.end(*l.Galleries)
			continue
		}
		in.galleries++
		q.add(o.start(ctx, in.number, l, err))
	}
	return errors.Join(q.settle(0), in.err())
}

// begin reads the first line and sees to the site's id.
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
		return fmt.Errorf("the export is of the site %q, here is %q: set site.id to that of the export, so that readers know its galleries again, "+
			"or say --keep-site to have them as new ones", *l.Site, id)
	}
	return o.Site.Remember(ctx, *l.Site)
}

// start stores the gallery of a line, if it has one, beside others. What it
// returns holds the result.
func (o Options) start(ctx context.Context, number int, l line, err error) <-chan Result {
	ch := make(chan Result, 1)
	result := Result{Line: number, Err: err}
	if err != nil {
		ch <- result
		return ch
	}
	go func() {
		var r catalogue.Record
		if r, result.Err = l.record(o.Reader); result.Err == nil {
			result.Outcome, result.Err = o.Store.Restore(ctx, r)
			if result.Err != nil && !refused(result.Err) {
				result.Err = &storageError{result.Err}
			}
		}
		ch <- result
	}()
	return ch
}

// refused reports whether a store did not take that record, while it may take
// others.
func refused(err error) bool {
	return errors.Is(err, catalogue.ErrUnreadable) || errors.Is(err, catalogue.ErrNewerFormat)
}

// storageError is one that the other lines would meet as well.
type storageError struct{ error }

// Unwrap returns the store's error.
func (e *storageError) Unwrap() error { return e.error }

// queue holds the results to come, in the order of their lines.
type queue struct {
	done    func(Result)
	waiting []<-chan Result
}

func (q *queue) add(ch <-chan Result) { q.waiting = append(q.waiting, ch) }

// settle waits until at most so many results are to come. After an error it has
// waited for all of them.
func (q *queue) settle(most int) error {
	var failed error
	for len(q.waiting) > most || failed != nil && len(q.waiting) > 0 {
		result := <-q.waiting[0]
		q.waiting = q.waiting[1:]
		var storage *storageError
		switch {
		case failed != nil:
		case errors.As(result.Err, &storage):
			failed = fmt.Errorf("line %d: %w: import again, what is stored already is skipped", result.Line, storage.error)
		default:
			q.done(result)
		}
	}
	return failed
}

// input is an export as it is read.
type input struct {
	scanner   *bufio.Scanner
	number    int // of the line, from 1
	galleries int
	said      int  // how many galleries the last line counts
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
		return l, errors.New("no format is stated: the line is damaged, or not from an export")
	}
	return l, nil
}

func (in *input) end(galleries int) { in.said, in.ended = galleries, true }

// err says why the input is not a whole export.
func (in *input) err() error {
	switch err := in.scanner.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return fmt.Errorf("line %d: it is longer than any that an export has", in.number+1)
	case err != nil:
		return fmt.Errorf("read line %d: %w", in.number+1, err)
	case in.beyond:
		return fmt.Errorf("line %d: the export ended before it: import one export at a time", in.number)
	case !in.ended:
		return fmt.Errorf("the export is not whole: it ends after line %d, without its last one", in.number)
	case in.said != in.galleries:
		return fmt.Errorf("the export is not whole: it had %d galleries and has %d", in.said, in.galleries)
	}
	return nil
}
