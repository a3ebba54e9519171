package web

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
)

// pace is how often something may be done: so many times at once, and once more after each span. The zero pace is no limit.
type pace struct {
	once  int
	every time.Duration
}

// allowance is the pace of one person, or of whoever a handler says, and that of all who share an address.
type allowance struct {
	name            string
	who, address    pace
	method, beneath string // of the routes that draw on it by themselves: beginnings of paths, or with $ whole ones; the first that fits counts
}

// allowances are all budgets there are. A whole house may share one address: what people do who have signed in is counted by person
// first, and by address only so that nobody takes everything.
var allowances = []allowance{
	{"sign_in", pace{10, 6 * time.Second}, pace{120, time.Second}, "POST", "/sign-in"}, // by address and name together, see signInPost
	{"guest", pace{10, 6 * time.Second}, pace{}, "", ""},                               // by link, see guestTicket
	{"nettest", pace{10, 6 * time.Second}, pace{}, "", ""},                             // by person or link, see try
	{"look", pace{40, 500 * time.Millisecond}, pace{}, "", ""},                         // of the name guard, see looked
	{"passkey", pace{}, pace{300, 200 * time.Millisecond}, "POST", "/passkey/"},
	{"setup", pace{}, pace{20, 10 * time.Second}, "POST", "/setup/ /forgotten"},
	{"join", pace{}, pace{20, time.Minute}, "POST", "/join/"}, // a mail goes out each time
	{"link", pace{}, pace{600, 50 * time.Millisecond}, "*", "/answer/ /stand-in/ /guest/ /client/ /measure/ /follow-up/ /feed/ /poll/"},
	{"pool", pace{}, pace{300, 50 * time.Millisecond}, "*", "/joining/ /confirm/"},
	{"search", pace{120, 200 * time.Millisecond}, pace{1200, 20 * time.Millisecond}, "*", "/search /cases/find"},
	{"upload", pace{30, 10 * time.Second}, pace{300, time.Second}, "POST", uploads + "$ " + agreementDocuments + "$"},
	{"write", pace{240, 250 * time.Millisecond}, pace{3000, 10 * time.Millisecond}, "POST", "/"},
}

// allowanceFor is the budget that a route draws on, if any.
func allowanceFor(method, path string) *allowance {
	for i, a := range allowances {
		if a.method != "*" && a.method != method {
			continue
		}
		for beneath := range strings.FieldsSeq(a.beneath) {
			if whole, only := strings.CutSuffix(beneath, "$"); only && path == whole || strings.HasPrefix(path, beneath) {
				return &allowances[i]
			}
		}
	}
	return nil
}

// budgetHolds is how many callers a generation of a budget knows.
const budgetHolds = 20_000

// budget counts by caller. It knows those who came lately: when the young generation is full it becomes the old one, and who is met again
// there is carried over. So it does not grow, and nobody can make it forget somebody who goes on calling.
type budget struct {
	pace
	now        func() time.Time
	holds      int
	mu         sync.Mutex
	young, old map[string]time.Time // until when what a caller has taken is paid back
}

func newBudget(p pace, now func() time.Time) *budget {
	return &budget{pace: p, now: now, holds: budgetHolds, young: map[string]time.Time{}}
}

// take takes one of who's budget. When there is none left it says after what time there will be.
func (b *budget) take(who string) (wait time.Duration) {
	if b.once == 0 {
		return 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	paid, met := b.young[who]
	if !met {
		paid = b.old[who]
	}
	if paid.Before(now) {
		paid = now
	}
	paid = paid.Add(b.every)
	if over := paid.Sub(now) - time.Duration(b.once)*b.every; over > 0 {
		paid, wait = paid.Add(-b.every), over
	}
	if !met && len(b.young) >= b.holds {
		b.young, b.old = map[string]time.Time{}, b.young
	}
	b.young[who] = paid
	return wait
}

// budgets are those of all allowances, by name.
type budgets map[string]struct{ who, address *budget }

func newBudgets(now func() time.Time) budgets {
	all := budgets{}
	for _, a := range allowances {
		all[a.name] = struct{ who, address *budget }{newBudget(a.who, now), newBudget(a.address, now)}
	}
	return all
}

// spend takes one of who's budget of that name, and refuses with 429 when there is none left.
func (s *server) spend(c echo.Context, name, who string) error {
	return tooMany(c, s.budgets[name].who.take(who))
}

// paced lets a route draw on its budget: the address pays before anybody is looked up, the person once she is known.
func (s *server) paced(method, path string, who audience, next echo.HandlerFunc) echo.HandlerFunc {
	a := allowanceFor(method, path)
	if a == nil {
		return who(s, next)
	}
	inner := who(s, func(c echo.Context) error {
		if by := me(c); by.Session != uuid.Nil {
			if err := s.spend(c, a.name, by.ID.String()); err != nil {
				return err
			}
		}
		return next(c)
	})
	return func(c echo.Context) error {
		if err := tooMany(c, s.budgets[a.name].address.take(household(s.caller(c.Request())))); err != nil {
			return err
		}
		return inner(c)
	}
}

// tooMany refuses when there is a time to wait. RFC 6585 §4, RFC 9110 §10.2.3
func tooMany(c echo.Context, wait time.Duration) error {
	if wait <= 0 {
		return nil
	}
	seconds := strconv.Itoa(int(math.Ceil(wait.Seconds())))
	c.Response().Header().Set("Retry-After", seconds)
	return refusal{status: http.StatusTooManyRequests, rule: "too_many", about: seconds}
}
