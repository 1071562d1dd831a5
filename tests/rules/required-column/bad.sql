-- Rows that are there have no value for the new column.
ALTER TABLE "User" ADD COLUMN "plan" TEXT NOT NULL;
ALTER TABLE "User" ADD COLUMN "since" TIMESTAMP(3) NOT NULL DEFAULT NULL;
