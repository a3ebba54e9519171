package localpg

import "errors"

var (
	// ErrNotFound means that no usable PostgreSQL is on this machine. Its message names the ways out.
	ErrNotFound = errors.New("no usable PostgreSQL (15 or newer) found. Do one of these:\n" +
		"  set DATABASE_URL to a database you already have\n" +
		"  install one: apt-get install postgresql, or brew install postgresql@17\n" +
		"  run npm ci in web/, which brings one for evaluation")
	// ErrInUse means that another process runs a cluster on the same directory.
	ErrInUse = errors.New("another konsil is using this data directory")
	// ErrVersion means that data of one major version met only binaries of others.
	ErrVersion = errors.New("no PostgreSQL of the version that wrote the data")
	// ErrIdentity means that PostgreSQL, which does not run as root, cannot run as anybody else
	// here, or that the data belongs to another user.
	ErrIdentity = errors.New("no user to run PostgreSQL as")
)

// Options say where a cluster lives and for whom it is.
type Options struct {
	// Dir is KONSIL_DATA. Start makes it, mode 0700, or 0710 with the group of the user that
	// PostgreSQL runs as when root has to share it. Missing parents are made with mode 0755.
	Dir string
	// Test trades durability for speed: a crash of the machine may lose everything.
	Test bool
	// Join lets Start connect to the cluster that another process runs on Dir, instead of
	// answering ErrInUse. Without such a process Start starts one as usual.
	Join bool
	// Log receives one line before each step that takes time, and is not called after Start. May be nil.
	Log func(line string)
	// Search names directories that may hold node_modules or web/node_modules with the npm packages
	// of PostgreSQL, besides the working directory and its parents.
	Search []string

	// places, in tests, replaces what the machine offers.
	places *places
}

func (o Options) log(line string) {
	if o.Log != nil {
		o.Log(line)
	}
}
