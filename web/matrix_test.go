package web

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/conference"
	"github.com/konsil-server/konsil/conference/casefile"
	"github.com/konsil-server/konsil/expertpool"
	"github.com/konsil-server/konsil/expertpool/account"
	"github.com/konsil-server/konsil/expertpool/exchange"
)

// Who is let in where. Anna's case is Altona's, in the network Nord. Doris works beside her, Alma (administration) and Dagmar (data
// protection) in the same house; Bernd, Berta and Bodo in another one of the network, Clara (coordination) and Nils (administration of
// the network) in its pool. Ewald is in the round, Frieda is asked, Gustav is not. Quirin, Rosa, Theo, Wanda, Xaver and Zoe are
// strangers of the network Süd.
const (
	anybody      = "anybody"   // whoever comes: open pages, and links that say by themselves who comes
	everybody    = "everybody" // who is signed in
	house        = "Anna Doris"
	lead         = "Anna Clara Doris"
	round        = "Anna Clara Doris Ewald Frieda"
	caseworkers  = "Anna Bernd Doris Quirin"
	coordinators = "Clara Rosa"
	staff        = caseworkers + " " + coordinators
	officers     = "Bodo Dagmar Wanda"
	admins       = "Alma Berta Nils Xaver Zoe"
	experts      = "Ewald Frieda Gustav Theo"
)

