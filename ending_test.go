package sluice_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"testing"

	sluice "github.com/sluice-run/sluice"
)

// Every ending is on somebody's account on purpose, a new one too.
func TestEndingsAreOnSomebodysAccount(t *testing.T) {
	accounts := map[sluice.Ending]sluice.Account{
		sluice.EndingComplete:      sluice.AccountNobody,
		sluice.EndingFunctionError: sluice.AccountFunction, sluice.EndingTimeout: sluice.AccountFunction, sluice.EndingExit: sluice.AccountFunction,
		sluice.EndingTruncated: sluice.AccountFunction, sluice.EndingOversized: sluice.AccountFunction, sluice.EndingMalformed: sluice.AccountFunction,
		sluice.EndingClientGone: sluice.AccountClient, sluice.EndingRefused: sluice.AccountClient,
		sluice.EndingFault: sluice.AccountServer, sluice.EndingShutdown: sluice.AccountServer,
	}
	for ending, want := range accounts {
		if got := ending.Account(); got != want {
			t.Errorf("%s is on the account of %q, not %q", ending, got, want)
		}
	}
	file, err := parser.ParseFile(token.NewFileSet(), "ending.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == "Ending" {
			text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if _, known := accounts[sluice.Ending(text)]; err != nil || !known {
				t.Errorf("%s is not in this test", spec.Names[0].Name)
			}
		}
		return true
	})
}
