package report_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/report"
)

var began = time.Date(2026, 11, 23, 3, 1, 7, 0, time.UTC)

// told folds a run of which the texts hold what a page could trip over. It ends
// with the verdict given; without one it was killed.
func told(run recovery.RunID, v *recovery.Verdict) recovery.State {
	var s recovery.State
	seq := uint64(0)
	tell := func(after time.Duration, e recovery.Event) {
		seq++
		e.V, e.Seq, e.Time, e.Run = recovery.Version, seq, began.Add(after), run
		s.Apply(e)
	}
	evil := `<script src="http://evil.example/x.js"></script> & "quoted" ` + "\x1b[2J\x00 ü"
	ok := recovery.OK("vault", "220 files restored "+evil).Of(1<<20, 220)
	tell(0, recovery.Event{
		Kind: recovery.RunOpened, Purpose: recovery.Drilling, Program: "v1.2.3", Within: time.Minute, Host: "ffhost-01", Text: "2026-11-22",
		Inputs: []recovery.Input{{Name: "dump", Value: "/b/db.dump, 1,048,576 bytes of 2026-11-22T02:00:00.5Z"}, {Name: "odd", Value: evil}},
	})
	tell(time.Second, recovery.Event{Kind: recovery.PlanMade, Plan: &recovery.Plan{Backup: "2026-11-22", Target: evil}})
	q := recovery.Question{ID: recovery.AskStart, Text: "Start the drill", Options: []recovery.Option{{Key: recovery.Go, Label: "Start"}}}
	tell(2*time.Second, recovery.Event{Kind: recovery.Answered, Question: &q, Answer: &recovery.Answer{Choice: recovery.Go}})
	tell(3*time.Second, recovery.Event{Kind: recovery.RunStarted})
	tell(4*time.Second, recovery.Event{Kind: recovery.StepStarted, Step: "vault", Title: "restore the vault", Attempt: 1})
	tell(5*time.Second, recovery.Event{Kind: recovery.StepNoted, Step: "vault", Text: evil})
	tell(10*time.Second, recovery.Event{Kind: recovery.StepProof, Step: "vault", Finding: &ok})
	tell(10*time.Second, recovery.Event{Kind: recovery.StepFinished, Step: "vault", Text: "done " + evil, Commands: []string{"tar -xzf " + evil}})
	tell(10*time.Second, recovery.Event{Kind: recovery.StepStarted, Step: "database", Title: "load the dump", Attempt: 1})
	if v != nil {
		tell(20*time.Second, recovery.Event{Kind: recovery.RunEnded, Verdict: v})
	}

	return s
}

func verdicts() map[string]*recovery.Verdict {
	d := recovery.Diagnosis{Code: "dump.truncated", Summary: "The dump <ends> early", Seen: "a\nb", Intact: "all", Remedies: []recovery.Remedy{{Do: "copy it", Command: "cp a b"}}}

	return map[string]*recovery.Verdict{
		"verified": {Outcome: recovery.Verified, Took: 20 * time.Second, Proofs: []recovery.Finding{recovery.OK("vault", "whole")}, Next: []string{"keep this\nfirmflow-recovery report"}},
		"failed":   {Outcome: recovery.DrillFailed, Exit: recovery.ExitVerification, Took: 20 * time.Second, Diagnosis: &d, Proofs: []recovery.Finding{recovery.Problem("dump", recovery.Failed, d)}},
		"stopped":  {Outcome: recovery.DrillStopped, Exit: recovery.ExitTerminated, Took: 20 * time.Second},
		"killed":   nil,
	}
}

