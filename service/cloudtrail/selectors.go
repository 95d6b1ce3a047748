package cloudtrail

import (
	"context"
	"slices"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/cloudtrailapi"
)

// Quotas of event selectors. Source: PutEventSelectors.
const (
	mostSelectors = 5
	mostResources = 250
)

func badSelectors(format string, args ...any) error {
	return api.ErrInvalidEventSelectorsException.New(format, args...)
}

// PutEventSelectors says which events a trail delivers. Basic and advanced
// selectors replace each other.
func (s *Service) PutEventSelectors(ctx context.Context, c *redoubt.Call, in *api.PutEventSelectorsInput) (*api.PutEventSelectorsOutput, error) {
	switch {
	case len(in.EventSelectors) > 0 && len(in.AdvancedEventSelectors) > 0:
		return nil, badSelectors("You can select events by using either EventSelectors or AdvancedEventSelectors, but not both.")
	case len(in.EventSelectors) == 0 && len(in.AdvancedEventSelectors) == 0:
		return nil, badSelectors("You must specify either EventSelectors or AdvancedEventSelectors.")
	}
	basic, err := basicSelectors(in.EventSelectors)
	if err != nil {
		return nil, err
	}
	if err := checkAdvanced(in.AdvancedEventSelectors); err != nil {
		return nil, err
	}
	t, err := edit(ctx, c, value(in.TrailName), func(t *Trail) error {
		t.EventSelectors, t.AdvancedSelector = basic, in.AdvancedEventSelectors
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.PutEventSelectorsOutput{TrailARN: &t.ARN, EventSelectors: t.EventSelectors, AdvancedEventSelectors: t.AdvancedSelector}, nil
}

// GetEventSelectors answers a trail's selectors; a trail without any delivers
// all management events.
func (s *Service) GetEventSelectors(ctx context.Context, c *redoubt.Call, in *api.GetEventSelectorsInput) (*api.GetEventSelectorsOutput, error) {
	t, err := visible(ctx, c, value(in.TrailName))
	if err != nil {
		return nil, err
	}
	out := &api.GetEventSelectorsOutput{TrailARN: &t.ARN, EventSelectors: t.EventSelectors, AdvancedEventSelectors: t.AdvancedSelector}
	if len(t.EventSelectors) == 0 && len(t.AdvancedSelector) == 0 {
		out.EventSelectors, err = basicSelectors([]api.EventSelector{{}})
	}
	return out, err
}

// basicSelectors checks basic event selectors and spells out their defaults.
func basicSelectors(in []api.EventSelector) ([]api.EventSelector, error) {
	if len(in) > mostSelectors {
		return nil, badSelectors("Specify a valid number of event selectors (1 to %d) for a trail.", mostSelectors)
	}
	var out []api.EventSelector
	resources := 0
	for _, e := range in {
		if e.ReadWriteType == nil {
			e.ReadWriteType = new(api.ReadWriteTypeAll)
		}
		if e.IncludeManagementEvents == nil {
			e.IncludeManagementEvents = new(true)
		}
		if e.DataResources == nil {
			e.DataResources = []api.DataResource{}
		}
		if e.ExcludeManagementEventSources == nil {
			e.ExcludeManagementEventSources = []string{}
		}
		for _, src := range e.ExcludeManagementEventSources {
			if src != "kms.amazonaws.com" && src != "rdsdata.amazonaws.com" {
				return nil, badSelectors("%s is not a valid value of ExcludeManagementEventSources.", src)
			}
			if !*e.IncludeManagementEvents {
				return nil, badSelectors("ExcludeManagementEventSources can only be used with IncludeManagementEvents.")
			}
		}
		if !*e.IncludeManagementEvents && len(e.DataResources) == 0 {
			return nil, badSelectors("An event selector must include management events or data resources.")
		}
		for _, d := range e.DataResources {
			if err := checkDataResource(d); err != nil {
				return nil, err
			}
			resources += len(d.Values)
		}
		out = append(out, e)
	}
	if resources > mostResources {
		return nil, badSelectors("Specify a valid number of DataResources.Values (0 to %d) for all your selectors", mostResources)
	}
	return out, nil
}

// dataServices are the resource types of basic selectors, by the service in
// their ARNs.
var dataServices = map[string]string{"AWS::S3::Object": "s3", "AWS::Lambda::Function": "lambda", "AWS::DynamoDB::Table": "dynamodb"}

func checkDataResource(d api.DataResource) error {
	service, ok := dataServices[value(d.Type)]
	if !ok {
		return badSelectors("Value %s for DataResources.Type is invalid.", value(d.Type))
	}
	if len(d.Values) == 0 {
		return badSelectors("DataResources.Values must not be empty.")
	}
	for _, v := range d.Values {
		p := strings.SplitN(v, ":", 6)
		whole := len(p) == 3 // arn:aws:s3 stands for everything
		if len(p) < 3 || p[0] != "arn" || !strings.HasPrefix(p[1], "aws") || p[2] != service || !whole && (len(p) < 6 || p[5] == "") {
			return badSelectors("Value %s for DataResources.Values is invalid.", v)
		}
		if service == "s3" && !whole && !strings.Contains(p[5], "/") {
			return badSelectors("Value %s for DataResources.Values is invalid.", v) // a bucket is named with a slash behind it
		}
	}
	return nil
}

// insightTypes and categories of PutInsightSelectors.
var (
	insightTypes      = []string{api.InsightTypeApiCallRateInsight, api.InsightTypeApiErrorRateInsight}
	insightCategories = []string{"Management", "Data"}
)

// PutInsightSelectors configures Insights; an empty list turns them off.
func (s *Service) PutInsightSelectors(ctx context.Context, c *redoubt.Call, in *api.PutInsightSelectorsInput) (*api.PutInsightSelectorsOutput, error) {
	if in.EventDataStore != nil || in.InsightsDestination != nil {
		return nil, noStores("Event data stores")
	}
	seen := map[string]bool{}
	for i := range in.InsightSelectors {
		x := &in.InsightSelectors[i]
		k := value(x.InsightType)
		if !slices.Contains(insightTypes, k) || seen[k] {
			return nil, api.ErrInvalidInsightSelectorsException.New("InsightSelectors must name ApiCallRateInsight and ApiErrorRateInsight at most once each.")
		}
		seen[k] = true
		for _, category := range x.EventCategories {
			if !slices.Contains(insightCategories, category) {
				return nil, api.ErrInvalidInsightSelectorsException.New("Event category %s is not valid.", category)
			}
		}
		if len(x.EventCategories) == 0 {
			x.EventCategories = []string{"Management"}
		}
	}
	t, err := edit(ctx, c, value(in.TrailName), func(t *Trail) error {
		t.Insights = in.InsightSelectors
		return nil
	})
	if err != nil {
		return nil, err
	}
	list := t.Insights
	if list == nil {
		list = []api.InsightSelector{}
	}
	return &api.PutInsightSelectorsOutput{TrailARN: &t.ARN, InsightSelectors: list}, nil
}

// GetInsightSelectors answers what PutInsightSelectors configured.
func (s *Service) GetInsightSelectors(ctx context.Context, c *redoubt.Call, in *api.GetInsightSelectorsInput) (*api.GetInsightSelectorsOutput, error) {
	if in.EventDataStore != nil {
		return nil, noStores("Event data stores")
	}
	t, err := visible(ctx, c, value(in.TrailName))
	if err != nil {
		return nil, err
	}
	if len(t.Insights) == 0 {
		return nil, api.ErrInsightNotEnabledException.New("Trail %s does not have Insights enabled. Edit the trail settings to enable Insights, and then try the operation again.", t.ARN)
	}
	return &api.GetInsightSelectorsOutput{TrailARN: &t.ARN, InsightSelectors: t.Insights}, nil
}
