package steps

import (
	"slices"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/envfile"
)

// places says where a key stands in .env and with the app, beside the original,
// and what that amounts to.
type places struct{ file, read, result string }

const (
	identical = "identical"
	different = "different"
	missing   = "missing"
)

var placesOf = map[envfile.Result]places{
	envfile.Same:                {identical, identical, "same"},
	envfile.Missing:             {missing, different, "missing here"},
	envfile.Different:           {different, different, "differs"},
	envfile.CutByCompose:        {identical, different, "Compose cuts it"},
	envfile.OverriddenByShell:   {identical, identical, "this shell overrides it"},
	envfile.OverriddenByProject: {identical, different, "the compose file overrides it"},
	envfile.ReadRaw:             {identical, different, "read with its quotes"},
	envfile.NotGiven:            {identical, missing, "the app does not get it"},
	envfile.OriginalMissing:     {"nothing to compare", "nothing to compare", "the original has none"},
	envfile.OriginalPlaceholder: {"nothing to compare", "nothing to compare", "nobody filled in the original"},
	envfile.OnlyInTarget:        {"only here", "only here", "the original had none"},
}

// table lays a comparison out, by name only. Whether the app was asked what it
// gets decides what can be said of that.
func (e *environment) table(comparisons []envfile.Comparison, original, target envfile.File, asked bool) *recovery.SecretsTable {
	t := &recovery.SecretsTable{Original: original.Path, Target: target.Path}
	for _, c := range comparisons {
		at, status := placesOf[c.Result], recovery.Failed
		if c.Result == envfile.Same {
			status = recovery.Passed
		}
		if slices.Contains(c.Notes, envfile.FromElsewhere) {
			at.file = different
		}
		if !asked {
			at.read = ""
		}
		t.Keys = append(t.Keys, recovery.ComparedSecret{Key: c.Key, Status: status, File: at.file, Read: at.read, Result: at.result})
	}
	same, differing, onlyOriginal, onlyTarget := envfile.Others(original, target)
	t.Same = same
	other := func(names []string, file, result string) {
		for _, name := range names {
			t.Others = append(t.Others, recovery.ComparedSecret{Key: name, Status: recovery.Warned, File: file, Result: result})
		}
	}
	other(differing, different, "differs")
	other(onlyOriginal, missing, "only in the original")
	other(onlyTarget, "only here", "only here")

	return t
}
