// Package cloudhsmv2 is AWS CloudHSM: clusters that stand for the PKCS #11
// tokens of the configuration. It keeps nothing itself; engine/hsm does, because
// KMS's custom key stores rest on the same clusters.
//
// # Life of a cluster
//
// CreateCluster claims a token that the configuration leaves free (without a
// trust anchor). CreateHsm adds an HSM; the first one brings the certificate
// signing request, which DescribeClusters shows while the cluster is
// UNINITIALIZED. The caller signs it with an authority of its own, and
// InitializeCluster holds the certificate against request and issuer. Once the
// operator has given the token a user PIN (what AWS calls activating the
// cluster), the cluster is ACTIVE. States that end by themselves take ten
// seconds of the services' clock.
//
// # What it does not do
//
// Backups, copies and their sharing have no row: a token's backups are its
// vendor's affair. There are no VPCs, so subnets are names, mapped to zones in
// the order given, and security group, VPC and network interfaces are absent.
package cloudhsmv2