// access is the access matrix: a line for each route, and who is let in. All others get "not found", or the sign-in when they are not
// signed in, see no word of the case, and change nothing.
//
// A new route needs a line: method and path as in routes.go, who is let in, and for POST a form that rights are asked with, where an
// empty one is refused before. A new parameter needs a thing in furnish that stands for it; a form may name things, too.
var access = []struct{ route, in, form string }{
	{"GET /", anybody, ""},
	{"POST /sign-in", anybody, ""},
	{"POST /rehearse/:id", anybody, ""},
	{"GET /sign-in/second", everybody, ""},
	{"POST /sign-in/second", everybody, "code=000000&next=/plan"},
	{"POST /passkey/ask", anybody, ""},
	{"POST /passkey/answer", anybody, ""},
	{"GET /forgotten", anybody, ""},
	{"POST /forgotten", anybody, ""},
	{"GET /setup/:token", anybody, ""},
	{"POST /setup/:token", anybody, ""},
	{"GET /me/enrol", everybody, ""},
	{"GET /me/security", everybody, ""},
	{"POST /me/security/passkeys/ask", everybody, ""},
	{"POST /me/security/passkeys", everybody, ""},
	{"POST /me/security/codes", everybody, ""},
	{"GET /me/security/codes", everybody, ""},
	{"POST /me/security/codes/confirm", everybody, "code=000000"},
	{"POST /me/security/codes/remove", everybody, ""},
	{"POST /me/security/recovery", everybody, ""},
	{"POST /me/security/password", everybody, "password=x"},
	{"POST /me/security/passkeys/:id/remove", "Anna", ""},
	{"POST /me/security/devices/:id/revoke", "Anna", ""},
	{"POST /me/security/sessions/:id/end", "Anna", ""},
	{"GET /me/confirm", everybody, ""},
	{"POST /me/confirm", everybody, "confirm_next=/plan"},
	{"POST /me/confirm/oidc", "", ""}, // here and below: no organisation has a sign-in of its own; see oidc_test.go
	{"POST /sign-in/oidc", "", ""},
	{"POST /setup/:token/oidc", "", ""},
	{"GET /oidc/callback", "", ""},
	{"GET /me/oidc", "", ""},
	{"POST /me/oidc", "", ""},
	{"POST /me/oidc/unlink", "", ""},

	{"GET /cases", caseworkers, ""},
	{"GET /cases/new", caseworkers, ""},
	{"GET /cases/guard", caseworkers, ""},
	{"POST /cases/guard", caseworkers, "text=x"},
	{"POST /cases", caseworkers, ""},
	{"POST /cases/find", caseworkers, ""},
	{"GET /cases/:id", house, ""},
	{"GET /cases/:id/guard", house, ""},
	{"POST /cases/:id/guard", house, "text=x"},
	{"POST /cases/:id/traits", house, ""},
	{"GET /cases/:id/summary", house, ""},
	{"POST /cases/:id/summary", house, ""},
	{"POST /cases/:id/check", house, "version=1&checked=yes"},
	{"POST /cases/:id/release", house, "version=1&checked=yes"},
	{"POST /cases/:id/attachments", house, ""},
	{"GET /cases/:id/attachments/:file", house, ""},
	{"GET /cases/:id/attachments/:file/data", house, ""},
	{"POST /cases/:id/attachments/:file/release", house, "looked=yes"},
	{"GET /cases/:id/consent", house, ""},
	{"POST /cases/:id/consent", house, ""},
	{"POST /cases/:id/consent/ask", house, ""},
	{"GET /cases/:id/consent/sheet", house, ""},
	{"GET /cases/:id/narrow", house, ""},
	{"POST /cases/:id/narrow", house, ""},
	{"GET /cases/:id/withdraw", house, ""},
	{"GET /cases/:id/receipt", house, ""},
	{"GET /cases/:id/letters", house, ""},
	{"GET /cases/:id/identity", house, ""},
	{"POST /cases/:id/identity", house, "reason=Anruf der Klinik"},
	{"POST /cases/:id/identity/grow", house, ""},
	{"GET /cases/:id/reread", house, ""},
	{"POST /cases/:id/reread", house, "act=done"},
	{"POST /cases/:id/identity/ask", house, "reason=Vertretung im Urlaub"},
	{"POST /cases/:id/identity/answer", house, "ask=:ask&answer=grant"},
	{"GET /cases/:id/profile", house, ""},
	{"POST /cases/:id/profile", house, "act=capacity"},
	{"GET /cases/:id/retention", house, ""},
	{"POST /cases/:id/retention", house, "act=hold"},
	{"GET /cases/:id/access", house, ""},
	{"POST /cases/:id/access", house, "reason=Antrag der Person"},
	{"GET /cases/:id/access-log", house + " Dagmar", ""},
	{"GET /cases/:id/request", house, ""},
	{"POST /cases/:id/request", house, ""},

	{"GET /retention", caseworkers + " " + officers, ""},
	{"POST /retention", caseworkers, ""},
	{"GET /casework", staff, ""},
	{"POST /casework", coordinators, ""},

	{"GET /admin", admins + " " + coordinators + " " + officers, ""},
	{"GET /admin/record", officers, ""},
	{"GET /admin/people", admins, ""},
	{"POST /admin/people", admins, ""},
	{"GET /admin/people/new", admins, ""},
	{"GET /admin/people/:id", "Alma Nils", ""},
	{"POST /admin/people/:id", "Alma Nils", "name=Otto Anders&email=otto@konsil.test"},
	{"POST /admin/people/:id/role", "Alma Nils", "role=caseworker"},
	{"POST /admin/people/:id/lock", "Alma Nils", ""},
	{"POST /admin/people/:id/unlock", "Alma Nils", ""},
	{"POST /admin/people/:id/sessions", "Alma Nils", ""},
	{"POST /admin/people/:id/setup", "Alma Nils", ""},
	{"GET /admin/organisations", "Nils Xaver", ""},
	{"POST /admin/organisations", "Nils Xaver", ""},
	{"POST /admin/organisations/:id", "Nils", "name=Altona&kind=jobcenter"},

	{"GET /questions/new", caseworkers, ""},
	{"POST /questions/new", caseworkers, ""},
	{"GET /conferences/new", coordinators, ""},
	{"POST /conferences/new", coordinators, ""},
	{"GET /requests", staff, ""},
	{"GET /requests/:id", lead, ""},
	{"GET /requests/:id/dates", "Clara", ""},
	{"POST /requests/:id/dates", "Clara", ""},
	{"GET /requests/:id/poll", "Clara", ""},
	{"POST /requests/:id/poll", "Clara", "act=remind"},
	{"GET /polls/:id", "Frieda", ""},
	{"POST /polls/:id", "Frieda", ""},
	{"GET /poll/:token", anybody, ""},
	{"POST /poll/:token", anybody, ""},
	{"POST /requests/:id/convene", "Clara", ""},
	{"POST /requests/:id/parts", "Clara", "part_1=Was%20hilft?"},
	{"POST /requests/:id/take", "Clara", ""},
	{"POST /requests/:id/give", "Clara", ""},
	{"POST /requests/:id/inquiry", "Clara", "missing=Befund&due_on=2026-12-01"},
	{"POST /requests/:id/inquiry/answer", house, "inquiry=:inquiry&given=liegt bei"},
	{"POST /requests/:id/inquiry/withdraw", "Clara", "inquiry=:inquiry"},
	{"POST /requests/:id/decline", "Clara", "reason=Bitte zuerst zum Hausarzt"},
	{"GET /experts", staff + " " + admins, ""},
	{"GET /experts/:id", "Anna Bernd Doris Clara Alma Berta Nils", ""},
	{"GET /experts/:id/profile", "Clara", ""},
	{"POST /experts/:id/profile", "Clara", ""},
	{"GET /me/profile", experts, ""},
	{"POST /me/profile", experts, ""},
	{"GET /experts/joining", coordinators, ""},
	{"POST /experts/joining/page", coordinators, "open=yes"},
	{"POST /experts/joining/invite", coordinators, ""},
	{"POST /experts/joining/:id", "Clara", "act=decline"},
	{"GET /experts/declaration", coordinators, ""},
	{"POST /experts/declaration", coordinators, ""},
	{"GET /experts/:id/membership", "Clara", ""},
	{"POST /experts/:id/membership", "Clara", "act=look_after"},
	{"GET /experts/:id/leave", "Clara", ""},
	{"POST /experts/:id/leave", "Clara", ""},
	{"GET /experts/:id/participation", "Clara", ""},
	{"GET /experts/:id/participation.csv", "Clara", ""},
	{"GET /me/membership", experts, ""},
	{"POST /me/membership", experts, "act=right"},
	{"GET /me/leave", experts, ""},
	{"POST /me/leave", experts, ""},
	{"GET /me/declaration", experts, ""},
	{"POST /me/declaration", experts, ""},
	{"GET /me/participation", experts, ""},
	{"GET /me/participation.csv", experts, ""},
	{"GET /experts/groups", coordinators, ""},
	{"POST /experts/groups", coordinators, ""},
	{"GET /experts/groups/:id", "Clara", ""},
	{"POST /experts/groups/:id", "Clara", "act=expel&expert=:frieda"},
	{"POST /experts/groups/:id/remove", "Clara", ""},
	{"GET /experts/import", coordinators, ""},
	{"POST /experts/import", coordinators, ""},
	{"GET /experts/import/template.csv", coordinators, ""},
	{"GET /experts/import/:id", "Clara", ""},
	{"GET /experts/import/:id/wrong.csv", "Clara", ""},
	{"POST /experts/import/:id", "Clara", "act=name&column0=name&column1=discipline"},
	{"GET /experts/export", coordinators, ""},
	{"POST /experts/export", coordinators, "format=csv"},
	{"GET /experts/:id/availability", "Clara", ""},
	{"POST /experts/:id/availability", "Clara", "act=pause"},
	{"GET /me/availability", experts, ""},
	{"POST /me/availability", experts, "act=pause"},
	{"GET /me/busy", experts, ""},
	{"POST /me/busy", experts, "act=reminders&reminders=no"},
	{"GET /network/agreements", staff + " " + admins, ""},
	{"GET /network/agreements/:id", "Alma Anna Bernd Berta Clara Doris Nils", ""},
	{"POST /network/agreements/:id", "Clara Nils", "act=right"},
	{"GET /network/agreements/:id/document", "Clara Nils", ""},
	{"POST /network/agreements/:id/document", "Clara Nils", ""},
	{"GET /join/:slug", anybody, ""},
	{"POST /join/:slug", anybody, ""},
	{"GET /joining/:token", anybody, ""},
	{"POST /joining/:token", anybody, ""},
	{"GET /confirm/:token", anybody, ""},
	{"POST /confirm/:token", anybody, ""},
	{"GET /templates", coordinators, ""},
	{"POST /templates", coordinators, ""},
	{"POST /templates/shipped", coordinators, ""},
	{"GET /templates/:id", "Clara", ""},
	{"POST /templates/:id/retire", "Clara", ""},

	{"GET /conferences", staff + " " + experts, ""},
	{"GET /conferences/day/:day", staff + " " + experts, ""},
	{"GET /conferences/:code", round, ""},
	{"POST /conferences/:code/move", "Clara", "starts=2026-12-01&clock=10:00&length=25"},
	{"POST /conferences/:code/cancel", "Clara", ""},
	{"POST /conferences/:code/invite", "Clara", ""},
	{"POST /conferences/:code/colleagues", "Clara", ""},
	{"POST /conferences/:code/proposals/:id/refuse", "Clara", ""},
	{"POST /conferences/:code/answer", "Ewald Frieda", "answer=accepted&sequence=0"},
	{"POST /conferences/:code/declare", round, "declaration=none"},
	{"POST /conferences/:code/visible", "Clara", ""},
	{"GET /conferences/:code/attachments/:file", round, ""},
	{"GET /conferences/:code/attachments/:file/data", round, ""},
	{"POST /conferences/:code/information", round, "missing=Befund&due_on=2026-12-01"},
	{"POST /conferences/:code/information/:id", house, "given=liegt bei"},
	{"POST /conferences/:code/information/:id/withdraw", round, ""},
	{"GET /conferences/:code/agenda", round, ""},
	{"POST /conferences/:code/agenda", "Clara", ""},
	{"GET /conferences/:code/opinion", round, ""},
	{"POST /conferences/:code/opinion", round, "position=yes&reason=x&confidence=sure"},
	{"POST /conferences/:code/opinion/draft", round, "reason=x"},
	{"POST /conferences/:code/opinion/add", round, "addition=x"},
	{"POST /conferences/:code/opinion/ask", "Clara", "scale=hours"},
	{"POST /conferences/:code/opinion/expert", "Clara", "expert=:frieda"},
	{"POST /conferences/:code/opinion/extend", "Clara", "due_on=2026-12-01"},
	{"POST /conferences/:code/opinion/open", "Clara", ""},
	{"POST /conferences/:code/guests", lead, "guest_kind=client&guest_confirmed=yes"},
	{"POST /conferences/:code/open", lead, ""},
	{"GET /conferences/:code/room", round, ""},
	{"POST /conferences/:code/ticket", round, ""},
	{"POST /conferences/:code/device", round, ""},
	{"GET /conferences/:code/live", "", ""}, // without a ticket it is shut to all
	{"POST /nettest", everybody, ""},
	{"GET /conferences/:code/measures", round, ""},
	{"POST /conferences/:code/measures", round, ""},
	{"GET /conferences/:code/guard", round, ""},
	{"POST /conferences/:code/guard", round, "text=x"},
	{"GET /conferences/:code/notes", round, ""},
	{"GET /conferences/:code/previous", round, ""},
	{"POST /conferences/:code/addendum", round, "section=assessment&text=Nachtrag"},
	{"POST /conferences/:code/redaction", round, "section=assessment&units=1"},
	{"GET /conferences/:code/minutes", round, ""},
	{"GET /conferences/:code/minutes.json", round, ""},
	{"POST /conferences/:code/minutes", lead, "decisions=Neu"},
	{"POST /conferences/:code/minutes/redaction", lead, "words=Neu"},
	{"GET /conferences/:code/pass", house, ""},
	{"POST /conferences/:code/pass", house, ""},
	{"GET /conferences/:code/pass/:id", house, ""},
	{"GET /conferences/:code/pass/:id/file", house, ""},
	{"GET /me/feed", staff + " " + experts, ""},
	{"POST /me/feed", staff + " " + experts, "act=end"},
	{"GET /me/calendar", everybody, ""},
	{"POST /me/calendar", everybody, "act=private"},
	{"GET /feed/:token", anybody, ""},
	{"GET /network/series", coordinators, ""},
	{"POST /network/series", coordinators, ""},
	{"GET /network/series/:id", "Clara", ""},
	{"POST /network/series/:id", "Clara", "series_name=Runde&weekday=3&begins=13:00&places=2&length=25&from=2026-11-23"},
	{"GET /network/series/:id/days/:day", "Clara", ""},
	{"POST /network/series/:id/days/:day", "Clara", "act=cancel"},
	{"GET /network/mail", coordinators, ""},
	{"POST /network/mail/:id/adopt", "Clara", ""},
	{"POST /network/mail/:id/settle", "Clara", ""},
	{"GET /guard", everybody, ""},
	{"GET /guard/patterns", coordinators, ""},
	{"POST /guard/patterns", coordinators, ""},
	{"POST /guard/patterns/:id/remove", "Clara", ""},
	{"GET /search", everybody, ""},
	{"GET /plan", everybody, ""},
	{"POST /plan/:id/answer", "Ewald", "answer=accept"},
	{"POST /plan/:id/report", "Ewald", "outcome=done"},

	{"GET /answer/:token", anybody, ""},
	{"POST /answer/:token", anybody, ""},
	{"GET /answer/:token/calendar.ics", anybody, ""},
	{"GET /guest/:token", anybody, ""},
	{"POST /guest/:token/ticket", anybody, ""},
	{"POST /guest/:token/nettest", anybody, ""},
	{"GET /client/:token", anybody, ""},
	{"POST /client/:token", anybody, ""},
	{"POST /client/:token/narrow", anybody, ""},
	{"GET /measure/:token", anybody, ""},
	{"POST /measure/:token", anybody, ""},
	{"GET /follow-up/:token", anybody, ""},
	{"POST /follow-up/:token", anybody, ""},

	{"GET /outbox", anybody, ""},
	{"GET /outbox/:id", anybody, ""},
	{"GET /outbox/:id/invite.ics", anybody, ""},
	{"GET /livez", anybody, ""},
	{"GET /readyz", anybody, ""},
	{"GET /assets/*", anybody, ""},

	// What ends something comes last: the lines are gone through in this order.
	{"POST /network/agreements/:id/document/remove", "Clara Nils", ""},
	{"POST /cases/:id/client-link", house, ""},
	{"POST /requests/:id/withdraw", house, ""},
	{"POST /cases/:id/attachments/:file/remove", house, ""},
	{"POST /conferences/:code/stand-in", "Clara", "discipline=psychiatry"},
	{"GET /conferences/:code/stand-in", "Clara", ""},
	{"POST /conferences/:code/stand-in/instead", "Clara", "discipline=psychiatry&instead=without"},
	{"POST /conferences/:code/stand-in/auto", "Clara", "auto=no"},
	{"POST /conferences/:code/stand-in/move", "Clara", "discipline=psychiatry&starts=2026-11-26T14:00:00Z&expert=:frieda"},
	{"GET /stand-in/:token", anybody, ""},
	{"POST /stand-in/:token", anybody, "answer=declined"},
	{"POST /conferences/:code/uninvite", "Clara", "expert=:frieda"},
	{"POST /conferences/:code/guests/revoke", lead, "guest=:guest"},
	{"POST /conferences/:code/end", "Clara", ""},
	{"POST /conferences/:code/approve", "Clara", ""},
	{"POST /cases/:id/withdraw", house, ""},
	{"POST /me/security/sessions/others", everybody, ""},
	{"POST /sign-out", everybody, ""},
}

