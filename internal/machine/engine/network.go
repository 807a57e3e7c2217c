package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"istio-conformance/internal/process/command"
)

// sysctls are the settings below /proc/sys/net that dockerd turns on when it
// starts or makes a network, and leaves on when it ends.
var sysctls = []string{
	"ipv4/ip_forward", "ipv6/conf/all/forwarding", "ipv6/conf/default/forwarding",
	"bridge/bridge-nf-call-iptables", "bridge/bridge-nf-call-ip6tables",
}

// packetFilters are the programs whose rules dockerd changes.
var packetFilters = []string{"iptables", "ip6tables"}

// network is what the machine's network was before a private engine started:
// dockerd leaves chains, a policy and settings behind, and what had been there
// before must stay.
type network struct {
	// Boot is the id of the boot for which this holds.
	Boot string `json:"boot"`
	// Sysctls holds the settings by their path below /proc/sys/net.
	Sysctls map[string]string `json:"sysctls"`
	// Links holds the names of the network interfaces.
	Links []string `json:"links"`
	// Rules holds the output of each packet filter's save program.
	Rules map[string]string `json:"rules"`
}

// recordNetwork writes the network's state to path. A record of this boot stays:
// its engine ended without a clean-up, and what it left is not the state before.
func recordNetwork(ctx context.Context, path string) error {
	now, err := readNetwork(ctx)
	if err != nil {
		return fmt.Errorf("record the network before the engine starts: %w", err)
	}
	if before, ok, err := loadNetwork(path); err != nil {
		return err
	} else if ok && before.Boot == now.Boot {
		return nil
	}
	content, err := json.Marshal(now)
	if err != nil {
		return fmt.Errorf("encode the network before the engine starts: %w", err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		return fmt.Errorf("record the network before the engine starts: %w", err)
	}
	return nil
}

// loadNetwork reads a record; ok is false when there is none.
func loadNetwork(path string) (before network, ok bool, err error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return network{}, false, nil
	}
	if err == nil {
		err = json.Unmarshal(content, &before)
	}
	if err != nil {
		return network{}, false, fmt.Errorf("read the network's state before the engine: %w", err)
	}
	return before, true, nil
}

// readNetwork returns the state of this process's network namespace.
func readNetwork(ctx context.Context) (network, error) {
	boot, err := os.ReadFile(filepath.Join(procDir, "sys", "kernel", "random", "boot_id"))
	if err != nil {
		return network{}, err
	}
	state := network{Boot: strings.TrimSpace(string(boot)), Sysctls: map[string]string{}, Rules: map[string]string{}}
	for _, name := range sysctls {
		value, err := os.ReadFile(sysctlPath(name))
		if errors.Is(err, fs.ErrNotExist) {
			continue // no IPv6, or no bridge netfilter
		}
		if err != nil {
			return network{}, err
		}
		state.Sysctls[name] = strings.TrimSpace(string(value))
	}
	links, err := net.Interfaces()
	if err != nil {
		return network{}, fmt.Errorf("list the network interfaces: %w", err)
	}
	for _, link := range links {
		state.Links = append(state.Links, link.Name)
	}
	for _, filter := range packetFilters {
		if _, err := exec.LookPath(filter + "-save"); err != nil {
			continue // dockerd can not use it either
		}
		if state.Rules[filter], err = command.Output(ctx, filter+"-save"); err != nil {
			return network{}, err
		}
	}
	return state, nil
}

// restoreNetwork takes away what the private engine left in the network, as far
// as it was not there before.
func restoreNetwork(ctx context.Context, before network) error {
	now, err := readNetwork(ctx)
	if err != nil {
		return fmt.Errorf("read what the engine left in the network: %w", err)
	}
	var errs []error
	for filter, rules := range now.Rules {
		if script := undoRules(before.Rules[filter], rules); script != "" {
			restore := command.Command{Args: []string{filter + "-restore", "--noflush", "--wait"}, Stdin: strings.NewReader(script)}
			_, err := restore.Output(ctx)
			errs = append(errs, err)
		}
	}
	for _, link := range now.Links {
		if isBridge(link) && !slices.Contains(before.Links, link) {
			errs = append(errs, command.Run(ctx, "ip", "link", "delete", link))
		}
	}
	if othersCame(before.Links, now.Links) {
		return errors.Join(errs...)
	}
	for name, value := range now.Sysctls {
		if was, ok := before.Sysctls[name]; ok && was != value {
			errs = append(errs, os.WriteFile(sysctlPath(name), []byte(was), 0))
		}
	}
	return errors.Join(errs...)
}

// othersCame says whether somebody else has made interfaces meanwhile, as podman does
// for its containers: these may need the settings by now.
func othersCame(before, now []string) bool {
	return slices.ContainsFunc(now, func(link string) bool {
		return !slices.Contains(before, link) && !isBridge(link)
	})
}

func sysctlPath(name string) string { return filepath.Join(procDir, "sys", "net", name) }
