-- Plans that ask for care, and plans that nobody will apply any more; reasons for a yes.
-- A CHECK cannot be changed in place on SQLite, so the two tables are made again and filled from the old ones.

DROP INDEX plan_target;
DROP INDEX approval_plan;
ALTER TABLE approval RENAME TO approval_1;
ALTER TABLE plan RENAME TO plan_1;

-- What is pending on a target, read and judged at one moment. It ends applied or closed, or a newer one takes its place.
CREATE TABLE plan (
    id             TEXT   NOT NULL PRIMARY KEY,
    target         TEXT   NOT NULL,
    digest         TEXT   NOT NULL,           -- SHA-256 of scripts, order, target's identity, schema of the touched tables
    verdict        TEXT   NOT NULL CHECK (verdict IN ('safe', 'caution', 'destructive')),  -- destructive needs an approval
    body           TEXT   NOT NULL,           -- JSON of the whole plan
    made_by        TEXT   NOT NULL,           -- the actor
    author         TEXT   NOT NULL DEFAULT '', -- the person behind the actor: of a token its owner
    made_at        BIGINT NOT NULL,
    job_id         TEXT   NOT NULL,           -- the job that made it
    applied_at     BIGINT,                    -- set: every statement is in effect
    closed_at      BIGINT,                    -- set: it will not be applied
    closed_as      TEXT CHECK (closed_as IN ('rejected', 'void')),  -- a person said no; or what it rests on has changed
    closed_by      TEXT,                      -- who said no, or on whose behalf it was found out
    closed_reason  TEXT,                      -- why, in their words or in sentences
    CHECK (applied_at IS NULL OR closed_at IS NULL),
    CHECK ((closed_at IS NULL) = (closed_as IS NULL)),
    CHECK ((closed_at IS NULL) = (closed_by IS NULL)),
    CHECK ((closed_at IS NULL) = (closed_reason IS NULL))
);

-- A person's yes to one digest.
CREATE TABLE approval (
    id           TEXT   NOT NULL PRIMARY KEY,
    plan_id      TEXT   NOT NULL REFERENCES plan (id),  -- to which plan
    digest       TEXT   NOT NULL,             -- what was said yes to; compared with the plan's when it is used
    reason       TEXT   NOT NULL DEFAULT '',  -- why the loss is right, in their words; empty: given before it was asked for
    approved_by  TEXT   NOT NULL,             -- the user
    approved_at  BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    used_at      BIGINT,                      -- set: single use is over
    used_by      TEXT,                        -- the job that used it
    CHECK ((used_at IS NULL) = (used_by IS NULL))
);

INSERT INTO plan (id, target, digest, verdict, body, made_by, author, made_at, job_id, applied_at)
    SELECT id, target, digest, verdict, body, made_by, made_by, made_at, job_id, applied_at FROM plan_1;
INSERT INTO approval (id, plan_id, digest, reason, approved_by, approved_at, expires_at, used_at, used_by)
    SELECT id, plan_id, digest, '', approved_by, approved_at, expires_at, used_at, used_by FROM approval_1;
DROP TABLE approval_1;
DROP TABLE plan_1;

CREATE INDEX plan_target ON plan (target, id);
CREATE INDEX approval_plan ON approval (plan_id);
