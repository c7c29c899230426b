package broker

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/minio/highwayhash"
	"github.com/nats-io/nats-server/v2/server"

	"github.com/gallerywire/gallerywire/internal/store/atomicfile"
)

// completeChecksums writes the check sums that are missing below a server's
// directory because a process died in the middle of writing a description. The
// server writes meta.inf of a stream or consumer, then meta.sum, each as a whole. At
// its start it passes over what has no sum or another one, and writes no sum when
// the stream is made anew, so that the stream would be missing at every start. A sum
// that is not older than the description belongs to it: where the two differ, the
// description is damaged and stays so.
func completeChecksums(dataDir string) error {
	streams := filepath.Join(dataDir, server.JetStreamStoreDir, "*", "streams", "*")
	for _, pattern := range []string{streams, filepath.Join(streams, "obs", "*")} {
		dirs, err := filepath.Glob(pattern)
		if err != nil {
			return err
		}
		for _, dir := range dirs {
			if err := completeChecksum(dir); err != nil {
				return fmt.Errorf("check sum of %s: %w", dir, err)
			}
		}
	}
	return nil
}

func completeChecksum(dir string) error {
	description, err := os.Stat(filepath.Join(dir, server.JetStreamMetaFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // the server makes both anew
	}
	if err != nil {
		return err
	}
	file := filepath.Join(dir, server.JetStreamMetaFileSum)
	sum, err := os.Stat(file)
	if err == nil && !sum.ModTime().Before(description.ModTime()) || err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	text, err := os.ReadFile(filepath.Join(dir, server.JetStreamMetaFile))
	if err != nil || !json.Valid(text) {
		return err
	}
	name := filepath.Base(dir)
	if parent := filepath.Dir(dir); filepath.Base(parent) == "obs" {
		name = filepath.Base(filepath.Dir(parent)) + "/" + name
	}
	key := sha256.Sum256([]byte(name))
	hash, err := highwayhash.New64(key[:])
	if err != nil {
		return err
	}
	hash.Write(text)
	return atomicfile.Write(file, func(w io.Writer) error {
		_, err := io.WriteString(w, hex.EncodeToString(hash.Sum(nil)))
		return err
	})
}
