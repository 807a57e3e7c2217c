package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"istio-conformance/internal/machine/kernelprobe"
	"istio-conformance/internal/machine/kernelprobe/guest"
	"istio-conformance/internal/process/command"
)

// caseTimeout bounds the programs of one case on an emulated processor.
const caseTimeout = 3 * time.Minute

// try makes one case and says what kernel-probe says in it.
func try(c *guest.Case) guest.Result {
	started := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), caseTimeout)
	defer cancel()
	result := guest.Result{Case: c.Name, Status: map[string]string{}, Reason: map[string]string{}}
	if err := prepare(ctx, c); err != nil {
		result.Problem = err.Error()
	} else if err := probe(ctx, c, &result); err != nil {
		result.Problem = err.Error()
	}
	if err := restore(c); err != nil {
		result.Problem = strings.TrimSpace(result.Problem + " " + err.Error())
	}
	result.Seconds = time.Since(started).Seconds()
	return result
}

// normal are the settings of a node.
var normal = map[string]string{
	"net/ipv4/ip_forward": "1", "net/bridge/bridge-nf-call-iptables": "1", "fs/inotify/max_user_instances": "128",
}

// prepare makes the machine one that has just booted in the state of the case.
func prepare(ctx context.Context, c *guest.Case) error {
	if err := unloadAll(); err != nil {
		return err
	}
	if err := hideModules(ctx, c.Hide); err != nil {
		return err
	}
	if err := showTools(c.Tools); err != nil {
		return err
	}
	if !c.NoBoot {
		table, err := kernelprobe.Requirements()
		if err != nil {
			return err
		}
		// As at boot, one that is missing keeps nothing else from being loaded.
		if err := command.Run(ctx, append([]string{"modprobe", "--all"}, kernelprobe.BootModules(table)...)...); err != nil && len(c.Hide) == 0 {
			return err
		}
	}
	for _, settings := range []map[string]string{normal, c.Sysctls} {
		for name, value := range settings {
			path := filepath.Join("/proc/sys", name)
			if _, err := os.Stat(path); err != nil {
				continue // of a module that is not loaded
			}
			if err := os.WriteFile(path, []byte(value), 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

// probe runs kernel-probe and fills in its result.
func probe(ctx context.Context, c *guest.Case, result *guest.Result) error {
	uses := c.For
	if uses == "" {
		uses = "all"
	}
	args := []string{"--json", "--kubernetes", "1.36", "--for", uses}
	if c.Fix {
		args = append(args, "--fix", "--yes")
	}
	var stdout, stderr bytes.Buffer
	run := exec.CommandContext(ctx, "/bin/kernel-probe", args...)
	run.Stdout, run.Stderr = &stdout, &stderr
	err := run.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return err
	}
	result.Printed = stderr.String()
	var report kernelprobe.Report
	if err := json.Unmarshal(stdout.Bytes(), &report); err != nil {
		return fmt.Errorf("kernel-probe printed no report: %w: %s", err, stderr.String())
	}
	result.Verdict, result.Backend = string(report.Verdict), string(report.Backend)
	for _, list := range [][]kernelprobe.Finding{report.Requirements, report.Settings} {
		for _, f := range list {
			result.Status[f.Name] = string(f.Status)
			if f.Status != kernelprobe.OK {
				result.Reason[f.Name] = f.Reason
			}
		}
	}
	return nil
}

// restore gives the machine back what the case took.
func restore(c *guest.Case) error {
	if c.Fix {
		if err := os.Remove(kernelprobe.BootFile); err != nil {
			return err
		}
	}
	return errors.Join(showTools(guest.BothTools), showModules())
}
