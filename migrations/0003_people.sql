-- Roles, second factors, tokens for programs, and what people are told without looking.

-- What a user may do, and where. Of several rows that concern a target, the most powerful counts.
CREATE TABLE user_role (
    user_id  TEXT  NOT NULL REFERENCES "user" (id),  -- whose
    target   TEXT  NOT NULL,                  -- name of the target; '*': every target, also those to come
    role     TEXT  NOT NULL CHECK (role IN ('viewer', 'operator', 'approver', 'admin')),  -- a ladder
    PRIMARY KEY (user_id, target)
);
-- Until now every user could do everything.
INSERT INTO user_role (user_id, target, role) SELECT id, '*', 'admin' FROM "user";

-- The one-time link may also let a user that was made for them choose a password.
ALTER TABLE setup_link ADD COLUMN user_id TEXT REFERENCES "user" (id);  -- null: makes the first user

-- Until when every session of a user has ended: one that is renewed meanwhile must not come back.
ALTER TABLE "user" ADD COLUMN sessions_ended_at BIGINT NOT NULL DEFAULT 0;  -- 0: never

-- Where a session is used, and when somebody last proved who they are. A session of before reads as long idle.
ALTER TABLE session ADD COLUMN seen_at BIGINT NOT NULL DEFAULT 0;       -- last use, to the minute
ALTER TABLE session ADD COLUMN proven_at BIGINT NOT NULL DEFAULT 0;     -- last time a password or a code was given
ALTER TABLE session ADD COLUMN address TEXT NOT NULL DEFAULT '';        -- of the browser, at the last use
ALTER TABLE session ADD COLUMN agent TEXT NOT NULL DEFAULT '';          -- what the browser calls itself, cut short

-- Codes of a person's device (RFC 6238).
CREATE TABLE second_factor (
    user_id       TEXT   NOT NULL PRIMARY KEY REFERENCES "user" (id),  -- whose
    secret        TEXT   NOT NULL,            -- sealed with the console's key, which is not in the store
    key_name      TEXT   NOT NULL,            -- which key: the first 16 digits of its SHA-256
    last_step     BIGINT NOT NULL,            -- time step of the last code that was taken: no code is taken twice
    created_at    BIGINT NOT NULL,
    confirmed_at  BIGINT                      -- set: asked for at every sign-in; null: being set up
);

-- Each lets a person in once without the device.
CREATE TABLE recovery_code (
    user_id    TEXT   NOT NULL REFERENCES "user" (id),  -- whose
    code_hash  TEXT   NOT NULL,               -- SHA-256, hexadecimal: a code has 80 random bits
    used_at    BIGINT,                        -- set: single use is over
    PRIMARY KEY (user_id, code_hash)
);

-- A browser in which a user has signed in before: guesses elsewhere do not slow it down.
CREATE TABLE device (
    key_hash  TEXT   NOT NULL PRIMARY KEY,    -- SHA-256 of the cookie's value
    user_id   TEXT   NOT NULL REFERENCES "user" (id),  -- who may be expected there
    seen_at   BIGINT NOT NULL
);
CREATE INDEX device_of_user ON device (user_id);

-- Failed sign-ins that still slow down the next ones.
CREATE TABLE throttle (
    name      TEXT   NOT NULL PRIMARY KEY,    -- 'account:', 'address:', 'device:', 'codes:' or 'session:' and what is counted
    failures  BIGINT NOT NULL,                -- how many count still
    last_at   BIGINT NOT NULL
);
CREATE INDEX throttle_age ON throttle (last_at);

-- What a program may do in a user's name: never more than that user, and never approve.
CREATE TABLE api_token (
    id            TEXT   NOT NULL PRIMARY KEY,
    user_id       TEXT   NOT NULL REFERENCES "user" (id),  -- who made it
    name          TEXT   NOT NULL,            -- what it is for
    token_hash    TEXT   NOT NULL UNIQUE,     -- SHA-256, hexadecimal
    hint          TEXT   NOT NULL,            -- its first characters, to tell one from another
    target        TEXT   NOT NULL,            -- name of the target, or '*'
    role          TEXT   NOT NULL CHECK (role IN ('viewer', 'operator')),  -- at most
    created_at    BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL,
    last_used_at  BIGINT,                     -- to the minute
    last_used_from TEXT,                      -- the address
    revoked_at    BIGINT                      -- set: opens nothing any more
);
CREATE INDEX api_token_of_user ON api_token (user_id);

-- What the operators of this installation have decided, where it differs from what goes without saying.
CREATE TABLE policy (
    target      TEXT   NOT NULL,              -- name of the target; '*': the whole console
    name        TEXT   NOT NULL,              -- 'second_factor', 'backup_age_hours' …
    value       TEXT   NOT NULL,              -- JSON
    updated_at  BIGINT NOT NULL,
    updated_by  TEXT   NOT NULL,
    PRIMARY KEY (target, name)
);

-- Who is told of what.
CREATE TABLE subscription (
    id          TEXT   NOT NULL PRIMARY KEY,
    target      TEXT   NOT NULL,              -- name of the target; '*': every target
    channel     TEXT   NOT NULL,              -- 'webhook:<name in the configuration>' or 'mail:<address>'
    kinds       TEXT   NOT NULL,              -- JSON array of the kinds of notification
    created_by  TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    UNIQUE (target, channel)
);

-- What people are told: written in the transaction in which it became true, sent afterwards.
CREATE TABLE notification (
    id           TEXT   NOT NULL PRIMARY KEY,
    event_key    TEXT   NOT NULL,             -- what happened, so that nobody is told twice: 'job:<id>:failed'
    kind         TEXT   NOT NULL,             -- 'job-failed', 'backup-absent' …
    target       TEXT   NOT NULL,             -- name of the target; empty: none
    job_id       TEXT,                        -- the job that it is about
    channel      TEXT   NOT NULL,             -- as in subscription
    subject      TEXT   NOT NULL,             -- one line
    body         TEXT   NOT NULL,             -- some sentences, without secrets
    created_at   BIGINT NOT NULL,
    state        TEXT   NOT NULL CHECK (state IN ('waiting', 'sent', 'given-up')),  -- how far it is
    tries        BIGINT NOT NULL DEFAULT 0,   -- how often it was sent, or was to be
    next_try_at  BIGINT NOT NULL,             -- not before; while it is being sent: when another may try
    sent_at      BIGINT,
    error        TEXT,                        -- why the last try failed
    CHECK ((state = 'sent') = (sent_at IS NOT NULL)),
    UNIQUE (event_key, channel)
);
CREATE INDEX notification_state ON notification (state, next_try_at);

-- What is the matter with a target, from when it was noticed until it is over: people are told once.
CREATE TABLE condition (
    target  TEXT   NOT NULL,
    kind    TEXT   NOT NULL,                  -- 'target-down', 'backup-absent'
    since   BIGINT NOT NULL,                  -- when it was noticed
    PRIMARY KEY (target, kind)
);

-- The newest entries of a day.
CREATE INDEX audit_at ON audit (at);
