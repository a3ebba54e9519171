-- +goose Up

-- Mail on its way out. One row is one mail to one person, rendered when it was queued: a repeated delivery sends the
-- same bytes. Messages of one thread leave in the order of position, one at a time.
create table message_out (
    id              uuid        primary key,
    position        bigint      generated always as identity unique,
    organisation_id uuid        not null,
    thread          text        not null,
    kind            text        not null,
    conference      text        not null default '',
    sender          text        not null,
    to_name         text        not null,
    to_email        text        not null,
    subject         text        not null,
    body_text       text        not null,
    body_html       text        not null,
    calendar        bytea,
    method          text        not null default '',
    message_id      text        not null unique,
    raw             bytea       not null,
    state           text        not null default 'queued'
                    check (state in ('queued', 'sent', 'failed', 'superseded')),
    -- true from the moment a delivery starts until its result is known: the mail may already be with the recipient
    in_doubt        boolean     not null default false,
    via             text        not null default '',
    attempts        integer     not null default 0,
    last_error      text        not null default '',
    queued_at       timestamptz not null default now(),
    due_at          timestamptz not null default now(),
    tried_at        timestamptz,
    sent_at         timestamptz,
    check ((state = 'sent') = (sent_at is not null))
);

create index message_out_waiting on message_out (thread, position) where state = 'queued';
create index message_out_thread on message_out (thread, position);
create index message_out_conference on message_out (organisation_id, conference, position) where conference <> '';
