-- No value is lost, but the app that runs asks for the old name.
ALTER TABLE "User" RENAME COLUMN "phone" TO "mobile";
ALTER TABLE "LegacyImport" RENAME TO "Import";
