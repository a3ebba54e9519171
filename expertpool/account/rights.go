package account

import "github.com/google/uuid"

// Act is something that not everybody may do. What it is done to is the domain's business: Reach says how far it goes.
type Act string

// Acts on cases.
const (
	KeepCases       Act = "keep_cases"       // make, read, write, check and release them
	LookUpIdentity  Act = "look_up_identity" // see who the client is
	Disclose        Act = "disclose"         // give the client her copy
	WithdrawConsent Act = "withdraw_consent"
	ReadCases       Act = "read_cases" // what is released, as far as the consent opens it
	SeeAccessLog    Act = "see_access_log"
	SeeRetention    Act = "see_retention" // terms, what is due, what was deleted; pseudonyms at most
	SetRetention    Act = "set_retention"
)

// Acts on what the casework goes by.
const (
	UseTemplates  Act = "use_templates"
	KeepTemplates Act = "keep_templates"
	SeePatterns   Act = "see_patterns" // of the name guard
	KeepPatterns  Act = "keep_patterns"
	SeeCaseload   Act = "see_caseload"
	SetCasework   Act = "set_casework"
)

// Acts on requests and conferences.
const (
	SubmitRequests    Act = "submit_requests"
	SeeRequests       Act = "see_requests"
	DecideRequests    Act = "decide_requests"
	Convene           Act = "convene" // and move, cancel, invite, lead, close
	TakePart          Act = "take_part"
	SitIn             Act = "sit_in" // in the room, without the case
	AnswerInformation Act = "answer_information"
)

// Acts on the pool.
const (
	SeePool            Act = "see_pool"
	KeepPool           Act = "keep_pool"        // profiles, membership, groups, import and export
	KeepOwnProfile     Act = "keep_own_profile" // what she offers, and when
	KeepAgreements     Act = "keep_agreements"
	ProveParticipation Act = "prove_participation"
)

// Acts on accounts and on the record.
const (
	ManageOwnAccount    Act = "manage_own_account"
	ManagePeople        Act = "manage_people"
	ManageOrganisations Act = "manage_organisations"
	CheckAudit          Act = "check_audit"
)

// Reach is how far somebody's right to an act goes.
type Reach string

const (
	Nowhere         Reach = ""
	Self            Reach = "self"         // what is about her
	OwnSeats        Reach = "seats"        // conferences that she was asked into
	OwnOrganisation Reach = "organisation" // everything of her organisation
	OwnNetwork      Reach = "network"      // everything of her network
)

// right is who may do an act, and how far.
type right map[Role]Reach

// rights is the one table of who may do what. What it does not name nobody may do.
var rights = map[Act]right{
	KeepCases:       {Caseworker: OwnOrganisation},
	LookUpIdentity:  {Caseworker: OwnOrganisation},
	Disclose:        {Caseworker: OwnOrganisation},
	WithdrawConsent: {Caseworker: OwnOrganisation, Client: Self},
	ReadCases:       {Caseworker: OwnOrganisation, Coordinator: OwnNetwork, Expert: OwnSeats, Client: Self},
	SeeAccessLog:    {Caseworker: OwnOrganisation, DataProtectionOfficer: OwnOrganisation},
	SeeRetention:    {Caseworker: OwnOrganisation, DataProtectionOfficer: OwnOrganisation},
	SetRetention:    {Caseworker: OwnOrganisation},

	UseTemplates:  {Caseworker: OwnNetwork, Coordinator: OwnNetwork},
	KeepTemplates: {Coordinator: OwnNetwork},
	SeePatterns:   {Caseworker: OwnOrganisation, Coordinator: OwnNetwork},
	KeepPatterns:  {Coordinator: OwnNetwork},
	SeeCaseload:   {Caseworker: OwnOrganisation, Coordinator: OwnNetwork},
	SetCasework:   {Coordinator: OwnNetwork},

	SubmitRequests:    {Caseworker: OwnOrganisation},
	SeeRequests:       {Caseworker: OwnOrganisation, Coordinator: OwnNetwork},
	DecideRequests:    {Coordinator: OwnNetwork},
	Convene:           {Coordinator: OwnNetwork},
	TakePart:          {Caseworker: OwnOrganisation, Coordinator: OwnNetwork, Expert: OwnSeats},
	SitIn:             {Guest: OwnSeats},
	AnswerInformation: {Caseworker: OwnOrganisation},

	SeePool:            {Caseworker: OwnNetwork, Coordinator: OwnNetwork, Admin: OwnNetwork, NetworkAdmin: OwnNetwork},
	KeepPool:           {Coordinator: OwnNetwork},
	KeepOwnProfile:     {Expert: Self},
	KeepAgreements:     {Coordinator: OwnNetwork, NetworkAdmin: OwnNetwork},
	ProveParticipation: {Expert: Self, Coordinator: OwnNetwork},

	ManageOwnAccount: {
		Caseworker: Self, Coordinator: Self, Expert: Self, DataProtectionOfficer: Self, Admin: Self, NetworkAdmin: Self,
	},
	ManagePeople:        {Admin: OwnOrganisation, NetworkAdmin: OwnNetwork},
	ManageOrganisations: {NetworkAdmin: OwnNetwork},
	CheckAudit:          {DataProtectionOfficer: OwnOrganisation},
}

// byLink are the acts for which a link from a mail is enough. Everything else wants somebody who has signed in.
var byLink = map[Act]bool{WithdrawConsent: true, ReadCases: true, TakePart: true, SitIn: true}

// Reach says how far the actor's right to an act goes; Nowhere is no right at all.
func (a Actor) Reach(act Act) Reach {
	if a.Session == uuid.Nil && !byLink[act] {
		return Nowhere
	}
	return rights[act][a.Role]
}

// May says whether the actor may do an act at all. To what is asked of the thing itself, within Reach.
func (a Actor) May(act Act) bool { return a.Reach(act) != Nowhere }
