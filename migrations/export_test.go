package migrations

// UpFrom is Up with migrations of the test's own.
var UpFrom = up