// matrix is an estate of Altona's, somebody of every role within and without, and what stands for the parameters of routes.
type matrix struct {
	*estate
	things  map[string]string // by a piece of a route whose last parameter it is; and those of forms, as :ask
	viewers []string
	doors   map[string]*http.Client
	asked   int // requests so far
}

// newcomers are those who are not in every test: name, role, and whose organisation they share.
var newcomers = []struct {
	name, beside string
	role         account.Role
}{
	{"Alma Altona", "Anna", account.Admin}, {"Dagmar Altona", "Anna", account.DataProtectionOfficer},
	{"Berta Bergedorf", "Bernd", account.Admin}, {"Bodo Bergedorf", "Bernd", account.DataProtectionOfficer},
	{"Nils Netz", "Clara", account.NetworkAdmin},
	{"Zoe Fremd", "Quirin", account.Admin}, {"Wanda Fremd", "Quirin", account.DataProtectionOfficer}, {"Xaver Fremd", "Rosa", account.NetworkAdmin},
}

func newMatrix(t *testing.T) *matrix {
	t.Helper()
	m := &matrix{estate: newEstate(t), doors: map[string]*http.Client{}}
	ctx, anna, clara := t.Context(), m.people["Anna"], m.people["Clara"]
	for _, n := range newcomers {
		m.add(m.people[n.beside].Organisation, n.role, n.name)
	}
	m.must(m.Cases.ShipTemplates(ctx, clara))
	m.must(m.Cases.AddPattern(ctx, clara, anna.Organisation, "Hausnummer", "ZB-9999"))
	m.must(m.Vault.Ask(ctx, m.people["Doris"], m.caseID, "Vertretung"))
	m.must(m.Cases.ReleaseAttachment(ctx, m.people["Doris"], m.caseID, query[uuid.UUID](m.testServer, `select id from attachment`), true, ""))
	consent := m.consentTo("psychiatry", "physiotherapy")
	consent.Purposes, consent.PlanTo = append(consent.Purposes, casefile.PassPlan), []uuid.UUID{m.people["Bernd"].Organisation}
	m.must(m.Conferences.Grant(ctx, anna, m.caseID, consent))
	_, err := m.Conferences.PassPlan(ctx, anna, m.first, conference.Handover{
		Recipient: m.people["Bernd"].Organisation, Measures: []uuid.UUID{query[uuid.UUID](m.testServer, `select id from measure`)}, Read: true,
	})
	m.must(err)
	m.receives()
	m.signsIn()
	group, err := m.Pool.NewGroup(ctx, clara, "Runde Nord")
	m.must(err)
	m.furnish()
	m.things["/experts/groups/:id"] = group.String()
	batch, err := m.Exchange.Bring(ctx, clara, exchange.File{Data: []byte("Name;Fachrichtung\nNeu Hier;psychiatry\nFalsch;alchemy")}, nil)
	m.must(err)
	m.things["/experts/import/:id"] = batch.String()
	if m.things["/feed/:token"], err = m.Conferences.Subscribe(ctx, m.people["Theo"]); err != nil {
		t.Fatal(err)
	}
	m.viewers = append(slices.Sorted(maps.Keys(m.people)), "nobody", "guest", "client")
	for _, v := range m.viewers {
		m.doors[v] = m.door(v)
	}
	return m
}

