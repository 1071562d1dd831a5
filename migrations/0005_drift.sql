-- What comparisons of targets with their migrations have found.

-- One comparison of a target with its history.
CREATE TABLE drift (
    target       TEXT   NOT NULL,             -- name of the target
    at           BIGINT NOT NULL,             -- when the database was read
    job_id       TEXT   NOT NULL,             -- by which job
    differences  BIGINT NOT NULL,             -- how many there are; 0: no drift
    body         TEXT   NOT NULL,             -- JSON: what was compared, what differs, what to know about it
    PRIMARY KEY (target, at, job_id)
);
CREATE INDEX drift_job ON drift (job_id);
