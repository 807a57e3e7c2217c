package main

import (
	"log"
	"net/http"

	"golang.org/x/net/websocket"
)

// serveWebSocket sends every message back, and logs how many came when the
// client closes.
func (b *backend) serveWebSocket(w http.ResponseWriter, r *http.Request) {
	answer := b.describe(r)
	answer.Protocol, answer.Status = "WebSocket", http.StatusSwitchingProtocols
	// A Server and not a Handler: that would refuse clients that are no browsers.
	websocket.Server{Handler: func(connection *websocket.Conn) {
		for {
			var message []byte
			if err := websocket.Message.Receive(connection, &message); err != nil {
				break
			}
			answer.Messages++
			answer.Bytes += int64(len(message))
			if err := websocket.Message.Send(connection, string(message)); err != nil {
				answer.BodyError = err.Error()
				break
			}
		}
		if err := b.record(answer); err != nil {
			log.Printf("record %s: %v", r.RemoteAddr, err)
		}
	}}.ServeHTTP(w, r)
}
