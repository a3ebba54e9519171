package web

import (
	"maps"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"github.com/konsil-server/konsil/conference/casefile"
)

// fields names what every form may carry, by the path that it is posted to. A path that is not here takes no field at all. What
// nobody asked for is refused: it would be a typing error, or somebody who tries what else could be set.
//
//	name    once
//	name*   any number of times: tick boxes
//	name#   once for each number, as in rating0, rating1
//	name^   a file; the handler reads it with uploaded
//	*       any other field, any number of times: a form that waits until somebody has shown a factor again, see fresh
var fields = map[string]string{
	"/sign-in":        "email password next",
	"/sign-out":       "",
	"/rehearse/:id":   "next",
	confirmPath:       "*",
	secondPath:        "code next",
	"/passkey/ask":    "",
	"/passkey/answer": "answer next",
	"/forgotten":      "email",
	"/setup/:token":   "password way email",

	"/me/security/passkeys/ask":        "",
	"/me/security/passkeys":            "answer",
	"/me/security/passkeys/:id/remove": "",
	"/me/security/codes":               "",
	"/me/security/codes/confirm":       "code",
	"/me/security/codes/remove":        "",
	"/me/security/recovery":            "",
	"/me/security/password":            "old password email",
	"/me/security/sessions/others":     "",
	"/me/security/sessions/:id/end":    "",
	"/me/security/devices/:id/revoke":  "",

	confirmPath + "/oidc": "confirm_next",
	"/sign-in/oidc":       "next",
	"/setup/:token/oidc":  "",
	"/me/oidc":            "",
	"/me/oidc/unlink":     "",

	"/cases":                               "first_name last_name born number contact again template " + summaryFields,
	"/cases/find":                          "who",
	"/cases/guard":                         "text",
	"/cases/:id/guard":                     "text",
	"/cases/:id/traits":                    "age_band sex region occupation diagnosis",
	"/cases/:id/summary":                   "template " + summaryFields,
	"/cases/:id/check":                     "version checked reason",
	"/cases/:id/release":                   "version checked reason single",
	uploads:                                "title because file^",
	"/cases/:id/attachments/:file/release": "looked single",
	"/cases/:id/attachments/:file/remove":  "",
	"/cases/:id/consent":                   consentFields,
	"/cases/:id/consent/ask":               consentFields,
	"/cases/:id/client-link":               "text",
	"/cases/:id/narrow":                    consentFields + " releases*",
	"/cases/:id/withdraw":                  "sure",
	"/cases/:id/identity":                  "reason",
	"/cases/:id/identity/ask":              "reason",
	"/cases/:id/identity/answer":           "ask answer",
	"/cases/:id/identity/grow":             "names further",
	"/cases/:id/reread":                    "act ref code",
	"/cases/:id/profile": "act id code month rater occasion instrument note performance capacity nature location barrier facilitator " +
		"extent version value scale_min scale_max band measured_on computed_by client_saw job stated_on source view phase began_on contact " +
		"rating# item# wai1 wai2a wai2b wai3 wai4 wai5 wai6 wai7a wai7b wai7c",
	"/cases/:id/retention": "act reason until left_on",
	"/cases/:id/access":    "reason as",
	"/cases/:id/request":   "act question urgency due_day due_clock urgent_why disciplines* own_wish because " + partFields,

	"/admin/people":              "name email role organisation",
	"/admin/people/:id":          "name email",
	"/admin/people/:id/role":     "role",
	"/admin/people/:id/lock":     "",
	"/admin/people/:id/unlock":   "",
	"/admin/people/:id/sessions": "",
	"/admin/people/:id/setup":    "",
	"/admin/organisations":       "name kind land",
	"/admin/organisations/:id":   "name kind land",

	"/experts/joining/page":        "open",
	"/experts/joining/invite":      "name email profession discipline workplace organisation",
	"/experts/joining/:id":         "act organisation",
	"/experts/declaration":         "body",
	"/experts/:id/membership":      "act checked* note valid_until why organisation institution kind tie",
	"/experts/:id/leave":           "seats* substitutes* measures* heirs* sure",
	"/me/membership":               "act institution kind tie",
	"/me/leave":                    "sure",
	"/me/declaration":              "digest read name",
	"/network/agreements/:id":      "act partner signed_on valid_until contact contact_email contact_phone contingent reference",
	agreementDocuments:             "file^",
	agreementDocuments + "/remove": "",
	"/join/:slug":                  "name email profession discipline workplace message website",
	"/joining/:token":              "",
	"/confirm/:token":              "",
	"/experts/:id/profile":         profileFields,
	imports:                        "file^ discipline",
	"/experts/import/:id":          "act column#",
	"/experts/export":              "format discipline",
	"/me/profile":                  profileFields,

	"/retention":                     "class days reason",
	"/casework":                      "caseload phases codes capacities",
	"/questions/new":                 "question explanation urgency disciplines*",
	"/conferences/new":               topicFields(),
	"/requests/:id/dates":            pollFields(),
	"/requests/:id/poll":             "act option deadline until other clock",
	"/requests/:id/convene":          "experts* groups* near date time length kind visible_from visible_clock held due_on opinions scale series fixed",
	"/me/availability":               availabilityFields,
	"/me/busy":                       "act address reminders",
	"/experts/:id/availability":      availabilityFields,
	"/experts/groups":                "group_name",
	"/experts/groups/:id":            "act expert q",
	"/experts/groups/:id/remove":     "",
	"/requests/:id/decline":          "reason",
	"/requests/:id/parts":            "because " + partFields,
	"/templates":                     templateFields(),
	"/templates/shipped":             "",
	"/templates/:id/retire":          "",
	"/guard/patterns":                "do organisation name shape sample",
	"/guard/patterns/:id/remove":     "",
	"/requests/:id/take":             "from",
	"/requests/:id/give":             "",
	"/requests/:id/withdraw":         "",
	"/requests/:id/inquiry":          "missing due_on because",
	"/requests/:id/inquiry/answer":   "inquiry given because",
	"/requests/:id/inquiry/withdraw": "inquiry",

	"/conferences/:code/move":                     "starts clock length",
	"/conferences/:code/cancel":                   "",
	"/conferences/:code/invite":                   "experts*",
	"/conferences/:code/colleagues":               "colleagues*",
	"/conferences/:code/uninvite":                 "expert",
	"/conferences/:code/proposals/:id/refuse":     "",
	"/conferences/:code/stand-in":                 "discipline",
	"/conferences/:code/stand-in/instead":         "discipline instead",
	"/conferences/:code/stand-in/auto":            "auto",
	"/conferences/:code/stand-in/move":            "discipline starts expert",
	"/conferences/:code/answer":                   "answer sequence comment",
	"/conferences/:code/declare":                  "declaration",
	"/conferences/:code/visible":                  "visible_from clock",
	"/conferences/:code/information":              "missing due_on because",
	"/conferences/:code/information/:id":          "given because",
	"/conferences/:code/information/:id/withdraw": "",
	"/conferences/:code/agenda":                   "act kind# title# minutes# owner# because",
	"/conferences/:code/opinion":                  opinionFields,
	"/conferences/:code/opinion/draft":            opinionFields,
	"/conferences/:code/opinion/add":              "addition because",
	"/conferences/:code/opinion/open":             "",
	"/conferences/:code/opinion/ask":              "scale",
	"/conferences/:code/opinion/expert":           "expert",
	"/conferences/:code/opinion/extend":           "due_on",
	"/conferences/:code/guests":                   "guest_kind guest_confirmed",
	"/conferences/:code/guests/revoke":            "guest",
	"/conferences/:code/open":                     "",
	"/conferences/:code/end":                      "",
	"/conferences/:code/ticket":                   "",
	"/conferences/:code/device":                   "key proof",
	"/conferences/:code/measures":                 "what responsible due_on because",
	"/conferences/:code/guard":                    "text",
	"/conferences/:code/addendum":                 "section text",
	"/conferences/:code/redaction":                "section units",
	"/conferences/:code/minutes":                  "decisions because",
	"/conferences/:code/minutes/redaction":        "words",
	"/conferences/:code/approve":                  "decisions because",
	"/conferences/:code/pass":                     "recipient measures* question read",

	"/me/feed":                      "act",
	"/me/calendar":                  "act seen* private",
	"/network/series":               "series_name weekday begins places length from until group land",
	"/network/series/:id":           "series_name weekday begins places length from until group land",
	"/network/series/:id/days/:day": "act first second told*",

	"/network/mail/:id/settle": "",
	"/network/mail/:id/adopt":  "",

	"/nettest":              "sdp",
	"/plan/:id/answer":      "answer reason",
	"/plan/:id/report":      "outcome reason",
	"/poll/:token":          voteFields,
	"/polls/:id":            voteFields,
	"/answer/:token":        "answer sequence comment starts clock",
	"/stand-in/:token":      "answer",
	"/guest/:token/ticket":  "",
	"/guest/:token/nettest": "sdp",
	"/client/:token":        "sure",
	"/client/:token/narrow": "purposes* circle* organisations* plan_to* releases*",
	"/measure/:token":       "answer reason",
	"/follow-up/:token":     "outcome reason",
}

