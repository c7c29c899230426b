package bucket

import (
	"fmt"
	"runtime/debug"

	"github.com/go-json-experiment/json"
)

// Decode reads the JSON of a record, which has the number of its format as a
// member of that name, into v. Of a format newer than newest it reads the number
// only: a newer release may have changed all the rest. A panic is an error.
func Decode(data []byte, newest int, v any) (format int, err error) {
	defer Recover(&err)
	var head struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return 0, err
	}
	if head.Format > newest {
		return head.Format, nil
	}
	return head.Format, json.Unmarshal(data, v)
}

// Decode reads the record, if there is one, as [Decode] does.
func (r Record) Decode(newest int, v any) (format int, err error) {
	if r.Value == nil {
		return 0, nil
	}
	if format, err = Decode(r.Value, newest, v); err != nil {
		return 0, fmt.Errorf("read a record: delete the key %s to begin anew: %w", r.Key, err)
	}
	return format, nil
}

// Encode writes a record as the same bytes on every node.
func Encode(v any) ([]byte, error) { return json.Marshal(v, json.Deterministic(true)) }

// Recover, deferred by a function that decodes a record, makes a panic its error: a
// stored record at which the program fails would end it at each start.
func Recover(err *error) {
	if cause := recover(); cause != nil {
		*err = fmt.Errorf("gallerywire fails at it, which is a bug of gallerywire, report it: %v\n%s", cause, debug.Stack())
	}
}
