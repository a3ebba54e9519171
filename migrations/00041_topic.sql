-- +goose Up
-- A conference without a case: on a topic, or on a question that tells of nobody. There is no client, so there is no consent, no
-- pseudonym of hers and nothing that hangs on them. The kind says which it is, and the database holds the two together: a conference
-- about a case never loses it by mistake, because the gate of the consent is open where there is none.
alter table conference_request
	alter column case_id drop not null,
	add column explanation text not null default '', -- of a question without a case: the situation in general words
	add constraint conference_request_nobody check (case_id is not null or own_wish = '');
alter table conference
	alter column case_id drop not null,
	alter column request_id drop not null, -- a coordinator convenes a topic by herself
	add column explanation text not null default '',
	drop constraint conference_kind_check,
	add constraint conference_kind_check check (kind in ('case_conference', 'participation_plan_conference', 'topic_conference')),
	add constraint conference_nobody check ((case_id is null) = (kind = 'topic_conference')),
	add constraint conference_asked check (case_id is null or request_id is not null);
alter table measure alter column case_id drop not null;

-- A colleague is somebody of another organisation of the network, or of none that leads a case: she is invited as experts are.
alter table seat
	drop constraint seat_role_check,
	add constraint seat_role_check check (role in ('moderator', 'caseworker', 'expert', 'colleague'));

-- Statistics keep samples of what a column holds, where no deletion finds them.
alter table conference_request alter column explanation set statistics 0;
alter table conference alter column explanation set statistics 0;
