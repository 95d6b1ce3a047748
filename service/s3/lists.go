package s3

import (
	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/engine/objects"
)

// What a list's permissions allow, by the actions that policies know. Source: Amazon
// S3 User Guide, "Mapping of ACL permissions and access policy permissions".
var (
	onBuckets = map[string]string{
		"s3:ListBucket": reads, "s3:ListBucketVersions": reads, "s3:ListBucketMultipartUploads": reads,
		"s3:PutObject": writes, "s3:GetBucketAcl": readsACP, "s3:PutBucketAcl": writesACP,
	}
	onObjects = map[string]string{
		"s3:GetObject": reads, "s3:GetObjectVersion": reads,
		"s3:GetObjectAcl": readsACP, "s3:GetObjectVersionAcl": readsACP, "s3:PutObjectAcl": writesACP, "s3:PutObjectVersionAcl": writesACP,
	}
)

// byList adds to a need what an access control list allows. A caller of another
// account must be allowed by that account, too.
func byList(c *redoubt.Call, n redoubt.Need, list []objects.Grant, permission string, ignore bool) []redoubt.Need {
	if permission == "" || !grants(c, list, permission, n.Account, ignore) {
		return []redoubt.Need{n}
	}
	n.Grant = "access control list"
	if c.Principal.Account == "" || c.Principal.Account == n.Account {
		return []redoubt.Need{n}
	}
	own := n
	own.Account, own.Policy, own.Grant, own.Tags = c.Principal.Account, "", "", nil
	return []redoubt.Need{n, own}
}

// ofVersion adds to the needs of an object what its own list allows. Whose account
// has written the object decides about it, not the bucket's.
func (at *place) ofVersion(c *redoubt.Call, needs []redoubt.Need, v *objects.Version) []redoubt.Need {
	if v == nil || at.point != nil || at.bucket == nil || !at.bucket.lists() {
		return needs
	}
	var out []redoubt.Need
	for _, n := range needs {
		permission := onObjects[n.Action]
		if permission != "" && v.Owner != "" {
			n.Account = v.Owner
		}
		out = append(out, byList(c, n, v.Grants, permission, at.ignore)...)
	}
	return out
}
