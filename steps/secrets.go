package steps

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/envfile"
	"firmflow-recovery/recovery/secret"
	"firmflow-recovery/recovery/stack"
)

// resolver is a runtime that can tell what the app would get if it were started
// from the operator's shell, whose variables win over .env.
type resolver interface {
	Resolved(ctx context.Context, environment []string, service string) (map[string]secret.String, error)
}

// envFiles reads the original and the target's .env, and teaches the scrubber
// their secrets before any program runs.
func (s *Stack) envFiles() (original, target envfile.File, err error) {
	if s.OriginalEnv == "" {
		return original, target, recovery.Fail(originalMissing(s.BackupDir), nil)
	}
	if original, err = s.original(); err != nil {
		return original, target, err
	}
	target, err = envfile.Read(s.envPath())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return original, target, recovery.Fail(envInvalid(s.envPath(), err), err)
	}
	for _, key := range envfile.Keys() {
		s.Scrub.Learn(target.Value(key))
	}

	return original, target, nil
}

// beforeEnv tells whether a project could not be read for want of a .env only.
func beforeEnv(err error) bool {
	var configuration *stack.ConfigurationError

	return err == nil || errors.As(err, &configuration)
}

// secrets compares three things: the original's .env, the target's, and what
// the runtime makes of it for the app; with and without the operator's shell.
func (e *environment) secrets(ctx context.Context, original, target envfile.File) ([]recovery.Finding, *recovery.SecretsTable) {
	spec, _ := e.app()
	var shell map[string]secret.String
	if r, can := e.Runtime.(resolver); can {
		var err error
		if shell, err = r.Resolved(ctx, e.Shell, e.AppService); err != nil {
			shell = nil // the shell breaks what reads well without it; that is told by name below, not guessed
		}
	}

	all := envfile.Compare(original, target, spec.Environment, shell)

	return e.judge(all, target), e.table(all, original, target, spec.Environment != nil)
}

// judge makes findings of a comparison. One finding says what all keys have in
// common when all are well.
func (e *environment) judge(comparisons []envfile.Comparison, target envfile.File) []recovery.Finding {
	var findings []recovery.Finding
	var same []string
	for _, c := range comparisons {
		if c.Result == envfile.Same {
			same = append(same, c.Key)
		} else {
			findings = append(findings, recovery.Problem("secrets", recovery.Failed, e.secretDiffers(c)))
		}
		for _, note := range c.Notes {
			if d, worth := e.secretNote(c.Key, note); worth {
				findings = append(findings, recovery.Problem("secrets", recovery.Warned, d))
			}
		}
	}
	if target.Loose() {
		findings = append(findings, recovery.Problem("secrets", recovery.Warned, envLoose(e.envPath())))
	}
	if target.CRLF {
		findings = append(findings, recovery.Problem("secrets", recovery.Warned, envCRLF(e.envPath())))
	}
	if len(same) > 0 {
		findings = append([]recovery.Finding{recovery.OK("secrets", strings.Join(same, ", ")+" identical in .env and as "+e.AppService+" gets them")}, findings...)
	}

	return findings
}
