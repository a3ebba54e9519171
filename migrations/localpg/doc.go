// Package localpg runs a private PostgreSQL for a konsil that was given no DATABASE_URL, from
// binaries that are already on the machine. It owns the directory KONSIL_DATA as far as the cluster
// is concerned:
//
//	lock               held as long as a cluster, or anything that starts one, is alive
//	pgNN/              the data directory of PostgreSQL NN; an existing one decides the version
//	pgNN.new/          a data directory in the making, worthless until it is renamed
//	postgres.password  the password of the one role, mode 0600
//	postgres.log       what the server said; neither statements nor their values
//	sock               the directory of the socket, or a link to it where the path is too long
//
// It refuses to listen on the network, to download anything, to run as root, to upgrade or delete
// data, and to start a second server on the same data. The cluster is for one machine: evaluation,
// development, tests. Production sets DATABASE_URL and never comes here.
//
// How PostgreSQL is kept from running as root. Root either becomes the user postgres or nobody for
// it, where that user can reach both the binaries and the directory, or (Linux) puts it into a user
// namespace in which root is called nobody, which also works below /root. The owner of an existing
// data directory decides which of the two.
//
// How it ends. A small shell stands between us and PostgreSQL, reading from a pipe whose other end
// we hold. Stop closes the pipe, and so does the kernel when we are killed; the shell then shuts
// the cluster down. Shell and cluster inherit the lock, so it is free only when both are gone.
//
// Goroutines: one per cluster, waiting for the shell; it ends with it.
package localpg
