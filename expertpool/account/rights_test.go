package account_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"testing"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/expertpool/account"
)

// everyRole has one letter for each role, in the order in which the rows of the matrix name them: n nowhere, s self, t seats,
// o organisation, w network.
var everyRole = []account.Role{
	account.Caseworker, account.Coordinator, account.Expert, account.DataProtectionOfficer, account.Admin, account.NetworkAdmin,
	account.Client, account.Guest, "", "server",
}

var reachLetter = map[byte]account.Reach{
	'n': account.Nowhere, 's': account.Self, 't': account.OwnSeats, 'o': account.OwnOrganisation, 'w': account.OwnNetwork,
}

// promise is how far each role reaches with an act, and whether a link is enough for it.
type promise struct {
	act   account.Act
	reach string
	link  bool
}

var matrix = []promise{
	{account.KeepCases, "onnnnnnnnn", false},
	{account.LookUpIdentity, "onnnnnnnnn", false},
	{account.Disclose, "onnnnnnnnn", false},
	{account.WithdrawConsent, "onnnnnsnnn", true},
	{account.ReadCases, "owtnnnsnnn", true},
	{account.SeeAccessLog, "onnonnnnnn", false},
	{account.SeeRetention, "onnonnnnnn", false},
	{account.SetRetention, "onnnnnnnnn", false},
	{account.UseTemplates, "wwnnnnnnnn", false},
	{account.KeepTemplates, "nwnnnnnnnn", false},
	{account.SeePatterns, "ownnnnnnnn", false},
	{account.KeepPatterns, "nwnnnnnnnn", false},
	{account.SeeCaseload, "ownnnnnnnn", false},
	{account.SetCasework, "nwnnnnnnnn", false},
	{account.SubmitRequests, "onnnnnnnnn", false},
	{account.SeeRequests, "ownnnnnnnn", false},
	{account.DecideRequests, "nwnnnnnnnn", false},
	{account.Convene, "nwnnnnnnnn", false},
	{account.TakePart, "owtnnnnnnn", true},
	{account.SitIn, "nnnnnnntnn", true},
	{account.AnswerInformation, "onnnnnnnnn", false},
	{account.SeePool, "wwnnwwnnnn", false},
	{account.KeepPool, "nwnnnnnnnn", false},
	{account.KeepOwnProfile, "nnsnnnnnnn", false},
	{account.KeepAgreements, "nwnnnwnnnn", false},
	{account.ProveParticipation, "nwsnnnnnnn", false},
	{account.ManageOwnAccount, "ssssssnnnn", false},
	{account.ManagePeople, "nnnnownnnn", false},
	{account.ManageOrganisations, "nnnnnwnnnn", false},
	{account.CheckAudit, "nnnonnnnnn", false},
	{"something_new", "nnnnnnnnnn", false},
}

func TestEveryRoleMayDoWhatTheMatrixSays(t *testing.T) {
	t.Parallel()
	for _, row := range matrix {
		for i, role := range everyRole {
			want := reachLetter[row.reach[i]]
			signed, linked := account.Actor{Role: role, Session: uuid.New()}, account.Actor{Role: role}
			if got := signed.Reach(row.act); got != want || signed.May(row.act) != (want != account.Nowhere) {
				t.Errorf("%s, signed in, %s: reaches %q, want %q", role, row.act, got, want)
			}
			if !row.link {
				want = account.Nowhere
			}
			if got := linked.Reach(row.act); got != want {
				t.Errorf("%s, by a link, %s: reaches %q, want %q", role, row.act, got, want)
			}
		}
	}
}

// constantsOf returns the values of a file's constants of a type.
func constantsOf(t *testing.T, file, of string) (values []string) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok {
			if name, ok := v.Type.(*ast.Ident); ok && name.Name == of {
				value, _ := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
				values = append(values, value)
			}
		}
		return true
	})
	if len(values) == 0 {
		t.Fatalf("%s has no constants of %s", file, of)
	}
	return values
}

func TestTheMatrixNamesEveryAct(t *testing.T) {
	t.Parallel()
	for _, act := range constantsOf(t, "rights.go", "Act") {
		if !slices.ContainsFunc(matrix, func(p promise) bool { return string(p.act) == act }) {
			t.Errorf("the matrix says nothing about %s", act)
		}
	}
}
