package backup

import (
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/gallerywire/gallerywire/internal/store/catalogue"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Export writes the site's id and the records, and calls done after each, with the
// error if it could not be read and is left out. When the records end with an error,
// so does the export, without its last line: an import reports that it is not complete.
func Export(w io.Writer, site string, records iter.Seq2[catalogue.Revision, error], done func(error)) error {
	if err := write(w, line{Format: format, Site: &site}); err != nil {
		return err
	}
	galleries := 0
	for r, err := range records {
		switch {
		case errors.Is(err, catalogue.ErrUnreadable):
			done(err)
			continue
		case err != nil:
			return fmt.Errorf("export: %w", err)
		}
		l := line{
			Format: format, ID: r.ID, Past: r.Past,
			Rank: &rank{Updated: r.Rank.Updated.UTC(), Version: r.Rank.Version, TakeDown: r.Rank.TakeDown, Hash: r.Rank.Hash.String()},
		}
		if about := jsontext.Value(r.Event); about.IsValid() {
			l.About = about
		}
		if body := jsontext.Value(r.Body); body.IsValid() {
			l.Event = body
		} else {
			l.Base64 = r.Body
		}
		if err := write(w, l); err != nil {
			return err
		}
		galleries++
		done(nil)
	}
	return write(w, line{Format: format, Galleries: &galleries})
}

// write keeps strings inside of events as they were written, so that their hash stays.
func write(w io.Writer, l line) error {
	text, err := json.Marshal(l, jsontext.PreserveRawStrings(true))
	if err == nil {
		_, err = w.Write(append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return nil
}
