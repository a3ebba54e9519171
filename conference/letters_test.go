package conference

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// sentences are the words that this package and those below it can put in a mail, folded, with the function that does: the literals of
// every function that makes a mail.Letter or returns a mail.Message. Whatever a new one says joins by itself.
func sentences(t testing.TB) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, dir := range []string{".", "plan", "trial"} {
		files := sources(t, dir)
		consts := constants(files)
		for _, f := range files {
			for _, d := range f.Decls {
				if fn, is := d.(*ast.FuncDecl); is && makesMail(fn) {
					for _, text := range said(fn, consts) {
						found[text] = path.Join(dir, fn.Name.Name)
					}
				}
			}
		}
	}
	return found
}

func sources(t testing.TB, dir string) []*ast.File {
	t.Helper()
	names, err := fs.Glob(os.DirFS(dir), "*.go")
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), path.Join(dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	return files
}

// constants are the string literals that names of a package stand for.
func constants(files []*ast.File) map[string]string {
	found := map[string]string{}
	for _, f := range files {
		for _, d := range f.Decls {
			g, is := d.(*ast.GenDecl)
			if !is || g.Tok != token.CONST {
				continue
			}
			for _, s := range g.Specs {
				v := s.(*ast.ValueSpec)
				for i, value := range v.Values {
					if text, is := plain(value); is {
						found[v.Names[i].Name] = text
					}
				}
			}
		}
	}
	return found
}

// plain is what a literal in quotes says. Raw ones are statements for the database.
func plain(e ast.Expr) (string, bool) {
	l, is := e.(*ast.BasicLit)
	if !is || l.Kind != token.STRING || l.Value[0] != '"' {
		return "", false
	}
	text, err := strconv.Unquote(l.Value)
	return text, err == nil
}

func isMail(e ast.Expr, names ...string) bool {
	s, is := e.(*ast.SelectorExpr)
	if !is {
		return false
	}
	pkg, is := s.X.(*ast.Ident)
	return is && pkg.Name == "mail" && slices.Contains(names, s.Sel.Name)
}

func makesMail(fn *ast.FuncDecl) bool {
	if fn.Type.Results != nil {
		for _, r := range fn.Type.Results.List {
			if isMail(r.Type, "Message") {
				return true
			}
		}
	}
	makes := false
	ast.Inspect(fn, func(n ast.Node) bool {
		c, is := n.(*ast.CompositeLit)
		makes = makes || is && isMail(c.Type, "Letter", "Message")
		return !makes
	})
	return makes
}

// said are the words of a function, but those of its errors. What a verb stands for parts them, and single words are none.
func said(fn *ast.FuncDecl, consts map[string]string) []string {
	texts := map[string]bool{}
	keep := func(text string) {
		for _, part := range regexp.MustCompile(`%[a-z]|\n`).Split(text, -1) {
			if part = folded(part); strings.Contains(part, " ") && len(part) >= 10 {
				texts[part] = true
			}
		}
	}
	ast.Inspect(fn, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			f, is := n.Fun.(*ast.SelectorExpr)
			return !is || f.Sel.Name != "Errorf"
		case *ast.Ident:
			keep(consts[n.Name])
		case *ast.BasicLit:
			if text, is := plain(n); is {
				keep(text)
			}
		}
		return true
	})
	return slices.Sorted(maps.Keys(texts))
}
