package envfile

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"firmflow-recovery/recovery/secret"
)

func TestD1CompareGoesByComposesReadingOfBoth(t *testing.T) {
	for _, c := range []struct {
		name             string
		original, target string
		want             Result
		notes            []Note
	}{
		{"same", "AUTH_SECRET=abc\n", "AUTH_SECRET=abc\n", Same, nil},
		{"written otherwise", "AUTH_SECRET=abc\n", "AUTH_SECRET='abc'\r\n", Same, []Note{LiteralDiffers}},
		{"missing", "AUTH_SECRET=abc\n", "", Missing, nil},
		{"empty", "AUTH_SECRET=abc\n", "AUTH_SECRET=\n", Missing, nil},
		{"without =", "AUTH_SECRET=abc\n", "AUTH_SECRET\n", Missing, nil},
		{"different", "AUTH_SECRET=abc\n", "AUTH_SECRET=abd\n", Different, nil},
		{"longer", "AUTH_SECRET=abc\n", "AUTH_SECRET=abcd\n", Different, nil},
		{"cut at a dollar", "AUTH_SECRET='abc$def'\n", "AUTH_SECRET=abc$def\n", CutByCompose, []Note{TargetUnquoted, TargetDollar}},
		{"cut to nothing", "AUTH_SECRET='$def'\n", "AUTH_SECRET=$def\n", CutByCompose, []Note{TargetUnquoted, TargetDollar}},
		{"cut in double quotes", "AUTH_SECRET='abc$def'\n", "AUTH_SECRET=\"abc$def\"\n", CutByCompose, []Note{TargetDollar}},
		{"doubled dollar", "AUTH_SECRET='a$$b'\n", "AUTH_SECRET=a$$b\n", CutByCompose, []Note{TargetUnquoted, TargetDollar}},
		{"cut at a comment", "AUTH_SECRET='abc #def'\n", "AUTH_SECRET=abc #def\n", CutByCompose, []Note{TargetUnquoted}},
		{"cut at spaces", "AUTH_SECRET='abc '\n", "AUTH_SECRET=abc \n", Different, []Note{DiffersInvisibly, TargetUnquoted}},
		{"the original was cut", "AUTH_SECRET=abc$def\n", "AUTH_SECRET='abc$def'\n", Different, []Note{OriginalDollar}},
		{"both were cut", "AUTH_SECRET=abc$def\n", "AUTH_SECRET=abc$def\n", Same, []Note{OriginalDollar, TargetDollar}},
		{"the cut value kept", "AUTH_SECRET=abc$def\n", "AUTH_SECRET=abc\n", Same, []Note{LiteralDiffers, OriginalDollar}},
		{"a harmless dollar", "AUTH_SECRET=abc$1$\n", "AUTH_SECRET=abc$1$\n", Same, nil},
		{"escaped dollar", "AUTH_SECRET=\"a\\$b\"\n", "AUTH_SECRET='a$b'\n", Same, []Note{LiteralDiffers}},
		{"zero-width space", "AUTH_SECRET=abc\n", "AUTH_SECRET=a\u200bbc\n", Different, []Note{DiffersInvisibly, TargetOdd}},
		{"repeated", "AUTH_SECRET=x\nAUTH_SECRET=abc\n", "AUTH_SECRET=abc\nAUTH_SECRET=x\n", Different, []Note{OriginalRepeated, TargetRepeated}},
		{"placeholder", "AUTH_SECRET=abc\n", "AUTH_SECRET=# set me\n", Different, []Note{TargetPlaceholder}},
		{"original missing", "", "AUTH_SECRET=abc\n", OriginalMissing, nil},
		{"original empty", "AUTH_SECRET=''\n", "AUTH_SECRET=''\n", OriginalMissing, nil},
		{"original a placeholder", "AUTH_SECRET=change-me\n", "AUTH_SECRET=change-me\n", OriginalPlaceholder, []Note{TargetPlaceholder}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Compare(mustRead(t, c.original), mustRead(t, c.target), nil, nil)[0]
			if want := (Comparison{Key: AuthSecret, Result: c.want, Notes: c.notes}); !cmp.Equal(got, want) {
				t.Errorf("Compare(%q, %q): %s", c.original, c.target, cmp.Diff(want, got))
			}
		})
	}
}

