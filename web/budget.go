package web

import (
	"net/http"
	"sync"

	"github.com/labstack/echo/v4"
	"golang.org/x/time/rate"
)

// budget slows guessing: ten tries at once, then one every six seconds. It forgets everybody when it knows too
// many, so it can not be made to grow.
type budget struct {
	mu    sync.Mutex
	known map[string]*rate.Limiter
	each  rate.Limit
	once  int
}

func newBudget() *budget { return newBudgetOf(1.0/6, 10) }

// newBudgetOf is a budget of so many at once, and then so many a second.
func newBudgetOf(each rate.Limit, once int) *budget {
	return &budget{known: map[string]*rate.Limiter{}, each: each, once: once}
}

func (b *budget) take(who string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.known[who]
	if l == nil {
		if len(b.known) > 10_000 {
			clear(b.known)
		}
		l = rate.NewLimiter(b.each, b.once)
		b.known[who] = l
	}
	return l.Allow()
}

// spend refuses with 429 when the budget of the caller's address is used up.
func (b *budget) spend(c echo.Context) error { return b.spendAs(c, c.RealIP()) }

// spendAs is spend for whoever is known by more than an address.
func (b *budget) spendAs(c echo.Context, who string) error {
	if b.take(who) {
		return nil
	}
	return tooMany(c)
}

func tooMany(c echo.Context) error {
	c.Response().Header().Set("Retry-After", "6")
	return echo.NewHTTPError(http.StatusTooManyRequests)
}
