package main

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

// statements counts what is asked of PostgreSQL, and how long the answers are waited for: the way there and back is part of it.
type statements struct{ count, waited atomic.Int64 }

// sentAt is the key of the moment at which a statement left.
type sentAt struct{}

func (s *statements) begin(ctx context.Context) context.Context {
	return context.WithValue(ctx, sentAt{}, time.Now())
}

func (s *statements) end(ctx context.Context) {
	if at, is := ctx.Value(sentAt{}).(time.Time); is {
		s.waited.Add(int64(time.Since(at)))
	}
}

// TraceQueryStart implements pgx.QueryTracer.
func (s *statements) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	s.count.Add(1)
	return s.begin(ctx)
}

// TraceQueryEnd implements pgx.QueryTracer.
func (s *statements) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryEndData) {
	s.end(ctx)
}

// TraceBatchStart implements pgx.BatchTracer.
func (s *statements) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return s.begin(ctx)
}

// TraceBatchQuery implements pgx.BatchTracer.
func (s *statements) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {
	s.count.Add(1)
}

// TraceBatchEnd implements pgx.BatchTracer.
func (s *statements) TraceBatchEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchEndData) {
	s.end(ctx)
}
