/**
 * A video as its player sees it: addresses of what to load, the qualities with how far each is, and the chapters. Pure:
 * the rows come from packages/db, the stored files are handed out by the server under the keys they have in the store.
 */
import type { Storage } from '@reelfleet/core';
import type { WatchingRecord } from '@reelfleet/db';
import { z } from 'zod';

export interface QualityRow {
  /** `720p` */
  quality: string;
  /** Null until it is stored, like all that describes the picture. */
  width: number | null;
  height: number | null;
  /** kbit/s, at its peak. */
  bitrate: number | null;
  status: 'pending' | 'in_progress' | 'completed' | 'failed' | 'skipped';
  progressPercent: number;
  segmentsCompleted: number | null;
  segmentsTotal: number | null;
}

export interface ChapterRow {
  title: string;
  startSeconds: number;
  endSeconds: number;
}

export interface Watching {
  /** The master playlist's address on the server; null until there is a stream. Like all three, a path. */
  streamUrl: string | null;
  /** WebVTT with what is said. */
  captionsUrl: string | null;
  /** Language of its transcript (ISO 639-1); null while there is none. */
  transcriptLanguage: string | null;
  /** WebVTT that leads to the pictures for scrubbing. */
  spritesUrl: string | null;
  /** Highest first. */
  qualities: QualityRow[];
  chapters: ChapterRow[];
}

/** Where the server hands out a stored file. */
export const filePath = (key: string): string => `/files/${key.split('/').map(encodeURIComponent).join('/')}`;

export function watching(record: WatchingRecord, storage: Pick<Storage, 'keyOf'>): Watching {
  const address = (uri: string | null) => {
    try {
      return uri === null ? null : filePath(storage.keyOf(uri));
    } catch {
      // Stored before STORAGE_URL was changed: this server cannot hand it out.
      return null;
    }
  };
  return {
    streamUrl: address(record.streamUri),
    captionsUrl: address(record.captionsUri),
    transcriptLanguage: record.transcriptLanguage,
    spritesUrl: address(record.spritesUri),
    qualities: qualitiesOf(record),
    chapters: chaptersOf(record.chapters),
  };
}

/** What is under way beside what is stored: a quality that a newer transcode makes again is what the newer one says. */
function qualitiesOf({ progress, stored }: Pick<WatchingRecord, 'progress' | 'stored'>): QualityRow[] {
  const pictures = new Map(stored.map((one) => [one.quality, one]));
  const known = new Set(progress.map(({ quality }) => quality));
  const rows = progress.map((one): QualityRow => ({ ...pictureOf(pictures.get(one.quality)), ...countsOf(one) }));
  for (const one of stored) {
    if (known.has(one.quality)) continue;
    const counts = { progressPercent: 100, segmentsCompleted: null, segmentsTotal: null };
    rows.push({ quality: one.quality, ...pictureOf(one), status: 'completed', ...counts });
  }
  return rows.sort((a, b) => linesOf(b.quality) - linesOf(a.quality));
}

const pictureOf = (stored: WatchingRecord['stored'][number] | undefined) => ({
  width: stored?.width ?? null,
  height: stored?.height ?? null,
  bitrate: stored?.bitrate ?? null,
});

/** Segments say it sooner than the percentage, which is written when a chunk ends; only `completed` is all of it. */
function countsOf(one: WatchingRecord['progress'][number]) {
  const { segmentsCompleted, segmentsTotal, status } = one;
  const counted = segmentsTotal ? Math.floor((100 * segmentsCompleted) / segmentsTotal) : 0;
  const under = Math.min(99, Math.max(one.progressPercent, counted));
  return {
    ...one,
    progressPercent: status === 'completed' ? 100 : status === 'in_progress' || status === 'failed' ? under : 0,
  };
}

const linesOf = (quality: string): number => Number.parseInt(quality, 10) || 0;

const ofFile = z.object({ title: z.string(), startSeconds: z.number(), endSeconds: z.number() });
const ofAlbum = z
  .object({ title: z.string(), startSeconds: z.number(), durationSeconds: z.number() })
  .transform(({ durationSeconds, ...one }) => ({ ...one, endSeconds: one.startSeconds + durationSeconds }));
const chapterList = z.array(z.union([ofFile, ofAlbum]));

/** An older version may have written another shape: then there are none to show. */
function chaptersOf(said: unknown): ChapterRow[] {
  const { data = [] } = chapterList.safeParse(said);
  return data.filter(({ startSeconds, endSeconds }) => endSeconds > startSeconds && startSeconds >= 0);
}