// signsIn gives Anna a passkey, a device and another session.
func (m *matrix) signsIn() {
	anna := m.people["Anna"].ID
	m.exec(`insert into passkey values (gen_random_uuid(), $1, '1', '{}', 'Firefox', $2, $2)`, anna, m.Now())
	m.exec(`insert into account_device_key (id, account_id, public_key, device, made_at, used_at) values (gen_random_uuid(), $1, decode(repeat('04', 65), 'hex'), 'Firefox', $2, $2)`, anna, m.Now())
	_, err := m.Accounts.Rehearse(m.t.Context(), anna, "Firefox")
	m.must(err)
}

// receives leaves what experts have answered by mail: another date, and two letters from an address that nobody knows.
func (m *matrix) receives() {
	m.exec(`insert into proposal (id, invitation_id, organisation_id, sequence, starts_at, ends_at, comment, source, made_at)
		select gen_random_uuid(), i.id, $2, 0, $3, $4, '', 'mail', $3 from invitation i join conference c on c.id = i.conference_id where c.code = $1 limit 1`,
		m.second, m.people["Clara"].Organisation, m.Now(), m.Now().Add(time.Hour))
	m.exec(`insert into message_in (id, digest, received_at, via, recipient, raw, state, rule, thread, organisation_id)
		select gen_random_uuid(), d, $2, 'lmtp', 'termine@konsil.test', $3, 'kept', 'unknown_sender', o.thread, $1
		from (select thread from message_out where to_email = 'ewald@konsil.test' and kind = 'invitation' limit 1) o, unnest(array['1', '2']::bytea[]) d`,
		m.people["Clara"].Organisation, m.Now(), []byte("From: ewald@praxis.test\r\n\r\nGern um elf.\r\n"))
}

