-- Nothing that is there changes or goes.
ALTER TABLE "User" ADD COLUMN "plan" TEXT;
CREATE TYPE "Mood" AS ENUM ('calm', 'tense');
INSERT INTO "Plan" ("id") VALUES ('free');
CREATE INDEX "User_plan_idx" ON "User" ("plan");
