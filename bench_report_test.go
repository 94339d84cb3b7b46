package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// remark notes what a row found beside its times, once.
func (b *bench) remark(text string) {
	if !slices.Contains(b.remarks, text) {
		b.remarks = append(b.remarks, text)
	}
}

// verdict holds the median against the goal.
func (o outcome) verdict() string {
	switch m := median(o.Ratios); {
	case m >= o.Target:
		return "target reached"
	case m >= o.Floor:
		return "floor reached"
	default:
		return "BELOW THE FLOOR"
	}
}

func (o outcome) line() string {
	return fmt.Sprintf("%s | %s | %.2fx (%.2f-%.2f) | %.2g, %.2g | %s | %.2f s, %.2f s | %.2f s, %.2f s | %d MiB | %.0f (%.0f-%.0f)",
		o.Name, strings.ReplaceAll(o.Against, "|", `\|`), median(o.Ratios), slices.Min(o.Ratios), slices.Max(o.Ratios), o.Floor, o.Target, o.verdict(),
		median(wallTimes(o.Ours)), median(wallTimes(o.Theirs)), median(cpuTimes(o.Ours)), median(cpuTimes(o.Theirs)), peak(o.Ours)>>20,
		median(o.Disk), slices.Min(o.Disk), slices.Max(o.Disk))
}

// write writes the report for people and the one for programs.
func (b *bench) write(dir string) {
	b.t.Helper()
	var md strings.Builder
	fmt.Fprintf(&md, "# Benchmark, %s, %s\n\n%s, %d processors, %d pairs a row, each in turn and in changing order. The ratio is the median of the pairs, with the least and the greatest.\n\n",
		b.size.sizeName, time.Now().UTC().Format("2006-01-02 15:04Z"), runtime.Version(), runtime.NumCPU(), b.size.rounds)
	md.WriteString("| what | against | times faster | floor, target | verdict | wall: ours, theirs | CPU: ours, theirs | our peak memory | raw disk, MiB/s |\n|---|---|---|---|---|---|---|---|---|\n")
	for _, o := range b.results {
		fmt.Fprintf(&md, "| %s |\n", o.line())
	}
	for _, r := range b.remarks {
		fmt.Fprintf(&md, "\n- %s", r)
	}
	md.WriteString("\n" + b.growthTable() + b.momentTable())
	text, err := json.MarshalIndent(map[string]any{"size": b.size.sizeName, "rows": b.results, "growth": b.grown, "moments": b.moment, "remarks": b.remarks}, "", "  ")
	if err != nil {
		b.t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "bench.md"), []byte(md.String()), 0o600), os.WriteFile(filepath.Join(dir, "bench.json"), text, 0o600)); err != nil {
		b.t.Fatal(err)
	}
}

func wallTimes(all []spent) []float64 {
	return figures(all, func(s spent) float64 { return s.Wall.Seconds() })
}
func cpuTimes(all []spent) []float64 {
	return figures(all, func(s spent) float64 { return s.CPU.Seconds() })
}

func figures(all []spent, figure func(spent) float64) []float64 {
	list := make([]float64, len(all))
	for i, s := range all {
		list[i] = figure(s)
	}

	return list
}

// peak is the most memory of all runs. It is at least what the benchmark itself
// takes, which a forked process begins with.
func peak(all []spent) int64 {
	var most int64
	for _, s := range all {
		most = max(most, s.Peak)
	}

	return most
}

func median(figures []float64) float64 {
	sorted := slices.Sorted(slices.Values(figures))

	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

func sha256Of(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }()
	sum := sha256.New()
	_, err = io.Copy(sum, file)

	return hex.EncodeToString(sum.Sum(nil)), err
}
