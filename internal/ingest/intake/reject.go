package intake

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/nats-io/nats.go/jetstream"
)

// Reject is an event that can never succeed. It is stored as a line of JSON with
// everything but the body, and after it the body as it was received. The event's
// headers are in that line, because NATS would obey them as headers of the rejects
// stream.
type Reject struct {
	Number    uint64                  `json:"-"`                  // sequence in the rejects stream
	Publisher string                  `json:"publisher,omitzero"` // its name, where it has one
	Subject   string                  `json:"subject"`
	Stored    time.Time               `json:"stored"`   // when the event stream stored it
	Sequence  uint64                  `json:"sequence"` // in the event stream
	Problems  gallery.Problems        `json:"problems"`
	Event     string                  `json:"event,omitzero"`
	Source    string                  `json:"source,omitzero"`
	Gallery   string                  `json:"gallery,omitzero"`
	Header    map[string]headerValues `json:"header,omitzero"`   // as received, unless Cut
	Encoding  string                  `json:"encoding,omitzero"` // of the body as kept: empty or "gzip"
	Size      int                     `json:"size"`              // bytes of the body as received
	Body      []byte                  `json:"-"`                 // as received, unless Cut
	Cut       bool                    `json:"cut,omitzero"`      // only a part could be kept: the beginning of the body, perhaps no headers
}

// headerValues are bytes, for a header need not be text.
type headerValues [][]byte

// ErrCut means that a reject cannot be replayed because only a part of it was kept.
var ErrCut = errors.New("only the beginning of this event could be kept")

// overhead is how many bytes NATS needs for a message without its body.
const overhead = 1024

// encode fits the reject into a message of at most most bytes: whole, else with its
// body compressed, else with the beginning of its body and, if they fit, its headers.
func (r Reject) encode(most int64) ([]byte, error) {
	limit := int(most) - overhead
	if data, err := r.join(); err != nil || len(data) <= limit {
		return data, err
	}
	var compressed bytes.Buffer
	w := gzip.NewWriter(&compressed)
	_, _ = w.Write(r.Body) // a buffer takes everything
	_ = w.Close()
	packed := r
	packed.Encoding, packed.Body = "gzip", compressed.Bytes()
	if data, err := packed.join(); err != nil || len(data) <= limit {
		return data, err
	}
	r.Cut = true
	whole := r.Body
	for _, header := range []map[string]headerValues{r.Header, nil} {
		r.Header, r.Body = header, nil
		head, err := r.join()
		if err != nil {
			return nil, err
		}
		if room := limit - len(head); room >= 0 {
			return append(head, whole[:min(room, len(whole))]...), nil
		}
	}
	return nil, fmt.Errorf("encode reject: without its body it is longer than a message may be, %d bytes", most)
}

// record is a reject on the wire. The names of headers are bytes too.
type record struct {
	Reject
	Header []field `json:"header,omitzero"`
}

type field struct {
	Name   []byte       `json:"name"`
	Values headerValues `json:"values"`
}

func (r Reject) join() ([]byte, error) {
	wire := record{Reject: r}
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		wire.Header = append(wire.Header, field{[]byte(name), r.Header[name]})
	}
	head, err := json.Marshal(wire, jsontext.AllowInvalidUTF8(true))
	if err != nil {
		return nil, fmt.Errorf("encode reject: %w", err)
	}
	return bytes.Join([][]byte{head, r.Body}, []byte("\n")), nil
}

func decodeReject(msg *jetstream.RawStreamMsg) (Reject, error) {
	var wire record
	head, body, _ := bytes.Cut(msg.Data, []byte("\n"))
	if err := json.Unmarshal(head, &wire); err != nil {
		return Reject{Number: msg.Sequence}, fmt.Errorf("read reject %d: %w", msg.Sequence, err)
	}
	r := wire.Reject
	r.Number, r.Body = msg.Sequence, body
	for _, f := range wire.Header {
		if r.Header == nil {
			r.Header = make(map[string]headerValues, len(wire.Header))
		}
		r.Header[string(f.Name)] = f.Values
	}
	if r.Encoding != "gzip" {
		return r, nil
	}
	unzip, err := gzip.NewReader(bytes.NewReader(body))
	if err == nil {
		r.Body, err = io.ReadAll(io.LimitReader(unzip, int64(r.Size)))
	}
	if err != nil {
		return r, fmt.Errorf("read reject %d: %w", msg.Sequence, err)
	}
	return r, nil
}
