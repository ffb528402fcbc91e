-- Version 1. Instants are microseconds since 1970 UTC, yes and no are 1 and 0, periods are days as yyyymmdd, hashes are
-- SHA-256. Only this text differs between the databases (BLOB/BYTEA, INTEGER/BIGINT, STRICT); the statements are shared.

create table schema_version (version integer not null) strict;
insert into schema_version (version) values (1);

create table counters (name text not null primary key, value integer not null) strict, without rowid;
insert into counters (name, value) values ('runs', 0);

-- Provider event ids that were taken. Outlives the events.
create table inbox (
  connection text not null, provider_id text not null, same blob not null, event text not null, period integer not null,
  primary key (connection, provider_id)
) strict;
create index inbox_period on inbox (period);

-- With their bodies: `body_hash` is that of the body as it came, `codec` and `key_id` say how it is kept.
create table events (
  id text not null primary key, period integer not null, connection text not null, provider_id text not null,
  kind text not null, state text not null, own integer not null, received_at integer not null, problem text,
  delivery text not null, same blob not null, body_hash blob not null, codec text not null, key_id text not null,
  body blob not null
) strict;
create index events_period on events (period);
create index events_conflicting on events (connection, provider_id) where state = 'conflicting';
create index events_odd on events (state, id) where state <> 'routed';

-- Who events are about, by hash. Goes with the events.
create table subjects (
  hash blob not null, event text not null, period integer not null,
  primary key (hash, event)
) strict, without rowid;
create index subjects_period on subjects (period);
create index subjects_event on subjects (event);

-- Dedupe values that are taken. Outlives the runs.
create table dedupes (
  flow text not null, hash blob not null, run text not null, period integer not null,
  primary key (flow, hash)
) strict;
create index dedupes_period on dedupes (period);

-- `number` is their place in the order of acceptance; `accepted` holds the texts of what is kept as hashes.
create table runs (
  number integer primary key, id text not null unique, period integer not null, flow text not null, event text not null,
  accepted text, state text not null, revision blob, dedupe blob, order_key blob, holds_key integer not null, sequence text, due integer,
  fence integer not null, accepted_at integer not null, started_at integer, finished_at integer, error text, reason text,
  duplicate_of text
) strict;
create index runs_flow on runs (flow, number);
create index runs_event on runs (event);
create index runs_period on runs (period);
create index runs_due on runs (due, number) where due is not null;
create index runs_key on runs (flow, order_key, number) where holds_key = 1;
-- Who has a dedupe value stands in `dedupes`; these had it, or wanted it. Conditions of indexes have no `in (…)`: for each
-- write to a run, SQLite would make a table of the list.
create index runs_dedupe on runs (flow, dedupe)
  where state = 'duplicate' or state = 'stopped' or state = 'superseded' or state = 'dead_letter';
-- With the flow, so that counting them reads nothing else.
create index runs_standing on runs (state, number, flow)
  where state = 'parked' or state = 'dead_letter' or state = 'outcome_unknown';

-- What is written down at one time is one row: a line of JSON for each entry. `seq` is the first one's.
create table journal (
  run text not null, seq integer not null, codec text not null, key_id text not null, body blob not null,
  primary key (run, seq)
) strict;

-- Whose work a row of another system is. As long as its run is kept, and as long as the run's dedupe value is remembered:
-- afterwards the same work, asked for anew, may take it for its own.
create table effects (
  connection text not null, entity text not null, row_key text not null, run text not null, node text not null,
  at integer not null,
  primary key (connection, entity, row_key)
) strict, without rowid;
create index effects_at on effects (at);

create table alerts (
  id text not null primary key, grouping blob not null, flow text, run text, severity text not null, code text not null,
  title text not null, detail text, open integer not null, count integer not null, first_at integer not null,
  last_at integer not null, acknowledged_by text, acknowledged_at integer,
  -- Whether its opening (1), and its end (2), were handed on to whoever wants to be told.
  told integer not null
) strict;
create index alerts_untold on alerts (id) where told < 2 and (told = 0 or open = 0);
create unique index alerts_open on alerts (grouping) where open = 1;

create table audit (
  id text not null primary key, at integer not null, actor text not null, action text not null, target text not null,
  reason text not null
) strict;

create table revisions (
  hash blob not null primary key, flow text not null, language_version integer not null, created_at integer not null,
  active_until integer
) strict;
create index revisions_flow on revisions (flow, created_at);
create table revision_sources (
  revision blob not null, position integer not null, name text not null, source blob not null,
  primary key (revision, position)
) strict, without rowid;
create table sources (
  hash blob not null primary key, codec text not null, key_id text not null, body blob not null
) strict;
create table live_revisions (
  flow text not null primary key, revision blob not null, activated_at integer not null, first_active_at integer not null,
  instead_of blob
) strict, without rowid;

create table links (
  name text not null, key text not null, value text not null, run text not null, node text not null, at integer not null,
  primary key (name, key)
) strict, without rowid;

-- Sums, as exact texts.
create table totals (
  name text not null, key text not null, amount text not null, at integer not null,
  primary key (name, key)
) strict, without rowid;

-- What each node has added to a total, so that it adds once whatever is repeated. Goes with its run; the sum stays.
create table additions (
  run text not null, node text not null, name text not null, key text not null, amount text not null,
  primary key (run, node)
) strict, without rowid;

create table cursors (
  flow text not null, name text not null, value text not null, at integer not null,
  primary key (flow, name)
) strict, without rowid;

-- Who waits for the end of a called run. `woken`: the waiting run has been taken up since that end.
create table waiters (
  run text not null, node text not null, child text not null, woken integer not null,
  primary key (run, node)
) strict, without rowid;
create index waiters_child on waiters (child);

-- The highest sequence of an order key that is done: an older run that comes to its turn later is superseded.
create table sequences (
  flow text not null, order_key blob not null, sequence text not null, run text not null, period integer not null,
  primary key (flow, order_key)
) strict, without rowid;
create index sequences_period on sequences (period);

-- What persons are asked. An answer is `taken` when the run has it in its journal.
create table approvals (
  id text not null, run text not null, node text not null, state text not null, request text not null, expires_at integer,
  answer text, asked_at integer not null, ended_at integer, taken integer not null,
  primary key (run, node)
) strict, without rowid;
create unique index approvals_id on approvals (id);
create index approvals_pending on approvals (state, id) where state = 'pending';

create table leases (
  name text not null primary key, holder text not null, token integer not null, expires_at integer not null
) strict, without rowid;

create table tokens (
  hash blob not null primary key, name text not null, roles text not null, created_at integer not null, expires_at integer,
  revoked_at integer
) strict, without rowid;
