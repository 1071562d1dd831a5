-- One value for all rows is kept beside the table. The later default is for new rows only.
ALTER TABLE "Card" ADD COLUMN "seen" INTEGER NOT NULL DEFAULT 0;
ALTER TABLE "Card" ADD COLUMN "publicId" UUID;
ALTER TABLE "Card" ALTER COLUMN "publicId" SET DEFAULT gen_random_uuid();