// furnish names a thing for each parameter. The first conference is approved, the second is live.
func (m *matrix) furnish() {
	request := uuid.MustParse(m.the(`select id from conference_request where state = 'submitted'`))
	m.must(m.Conferences.AskBack(m.t.Context(), m.people["Clara"], request, "Welche Befunde?", expertpool.Today(m.Now()), ""))
	m.things = map[string]string{
		"/cases/:id":          m.caseID.String(),
		"/attachments/:file":  m.the(`select id from attachment`),
		"/requests/:id":       request.String(),
		"/templates/:id":      m.the(`select id from summary_template order by id limit 1`),
		"/guard/patterns/:id": m.the(`select id from guard_pattern`),
		"/information/:id":    m.the(`select id from information_request where conference_id is not null`),
		"/plan/:id":           m.the(`select id from measure`),
		"/outbox/:id":         m.the(`select id from message_out where calendar is not null limit 1`),
		"/rehearse/:id":       m.people["Anna"].ID.String(),
		"/conferences/:code":  m.second,
		"/day/:day":           m.Now().Format(time.DateOnly),
		"/proposals/:id":      m.the(`select id from proposal`),
		"/mail/:id/settle":    m.the(`select id from message_in where digest = '1'`),
		"/mail/:id/adopt":     m.the(`select id from message_in where digest = '2'`),
		"/pass/:id":           m.the(`select id from plan_pass`),
		"/polls/:id":          m.the(`select v.id from poll_voice v join account a on a.id = v.account_id where a.name like 'Frieda%'`),
		"/admin/people/:id":   m.add(m.people["Anna"].Organisation, account.Caseworker, "Otto Altona").String(),
		"/organisations/:id":  m.people["Anna"].Organisation.String(),
		"/setup/:token":       "of-nobody",

		":ask":     m.the(`select id from reveal_request`),
		":inquiry": m.the(`select id from information_request where request_id is not null and state = 'open'`),
		":guest":   m.the(`select id from conference_guest limit 1`),
		":frieda":  m.people["Frieda"].ID.String(),
	}
	setUp, err := m.Accounts.StartOver(m.t.Context(), "Otto Altona")
	m.must(err)
	m.things["/setup/:token"] = setUp
	m.things["/network/series/:id"], m.things["/days/:day"] = m.keepsSlot()
	m.things["/passkeys/:id"] = m.the(`select id from passkey`)
	m.things["/devices/:id"] = m.the(`select id from account_device_key`)
	m.things["/sessions/:id"] = m.the(`select id from session where device = 'Firefox'`)
	delete(m.people, "Otto") // whom things are done to, and who does nothing
	m.joins()
	for _, of := range []string{"notes", "minutes", "minutes.json", "addendum", "redaction", "approve", "pass", "information"} {
		m.things["/conferences/:code/"+of] = m.first
	}
	for _, link := range m.links {
		kind, token, _ := strings.Cut(link[1:], "/")
		m.things["/"+kind+"/:token"] = token
	}
}

