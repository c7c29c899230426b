package receive

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/go-json-experiment/json/jsontext"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const (
	// batchFactor is how many times the bytes of the largest event a batch may have.
	batchFactor = 4
	// attributePrefix begins the headers of a binary CloudEvent.
	attributePrefix = "Ce-"
	// MaxBatch is how many events a batch may have.
	MaxBatch = 1000
)

// form is how a request holds its events (CloudEvents, HTTP binding §3). Bare content has
// none of its marks.
type form struct {
	batch, structured, binary bool
}

// limit is how many bytes the body may have.
func (rc *Receiver) limit(r *http.Request) int64 {
	if f, err := formOf(r); err == nil && f.batch {
		return batchFactor * rc.opts.Reader.MaxBytes
	}
	return rc.opts.Reader.MaxBytes
}

// formOf tells the form by the Content-Type, and a binary event by its headers. Its error is
// a [*problem].
func formOf(r *http.Request) (f form, err error) {
	for name := range r.Header {
		f.binary = f.binary || strings.HasPrefix(name, attributePrefix)
	}
	if f.binary && r.Header.Get(attributePrefix+"Specversion") == "" {
		return f, refuse(http.StatusBadRequest, "there are headers ce-… and no ce-specversion: a CloudEvent has one")
	}
	contentType := r.Header.Get("Content-Type")
	if contentType == "" && f.binary {
		return f, nil // §3.1.1: then it is JSON
	}
	mediaType, parameters, err := mime.ParseMediaType(contentType)
	charset := strings.ToLower(parameters["charset"])
	switch {
	case err != nil:
	case charset != "" && charset != "utf-8" && charset != "utf8" && charset != "us-ascii":
		return f, refuse(http.StatusUnsupportedMediaType, "charset %.40q is not understood: JSON is UTF-8", charset)
	case mediaType == "application/cloudevents-batch+json":
		return form{batch: true}, nil
	case mediaType == "application/cloudevents+json":
		return form{structured: true}, nil
	case mediaType == "application/json", mediaType == "text/json",
		strings.HasSuffix(mediaType, "+json") && !strings.HasPrefix(mediaType, "application/cloudevents"):
		return f, nil
	}
	return f, refuse(http.StatusUnsupportedMediaType, "Content-Type %.80q is not understood: send application/json, application/cloudevents+json "+
		"or application/cloudevents-batch+json", contentType)
}

// messages are the events of a request as the stream has them. Its error is a [*problem].
func (f form) messages(r *http.Request, data []byte) ([]event.Message, error) {
	m := event.Message{Subject: string(event.Published), Data: data}
	if r.URL.Path == UnpublishedPath {
		m.Subject = string(event.Unpublished)
	}
	if f.batch {
		return split(m, data)
	}
	if f.binary {
		m.Header = map[string][]string{}
		for name, values := range r.Header {
			if strings.HasPrefix(name, attributePrefix) {
				m.Header[name] = values
			}
		}
	}
	return []event.Message{m}, nil
}

// split returns the events of a batch. Each is a part of data.
func split(m event.Message, data []byte) (messages []event.Message, err error) {
	dec := jsontext.NewDecoder(bytes.NewBuffer(data))
	if dec.PeekKind() != jsontext.KindBeginArray {
		return nil, refuse(http.StatusBadRequest, "a batch is a JSON array of CloudEvents, and this is none")
	}
	_, err = dec.ReadToken()
	begin := dec.InputOffset()
	for err == nil && dec.PeekKind() != jsontext.KindEndArray {
		if len(messages) == MaxBatch {
			return nil, refuse(http.StatusRequestEntityTooLarge, "the batch has more than %d events", MaxBatch)
		}
		if err = dec.SkipValue(); err == nil {
			end := dec.InputOffset()
			m.Data = bytes.Trim(data[begin:end], ", \t\r\n")
			begin, messages = end, append(messages, m)
		}
	}
	if err == nil {
		_, err = dec.ReadToken()
	}
	if err == nil {
		if _, more := dec.ReadToken(); more != io.EOF {
			err = errors.New("something comes after it")
		}
	}
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "a batch is a JSON array of CloudEvents, and this is none: %v", err)
	}
	return messages, nil
}

// single are the headers that a request has once. Of two that contradict each other, the
// sender, a proxy and this program could each believe another one.
var single = []string{"Authorization", "Content-Type", "Content-Encoding", superdeskHeader,
	standardwebhooks.HeaderWebhookID, standardwebhooks.HeaderWebhookTimestamp, standardwebhooks.HeaderWebhookSignature}

// repeated refuses a request that has one of them twice, or an attribute of a CloudEvent.
func repeated(h http.Header) error {
	for name, values := range h {
		once := strings.HasPrefix(name, attributePrefix) || slices.ContainsFunc(single, func(s string) bool { return http.CanonicalHeaderKey(s) == name })
		if once && len(values) > 1 {
			return refuse(http.StatusBadRequest, "header %.80s is there %d times: it has one value", name, len(values))
		}
	}
	return nil
}
