package cache

import (
	"bufio"
	"io/fs"
	"math"
	"path"
	"strconv"
	"strings"
)

// MemoryLimit returns how many bytes of memory the control groups of this process leave
// it (version 1 or 2, the least of the group's own and those above it), 0 where
// they set none. root is the file system of the machine.
func MemoryLimit(root fs.FS) int64 {
	text, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return 0 // no Linux
	}
	least := int64(math.MaxInt64)
	lines := bufio.NewScanner(strings.NewReader(string(text)))
	for lines.Scan() {
		_, rest, _ := strings.Cut(lines.Text(), ":")
		controllers, group, ok := strings.Cut(rest, ":")
		switch {
		case !ok:
		case controllers == "":
			least = min(least, ofGroup(root, "sys/fs/cgroup", group, "memory.max"))
		case strings.Contains(","+controllers+",", ",memory,"):
			least = min(least, ofGroup(root, "sys/fs/cgroup/memory", group, "memory.limit_in_bytes"))
		}
	}
	if least >= 1<<60 { // version 1 writes "none" as a very large number
		return 0
	}
	return least
}

// ofGroup is the least limit of a group and those above it. In a container the
// group's path may be that of the machine: groups that are not there are passed over.
func ofGroup(root fs.FS, mount, group, file string) int64 {
	least := int64(math.MaxInt64)
	for at := path.Join("/", group); ; at = path.Dir(at) {
		if text, err := fs.ReadFile(root, path.Join(mount, at, file)); err == nil {
			if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && n > 0 {
				least = min(least, n)
			}
		}
		if at == "/" {
			return least
		}
	}
}