func TestThePageIsWellFormedAndReferencesNothingOutside(t *testing.T) {
	attribute := regexp.MustCompile(`(?i)^(src|href|srcset|action|data|background|poster|cite|formaction|xlink:href|on\w+)$`)
	for name, v := range verdicts() {
		page, err := report.Of(told("20261123-030107", v), []recovery.Account{told("20261116-030107", verdicts()["verified"]).Account()}).HTML()
		if err != nil {
			t.Fatal(err)
		}
		elements := 0
		in := xml.NewDecoder(bytes.NewReader(page))
		in.Strict = true
		for {
			token, err := in.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: the page is not well-formed: %v\n%s", name, err, page)
			}
			element, is := token.(xml.StartElement)
			if !is {
				continue
			}
			elements++
			switch strings.ToLower(element.Name.Local) {
			case "script", "link", "img", "iframe", "object", "embed", "base", "audio", "video", "source", "use", "image", "form", "a":
				t.Errorf("%s: the page has a <%s>", name, element.Name.Local)
			}
			for _, a := range element.Attr {
				if attribute.MatchString(a.Name.Local) || strings.Contains(a.Value, "//") || strings.Contains(a.Value, "url(") {
					t.Errorf("%s: <%s %s=%q>", name, element.Name.Local, a.Name.Local, a.Value)
				}
			}
		}
		if elements < 50 {
			t.Errorf("%s: only %d elements", name, elements)
		}
		for _, way := range []string{"@import", "@font-face", "url(", "<script"} {
			if bytes.Contains(page, []byte(way)) {
				t.Errorf("%s: the page holds %q", name, way)
			}
		}
		if bytes.ContainsAny(page, "\x00\x1b") {
			t.Errorf("%s: a control character got through", name)
		}
	}
}

func TestAllFormsSayTheSame(t *testing.T) {
	for name, v := range verdicts() {
		s := told("20261123-030107", v)
		earlier := []recovery.Account{told("20261116-030107", verdicts()["verified"]).Account()}
		r := report.Of(s, earlier)
		page, err := r.HTML()
		if err != nil {
			t.Fatal(err)
		}
		object, err := r.JSON()
		if err != nil {
			t.Fatal(err)
		}
		texts := []string{"20261123-030107", "20261116-030107", "ffhost-01", "2026-11-22", "v1.2.3", "restore the vault", "Start the drill", "25 h 1 min"}
		if v != nil {
			texts = append(texts, string(v.Outcome))
		}
		if v != nil && v.Diagnosis != nil {
			texts = append(texts, "dump.truncated", "cp a b")
		}
		for _, text := range texts {
			if !strings.Contains(report.Markdown(s, earlier), text) {
				t.Errorf("%s: the Markdown lacks %q", name, text)
			}
			if !bytes.Contains(page, []byte(text)) {
				t.Errorf("%s: the page lacks %q", name, text)
			}
			if text != "25 h 1 min" && !bytes.Contains(object, []byte(text)) {
				t.Errorf("%s: the JSON lacks %q", name, text)
			}
		}
		var read struct {
			Took    float64 `json:"took_s"`
			Target  float64 `json:"target_s"`
			DataAge float64 `json:"data_age_s"`
			Steps   []struct {
				Took  float64 `json:"took_s"`
				After float64 `json:"after_s"`
				Bytes int64   `json:"bytes"`
				Items int64   `json:"items"`
			} `json:"steps"`
			Trend []struct{ Run string } `json:"trend"`
		}
		if err := json.Unmarshal(object, &read); err != nil {
			t.Fatal(err)
		}
		took := 20.0
		if v == nil {
			took = 10 // of a killed one, until its last event
		}
		age := began.Sub(time.Date(2026, 11, 22, 2, 0, 0, 5e8, time.UTC)).Seconds()
		got := fmt.Sprintf("%v %v %v %v %d", read.Took, read.Target, read.DataAge, read.Steps, len(read.Trend))
		want := fmt.Sprintf("%v 60 %v [{6 4 1048576 220} {%v 10 0 0}] 2", took, age, took-10)
		if v != nil {
			want = fmt.Sprintf("%v 60 %v [{6 4 1048576 220} {10 10 0 0}] 2", took, age)
		}
		if got != want {
			t.Errorf("%s: figures %s, want %s", name, got, want)
		}
	}
}
