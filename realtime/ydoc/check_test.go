package ydoc

import "testing"

// checkDoc verifies what must hold of every document between two calls.
func checkDoc(t testing.TB, d *Doc) {
	t.Helper()
	for i := range d.clients {
		clock := uint32(0)
		for k, it := range d.clients[i].items {
			if it.id != (ref{uint32(i), clock}) || it.length == 0 {
				t.Fatalf("client %d: struct %d has id %v, length %d; wanted clock %d", d.clients[i].name, k, it.id, it.length, clock)
			}
			clock = it.end()
			checkItem(t, it)
		}
		if clock != d.clients[i].state {
			t.Fatalf("client %d: structs end at %d, state is %d", d.clients[i].name, clock, d.clients[i].state)
		}
	}
	for _, b := range d.roots {
		checkBranch(t, b)
	}
}

func checkItem(t testing.TB, it *item) {
	t.Helper()
	if it.gone || it.kind == kindSkip {
		t.Fatalf("item %v should not be here", it.id)
	}
	if it.deleted != (it.kind == kindDeleted || it.kind == kindGC) {
		t.Fatalf("item %v: kind %d, deleted %v", it.id, it.kind, it.deleted)
	}
	if it.left != nil && it.left.right != it || it.right != nil && it.right.left != it {
		t.Fatalf("item %v: neighbours do not know it", it.id)
	}
	switch it.kind {
	case kindString:
		if units, wide := measure(it.payload); units != it.length || wide && !it.wide {
			t.Fatalf("item %v: %d units, length %d", it.id, units, it.length)
		}
	case kindAny, kindJSON:
		if len(it.more.values) != int(it.length) {
			t.Fatalf("item %v: %d values, length %d", it.id, len(it.more.values), it.length)
		}
	case kindType:
		checkBranch(t, it.more.child)
	}
}

func checkBranch(t testing.TB, b *branch) {
	t.Helper()
	n := uint32(0)
	for it := b.start; it != nil; it = it.right {
		if it.parent != b {
			t.Fatalf("item %v is in a foreign list", it.id)
		}
		n += it.visible()
	}
	if n != b.length {
		t.Fatalf("root %q: %d units, length says %d", b.root, n, b.length)
	}
	for key, it := range b.keys {
		if it.right != nil || !it.keyed() || it.more.key != key {
			t.Fatalf("key %q: its value %v is not the last of its list", key, it.id)
		}
	}
}
