package policy

import (
	"strings"
	"testing"

	redoubt "github.com/redoubt-sec/redoubt"
)

// expected is what a setting must come to.
type expected struct {
	s    setting
	want Reason
}

func TestEvaluate(t *testing.T) {
	aws := func(v string) string { return `{"AWS":"` + v + `"}` }
	root := aws("arn:aws:iam::111122223333:root")
	awayUser := redoubt.Principal{Kind: redoubt.User, Account: away, ARN: "arn:aws:iam::444455556666:user/bob", ID: "AIDABOBBOBBOBBOBBOB00", Name: "bob"}
	awayRoot := redoubt.Principal{Kind: redoubt.Root, Account: away, ARN: "arn:aws:iam::444455556666:root", ID: away}
	fedRoot := federatedAlice()
	fedRoot.Issuer, fedRoot.IssuerID = "arn:aws:iam::111122223333:root", ""
	anonymous := redoubt.Principal{Kind: redoubt.Anonymous}
	fullRCP := `{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}`

	for _, group := range []struct {
		name  string
		cases map[string]expected
	}{
		{"one account, identity policies", map[string]expected{
			"nothing allows":             {setting{by: aliceUser()}, NoIdentityAllow},
			"another action allowed":     {setting{by: aliceUser(), identity: allowRead}, NoIdentityAllow},
			"allowed":                    {setting{by: aliceUser(), identity: allowSend}, AllowedByIdentity},
			"deny wins over allow":       {setting{by: aliceUser(), identity: allowSend + "," + denySend}, ExplicitDenyIdentity},
			"deny first":                 {setting{by: aliceUser(), identity: denySend + "," + allowSend}, ExplicitDenyIdentity},
			"role session":               {setting{by: appSession(), identity: allowSend}, AllowedByIdentity},
			"case of actions is ignored": {setting{by: aliceUser(), action: "SQS:sendmessage", identity: allowSend}, AllowedByIdentity},
		}},
		{"boundary", map[string]expected{
			"intersection": {setting{by: aliceUser(), identity: allowSend, boundary: allowAll}, AllowedByIdentity},
			"silent":       {setting{by: aliceUser(), identity: allowSend, boundary: allowRead}, NoBoundaryAllow},
			"denies":       {setting{by: aliceUser(), identity: allowSend, boundary: allowAll + "," + denySend}, ExplicitDenyBoundary},
			"alone":        {setting{by: aliceUser(), boundary: allowAll}, NoIdentityAllow},
		}},
		{"session policies", map[string]expected{
			"intersection":                  {setting{by: appSession(), identity: allowSend, session: allowAll}, AllowedByIdentity},
			"silent":                        {setting{by: appSession(), identity: allowSend, session: allowRead}, NoSessionAllow},
			"denies":                        {setting{by: appSession(), identity: allowSend, session: allowAll + "," + denySend}, ExplicitDenySession},
			"empty":                         {setting{by: appSession(), identity: allowSend, emptySession: true}, NoSessionAllow},
			"federated without":             {setting{by: federatedAlice(), identity: allowAll}, NoSessionAllow},
			"federated with":                {setting{by: federatedAlice(), identity: allowAll, session: allowSend}, AllowedByIdentity},
			"federated, more than its user": {setting{by: federatedAlice(), identity: allowRead, session: allowSend}, NoIdentityAllow},
			"federated root":                {setting{by: fedRoot, session: allowSend}, AllowedAsRoot},
			"federated root without":        {setting{by: fedRoot}, NoSessionAllow},
		}},
		{"one account, resource policy", map[string]expected{
			"user ARN":                       {setting{by: aliceUser(), policy: allowTo(aws(alice))}, AllowedByResource},
			"user ARN, boundary silent":      {setting{by: aliceUser(), policy: allowTo(aws(alice)), boundary: allowRead}, AllowedByResource},
			"user ARN, boundary denies":      {setting{by: aliceUser(), policy: allowTo(aws(alice)), boundary: denySend}, ExplicitDenyBoundary},
			"user id":                        {setting{by: aliceUser(), policy: allowTo(aws("AIDAALICEALICEALICE00")), boundary: allowRead}, AllowedByResource},
			"id of a deleted namesake":       {setting{by: aliceUser(), policy: allowTo(aws("AIDAOLDOLDOLDOLDOLD00"))}, NoIdentityAllow},
			"another user":                   {setting{by: aliceUser(), policy: allowTo(aws("arn:aws:iam::111122223333:user/alice"))}, NoIdentityAllow},
			"role ARN":                       {setting{by: appSession(), policy: allowTo(aws(app))}, AllowedByResource},
			"role id":                        {setting{by: appSession(), policy: allowTo(aws("AROAAPPAPPAPPAPPAPP00"))}, AllowedByResource},
			"role ARN, boundary silent":      {setting{by: appSession(), policy: allowTo(aws(app)), boundary: allowRead}, NoBoundaryAllow},
			"role ARN, session silent":       {setting{by: appSession(), policy: allowTo(aws(app)), session: allowRead}, NoSessionAllow},
			"role ARN, both allow":           {setting{by: appSession(), policy: allowTo(aws(app)), session: allowSend, boundary: allowAll}, AllowedByResource},
			"session ARN":                    {setting{by: appSession(), policy: allowTo(aws(run)), boundary: allowRead, session: allowRead}, AllowedByResource},
			"session ARN, session denies":    {setting{by: appSession(), policy: allowTo(aws(run)), session: denySend}, ExplicitDenySession},
			"everyone, limits silent":        {setting{by: appSession(), policy: allowTo(`"*"`), boundary: allowRead, session: allowRead}, AllowedByResource},
			"federated ARN":                  {setting{by: federatedAlice(), policy: allowTo(aws("arn:aws:sts::111122223333:federated-user/al"))}, AllowedByResource},
			"the federating user":            {setting{by: federatedAlice(), policy: allowTo(aws(alice))}, NoSessionAllow},
			"the federating user, session":   {setting{by: federatedAlice(), policy: allowTo(aws(alice)), session: allowSend}, AllowedByResource},
			"account delegates only":         {setting{by: aliceUser(), policy: allowTo(root)}, NoIdentityAllow},
			"account and identity":           {setting{by: aliceUser(), policy: allowTo(root), identity: allowSend}, AllowedByIdentity},
			"denies":                         {setting{by: aliceUser(), policy: denyTo(aws(alice)), identity: allowAll}, ExplicitDenyResource},
			"denies the account":             {setting{by: aliceUser(), policy: denyTo(aws(home)), identity: allowAll}, ExplicitDenyResource},
			"denies the role to its session": {setting{by: appSession(), policy: denyTo(aws(app)), identity: allowAll}, ExplicitDenyResource},
			"denies someone else":            {setting{by: aliceUser(), policy: denyTo(aws(app)), identity: allowAll}, AllowedByIdentity},
			"identity denies first":          {setting{by: aliceUser(), policy: denyTo(`"*"`), identity: denySend}, ExplicitDenyIdentity},
			"silent beside identity":         {setting{by: aliceUser(), policy: allowTo(aws(app)), identity: allowSend}, AllowedByIdentity},
		}},
		{"NotPrincipal", map[string]expected{
			"user and account spared": {setting{by: aliceUser(), identity: allowAll,
				policy: `{"Effect":"Deny","NotPrincipal":{"AWS":["` + alice + `","` + home + `"]},"Action":"sqs:*","Resource":"*"}`}, AllowedByIdentity},
			"account not listed": {setting{by: aliceUser(), identity: allowAll,
				policy: `{"Effect":"Deny","NotPrincipal":{"AWS":"` + alice + `"},"Action":"sqs:*","Resource":"*"}`}, ExplicitDenyResource},
			"only the account listed": {setting{by: aliceUser(), identity: allowAll,
				policy: `{"Effect":"Deny","NotPrincipal":{"AWS":"` + home + `"},"Action":"sqs:*","Resource":"*"}`}, ExplicitDenyResource},
			"session, role and account": {setting{by: appSession(), identity: allowAll,
				policy: `{"Effect":"Deny","NotPrincipal":{"AWS":["` + run + `","` + app + `","` + home + `"]},"Action":"sqs:*","Resource":"*"}`}, AllowedByIdentity},
			"role without session": {setting{by: appSession(), identity: allowAll,
				policy: `{"Effect":"Deny","NotPrincipal":{"AWS":["` + app + `","` + home + `"]},"Action":"sqs:*","Resource":"*"}`}, ExplicitDenyResource},
			"service spared": {setting{by: servicePrincipal("sns.amazonaws.com"),
				policy: `{"Effect":"Deny","NotPrincipal":{"Service":"sns.amazonaws.com"},"Action":"sqs:*","Resource":"*"},` + allowTo(`{"Service":"sns.amazonaws.com"}`)}, AllowedByResource},
			"allow to all others": {setting{by: aliceUser(),
				policy: `{"Effect":"Allow","NotPrincipal":{"AWS":"` + app + `"},"Action":"sqs:*","Resource":"*"}`}, AllowedByResource},
			"allow to all but the account": {setting{by: aliceUser(),
				policy: `{"Effect":"Allow","NotPrincipal":{"AWS":"` + home + `"},"Action":"sqs:*","Resource":"*"}`}, NoIdentityAllow},
			"root user spared by its account": {setting{by: rootUser(),
				policy: `{"Effect":"Deny","NotPrincipal":{"AWS":"` + home + `"},"Action":"sqs:*","Resource":"*"}`}, AllowedAsRoot},
		}},
		{"across accounts", map[string]expected{
			"neither":                   {setting{by: awayUser}, NoResourceAllow},
			"identity alone":            {setting{by: awayUser, identity: allowAll}, NoResourceAllow},
			"resource alone":            {setting{by: awayUser, policy: allowTo(aws("arn:aws:iam::444455556666:user/bob"))}, NoIdentityAllow},
			"everyone, no identity":     {setting{by: awayUser, policy: allowTo(`"*"`)}, NoIdentityAllow},
			"both":                      {setting{by: awayUser, policy: allowTo(aws("arn:aws:iam::444455556666:user/bob")), identity: allowSend}, AllowedByIdentity},
			"account and identity":      {setting{by: awayUser, policy: allowTo(aws(away)), identity: allowSend}, AllowedByIdentity},
			"boundary limits":           {setting{by: awayUser, policy: allowTo(`"*"`), identity: allowSend, boundary: allowRead}, NoBoundaryAllow},
			"session limits":            {setting{by: awayUser, policy: allowTo(`"*"`), identity: allowSend, session: allowRead}, NoSessionAllow},
			"root of the other account": {setting{by: awayRoot, policy: allowTo(aws(away))}, AllowedByResource},
			"root without":              {setting{by: awayRoot}, NoResourceAllow},
			"strict":                    {setting{by: awayUser, strict: true, policy: allowTo(aws(away)), identity: allowSend}, AllowedByIdentity},
			"a grant needs no identity": {setting{by: awayUser, strict: true, grant: "g-1"}, AllowedByGrant},
			"a grant within boundary":   {setting{by: awayUser, strict: true, grant: "g-1", boundary: allowRead}, NoBoundaryAllow},
		}},
		{"root user", map[string]expected{
			"own account":     {setting{by: rootUser()}, AllowedAsRoot},
			"SCP silent":      {setting{by: rootUser(), scps: []string{allowRead}}, NoSCPAllow},
			"SCP denies":      {setting{by: rootUser(), scps: []string{allowAll + "," + denySend}}, ExplicitDenySCP},
			"resource denies": {setting{by: rootUser(), policy: denyTo(`"*"`)}, ExplicitDenyResource},
			"strict, silent":  {setting{by: rootUser(), strict: true, policy: allowTo(aws(app))}, NoResourceAllow},
			"strict, named":   {setting{by: rootUser(), strict: true, policy: allowTo(root)}, AllowedByResource},
		}},
		{"strict resources", map[string]expected{
			"no policy, identity allows":    {setting{by: aliceUser(), strict: true, identity: allowAll}, NoResourceAllow},
			"no delegation":                 {setting{by: aliceUser(), strict: true, identity: allowAll, policy: allowTo(aws(app))}, NoResourceAllow},
			"delegation":                    {setting{by: aliceUser(), strict: true, identity: allowAll, policy: allowTo(root)}, AllowedByIdentity},
			"delegation, no identity":       {setting{by: aliceUser(), strict: true, policy: allowTo(root)}, NoIdentityAllow},
			"delegation of other actions":   {setting{by: aliceUser(), strict: true, identity: allowAll, policy: `{"Effect":"Allow","Principal":` + root + `,"Action":"sqs:Get*","Resource":"*"}`}, NoResourceAllow},
			"delegation of other resources": {setting{by: aliceUser(), strict: true, identity: allowAll, policy: `{"Effect":"Allow","Principal":` + root + `,"Action":"sqs:*","Resource":"arn:aws:sqs:*:*:other"}`}, NoResourceAllow},
			"delegation on a condition":     {setting{by: aliceUser(), strict: true, identity: allowAll, policy: `{"Effect":"Allow","Principal":` + root + `,"Action":"sqs:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}`}, NoResourceAllow},
			"named":                         {setting{by: aliceUser(), strict: true, policy: allowTo(aws(alice))}, AllowedByResource},
			"role named":                    {setting{by: appSession(), strict: true, policy: allowTo(aws(app))}, AllowedByResource},
			"role named, session silent":    {setting{by: appSession(), strict: true, policy: allowTo(aws(app)), session: allowRead}, NoSessionAllow},
			"grant":                         {setting{by: aliceUser(), strict: true, grant: "g-1"}, AllowedByGrant},
			"grant, boundary silent":        {setting{by: aliceUser(), strict: true, grant: "g-1", boundary: allowRead}, AllowedByGrant},
			"grant to a role":               {setting{by: appSession(), strict: true, grant: "g-1"}, AllowedByGrant},
			"grant to a role, session":      {setting{by: appSession(), strict: true, grant: "g-1", session: allowRead}, NoSessionAllow},
			"grant, resource denies":        {setting{by: aliceUser(), strict: true, grant: "g-1", policy: denyTo(`"*"`)}, ExplicitDenyResource},
			"grant, identity denies":        {setting{by: aliceUser(), strict: true, grant: "g-1", identity: denySend}, ExplicitDenyIdentity},
			"grant, SCP silent":             {setting{by: aliceUser(), strict: true, grant: "g-1", scps: []string{allowRead}}, NoSCPAllow},
		}},
		{"organizations", map[string]expected{
			"every level allows":       {setting{by: aliceUser(), identity: allowAll, scps: []string{allowAll, allowSend, allowAll}}, AllowedByIdentity},
			"one level silent":         {setting{by: aliceUser(), identity: allowAll, scps: []string{allowAll, allowRead, allowAll}}, NoSCPAllow},
			"one level empty":          {setting{by: aliceUser(), identity: allowAll, scps: []string{allowAll, ""}}, NoSCPAllow},
			"a level denies":           {setting{by: aliceUser(), identity: allowAll, scps: []string{allowAll, allowAll + "," + denySend}}, ExplicitDenySCP},
			"SCPs give nothing":        {setting{by: aliceUser(), scps: []string{allowAll}}, NoIdentityAllow},
			"management account":       {setting{by: aliceUser(), identity: allowAll, scps: []string{denySend}, scpExempt: true}, AllowedByIdentity},
			"SCP over resource policy": {setting{by: aliceUser(), policy: allowTo(aws(alice)), scps: []string{allowRead}}, NoSCPAllow},
			"SCPs spare services":      {setting{by: servicePrincipal("sns.amazonaws.com"), policy: allowTo(`{"Service":"sns.amazonaws.com"}`), scps: []string{denySend}}, AllowedByResource},
			"RCP full access":          {setting{by: aliceUser(), identity: allowAll, rcps: []string{fullRCP, fullRCP}}, AllowedByIdentity},
			"RCP denies":               {setting{by: aliceUser(), identity: allowAll, rcps: []string{fullRCP, fullRCP + "," + denyTo(`"*"`)}}, ExplicitDenyRCP},
			"RCP denies services":      {setting{by: servicePrincipal("sns.amazonaws.com"), policy: allowTo(`{"Service":"sns.amazonaws.com"}`), rcps: []string{fullRCP + "," + denyTo(`"*"`)}}, ExplicitDenyRCP},
			"RCP without full access":  {setting{by: aliceUser(), identity: allowAll, rcps: []string{fullRCP, ""}}, NoRCPAllow},
			"RCP exempt":               {setting{by: aliceUser(), identity: allowAll, rcps: []string{""}, rcpExempt: true}, AllowedByIdentity},
			"RCP denies the root user": {setting{by: rootUser(), rcps: []string{fullRCP + "," + denyTo(`"*"`)}}, ExplicitDenyRCP},
			"RCP before SCP":           {setting{by: aliceUser(), identity: allowAll, rcps: []string{""}, scps: []string{""}}, NoRCPAllow},
		}},
		{"outside of accounts", map[string]expected{
			"service named":             {setting{by: servicePrincipal("sns.amazonaws.com"), policy: allowTo(`{"Service":["sns.amazonaws.com","s3.amazonaws.com"]}`)}, AllowedByResource},
			"other service":             {setting{by: servicePrincipal("sns.amazonaws.com"), policy: allowTo(`{"Service":"s3.amazonaws.com"}`)}, NoResourceAllow},
			"service without policy":    {setting{by: servicePrincipal("sns.amazonaws.com"), identity: allowAll}, NoResourceAllow},
			"service by a grant":        {setting{by: servicePrincipal("sns.amazonaws.com"), grant: "g-1", strict: true}, AllowedByGrant},
			"service is no AWS account": {setting{by: servicePrincipal("sns.amazonaws.com"), policy: allowTo(root)}, NoResourceAllow},
			"service among everyone":    {setting{by: servicePrincipal("sns.amazonaws.com"), policy: allowTo(`"*"`)}, AllowedByResource},
			"users are no service":      {setting{by: aliceUser(), policy: allowTo(`{"Service":"sns.amazonaws.com"}`)}, NoIdentityAllow},
			"anonymous, everyone":       {setting{by: anonymous, policy: allowTo(`"*"`)}, AllowedByResource},
			"anonymous, AWS everyone":   {setting{by: anonymous, policy: allowTo(`{"AWS":"*"}`)}, AllowedByResource},
			"anonymous, account":        {setting{by: anonymous, policy: allowTo(root)}, NoResourceAllow},
			"anonymous, no policy":      {setting{by: anonymous}, NoResourceAllow},
			"anonymous, denied":         {setting{by: anonymous, policy: allowTo(`"*"`) + "," + denyTo(`"*"`)}, ExplicitDenyResource},
		}},
	} {
		t.Run(group.name, func(t *testing.T) {
			for name, c := range group.cases {
				t.Run(name, func(t *testing.T) {
					r := c.s.request(t)
					d := Evaluate(r)
					if d.Reason != c.want || d.Allowed != strings.HasPrefix(c.want.String(), "allowed") {
						t.Errorf("got %v (%v), want %v\n%s", d.Reason, d.Allowed, c.want, Explain(r).Text())
					}
				})
			}
		})
	}
}

