package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// startStandIn serves at one free port and returns its address.
func startStandIn(t *testing.T) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().(*net.TCPAddr)
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PORTS", strconv.Itoa(address.Port))
	t.Setenv("HEALTH", "127.0.0.1:0")
	b := &backend{pod: "p", version: "shop/web", log: new(bytes.Buffer)}
	if b.certificate, err = newCertificate("p"); err != nil {
		t.Fatal(err)
	}
	i, err := newStandIn(b)
	if err != nil {
		t.Fatal(err)
	}
	i.serve(newServers(t.Context()), misbehaving("p", b), newHealth(nil))
	return address.String()
}

func TestAStandInAnswersWhateverComesByOnePort(t *testing.T) {
	address := startStandIn(t)
	for _, scheme := range []string{"http", "https"} {
		o := (&question{URL: scheme + "://" + address + "/x", Host: "web.example"}).ask(t.Context())
		var a Answer
		if err := json.Unmarshal([]byte(o.Body), &a); err != nil || o.Status != http.StatusOK || a.Version != "shop/web" || a.Host != "web.example" {
			t.Errorf("%s: %+v, %v", scheme, o, err)
		}
	}
	for _, u := range []string{"grpc://" + address + "/shop.Stock/Any", "grpcs://" + address + "/shop.Stock/Any", "tcp://" + address} {
		o := (&question{URL: u, Host: "web.example", Headers: map[string]string{"x-order-delay": "1ms"}}).ask(t.Context())
		var a Answer
		if err := json.Unmarshal([]byte(o.Body), &a); err != nil || o.Error != "" || a.Version != "shop/web" {
			t.Errorf("%s: %+v, %v", u, o, err)
		}
	}
	o := (&question{URL: "grpc://" + address + "/shop.Stock/Any", Headers: map[string]string{"x-order-code": "14"}}).ask(t.Context())
	if o.Headers.Get("Grpc-Status") != "14" || o.Headers.Get("Grpc-Message") == "" {
		t.Errorf("a call that is to fail: %+v", o)
	}
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+"/shop.Stock/Any", strings.NewReader(emptyMessage))
	request.RequestURI, request.Header = "", http.Header{"Content-Type": {"application/grpc"}, "X-Order-Code": {"14"}}
	response, err := (&http.Transport{Protocols: protocols, DisableKeepAlives: true}).RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil || response.Header.Get("Grpc-Status") != "14" {
		t.Errorf("Envoy retries by the status in the head: %v, %v", response.Header, err)
	}
	connection, err := (&net.Dialer{Timeout: time.Second}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprint(connection, "id\nhello\n"); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len("hello\n"))
	if _, err := connection.Read(got); err != nil || string(got) != "hello\n" {
		t.Errorf("bytes: %q, %v", got, err)
	}
	client, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	reply := new(wrapperspb.StringValue)
	if err := client.Invoke(t.Context(), "/shop.Stock/Any", wrapperspb.String(""), reply); err != nil {
		t.Fatal(err)
	}
	var a Answer
	if err := json.Unmarshal([]byte(reply.GetValue()), &a); err != nil || a.Path != "/shop.Stock/Any" {
		t.Errorf("gRPC: %+v, %v", a, err)
	}
}

func TestAnOrderIsNoWordOfTheUsersOwn(t *testing.T) {
	address := startStandIn(t)
	for path, want := range map[string]int{"/ws?status=active&delay=soon&size=L": http.StatusOK, "/?pod=other": http.StatusTeapot} {
		q := &question{URL: "http://" + address + path, Method: "VERSION-CONTROL", Headers: map[string]string{}}
		if want == http.StatusTeapot {
			q.Method, q.Headers[orderHeader] = "GET", "status=418"
		}
		o := q.ask(t.Context())
		var a Answer
		if err := json.Unmarshal([]byte(o.Body), &a); err != nil || o.Status != want || a.Path != path || len(o.Names) > 0 {
			t.Errorf("%s: %+v, %v", path, o, err)
		}
	}
	o := (&question{URL: "https://" + address, Host: "web.example"}).ask(t.Context())
	if len(o.Names) == 0 || o.Names[0] != "shop.web" {
		t.Errorf("certificate of %v", o.Names)
	}
}

func TestQuestionsAreAnsweredInTheirOrder(t *testing.T) {
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Seen", r.Method+" "+r.Host+" "+r.Header.Get("X-User"))
		w.WriteHeader(http.StatusTeapot)
	}))
	defer target.Close()
	recorder := httptest.NewRecorder()
	body, err := json.Marshal([]question{{URL: target.URL, Host: "a", Method: "PUT", Headers: map[string]string{"x-user": "u"}}, {URL: "http://127.0.0.1:1/"}})
	if err != nil {
		t.Fatal(err)
	}
	serveQuestions(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/questions", bytes.NewReader(body)))
	var outcomes []outcome
	if err := json.Unmarshal(recorder.Body.Bytes(), &outcomes); err != nil {
		t.Fatal(err)
	}
	if len(outcomes) != 2 || outcomes[0].Status != http.StatusTeapot || outcomes[0].Headers.Get("X-Seen") != "PUT a u" || outcomes[1].Error == "" {
		t.Errorf("outcomes %+v", outcomes)
	}
}
