-- A table that the plan has made, and put nothing into, is nobody's loss.
CREATE TABLE "Fresh" ("id" TEXT NOT NULL);
DROP TABLE "Fresh";
DROP INDEX "LegacyImport_key";
