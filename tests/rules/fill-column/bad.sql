-- Each row gets another value, so each row is written again.
ALTER TABLE "Card" ADD COLUMN "publicId" UUID NOT NULL DEFAULT gen_random_uuid();
ALTER TABLE "Card" ADD COLUMN "number" SERIAL;