// joins lets Olga be in the pool, and two people want to join it: the address of one is confirmed.
func (m *matrix) joins() {
	m.t.Helper()
	ctx, clara := m.t.Context(), m.people["Clara"]
	m.expert(clara.Network, clara.Organisation, "Olga Ohnesorg", "neurology")
	olga := m.people["Olga"].ID
	delete(m.people, "Olga")
	m.must(m.Pool.OpenJoinPage(ctx, clara, true))
	page, err := m.Pool.OwnJoinPage(ctx, clara)
	m.must(err)
	for _, address := range []string{"one@praxis.test", "two@praxis.test"} {
		m.must(m.Pool.Apply(ctx, page.Slug, expertpool.Application{Name: "Neu Hier", Email: address, Discipline: "neurology"}))
	}
	token := func(address string) string {
		return query[string](m.testServer, `select substring(body_text from '/joining/([A-Z2-7]+)') from message_out where to_email = $1`, address)
	}
	m.must(m.Pool.ConfirmAddress(ctx, token("one@praxis.test")))
	today := expertpool.Today(m.Now())
	agreement, err := m.Pool.KeepAgreement(ctx, clara, expertpool.Agreement{Partner: "Klinik", Contact: "Empfang", SignedOn: today, ValidUntil: today.AddDate(1, 0, 0)})
	m.must(err)
	m.must(m.Pool.KeepAgreementDocument(ctx, clara, agreement, "Vertrag.png", pngFile()))
	m.must(pgx.BeginFunc(ctx, m.db, func(tx pgx.Tx) error {
		m.things["/confirm/:token"], err = m.Accounts.NewLink(ctx, tx, olga, expertpool.ForListing, olga, m.Now().Add(time.Hour))
		return err
	}))
	m.things["/experts/:id"], m.things["/experts/joining/:id"] = olga.String(), m.the(`select id from application where state = 'confirmed'`)
	m.things["/stand-in/:token"] = m.asksToStandIn("Gustav")
	m.things["/join/:slug"], m.things["/joining/:token"] = page.Slug, token("two@praxis.test")
	m.things["/network/agreements/:id"] = agreement.String()
}

// keepsSlot makes a fixed slot, and names the day in its second week.
func (m *matrix) keepsSlot() (id, day string) {
	m.t.Helper()
	clara := m.people["Clara"]
	made, err := m.Conferences.KeepSeries(m.t.Context(), clara, conference.Series{
		Name: "Mittwochsrunde", Weekday: time.Wednesday, Begins: 13 * 60, Places: 2, Length: 25 * time.Minute, From: expertpool.Today(m.Now()),
	})
	m.must(err)
	t, err := m.Conferences.SeriesByID(m.t.Context(), clara, made)
	m.must(err)
	days := t.Days(3)
	return made.String(), days[len(days)-1].Day.Format(time.DateOnly)
}

// asksToStandIn asks somebody to come to the second conference instead of another, and returns the token of her link.
func (m *matrix) asksToStandIn(name string) (token string) {
	m.t.Helper()
	race, offer := uuid.New(), uuid.New()
	m.exec(`insert into stand_in_race (id, conference_id, organisation_id, discipline, starts_at, state, began_at)
		select $1, id, organisation_id, 'psychiatry', starts_at, 'running', $3 from conference where code = $2`, race, m.second, m.Now())
	m.exec(`insert into stand_in_offer (id, race_id, organisation_id, account_id, position, state, asked_at) values ($1, $2, $3, $4, 1, 'asked', $5)`,
		offer, race, m.people["Clara"].Organisation, m.people[name].ID, m.Now())
	m.must(pgx.BeginFunc(m.t.Context(), m.db, func(tx pgx.Tx) (err error) {
		token, err = m.Accounts.NewLink(m.t.Context(), tx, m.people[name].ID, account.ForInvitation, offer, m.Now().Add(time.Hour))
		return err
	}))
	return token
}

