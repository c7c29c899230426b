package publish_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gallerywire/gallerywire/internal/ingest/publish"
	"github.com/google/go-cmp/cmp"
)

// folder makes a directory of files, by their paths.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		write(t, filepath.Join(dir, name), text)
	}
	return dir
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, dir string) *publish.Folder {
	t.Helper()
	f, err := openAt(dir, state(dir), false)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func openAt(path, state string, all bool) (*publish.Folder, error) {
	m, err := publish.LoadState(state, all)
	if err != nil {
		return nil, err
	}
	return m.Open(path)
}

// state is in the directory, or in that of the file.
func state(path string) string {
	if filepath.Ext(path) == ".ndjson" {
		path = filepath.Dir(path)
	}
	return filepath.Join(path, publish.StateName)
}

// sent sends what changed in dir, as far as acknowledged lets it, and returns
// the ids in their order.
func sent(t *testing.T, dir string, acknowledged func(id string) error) []string {
	t.Helper()
	f := open(t, dir)
	list := []string{}
	for item := range f.Items(events) {
		list = append(list, item.ID)
		f.Note(publish.Receipt{Item: item, Err: errors.Join(item.Fault, acknowledged(item.ID))})
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return list
}

func always(string) error { return nil }

func except(bad string) func(string) error {
	return func(id string) error {
		if id == bad {
			return errors.New("not acknowledged")
		}
		return nil
	}
}

func same(t *testing.T, what string, want, got []string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestFolderIsItsEventFilesInOrder(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{
		"b.json": good("b"), "a/z.ndjson": good("z1") + "\n" + good("z2"), "a/y/1.json": good("y"), "c.json": "[" + good("c") + "]",
		"d.JSON": good("d"), "notes.txt": "x", ".hidden.json": good("h"), ".git/x.json": good("g"), "empty.json": "",
	})
	if err := os.Symlink(filepath.Join(dir, "b.json"), filepath.Join(dir, "link.json")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(dir, filepath.Join(dir, "circle.json")); err != nil {
		t.Fatal(err)
	}
	want := []string{"y", "z1", "z2", "b", "c", "", "b"}
	same(t, "sent", want, sent(t, dir, always))
	var read []string
	for item := range publish.ReadFiles([]string{dir}, nil, events) {
		read = append(read, item.ID)
	}
	same(t, "read", want, read)
}

func TestOnlyChangedFilesAreSentAgain(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{"a.json": good("a"), "b.json": good("b")})
	same(t, "at first", []string{"a", "b"}, sent(t, dir, always))
	same(t, "again", []string{}, sent(t, dir, always))
	if f := open(t, dir); f.Changed() != 0 || f.Unchanged() != 2 {
		t.Errorf("%d changed, %d not", f.Changed(), f.Unchanged())
	}
	write(t, filepath.Join(dir, "b.json"), good("b")+" ")
	write(t, filepath.Join(dir, "c.json"), good("c"))
	same(t, "after a change and a new file", []string{"b", "c"}, sent(t, dir, always))
	all, err := openAt(dir, state(dir), true)
	if err != nil || all.Changed() != 3 {
		t.Fatalf("all: %d changed, %v", all.Changed(), err)
	}
	same(t, "after all were asked for and none was sent", []string{"a", "b", "c"}, sent(t, dir, always))
}

func TestUnacknowledgedEventIsSentAgain(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{"a.json": good("a1") + good("a2"), "b.json": good("b"), "c.json": good("c1") + "garbage"})
	same(t, "at first", []string{"a1", "a2", "b", "c1", ""}, sent(t, dir, except("a1")))
	same(t, "again", []string{"a1", ""}, sent(t, dir, except("a1")))
	same(t, "acknowledged", []string{"a1", ""}, sent(t, dir, always))
	same(t, "with a mistake", []string{""}, sent(t, dir, always))
	write(t, filepath.Join(dir, "c.json"), good("c1")+good("c2"))
	same(t, "mended", []string{"c2"}, sent(t, dir, always))
	same(t, "at last", []string{}, sent(t, dir, always))
}

// A file is resumed by line as a directory is by file.
func TestChangedLineIsSentAgain(t *testing.T) {
	t.Parallel()
	lines := []string{good("a"), good("b"), good("c"), good("d")}
	dir := folder(t, nil)
	path := filepath.Join(dir, "many.ndjson")
	run := func(ctx func(string) error) []string {
		t.Helper()
		write(t, path, strings.Join(lines, "\n")+"\n")
		return sent(t, path, ctx)
	}
	same(t, "at first", []string{"a", "b", "c", "d"}, run(except("c")))
	same(t, "what failed", []string{"c"}, run(always))
	same(t, "all was sent", []string{}, run(always))
	lines[1] = strings.Replace(lines[1], `"T"`, `"B"`, 1)
	same(t, "one that changed", []string{"b"}, run(always))
	lines = append([]string{good("e")}, lines[1:]...)
	same(t, "one before them and without the first", []string{"e"}, run(always))
	lines = append(lines, good("a"))
	same(t, "the first comes again", []string{"a"}, run(always))
	f, err := openAt(path, state(dir), true)
	if err != nil {
		t.Fatal(err)
	}
	all := 0
	for range f.Items(events) {
		all++
	}
	if all != 5 {
		t.Errorf("all are %d", all)
	}
}

// A file that is changed while it is sent is sent again.
func TestAFileThatChangesWhileItIsSent(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{"a.json": good("a")})
	same(t, "sent", []string{"a"}, sent(t, dir, func(string) error {
		write(t, filepath.Join(dir, "a.json"), good("a")+" ")
		return nil
	}))
	same(t, "again", []string{"a"}, sent(t, dir, always))
	same(t, "at last", []string{}, sent(t, dir, always))
}

