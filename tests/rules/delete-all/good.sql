CREATE TABLE "Staging" ("id" TEXT NOT NULL);
DELETE FROM "Staging";
