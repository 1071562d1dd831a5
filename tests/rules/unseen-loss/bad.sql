-- Data goes or changes, and the text does not say how much.
TRUNCATE "Session";
DELETE FROM "Session";
DELETE FROM "Session" WHERE "expires" < now();
UPDATE "User" SET "plan" = 'free';
ALTER TABLE "Card" ALTER COLUMN "ease" SET DATA TYPE INTEGER;
DROP SCHEMA "legacy" CASCADE;
DROP TYPE "Mood" CASCADE;
DO $$ BEGIN EXECUTE 'DROP TABLE "User"'; END $$;
