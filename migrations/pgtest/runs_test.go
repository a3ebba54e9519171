package pgtest_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/migrations/localpg"
	"github.com/konsil-server/konsil/migrations/pgtest"
)

// holdOn makes TestHoldsADatabaseUntilKilled do what its name says, in a process of its own.
const holdOn = "PGTEST_HOLD_ON"

func TestHoldsADatabaseUntilKilled(t *testing.T) {
	if os.Getenv(holdOn) == "" {
		t.Skip("only a part of TestAKilledRunTakesItsServerWithIt")
	}
	fmt.Println("url", pgtest.URL(t))
	time.Sleep(time.Minute)
}

// run prepares this test binary to run some of its tests, keeping its files in a directory of its own.
func run(t *testing.T, tests string, env ...string) (cmd *exec.Cmd, temp string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if temp, err = os.MkdirTemp("", "pgt-"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(temp); err != nil {
			t.Error(err)
		}
	})
	cmd = exec.CommandContext(t.Context(), self, "-test.run", tests)
	cmd.Env = append(append(os.Environ(), "TMPDIR="+temp), env...)
	return cmd, temp
}

// directories are what runs with the temporary directory temp have left or are using.
func directories(t *testing.T, temp string) []string {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(temp, "konsil-pgtest-*"))
	if err != nil {
		t.Fatal(err)
	}
	return dirs
}

func TestAKilledRunTakesItsServerWithItAndTheNextSweepsUp(t *testing.T) {
	t.Parallel()
	cmd, temp := run(t, "TestHoldsADatabaseUntilKilled", holdOn+"=1", "TEST_DATABASE_URL=")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "url ") {
		t.Fatalf("the run said %q, %v", line, err)
	}
	dirs := directories(t, temp)
	if len(dirs) != 1 || localpg.Idle(dirs[0]) {
		t.Fatalf("no cluster in %v", dirs)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	killed := time.Now()
	for !localpg.Idle(dirs[0]) {
		if time.Since(killed) > 60*time.Second {
			t.Fatal("the server outlived its run")
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Logf("server gone %v after the kill", time.Since(killed))
	long := killed.Add(-time.Hour)
	if err := os.Chtimes(dirs[0], long, long); err != nil {
		t.Fatal(err)
	}
	next, _ := run(t, "TestADatabaseComesMigrated", "TEST_DATABASE_URL=", "TMPDIR="+temp)
	if said, err := next.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	if left := directories(t, temp); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestSweepingSparesRunsThatAreAlive(t *testing.T) {
	t.Parallel()
	cmd, temp := run(t, "TestADatabaseComesMigrated", "TEST_DATABASE_URL=")
	busy, starting := filepath.Join(temp, "konsil-pgtest-busy"), filepath.Join(temp, "konsil-pgtest-starting")
	if err := os.Mkdir(starting, 0o700); err != nil {
		t.Fatal(err)
	}
	c, err := localpg.Start(t.Context(), localpg.Options{Dir: busy, Test: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Stop()
	long := time.Now().Add(-time.Hour)
	if err := os.Chtimes(busy, long, long); err != nil {
		t.Fatal(err)
	}
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	if left := directories(t, temp); len(left) != 2 {
		t.Errorf("of two directories in use, these are left: %v", left)
	}
}

func TestAnotherServersDatabasesAreDroppedAgain(t *testing.T) {
	t.Parallel()
	cmd, temp := run(t, "TestADatabaseComesMigrated|TestTwentyParallel")
	c, err := localpg.Start(t.Context(), localpg.Options{Dir: filepath.Join(temp, "konsil"), Test: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Stop()
	cmd.Env = append(cmd.Env, "TEST_DATABASE_URL="+c.URL())
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	if left := directories(t, temp); len(left) != 0 {
		t.Errorf("a cluster was started although a server was named: %v", left)
	}
	conn, err := pgx.Connect(t.Context(), c.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	var names string
	err = conn.QueryRow(t.Context(),
		`select string_agg(datname, ' ' order by datname) from pg_database where not datistemplate`).Scan(&names)
	if err != nil {
		t.Fatal(err)
	}
	if names != "konsil postgres" {
		t.Errorf("databases left: %s", names)
	}
}

func TestAnAddressOfAnotherKindIsRefusedWithoutShowingIt(t *testing.T) {
	t.Parallel()
	cmd, _ := run(t, "TestADatabaseComesMigrated", "TEST_DATABASE_URL=host=x password=sesame")
	said, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(said), "TEST_DATABASE_URL") || strings.Contains(string(said), "sesame") {
		t.Errorf("%v\n%s", err, said)
	}
}
