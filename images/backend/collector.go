package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
)

// collectorAddress is OTLP's port for gRPC.
const collectorAddress = ":4317"

// Span is a line of the collector's log: what of a span the checks ask for.
type Span struct {
	// Trace, Span and Parent are ids in hexadecimal; a root has no parent.
	Trace  string `json:"trace"`
	Span   string `json:"span"`
	Parent string `json:"parent,omitempty"`
	// Service is the resource's service.name: who made the span.
	Service string `json:"service"`
	// Name is the operation; Kind is as OTLP names it, such as SPAN_KIND_SERVER.
	Name string `json:"name"`
	Kind string `json:"kind"`
	// Attributes are the span's own that are strings.
	Attributes map[string]string `json:"attributes,omitempty"`
}

// spans receives spans and writes each as a line of JSON.
type spans struct {
	collector.UnimplementedTraceServiceServer

	mu  sync.Mutex // of log
	log io.Writer
}

// serveCollector receives traces by OTLP until ctx ends.
func serveCollector(ctx context.Context) error {
	server := grpc.NewServer()
	collector.RegisterTraceServiceServer(server, &spans{log: os.Stdout})
	s := newServers(ctx)
	s.grpc(collectorAddress, server)
	s.http(healthAddress, newHealth(crash), nil)
	return s.wait(ctx)
}

// Export is OTLP's one method for traces.
func (s *spans) Export(_ context.Context, request *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, resource := range request.GetResourceSpans() {
		service := texts(resource.GetResource().GetAttributes())["service.name"]
		for _, scope := range resource.GetScopeSpans() {
			for _, span := range scope.GetSpans() {
				if err := json.NewEncoder(s.log).Encode(line(service, span)); err != nil {
					return nil, fmt.Errorf("write a span: %w", err)
				}
			}
		}
	}
	return &collector.ExportTraceServiceResponse{}, nil
}

func line(service string, span *trace.Span) Span {
	return Span{
		Trace: hex.EncodeToString(span.GetTraceId()), Span: hex.EncodeToString(span.GetSpanId()), Parent: hex.EncodeToString(span.GetParentSpanId()),
		Service: service, Name: span.GetName(), Kind: span.GetKind().String(), Attributes: texts(span.GetAttributes()),
	}
}

// texts are the attributes whose value is a string.
func texts(attributes []*common.KeyValue) map[string]string {
	all := map[string]string{}
	for _, a := range attributes {
		if text, ok := a.GetValue().GetValue().(*common.AnyValue_StringValue); ok {
			all[a.GetKey()] = text.StringValue
		}
	}
	return all
}
