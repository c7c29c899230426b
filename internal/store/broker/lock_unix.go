//go:build unix

package broker

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// lock is held by this process on a directory. The system frees it when the
// process ends, however it ends, so a file that was left behind locks nothing.
type lock struct{ file *os.File }

func lockDir(d dataDir) (*lock, error) {
	f, err := os.OpenFile(d.path("lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the data directory: %w", err)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		return &lock{f}, nil
	}
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = errors.New("another process runs on it: stop that one, or choose another nats.embedded.data_dir")
	}
	return nil, errors.Join(fmt.Errorf("lock the data directory %s: %w", d, err), f.Close())
}

// release leaves the file where it is: removing it would let two processes
// lock two files of one name.
func (l *lock) release() error { return l.file.Close() }

func connectionRefused(err error) bool { return errors.Is(err, unix.ECONNREFUSED) }

func addressInUse(err error) bool { return errors.Is(err, unix.EADDRINUSE) }
