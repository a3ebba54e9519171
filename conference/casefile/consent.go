package casefile

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
)

// ConsentText is the version of the text that is explained and signed today.
const ConsentText = "2026-12.2"

// ConsentLanguages are the languages in which the sheet can be signed; plain is German in short sentences.
var ConsentLanguages = []string{"de", "plain", "en"}

// Purpose is something that a client can agree to, each by a tick of its own. What is not ticked is not allowed.
type Purpose string

const (
	Conference Purpose = "conference" // experts of the circle read the summary and confer; without it there is no consent
	Presence   Purpose = "presence"   // she shows herself: she may come to a conference, which is open then
	FollowUp   Purpose = "follow_up"  // a later conference sees what came out of the one before
	Profile    Purpose = "profile"    // the ICF profile is shown
	Risk       Purpose = "risk"       // an imported risk score is shown
	Statistics Purpose = "statistics" // outcomes are counted, five at least to a cell; recorded only: nothing counts yet, and the sheet says so
	Memory     Purpose = "memory"     // decisions may be found again by similar questions, without the person; recorded only, as well
	PassPlan   Purpose = "pass_plan"  // the plan is passed to the organisations that Consent.PlanTo names
)

// Purposes are all of them, in the order in which they stand on the sheet.
var Purposes = []Purpose{Conference, Presence, FollowUp, Profile, Risk, Statistics, Memory, PassPlan}

// ConsentState is how a consent stands on a day:
//
//	asked → granted → narrowed → withdrawn | expired
//
// A new consent may follow on each of them but withdrawn, which is for good.
type ConsentState string

const (
	Asked     ConsentState = "asked" // the sheet is prepared, nobody has signed: it opens nothing
	Granted   ConsentState = "granted"
	Narrowed  ConsentState = "narrowed"
	Withdrawn ConsentState = "withdrawn"
	Expired   ConsentState = "expired"
)

// Consent is the client's: for purposes, towards a circle of disciplines in organisations, for a term. GDPR Art. 7, SGB X
// section 67b. It is a sheet of paper that stays in the file of record; this is what it says. It has no field for what somebody
// did not agree to.
type Consent struct {
	ID             uuid.UUID
	Purposes       []Purpose
	Circle         []string    // disciplines
	Organisations  []uuid.UUID // whose experts may look
	Excluded       []uuid.UUID // accounts of people who may not, although circle and organisation would let them
	PlanTo         []uuid.UUID // organisations that the plan may be passed to; with PassPlan only
	ValidFrom      time.Time   // dates: the first and the last day on which it holds
	ValidUntil     time.Time
	TextVersion    string
	Language       string     // one of ConsentLanguages
	Explained      bool       // voluntariness and withdrawal were explained
	CounselledOn   *time.Time // a date: the independent counselling (EUTB) was pointed out
	SignedOn       time.Time  // the date beside the signature on paper
	RecordedByName string
	AskedAt        *time.Time
	GrantedAt      *time.Time
	NarrowedAt     *time.Time
	WithdrawnAt    *time.Time
	Releases       []SecrecyRelease // those that stand
}

// SecrecyRelease frees one holder of a professional secret to speak (StGB section 203). The holder has no name here, only what
// the client calls her or him: the name of somebody's physician is a trace to that person. It stands on the signed paper.
type SecrecyRelease struct {
	ID         uuid.UUID
	Profession string // a discipline
	Holder     string // "meine Hausärztin"
	About      string // what may be spoken of
}

// Allows says that a purpose was agreed to. Whether the consent stands is another question.
func (c *Consent) Allows(p Purpose) bool { return c != nil && slices.Contains(c.Purposes, p) }

// Stands says that the consent holds on the day of now.
func (c *Consent) Stands(now time.Time) bool {
	if c == nil || c.GrantedAt == nil || c.WithdrawnAt != nil {
		return false
	}
	today := expertpool.Today(now)
	return !today.Before(c.ValidFrom) && !today.After(c.ValidUntil)
}

// State is how the consent stands on the day of now; of none at all it is empty.
func (c *Consent) State(now time.Time) ConsentState {
	switch {
	case c == nil:
		return ""
	case c.WithdrawnAt != nil:
		return Withdrawn
	case c.GrantedAt == nil:
		return Asked
	case expertpool.Today(now).After(c.ValidUntil):
		return Expired
	case c.NarrowedAt != nil:
		return Narrowed
	}
	return Granted
}

// tidy puts lists in order, without doubles, and fills in what has one answer only.
func (c *Consent) tidy(now time.Time) {
	c.Purposes, c.Circle = sorted(c.Purposes), sorted(c.Circle)
	c.Organisations, c.Excluded, c.PlanTo = sortedIDs(c.Organisations), sortedIDs(c.Excluded), sortedIDs(c.PlanTo)
	if c.ValidFrom.IsZero() {
		c.ValidFrom = expertpool.Today(now)
	}
	if c.Language == "" {
		c.Language = ConsentLanguages[0]
	}
	if !slices.Contains(c.Purposes, PassPlan) {
		c.PlanTo = nil
	}
}

