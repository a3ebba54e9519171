package account_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/konsil-server/konsil/expertpool/account"
)

// mayCompareRoles are the places where a role is a fact about somebody rather than a right: what she is called, what her menu
// has, what her account is made as.
var mayCompareRoles = []string{"web/view.go", "cmd/konsil/admin.go", "expertpool/account/manage.go"}

// isRole says whether an expression is one of the roles, written as a name or as its text.
func isRole(e ast.Expr) bool {
	names := []string{"Caseworker", "Coordinator", "Expert", "Admin", "NetworkAdmin", "DataProtectionOfficer", "Client", "Guest"}
	switch e := e.(type) {
	case *ast.SelectorExpr:
		pkg, ok := e.X.(*ast.Ident)
		return ok && pkg.Name == "account" && slices.Contains(names, e.Sel.Name)
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return err == nil && slices.Contains(account.Roles, account.Role(text))
	}
	return false
}

// comparisons are the lines that compare something with a role.
func comparisons(set *token.FileSet, f *ast.File) (lines []int) {
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BinaryExpr:
			if (n.Op == token.EQL || n.Op == token.NEQ) && (isRole(n.X) || isRole(n.Y)) {
				lines = append(lines, set.Position(n.Pos()).Line)
			}
		case *ast.CaseClause:
			if slices.ContainsFunc(n.List, isRole) {
				lines = append(lines, set.Position(n.Pos()).Line)
			}
		}
		return true
	})
	return lines
}

func TestRightsComeFromTheTableOnly(t *testing.T) {
	t.Parallel()
	tree, seen := os.DirFS("../.."), 0
	for _, dir := range []string{"cmd", "conference", "expertpool", "realtime", "web"} {
		err := fs.WalkDir(tree, dir, func(file string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && (d.Name() == "node_modules" || d.Name() == "testdata" || d.Name() == "dist"):
				return fs.SkipDir
			case d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go"):
				return nil
			}
			src, err := fs.ReadFile(tree, file)
			if err != nil {
				return err
			}
			set := token.NewFileSet()
			f, err := parser.ParseFile(set, file, src, 0)
			if err != nil {
				return err
			}
			for _, line := range comparisons(set, f) {
				if seen++; !slices.Contains(mayCompareRoles, file) {
					t.Errorf("%s:%d compares a role: ask the table of rights (Actor.May, Actor.Reach)", file, line)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if seen == 0 {
		t.Error("not one comparison was found, not even those that may be: the search is broken")
	}
}
