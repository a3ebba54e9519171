package web

import (
	"io/fs"
	"path"
	"strings"
	"testing"
)

func TestEveryPageCanBePutTogether(t *testing.T) {
	t.Parallel()
	w, err := loadWords("de")
	if err != nil {
		t.Fatal(err)
	}
	p, err := loadPages(&server{words: w})
	if err != nil {
		t.Fatal(err)
	}
	files, err := fs.Glob(files, "templates/pages/*.html")
	if err != nil || len(files) < 50 {
		t.Fatalf("%d pages: %v", len(files), err)
	}
	for _, file := range append(files, alone...) {
		name := strings.TrimSuffix(path.Base(file), ".html")
		page, err := p.named(name)
		if err != nil {
			t.Error(err)
			continue
		}
		if page.Lookup("main") == nil && page.Lookup("slip") == nil && page.Lookup(name) == nil {
			t.Errorf("page %s defines nothing to begin with", name)
		}
		if again, err := p.named(name); again != page || err != nil {
			t.Errorf("page %s is put together twice: %v", name, err)
		}
	}
	if _, err := p.named("no-such-page"); err == nil {
		t.Error("a page that does not exist is put together")
	}
}
