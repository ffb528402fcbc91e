//! Every fixed statement, in the part of SQL that SQLite and PostgreSQL share.
//!
//! Parameters are `$1`, `$2`, … in the order in which they first appear, for SQLite numbers them so. A test reads every
//! statement here. What is done for every event has no `returning` and no `in (select …)`: SQLite makes a table of its own
//! for each, which costs more than the statement.

macro_rules! run_columns {
    () => {
        "id, number, flow, event, state, revision, dedupe, order_key, holds_key, sequence, due, accepted_at, started_at, \
         finished_at, error, reason, duplicate_of, period, fence"
    };
}
macro_rules! event_columns {
    () => {
        "id, connection, provider_id, kind, state, own, received_at, problem, delivery, body_hash, period"
    };
}
macro_rules! alert_columns {
    () => {
        "id, flow, run, severity, code, title, detail, open, count, first_at, last_at, acknowledged_by, acknowledged_at"
    };
}

/// States of called runs that nobody waits for any longer: `Called::has_ended`.
macro_rules! ended {
    () => {
        "('dead_letter', 'succeeded', 'stopped', 'skipped', 'ignored', 'duplicate', 'superseded')"
    };
}

macro_rules! unsettled {
    () => {
        "('queued', 'ready', 'running', 'waiting', 'parked', 'dead_letter', 'outcome_unknown')"
    };
}

/// What retention may drop of runs; the parameter: dead letters that failed before it.
macro_rules! gone {
    ($failed_before:literal) => {
        concat!(
            "(state in ('succeeded', 'stopped', 'skipped', 'ignored', 'duplicate', 'superseded') \
            or (state = 'dead_letter' and holds_key = 0 and finished_at < ",
            $failed_before,
            "))"
        )
    };
}

/// Columns of a run, as `sqlite::rows` reads them.
pub const RUN_COLUMNS: &str = run_columns!();
/// Columns of an event, as `sqlite::rows` reads them.
pub const EVENT_COLUMNS: &str = event_columns!();
/// Columns of an alert, as `sqlite::rows` reads them.
pub const ALERT_COLUMNS: &str = alert_columns!();

/// Columns of an approval and its run's flow, as `sqlite::approvals` reads them.
pub const APPROVAL_COLUMNS: &str =
    "a.id, a.run, r.flow, a.node, a.state, a.request, a.asked_at, a.expires_at, a.ended_at, a.answer";

macro_rules! statements {
    ($($name:ident = $sql:expr;)*) => {
        $(pub const $name: &str = $sql;)*
        #[cfg(test)]
        pub const ALL: &[(&str, &str)] = &[$((stringify!($name), $name)),*];
    };
}

