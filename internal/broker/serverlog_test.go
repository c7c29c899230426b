package broker

import (
	"log/slog"
	"strings"
	"testing"
)

func TestAServerThatCanNotWriteSaysWhatToDo(t *testing.T) {
	l := &serverLog{log: slog.New(slog.DiscardHandler)}
	l.Errorf("a client sent %s", "nonsense")
	if err := l.storage(); err != nil {
		t.Errorf("a client's error: %v", err)
	}
	l.Errorf("Filestore [%s] Critical write error: write 1.blk: no space left on device", "ARTICLES")
	if err := l.storage(); err == nil || !strings.Contains(err.Error(), "make room on the disk, then restart") {
		t.Errorf("a full disk: %v", err)
	}
}
