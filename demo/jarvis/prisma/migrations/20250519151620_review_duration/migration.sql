-- AlterTable
ALTER TABLE "Review" ADD COLUMN     "durationMs" INTEGER;

-- CreateIndex
CREATE INDEX "Review_cardId_idx" ON "Review"("cardId");
