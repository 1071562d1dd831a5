-- Every row is asked, while everybody waits.
ALTER TABLE "Card" ADD CONSTRAINT "Card_ease_check" CHECK ("ease" > 1);
ALTER TABLE "Card" ADD COLUMN "weight" INTEGER CHECK ("weight" > 0);
