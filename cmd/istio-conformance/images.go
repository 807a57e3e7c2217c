package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"istio-conformance/internal/images/archive"
	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/stack/options"
)

// stopTimeout bounds the end of an engine that the command started.
const stopTimeout = time.Minute

// imagesCommand manages the images and charts that a run needs.
func imagesCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "images",
		Short: "List, build, save and load the images and charts of a run",
		Args:  noArguments,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	command.AddCommand(imagesList(), imagesBuild(), imagesSave(), imagesLoad(), imagesSelf(), imagesBackend())
	return command
}

func imagesList() *cobra.Command {
	command := &cobra.Command{
		Use:   "list",
		Short: "List what a run would use, and whether it is here already; changes nothing",
		Args:  noArguments,
	}
	o := addOptions(command)
	command.RunE = func(c *cobra.Command, _ []string) error {
		s, err := resolve(c.Context(), o)
		if err != nil {
			return err
		}
		items, err := s.ListImages(c.Context())
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
		fmt.Fprintf(w, "%s, source %s\n", s, s.Source())
		for _, item := range items {
			fmt.Fprintf(w, "%s\t%s\t%s\n", item.Kind, item.Name, item.State)
		}
		return w.Flush()
	}
	return command
}

func imagesBuild() *cobra.Command {
	command := &cobra.Command{
		Use:   "build",
		Short: "Build or fetch the images and charts, so that a run finds them",
		Args:  noArguments,
	}
	o := addOptions(command)
	command.RunE = func(c *cobra.Command, _ []string) error {
		return prepared(c, o, func(s *stack.Builder) error {
			for _, reference := range slices.Sorted(maps.Keys(s.Images.Digests)) {
				fmt.Fprintln(c.OutOrStdout(), reference, s.Images.Digests[reference])
			}
			return nil
		})
	}
	return command
}

func imagesSave() *cobra.Command {
	command := &cobra.Command{
		Use:   "save --output FILE",
		Short: "Save the images and charts to a file, for IMAGES=archive on a machine without a network",
		Args:  noArguments,
	}
	o := addOptions(command)
	output := command.Flags().StringP("output", "o", "", "file to write: .tar, .tar.gz or .tar.zst")
	command.RunE = func(c *cobra.Command, _ []string) error {
		if *output == "" {
			return exitcode.Usagef("images save: name the file to write: --output cell.tar.gz")
		}
		return prepared(c, o, func(s *stack.Builder) error {
			return archive.Save(c.Context(), s.Engine, s.Cell.Pair, s.Images, *output)
		})
	}
	return command
}

func imagesLoad() *cobra.Command {
	command := &cobra.Command{
		Use:   "load FILE",
		Short: "Verify a saved file and load it into the engine",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return exitcode.Usagef("images load: want one argument, the file that images save wrote")
			}
			return nil
		},
	}
	o := addOptions(command)
	command.RunE = func(c *cobra.Command, args []string) error {
		o.Images, o.Archive = istio.SourceArchive, args[0]
		return prepared(c, o, func(s *stack.Builder) error {
			_, err := fmt.Fprintf(c.OutOrStdout(), "%s is in the engine: make e2e IMAGES=archive ARCHIVE=%s\n", s, args[0])
			return err
		})
	}
	return command
}

// addOptions gives a command the flags of a run.
func addOptions(command *cobra.Command) *options.Options {
	flags := flag.NewFlagSet(command.Name(), flag.ContinueOnError)
	o := options.Register(flags, os.Getenv)
	command.Flags().AddGoFlagSet(flags)
	command.PreRunE = func(c *cobra.Command, _ []string) (err error) {
		// Cobra sets the values behind the back of the flag set, which would take a
		// flag that was given for one that was left out.
		c.Flags().Visit(func(f *pflag.Flag) {
			if flags.Lookup(f.Name) != nil {
				err = errors.Join(err, flags.Set(f.Name, f.Value.String()))
			}
		})
		return err
	}
	return o
}

func resolve(ctx context.Context, o *options.Options) (*stack.Builder, error) {
	if err := o.Complete(); err != nil {
		return nil, err
	}
	s := stack.New(o.Config)
	s.Say = func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
	err := s.Resolve(ctx)
	for _, warning := range s.Warnings() {
		s.Say("‼ %s", warning)
	}
	return s, err
}

// prepared prepares the images, does something with them, and stops the engine
// if it had to be started.
func prepared(c *cobra.Command, o *options.Options, do func(*stack.Builder) error) (err error) {
	s, err := resolve(c.Context(), o)
	if err != nil {
		return err
	}
	defer func() {
		if s.Engine == nil || !s.Engine.Started {
			return
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Context()), stopTimeout)
		defer cancel()
		err = errors.Join(err, s.Engine.Stop(ctx))
	}()
	w := newWorking(c.ErrOrStderr())
	ctx, stop := w.watch(c.Context())
	defer stop()
	if err := s.Prepare(ctx, w.logf); err != nil {
		return err
	}
	return do(s)
}

// logTo writes progress to the command's standard error, a line a step.
func logTo(c *cobra.Command) func(string, ...any) {
	return func(format string, args ...any) { fmt.Fprintf(c.ErrOrStderr(), format+"\n", args...) }
}