const (
	partFields    = "part_# topics_# who_1* who_2* who_3* who_4* who_5* who_6*"
	summaryFields = "situation resources tried goals limits"
	profileFields = "discipline profession specialties* specialty topics languages* place postcode travel_km modes* lanr bsnr accessibility " +
		"hours_per_month max_cases"
	consentFields = "purposes* circle* organisations* excluded* plan_to* valid_from valid_until counselled_on signed_on language explained " +
		"release_id_# profession_# holder_# about_#"
	voteFields    = "option# vote# note other clock"
	opinionFields = "position words reason missing confidence spent because position_1 reason_1 position_2 reason_2 position_3 reason_3 " +
		"position_4 reason_4 position_5 reason_5 position_6 reason_6"
	availabilityFields = "act at* quick first_day last_day absence hours_per_month"
)

func templateFields() string {
	names := "id name"
	for _, f := range casefile.TemplateFields {
		names += " " + f + "_heading " + f + "_prompt " + f + "_optional"
	}
	return names
}

// mostValues is how many values a form may carry, all fields together.
const mostValues = 1000

// slots are the fields of one form: the kind of each, one of "*#^" or 0.
type slots map[string]byte

func slotsOf(path string) slots {
	all := slots{}
	for _, f := range strings.Fields(fields[path]) {
		name := strings.TrimRight(f, "*#^")
		all[name] = 0
		if name != f {
			all[name] = f[len(f)-1]
		}
	}
	return all
}

