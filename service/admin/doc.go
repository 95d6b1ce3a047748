// Package admin is the installation's own service: what the command line asks
// of a running server. It is signed, authorized and recorded like any other;
// its actions are redoubt:*.
//
// The installation belongs to the first account. Administrators of other
// accounts, whose policies allow every action, are as far from it as from any
// other account's resources: there is no resource policy that lets them in.
//
// What must work while the server is sealed, when no signature can be checked,
// is not here but on control paths (front.Control).
package admin