// A role's trust policy is a strict resource policy without a Resource.
func TestTrust(t *testing.T) {
	role := "arn:aws:iam::111122223333:role/svc/app"
	trust := func(principal, action, condition string) string {
		return `{"Effect":"Allow","Principal":` + principal + `,"Action":"` + action + `"` + condition + `}`
	}
	githubProvider := "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"
	github := redoubt.Principal{Kind: redoubt.Federated, Session: &redoubt.Session{
		Provider: githubProvider,
		Context:  map[string]string{"token.actions.githubusercontent.com:sub": "repo:acme/site:ref:refs/heads/main"},
	}}
	onMain := `,"Condition":{"StringLike":{"token.actions.githubusercontent.com:sub":"repo:acme/*"}}`
	for name, c := range map[string]struct {
		by               redoubt.Principal
		action, identity string
		trust            string
		want             Reason
	}{
		"user named":                 {aliceUser(), "sts:AssumeRole", "", trust(`{"AWS":"`+alice+`"}`, "sts:AssumeRole", ""), AllowedByResource},
		"account named":              {aliceUser(), "sts:AssumeRole", "", trust(`{"AWS":"111122223333"}`, "sts:AssumeRole", ""), NoIdentityAllow},
		"account named, identity":    {aliceUser(), "sts:AssumeRole", allowAll, trust(`{"AWS":"111122223333"}`, "sts:AssumeRole", ""), AllowedByIdentity},
		"identity alone":             {aliceUser(), "sts:AssumeRole", allowAll, trust(`{"Service":"lambda.amazonaws.com"}`, "sts:AssumeRole", ""), NoResourceAllow},
		"service":                    {servicePrincipal("lambda.amazonaws.com"), "sts:AssumeRole", "", trust(`{"Service":"lambda.amazonaws.com"}`, "sts:AssumeRole", ""), AllowedByResource},
		"web identity":               {github, "sts:AssumeRoleWithWebIdentity", "", trust(`{"Federated":"`+githubProvider+`"}`, "sts:AssumeRoleWithWebIdentity", onMain), AllowedByResource},
		"web identity, other repo":   {github, "sts:AssumeRoleWithWebIdentity", "", trust(`{"Federated":"`+githubProvider+`"}`, "sts:AssumeRoleWithWebIdentity", strings.Replace(onMain, "acme", "evil", 1)), NoResourceAllow},
		"web identity, other issuer": {github, "sts:AssumeRoleWithWebIdentity", "", trust(`{"Federated":"accounts.google.com"}`, "sts:AssumeRoleWithWebIdentity", ""), NoResourceAllow},
	} {
		t.Run(name, func(t *testing.T) {
			r := setting{by: c.by, action: c.action, resource: role, strict: true, kind: Trust, policy: c.trust, identity: c.identity}.request(t)
			if d := Evaluate(r); d.Reason != c.want {
				t.Errorf("got %v, want %v\n%s", d.Reason, c.want, Explain(r).Text())
			}
		})
	}
}

