package steps

import (
	"context"
	"errors"
	"slices"
	"strings"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/stack"
)

// guidePort is the port on which the guide's app listens.
const guidePort = 9002

// look reads the project and recognises its two services. It is kept for the
// other steps, so that all of them speak of the same one.
func (s *Stack) look(ctx context.Context) ([]recovery.Finding, error) {
	s.project = nil
	if err := s.engineHere(ctx); err != nil {
		return nil, err
	}
	project, err := s.Runtime.Project(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.recognise(project); err != nil {
		return nil, err
	}
	s.project = &project

	findings := []recovery.Finding{
		recovery.OK("engine", project.Tool),
		recovery.OK("project", project.Name+" in "+project.Dir+": database service "+s.DBService+", app service "+s.AppService),
	}
	if !project.HasData && len(project.Rivals) > 0 && !s.PinProject {
		findings = append(findings, recovery.Problem("project", recovery.Failed, otherProject(project)))
	}
	for _, spec := range project.Specs {
		if !spec.ImagePresent {
			findings = append(findings, recovery.Problem("images", recovery.Failed, imageMissing(spec.Name, spec.Image)))
		}
	}

	return findings, nil
}

// recognise finds the database and the app among the services, where the
// settings do not name them.
func (s *Stack) recognise(project stack.Project) error {
	if s.DBService == "" || !has(project, s.DBService) {
		found := names(project, isDatabase)
		if s.DBService != "" && s.DBService != "db" || len(found) != 1 {
			return recovery.Fail(databaseUnknown(s.DBService, project, found), stack.ErrUnknownService)
		}
		s.DBService = found[0]
	}
	if s.AppService != "" {
		if !has(project, s.AppService) {
			return recovery.Fail(appUnknown(s.AppService, project, nil), stack.ErrUnknownService)
		}

		return nil
	}
	for _, sign := range []func(stack.Spec) bool{publishesGuidePort, takesSecret} {
		found := slices.DeleteFunc(names(project, sign), func(n string) bool { return n == s.DBService })
		if len(found) == 1 {
			s.AppService = found[0]
			return nil
		}
	}

	return recovery.Fail(appUnknown("", project, names(project, takesSecret)), stack.ErrUnknownService)
}

func has(p stack.Project, name string) bool {
	_, there := p.Spec(name)

	return there
}

func names(p stack.Project, is func(stack.Spec) bool) []string {
	var found []string
	for _, spec := range p.Specs {
		if is(spec) {
			found = append(found, spec.Name)
		}
	}

	return found
}

func isDatabase(s stack.Spec) bool {
	for _, m := range s.Mounts {
		if strings.HasPrefix(m.Target, "/var/lib/postgresql") {
			return true
		}
	}

	return strings.Contains(s.Image, "postgres")
}

func publishesGuidePort(s stack.Spec) bool {
	return slices.ContainsFunc(s.Ports, func(p stack.Port) bool { return p.Target == guidePort || p.Published == guidePort })
}

func takesSecret(s stack.Spec) bool {
	_, given := s.Environment["AUTH_SECRET"]

	return given
}

// app gives the app's configuration; ok is false while the project is unread.
func (s *Stack) app() (stack.Spec, bool) {
	if s.project == nil {
		return stack.Spec{}, false
	}

	return s.project.Spec(s.AppService)
}

// dbRuns tells whether the database service runs, so that it can be asked.
func (s *Stack) dbRuns(ctx context.Context) (bool, error) {
	if s.project == nil {
		return false, nil
	}
	services, err := s.Runtime.Services(ctx)
	if err != nil {
		return false, err
	}
	if stack.Find(services, s.DBService).State != stack.Running {
		return false, nil
	}
	if err := s.server().Answers(ctx); err != nil && !errors.Is(err, ctx.Err()) {
		return false, nil //nolint:nilerr // a server that does not answer yet cannot be asked; step 3 waits for it
	}

	return ctx.Err() == nil, ctx.Err()
}
