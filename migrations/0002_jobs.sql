-- Jobs that wait for their time, can be asked to stop, count what they do and are enqueued by schedules.
-- A CHECK cannot be changed in place on SQLite, so the two tables are made again and filled from the old ones.

DROP INDEX job_exclusive;
DROP INDEX job_state;
DROP INDEX job_target;
DROP INDEX job_ended;
ALTER TABLE job_event RENAME TO job_event_1;
ALTER TABLE job RENAME TO job_1;

-- A requested run of an operation.
--   scheduled    waits for its time (run_at); leaves to queued when that has come, or to cancelled when it is skipped
--   queued       waits for a worker; leaves to running, or to cancelled when it is withdrawn
--   running      a worker holds the lease; leaves to one of the four below
--   succeeded    ended well: outcome is set
--   failed       ended badly, and what is in effect is known: trouble is set
--   cancelled    was stopped, and what is in effect is known: trouble says it when anything is
--   interrupted  the worker vanished; what is in effect is not known, and an exclusive job keeps its target locked;
--                leaves to succeeded or failed when it is reconciled, and never runs again
CREATE TABLE job (
    id               TEXT   NOT NULL PRIMARY KEY,
    kind             TEXT   NOT NULL,         -- name of the operation, as in payload
    target           TEXT   NOT NULL,         -- name of the target
    payload          TEXT   NOT NULL,         -- JSON of the whole operation
    state            TEXT   NOT NULL CHECK (state IN
                     ('scheduled', 'queued', 'running', 'succeeded', 'failed', 'cancelled', 'interrupted')),
    exclusive        BIGINT NOT NULL CHECK (exclusive IN (0, 1)),  -- 1: no other exclusive job may run on the target
    priority         BIGINT NOT NULL DEFAULT 0,  -- the highest is taken first, among equals the oldest
    actor            TEXT   NOT NULL,         -- on whose behalf
    created_at       BIGINT NOT NULL,
    run_at           BIGINT,                  -- not before; null: at once
    started_at       BIGINT,
    ended_at         BIGINT,
    idempotency_key  TEXT,                    -- the same key again is the same request and makes no second job
    schedule_id      TEXT,                    -- the schedule that asked for it, if one did
    worker           TEXT,                    -- who holds, or last held, the lease
    fence            BIGINT NOT NULL DEFAULT 0,  -- how often it was taken: a write with another number is refused
    lease_until      BIGINT,                  -- when the lease lapses unless it is renewed
    cancel_asked_at  BIGINT,                  -- set: the worker is to stop it
    cancel_asked_by  TEXT,                    -- who asked
    step             TEXT,                    -- the step it is in, or was in last
    done             BIGINT CHECK (done >= 0),  -- how much of that step is done, counted in unit
    total            BIGINT CHECK (total >= 0), -- of how much, where that is known exactly
    unit             TEXT,                    -- 'bytes', 'migrations' …
    outcome          TEXT,                    -- JSON: summary, and the id of what was made
    trouble          TEXT,                    -- JSON: what happened, what it means for the data, what to do next
    log_removed_at   BIGINT,                  -- set: its events are older than they are kept for, and gone
    CHECK (state <> 'scheduled' OR run_at IS NOT NULL),
    CHECK (state NOT IN ('scheduled', 'queued') OR started_at IS NULL),
    CHECK (state NOT IN ('running', 'interrupted', 'succeeded', 'failed') OR started_at IS NOT NULL),
    CHECK ((state IN ('succeeded', 'failed', 'cancelled')) = (ended_at IS NOT NULL)),
    CHECK ((state = 'running') = (lease_until IS NOT NULL)),
    CHECK ((cancel_asked_at IS NULL) = (cancel_asked_by IS NULL)),
    CHECK ((done IS NULL) = (unit IS NULL))
);

-- Recorded progress of a job.
CREATE TABLE job_event (
    job_id  TEXT   NOT NULL REFERENCES job (id),  -- whose
    seq     BIGINT NOT NULL,                  -- 1, 2, 3 … within the job; the id of the live stream
    at      BIGINT NOT NULL,
    level   TEXT   NOT NULL CHECK (level IN ('step', 'info', 'warn', 'error')),  -- how loud
    step    TEXT   NOT NULL,                  -- the phase it belongs to; empty before the first
    text    TEXT   NOT NULL,                  -- without secrets
    PRIMARY KEY (job_id, seq)
);