// validate checks what both a prepared and a signed sheet must say.
func (c *Consent) validate(now time.Time) error {
	c.tidy(now)
	today := expertpool.Today(now)
	switch {
	case slices.ContainsFunc(c.Purposes, func(p Purpose) bool { return !slices.Contains(Purposes, p) }):
		return &account.InvalidError{Field: "purposes", Rule: "unknown"}
	case !slices.Contains(c.Purposes, Conference):
		return &account.InvalidError{Field: "purposes", Rule: "conference"}
	case len(c.Circle) == 0:
		return &account.InvalidError{Field: "circle", Rule: "required"}
	case slices.ContainsFunc(c.Circle, func(d string) bool { return !expertpool.KnownDiscipline(d) }):
		return &account.InvalidError{Field: "circle", Rule: "unknown"}
	case len(c.Organisations) == 0:
		return &account.InvalidError{Field: "organisations", Rule: "required"}
	case slices.Contains(c.Purposes, PassPlan) && len(c.PlanTo) == 0:
		return &account.InvalidError{Field: "plan_to", Rule: "required"}
	case c.ValidUntil.Before(today):
		return &account.InvalidError{Field: "valid_until", Rule: "future"}
	case c.ValidUntil.After(now.AddDate(2, 0, 0)):
		return &account.InvalidError{Field: "valid_until", Rule: "two_years"}
	case c.ValidFrom.After(c.ValidUntil):
		return &account.InvalidError{Field: "valid_from", Rule: "before_until"}
	case !slices.Contains(ConsentLanguages, c.Language):
		return &account.InvalidError{Field: "language", Rule: "unknown"}
	case c.CounselledOn != nil && c.CounselledOn.After(today):
		return &account.InvalidError{Field: "counselled_on", Rule: "past"}
	}
	return c.validateReleases()
}

// signed checks what only a signature can say.
func (c *Consent) signed(now time.Time) error {
	switch {
	case !c.Explained:
		return &account.InvalidError{Field: "explained", Rule: "required"}
	case c.SignedOn.IsZero():
		return &account.InvalidError{Field: "signed_on", Rule: "required"}
	case c.SignedOn.After(expertpool.Today(now)):
		return &account.InvalidError{Field: "signed_on", Rule: "past"}
	}
	return nil
}

const maxReleases = 6 // on one sheet of paper

func (c *Consent) validateReleases() error {
	if len(c.Releases) > maxReleases {
		return &account.InvalidError{Field: "releases", Rule: "six"}
	}
	for i := range c.Releases {
		r := &c.Releases[i]
		if !expertpool.KnownDiscipline(r.Profession) {
			return &account.InvalidError{Field: "releases", Rule: "profession"}
		}
		err := account.FirstError(account.CheckText("releases", &r.Holder, 80, true), account.CheckText("releases", &r.About, 200, false))
		if err != nil {
			return err
		}
	}
	return nil
}

// within says that c allows nothing that wide does not: which field goes beyond, or "".
func (c *Consent) within(wide *Consent) string {
	switch {
	case !subset(c.Purposes, wide.Purposes):
		return "purposes"
	case !subset(c.Circle, wide.Circle):
		return "circle"
	case !subset(c.Organisations, wide.Organisations):
		return "organisations"
	case !subset(wide.Excluded, c.Excluded):
		return "excluded"
	case !subset(c.PlanTo, wide.PlanTo):
		return "plan_to"
	case c.ValidUntil.After(wide.ValidUntil):
		return "valid_until"
	}
	return ""
}

func subset[T comparable](some, of []T) bool {
	return !slices.ContainsFunc(some, func(v T) bool { return !slices.Contains(of, v) })
}

func sorted[T ~string](list []T) []T {
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}

func sortedIDs(list []uuid.UUID) []uuid.UUID {
	list = slices.DeleteFunc(slices.Clone(list), func(id uuid.UUID) bool { return id == uuid.Nil })
	slices.SortFunc(list, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	return slices.Compact(list)
}

// reader is somebody before the gate, as the case knows her.
type reader struct {
	account.Actor
	discipline   string    // of her profile in the pool; empty when she has none
	organisation uuid.UUID // the case's
	network      uuid.UUID
}

// leads: her organisation keeps the case, or she coordinates its network, or it is hers. The circle does not bind them, the
// consent does.
func (r reader) leads() bool {
	switch r.Reach(account.ReadCases) {
	case account.OwnOrganisation, account.Self:
		return r.Organisation == r.organisation
	case account.OwnNetwork:
		return r.Network == r.network
	}
	return false
}

// opens is the one rule that every read path and every socket goes through: may r look into the case now, for that purpose? A
// nil error opens. Whatever is not named here stays shut.
func opens(sealed bool, c *Consent, r reader, p Purpose, now time.Time) error {
	switch {
	case sealed || c != nil && c.WithdrawnAt != nil:
		return account.Refuse(account.ErrClosed, "withdrawn")
	case c == nil:
		return account.Refuse(account.ErrClosed, "no_consent")
	case !c.Stands(now) && expertpool.Today(now).Before(c.ValidFrom):
		return account.Refuse(account.ErrClosed, "consent_not_yet")
	case !c.Stands(now):
		return account.Refuse(account.ErrClosed, "consent_expired")
	case !c.Allows(Conference) || !c.Allows(p):
		return account.Refuse(account.ErrClosed, "not_agreed")
	case p == PassPlan:
		return given(slices.Contains(c.PlanTo, r.Organisation))
	case r.leads():
		return nil
	case r.May(account.SitIn):
		return given(p == Presence && r.Organisation == r.organisation)
	}
	return given(r.Reach(account.ReadCases) == account.OwnSeats && r.Network == r.network && !slices.Contains(c.Excluded, r.ID) &&
		slices.Contains(c.Circle, r.discipline) && slices.Contains(c.Organisations, r.Organisation))
}

func given(yes bool) error {
	if !yes {
		return account.Refuse(account.ErrClosed, "not_in_circle")
	}
	return nil
}
