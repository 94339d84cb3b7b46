package steps

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"syscall"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/command"
	"firmflow-recovery/recovery/stack"
	"firmflow-recovery/recovery/stack/sandbox"
)

// diagnoseCommon gives the errors that any step can meet their meaning: those
// of the engine, the project and the disk. intact says what stands.
func (s *Stack) diagnoseCommon(err error, intact string) recovery.Diagnosis {
	d, known := s.diagnoseEngine(err)
	if !known {
		d, known = s.diagnoseService(err)
	}
	if !known {
		d, known = s.diagnoseOthers(err)
	}
	if !known && errors.Is(err, syscall.ENOSPC) {
		d, known = recovery.Diagnosis{Code: CodeVaultDiskFull, Summary: "The disk is full", Seen: reason(err),
			Remedies: do("See what fills it", "df -h", thenResume, resume)}, true
	}
	if !known {
		return recovery.Diagnosis{}
	}
	if d.Intact == "" {
		d.Intact = intact
	}
	if intact == previousLive || intact == restoredLive { // of what was begun there is more than a look
		d.Remedies = goneOnWith(d.Remedies)
	}

	return d
}

// goneOnWith makes of looking again, after a remedy, going on.
func goneOnWith(remedies []recovery.Remedy) []recovery.Remedy {
	all := slices.Clone(remedies)
	for i, r := range all {
		if r.Command == again {
			all[i].Do, all[i].Command = thenResume, resume
		}
	}

	return all
}

func (s *Stack) diagnoseEngine(err error) (recovery.Diagnosis, bool) {
	var old *stack.OldError
	d := recovery.Diagnosis{Seen: reason(err)}
	switch {
	case errors.Is(err, stack.ErrEngineMissing):
		d.Code, d.Summary = CodeEngineMissing, "Docker is not installed on this host"
		d.Remedies = do("Install Docker Engine and its Compose plugin", "apt-get install docker.io", thenLookMore, again)
	case errors.Is(err, stack.ErrEngineForbidden):
		d.Code, d.Summary = CodeEngineForbidden, "This account may not use Docker"
		d.Remedies = do("Run the recovery as root, or join the docker group and log in again", "sudo -E firmflow-recovery", thenLookMore, again)
	case errors.Is(err, stack.ErrEngineUnreachable):
		d.Code, d.Summary = CodeEngineUnreachable, "Docker does not answer"
		d.Remedies = do("Start it", "systemctl start docker", "See why it stopped", "journalctl -u docker -n 50", thenLookMore, again)
	case errors.Is(err, stack.ErrComposeMissing):
		d.Code, d.Summary = CodeComposeMissing, "The Compose plugin (docker compose) is not installed"
		if old, err := command.Find("docker-compose"); err == nil {
			d.Summary, d.Seen = "Only the old docker-compose is installed, not the Compose plugin (docker compose)", old+" is there; docker says: "+d.Seen
		}
		d.Remedies = do("Install it; the old docker-compose is not enough", "apt-get install docker-compose-plugin", thenLookMore, again)
	case errors.As(err, &old):
		d.Code, d.Summary = CodeComposeOld, fmt.Sprintf("%s %s is too old: %s or newer is needed", old.Tool, old.Version, old.Needed)
		d.Remedies = do("Upgrade it", "apt-get install --only-upgrade docker-compose-plugin", thenLookMore, again)
	case errors.Is(err, sandbox.ErrNoPostgres):
		d.Code, d.Summary = CodeSandboxPostgres, "PostgreSQL is not installed on this host, and the sandbox needs it"
		d.Remedies = do("Install it", sandbox.InstallCommand)
	default:
		return d, false
	}

	return d, true
}

func (s *Stack) diagnoseService(err error) (recovery.Diagnosis, bool) {
	var configuration *stack.ConfigurationError
	var image *stack.ImageError
	var port *stack.PortError
	var start *stack.StartError
	d := recovery.Diagnosis{Seen: reason(err)}
	switch {
	case errors.Is(err, stack.ErrNoConfiguration):
		d.Code, d.Summary = CodeNoConfiguration, "No compose file in "+s.ProjectDir
		d.Remedies = do("Put the installation's compose file there, or say where the project is", "firmflow-recovery preflight --project DIR")
	case errors.As(err, &configuration):
		d.Code, d.Summary, d.Seen = CodeConfiguration, "The compose file or .env cannot be read", configuration.Text
		d.Remedies = do("Mend the line that is named; this shows it", typed("docker", "compose", "--project-directory", s.ProjectDir, "config", "--quiet"), thenLookMore, again)
	case errors.As(err, &image):
		return imageMissing(image.Service, image.Image), true
	case errors.As(err, &port):
		d.Code, d.Summary, d.Seen = CodePortTaken, "A port of "+port.Service+" is taken by something else", port.Text
		d.Remedies = do("See who has it, and stop that", "ss -ltnp", thenResume, resume)
	case errors.As(err, &start):
		d.Code, d.Summary, d.Seen = CodeStartFailed, start.Service+" did not start", start.Text
		d.Remedies = do("Read what it said", s.logsOf(start.Service), thenResume, resume)
	default:
		return d, false
	}

	return d, true
}

func (s *Stack) logsOf(service string) string {
	if s.fromSandbox() {
		return typed("tail", "-n", "50", filepath.Join(s.ProjectDir, "log", service+".log"))
	}

	return typed("docker", "compose", "--project-directory", s.ProjectDir, "logs", "--tail", "50", service)
}

// lastWords are the last lines a service wrote, for a diagnosis.
func (s *Stack) lastWords(ctx context.Context, service string) string {
	lines, err := s.Runtime.Logs(ctx, service, 8)
	if err != nil || len(lines) == 0 {
		return ""
	}
	text := "\nIts last lines:"
	for _, line := range lines {
		text += "\n  " + line
	}

	return text
}