INSERT INTO job (id, kind, target, payload, state, exclusive, actor, created_at, started_at, ended_at, worker, fence,
                 lease_until, outcome, trouble)
SELECT id, kind, target, payload, state, exclusive, actor, created_at, started_at, ended_at, worker,
       CASE WHEN worker IS NULL THEN 0 ELSE 1 END, lease_until, outcome, trouble
FROM job_1;
INSERT INTO job_event (job_id, seq, at, level, step, text) SELECT job_id, seq, at, level, step, text FROM job_event_1;
DROP TABLE job_event_1;
DROP TABLE job_1;

-- One exclusive job per target at a time, and none beside one whose effect is not known.
CREATE UNIQUE INDEX job_exclusive ON job (target) WHERE exclusive = 1 AND state IN ('running', 'interrupted');
-- The same request makes one job.
CREATE UNIQUE INDEX job_idempotency ON job (idempotency_key) WHERE idempotency_key IS NOT NULL;
-- A schedule has one run ahead or under way, in all consoles together: no slot is run twice and no run overlaps the next.
CREATE UNIQUE INDEX job_schedule ON job (schedule_id) WHERE schedule_id IS NOT NULL
    AND state IN ('scheduled', 'queued', 'running');
CREATE INDEX job_state ON job (state, id);
CREATE INDEX job_target ON job (target, id);
CREATE INDEX job_kind ON job (kind, id);
CREATE INDEX job_target_ended ON job (target, ended_at);
CREATE INDEX job_ended ON job (ended_at);

-- A program that uses the store for long: `lockkeeper serve` or `lockkeeper worker`.
CREATE TABLE worker (
    id          TEXT   NOT NULL PRIMARY KEY,
    host        TEXT   NOT NULL,              -- the name of its machine
    pid         BIGINT NOT NULL,              -- its process there
    version     TEXT   NOT NULL,              -- of the program
    at_once     BIGINT NOT NULL,              -- how many jobs it runs at a time; 0: none
    started_at  BIGINT NOT NULL,
    seen_at     BIGINT NOT NULL               -- when it was last alive
);

-- What enqueues an operation again and again.
CREATE TABLE schedule (
    id          TEXT   NOT NULL PRIMARY KEY,
    target      TEXT   NOT NULL,              -- name of the target
    payload     TEXT   NOT NULL,              -- JSON of the whole operation
    cron        TEXT   NOT NULL,              -- five fields: minute, hour, day of month, month, day of week
    zone        TEXT   NOT NULL,              -- IANA name of the time zone that the fields are read in
    enabled     BIGINT NOT NULL CHECK (enabled IN (0, 1)),  -- 0: paused
    created_by  TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL
);
CREATE INDEX schedule_target ON schedule (target, id);

-- What a check found, kept to see how a target changes.
CREATE TABLE measurement (
    target          TEXT   NOT NULL,          -- name of the target
    at              BIGINT NOT NULL,          -- when it was measured
    job_id          TEXT   NOT NULL,          -- by which job
    version_num     BIGINT NOT NULL,          -- of the server: 150018 is 15.18
    database_bytes  BIGINT,                   -- size of the database; null where the role may not ask
    applied         BIGINT NOT NULL,          -- migrations in effect
    pending         BIGINT NOT NULL,          -- migrations that wait
    troubled        BIGINT NOT NULL,          -- migrations that are neither: failed, edited, missing
    PRIMARY KEY (target, at, job_id)
);

-- For changes of settings: what they were and what they became. Both are part of the entry's hash when they are set.
ALTER TABLE audit ADD COLUMN before_value TEXT;  -- JSON
ALTER TABLE audit ADD COLUMN after_value TEXT;   -- JSON
CREATE INDEX audit_actor ON audit (actor, seq);
CREATE INDEX audit_action ON audit (action, seq);
CREATE INDEX audit_job ON audit (job_id, seq);
-- The newest entry, written with it: without it a chain that was cut at its end would look whole.
CREATE TABLE audit_head (
    one   BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),  -- there is one row
    seq   BIGINT NOT NULL,                    -- of that entry
    hash  TEXT   NOT NULL                     -- of that entry
);
INSERT INTO audit_head (one, seq, hash) SELECT 1, seq, hash FROM audit ORDER BY seq DESC LIMIT 1;
