package intake

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestTroubleIsWhatLasts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := New(Options{})
		in.trouble.note(errors.New("a hiccup"))
		if err := in.Trouble(); err != nil {
			t.Errorf("at once: %v", err)
		}
		<-time.After(patience)
		in.trouble.note(errors.New("insufficient resources"))
		if err := in.Trouble(); err == nil || !strings.Contains(err.Error(), "insufficient resources") {
			t.Errorf("after %s: %v", patience, err)
		}
		in.trouble.note(nil)
		if err := in.Trouble(); err != nil {
			t.Errorf("after an event was stored: %v", err)
		}
	})
}
