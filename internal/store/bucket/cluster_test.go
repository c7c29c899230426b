package bucket_test

import (
	"fmt"
	"testing"

	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
)

// However often another server of a cluster takes over, nothing is taken for
// recreated, left out or read twice.
func TestLeadersOfAClusterChange(t *testing.T) {
	t.Parallel()
	c := brokertest.StartCluster(t)
	b := dial(t, broker.Options{URL: c.URL(), Replicas: 3})
	makeBucket(t, b)
	d := follow(t, b)
	want := []string{"begin 0", "whole 0"}
	d.says(want...)
	for round := range 8 {
		for i := range 20 {
			if i == 10 {
				c.StepDown("KV_" + b.Name("things"))
			}
			put(t, b, fmt.Sprint(i), fmt.Sprint(round))
			want = append(want, fmt.Sprintf("%d %d", round*20+i+1, round))
		}
		d.says(want...)
	}
}
