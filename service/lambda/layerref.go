package lambda

import (
	"regexp"
	"strconv"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/store"
)

// layerRef is a layer as a call names it; number 0: no version.
type layerRef struct {
	partition, account, region, name string
	number                           int64
}

var (
	layerARN  = regexp.MustCompile(`^arn:(aws[a-zA-Z-]*)?:lambda:([a-z0-9-]+):(\d{12}):layer:([a-zA-Z0-9-_]+)(?::(\d{1,18}))?$`)
	layerName = regexp.MustCompile(`^[a-zA-Z0-9-_]+$`)
)

// parseLayer reads the ARN of a layer's version.
func parseLayer(arn string) (layerRef, error) {
	m := layerARN.FindStringSubmatch(arn)
	if m == nil {
		return layerRef{}, invalid("Layer version %s is not a valid layer version ARN.", arn)
	}
	if m[5] == "" {
		return layerRef{}, invalid("Layer version ARN must be fully qualified: %s", arn)
	}
	if m[1] == "" {
		m[1] = redoubt.Partition(m[2])
	}
	n, _ := strconv.ParseInt(m[5], 10, 64) // at most 18 digits
	return layerRef{m[1], m[3], m[2], m[4], n}, nil
}

// layerOf reads a layer's name or ARN, and a version beside it.
func layerOf(c *redoubt.Call, name *string, number *int64) (layerRef, error) {
	l, err := statedLayer(c, name, number)
	if err == nil && l.region != c.Region {
		err = notFound("Layers from '%s' are not reachable in this region ('%s')", l.region, c.Region)
	}
	return l, err
}

// statedLayer is layerOf for needs.
func statedLayer(c *redoubt.Call, name *string, number *int64) (layerRef, error) {
	l := layerRef{partition: c.Partition, account: c.Account, region: c.Region, name: value(name), number: value(number)}
	if m := layerARN.FindStringSubmatch(l.name); m != nil && m[5] == "" {
		l.region, l.account, l.name = m[2], m[3], m[4]
	} else if !layerName.MatchString(l.name) {
		return l, invalid("%s is not a valid layer name or ARN.", l.name)
	}
	if number != nil && *number < 1 {
		return l, invalid("Layer Version Cannot be less than 1")
	}
	return l, nil
}

func (l layerRef) layer() string {
	return "arn:" + l.partition + ":lambda:" + l.region + ":" + l.account + ":layer:" + l.name
}

func (l layerRef) arn() string {
	if l.number == 0 {
		return l.layer()
	}
	return l.layer() + ":" + strconv.FormatInt(l.number, 10)
}

func (l layerRef) id() string { return versionID(l.name, strconv.FormatInt(l.number, 10)) }

func (l layerRef) get(tx *store.Tx) (*LayerVersion, error) {
	return layerVersions.In(l.account, l.region).Get(tx, l.id())
}