func TestCompareBelievesWhatComposeResolves(t *testing.T) {
	for _, c := range []struct {
		name            string
		target          string
		resolved, shell map[string]secret.String
		want            Result
		notes           []Note
	}{
		{"right", "AUTH_SECRET=abc\n", given("abc"), given("abc"), Same, nil},
		{"D2 the shell has another", "AUTH_SECRET=abc\n", given("abc"), given("other"), OverriddenByShell, nil},
		{"D2 the shell has an empty one", "AUTH_SECRET=abc\n", given("abc"), given(""), OverriddenByShell, nil},
		{"the shell has the same", "AUTH_SECRET=abc\n", given("abc"), given("abc"), Same, nil},
		{"only the shell is known", "AUTH_SECRET=abc\n", nil, given(""), OverriddenByShell, nil},
		{"wrong, whatever the shell has", "AUTH_SECRET=xyz\n", given("xyz"), given("abc"), Different, nil},
		{"not passed on", "AUTH_SECRET=abc\n", map[string]secret.String{}, nil, NotGiven, nil},
		{"passed on as another", "AUTH_SECRET=abc\n", given("other"), nil, OverriddenByProject, nil},
		{"passed on as empty", "AUTH_SECRET=abc\n", given(""), nil, OverriddenByProject, nil},
		{"D9 read in the raw format", "AUTH_SECRET='abc'\n", given("'abc'"), nil, ReadRaw, []Note{LiteralDiffers}},
		{"from elsewhere", "", given("abc"), given("abc"), Same, []Note{FromElsewhere}},
		{"from elsewhere, against .env", "AUTH_SECRET=xyz\n", given("abc"), nil, Same, []Note{FromElsewhere}},
		{"missing and not passed on", "", map[string]secret.String{}, nil, Missing, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Compare(mustRead(t, "AUTH_SECRET=abc\n"), mustRead(t, c.target), c.resolved, c.shell)[0]
			if want := (Comparison{Key: AuthSecret, Result: c.want, Notes: c.notes}); !cmp.Equal(got, want) {
				t.Errorf("Compare: %s", cmp.Diff(want, got))
			}
		})
	}
}

func TestCompareAsksForTheThirdKeyOnlyWhereTheOriginalHasIt(t *testing.T) {
	two := "AUTH_SECRET=a\nLICENSE_KEY=b\n"
	three := two + "FIELD_ENCRYPTION_KEY=c\n"
	for _, c := range []struct {
		name             string
		original, target string
		want             []Result
	}{
		{"neither", two, two, []Result{Same, Same}},
		{"both", three, three, []Result{Same, Same, Same}},
		{"only the original", three, two, []Result{Same, Same, Missing}},
		{"only the target", two, three, []Result{Same, Same, OnlyInTarget}},
		{"empty in both", two + "FIELD_ENCRYPTION_KEY=\n", two + "FIELD_ENCRYPTION_KEY=\n", []Result{Same, Same}},
		{"empty in the original", two + "FIELD_ENCRYPTION_KEY=\n", three, []Result{Same, Same, OnlyInTarget}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []Result
			for _, comparison := range Compare(mustRead(t, c.original), mustRead(t, c.target), nil, nil) {
				got = append(got, comparison.Result)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("results = %q, want %q", got, c.want)
			}
		})
	}
}

func TestCompareWithoutFiles(t *testing.T) {
	for _, c := range Compare(File{}, File{}, nil, nil) {
		if c.Result != OriginalMissing {
			t.Errorf("%s: %q, want %q", c.Key, c.Result, OriginalMissing)
		}
	}
}

func TestOthersNamesKeysAndHidesWhatMayBeASecret(t *testing.T) {
	original := mustRead(t, "AUTH_SECRET=a\nA=1\nB=1\nC=1\nZm9vYmFyZm9v==\n")
	target := mustRead(t, "AUTH_SECRET=b\nD=1\nB='1'\nC=2\nlower_case=1\n")

	same, differing, onlyOriginal, onlyTarget := Others(original, target)

	if same != 1 {
		t.Errorf("same = %d, want 1", same)
	}
	for _, c := range []struct {
		what      string
		got, want []string
	}{
		{"differing", differing, []string{"C"}},
		{"only in the original", onlyOriginal, []string{"(line 5)", "A"}},
		{"only in the target", onlyTarget, []string{"D", "lower_case"}},
	} {
		if !slices.Equal(c.got, c.want) {
			t.Errorf("%s = %q, want %q", c.what, c.got, c.want)
		}
	}
}

// given is what Compose gives the app.
func given(authSecret string) map[string]secret.String {
	return map[string]secret.String{AuthSecret: secret.New(authSecret)}
}

func mustRead(t testing.TB, text string) File {
	t.Helper()
	file, err := Read(write(t, text))
	if err != nil {
		t.Fatal(err)
	}

	return file
}
