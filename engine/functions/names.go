package functions

import (
	"net"

	"golang.org/x/net/dns/dnsmessage"
)

// resolve answers the name queries of one sandbox (RFC 1035) until c is closed:
// with the address that stands for a name that may be reached, with "no such
// name" for all others. Nothing is asked of any other resolver, so names carry
// nothing out.
func (r *router) resolve(c net.PacketConn) {
	buf := make([]byte, 1500)
	for {
		n, from, err := c.ReadFrom(buf)
		if err != nil {
			return
		}
		if answer := r.answer(buf[:n]); answer != nil {
			c.WriteTo(answer, from)
		}
	}
}

func (r *router) answer(query []byte) []byte {
	var p dnsmessage.Parser
	h, err := p.Start(query)
	if err != nil || h.Response {
		return nil
	}
	q, err := p.Question()
	if err != nil {
		return nil
	}
	reply := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: h.ID, Response: true, RecursionDesired: h.RecursionDesired, RecursionAvailable: true},
		Questions: []dnsmessage.Question{q},
	}
	a, ok := r.standIn(q.Name.String())
	switch {
	case !ok:
		reply.RCode = dnsmessage.RCodeNameError
	case q.Type == dnsmessage.TypeA && q.Class == dnsmessage.ClassINET:
		reply.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 60},
			Body:   &dnsmessage.AResource{A: a.As4()},
		}}
	}
	b, err := reply.Pack()
	if err != nil {
		return nil
	}
	return b
}
