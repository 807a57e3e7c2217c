package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/onsi/gomega"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"golang.org/x/net/websocket"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

// dial returns a client of a gRPC server with the backend's service.
func dial(t *testing.T, b *backend) *grpc.ClientConn {
	t.Helper()
	listener, server := listen(t), newGRPCServer(b)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	connection, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	return connection
}

func TestUnaryFailsAsOrdered(t *testing.T) {
	cases := []struct {
		name, attempt string
		code          codes.Code
	}{
		{"first attempt", "1", codes.Unavailable}, {"last attempt that fails", "2", codes.Unavailable}, {"attempt after those", "3", codes.OK},
	}
	log := new(bytes.Buffer)
	connection := dial(t, &backend{pod: "a", log: log})
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			log.Reset()
			ctx := metadata.AppendToOutgoingContext(t.Context(), idHeader, "42", "x-order-code", "14", "x-order-attempts", "2", "x-envoy-attempt-count", c.attempt)
			err := connection.Invoke(ctx, "/conformance.Backend/Unary", wrapperspb.String("hi"), new(wrapperspb.StringValue))
			g := gomega.NewWithT(t)
			g.Expect(status.Code(err)).To(gomega.Equal(c.code))
			var line Answer
			g.Expect(json.Unmarshal(log.Bytes(), &line)).To(gomega.Succeed())
			g.Expect(line.ID).To(gomega.Equal("42"))
			g.Expect(line.Status).To(gomega.BeEquivalentTo(c.code))
		})
	}
}

func TestStreamsCountTheirMessages(t *testing.T) {
	cases := []struct {
		method   string
		send     []string
		messages int
	}{
		{"Down", []string{"3"}, 3}, {"Up", []string{"a", "b"}, 1}, {"Both", []string{"a", "b", "c"}, 3},
	}
	connection := dial(t, &backend{pod: "a", log: new(bytes.Buffer)})
	for _, c := range cases {
		t.Run(c.method, func(t *testing.T) {
			g := gomega.NewWithT(t)
			stream, err := connection.NewStream(t.Context(), &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, "/conformance.Backend/"+c.method)
			g.Expect(err).NotTo(gomega.HaveOccurred())
			for _, text := range c.send {
				g.Expect(stream.SendMsg(wrapperspb.String(text))).To(gomega.Succeed())
			}
			g.Expect(stream.CloseSend()).To(gomega.Succeed())
			received := 0
			for err = nil; err == nil; {
				if err = stream.RecvMsg(new(wrapperspb.StringValue)); err == nil {
					received++
				}
			}
			g.Expect(err).To(gomega.MatchError(io.EOF))
			g.Expect(received).To(gomega.Equal(c.messages))
		})
	}
}

func TestTCPAnswersAfterTheClientsHalfIsClosed(t *testing.T) {
	g := gomega.NewWithT(t)
	listener := listen(t)
	log := new(bytes.Buffer)
	served := make(chan struct{})
	go func() {
		defer close(served)
		connection, err := listener.Accept()
		if err == nil {
			(&backend{pod: "a", log: log}).serveTCP(connection)
		}
	}()
	connection, err := new(net.Dialer).DialContext(t.Context(), "tcp", listener.Addr().String())
	g.Expect(err).NotTo(gomega.HaveOccurred())
	_, err = fmt.Fprint(connection, "42\nhello\n")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(connection.(*net.TCPConn).CloseWrite()).To(gomega.Succeed())
	all, err := io.ReadAll(connection)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(string(all)).To(gomega.HavePrefix("hello\n{"))
	<-served
	g.Expect(log.String()).To(gomega.ContainSubstring(`"bytes":6`))
}

func TestWebSocketSendsBackAndCounts(t *testing.T) {
	g := gomega.NewWithT(t)
	log := new(bytes.Buffer)
	served := make(chan struct{})
	b := &backend{pod: "a", log: log}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { defer close(served); b.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	config, err := websocket.NewConfig(strings.Replace(server.URL, "http", "ws", 1)+"/ws", server.URL)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	config.Header.Set(idHeader, "42")
	connection, err := config.DialContext(context.WithoutCancel(t.Context()))
	g.Expect(err).NotTo(gomega.HaveOccurred())
	var reply string
	for _, text := range []string{"one", "two"} {
		g.Expect(websocket.Message.Send(connection, text)).To(gomega.Succeed())
		g.Expect(websocket.Message.Receive(connection, &reply)).To(gomega.Succeed())
		g.Expect(reply).To(gomega.Equal(text))
	}
	g.Expect(connection.Close()).To(gomega.Succeed())
	<-served
	g.Expect(log.String()).To(gomega.ContainSubstring(`"messages":2`))
}

func TestCollectorWritesEachSpan(t *testing.T) {
	g := gomega.NewWithT(t)
	text := func(key, value string) *common.KeyValue {
		return &common.KeyValue{Key: key, Value: &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: value}}}
	}
	log := new(bytes.Buffer)
	_, err := (&spans{log: log}).Export(t.Context(), &collector.ExportTraceServiceRequest{ResourceSpans: []*trace.ResourceSpans{{
		Resource: &resource.Resource{Attributes: []*common.KeyValue{text("service.name", "gateway")}},
		ScopeSpans: []*trace.ScopeSpans{{Spans: []*trace.Span{{
			TraceId: []byte{1, 2}, SpanId: []byte{3}, Name: "op", Kind: trace.Span_SPAN_KIND_SERVER, Attributes: []*common.KeyValue{text("http.url", "/x")},
		}}}},
	}}})
	g.Expect(err).NotTo(gomega.HaveOccurred())
	var span Span
	g.Expect(json.Unmarshal(log.Bytes(), &span)).To(gomega.Succeed())
	g.Expect(span).To(gomega.Equal(Span{
		Trace: "0102", Span: "03", Service: "gateway", Name: "op", Kind: "SPAN_KIND_SERVER", Attributes: map[string]string{"http.url": "/x"},
	}))
}
