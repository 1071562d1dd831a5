-- Without the database nobody knows what the old type holds that the new one does not.
ALTER TABLE "Card" ALTER COLUMN "ease" SET DATA TYPE INTEGER;
ALTER TABLE "Card" ALTER COLUMN "front" TYPE VARCHAR(20) USING left("front", 20);
