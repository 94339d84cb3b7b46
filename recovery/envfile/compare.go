package envfile

import (
	"slices"

	"firmflow-recovery/recovery/secret"
)

// Result is what a comparison of one key found. Only Same is good.
type Result string

// The results of a comparison.
const (
	Same                Result = "same"                  // the app gets what the original app had
	Missing             Result = "missing"               // the target has no value
	Different           Result = "different"             // the target has another value
	CutByCompose        Result = "cut by compose"        // written right, read otherwise
	OverriddenByShell   Result = "overridden by shell"   // right, until compose runs in the operator's shell
	OverriddenByProject Result = "overridden by project" // right in .env, but the compose file gives something else
	ReadRaw             Result = "read raw"              // right in .env, but an env_file in the raw format gives its line as it stands
	NotGiven            Result = "not given"             // right in .env, but the compose file does not pass it on
	OriginalMissing     Result = "original missing"      // nothing to compare with
	OriginalPlaceholder Result = "original placeholder"  // the original looks as if nobody had filled it in
	OnlyInTarget        Result = "only in target"        // FIELD_ENCRYPTION_KEY, which the original app did not have
)

// Note is something the operator should know about a key besides the result.
type Note string

// The notes of a comparison.
const (
	LiteralDiffers    Note = "literal differs"    // the same value, written in another way
	DiffersInvisibly  Note = "differs invisibly"  // only by spaces or characters that cannot be seen
	FromElsewhere     Note = "from elsewhere"     // the app gets the right value, and not from the target's .env
	TargetUnquoted    Note = "target unquoted"    // quoted in the original, and not in the target
	OriginalDollar    Note = "original dollar"    // Compose acted on a dollar there too: the original app had the cut value
	TargetDollar      Note = "target dollar"      // Compose acts on a dollar in the target
	OriginalRepeated  Note = "original repeated"  // defined several times in the original; the last counts
	TargetRepeated    Note = "target repeated"    // the same in the target
	OriginalOdd       Note = "original odd"       // has characters that cannot be told by looking
	TargetOdd         Note = "target odd"         // the same in the target
	TargetPlaceholder Note = "target placeholder" // looks as if nobody had filled it in
)

// Comparison is what was found about one key.
type Comparison struct {
	Key    string
	Result Result
	Notes  []Note
}

// Compare tells for each of the three keys whether the app gets the value that
// the original app had. That value is Compose's reading of the original file:
// where Compose cut it, documents were encrypted with the cut value.
//
// resolved is what Compose gives the app from the target's project, and shell
// what it would give the app if it ran with the operator's environment. Either
// is nil where it is not known.
func Compare(original, target File, resolved, shell map[string]secret.String) []Comparison {
	var all []Comparison
	for _, key := range Keys() {
		want, had := original.Entry(key)
		have, has := target.Entry(key)
		if key == FieldEncryptionKey && (!had || want.Value.Empty()) {
			if has && !have.Value.Empty() || !resolved[key].Empty() {
				all = append(all, Comparison{Key: key, Result: OnlyInTarget})
			}

			continue
		}
		c := comparison{want: want, have: have}
		c.resolved, c.given = resolved[key]
		c.shell, c.known = shell[key], shell != nil
		c.asked = resolved != nil
		all = append(all, Comparison{Key: key, Result: c.result(), Notes: c.notes()})
	}

	return all
}

// comparison is what is known about one key.
type comparison struct {
	want, have Entry
	resolved   secret.String // what the app gets
	given      bool          // the app gets the variable at all
	asked      bool          // Compose was asked what the app gets
	shell      secret.String // what the app would get under the operator's shell
	known      bool          // and that is known
}

func (c comparison) result() Result {
	switch {
	case c.want.Value.Empty():
		return OriginalMissing
	case c.want.Placeholder:
		return OriginalPlaceholder
	case !c.right():
		return c.wrong()
	case c.known && !c.shell.Equal(c.want.Value):
		return OverriddenByShell
	}

	return Same
}

// right tells whether the app gets the right value, by the best that is known.
func (c comparison) right() bool {
	if c.asked {
		return c.given && c.resolved.Equal(c.want.Value)
	}

	return c.have.Value.Equal(c.want.Value)
}

// wrong tells why the app does not get the right value.
func (c comparison) wrong() Result {
	switch {
	case c.have.Value.Equal(c.want.Value) && !c.given:
		return NotGiven
	case c.have.Value.Equal(c.want.Value) && c.resolved.Equal(c.have.Literal):
		return ReadRaw
	case c.have.Value.Equal(c.want.Value):
		return OverriddenByProject
	case typed(c.have.Literal).Equal(c.want.Value), c.have.Godotenv.Equal(c.want.Value):
		return CutByCompose
	case c.have.Value.Empty():
		return Missing
	}

	return Different
}

func (c comparison) notes() []Note {
	var notes []Note
	note := func(applies bool, n Note) {
		if applies {
			notes = append(notes, n)
		}
	}
	equal := c.have.Value.Equal(c.want.Value)
	empty := c.have.Value.Empty() || c.want.Value.Empty()

	note(equal && !empty && !c.have.Literal.Equal(c.want.Literal), LiteralDiffers)
	note(!equal && !empty && withoutOdd(c.have.Value).Equal(withoutOdd(c.want.Value)), DiffersInvisibly)
	note(!equal && c.right() && !c.want.Value.Empty(), FromElsewhere)
	note(!equal && c.want.Quoting != Unquoted && c.have.Key != "" && c.have.Quoting == Unquoted, TargetUnquoted)
	note(c.want.Dollar, OriginalDollar)
	note(c.have.Dollar, TargetDollar)
	note(len(c.want.Lines) > 1, OriginalRepeated)
	note(len(c.have.Lines) > 1, TargetRepeated)
	note(len(c.want.Odd) > 0, OriginalOdd)
	note(len(c.have.Odd) > 0, TargetOdd)
	note(c.have.Placeholder, TargetPlaceholder)

	return notes
}

// Others compares all other keys and names those that are not the same, never
// their values. A name that may be a part of a secret is given as its line.
func Others(original, target File) (same int, differing, onlyOriginal, onlyTarget []string) {
	for key, was := range original.inside().entries {
		is, ok := target.Entry(key)
		switch {
		case slices.Contains(Keys(), key):
		case !ok:
			onlyOriginal = append(onlyOriginal, was.name())
		case was.Value.Equal(is.Value):
			same++
		default:
			differing = append(differing, was.name())
		}
	}
	for key, is := range target.inside().entries {
		if _, ok := original.Entry(key); !ok && !slices.Contains(Keys(), key) {
			onlyTarget = append(onlyTarget, is.name())
		}
	}
	slices.Sort(differing)
	slices.Sort(onlyOriginal)
	slices.Sort(onlyTarget)

	return same, differing, onlyOriginal, onlyTarget
}

func (e Entry) name() string { return shown(e.Key, e.Lines[len(e.Lines)-1]) }
