package stack

import (
	"cmp"

	"istio-conformance/internal/mesh/charts"
)

// What a check may know of the configuration.

// Profile is the way Istio is installed, one of Profiles.
func (s *Stack) Profile() string { return cmp.Or(s.config.Profile, ProfileDefault) }

// Source is where images and charts come from: release, modules or archive; empty of
// an existing cluster.
func (s *Stack) Source() string { return s.config.Images }

// Helm4 reports whether Istio is installed by Helm 4.
func (s *Stack) Helm4() bool { return s.config.Helm == Helm4 }

// MakeHelm returns the library of Helm that is asked for; nil is Helm 3's.
func (s *Stack) MakeHelm() charts.Maker { return s.config.MakeHelm }

// Root is the checkout.
func (s *Stack) Root() string { return s.config.Root }

// CacheDir is where what is costly is kept.
func (s *Stack) CacheDir() string { return s.config.CacheDir }

// OutDir is where this run writes.
func (s *Stack) OutDir() string { return s.config.OutDir }