// A session that a provider vouched for is judged as the role that it is, not as
// the provider's user: it must not assume further roles that trust the provider.
func TestProviderSessionIsNoFederatedPrincipal(t *testing.T) {
	by := appSession()
	by.Session.Provider = "accounts.google.com"
	r := setting{by: by, action: "sts:AssumeRole", resource: app, strict: true, kind: Trust,
		policy: `{"Effect":"Allow","Principal":{"Federated":"accounts.google.com"},"Action":"sts:AssumeRole"}`}.request(t)
	if d := Evaluate(r); d.Allowed {
		t.Errorf("allowed: %v", d.Reason)
	}
}

// The decision points at the statement that made it.
func TestDecisionNamesItsStatement(t *testing.T) {
	r := setting{by: aliceUser(), identity: allowRead + `,{"Sid":"Send","Effect":"Allow","Action":"sqs:Send*","Resource":"*"}`}.request(t)
	if d := Evaluate(r); d.Source != &r.Identity[0] || d.Statement != 1 || d.Sid != "Send" {
		t.Errorf("got %+v", d)
	}
	r = setting{by: aliceUser(), identity: allowRead}.request(t)
	if d := Evaluate(r); d.Source != nil || d.Statement != -1 || d.Sid != "" {
		t.Errorf("got %+v", d)
	}
}