func imageMissing(service, image string) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeImageMissing, Summary: "The image of " + service + " is not on this host",
		Seen: image, Intact: nothingTouched,
		Remedies: do("Load it from where your images are kept", "docker load < IMAGES.tar", "Or fetch it, if this host has a network", typed("docker", "pull", image), thenLookMore, again),
	}
}

func otherProject(p stack.Project) recovery.Diagnosis {
	rival := p.Rivals[0]

	return recovery.Diagnosis{
		Code: CodeOtherProject, Summary: "The database may belong to another Compose project",
		Seen:   fmt.Sprintf("project %s has no database volume; project %s has one: %s. Started under this name, the database would be empty.", p.Name, rival.Project, rival.Volume),
		Intact: nothingTouched,
		Remedies: do("If that is the installation, name it", "firmflow-recovery preflight --project-name "+typed(rival.Project),
			"If this is a new one, say so", "firmflow-recovery preflight --project-name "+typed(p.Name)),
	}
}

func databaseUnknown(named string, p stack.Project, found []string) recovery.Diagnosis {
	seen := fmt.Sprintf("services: %s; of these %d look like PostgreSQL", join(all(p)), len(found))
	if named != "" {
		seen = "no service " + named + "; " + seen
	}

	return recovery.Diagnosis{
		Code: CodeDatabaseUnknown, Summary: "Which service is the database cannot be told", Seen: seen, Intact: nothingTouched,
		Remedies: do("Name it", "firmflow-recovery preflight --db-service NAME"),
	}
}

func appUnknown(named string, p stack.Project, found []string) recovery.Diagnosis {
	seen := fmt.Sprintf("services: %s; taking AUTH_SECRET: %s", join(all(p)), orNone(join(found)))
	if named != "" {
		seen = "no service " + named + "; " + seen
	}

	return recovery.Diagnosis{
		Code: CodeAppUnknown, Summary: "Which service is the app cannot be told", Seen: seen, Intact: nothingTouched,
		Remedies: do("Name it", "firmflow-recovery preflight --app-service NAME"),
	}
}

func all(p stack.Project) []string { return names(p, func(stack.Spec) bool { return true }) }

func orNone(s string) string {
	if s == "" {
		return "none"
	}

	return s
}

// databaseUnready is a database that does not answer in time. It is left to
// itself: it may be recovering from a crash.
func (s *Stack) databaseUnready(ctx context.Context, err error) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeDatabaseUnready, Summary: "The database does not answer after " + recovery.Span(s.Patience),
		Seen: reason(err) + s.lastWords(ctx, s.DBService), Intact: previousLive,
		Remedies: do("It is left running; if it recovers from a crash, wait", s.logsOf(s.DBService), thenResume, resume),
	}
}

func (r *restart) appDown(ctx context.Context, app stack.Service) recovery.Diagnosis {
	d := recovery.Diagnosis{
		Code: CodeAppDown, Summary: r.AppService + " does not stay up",
		Seen:   fmt.Sprintf("state %s, restarted %d times, exit code %d", app.State, app.Restarts, app.ExitCode) + r.lastWords(ctx, r.AppService),
		Intact: restoredLive,
		Remedies: do("Read what it said", r.logsOf(r.AppService),
			"A refused licence is the vendor's to renew: it may be bound to the old hardware", "", thenResume, resume),
	}
	if app.OOMKilled {
		d.Summary = r.AppService + " was ended for want of memory"
	}

	return d
}

func (r *restart) appSilent(ctx context.Context, err error) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeAppSilent, Summary: r.AppService + " does not answer as it should", Seen: reason(err) + r.lastWords(ctx, r.AppService),
		Intact:   restoredLive,
		Remedies: do("Read what it said", r.logsOf(r.AppService), "See whether another address is right", "firmflow-recovery resume --app-url URL", thenResume, resume),
	}
}

func noURL(app string) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeAppNoURL, Summary: app + " publishes no port, so it was not asked whether it answers", Seen: "no published port in the project",
		Intact: restoredLive, Remedies: do("Give its address next time", "firmflow-recovery restore --app-url URL"),
	}
}

// diagnoseSwitch is for step 5 before its switch is done: what was live still is.
func (r *restart) diagnoseSwitch(err error) recovery.Diagnosis {
	if d := r.diagnoseCommon(err, previousLive); d.Code != "" {
		return d
	}

	return recovery.Diagnosis{
		Code: CodeSwitchFailed, Summary: "The restored data could not be made live", Seen: reason(err), Intact: previousLive,
		Remedies: do("Continue; what is done is not repeated", resume),
	}
}

func halfSwitched(s *Stack, err error) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeSwitchHalf, Summary: "The vault is the restored one, the database is not, and neither could be changed back",
		Seen:     reason(err),
		Intact:   "Both vaults and both databases are whole. The app is held, so that nobody sees half a system.",
		Remedies: do("Repair what the error names, then continue: the switch is finished or taken back", resume, "Until then keep the app down", s.Runtime.Typed(stack.Stop, s.held()...)),
	}
}

func stagingGone(path string) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeSwitchStaged, Summary: "The staged vault is gone", Seen: "nothing complete in " + path, Intact: previousLive,
		Remedies: do("Continue; it is staged again", resume),
	}
}

func loadedGone(name string) recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: CodeSwitchStaged, Summary: "The loaded database is gone", Seen: "no database " + name + " that this run has loaded and counted",
		Intact: previousLive, Remedies: do("Continue; it is loaded again", resume),
	}
}

func isPermission(err error) bool { return errors.Is(err, fs.ErrPermission) }
