package steps

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/durable"
	"firmflow-recovery/recovery/envfile"
	"firmflow-recovery/recovery/stack"
	"firmflow-recovery/recovery/vault"
)

// restart is step 5: what was restored is made live, the stack is started on
// it, and it is proven that the app serves it with the original's secrets.
type restart struct {
	*Stack
	switched   bool
	referenced int64 // documents that the database names; zero: not known

	up    stack.Service // the app as it answered first
	since time.Time     // then; zero: it has not
}

func (r *restart) ID() recovery.StepID { return RestartID }
func (r *restart) Title() string       { return "make it live, restart the stack" }

// Switched tells whether the restored data is live by now.
func (r *restart) Switched() bool { return r.switched }

// Check proves that the restored data is live and the app serves it.
func (r *restart) Check(ctx context.Context, p recovery.Progress) (recovery.Assessment, error) {
	a := recovery.Assessment{Changes: []string{
		"make the restored vault and database live, set aside what was live",
		"start every service on it; prove that the app serves it with the original's secrets",
	}}
	if r.project == nil {
		return a, nil
	}
	a.Commands = r.commands()
	live, err := r.live(ctx)
	if err != nil || !live {
		return a, err
	}
	r.switched = true
	if o, err := r.outlook(ctx); err != nil || !o.lowered() {
		return a, err // nothing is served, and so nothing can be asked, before Run has taken the barrier away
	}
	findings, held, err := r.prove(ctx, p, r.evidence)
	if err != nil {
		return a, err
	}
	a.Findings = findings
	if standing(findings) == recovery.Blocked {
		return a, nil // still Pending: Run may start what does not run
	}
	a.Findings = append(a.Findings, held...)
	a.Standing, a.Changes, a.Summary = recovery.Done, nil, "the stack runs on the restored data"
	a.Next = r.next()

	return a, nil
}

// next is what the operator does after a recovery.
func (r *restart) next() []string {
	if r.Next != nil {
		return r.Next
	}
	next := []string{
		"tell people: what was written after " + r.Backup.Dump.Modified.UTC().Format("2006-01-02 15:04Z") + " is gone",
		"see that the nightly backup runs again, and take one now",
	}
	place, err := vault.Locate(r.Vault)
	if err != nil {
		return next
	}
	run := string(r.RunID)
	if gone := r.gives(); gone != "" {
		return append(next, "there is no undo: deleted, as was agreed, is "+gone+"; to free what else was kept, which says first what and how much:\nfirmflow-recovery cleanup "+run)
	}
	if kept, err := durable.Exists(place.Aside(run)); err == nil && kept {
		return append(next, "what was live before is kept: vault "+place.Aside(run)+", database "+r.aside()+"; to go back to it:\nfirmflow-recovery undo "+run,
			"when satisfied, free what is kept; it says first how much:\nfirmflow-recovery cleanup "+run)
	}

	return append(next, "to take the recovery back:\nfirmflow-recovery undo "+run)
}

// live tells whether both halves of the switch are done.
func (r *restart) live(ctx context.Context) (bool, error) {
	place, err := vault.Locate(r.Vault)
	if err != nil {
		return false, err
	}
	swapped, err := r.vaultIsLive(place)
	if err != nil || !swapped {
		return false, err
	}
	up, err := r.dbRuns(ctx)
	if err != nil || !up {
		return false, err
	}

	return r.loaded(ctx, r.Database)
}

// Run switches and starts. Between the two nothing of the app runs.
func (r *restart) Run(ctx context.Context, p recovery.Progress) error {
	return r.explained(ctx, r.goLive(ctx, p))
}

func (r *restart) goLive(ctx context.Context, p recovery.Progress) error {
	live, err := r.live(ctx)
	if err != nil {
		return err
	}
	if !live {
		if err := r.Runtime.Stop(ctx, r.held()...); err != nil {
			return err
		}
		if err := r.makeLive(ctx, p); err != nil {
			return err
		}
	}
	r.switched = true
	if err := r.lower(ctx, p); err != nil {
		return err
	}
	p.Phase("start the stack", recovery.Items)
	if err := r.Runtime.Start(ctx, r.all()...); err != nil {
		return err
	}
	p.Phase("wait for the app", recovery.Items)
	if err := r.await(ctx, r.answers); err != nil {
		return recovery.Fail(r.appSilent(ctx, err), err)
	}

	return nil
}

// all are the services of the project, the database first.
func (r *restart) all() []string {
	names := []string{r.DBService}
	for _, spec := range r.project.Specs {
		if spec.Name != r.DBService {
			names = append(names, spec.Name)
		}
	}

	return names
}

func (r *restart) commands() []string {
	place, err := vault.Locate(r.Vault)
	if err != nil {
		return nil
	}
	run := string(r.RunID)
	swap := fmt.Sprintf("begin; alter database %q rename to %q; alter database %q rename to %q; commit", r.Database, r.aside(), r.restoring(), r.Database)
	lines := []string{r.Runtime.Typed(stack.Stop, r.held()...)}
	lines = append(lines, byHand(place, place.Staging(run), place.Aside(run))...)
	lines = append(lines, r.Runtime.TypedIn(r.DBService, "psql", "-U", r.User, "-d", "postgres", "-v", "ON_ERROR_STOP=1", "-c", swap))

	return append(lines, r.Runtime.Typed(stack.Start, r.all()...), typed("curl", "-fsS", "--retry", "60", "--retry-all-errors", "--retry-delay", "1", r.url()+"/api/health"))
}

