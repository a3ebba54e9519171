//go:build !race

package ydoc

const raced = false
