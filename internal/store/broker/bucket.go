package broker

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go/jetstream"
)

// Bucket returns the stream behind the key-value bucket Name(name), and makes
// the bucket when there is none: on disk, the last value of each key, for good.
// A value is read and written through the stream, on the subject
// $KV.{bucket}.{key}. A bucket that is there is used as it is; one that could
// lose values is an error. It blocks for a few round trips and fails while NATS
// is away; it can be repeated.
func (b *Broker) Bucket(ctx context.Context, name string) (jetstream.Stream, error) {
	bucket := b.Name(name)
	s, err := b.js.Stream(ctx, "KV_"+bucket)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		_, err = b.js.CreateKeyValue(ctx, jetstream.KeyValueConfig{
			Bucket:   bucket,
			History:  1,
			Storage:  jetstream.FileStorage,
			Replicas: b.replicas,
		})
		if err == nil || errors.Is(err, jetstream.ErrBucketExists) {
			s, err = b.js.Stream(ctx, "KV_"+bucket)
		}
		err = noRoom(err)
	}
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", bucket, plain(err))
	}
	got := s.CachedInfo().Config
	b.warnReplicas(got)
	if err := checkBucket(bucket, got); err != nil {
		return nil, err
	}
	return s, nil
}

func checkBucket(bucket string, got jetstream.StreamConfig) error {
	return unfit("bucket "+bucket, []rule{
		sealed(got), coverage(got, []string{"$KV." + bucket + ".>"}),
		{got.Storage != jetstream.FileStorage, "storage", word(got.Storage), "must be file"},
		{got.MaxMsgSize > 0, "max_value_size", strconv.Itoa(int(got.MaxMsgSize)), "must be -1, the server's max_payload is the limit"},
		{got.MaxAge > 0, "ttl", got.MaxAge.String(), "must be 0, values are kept for good"},
		{got.Retention != jetstream.LimitsPolicy, "retention", word(got.Retention), "must be limits"},
		{got.Discard == jetstream.DiscardOld && (got.MaxBytes > 0 || got.MaxMsgs > 0), "discard", "old", "must be new, a full bucket refuses"},
		{got.NoAck, "no_ack", "true", "must be false"},
	})
}