// the is the id of the one thing that a query finds.
func (m *matrix) the(sql string) string {
	m.t.Helper()
	return query[uuid.UUID](m.testServer, sql).String()
}

// door is the browser of a viewer. It follows no redirect.
func (m *matrix) door(viewer string) *http.Client {
	m.t.Helper()
	jar, err := cookiejar.New(nil)
	m.must(err)
	d := &http.Client{Jar: jar, Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	switch viewer {
	case "nobody":
	case "guest":
		m.calls(d, "GET", "/guest/"+m.things["/guest/:token"], "")
		m.calls(d, "POST", "/guest/"+m.things["/guest/:token"]+"/ticket", "")
	case "client":
		m.calls(d, "GET", m.client, "")
	default:
		m.calls(d, "POST", "/rehearse/"+m.people[viewer].ID.String(), "")
	}
	return d
}

func (m *matrix) calls(d *http.Client, method, path, form string) answered {
	m.t.Helper()
	r, err := http.NewRequestWithContext(m.t.Context(), method, m.URL+path, strings.NewReader(form))
	m.must(err)
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	m.asked++ // each request comes from an address of its own, whose budget is whole
	r.Header.Set("X-Forwarded-For", fmt.Sprintf("198.18.%d.%d", m.asked/256%256, m.asked%256))
	a, err := d.Do(r)
	m.must(err)
	defer a.Body.Close()
	body, err := io.ReadAll(a.Body)
	m.must(err)
	checkHeaders(m.t, method+" "+path, a.Header)
	return answered{a.StatusCode, string(body), path, a.Header}
}

// address fills in the parameters of a route.
func (m *matrix) address(route string) string {
	m.t.Helper()
	parts := strings.Split(strings.TrimPrefix(route, "/"), "/")
	path := ""
	for i, part := range parts {
		switch {
		case strings.HasPrefix(part, ":"):
			part = m.thing(parts, i)
		case part == "*":
			part = strings.TrimPrefix(m.Assets.URL("konsil.css"), "/assets/")
		}
		path += "/" + part
	}
	return path
}

// thing finds what stands for one parameter: the longest piece of the route that ends with it or has no other one behind it.
func (m *matrix) thing(parts []string, at int) string {
	m.t.Helper()
	for end := len(parts); end > at; end-- {
		if slices.ContainsFunc(parts[at+1:end], func(p string) bool { return strings.HasPrefix(p, ":") }) {
			continue
		}
		for start := range at + 1 {
			if id := m.things["/"+strings.Join(parts[start:end], "/")]; id != "" {
				return id
			}
		}
	}
	m.t.Errorf("/%s: nothing stands for %s; name a thing in furnish", strings.Join(parts, "/"), parts[at])
	return uuid.NewString()
}

var parameter = regexp.MustCompile(`/:[a-z]+`)

// filled is a form with the things that it names.
func (m *matrix) filled(form string) string {
	for name, thing := range m.things {
		if strings.HasPrefix(name, ":") {
			form = strings.ReplaceAll(form, name, thing)
		}
	}
	return form
}

// lets tells whether a line lets a viewer in.
func lets(in, viewer string) bool {
	switch in {
	case anybody:
		return true
	case everybody:
		return !slices.Contains([]string{"nobody", "guest", "client"}, viewer)
	}
	return slices.Contains(strings.Fields(in), viewer)
}

// refused tells whether an answer is one of those that say nothing: there is no such page, or sign in first.
func refused(a answered) bool {
	to := a.Header.Get("Location")
	return a.Status == http.StatusNotFound || a.Status == http.StatusSeeOther && a.Header.Get("Set-Cookie") == "" && (to == "/" || strings.HasPrefix(to, "/?next="))
}

// TestEveryRouteLetsInWhoItsLineNamesAndNobodyElse goes through the matrix: first all who are not let in, who must change nothing, then
// the pages, then the forms of those who are.
func TestEveryRouteLetsInWhoItsLineNamesAndNobodyElse(t *testing.T) {
	t.Parallel()
	m := newMatrix(t)
	m.unchanged("those who are not let in", func() {
		for _, line := range access {
			m.keepsOut(line.route, line.in, line.form)
		}
	})
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		for _, line := range access {
			if strings.HasPrefix(line.route, method) {
				m.letsIn(line.route, line.in, line.form)
			}
		}
	}
}

func (m *matrix) keepsOut(route, in, form string) {
	method, pattern, _ := strings.Cut(route, " ")
	path, form := m.address(pattern), m.filled(form)
	for _, v := range m.viewers {
		if lets(in, v) {
			continue
		}
		a := m.calls(m.doors[v], method, path, form)
		if a.Status == http.StatusForbidden { // which says nothing if it does not depend on there being such a thing
			if b := m.calls(m.doors[v], method, parameter.ReplaceAllString(pattern, "/"+uuid.NewString()), form); b.Status == a.Status {
				a.Status = http.StatusNotFound
			}
		}
		if !refused(a) {
			m.t.Errorf("%s is not to be let in at %s, and gets %d", v, route, a.Status)
		}
		m.saysNothing(v, route, a)
	}
}

