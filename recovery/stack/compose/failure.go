package compose

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"firmflow-recovery/recovery/command"
	"firmflow-recovery/recovery/stack"
)

var (
	tooOld  = regexp.MustCompile(`client version (\S+) is too old\. Minimum supported API version is ([0-9.]*[0-9])`)
	tooNew  = regexp.MustCompile(`client version (\S+) is too new\. Maximum supported API version is ([0-9.]*[0-9])`)
	noImage = regexp.MustCompile(`(?i)no such image: ([^\s,]+)`)
	onPort  = regexp.MustCompile(`on endpoint (\S+)`)
	noFile  = regexp.MustCompile(`^(?:open|stat) .*: no such file or directory$`)
)

// engineFailure gives a failure of docker its meaning where that is the same
// for every command: the engine, the access to it, the plugin.
func engineFailure(err error) error {
	if err == nil {
		return nil
	}
	if command.IsMissing(err) {
		return fmt.Errorf("run docker: %w", stack.ErrEngineMissing)
	}
	var failed *command.Error
	if !errors.As(err, &failed) || failed.ExitCode <= 0 {
		return err
	}
	line := strings.ToLower(failed.LastLine())
	switch {
	case strings.Contains(line, "permission denied while trying to connect"):
		return fmt.Errorf("%w: %w", stack.ErrEngineForbidden, err)
	case unreachable(line):
		return fmt.Errorf("%w: %w", stack.ErrEngineUnreachable, err)
	case strings.Contains(line, "unknown command: docker compose"), strings.Contains(line, "'compose' is not a docker command"):
		return fmt.Errorf("%w: %w", stack.ErrComposeMissing, err)
	}
	if found := tooOld.FindStringSubmatch(failed.Stderr); found != nil {
		return &stack.OldError{Tool: "the API of Docker's client", Version: found[1], Needed: found[2]}
	}
	if found := tooNew.FindStringSubmatch(failed.Stderr); found != nil {
		return &stack.OldError{Tool: "the API of the Docker engine", Version: found[2], Needed: found[1]}
	}

	return err
}

func unreachable(line string) bool {
	return slices.ContainsFunc([]string{
		"cannot connect to the docker daemon",
		"failed to connect to the docker api",
		"is the docker daemon running",
		"error during connect",
	}, func(said string) bool { return strings.Contains(line, said) })
}

// configurationFailure gives meaning to a command that failed while Compose
// read the configuration. Such an error quotes environment files, so the
// command's own error goes no further.
func (r *Runtime) configurationFailure(err error) error {
	var failed *command.Error
	if !errors.As(err, &failed) || failed.ExitCode <= 0 || engineWord(err) {
		return err
	}
	if strings.Contains(failed.Stderr, "no configuration file provided") || noFile.MatchString(failed.LastLine()) {
		return fmt.Errorf("%w in %s", stack.ErrNoConfiguration, r.options.Dir)
	}

	return &stack.ConfigurationError{Text: r.said(failed)}
}

// engineWord tells whether an error has got its meaning already.
func engineWord(err error) bool {
	return slices.ContainsFunc([]error{
		stack.ErrEngineMissing, stack.ErrEngineUnreachable, stack.ErrEngineForbidden, stack.ErrComposeMissing,
	}, func(known error) bool { return errors.Is(err, known) })
}

// readingFailed tells whether Compose failed while it read the configuration,
// before it did anything.
func readingFailed(failed *command.Error) bool {
	line := failed.LastLine()

	return slices.ContainsFunc([]string{
		"failed to read ", "validating ", "yaml: ", "error while interpolating ", "invalid interpolation format ",
		"env file ", "no configuration file provided", "invalid compose project",
	}, func(start string) bool { return strings.HasPrefix(line, start) }) ||
		strings.Contains(failed.Stderr, "invalid interpolation format ") || noFile.MatchString(line)
}

// startFailure gives meaning to a service that could not be made or started.
func (r *Runtime) startFailure(err error, p pin, services []string) error {
	var failed *command.Error
	if !errors.As(err, &failed) || failed.ExitCode <= 0 || engineWord(err) {
		return err
	}
	if readingFailed(failed) {
		return r.configurationFailure(err)
	}
	if found := noImage.FindStringSubmatch(failed.Stderr); found != nil {
		return &stack.ImageError{Service: p.model.serviceOf(found[1], services), Image: found[1]}
	}
	text := r.said(failed)
	if strings.Contains(text, "port is already allocated") || strings.Contains(text, "address already in use") {
		return &stack.PortError{Service: p.model.serviceAt(text, services), Text: text}
	}

	return &stack.StartError{Service: strings.Join(services, ", "), Text: text, Err: failed.Err}
}

// serviceOf is which of the services has an image.
func (m model) serviceOf(image string, services []string) string {
	for _, name := range services {
		if m.Services[name].Image == image {
			return name
		}
	}

	return strings.Join(services, ", ")
}

// serviceAt is which of the services an endpoint belongs to that the engine
// named; endpoints are called as containers are.
func (m model) serviceAt(text string, services []string) string {
	found := onPort.FindStringSubmatch(text)
	for _, name := range services {
		if found == nil {
			break
		}
		named := m.Services[name].ContainerName
		if found[1] == named || named == "" && strings.HasPrefix(found[1], m.Name+"-"+name+"-") {
			return name
		}
	}

	return strings.Join(services, ", ")
}

// said is what Compose said when it failed: without warnings and progress, cut
// where it quotes, and scrubbed.
func (r *Runtime) said(failed *command.Error) string {
	var lines []string
	for line := range strings.SplitSeq(failed.Stderr, "\n") {
		_, warned := warning(line)
		if warned || strings.HasPrefix(line, " ") || strings.TrimSpace(line) == "" {
			continue
		}
		lines = append(lines, strings.TrimSpace(line))
	}
	text := r.scrub.Scrub(cut(strings.Join(lines, "\n")))
	if text == "" {
		return failed.Err.Error()
	}

	return text
}
