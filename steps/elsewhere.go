package steps

import (
	"context"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/envfile"
)

// locator is a runtime that can tell where its engine is.
type locator interface {
	Endpoint(ctx context.Context) (string, error)
}

// engineHere refuses an engine of another host. The vault and .env are here, and
// what is restored beside them would be served from there, or the wrong host's
// database be replaced.
func (s *Stack) engineHere(ctx context.Context) error {
	r, can := s.Runtime.(locator)
	if !can {
		return nil
	}
	at, err := r.Endpoint(ctx)
	if err != nil || local(at) {
		return nil //nolint:nilerr // an engine that cannot be asked is told of by the look that follows
	}
	var set []string
	for _, name := range []string{"DOCKER_HOST", "DOCKER_CONTEXT"} {
		if value, given := variable(s.Shell, name); given && value != "" {
			set = append(set, name)
		}
	}

	return recovery.Fail(engineElsewhere(at, set), nil)
}

// local tells whether an engine's address is one of this host. One that cannot
// be read is left to docker.
func local(endpoint string) bool {
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "tcp" && u.Scheme != "ssh" && u.Scheme != "http" && u.Scheme != "https" {
		return true
	}
	ip := net.ParseIP(u.Hostname())

	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// variable gives a variable of an environment; the last one counts.
func variable(environment []string, name string) (value string, given bool) {
	for _, entry := range environment {
		if rest, is := strings.CutPrefix(entry, name+"="); is {
			value, given = rest, true
		}
	}

	return value, given
}

// composeElsewhere finds the variables that would lead an operator's docker
// compose, typed in this shell or in this directory, to something else than what
// is recovered. Nothing of them is a secret, and still no value of a .env is told.
func (s *Stack) composeElsewhere(original, target envfile.File) []recovery.Finding {
	if s.fromSandbox() || s.project == nil {
		return nil
	}
	var found []recovery.Finding
	if name, given := variable(s.Shell, "COMPOSE_PROJECT_NAME"); given && name != "" && name != s.project.Name && !s.PinProject {
		found = append(found, recovery.Problem("project", recovery.Failed, shellElsewhere("COMPOSE_PROJECT_NAME", "it names project "+name+", and "+s.ProjectDir+" is project "+s.project.Name, "--project-name "+typed(name))))
	}
	if list, given := variable(s.Shell, "COMPOSE_FILE"); given && list != "" && !s.PinFile && !s.sameFiles(list) {
		found = append(found, recovery.Problem("project", recovery.Failed, shellElsewhere("COMPOSE_FILE", "it names other files than those of "+s.ProjectDir, "--compose-file FILE")))
	}
	if list, given := variable(s.Shell, "COMPOSE_ENV_FILES"); given && list != "" && !s.onlyEnv(list) {
		found = append(found, recovery.Problem("project", recovery.Failed, shellElsewhere("COMPOSE_ENV_FILES", "with it Compose would not read "+s.envPath(), "")))
	}
	if list, given := variable(s.Shell, "COMPOSE_PROFILES"); given && list != "" {
		found = append(found, recovery.Problem("project", recovery.Warned, profiles("this shell")))
	}

	return append(found, s.linesElsewhere(original, target)...)
}

// linesElsewhere compares the lines of the two .env by which Compose chooses
// what it works on.
func (s *Stack) linesElsewhere(original, target envfile.File) []recovery.Finding {
	var found []recovery.Finding
	for key, pinned := range map[string]bool{"COMPOSE_PROJECT_NAME": s.PinProject, "COMPOSE_FILE": s.PinFile} {
		if have := target.Value(key); !pinned && !have.Empty() && !have.Equal(original.Value(key)) {
			found = append(found, recovery.Problem("project", recovery.Failed, lineElsewhere(key, s.envPath(), s.OriginalEnv)))
		}
	}
	slices.SortFunc(found, func(a, b recovery.Finding) int { return strings.Compare(a.Text, b.Text) })
	if have := target.Value("COMPOSE_PROFILES"); !have.Empty() && !have.Equal(original.Value("COMPOSE_PROFILES")) {
		found = append(found, recovery.Problem("project", recovery.Warned, profiles(s.envPath())))
	}

	return found
}

// sameFiles tells whether a list of compose files is that of the project.
func (s *Stack) sameFiles(list string) bool {
	separator := ":"
	if other, given := variable(s.Shell, "COMPOSE_PATH_SEPARATOR"); given && other != "" {
		separator = other
	}
	var files []string
	for _, file := range strings.Split(list, separator) {
		files = append(files, s.inProject(file))
	}

	return slices.Equal(files, s.project.Files)
}

// onlyEnv tells whether a list of env files is the project's .env alone.
func (s *Stack) onlyEnv(list string) bool { return s.inProject(list) == s.envPath() }

func (s *Stack) inProject(file string) string {
	if filepath.IsAbs(file) {
		return filepath.Clean(file)
	}

	return filepath.Join(s.ProjectDir, file)
}

func engineElsewhere(endpoint string, set []string) recovery.Diagnosis {
	if u, err := url.Parse(endpoint); err == nil {
		endpoint = u.Redacted()
	}
	d := recovery.Diagnosis{
		Code: CodeEngineElsewhere, Summary: "Docker speaks to an engine on another host", Seen: "docker would work at " + endpoint + "; the vault and .env are on this host", Intact: nothingTouched,
		Remedies: do("Let it speak to this host's engine", "docker context use default", thenLookMore, again),
	}
	if len(set) > 0 {
		d.Seen += "; set in this shell: " + join(set)
		d.Remedies[0] = recovery.Remedy{Do: "Remove it from this shell, and from the profile that sets it", Command: "unset " + strings.Join(set, " ")}
	}
	d.Remedies = append(d.Remedies, recovery.Remedy{Do: "Or run the recovery on that host"})

	return d
}

func shellElsewhere(name, why, flag string) recovery.Diagnosis {
	d := recovery.Diagnosis{
		Code: CodeComposeElsewhere, Summary: name + " is set in this shell, and points elsewhere", Seen: why, Intact: nothingTouched,
		Remedies: do("If the installation is not meant by it, remove it from the shell", "unset "+name, thenLookMore, again),
	}
	if flag != "" {
		d.Remedies = append(d.Remedies, do("If it is, say so", again+" "+flag)...)
	}

	return d
}

func lineElsewhere(key, path, original string) recovery.Diagnosis {
	flag := map[string]string{"COMPOSE_PROJECT_NAME": " --project-name NAME", "COMPOSE_FILE": " --compose-file FILE"}[key]

	return recovery.Diagnosis{
		Code: CodeComposeElsewhere, Summary: key + " in .env leads Compose elsewhere than the original did",
		Seen: path + " has another value for it than " + original + "; Compose would work on another project, with a database of its own", Intact: nothingTouched,
		Remedies: do("Make the line what it was", typed("${EDITOR:-vi}", path), thenLookMore, again, "If it is meant, say so", again+flag),
	}
}

func profiles(where string) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeComposeProfiles, Summary: "COMPOSE_PROFILES is set, and names services that Compose would start besides", Seen: "set in " + where, Intact: nothingTouched,
		Remedies: do("Start them yourself after the recovery, if they are wanted: only services without a profile, and those of .env's, are started", ""),
	}
}
