// Package egress is the one way by which this program sends requests to others:
// external key stores, another KMS endpoint, identity providers' keys, webhooks.
// Users choose many of those addresses, so each could be pointed at what only this
// machine can reach.
//
// # Invariants
//
//   - A Gate decides by address, never by name: the name is resolved once, every
//     address is judged, and the connection goes to the address that was judged.
//     A name that resolves differently a moment later changes nothing.
//   - Loopback, link-local, unspecified, multicast, broadcast and reserved
//     addresses, the metadata services of clouds, and this server's own listeners
//     are refused unless the configuration allows them. IPv4 addresses inside IPv6
//     ones (mapped, NAT64, 6to4, Teredo) are judged as what they stand for.
//   - Private networks (RFC 1918, RFC 4193) are open: reaching the machines around
//     is what an installation on one's own premises is for. Who wants it otherwise
//     closes them in the firewall.
//   - Redirects are answered, not followed. Proxies of the environment are ignored.
//     TLS 1.2 is the least. Time and size are bounded; bodies are not inflated.
//   - Observers learn purpose, host, status and duration, never path, query,
//     headers or bodies: secrets travel there.
//
// # Known attacks
//
// DNS rebinding; 302 to an inner address; http://2130706433/, http://0177.1/ and
// http://[::ffff:127.0.0.1]/ as spellings of the loopback; 64:ff9b::a9fe:a9fe for
// the metadata service where a NAT64 gateway stands.
package egress
