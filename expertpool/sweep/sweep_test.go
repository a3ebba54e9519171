package sweep

import (
	"context"
	"testing"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"github.com/konsil-server/konsil/migrations/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

type dust struct{}

func (dust) Kind() string { return "test.dust" }

func TestAPassRunsWhenTheServerStartsAndAgainAndHasItsTime(t *testing.T) {
	t.Parallel()
	runs := make(chan time.Duration, 100)
	workers := river.NewWorkers()
	job := Register[dust](workers, Pass{Every: 100 * time.Millisecond, Timeout: time.Hour, Do: func(ctx context.Context) error {
		end, _ := ctx.Deadline()
		runs <- time.Until(end)
		return nil
	}})
	jobs, err := river.NewClient(riverpgxv5.New(pgtest.New(t)), &river.Config{
		Queues: map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 1}}, Workers: workers, PeriodicJobs: []*river.PeriodicJob{job},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := jobs.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := jobs.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	}()
	for range 2 {
		select {
		case left := <-runs:
			if left < 50*time.Minute {
				t.Errorf("it has %v", left)
			}
		case <-time.After(time.Minute):
			t.Fatal("nothing wakes it")
		}
	}
}
