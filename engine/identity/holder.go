package identity

import (
	"errors"
	"iter"
	"slices"
	"strings"
	"unicode"

	"github.com/redoubt-sec/redoubt/engine/policy"
	"github.com/redoubt-sec/redoubt/store"
)

// Holder is what users, groups and roles have in common: policies. It is part
// of their records.
type Holder struct {
	Attached []string // ARNs of managed policies, in the order of attaching
	Inline   []Inline `json:",omitempty"` // in order of their names
}

// Inline is a policy that belongs to its holder.
type Inline struct {
	Name     string
	Document *Document
}

// Find answers the inline policy of that name, nil if there is none.
func (h *Holder) Find(name string) *Document {
	if at, ok := h.at(name); ok {
		return h.Inline[at].Document
	}
	return nil
}

func (h *Holder) at(name string) (int, bool) {
	return slices.BinarySearchFunc(h.Inline, name, func(p Inline, name string) int { return strings.Compare(p.Name, name) })
}

// Ref names a holder: NounUser, NounGroup or NounRole and its name.
type Ref struct {
	Noun Noun
	Name string
}

// entity is a holder's record seen without its type.
type entity struct {
	ref         Ref
	id, path    string
	holder      *Holder
	maxAttached int
	maxInline   int
	attachQuota string
}

func userEntity(u *User) entity {
	return entity{Ref{NounUser, u.Name}, u.ID, u.Path, &u.Holder, MaxAttachedPerUser, MaxUserInline, "PoliciesPerUser"}
}

func groupEntity(g *Group) entity {
	return entity{Ref{NounGroup, g.Name}, g.ID, g.Path, &g.Holder, MaxAttachedPerGroup, MaxGroupInline, "PoliciesPerGroup"}
}

func roleEntity(r *Role) entity {
	return entity{Ref{NounRole, r.Name}, r.ID, r.Path, &r.Holder, MaxAttachedPerRole, MaxRoleInline, "PoliciesPerRole"}
}

// Holder answers the policies of a user, group or role; read-only.
func (i *Identity) Holder(tx *store.Tx, account string, ref Ref) (*Holder, error) {
	e, err := i.entity(tx, account, ref)
	if err != nil {
		return nil, err
	}
	return e.holder, nil
}

func (i *Identity) entity(tx *store.Tx, account string, ref Ref) (entity, error) {
	switch ref.Noun {
	case NounUser:
		u, err := i.User(tx, account, ref.Name)
		if err != nil {
			return entity{}, err
		}
		return userEntity(u), nil
	case NounGroup:
		g, err := i.Group(tx, account, ref.Name)
		if err != nil {
			return entity{}, err
		}
		return groupEntity(g), nil
	case NounRole:
		r, err := i.Role(tx, account, ref.Name)
		if err != nil {
			return entity{}, err
		}
		return roleEntity(r), nil
	}
	return entity{}, errors.New("identity: a " + string(ref.Noun) + " holds no policies")
}

// editHolder changes the policies of a user, group or role.
func (i *Identity) editHolder(tx *store.Tx, account string, ref Ref, f func(entity) error) error {
	e, err := i.entity(tx, account, ref)
	if err != nil {
		return err
	}
	switch ref.Noun {
	case NounUser:
		_, err = users.In(account).Edit(tx, e.id, func(u *User) error { return f(userEntity(u)) })
	case NounGroup:
		_, err = groups.In(account).Edit(tx, e.id, func(g *Group) error { return f(groupEntity(g)) })
	case NounRole:
		_, err = roles.In(account).Edit(tx, e.id, func(r *Role) error { return f(roleEntity(r)) })
	}
	return err
}

// PutInline writes an inline policy whose text was parsed before.
func (i *Identity) PutInline(tx *store.Tx, account string, ref Ref, name, text string) error {
	return i.editHolder(tx, account, ref, func(e entity) error {
		h, p := e.holder, Inline{name, NewDocument(text)}
		if at, ok := h.at(name); ok {
			h.Inline[at] = p
		} else {
			h.Inline = slices.Insert(h.Inline, at, p)
		}
		total := 0
		for _, p := range h.Inline {
			total += TextSize(p.Document.Text)
		}
		if total > e.maxInline {
			return &Size{ref.Noun, ref.Name, e.maxInline}
		}
		return nil
	})
}

// DeleteInline removes an inline policy.
func (i *Identity) DeleteInline(tx *store.Tx, account string, ref Ref, name string) error {
	return i.editHolder(tx, account, ref, func(e entity) error {
		at, ok := e.holder.at(name)
		if !ok {
			return &NotFound{Noun: NounInline, Name: name, Of: string(ref.Noun)}
		}
		e.holder.Inline = slices.Delete(e.holder.Inline, at, at+1)
		return nil
	})
}

// TextSize counts a policy's characters as quotas do: without white space.
func TextSize(text string) int {
	n := 0
	for _, r := range text {
		if !unicode.IsSpace(r) {
			n++
		}
	}
	return n
}

