// Package rotatetest runs real database servers in tests: MariaDB, PostgreSQL
// and Redis from the operating system's packages, each on a free port of the
// loopback, in a directory of its own, as an unprivileged user where the test
// runs as root.
//
// StartMariaDB, StartPostgres and StartRedis answer a server that all tests of a
// test binary share; give users names of your own. New… answers one that its
// test may stop. A server ends with the process that started it, however that
// ends: it is watched by a shell whose standard input is a pipe of that process.
//
// Where a server is not installed, tests are skipped, but fail if CI=true.
package rotatetest
