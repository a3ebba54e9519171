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
}

func newBudget() *budget { return &budget{known: map[string]*rate.Limiter{}} }

func (b *budget) take(who string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.known[who]
	if l == nil {
		if len(b.known) > 10_000 {
			clear(b.known)
		}
		l = rate.NewLimiter(1.0/6, 10)
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
