// Package api is the folder of the generated packages: one for each AWS service,
// kmsapi for KMS, each a description of the service as data (Model), the Go
// types of its structures, a descriptor for each operation (OpEncrypt), a kind
// for each modelled error (ErrNotFoundException) and a constant for each value
// of its enums (KeySpecRsa2048).
//
// An operation's input and output are known as EncryptInput and EncryptOutput
// whatever the model calls them. Where a model gives that very name to something
// else, ours ends in Type (s3control's CreateMultiRegionAccessPointInputType).
//
// Everything here is static data: nothing runs when a program starts, and what a
// program does not mention is not linked. Of ec2 and rds there are only lists of
// operations and actions. "make generate" writes it anew from the models;
// nothing is edited by hand but this file and the test beside it.
package api
