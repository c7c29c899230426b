package intake

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Reject is an event that can never succeed, as it is kept: a line of JSON with
// everything but the body, and after it the body as it was received. The
// event's headers are kept in that line, because as headers of the rejects
// stream NATS would obey them.
type Reject struct {
	Number   uint64           `json:"-"` // sequence in the rejects stream
	Subject  string           `json:"subject"`
	Stored   time.Time        `json:"stored"`   // when the event stream stored it
	Sequence uint64           `json:"sequence"` // in the event stream
	Problems gallery.Problems `json:"problems"`
	Event    string           `json:"event,omitzero"`
	Source   string           `json:"source,omitzero"`
	Gallery  string           `json:"gallery,omitzero"`
	Header   map[string]lines `json:"header,omitzero"`
	Encoding string           `json:"encoding,omitzero"` // of the body as kept: empty or "gzip"
	Size     int              `json:"size"`              // bytes of the body as received
	Body     []byte           `json:"-"`                 // as received, unless Cut
	Cut      bool             `json:"cut,omitzero"`      // only the beginning of the body could be kept
}

// lines are the values of a header: bytes, for they need not be text.
type lines [][]byte

// ErrCut means that a reject can not be replayed because only a part of it was
// kept.
var ErrCut = errors.New("only the beginning of this event could be kept")

// room is what NATS itself needs of a message beside its body.
const room = 1024

// encode fits the reject into a message of at most most bytes: as it is, else
// with its body compressed, else with as much of its body as there is room for.
func (r Reject) encode(most int64) ([]byte, error) {
	data, err := r.join()
	if over := len(data) + room - int(most); err != nil || over <= 0 {
		return data, err
	}
	whole := r.Body
	r.Encoding, r.Body = "gzip", compress(whole)
	data, err = r.join()
	over := len(data) + room - int(most)
	if err != nil || over <= 0 {
		return data, err
	}
	over += len(`"cut":true,`)
	if over > len(r.Body) {
		return nil, errors.New("encode reject: its headers alone are larger than a message may be")
	}
	r.Encoding, r.Cut, r.Body = "", true, whole[:min(len(whole), len(r.Body)-over)]
	return r.join()
}

func (r Reject) join() ([]byte, error) {
	head, err := json.Marshal(r, json.Deterministic(true))
	if err != nil {
		return nil, fmt.Errorf("encode reject: %w", err)
	}
	return bytes.Join([][]byte{head, r.Body}, []byte("\n")), nil
}

func decodeReject(msg *jetstream.RawStreamMsg) (Reject, error) {
	r := Reject{Number: msg.Sequence}
	head, body, _ := bytes.Cut(msg.Data, []byte("\n"))
	if err := json.Unmarshal(head, &r); err != nil {
		return r, fmt.Errorf("read reject %d: %w", msg.Sequence, err)
	}
	r.Body = body
	if r.Encoding != "gzip" {
		return r, nil
	}
	plain, err := decompress(body, r.Size)
	if err != nil {
		return r, fmt.Errorf("read reject %d: %w", msg.Sequence, err)
	}
	r.Body = plain
	return r, nil
}

func compress(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(data) // a buffer takes everything
	_ = w.Close()
	return b.Bytes()
}

func decompress(data []byte, size int) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(r, int64(size)))
}

func keep(header map[string][]string) map[string]lines {
	kept := make(map[string]lines, len(header))
	for key, values := range header {
		for _, v := range values {
			kept[strings.ToValidUTF8(key, "?")] = append(kept[key], []byte(v))
		}
	}
	return kept
}

// restore returns the headers without those that NATS obeys.
func (r Reject) restore() nats.Header {
	header := nats.Header{}
	for key, values := range r.Header {
		if strings.HasPrefix(strings.ToLower(key), "nats-") {
			continue
		}
		for _, v := range values {
			header[key] = append(header[key], string(v))
		}
	}
	return header
}
