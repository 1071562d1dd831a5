/*
  Warnings:

  - A unique constraint covering the columns `[ownerId,slug]` on the table `StudySet` will be added. If there are existing duplicate values, this will fail.

*/
-- CreateIndex
CREATE UNIQUE INDEX "StudySet_ownerId_slug_key" ON "StudySet"("ownerId", "slug");
