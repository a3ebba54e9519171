package web

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/expertpool/account"
)

// route is an address of konsil, and for whom it is.
type route struct {
	method, path string
	who          audience
	do           echo.HandlerFunc
}

// liveSocket is where the live page's one WebSocket comes in.
const liveSocket = "/conferences/:code/live"

// table is every address of konsil. Nothing changes on GET.
func (s *server) table() []route {
	caseworkers := may(account.KeepCases)
	coordinators := may(account.Convene)
	staff := may(account.SeeRequests)
	people := may(account.ManagePeople)
	keepers := may(account.KeepPool)
	experts := may(account.KeepOwnProfile)

	return []route{
		{"GET", "/", anyone, s.today},
		{"POST", "/sign-in", anyone, s.signInPost},
		{"POST", "/sign-out", members, s.signOut},
		{"POST", "/rehearse/:id", rehearsal, s.rehearse},
		{"GET", confirmPath, members, s.confirm},
		{"POST", confirmPath, members, s.confirmPost},
		{"POST", confirmPath + "/oidc", provided(members), s.oidcConfirm},
		{"POST", "/sign-in/oidc", provided(anyone), s.oidcSignIn},
		{"POST", "/setup/:token/oidc", provided(anyone), s.oidcSetUp},
		{"GET", oidcPath, provided(anyone), s.oidcArrive},
		{"GET", "/me/oidc", provided(members), s.oidcLinked},
		{"POST", "/me/oidc", fresh(provided(members)), s.oidcLink},
		{"POST", "/me/oidc/unlink", fresh(provided(members)), s.oidcUnlink},
		{"GET", secondPath, halfway, s.second},
		{"POST", secondPath, halfway, s.secondPost},
		{"POST", "/passkey/ask", anyone, s.askPasskey},
		{"POST", "/passkey/answer", anyone, s.answerPasskey},
		{"GET", "/forgotten", anyone, s.forgotten},
		{"POST", "/forgotten", anyone, s.forgottenPost},
		{"GET", "/setup/:token", anyone, s.setUp},
		{"POST", "/setup/:token", anyone, s.setUpPost},
		{"GET", "/me/enrol", halfway, s.enrol},
		{"GET", "/me/security", fresh(members), s.security},
		{"POST", "/me/security/passkeys/ask", enrolling, s.makePasskey},
		{"POST", "/me/security/passkeys", enrolling, s.keepPasskey},
		{"POST", "/me/security/passkeys/:id/remove", fresh(members), s.removePasskey},
		{"POST", "/me/security/codes", enrolling, s.beginCodes},
		{"GET", "/me/security/codes", enrolling, s.codes},
		{"POST", "/me/security/codes/confirm", enrolling, s.confirmCodes},
		{"POST", "/me/security/codes/remove", fresh(members), s.removeCodes},
		{"POST", "/me/security/recovery", fresh(members), s.drawRecovery},
		{"POST", "/me/security/password", fresh(members), s.changePassword},
		{"POST", "/me/security/sessions/others", fresh(members), s.endOthers},
		{"POST", "/me/security/sessions/:id/end", fresh(members), s.endSitting},
		{"POST", "/me/security/devices/:id/revoke", fresh(members), s.revokeDevice},

		{"GET", "/cases", caseworkers, s.cases},
		{"GET", "/cases/new", caseworkers, s.newCase},
		{"POST", "/cases", caseworkers, s.newCasePost},
		{"POST", "/cases/find", caseworkers, s.findCases},
		{"GET", "/cases/guard", caseworkers, s.newCaseMarks},
		{"POST", "/cases/guard", caseworkers, s.newCaseLook},
		{"GET", "/cases/:id", caseworkers, s.caseFile},
		{"GET", "/cases/:id/guard", caseworkers, s.caseMarks},
		{"POST", "/cases/:id/guard", caseworkers, s.caseLook},
		{"POST", "/cases/:id/traits", caseworkers, s.describe},
		{"GET", "/cases/:id/summary", caseworkers, s.summary},
		{"POST", "/cases/:id/summary", caseworkers, s.summaryPost},
		{"POST", "/cases/:id/check", caseworkers, s.check},
		{"POST", "/cases/:id/release", caseworkers, s.release},
		{"POST", uploads, caseworkers, s.attach},
		{"GET", "/cases/:id/attachments/:file", caseworkers, s.caseAttachment},
		{"GET", "/cases/:id/attachments/:file/data", caseworkers, s.caseAttachmentData},
		{"POST", "/cases/:id/attachments/:file/release", caseworkers, s.releaseAttachment},
		{"POST", "/cases/:id/attachments/:file/remove", caseworkers, s.removeAttachment},
		{"GET", "/cases/:id/consent", caseworkers, s.consent},
		{"POST", "/cases/:id/consent", caseworkers, s.consentPost},
		{"POST", "/cases/:id/consent/ask", caseworkers, s.preparePost},
		{"GET", "/cases/:id/consent/sheet", caseworkers, s.sheet},
		{"POST", "/cases/:id/client-link", caseworkers, s.clientLinkPost},
		{"GET", "/cases/:id/narrow", caseworkers, s.narrow},
		{"POST", "/cases/:id/narrow", caseworkers, s.narrowPost},
		{"GET", "/cases/:id/withdraw", may(account.WithdrawConsent), s.withdraw},
		{"POST", "/cases/:id/withdraw", may(account.WithdrawConsent), s.withdrawPost},
		{"GET", "/cases/:id/receipt", caseworkers, s.receipt},
		{"GET", "/cases/:id/letters", caseworkers, s.letters},
		{"GET", "/cases/:id/identity", may(account.LookUpIdentity), s.identity},
		{"POST", "/cases/:id/identity", fresh(may(account.LookUpIdentity)), s.identityPost},
		{"POST", "/cases/:id/identity/ask", may(account.LookUpIdentity), s.askIdentity},
		{"POST", "/cases/:id/identity/answer", may(account.LookUpIdentity), s.answerIdentity},
		{"POST", "/cases/:id/identity/grow", caseworkers, s.growIdentity},
		{"GET", "/cases/:id/reread", caseworkers, s.reread},
		{"POST", "/cases/:id/reread", caseworkers, s.rereadPost},
		{"GET", "/cases/:id/profile", caseworkers, s.profile},
		{"POST", "/cases/:id/profile", caseworkers, s.profilePost},
		{"GET", "/cases/:id/retention", may(account.SetRetention), s.keeping},
		{"POST", "/cases/:id/retention", may(account.SetRetention), s.keepingPost},
		{"GET", "/cases/:id/access", fresh(may(account.Disclose)), s.access},
		{"POST", "/cases/:id/access", fresh(may(account.Disclose)), s.accessPost},
		{"GET", "/cases/:id/access-log", may(account.SeeAccessLog), s.accessLog},
		{"GET", "/cases/:id/request", may(account.SubmitRequests), s.newRequest},
		{"POST", "/cases/:id/request", may(account.SubmitRequests), s.newRequestPost},

		{"GET", "/retention", may(account.SeeRetention), s.retention},
		{"POST", "/retention", may(account.SetRetention), s.retentionPost},
		{"GET", "/casework", may(account.SeeCaseload), s.casework},
		{"POST", "/casework", may(account.SetCasework), s.caseworkPost},

		{"GET", "/admin", may(account.ManagePeople, account.KeepTemplates, account.CheckAudit), s.admin},
		{"GET", "/admin/record", may(account.CheckAudit), s.record},
		{"GET", "/admin/people", people, s.people},
		{"POST", "/admin/people", fresh(people), s.invitePersonPost},
		{"GET", "/admin/people/new", people, s.invitePerson},
		{"GET", "/admin/people/:id", people, s.person},
		{"POST", "/admin/people/:id", fresh(people), s.toPerson(s.correctPerson, "person_kept")},
		{"POST", "/admin/people/:id/role", fresh(people), s.toPerson(s.giveRole, "person_role")},
		{"POST", "/admin/people/:id/lock", fresh(people), s.toPerson(bare(s.Accounts.Lock), "person_locked")},
		{"POST", "/admin/people/:id/unlock", fresh(people), s.toPerson(bare(s.Accounts.Unlock), "person_unlocked")},
		{"POST", "/admin/people/:id/sessions", fresh(people), s.toPerson(bare(s.Accounts.EndSessions), "person_sessions")},
		{"POST", "/admin/people/:id/setup", fresh(people), s.toPerson(bare(s.Accounts.SendSetUp), "person_setup")},
		{"GET", "/admin/organisations", may(account.ManageOrganisations), s.houses},
		{"POST", "/admin/organisations", fresh(may(account.ManageOrganisations)), s.keepHouse},
		{"POST", "/admin/organisations/:id", fresh(may(account.ManageOrganisations)), s.keepHouse},

		{"GET", "/questions/new", may(account.SubmitRequests), s.newQuestion},
		{"POST", "/questions/new", may(account.SubmitRequests), s.newQuestionPost},
		{"GET", "/conferences/new", coordinators, s.newTopic},
		{"POST", "/conferences/new", coordinators, s.newTopicPost},
		{"POST", "/conferences/:code/colleagues", coordinators, s.inviteColleagues},
		{"GET", "/requests", staff, s.requests},
		{"GET", "/requests/:id", staff, s.request},
		{"GET", "/requests/:id/dates", coordinators, s.dates},
		{"POST", "/requests/:id/dates", coordinators, s.startPoll},
		{"GET", "/requests/:id/poll", coordinators, s.poll},
		{"POST", "/requests/:id/poll", coordinators, s.pollPost},
		{"POST", "/requests/:id/convene", may(account.DecideRequests), s.convene},
		{"POST", "/requests/:id/parts", may(account.DecideRequests), s.askParts},
		{"POST", "/requests/:id/decline", may(account.DecideRequests), s.decline},
		{"POST", "/requests/:id/take", may(account.DecideRequests), s.takeRequest},
		{"POST", "/requests/:id/give", may(account.DecideRequests), s.giveRequest},
		{"POST", "/requests/:id/withdraw", may(account.SubmitRequests), s.withdrawRequest},
		{"POST", "/requests/:id/inquiry", may(account.DecideRequests), s.askBack},
		{"POST", "/requests/:id/inquiry/answer", may(account.AnswerInformation), s.answerInquiry},
		{"POST", "/requests/:id/inquiry/withdraw", may(account.DecideRequests), s.withdrawInquiry},
		{"GET", "/experts/joining", keepers, s.poolJoining},
		{"POST", "/experts/joining/page", keepers, s.joinPagePost},
		{"POST", "/experts/joining/invite", keepers, s.inviteToPool},
		{"POST", "/experts/joining/:id", keepers, s.decideApplication},
		{"GET", "/experts/declaration", keepers, s.wording},
		{"POST", "/experts/declaration", keepers, s.wordingPost},
		{"GET", "/experts/:id/membership", keepers, s.membership},
		{"POST", "/experts/:id/membership", keepers, s.membershipPost},
		{"GET", "/experts/:id/leave", keepers, s.leaving},
		{"POST", "/experts/:id/leave", keepers, s.leavingPost},
		{"GET", "/experts/:id/participation", may(account.ProveParticipation), s.participation},
		{"GET", "/experts/:id/participation.csv", may(account.ProveParticipation), s.participationFile},
		{"GET", "/me/membership", experts, s.membership},
		{"POST", "/me/membership", experts, s.membershipPost},
		{"GET", "/me/leave", experts, s.leaving},
		{"POST", "/me/leave", experts, s.leavingPost},
		{"GET", "/me/declaration", experts, s.declaration},
		{"POST", "/me/declaration", fresh(experts), s.signDeclaration},
		{"GET", "/me/participation", experts, s.participation},
		{"GET", "/me/participation.csv", experts, s.participationFile},
		{"GET", "/network/agreements", may(account.SeePool), s.agreements},
		{"GET", "/network/agreements/:id", may(account.SeePool), s.agreement},
		{"POST", "/network/agreements/:id", may(account.KeepAgreements), s.agreementPost},
		{"GET", agreementDocuments, may(account.KeepAgreements), s.agreementDocument},
		{"POST", agreementDocuments, may(account.KeepAgreements), s.keepAgreementDocument},
		{"POST", agreementDocuments + "/remove", may(account.KeepAgreements), s.removeAgreementDocument},
		{"GET", "/join/:slug", anyone, s.join},
		{"POST", "/join/:slug", anyone, s.joinPost},
		{"GET", "/joining/:token", anyone, s.joining},
		{"POST", "/joining/:token", anyone, s.joiningPost},
		{"GET", "/confirm/:token", anyone, s.listing},
		{"POST", "/confirm/:token", anyone, s.listingPost},

		{"GET", "/experts", may(account.SeePool), s.experts},
		{"GET", "/experts/groups", keepers, s.groups},
		{"POST", "/experts/groups", keepers, s.newGroup},
		{"GET", "/experts/groups/:id", keepers, s.group},
		{"POST", "/experts/groups/:id", keepers, s.groupPost},
		{"POST", "/experts/groups/:id/remove", keepers, s.removeGroup},
		{"GET", imports, keepers, s.imports},
		{"POST", imports, keepers, s.bring},
		{"GET", "/experts/import/template.csv", keepers, s.importTemplate},
		{"GET", "/experts/import/:id", keepers, s.batch},
		{"POST", "/experts/import/:id", keepers, s.batchPost},
		{"GET", "/experts/import/:id/wrong.csv", keepers, s.wrongRows},
		{"GET", "/experts/export", keepers, s.export},
		{"POST", "/experts/export", fresh(keepers), s.exportPost},
		{"GET", "/experts/:id/availability", keepers, s.availability},
		{"POST", "/experts/:id/availability", keepers, s.availabilityPost},
		{"GET", "/me/availability", experts, s.availability},
		{"POST", "/me/availability", experts, s.availabilityPost},
		{"GET", "/me/busy", experts, s.busy},
		{"POST", "/me/busy", experts, s.busyPost},
		{"GET", "/experts/:id", may(account.SeePool), s.expert},
		{"GET", "/experts/:id/profile", may(account.KeepPool), s.expertProfile},
		{"POST", "/experts/:id/profile", may(account.KeepPool), s.expertProfilePost},
		{"GET", "/me/profile", may(account.KeepOwnProfile), s.expertProfile},
		{"POST", "/me/profile", may(account.KeepOwnProfile), s.expertProfilePost},
		{"GET", "/templates", may(account.KeepTemplates), s.templates},
		{"POST", "/templates", may(account.KeepTemplates), s.keepTemplate},
		{"POST", "/templates/shipped", may(account.KeepTemplates), s.shipTemplates},
		{"GET", "/templates/:id", may(account.KeepTemplates), s.template},
		{"POST", "/templates/:id/retire", may(account.KeepTemplates), s.retireTemplate},

		{"GET", "/conferences", members, s.conferences},
		{"GET", "/conferences/day/:day", may(account.TakePart), s.day},
		{"GET", "/conferences/:code", members, s.conference},
		{"POST", "/conferences/:code/move", coordinators, s.move},
		{"POST", "/conferences/:code/cancel", coordinators, s.cancel},
		{"POST", "/conferences/:code/invite", coordinators, s.invite},
		{"POST", "/conferences/:code/uninvite", coordinators, s.uninvite},
		{"POST", "/conferences/:code/stand-in", coordinators, s.findStandIn},
		{"GET", "/conferences/:code/stand-in", coordinators, s.nextDates},
		{"POST", "/conferences/:code/stand-in/instead", coordinators, s.goOn},
		{"POST", "/conferences/:code/stand-in/auto", coordinators, s.searchBySelf},
		{"POST", "/conferences/:code/stand-in/move", coordinators, s.moveWith},
		{"POST", "/conferences/:code/answer", members, s.conferenceAnswer},
		{"POST", "/conferences/:code/proposals/:id/refuse", coordinators, s.refuseProposal},
		{"POST", "/conferences/:code/declare", members, s.declare},
		{"POST", "/conferences/:code/visible", coordinators, s.visible},
		{"GET", "/conferences/:code/attachments/:file", members, s.conferenceAttachment},
		{"GET", "/conferences/:code/attachments/:file/data", members, s.conferenceAttachmentData},
		{"POST", "/conferences/:code/information", members, s.askInformation},
		{"POST", "/conferences/:code/information/:id", may(account.AnswerInformation), s.answerInformation},
		{"POST", "/conferences/:code/information/:id/withdraw", members, s.withdrawInformation},
		{"GET", "/conferences/:code/agenda", members, s.agenda},
		{"POST", "/conferences/:code/agenda", coordinators, s.agendaPost},
		{"GET", "/conferences/:code/opinion", members, s.opinion},
		{"POST", "/conferences/:code/opinion", members, s.sendOpinion},
		{"POST", "/conferences/:code/opinion/draft", members, s.draftOpinion},
		{"POST", "/conferences/:code/opinion/add", members, s.addToOpinion},
		{"POST", "/conferences/:code/opinion/open", coordinators, s.openOpinions},
		{"POST", "/conferences/:code/opinion/ask", coordinators, s.askOpinions},
		{"POST", "/conferences/:code/opinion/expert", coordinators, s.askOpinion},
		{"POST", "/conferences/:code/opinion/extend", coordinators, s.extendOpinions},
		{"POST", "/conferences/:code/guests", staff, s.askGuest},
		{"POST", "/conferences/:code/guests/revoke", staff, s.revokeGuest},
		{"POST", "/conferences/:code/open", staff, s.open},
		{"POST", "/conferences/:code/end", coordinators, s.end},
		{"GET", "/conferences/:code/room", members, s.room},
		{"POST", "/conferences/:code/ticket", members, s.ticket},
		{"POST", "/conferences/:code/device", members, s.bringDevice},
		{"GET", liveSocket, anyone, s.live}, // the ticket says who
		{"POST", "/nettest", members, s.nettest},
		{"GET", "/conferences/:code/measures", members, s.measures},
		{"POST", "/conferences/:code/measures", members, s.measuresPost},
		{"GET", "/conferences/:code/guard", members, s.conferenceMarks},
		{"POST", "/conferences/:code/guard", members, s.conferenceLook},
		{"GET", "/conferences/:code/notes", members, s.notes},
		{"GET", "/conferences/:code/previous", members, s.previous},
		{"POST", "/conferences/:code/addendum", members, s.addendum},
		{"POST", "/conferences/:code/redaction", members, s.redact},
		{"GET", "/conferences/:code/minutes", members, s.minutes},
		{"GET", "/conferences/:code/minutes.json", members, s.minutesFile},
		{"POST", "/conferences/:code/minutes", staff, s.minutesPost},
		{"POST", "/conferences/:code/minutes/redaction", staff, s.redactWords},
		{"POST", "/conferences/:code/approve", coordinators, s.approve},
		{"GET", "/conferences/:code/pass", caseworkers, s.pass},
		{"POST", "/conferences/:code/pass", caseworkers, s.passPost},
		{"GET", "/conferences/:code/pass/:id", caseworkers, s.planCopy},
		{"GET", "/conferences/:code/pass/:id/file", caseworkers, s.planCopyFile},
		{"GET", "/guard", members, s.guardInfo},
		{"GET", "/guard/patterns", may(account.KeepPatterns), s.patterns},
		{"POST", "/guard/patterns", may(account.KeepPatterns), s.patternsPost},
		{"POST", "/guard/patterns/:id/remove", may(account.KeepPatterns), s.patternGone},
		{"GET", "/me/feed", may(account.TakePart), s.feedPage},
		{"POST", "/me/feed", may(account.TakePart), s.feedPost},
		{"GET", "/me/calendar", may(account.ManageOwnAccount), s.calendar},
		{"POST", "/me/calendar", may(account.ManageOwnAccount), s.calendarPost},
		{"GET", "/feed/:token", anyone, s.feed},
		{"GET", "/network/series", coordinators, s.allSeries},
		{"POST", "/network/series", coordinators, s.newSeries},
		{"GET", "/network/series/:id", coordinators, s.series},
		{"POST", "/network/series/:id", coordinators, s.changeSeries},
		{"GET", "/network/series/:id/days/:day", coordinators, s.seriesDay},
		{"POST", "/network/series/:id/days/:day", coordinators, s.seriesDayPost},
		{"GET", "/network/mail", coordinators, s.postbox},
		{"POST", "/network/mail/:id/settle", coordinators, s.settleLetter},
		{"POST", "/network/mail/:id/adopt", coordinators, s.adoptSender},
		{"GET", "/search", members, s.search},
		{"GET", "/plan", members, s.plan},
		{"POST", "/plan/:id/answer", members, s.planAnswer},
		{"POST", "/plan/:id/report", members, s.planReport},

		{"GET", "/poll/:token", anyone, s.vote},
		{"POST", "/poll/:token", anyone, s.votePost},
		{"GET", "/polls/:id", members, s.vote},
		{"POST", "/polls/:id", members, s.votePost},
		{"GET", "/answer/:token", anyone, s.answer},
		{"POST", "/answer/:token", anyone, s.answerPost},
		{"GET", "/answer/:token/calendar.ics", anyone, s.answerCalendar},
		{"GET", "/stand-in/:token", anyone, s.standIn},
		{"POST", "/stand-in/:token", anyone, s.standInPost},
		{"GET", "/guest/:token", anyone, s.guest},
		{"POST", "/guest/:token/ticket", anyone, s.guestTicket},
		{"POST", "/guest/:token/nettest", anyone, s.guestNettest},
		{"GET", "/client/:token", anyone, s.client},
		{"POST", "/client/:token", anyone, s.clientPost},
		{"POST", "/client/:token/narrow", anyone, s.clientNarrow},
		{"GET", "/measure/:token", anyone, s.measure},
		{"POST", "/measure/:token", anyone, s.measurePost},
		{"GET", "/follow-up/:token", anyone, s.followUp},
		{"POST", "/follow-up/:token", anyone, s.followUpPost},

		{"GET", "/outbox", rehearsal, s.outbox},
		{"GET", "/outbox/:id", rehearsal, s.outboxMail},
		{"GET", "/outbox/:id/invite.ics", rehearsal, s.outboxCalendar},

		{"GET", "/livez", open, s.livez},
		{"GET", "/readyz", open, s.readyz},
	}
}

// routes opens every address.
func (s *server) routes(e *echo.Echo) {
	for _, r := range s.table() {
		do := r.do
		if r.method == http.MethodPost {
			do = s.strictly(r.path, do)
		}
		do = s.paced(r.method, r.path, r.who, do)
		e.Add(r.method, r.path, do)
		if r.method == http.MethodGet && r.path != liveSocket && r.path != oidcPath {
			e.Add(http.MethodHead, r.path, do) // RFC 9110 §9.3.2; net/http leaves the body out
		}
	}
	e.Match([]string{http.MethodGet, http.MethodHead}, "/assets/*", echo.WrapHandler(s.Assets.Handler()))
}

// open pages do not ask who comes.
func open(_ *server, next echo.HandlerFunc) echo.HandlerFunc { return next }

func (s *server) livez(c echo.Context) error { return c.String(http.StatusOK, "ok\n") }

// readyz says whether the database answers, which is when this server is of use.
func (s *server) readyz(c echo.Context) error {
	if err := s.Ready(c.Request().Context()); err != nil {
		return c.String(http.StatusServiceUnavailable, "database unavailable\n")
	}
	return c.String(http.StatusOK, "ok\n")
}