func TestResourceElement(t *testing.T) {
	for _, c := range []struct {
		pattern, resource string
		want              bool
	}{
		{"*", queue, true},
		{queue, queue, true},
		{"arn:aws:sqs:us-east-1:111122223333:order?", queue, true},
		{"arn:aws:sqs:us-east-1:111122223333:order??", queue, false},
		{"arn:aws:sqs:*:*:orders", queue, true},
		{"arn:aws:sqs:*", queue, true}, // an ARN that ends early goes on with "*"
		{"arn:aws:sqs:us-east-1:*:Orders", queue, false},
		{"arn:aws:s3:::b/*", "arn:aws:s3:::b/a:b/c", true},
		{"arn:aws:s3:::b/*/c", "arn:aws:s3:::b/x/y/c", true},
		{"arn:aws:s3:::b", "arn:aws:s3:::b/x", false},
		{"arn:aws:s3:::b/?", "arn:aws:s3:::b/é", true},
		{"arn:aws:s3:::b/x", "*", false},
	} {
		r := setting{by: aliceUser(), action: "s3:GetObject", resource: c.resource,
			identity: `{"Effect":"Allow","Action":"*","Resource":"` + c.pattern + `"}`}.request(t)
		if got := Evaluate(r).Allowed; got != c.want {
			t.Errorf("%q on %q: %v", c.pattern, c.resource, got)
		}
		r = setting{by: aliceUser(), action: "s3:GetObject", resource: c.resource,
			identity: `{"Effect":"Allow","Action":"*","NotResource":"` + c.pattern + `"}`}.request(t)
		if got := Evaluate(r).Allowed; got == c.want {
			t.Errorf("NotResource %q on %q: %v", c.pattern, c.resource, got)
		}
	}
}

