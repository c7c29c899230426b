package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/google/go-cmp/cmp"
)

func TestHelpOfExplainListsEveryRule(t *testing.T) {
	var want []string
	for _, dir := range []string{"gallery", "syndicate/edition"} {
		files, err := filepath.Glob(filepath.Join("..", "..", "internal", dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if !strings.HasSuffix(file, "_test.go") {
				want = append(want, rulesIn(t, file)...)
			}
		}
	}
	want = slices.DeleteFunc(want, func(rule string) bool { return rule == "exclude." })
	want = append(want, "exclude.sources", "exclude.credits")
	for list := range reflect.TypeFor[index.Match]().Fields() {
		name := strings.ToLower(list.Name)
		want = append(want, "match."+name, "exclude."+name)
	}
	_, text, _ := strings.Cut(explainCmd{}.Help(), "\nThe rules: ")
	text, _, ok := strings.Cut(text, ".\n\n")
	if !ok {
		t.Fatal("the help has no list of rules")
	}
	text = regexp.MustCompile(`\s*\([^)]*\)`).ReplaceAllString(text, "")
	got := regexp.MustCompile(`,\s+`).Split(text, -1)
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(slices.Compact(want), got); diff != "" {
		t.Errorf("rules (-in the code +in the help)\n%s", diff)
	}
}

// rulesIn returns the codes of rules that a file of Go states: the first value of each
// reason, and each value of a field Rule. A code must be a literal, or begin with one.
func rulesIn(t *testing.T, file string) (rules []string) {
	t.Helper()
	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	note := func(e ast.Expr) {
		if sum, ok := e.(*ast.BinaryExpr); ok {
			e = sum.X
		}
		switch e := e.(type) {
		case *ast.BasicLit:
			rule, err := strconv.Unquote(e.Value)
			if err != nil {
				t.Fatal(err)
			}
			rules = append(rules, rule)
		case *ast.SelectorExpr, *ast.Ident: // the rule of another decision, or of the lists of a choice
		default:
			t.Errorf("%s: the code of a rule is no literal", set.Position(e.Pos()))
		}
	}
	ast.Inspect(tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CompositeLit:
			if name, ok := n.Type.(*ast.Ident); ok && name.Name == "reason" && len(n.Elts) > 0 {
				note(n.Elts[0])
			}
		case *ast.KeyValueExpr:
			if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Rule" {
				note(n.Value)
			}
		case *ast.AssignStmt:
			for i, to := range n.Lhs {
				if field, ok := to.(*ast.SelectorExpr); ok && field.Sel.Name == "Rule" && len(n.Lhs) == len(n.Rhs) {
					note(n.Rhs[i])
				}
			}
		}
		return true
	})
	return rules
}