func (m *matrix) letsIn(route, in, form string) {
	method, pattern, _ := strings.Cut(route, " ")
	path, form, taken := m.address(pattern), m.filled(form), false
	for _, v := range m.viewers {
		if !lets(in, v) || in == anybody && v != "nobody" {
			continue
		}
		d := m.doors[v]
		if in == anybody {
			d = m.door("nobody") // so that nobody stays nobody
		}
		a := m.calls(d, method, path, form)
		gone := a.Status == http.StatusNotFound && taken // by the one before
		if refused(a) && !gone || a.Status >= http.StatusInternalServerError {
			m.t.Errorf("%s is to be let in at %s, and gets %d", v, route, a.Status)
		}
		taken = taken || a.Status < http.StatusBadRequest
		if !strings.Contains(round, v) && in != anybody || a.Status >= http.StatusBadRequest && method == http.MethodGet && in != anybody {
			m.saysNothing(v, route, a)
		}
	}
}

// saysNothing fails when an answer has a word of the case.
func (m *matrix) saysNothing(viewer, route string, a answered) {
	m.t.Helper()
	for _, word := range append([]string{"Geheimniss"}, traces...) {
		if a.Has(word) {
			m.t.Errorf("%s reads %q at %s, which answers %d", viewer, word, route, a.Status)
		}
	}
}

// TestEveryRouteHasItsLineInTheMatrix compares the table of routes with the matrix, and with the fields of forms.
func TestEveryRouteHasItsLineInTheMatrix(t *testing.T) {
	t.Parallel()
	router := echo.New()
	(&server{Parts: Parts{Assets: &Assets{}}}).routes(router)
	there := map[string]bool{}
	for _, r := range router.Routes() {
		route := r.Method + " " + r.Path
		if r.Method == http.MethodHead {
			continue
		}
		there[route] = true
		if !slices.ContainsFunc(access, func(l struct{ route, in, form string }) bool { return l.route == route }) {
			t.Errorf("%s has no line in the access matrix. Say who is let in, in matrix_test.go: {%q, \"Anna Doris\", \"\"}", route, route)
		}
		if _, named := fields[r.Path]; r.Method == http.MethodPost && !named {
			t.Errorf("%s says nowhere which fields its form has. Add to fields.go: %q: \"name other*\"", route, r.Path)
		}
	}
	for _, l := range access {
		if !there[l.route] {
			t.Errorf("%s is in the access matrix and is no route", l.route)
		}
	}
	for path := range fields {
		if !there["POST "+path] {
			t.Errorf("%s has fields in fields.go and is no route", path)
		}
	}
}

// TestALinkOpensOnlyWhatItIsFor: the token of one kind of link, where another kind is asked for, leads nowhere and does nothing.
func TestALinkOpensOnlyWhatItIsFor(t *testing.T) {
	t.Parallel()
	m := newMatrix(t)
	stranger := m.door("nobody")
	m.unchanged("tokens in the wrong place", func() {
		for _, line := range access {
			method, pattern, _ := strings.Cut(line.route, " ")
			before, after, token := strings.Cut(pattern, ":token")
			if !token {
				continue
			}
			for key, wrong := range m.things {
				if strings.HasPrefix(key, before) || !strings.HasSuffix(key, ":token") {
					continue
				}
				a := m.calls(stranger, method, before+wrong+after, "")
				if a.Status != http.StatusNotFound {
					t.Errorf("%s with what is for %s: %d", line.route, key, a.Status)
				}
				m.saysNothing("a stranger", line.route, a)
			}
		}
	})
}

var cookieShape = regexp.MustCompile(`^(konsil|said|konsil-guest|konsil-browser|konsil-passkey)=[^;]*; Path=/; (Max-Age=[0-9]+; )?HttpOnly; SameSite=Lax$`)

// checkHeaders compares what is on every answer.
func checkHeaders(t *testing.T, what string, h http.Header) {
	t.Helper()
	for name, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Permissions-Policy":           "camera=(self), microphone=(self), display-capture=(self), geolocation=(), payment=()",
	} {
		if got := h.Values(name); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %s is %q", what, name, got)
		}
	}
	policy := h.Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "default-src 'none'; ") || !strings.Contains(policy, "frame-ancestors '") || strings.Contains(policy, "unsafe-eval") ||
		strings.Contains(policy, "unsafe-inline") && strings.Contains(policy, "script-src") {
		t.Errorf("%s: the policy is %q", what, policy)
	}
	if !strings.HasPrefix(what, "GET /assets/") && h.Get("Cache-Control") != "no-store" {
		t.Errorf("%s: Cache-Control is %q", what, h.Get("Cache-Control"))
	}
	for _, cookie := range h.Values("Set-Cookie") {
		if !cookieShape.MatchString(cookie) {
			t.Errorf("%s: sets %q", what, cookie)
		}
	}
}
