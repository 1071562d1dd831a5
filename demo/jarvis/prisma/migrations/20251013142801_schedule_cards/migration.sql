-- Spaced repetition: when a card is due again, and how easy it was the last time.
-- AlterTable
ALTER TABLE "Card" ADD COLUMN     "dueAt" TIMESTAMP(3),
ADD COLUMN     "ease" DECIMAL(4,2) NOT NULL DEFAULT 2.50;

-- CreateIndex
CREATE INDEX "Card_dueAt_idx" ON "Card"("dueAt");