// An interrupted run continues where it was.
func TestAnInterruptedRunContinues(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	s := stream(t, conn)
	const n = 200 // several windows
	files := map[string]string{}
	for i := range n {
		files[fmt.Sprintf("%03d.json", i)] = good(fmt.Sprint("g", i))
	}
	dir := folder(t, files)
	run := func(ctx context.Context, done func(publish.Receipt)) error {
		sender, err := publish.OverNATS(conn, subjects, 0)
		if err != nil {
			t.Fatal(err)
		}
		f := open(t, dir)
		err = sender.Send(ctx, f.Items(events), func(r publish.Receipt) {
			f.Note(r)
			done(r)
		})
		return errors.Join(err, f.Close())
	}
	ctx, cancel := context.WithCancel(t.Context())
	acknowledged := 0
	err := run(ctx, func(r publish.Receipt) {
		if r.Err == nil {
			acknowledged++
		}
		if acknowledged == 70 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || acknowledged < 70 || acknowledged == n {
		t.Fatalf("%d acknowledged before the end, %v", acknowledged, err)
	}
	// The file whose event was the last to be read is opened again: its end was not read.
	rest := open(t, dir).Changed()
	if rest < n-acknowledged || rest > n-acknowledged+1 {
		t.Errorf("%d files are left after %d of %d events", rest, acknowledged, n)
	}
	again := 0
	if err := run(t.Context(), func(publish.Receipt) { again++ }); err != nil || again != n-acknowledged {
		t.Errorf("sent %d of %d, %v", again, n-acknowledged, err)
	}
	// What was under way at the end of the first may be stored twice.
	info, err := s.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	stored := map[string]bool{}
	for sequence := uint64(1); sequence <= info.State.LastSeq; sequence++ {
		msg, err := s.GetMsg(t.Context(), sequence)
		if err != nil {
			t.Fatal(err)
		}
		stored[string(msg.Data)] = true
	}
	if len(stored) != n || info.State.Msgs > uint64(acknowledged+rest+64) {
		t.Errorf("%d of %d events stored, as %d messages", len(stored), n, info.State.Msgs)
	}
}

// Acknowledged events are recorded on the disk during the run, so a kill loses no record.
func TestStateIsWrittenDuringTheRun(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{"a.json": good("a"), "b.json": good("b"), "c.json": good("c")})
	f := open(t, dir)
	for item := range f.Items(events) {
		f.Note(publish.Receipt{Item: item})
		if item.ID == "b" {
			break
		}
	}
	if f.Done() != 1 {
		t.Errorf("%d files done", f.Done())
	}
	text, err := os.ReadFile(state(dir))
	if err != nil {
		t.Fatal(err)
	}
	var on struct{ Events map[string][]string }
	if err := json.Unmarshal(text, &on); err != nil || len(on.Events["a.json"]) != 1 {
		t.Errorf("on the disk: %s, %v", text, err)
	}
}

// What a release without events in it wrote is read.
func TestAStateFileOfFilesAlone(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{"a.json": "", "b.json": good("b")})
	write(t, state(dir), `{"format":1,"files":{"a.json":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}}`)
	same(t, "sent", []string{"b"}, sent(t, dir, always))
}

// A file that cannot be read is reported, and the others are sent.
func TestBrokenLinkIsNamed(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{"b.json": good("b")})
	if err := os.Symlink("gone.json", filepath.Join(dir, "a.json")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		var faults []string
		f := open(t, dir)
		for item := range f.Items(events) {
			if item.Fault != nil {
				faults = append(faults, item.Name+": "+item.Fault.Error())
			}
			f.Note(publish.Receipt{Item: item, Err: item.Fault})
		}
		same(t, "faults", []string{filepath.Join(dir, "a.json") + ": is a link to gone.json, which is not there"}, faults)
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if f := open(t, dir); f.Unchanged() != 1 || f.Changed() != 1 {
		t.Errorf("%d unchanged, %d to be sent", f.Unchanged(), f.Changed())
	}
}

func TestOtherFileAsStateIsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "{}", "[]", `{"format":2,"files":{}}`, `{"format":1}`, "garbage"} {
		dir := folder(t, map[string]string{"a.json": good("a"), publish.StateName: text})
		if _, err := openAt(dir, state(dir), false); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

func TestUnwritableStateFailsBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{"a.json": good("a")})
	if _, err := openAt(dir, filepath.Join(dir, "none", "state"), false); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}

func TestMissingFolderIsAnError(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "none")
	if _, err := openAt(dir, state(dir), false); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	for item := range publish.ReadFiles([]string{dir}, nil, events) {
		if !errors.Is(item.Fault, os.ErrNotExist) {
			t.Errorf("fault %v", item.Fault)
		}
	}
}
