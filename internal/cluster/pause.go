package cluster

import (
	"context"
	"fmt"
)

// Pause halts everything that runs on a node of a cluster of ours: it neither answers nor
// ends. Resume lets it go on, and may be repeated.
func (c *Cluster) Pause(ctx context.Context, node string) error {
	if _, err := c.node(node); err != nil {
		return err
	}
	if _, err := c.engine.CLI(ctx, "pause", node); err != nil {
		return fmt.Errorf("pause node %s: %w", node, err)
	}
	return nil
}

// Resume is the end of Pause; a node that is not paused stays as it is.
func (c *Cluster) Resume(ctx context.Context, node string) error {
	if _, err := c.node(node); err != nil {
		return err
	}
	state, err := c.engine.CLI(ctx, "inspect", "--type=container", "--format", "{{.State.Paused}}", node)
	if err == nil && state == "true\n" {
		_, err = c.engine.CLI(ctx, "unpause", node)
	}
	if err != nil {
		return fmt.Errorf("resume node %s: %w", node, err)
	}
	return nil
}
