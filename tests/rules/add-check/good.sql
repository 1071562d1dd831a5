-- NOT VALID looks at no row; VALIDATE, in a later migration, blocks neither reads nor writes.
ALTER TABLE "Card" ADD CONSTRAINT "Card_ease_check" CHECK ("ease" > 1) NOT VALID;
ALTER TABLE "Card" VALIDATE CONSTRAINT "Card_ease_check";
