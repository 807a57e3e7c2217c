// Package xds asks istiod for the configuration of a proxy, as the proxy would: by the
// aggregated discovery service. Only names are read here; istiod's own dump has the rest.
package xds

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
)

// Types of resources. Source: Envoy's xDS protocol.
const (
	Clusters  = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
	Listeners = "type.googleapis.com/envoy.config.listener.v3.Listener"
	Routes    = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
	Endpoints = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
)

const method = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources"

// answerTime is how long istiod may take for an answer, also on a busy machine.
const answerTime = time.Minute

// messageLimit is what one answer may hold: large meshes have large ones.
const messageLimit = 512 << 20

// Stream is the connection of one proxy.
type Stream struct {
	connection *grpc.ClientConn
	stream     grpc.ClientStream
	node       []byte
	cancel     context.CancelFunc

	mu sync.Mutex
	// answers are how many came of each type; names are what was subscribed to.
	answers map[string]int
	names   map[string][]string
	came    chan struct{}
	failed  error
}

// bytesCodec takes messages as they are on the wire.
type bytesCodec struct{}

func (bytesCodec) Name() string { return "proto" }

func (bytesCodec) Marshal(v any) ([]byte, error) {
	if b, ok := v.(*[]byte); ok {
		return *b, nil
	}
	return nil, fmt.Errorf("a %T is no message here", v)
}

func (bytesCodec) Unmarshal(data []byte, v any) error {
	b, ok := v.(*[]byte)
	if !ok {
		return fmt.Errorf("a %T is no message here", v)
	}
	*b = append([]byte(nil), data...)
	return nil
}

// Connect connects a proxy by its node id and metadata.
func Connect(ctx context.Context, address, id string, metadata map[string]any) (*Stream, error) {
	fields, err := structpb.NewStruct(metadata)
	if err != nil {
		return nil, fmt.Errorf("metadata of %s: %w", id, err)
	}
	encoded, err := proto.MarshalOptions{Deterministic: true}.Marshal(fields)
	if err != nil {
		return nil, fmt.Errorf("metadata of %s: %w", id, err)
	}
	// Node: id is 1, cluster 2, metadata 3.
	var node []byte
	node = text(node, 1, id)
	node = text(node, 2, id)
	node = bytesField(node, 3, encoded)
	connection, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(bytesCodec{}), grpc.MaxCallRecvMsgSize(messageLimit)))
	if err != nil {
		return nil, fmt.Errorf("connect to istiod at %s: %w", address, err)
	}
	ctx, cancel := context.WithCancel(ctx)
	stream, err := connection.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, method, grpc.WaitForReady(true))
	if err != nil {
		cancel()
		return nil, errors.Join(fmt.Errorf("connect to istiod at %s: %w", address, err), connection.Close())
	}
	s := &Stream{connection: connection, stream: stream, node: node, cancel: cancel, answers: map[string]int{}, names: map[string][]string{}, came: make(chan struct{}, 1)}
	go s.receive()
	return s, nil
}

// Close ends the connection.
func (s *Stream) Close() error {
	s.cancel()
	return s.connection.Close()
}

// Subscribe asks for resources of a type, all where no names are given, and waits until
// istiod has answered. Each answer is accepted.
func (s *Stream) Subscribe(ctx context.Context, typeURL string, names ...string) error {
	s.mu.Lock()
	s.names[typeURL] = names
	before := s.answers[typeURL]
	err := s.send(typeURL, "", "", names)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	for {
		s.mu.Lock()
		answered, failed := s.answers[typeURL] > before, s.failed
		s.mu.Unlock()
		switch {
		case answered:
			return nil
		case failed != nil:
			return fmt.Errorf("istiod ended the connection: %w", failed)
		}
		select {
		case <-s.came:
		case <-ctx.Done():
			return fmt.Errorf("istiod sent no %s: %w", typeURL, context.Cause(ctx))
		}
	}
}

// send writes a DiscoveryRequest: version_info is 1, node 2, resource_names 3, type_url 4
// and response_nonce 5.
func (s *Stream) send(typeURL, version, nonce string, names []string) error {
	var request []byte
	request = text(request, 1, version)
	request = bytesField(request, 2, s.node)
	for _, name := range names {
		request = text(request, 3, name)
	}
	request = text(request, 4, typeURL)
	request = text(request, 5, nonce)
	return s.stream.SendMsg(&request)
}

// receive accepts whatever istiod sends.
func (s *Stream) receive() {
	for {
		var response []byte
		err := s.stream.RecvMsg(&response)
		s.mu.Lock()
		if err == nil {
			// DiscoveryResponse: version_info is 1, type_url 4, nonce 5.
			found := texts(response, 1, 4, 5)
			typeURL := found[4]
			s.answers[typeURL]++
			err = s.send(typeURL, found[1], found[5], s.names[typeURL])
		}
		s.failed = err
		s.mu.Unlock()
		select {
		case s.came <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

func text(b []byte, field protowire.Number, value string) []byte {
	if value == "" {
		return b
	}
	return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), value)
}

func bytesField(b []byte, field protowire.Number, value []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), value)
}

// texts returns fields of a message that are strings.
func texts(message []byte, fields ...protowire.Number) map[protowire.Number]string {
	found := map[protowire.Number]string{}
	for len(message) > 0 {
		field, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return found
		}
		message = message[n:]
		size := protowire.ConsumeFieldValue(field, kind, message)
		if size < 0 {
			return found
		}
		for _, wanted := range fields {
			if field == wanted && kind == protowire.BytesType {
				if value, n := protowire.ConsumeBytes(message[:size]); n >= 0 {
					found[field] = string(value)
				}
			}
		}
		message = message[size:]
	}
	return found
}
