package expertpool

import (
	"testing"

	"github.com/konsil-server/konsil/migrations/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }
