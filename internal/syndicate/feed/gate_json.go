package feed

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// jsonFault returns what is wrong with JSON that this package wrote. Each of
// need is a member of the outermost object, or several of which one is enough.
func jsonFault(b []byte, need ...string) string {
	w := jsonWalk{Decoder: jsontext.NewDecoder(bytes.NewBuffer(b)), missing: slices.Clone(need)}
	for {
		switch err := w.next(); {
		case errors.Is(err, io.EOF) && len(w.missing) == 0:
			return ""
		case errors.Is(err, io.EOF):
			return "lacks " + strings.Join(w.missing, ", ")
		case err != nil:
			return err.Error()
		}
	}
}

// jsonWalk goes through a document from token to token; member is the raw name
// of the one that it is in.
type jsonWalk struct {
	*jsontext.Decoder
	member  []byte
	missing []string
}

func (w *jsonWalk) next() error {
	if w.PeekKind() == '"' {
		return w.text()
	}
	token, err := w.ReadToken()
	if err == nil && token.Kind() == 'n' {
		return fmt.Errorf("%s is null", w.member)
	}
	return err
}

// text reads a name or a string without unquoting it.
func (w *jsonWalk) text() error {
	raw, err := w.ReadValue()
	if err != nil {
		return err
	}
	raw = raw[1 : len(raw)-1]
	if kind, n := w.StackIndex(w.StackDepth()); kind == '{' && n%2 == 1 {
		w.enter(raw)
		return nil
	}
	return w.value(raw)
}

func (w *jsonWalk) enter(member []byte) {
	w.member = append(w.member[:0], member...)
	if w.StackDepth() == 1 {
		found := func(names string) bool { return slices.Contains(strings.Fields(names), string(member)) }
		w.missing = slices.DeleteFunc(w.missing, found)
	}
}

func (w *jsonWalk) value(raw []byte) error {
	if len(raw) == 0 {
		return fmt.Errorf("%s is empty", w.member)
	}
	switch string(w.member) {
	case "url", "image", "banner_image", "thumbnail", "icon", "favicon", "home_page_url", "feed_url", "next_url", "self", "page":
		if !isAbsolute(raw) {
			return fmt.Errorf("the %s %.80q is no absolute address", w.member, raw)
		}
	}
	return nil
}