statements! {
    // the door
    TAKE_EVENT_ID = "insert into inbox (connection, provider_id, same, event, period) values ($1, $2, $3, $4, $5) \
        on conflict (connection, provider_id) do nothing";
    EVENT_ID_OWNER = "select event, same from inbox where connection = $1 and provider_id = $2";
    CONFLICTING_EVENT = "select id from events \
        where connection = $1 and provider_id = $2 and same = $3 and state = 'conflicting'";
    INSERT_EVENT = "insert into events (id, period, connection, provider_id, kind, state, own, received_at, problem, \
        delivery, same, body_hash, codec, key_id, body) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
    EVENT = concat!("select ", event_columns!(), " from events where id = $1");
    EVENT_ROUTED = "update events set state = 'routed', problem = null where id = $1";
    CURSOR = "select value from cursors where flow = $1 and name = $2";
    MOVE_CURSOR = "insert into cursors (flow, name, value, at) values ($1, $2, $3, $4) \
        on conflict (flow, name) do update set value = excluded.value, at = excluded.at";
    EVENT_REREAD = "update events set provider_id = $1, kind = $2, own = $3, same = $4 where id = $5";
    BODY = "select codec, key_id, body from events where id = $1";
    COUNT_RUNS = "update counters set value = $1 where name = 'runs'";
    RUNS_COUNTED = "select value from counters where name = 'runs'";
    TAKE_DEDUPE = "insert into dedupes (flow, hash, run, period) values ($1, $2, $3, $4) \
        on conflict (flow, hash) do nothing";
    DEDUPE_OWNER = "select run from dedupes where flow = $1 and hash = $2";
    RELEASE_DEDUPE = "delete from dedupes where flow = $1 and hash = $2 and run = $3";
    INSERT_RUN = "insert into runs (id, period, number, flow, event, accepted, state, dedupe, order_key, holds_key, sequence, \
        due, fence, accepted_at, finished_at, error, duplicate_of) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)";
    REPLACEABLE_RUNS = concat!("select ", run_columns!(), " from runs where event = $1 and flow = $2 \
        and (state in ('skipped', 'ignored') or (state = 'dead_letter' and revision is null))");
    OTHER_RUNS = "select count(*) from runs where event = $1 and flow = $2 and state <> 'superseded' \
        and state not in ('skipped', 'ignored') and not (state = 'dead_letter' and revision is null)";

    INHERIT_SUBJECTS = "insert into subjects (hash, event, period) select hash, $1, $2 from subjects where event = $3";
    ADD_SUBJECT = "insert into subjects (hash, event, period) values ($1, $2, $3) on conflict (hash, event) do nothing";
    INSERT_SUBJECT = "insert into subjects (hash, event, period) values ($1, $2, $3)";

    // order keys
    FIRST_HOLDER = "select id, state, number from runs where flow = $1 and order_key = $2 and holds_key = 1 \
        order by number limit 1";
    MAKE_READY = "update runs set state = 'ready', due = $1 where id = $2";
    LET_GO = "update runs set holds_key = 0 where id = $1";

    // working on runs
    DUE_RUNS = concat!("select ", run_columns!(), " from runs where due <= $1 order by due, number limit $2");
    CLAIM_RUN = "update runs set state = 'running', due = $1, fence = $2 where number = $3";
    RENEW = "update runs set due = $1 where id = $2 and fence = $3 and state = 'running'";
    TAKE_BACK = "update runs set due = 0 where due is not null and (state = 'running' or (state = 'ready' and due > $1))";
    NOT_LATER = "update runs set due = $1 where due > $1 and state = 'ready'";
    NEXT_DUE = "select min(due) from runs where due is not null";
    RUN = concat!("select ", run_columns!(), " from runs where id = $1");
    RUN_ACCEPTED = "select accepted from runs where id = $1";
    HELD_RUN = "select number, flow, dedupe, order_key, holds_key, sequence from runs \
        where id = $1 and fence = $2 and state = 'running'";
    INSERT_ENTRIES = "insert into journal (run, seq, codec, key_id, body) values ($1, $2, $3, $4, $5)";
    JOURNAL = "select codec, key_id, body from journal where run = $1 order by seq";
    JOURNAL_BACKWARDS = "select codec, key_id, body from journal where run = $1 order by seq desc";
    TAKE_EFFECT = "insert into effects (connection, entity, row_key, run, node, at) values ($1, $2, $3, $4, $5, $6) \
        on conflict (connection, entity, row_key) do nothing";
    EFFECT_OWNER = "select run, node from effects where connection = $1 and entity = $2 and row_key = $3";
    PUT_LINK = "insert into links (name, key, value, run, node, at) values ($1, $2, $3, $4, $5, $6) \
        on conflict (name, key) do update set value = excluded.value, run = excluded.run, node = excluded.node, at = excluded.at";
    DELETE_LINK = "delete from links where name = $1 and key = $2";
    LINK = "select value from links where name = $1 and key = $2";
    ADDITION = "select name, key, amount from additions where run = $1 and node = $2";
    PUT_ADDITION = "insert into additions (run, node, name, key, amount) values ($1, $2, $3, $4, $5) \
        on conflict (run, node) do update set name = excluded.name, key = excluded.key, amount = excluded.amount";
    TOTAL = "select amount from totals where name = $1 and key = $2";
    PUT_TOTAL = "insert into totals (name, key, amount, at) values ($1, $2, $3, $4) \
        on conflict (name, key) do update set amount = excluded.amount, at = excluded.at";
    START_RUN = "update runs set revision = $1, started_at = coalesce(started_at, $2) where number = $3";
    UPDATE_RUN = "update runs set state = $1, due = $2, holds_key = $3, finished_at = $4, error = $5, reason = $6 \
        where number = $7";
    RESUME_RUN = "update runs set state = $1, due = $2, number = $3, holds_key = $4, revision = coalesce($5, revision), \
        fence = fence + 1, finished_at = null, error = null, reason = null where id = $6";

    // approvals
    ASK = "insert into approvals (id, run, node, state, request, expires_at, asked_at, taken) \
        values ($1, $2, $3, 'pending', $4, $5, $6, 0) \
        on conflict (run, node) do update set id = excluded.id, state = 'pending', request = excluded.request, \
        expires_at = excluded.expires_at, answer = null, asked_at = excluded.asked_at, ended_at = null, taken = 0";
    ASK_STATE = "select state from approvals where run = $1 and node = $2";
    ANSWER = "update approvals set state = $1, answer = $2, ended_at = $3 where run = $4 and node = $5 \
        and state = 'pending' and (expires_at is null or expires_at > $3)";
    ANSWER_TAKEN = "update approvals set taken = 1 where run = $1 and node = $2 and answer is not null";
    ASK_EXPIRED = "update approvals set state = 'expired', ended_at = $1 where run = $2 and node = $3 \
        and state <> 'approved' and state <> 'rejected'";
    WITHDRAW = "update approvals set state = 'withdrawn', ended_at = $1 where run = $2 and state = 'pending'";
    UNTAKEN_ANSWERS = "select node, answer from approvals where run = $1 and taken = 0 and answer is not null order by id";
    WAKE_RUN = "update runs set due = $1 where id = $2 and state = 'waiting'";
    ERASE_APPROVALS = "delete from approvals where run = $1";

    // sequences and called runs
    SEQUENCE_DONE = "select sequence from sequences where flow = $1 and order_key = $2";
    PUT_SEQUENCE = "insert into sequences (flow, order_key, sequence, run, period) values ($1, $2, $3, $4, $5) \
        on conflict (flow, order_key) do update set sequence = excluded.sequence, run = excluded.run, period = excluded.period";
    RUN_OF_EVENT = "select id from runs where event = $1 and flow = $2 order by number desc limit 1";
    INSERT_WAITER = "insert into waiters (run, node, child, woken) values ($1, $2, $3, 0) \
        on conflict (run, node) do update set child = excluded.child, woken = 0";
    DELETE_WAITER = "delete from waiters where run = $1 and node = $2";
    DELETE_WAITERS = "delete from waiters where run = $1";
    WAITS_OR_IS_WAITED_FOR = "select (select run from waiters where child = $1 limit 1), \
        (select node from waiters where run = $1 limit 1)";
    WAKE_WAITERS = "update runs set due = $1 where state = 'waiting' and id in (select run from waiters where child = $2)";
    NEWS_OF_CHILD = "update waiters set woken = 0 where child = $1";
    // Once for each end: where the run has no use for it any more, it must not be kept awake.
    TAKE_NEWS = concat!("update waiters set woken = 1 where run = $1 and woken = 0 \
        and child in (select id from runs where state in ", ended!(), ")");

    // alerts and audit
    RAISE_ALERT = "insert into alerts (id, grouping, flow, run, severity, code, title, detail, open, count, first_at, last_at, \
        told) values ($1, $2, $3, $4, $5, $6, $7, $8, 1, 1, $9, $9, 0) \
        on conflict (grouping) where open = 1 do update set count = alerts.count + 1, last_at = excluded.last_at, \
        told = case when alerts.severity = excluded.severity then alerts.told else 0 end, \
        run = excluded.run, severity = excluded.severity, detail = excluded.detail returning id";
    UNTOLD_ALERTS = concat!("select ", alert_columns!(), ", told from alerts \
        where told < 2 and (told = 0 or open = 0) order by id limit $1");
    TOLD = "update alerts set told = $1 where id = $2 and severity = $3";
    ACKNOWLEDGE_ALERT = "update alerts set acknowledged_by = $1, acknowledged_at = $2 \
        where id = $3 and open = 1 and acknowledged_at is null";
    CLOSE_ALERT = "update alerts set open = 0 where id = $1 and open = 1";
    INSERT_AUDIT = "insert into audit (id, at, actor, action, target, reason) values ($1, $2, $3, $4, $5, $6)";

    // revisions
    INSERT_REVISION = "insert into revisions (hash, flow, language_version, created_at) values ($1, $2, $3, $4) \
        on conflict (hash) do nothing";
    INSERT_SOURCE = "insert into sources (hash, codec, key_id, body) values ($1, $2, $3, $4) on conflict (hash) do nothing";
    INSERT_REVISION_SOURCE = "insert into revision_sources (revision, position, name, source) values ($1, $2, $3, $4)";
    REVISION = "select flow, language_version, created_at from revisions where hash = $1";
    REVISION_SOURCES = "select r.name, s.codec, s.key_id, s.body from revision_sources r join sources s on s.hash = r.source \
        where r.revision = $1 order by r.position";
    REVISIONS = "select r.flow, r.hash, r.language_version, r.created_at, r.active_until, \
        case when l.revision is null then 0 else 1 end from revisions r \
        left join live_revisions l on l.flow = r.flow and l.revision = r.hash \
        order by r.created_at desc, r.hash limit $1";
    REVISIONS_OF = "select r.flow, r.hash, r.language_version, r.created_at, r.active_until, \
        case when l.revision is null then 0 else 1 end from revisions r \
        left join live_revisions l on l.flow = r.flow and l.revision = r.hash \
        where r.flow = $1 order by r.created_at desc, r.hash limit $2";
    RETIRE = "update revisions set active_until = $1 \
        where hash in (select revision from live_revisions where flow = $2 and revision <> $3)";
    UNRETIRE = "update revisions set active_until = null where hash = $1";
    ACTIVATE = "insert into live_revisions (flow, revision, activated_at, first_active_at, instead_of) \
        values ($1, $2, $3, $3, $4) on conflict (flow) do update set revision = excluded.revision, \
        activated_at = excluded.activated_at, instead_of = excluded.instead_of";
    LIVE_REVISIONS = "select flow, revision, activated_at, first_active_at, instead_of from live_revisions order by flow";

    // retention
    PERIODS_BEFORE = "select distinct period from events where period < $1 union select distinct period from runs \
        where period < $1 order by period";
    OLDEST_PERIOD = "select min(period) from (select min(period) as period from events union all \
        select min(period) as period from runs) as both_of_them";
    KEPT_RUNS = concat!("select id, event from runs where period = $1 and not ", gone!("$2"), " limit $3");
    KEPT_EVENTS = concat!("select id from events where period = $1 and ((state = 'dead_letter' and received_at >= $2) \
        or exists (select 1 from runs where runs.event = events.id and not ", gone!("$2"), ")) limit $3");
    MOVE_RUN = "update runs set period = $1 where id = $2";
    MOVE_EVENT = "update events set period = $1 where id = $2";
    MOVE_SUBJECTS = "update subjects set period = $1 where event = $2";
    DROP_JOURNAL = concat!("delete from journal where run in (select id from runs where period = $1 \
        and ", gone!("$2"), " order by id limit $3)");
    DROP_ADDITIONS = concat!("delete from additions where run in (select id from runs where period = $1 \
        and ", gone!("$2"), " order by id limit $3)");
    DROP_APPROVALS = concat!("delete from approvals where run in (select id from runs where period = $1 \
        and ", gone!("$2"), " order by id limit $3)");
    DROP_RUNS = concat!("delete from runs where id in (select id from runs where period = $1 \
        and ", gone!("$2"), " order by id limit $3)");
    DROP_EVENTS = "delete from events where id in (select id from events where period = $1 \
        and not (state = 'dead_letter' and received_at >= $2) \
        and not exists (select 1 from runs where runs.event = events.id) limit $3)";
    DROP_SUBJECTS = "delete from subjects where period = $1 and hash in (select hash from subjects where period = $1 limit $2) \
        and not exists (select 1 from events where events.period = $1)";
    FORGET_EVENT_IDS = "delete from inbox where period < $1";
    FORGET_DEDUPES = "delete from dedupes where period < $1";
    FORGET_EFFECTS = "delete from effects where (connection, entity, row_key) in (select connection, entity, row_key \
        from effects where at < $1 and not exists (select 1 from runs where runs.id = effects.run) limit $2)";
    FORGET_SEQUENCES = "delete from sequences where period < $1";

    // persons
    SUBJECT_EVENTS = "select e.id from subjects s join events e on e.id = s.event where s.hash = $1 order by e.id";
    UNSETTLED_OF_EVENT = concat!("select count(*) from runs where event = $1 and state in ", unsettled!());
    RUNS_OF_EVENT = concat!("select ", run_columns!(), " from runs where event = $1");
    ERASE_EVENT = "update events set state = 'erased', body_hash = $1, codec = $2, key_id = $3, body = $4, delivery = '{}', \
        problem = null where id = $5";
    ERASE_JOURNAL = "delete from journal where run = $1";
    ERASE_RUN = "update runs set accepted = null, sequence = null, error = $1, reason = null where id = $2";
    ERASE_ALERTS = "update alerts set title = 'erased', detail = null where run = $1";
    ERASE_SUBJECTS = "delete from subjects where event = $1";

    // health
    COUNT_STANDING = "select flow, state, count(*) from runs \
        where state = 'parked' or state = 'dead_letter' or state = 'outcome_unknown' \
        group by flow, state order by flow, state";
    COUNT_ALERTS = "select severity, count(*) from alerts where open = 1 group by severity order by severity";
    COUNT_EVENTS = "select state, count(*) from events where state <> 'routed' group by state order by state";
    SCHEMA_VERSION = "select max(version) from schema_version";
    PING = "update counters set value = value where name = 'runs'";
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The parameters of a statement, in order of first appearance.
    fn parameters(sql: &str) -> Vec<u32> {
        let mut seen = Vec::new();
        for part in sql.split('$').skip(1) {
            let digits: String = part.chars().take_while(char::is_ascii_digit).collect();
            let number = digits.parse().expect("a number after $");
            if !seen.contains(&number) {
                seen.push(number);
            }
        }
        seen
    }

    #[test]
    fn parameters_stand_in_the_order_of_their_numbers() {
        for (name, sql) in ALL {
            let seen = parameters(sql);
            assert!(seen.iter().copied().eq(1..=seen.len() as u32), "{name}: {seen:?} in {sql}");
            assert!(!sql.contains('?') && !sql.contains(';'), "{name} has one statement and numbered parameters");
        }
    }
}
