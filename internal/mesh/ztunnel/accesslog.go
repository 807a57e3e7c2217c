// Package ztunnel reads the access log of ztunnel, the proxy of a node in Istio's
// ambient mode.
package ztunnel

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Directions of a connection as ztunnel's log names them: from a pod of its node,
// and to one.
const (
	Outbound = "outbound"
	Inbound  = "inbound"
)

// HBONEPort is where pods in the ambient mesh take HBONE: HTTP CONNECT over mutual
// TLS. https://istio.io/latest/docs/ambient/architecture/hbone/
const HBONEPort = 15008

// Connection is a line of ztunnel's access log. ztunnel writes one when a connection
// ends. The fields are those of ConnectionResult in its src/proxy/metrics.rs.
type Connection struct {
	Time time.Time `json:"time"`
	// SourceAddress and DestinationAddress are host:port on the wire; HBONEAddress is
	// where the tunnel leads, empty when there is none.
	SourceAddress      string `json:"src.addr"`
	DestinationAddress string `json:"dst.addr"`
	HBONEAddress       string `json:"dst.hbone_addr"`
	// SourceWorkload and DestinationWorkload are pods' names, as far as ztunnel knows
	// them.
	SourceWorkload      string `json:"src.workload"`
	DestinationWorkload string `json:"dst.workload"`
	// SourceIdentity and DestinationIdentity are SPIFFE identities that mutual TLS
	// proved; empty when there was none.
	SourceIdentity      string `json:"src.identity"`
	DestinationIdentity string `json:"dst.identity"`
	// DestinationService is the host name of the Service that was asked for.
	DestinationService string `json:"dst.service"`
	// Direction is Outbound or Inbound.
	Direction string `json:"direction"`
	// Error says why the connection failed or was refused; empty when it was not.
	Error string `json:"error"`

	Scope string `json:"scope"`
}

// Tunnelled reports whether the connection came or went by HBONE.
func (c Connection) Tunnelled() bool { return c.HBONEAddress != "" }

// String is the connection in one line, for a failure's message.
func (c Connection) String() string {
	name := func(address, workload, identity string) string {
		return strings.TrimSpace(fmt.Sprintf("%s %s %s", address, workload, identity))
	}
	text := fmt.Sprintf("%s %s -> %s", c.Direction, name(c.SourceAddress, c.SourceWorkload, c.SourceIdentity),
		name(c.DestinationAddress, c.DestinationWorkload, c.DestinationIdentity))
	if c.Tunnelled() {
		text += " tunnel to " + c.HBONEAddress
	}
	if c.Error != "" {
		text += ": " + c.Error
	}
	return text
}

// Connections returns the lines of the access log in what a ztunnel has printed as
// JSON (value logAsJson of its chart), in their order. Other lines are passed over.
func Connections(log string) ([]Connection, error) {
	var all []Connection
	for line := range strings.Lines(log) {
		if !strings.Contains(line, `"scope":"access"`) {
			continue
		}
		var c Connection
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			return nil, fmt.Errorf("ztunnel's access log: %q: %w", strings.TrimSpace(line), err)
		}
		all = append(all, c)
	}
	return all, nil
}
