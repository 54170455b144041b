-- Ranking a match reads this (15 µs) instead of parsing half an hour of text anew (4 ms): docs/search.md, ADR 16.
ALTER TABLE "transcripts" ADD COLUMN "search_vector" "tsvector" GENERATED ALWAYS AS (to_tsvector('english', full_text)) STORED;
