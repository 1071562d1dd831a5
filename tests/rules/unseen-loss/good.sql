-- Nothing that is there changes or goes.
CREATE EXTENSION IF NOT EXISTS "pgcrypto";
CREATE SCHEMA IF NOT EXISTS "billing";
ALTER TABLE "User" ADD COLUMN "plan" TEXT, ADD COLUMN "since" TIMESTAMP(3) NOT NULL DEFAULT now();
ALTER TABLE "User" ALTER COLUMN "plan" SET DEFAULT 'free';
CREATE TYPE "Mood" AS ENUM ('calm', 'tense');
ALTER TYPE "Mood" ADD VALUE 'curious';
DROP TYPE "OldMood";
DROP INDEX "User_name_idx";
INSERT INTO "Plan" ("id") VALUES ('free') ON CONFLICT DO NOTHING;
CREATE UNIQUE INDEX CONCURRENTLY "User_plan_idx" ON "User" (lower("plan"));
DROP VIEW "ActiveUser";
REFRESH MATERIALIZED VIEW "Ranking";
COMMENT ON TABLE "User" IS 'people';
SET lock_timeout = '3s';
