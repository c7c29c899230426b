package checks

import (
	"bytes"
	"debug/elf"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"
)

// containerfile is the file as BuildKit reads it.
type containerfile struct {
	args  []instructions.ArgCommand // before the first stage
	build instructions.Stage
	image instructions.Stage
}

func readContainerfile(t *testing.T) containerfile {
	t.Helper()
	source := read(t, deployments, "container", "Containerfile")
	parsed, err := parser.Parse(bytes.NewReader(source))
	if err != nil {
		t.Fatal(err)
	}
	if len(parsed.Warnings) > 0 {
		t.Errorf("warnings: %v", parsed.Warnings)
	}
	stages, args, err := instructions.Parse(parsed.AST, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(stages) != 2 {
		t.Fatalf("%d stages, want one that builds and one that is the image", len(stages))
	}
	return containerfile{args: args, build: stages[0], image: stages[1]}
}

// of returns the instructions of one kind in a stage.
func of[C instructions.Command](s instructions.Stage) []C {
	var found []C
	for _, c := range s.Commands {
		if c, ok := c.(C); ok {
			found = append(found, c)
		}
	}
	return found
}

// one returns the only instruction of a kind.
func one[C instructions.Command](t *testing.T, s instructions.Stage) C {
	t.Helper()
	found := of[C](s)
	if len(found) != 1 {
		t.Fatalf("%d of %T in the stage, want one", len(found), *new(C))
	}
	return found[0]
}

func TestContainerImageIsTheProgramAndLittleElse(t *testing.T) {
	f := readContainerfile(t)
	if f.image.BaseName != "scratch" {
		t.Errorf("the image is based on %s", f.image.BaseName)
	}
	if runs := of[*instructions.RunCommand](f.image); len(runs) > 0 {
		t.Error("the image runs something while it is built, and has nothing that could")
	}
	for _, c := range of[*instructions.CopyCommand](f.image) {
		if c.From != "" && c.From != f.build.Name {
			t.Errorf("it copies from %q, which is no stage", c.From)
		}
		for _, source := range c.SourcePaths {
			if c.From != "" {
				continue
			}
			if _, err := os.Stat(filepath.Join(repository, source)); err != nil {
				t.Error(err)
			}
		}
	}
	user, group, _ := strings.Cut(one[*instructions.UserCommand](t, f.image).User, ":")
	for _, id := range []string{user, group} {
		if n, err := strconv.Atoi(id); err != nil || n < 1000 {
			t.Errorf("USER %s:%s, want two numbers that are nobody's", user, group)
		}
	}
	signal := one[*instructions.StopSignalCommand](t, f.image).Signal
	if signal != "SIGTERM" {
		t.Errorf("it is stopped by %s", signal)
	}
	volume := one[*instructions.VolumeCommand](t, f.image)
	if !slices.Equal(volume.Volumes, []string{"/data"}) {
		t.Errorf("volumes %v", volume.Volumes)
	}
}

// TestContainerBuildsWithGoThatTheModuleWants compares the image that builds with
// what go.mod asks for: its toolchain is not replaced by another.
func TestContainerBuildsWithGoThatTheModuleWants(t *testing.T) {
	f := readContainerfile(t)
	mod, err := modfile.ParseLax("go.mod", read(t, repository, "go.mod"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(f.args) != 1 || f.args[0].Args[0].Key != "GO_VERSION" || f.args[0].Args[0].Value == nil {
		t.Fatalf("arguments %v", f.args)
	}
	if want := "golang:${GO_VERSION}-bookworm"; f.build.BaseName != want {
		t.Errorf("it is built in %s, want %s", f.build.BaseName, want)
	}
	have := *f.args[0].Args[0].Value
	if semver.Compare(semver.MajorMinor("v"+have), semver.MajorMinor("v"+mod.Go.Version)) < 0 {
		t.Errorf("it is built with Go %s, go.mod wants %s", have, mod.Go.Version)
	}
}

// files returns what the image holds, by its path there, with where it comes from:
// a path of the build stage or of the repository.
func (f containerfile) files(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, c := range of[*instructions.CopyCommand](f.image) {
		if len(c.SourcePaths) != 1 {
			t.Fatalf("COPY of several files: %v", c.SourcePaths)
		}
		found[c.DestPath] = c.SourcePaths[0]
	}
	return found
}

var output = regexp.MustCompile(`-o (\S+)`)

// compile runs the very command of the file that builds the program, with another
// place for its result, and returns that.
func (f containerfile) compile(t *testing.T) string {
	t.Helper()
	var command string
	for _, run := range of[*instructions.RunCommand](f.build) {
		if line := strings.Join(run.CmdLine, " "); strings.Contains(line, "go build") {
			command = line
		}
	}
	where := output.FindStringSubmatch(command)
	if where == nil || f.files(t)["/usr/bin/gallerywire"] != where[1] {
		t.Fatalf("the image's program is not what this makes: %s", command)
	}
	result := filepath.Join(t.TempDir(), "gallerywire")
	cmd := exec.Command("/bin/sh", "-ec", strings.Replace(command, where[1], result, 1))
	cmd.Dir = repository
	cmd.Env = append(os.Environ(), "TARGETOS=linux", "TARGETARCH="+runtime.GOARCH,
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return result
}

// mostBytes is what the image may weigh.
const mostBytes = 40_000_000

// TestContainerRuns makes the image's root from the file, and runs it as an engine
// does: nothing else in the root, nothing that the user may write but the volume.
func TestContainerRuns(t *testing.T) {
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("to change the root takes root on Linux")
		}
		t.Skip("to change the root takes root on Linux")
	}
	f := readContainerfile(t)
	binary := f.compile(t)
	static(t, binary)
	root := f.root(t, binary)
	size := weigh(t, root)
	t.Logf("the image weighs %.1f MB", float64(size)/1e6)
	if size > mostBytes {
		t.Errorf("the image weighs %d bytes, want at most %d", size, mostBytes)
	}
	if info, err := os.Stat(filepath.Join(repository, ".git")); err == nil && info.IsDir() {
		if out, err := exec.Command(binary, "version").Output(); err != nil || strings.Contains(string(out), "(devel)") {
			t.Errorf("the program does not know its version: %s %v", out, err)
		}
	}

	environ := f.environ(t, "GALLERYWIRE_HTTP_LISTEN="+free(t), "GALLERYWIRE_HTTP_ADMIN_LISTEN="+free(t),
		"GALLERYWIRE_NATS_EMBEDDED_LISTEN="+free(t), "GALLERYWIRE_LOG_FORMAT=json")
	inside := func(args ...string) *exec.Cmd { return f.inside(t, root, environ, args...) }
	before := listing(t, root)
	entry := one[*instructions.EntrypointCommand](t, f.image).CmdLine
	n := start(t, inside(append(slices.Clone(entry), one[*instructions.CmdCommand](t, f.image).CmdLine...)...))
	n.ready()

	health := f.healthcheck(t)
	if out, err := inside(health...).CombinedOutput(); err != nil || string(out) != "ready\n" {
		t.Errorf("the health check: %v\n%s", err, out)
	}
	if out, err := inside(append(slices.Clone(entry), "unpublish", "harbour")...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if after := listing(t, root); !slices.Equal(after, before) {
		t.Errorf("it wrote outside the volume: %v, was %v", after, before)
	}
	if stored, err := os.ReadDir(filepath.Join(root, "data")); err != nil || len(stored) == 0 {
		t.Errorf("nothing is in the volume: %v", err)
	}
	n.stop(syscall.SIGTERM)
	if out, err := inside(health...).CombinedOutput(); err == nil {
		t.Errorf("the health check of a node that is gone: %s", out)
	}
}

// static reports a program that needs a loader or libraries.
func static(t *testing.T, binary string) {
	t.Helper()
	file, err := elf.Open(binary)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, p := range file.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("the program is not static: it has a %v", p.Type)
		}
	}
}

// root makes the image's files, the way an engine does: those beside the volume
// belong to root, and what every engine adds is there too.
func (f containerfile) root(t *testing.T, binary string) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "root")
	for at, source := range f.files(t) {
		switch {
		case at == "/data":
			continue
		case source == f.files(t)["/usr/bin/gallerywire"]:
			source = binary
		case !path.IsAbs(source):
			source = filepath.Join(repository, source)
		}
		write(t, filepath.Join(root, at), read(t, source))
	}
	if err := os.Chmod(filepath.Join(root, "usr/bin/gallerywire"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, "etc/hosts"), []byte("127.0.0.1 localhost\n"))
	data := filepath.Join(root, "data")
	if err := os.Mkdir(data, 0o755); err != nil {
		t.Fatal(err)
	}
	uid, gid := f.user(t)
	if err := os.Chown(data, uid, gid); err != nil {
		t.Fatal(err)
	}
	// What t.TempDir makes can be entered by its owner alone.
	for dir := filepath.Dir(root); dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func (f containerfile) user(t *testing.T) (uid, gid int) {
	t.Helper()
	if _, err := fmt.Sscanf(one[*instructions.UserCommand](t, f.image).User, "%d:%d", &uid, &gid); err != nil {
		t.Fatal(err)
	}
	return uid, gid
}

