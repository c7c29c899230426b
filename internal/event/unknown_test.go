package event

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestUnknownFieldsAreNamedWithTheNearestField(t *testing.T) {
	const nowhere = " It is kept and shown nowhere"
	for name, c := range map[string]struct {
		m    Message
		want string
	}{
		"none":            {Message{Data: []byte(least + `,"rights":{"syndicate":true},"authors":[{"name":"A"}]}`)}, ""},
		"misspelt":        {Message{Data: []byte(`{"titel":"t","sumary":"s"}`)}, "/titel: unknown field: did you mean title?" + nowhere + "; /sumary: unknown field: did you mean summary?" + nowhere},
		"of the CMS":      {Message{Data: []byte(least + `,"x_workflow":{"titel":1}}`)}, "/x_workflow: unknown field: it is kept and shown nowhere"},
		"in capitals":     {Message{Data: []byte(`{"Title":"t"}`)}, "/Title: unknown field: did you mean title?" + nowhere},
		"in a slide":      {Message{Data: []byte(least + `,"slides":[{},{"image":{"alt":"a","hight":9}}]}`)}, "/slides/1/image/hight: unknown field: did you mean height?" + nowhere},
		"in an author":    {Message{Data: []byte(least + `,"authors":[{"mail":"a"}]}`)}, "/authors/0/mail: unknown field: did you mean email?" + nowhere},
		"of a take-down":  {Message{Subject: "article.unpublished", Data: []byte(`{"id":"a","reasons":"r","title":"t"}`)}, "/reasons: unknown field: did you mean reason?" + nowhere},
		"of no kind":      {Message{Data: structured("com.example.article.publish", []byte(`{"titel":"t"}`))}, ""},
		"in a CloudEvent": {Message{Data: structured(Published, []byte(`{"titel":"t"}`))}, "/data/titel: unknown field: did you mean title?" + nowhere},
		"in an item":      {Message{Data: item(t)}, ""},
		"what is wrong":   {Message{Data: []byte(`{"titel":7,"slides":"x","tags":{"a":1},"published":{}}`)}, "/titel: unknown field: did you mean title?" + nowhere},
		"no JSON":         {Message{Data: []byte(`{"titel":"t"`)}, ""},
		"no object":       {Message{Data: []byte(`[7]`)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, Unknown(c.m).Error()); diff != "" {
				t.Errorf("unknown fields (-want +got):\n%s", diff)
			}
		})
	}
	many := `{"id":"a","` + strings.Repeat("x", 3000) + `":[]`
	for i := range 100 {
		many += `,"field` + strings.Repeat("y", i) + `":1`
	}
	ps := Unknown(Message{Data: []byte(many + "}")})
	if len(ps) != 20 || len(ps.Error()) > 20*(maxPlace+100) {
		t.Errorf("%d unknown fields in %d bytes", len(ps), len(ps.Error()))
	}
}

func TestOnlyTakesDown(t *testing.T) {
	for data, want := range map[string]bool{
		`{"id":"a"}`: true, `{"id":"a","updated":"2026-11-20T09:00:00Z","version":2,"reason":"rights"}`: true, `{"id":7}`: true,
		`{"id":"a","title":"T"}`: false, `{"id":"a","titel":"T"}`: false, `{"reason":"rights"}`: false, `{}`: false, `[]`: false, `null`: false, `"id"`: false, `{"id":`: false,
		`{"specversion":"1.0","id":"e","source":"/cms","type":"article.unpublished","data":{"id":"a"}}`: false, `{"guid":"a","pubstatus":"canceled"}`: false,
	} {
		if OnlyTakesDown([]byte(data)) != want {
			t.Errorf("%s: %t", data, !want)
		}
	}
}
