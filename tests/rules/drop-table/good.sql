-- A rename keeps every row.
ALTER TABLE "LegacyImport" RENAME TO "Import";
CREATE TABLE "Fresh" ("id" TEXT NOT NULL);
DROP INDEX "LegacyImport_key";