// byHand is how a vault is exchanged without this program: what lies in coming
// becomes live, what is live goes to leaving. A mount point cannot be renamed:
// its entries go, and those of the directory inside it come.
func byHand(place vault.Place, coming, leaving string) []string {
	live := place.Real
	switch {
	case place.MountPoint:
		out := []string{"find", live, "-mindepth", "1", "-maxdepth", "1"}
		for _, name := range vault.Reserved() {
			out = append(out, "!", "-name", name)
		}

		return []string{
			typed("mkdir", "-p", "-m", "700", leaving),
			typed(append(out, "-exec", "mv", "-t", leaving, "--", "{}", "+")...),
			typed("find", coming, "-mindepth", "1", "-maxdepth", "1", "-exec", "mv", "-t", live, "--", "{}", "+"),
			typed("rmdir", coming),
		}
	case place.Missing:
		return []string{typed("mv", "-T", coming, live)}
	default:
		return []string{typed("mv", "-T", live, leaving), typed("mv", "-T", coming, live)}
	}
}

// url is where the app answers, as seen from this host; empty if unknown.
func (s *Stack) url() string {
	if s.AppURL != "" {
		return s.AppURL
	}
	spec, known := s.app()
	if !known || len(spec.Ports) == 0 {
		return ""
	}
	port := spec.Ports[0]
	for _, p := range spec.Ports {
		if p.Target == guidePort {
			port = p
		}
	}
	host := port.Host
	if host == "" || host == "0.0.0.0" || host == "::" {
		host = "127.0.0.1"
	}

	return fmt.Sprintf("http://%s:%d", host, port.Published)
}

// answers asks the app's health page, and the front page where it has none.
func (r *restart) answers(ctx context.Context) error {
	now, err := r.Runtime.Services(ctx)
	if err != nil {
		return err
	}
	if app := stack.Find(now, r.AppService); app.State != stack.Running || app.Health == stack.Unhealthy || app.Health == stack.Starting {
		return &notReadyError{app}
	}
	if r.url() != "" {
		if _, _, err = r.ask(ctx); err != nil {
			return err
		}
	}
	if app := stack.Find(now, r.AppService); !sameStart(app, r.up) {
		r.up, r.since = app, r.Now()
	}

	return nil
}

// sameStart tells whether a service runs as it did then, without another start
// between.
func sameStart(now, then stack.Service) bool {
	return now.State == stack.Running && now.ID == then.ID && now.Restarts == then.Restarts && now.StartedAt.Equal(then.StartedAt)
}

// settles is how long the app has to be watched from now on.
func (r *restart) settles(now stack.Service) time.Duration {
	if r.since.IsZero() || !sameStart(now, r.up) {
		return r.Settle
	}

	return min(r.Settle, max(0, r.Settle-r.Now().Sub(r.since)))
}

func (r *restart) ask(ctx context.Context) (int, time.Duration, error) {
	status, took, err := r.Probe(ctx, r.url()+"/api/health")
	if err == nil && status == http.StatusNotFound {
		status, took, err = r.Probe(ctx, r.url()+"/")
	}
	if err != nil {
		return 0, 0, err
	}
	if status >= http.StatusBadRequest {
		return status, took, &statusError{r.url(), status}
	}

	return status, took, nil
}

// notReadyError is an app that is not up, or not well.
type notReadyError struct{ service stack.Service }

func (e *notReadyError) Error() string {
	if e.service.Health != stack.NoCheck {
		return fmt.Sprintf("%s is %s, %s", e.service.Name, e.service.State, e.service.Health)
	}

	return fmt.Sprintf("%s is %s", e.service.Name, e.service.State)
}

// statusError is an app that answers with an error.
type statusError struct {
	url    string
	status int
}

func (e *statusError) Error() string { return fmt.Sprintf("%s answers %d", e.url, e.status) }

// keysDiffer names the keys that the app's container does not hold as the
// original does.
func (s *Stack) keysDiffer(ctx context.Context) ([]string, error) {
	original, err := s.original()
	if err != nil {
		return nil, err
	}
	held, err := s.Runtime.Holds(ctx, s.AppService)
	if err != nil {
		return nil, err
	}
	var wrong []string
	for _, key := range envfile.Keys() {
		if want := original.Value(key); !want.Empty() && !want.Equal(held[key]) {
			wrong = append(wrong, key)
		}
	}

	return wrong, nil
}

// Diagnose gives the errors of step 5 their meaning.
func (r *restart) Diagnose(err error) recovery.Diagnosis {
	if r.switched {
		return r.diagnoseCommon(err, restoredLive)
	}

	return r.diagnoseSwitch(err)
}