func TestActionElement(t *testing.T) {
	for _, c := range []struct {
		pattern, action string
		want            bool
	}{
		{"*", "kms:Decrypt", true},
		{"*:*", "kms:Decrypt", true},
		{"*:Decrypt", "kms:Decrypt", true},
		{"*:Encrypt", "kms:Decrypt", false},
		{"kms:*", "kms:Decrypt", true},
		{"KMS:dec*", "kms:Decrypt", true},
		{"kms:*crypt", "kms:Decrypt", true},
		{"kms:Re?ncrypt", "kms:Reencrypt", true},
		{"kms:Decrypt", "kms:DecryptX", false},
		{"km:*", "kms:Decrypt", false},
		{"kmss:*", "kms:Decrypt", false},
		{"s3:*", "kms:Decrypt", false},
	} {
		r := setting{by: aliceUser(), action: c.action, identity: `{"Effect":"Allow","Action":["a:b","z:*","` + c.pattern + `"],"Resource":"*"}`}.request(t)
		if got := Evaluate(r).Allowed; got != c.want {
			t.Errorf("%q for %q: %v", c.pattern, c.action, got)
		}
		r = setting{by: aliceUser(), action: c.action, identity: `{"Effect":"Allow","NotAction":"` + c.pattern + `","Resource":"*"}`}.request(t)
		if got := Evaluate(r).Allowed; got == c.want {
			t.Errorf("NotAction %q for %q: %v", c.pattern, c.action, got)
		}
	}
}
