-- AlterTable
ALTER TABLE "Firm" ADD COLUMN "monthlyFee" NUMERIC(10,2) NOT NULL DEFAULT 0;

-- CreateView
CREATE VIEW "FirmTotals" AS
    SELECT f."id" AS "firmId", f."name", count(d."id") AS "documents", coalesce(sum(d."sizeBytes"), 0) AS "bytes"
    FROM "Firm" f
    LEFT JOIN "Document" d ON d."firmId" = f."id"
    GROUP BY f."id", f."name";
