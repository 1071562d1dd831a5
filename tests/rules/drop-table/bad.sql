-- Prisma writes a removed model, and also a renamed one, as a dropped table.
DROP TABLE "LegacyImport";
DROP TABLE IF EXISTS "a", "b;c" CASCADE;
