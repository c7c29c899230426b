package backup

import (
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/gallerywire/gallerywire/internal/store/catalogue"
)

// Export writes the site's id and the records, and calls done after each with
// nil, or with why it could not be read and is left out. When the records end
// with an error, so does the export, without its last line: an import will say
// that it is not whole.
func Export(w io.Writer, site string, records iter.Seq2[catalogue.Record, error], done func(error)) error {
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
		if err := write(w, lineOf(r)); err != nil {
			return err
		}
		galleries++
		done(nil)
	}
	return write(w, line{Format: format, Galleries: &galleries})
}

func write(w io.Writer, l line) error {
	text, err := l.encode()
	if err == nil {
		_, err = w.Write(text)
	}
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return nil
}
