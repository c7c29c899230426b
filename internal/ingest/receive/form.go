package receive

import (
	"mime"
	"net/http"
	"strings"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	// batchFactor is how many times the bytes of the largest event a batch may have.
	batchFactor = 4
	// maxBatch is how many events a batch may have.
	maxBatch = 1000
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
	f.binary = r.Header.Get("Ce-Specversion") != ""
	stated := r.Header.Get("Content-Type")
	if stated == "" && f.binary {
		return f, nil // §3.1.1: then it is JSON
	}
	mediaType, parameters, err := mime.ParseMediaType(stated)
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
		"or application/cloudevents-batch+json", stated)
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
			if strings.HasPrefix(name, "Ce-") {
				if len(values) > 1 {
					return nil, refuse(http.StatusBadRequest, "header %.80s is there %d times: an attribute has one value", name, len(values))
				}
				m.Header[name] = values
			}
		}
	}
	return []event.Message{m}, nil
}

// split returns the events of a batch.
func split(m event.Message, data []byte) ([]event.Message, error) {
	var list []jsontext.Value
	if err := json.Unmarshal(data, &list); err != nil {
		return nil, refuse(http.StatusBadRequest, "a batch is a JSON array of CloudEvents, and this is none: %v", err)
	}
	if len(list) > maxBatch {
		return nil, refuse(http.StatusRequestEntityTooLarge, "the batch has %d events, at most %d are allowed", len(list), maxBatch)
	}
	messages := make([]event.Message, len(list))
	for i, one := range list {
		messages[i] = m
		messages[i].Data = one
	}
	return messages, nil
}
