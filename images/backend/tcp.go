package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net"
	"strings"
	"time"
)

// tcpTimeout bounds a connection that a client forgets: longer than any check keeps
// one.
const tcpTimeout = 10 * time.Minute

// serveTCP sends back what comes, as it comes. The first line is the id of the
// connection. When the client has closed its half, an Answer follows as the last
// line: it can only arrive where the other half stays open.
func (b *backend) serveTCP(connection net.Conn) {
	answer := b.answer()
	answer.Protocol = "TCP"
	err := errors.Join(connection.SetDeadline(time.Now().Add(tcpTimeout)), b.echo(connection, &answer))
	if err != nil {
		answer.BodyError = err.Error()
	}
	if err := errors.Join(b.record(answer), connection.Close()); err != nil {
		log.Printf("serve %s: %v", connection.RemoteAddr(), err)
	}
}

func (b *backend) echo(connection net.Conn, answer *Answer) error {
	reader := bufio.NewReader(connection)
	first, err := reader.ReadString('\n')
	if err != nil {
		return err
	}
	answer.ID = strings.TrimSpace(first)
	if answer.Bytes, err = io.Copy(connection, reader); err != nil {
		return err
	}
	line, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	_, err = connection.Write(append(line, '\n'))
	return err
}
