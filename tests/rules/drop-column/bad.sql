-- Prisma writes a removed field, and also a renamed one, as a dropped column.
ALTER TABLE "User" DROP COLUMN "phone";
ALTER TABLE "User" ADD COLUMN "mobile" TEXT, DROP COLUMN IF EXISTS "fax" CASCADE;
ALTER TABLE ONLY "crm"."Contact" DROP "note";