// inside returns a command in the root, as the image's user in its directory.
func (f containerfile) inside(t *testing.T, root string, environ []string, args ...string) *exec.Cmd {
	uid, gid := f.user(t)
	return &exec.Cmd{
		Path: args[0], Args: args, Env: environ,
		Dir: one[*instructions.WorkdirCommand](t, f.image).Path,
		SysProcAttr: &syscall.SysProcAttr{
			Chroot:     root,
			Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)},
		},
	}
}

func (f containerfile) environ(t *testing.T, more ...string) []string {
	t.Helper()
	var environ []string
	for _, set := range of[*instructions.EnvCommand](f.image) {
		for _, pair := range set.Env {
			environ = append(environ, pair.Key+"="+pair.Value)
		}
	}
	return append(environ, more...)
}

func (f containerfile) healthcheck(t *testing.T) []string {
	t.Helper()
	check := one[*instructions.HealthCheckCommand](t, f.image).Health
	if len(check.Test) < 2 || check.Test[0] != "CMD" {
		t.Fatalf("there is no shell for the health check %v", check.Test)
	}
	if check.Timeout <= 0 || check.Interval <= check.Timeout || check.Retries < 2 {
		t.Errorf("the health check's times: %+v", check)
	}
	return check.Test[1:]
}

func TestContainerHealthCheckIsACommandOfTheProgram(t *testing.T) {
	args := readContainerfile(t).healthcheck(t)
	help := run(t, nil, "", append(args[1:], "--help")...)
	if args[0] != "/usr/bin/gallerywire" || !strings.HasPrefix(help, "Usage: gallerywire health") {
		t.Errorf("%v is no health check:\n%s", args, help)
	}
}

func TestContainerListensWhereItSays(t *testing.T) {
	f := readContainerfile(t)
	file := filepath.Join(deployments, "container", "gallerywire.yaml")
	check(t, file)
	ports := one[*instructions.ExposeCommand](t, f.image).Ports
	for _, port := range ports {
		if !strings.Contains(string(read(t, file)), `":`+port+`"`) {
			t.Errorf("it exposes %s, where its configuration does not listen", port)
		}
	}
	if len(ports) != 3 {
		t.Errorf("ports %v", ports)
	}
}

// weigh adds up the bytes of all files.
func weigh(t *testing.T, root string) (sum int64) {
	t.Helper()
	err := filepath.WalkDir(root, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		sum += info.Size()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// listing names everything but what is in the volume.
func listing(t *testing.T, root string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if path == filepath.Join(root, "data") {
			return fs.SkipDir
		}
		found = append(found, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// free returns an address of the loopback that nobody listens on.
func free(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
