//go:build race

package ydoc

// raced: the race detector makes long replays twenty times slower.
const raced = true
