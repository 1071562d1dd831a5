-- The store of Lockkeeper: one text for SQLite and Postgres.
-- Types are kept to what both read the same through one driver: TEXT for words, ids (UUID v7) and JSON, BIGINT for
-- numbers, for times (milliseconds since the epoch, UTC) and for flags (0 or 1).

-- Values of this installation that no person edits.
CREATE TABLE setting (
    name        TEXT   NOT NULL PRIMARY KEY,  -- 'cookie_key'
    value       TEXT   NOT NULL,              -- hexadecimal
    updated_at  BIGINT NOT NULL               -- when it was last written
);

-- A person who may sign in.
CREATE TABLE "user" (
    id                   TEXT   NOT NULL PRIMARY KEY,
    name                 TEXT   NOT NULL,         -- as typed; shown, and recorded in the audit
    name_key             TEXT   NOT NULL UNIQUE,  -- the name in lower case: "Ada" and "ada" are one user
    password_hash        TEXT   NOT NULL,         -- argon2id in PHC form, parameters included
    created_at           BIGINT NOT NULL,
    password_changed_at  BIGINT NOT NULL,
    disabled_at          BIGINT                   -- set: may not sign in, and every session has ended
);

-- A one-time link to make the first user. Only the hash is kept: the link is printed once.
CREATE TABLE setup_link (
    token_hash  TEXT   NOT NULL PRIMARY KEY,  -- SHA-256 of the token, hexadecimal
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL,
    used_at     BIGINT                        -- set: single use is over
);

-- A browser that has a cookie, signed in or not yet.
CREATE TABLE session (
    key_hash    TEXT   NOT NULL PRIMARY KEY,  -- SHA-256 of the cookie's key: reading the store gives no session
    user_id     TEXT   REFERENCES "user" (id),  -- null until signed in
    state       TEXT   NOT NULL,              -- JSON object of what the pages remember
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL
);
CREATE INDEX session_of_user ON session (user_id);
CREATE INDEX session_expiry ON session (expires_at);

-- A requested run of an operation.
--   queued       waits for a worker; leaves to running, or to cancelled when it is withdrawn
--   running      a worker holds the lease; leaves to one of the four below
--   succeeded    ended well: outcome is set
--   failed       ended badly, and what is in effect is known: trouble is set
--   cancelled    was stopped and left nothing behind
--   interrupted  the worker vanished; what is in effect is not known, and the target stays locked until it is released
CREATE TABLE job (
    id           TEXT   NOT NULL PRIMARY KEY,
    kind         TEXT   NOT NULL,             -- name of the operation, as in payload
    target       TEXT   NOT NULL,             -- name of the target
    payload      TEXT   NOT NULL,             -- JSON of the whole operation
    state        TEXT   NOT NULL CHECK (state IN
                 ('queued', 'running', 'succeeded', 'failed', 'cancelled', 'interrupted')),
    exclusive    BIGINT NOT NULL CHECK (exclusive IN (0, 1)),  -- 1: no other exclusive job may run on the target
    actor        TEXT   NOT NULL,             -- on whose behalf
    created_at   BIGINT NOT NULL,
    started_at   BIGINT,
    ended_at     BIGINT,
    worker       TEXT,                        -- who holds, or last held, the lease
    lease_until  BIGINT,                      -- when the lease lapses unless it is renewed
    outcome      TEXT,                        -- JSON: summary, and the id of what was made
    trouble      TEXT,                        -- JSON: what happened, what it means for the data, what to do next
    CHECK (state <> 'queued' OR started_at IS NULL),
    CHECK (state NOT IN ('running', 'interrupted', 'succeeded', 'failed') OR started_at IS NOT NULL),
    CHECK ((state IN ('succeeded', 'failed', 'cancelled')) = (ended_at IS NOT NULL)),
    CHECK ((state = 'running') = (lease_until IS NOT NULL))
);
-- One exclusive job per target at a time, and none beside one whose effect is not known.
CREATE UNIQUE INDEX job_exclusive ON job (target) WHERE exclusive = 1 AND state IN ('running', 'interrupted');
CREATE INDEX job_state ON job (state, id);
CREATE INDEX job_target ON job (target, id);
CREATE INDEX job_ended ON job (target, ended_at);

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

-- What is pending on a target, read and judged at one moment.
CREATE TABLE plan (
    id          TEXT   NOT NULL PRIMARY KEY,
    target      TEXT   NOT NULL,
    digest      TEXT   NOT NULL,              -- SHA-256 of the scripts, their order and the target's identity
    verdict     TEXT   NOT NULL CHECK (verdict IN ('safe', 'destructive')),  -- destructive needs an approval
    body        TEXT   NOT NULL,              -- JSON of the whole plan
    made_by     TEXT   NOT NULL,
    made_at     BIGINT NOT NULL,
    job_id      TEXT   NOT NULL,              -- the job that made it
    applied_at  BIGINT                        -- set: every statement is in effect
);
CREATE INDEX plan_target ON plan (target, id);

-- A person's yes to one digest.
CREATE TABLE approval (
    id           TEXT   NOT NULL PRIMARY KEY,
    plan_id      TEXT   NOT NULL REFERENCES plan (id),  -- to which plan
    digest       TEXT   NOT NULL,             -- what was said yes to; compared with the plan's when it is used
    approved_by  TEXT   NOT NULL,
    approved_at  BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    used_at      BIGINT,                      -- set: single use is over
    used_by      TEXT,                        -- the job that used it
    CHECK ((used_at IS NULL) = (used_by IS NULL))
);
CREATE INDEX approval_plan ON approval (plan_id);

-- The append-only record. Each entry's hash covers its own words and the hash before it.
CREATE TABLE audit (
    seq            BIGINT NOT NULL PRIMARY KEY,  -- 1, 2, 3 … without a gap
    at             BIGINT NOT NULL,
    actor          TEXT   NOT NULL,           -- who
    action         TEXT   NOT NULL,           -- what: 'sign-in', 'backup.take', 'plan.approve' …
    target         TEXT,                      -- on which target, if on one
    job_id         TEXT,                      -- through which job, if through one
    outcome        TEXT   NOT NULL,           -- 'requested', 'succeeded', 'failed', 'refused' …
    place          TEXT   NOT NULL,           -- from where: an address, 'terminal', 'worker'
    detail         TEXT   NOT NULL,           -- one sentence, without secrets; may be empty
    previous_hash  TEXT   NOT NULL,           -- hash of entry seq - 1; empty for the first
    hash           TEXT   NOT NULL            -- SHA-256 of all the above, hexadecimal
);
CREATE INDEX audit_target ON audit (target, seq);
