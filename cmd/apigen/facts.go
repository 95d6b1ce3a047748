package main

// What the models do not say about a service. A service that is absent here
// follows the rule beside each table, so that new models need no entry.

// iamPrefix holds the prefixes of IAM actions that are not the SigV4 signing
// name (Service Authorization Reference).
var iamPrefix = map[string]string{
	"cloudwatch":               "cloudwatch", // signs as "monitoring"
	"resourcegroupstaggingapi": "tag",        // signs as "tagging"
}

// global are services with one endpoint for all regions of a partition. STS has
// a global endpoint beside the regional ones and is not among them, nor is S3.
var global = map[string]bool{
	"cloudfront":    true,
	"iam":           true,
	"organizations": true,
	"route53":       true,
	"shield":        true,
}

// listed are services of which only the list of operations is generated: we
// answer that they are not implemented, and their shapes are most of AWS.
var listed = map[string]bool{
	"ec2": true,
	"rds": true,
}