// attachments lead from a managed policy to those it is attached to, or whose
// boundary it is: ID(policy ARN, use, noun, unique id).
var attachments = store.AccountTable[struct{}]("identity.attachment")

const (
	usePermissions = "P"
	useBoundary    = "B"
)

func attachmentKey(arn, use string, noun Noun, id string) string {
	return store.ID(arn, use, string(noun), id)
}

// Attach attaches a managed policy; attaching it again changes nothing.
func (i *Identity) Attach(tx *store.Tx, account string, ref Ref, arn string) error {
	if err := i.policyExists(tx, account, arn); err != nil {
		return err
	}
	return i.editHolder(tx, account, ref, func(e entity) error {
		if slices.Contains(e.holder.Attached, arn) {
			return nil
		}
		if len(e.holder.Attached) >= e.maxAttached {
			return &Limit{e.attachQuota, e.maxAttached}
		}
		e.holder.Attached = append(e.holder.Attached, arn)
		return attachments.In(account).Put(tx, attachmentKey(arn, usePermissions, ref.Noun, e.id), &struct{}{})
	})
}

// Detach takes a managed policy away; NotFound if it is not attached.
func (i *Identity) Detach(tx *store.Tx, account string, ref Ref, arn string) error {
	return i.editHolder(tx, account, ref, func(e entity) error {
		at := slices.Index(e.holder.Attached, arn)
		if at < 0 {
			return &NotFound{Noun: NounPolicy, Name: arn, Of: string(ref.Noun)}
		}
		e.holder.Attached = slices.Delete(e.holder.Attached, at, at+1)
		return attachments.In(account).Delete(tx, attachmentKey(arn, usePermissions, ref.Noun, e.id))
	})
}

// setBoundary keeps the index in step with a holder's boundary.
func setBoundary(tx *store.Tx, account string, noun Noun, id string, boundary *string, arn string) error {
	rows := attachments.In(account)
	if *boundary != "" {
		if err := rows.Delete(tx, attachmentKey(*boundary, useBoundary, noun, id)); err != nil {
			return err
		}
	}
	*boundary = arn
	if arn == "" {
		return nil
	}
	return rows.Put(tx, attachmentKey(arn, useBoundary, noun, id), &struct{}{})
}

// Attachment is one use of a managed policy.
type Attachment struct {
	Policy   string // ARN
	Boundary bool
	Noun     Noun
	ID       string
}

// Attachments walks the uses of a managed policy, or of all when arn is empty.
func (i *Identity) Attachments(tx *store.Tx, account, arn string) iter.Seq2[Attachment, error] {
	q := store.Query{}
	if arn != "" {
		q.Prefix = store.ID(arn, "")
	}
	return func(yield func(Attachment, error) bool) {
		for row, err := range attachments.In(account).Scan(tx, q) {
			if err != nil {
				yield(Attachment{}, err)
				return
			}
			p := store.Parts(row.ID)
			if !yield(Attachment{p[0], p[1] == useBoundary, Noun(p[2]), p[3]}, nil) {
				return
			}
		}
	}
}

// HolderName answers the name and path of a user, group or role by its unique id.
func (i *Identity) HolderName(tx *store.Tx, account string, noun Noun, id string) (name, path string, err error) {
	switch noun {
	case NounUser:
		u, err := users.In(account).Get(tx, id)
		if err != nil {
			return "", "", err
		}
		return u.Name, u.Path, nil
	case NounGroup:
		g, err := groups.In(account).Get(tx, id)
		if err != nil {
			return "", "", err
		}
		return g.Name, g.Path, nil
	}
	r, err := roles.In(account).Get(tx, id)
	if err != nil {
		return "", "", err
	}
	return r.Name, r.Path, nil
}

// Sources answers the policies of one holder as the evaluation takes them.
func (i *Identity) Sources(tx *store.Tx, account string, ref Ref, h *Holder) ([]policy.Source, error) {
	e, err := i.entity(tx, account, ref)
	if err != nil {
		return nil, err
	}
	return i.sources(tx, account, ARN(account, string(ref.Noun), e.path, ref.Name), h, nil)
}

// sources appends the holder's policies as the evaluation takes them. arn is
// the holder's own.
func (i *Identity) sources(tx *store.Tx, account, arn string, h *Holder, to []policy.Source) ([]policy.Source, error) {
	for _, p := range h.Inline {
		c, err := p.Document.Compiled(policy.Identity)
		if err != nil {
			return nil, err
		}
		to = append(to, policy.Source{Kind: policy.Identity, Name: p.Name, Attached: arn, Document: c})
	}
	for _, a := range h.Attached {
		c, err := i.compiled(tx, account, a)
		if err != nil {
			return nil, err
		}
		to = append(to, policy.Source{Kind: policy.Identity, Name: a, Attached: arn, Document: c})
	}
	return to, nil
}

// isAWS reports whether a managed policy is AWS's own.
func isAWS(arn string) bool { return strings.HasPrefix(arn, arnPrefix+"aws:policy/") }
