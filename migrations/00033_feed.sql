-- +goose Up
-- Somebody subscribes to her dates: a link that calendar programs ask again and again.
alter table link drop constraint link_purpose_check;
alter table link add constraint link_purpose_check
	check (purpose in ('invitation', 'measure', 'follow_up', 'setup', 'reset', 'listing', 'feed'));
alter table link add column used_at timestamptz; -- of a feed: when a program last asked
create unique index link_one_feed on link (account_id) where purpose = 'feed';