// file tells whether the form brings one.
func (all slots) file() bool {
	for _, kind := range all {
		if kind == '^' {
			return true
		}
	}
	return false
}

var numbered = regexp.MustCompile(`^(.*?)[0-9]{1,3}$`)

// takes tells whether a field may be in the form with so many values.
func (all slots) takes(name string, values int) bool {
	if kind, there := all[name]; there {
		return kind == '*' || kind != '#' && values == 1
	}
	if _, any := all[""]; any || strings.HasPrefix(name, "confirm_") {
		return any || values == 1 // what confirmed a form comes with it, and is nothing to its handler
	}
	if m := numbered.FindStringSubmatch(name); m != nil {
		return all[m[1]] == '#' && values == 1
	}
	return false
}

// check refuses values that the form has no place for, and what is no text.
func (all slots) check(v url.Values) error {
	n := 0
	for _, name := range slices.Sorted(maps.Keys(v)) {
		values := v[name]
		if n += len(values); n > mostValues {
			return refusal{status: http.StatusRequestEntityTooLarge, rule: "too_large"}
		}
		if !all.takes(name, len(values)) {
			return refusal{status: http.StatusUnprocessableEntity, rule: "field", about: plain(name)}
		}
		for _, one := range values {
			if !utf8.ValidString(one) || strings.ContainsRune(one, 0) {
				return refusal{status: http.StatusUnprocessableEntity, rule: "no_text", about: plain(name)}
			}
		}
	}
	return nil
}

// plain is the name of a field if it could be one of ours, so that nothing strange stands on a page or in a log.
func plain(name string) string {
	if len(name) > 40 || strings.ContainsFunc(name, func(r rune) bool {
		return r != '_' && (r < 'a' || r > 'z') && (r < '0' || r > '9')
	}) {
		return "?"
	}
	return name
}

// strictly lets a form through to its handler when it is one, and has no other field than the path takes: in the body and in the
// address together. Forms with a file are read by their handlers, see uploaded.
func (s *server) strictly(path string, next echo.HandlerFunc) echo.HandlerFunc {
	all := slotsOf(path)
	return func(c echo.Context) error {
		v, err := posted(c, all)
		if err == nil {
			err = all.check(v)
		}
		if err != nil {
			return err
		}
		return next(c)
	}
}

func posted(c echo.Context, all slots) (url.Values, error) {
	r := c.Request()
	if r.ContentLength == 0 {
		return r.URL.Query(), nil
	}
	if err := formType(r, all.file()); err != nil || all.file() {
		return r.URL.Query(), err
	}
	f, err := formOf(c)
	if err == nil && r.MultipartForm != nil && len(r.MultipartForm.File) > 0 {
		err = refusal{status: http.StatusUnprocessableEntity, rule: "field", about: "file"}
	}
	return f.Values, err
}

// formType refuses a body that is none of the two kinds that forms are sent as. HTML §4.10.21.8
func formType(r *http.Request, file bool) error {
	wrong := refusal{status: http.StatusUnsupportedMediaType, rule: "media_type"}
	kinds := r.Header.Values("Content-Type")
	if len(kinds) != 1 {
		return wrong
	}
	kind, p, err := mime.ParseMediaType(kinds[0])
	charset, said := p["charset"]
	switch {
	case err != nil, said && !strings.EqualFold(charset, "utf-8"):
		return wrong
	case kind == "multipart/form-data", kind == "application/x-www-form-urlencoded" && !file:
		return nil
	}
	return wrong
}
