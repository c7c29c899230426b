package main

import (
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"strconv"
	"time"

	"github.com/alecthomas/kong"
	"github.com/gallerywire/gallerywire/internal/config"
	"github.com/gallerywire/gallerywire/internal/gallery"
)

// rejectNumber is the number of a reject in the list.
type rejectNumber uint64

// nodeAddress is the http or https address of a node.
type nodeAddress string

// valueMappers read the values of flags. Their errors say what a value must be.
func valueMappers() []kong.Option {
	return []kong.Option{
		kong.TypeMapper(reflect.TypeFor[time.Duration](), mapper(config.ParseDuration)),
		kong.TypeMapper(reflect.TypeFor[time.Time](), mapper(func(text string) (time.Time, error) {
			at, ok := gallery.ParseInstant(text)
			if !ok {
				return at, fmt.Errorf("%q is not an instant: write it as 2026-11-20T09:00:00Z (RFC 3339)", text)
			}
			return at, nil
		})),
		kong.TypeMapper(reflect.TypeFor[int64](), mapper(func(text string) (int64, error) { // versions
			n, err := strconv.ParseInt(text, 10, 64)
			if errors.Is(err, strconv.ErrRange) {
				return 0, fmt.Errorf("%s is too large: write at most %d", text, n)
			}
			if err != nil {
				return 0, fmt.Errorf("%q is not a version: write a whole number, such as 3", text)
			}
			return n, nil
		})),
		kong.TypeMapper(reflect.TypeFor[rejectNumber](), mapper(func(text string) (rejectNumber, error) {
			n, err := strconv.ParseUint(text, 10, 64)
			if err != nil || n == 0 {
				return 0, fmt.Errorf("%q is not the number of a reject: write a number from \"gallerywire rejects list\"", text)
			}
			return rejectNumber(n), nil
		})),
		kong.TypeMapper(reflect.TypeFor[nodeAddress](), mapper(func(text string) (nodeAddress, error) {
			u, err := url.Parse(text)
			if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
				return "", fmt.Errorf("%q is not the address of a node: write one such as http://127.0.0.1:8081", text)
			}
			return nodeAddress(text), nil
		})),
	}
}

func mapper[T any](parse func(string) (T, error)) kong.MapperFunc {
	return func(ctx *kong.DecodeContext, target reflect.Value) error {
		var text string
		if err := ctx.Scan.PopValueInto("value", &text); err != nil {
			return err
		}
		value, err := parse(text)
		target.Set(reflect.ValueOf(value))
		return err
	}
}
