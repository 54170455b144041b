/**
 * What a player of a video needs besides its file: where its stream, captions and scrubbing pictures are stored, how far
 * each quality of its newest transcode is, and its chapters. Only rows of completed tasks name files, so what is found
 * here is whole.
 */
import { and, desc, eq, inArray, like, or, sql } from 'drizzle-orm';
import { videoQualities } from '../schema/catalog.ts';
import { artifacts, qualityProgress, tasks } from '../schema/engine.ts';
import { transcripts } from '../schema/moments.ts';
import type { ReadHandle } from './client.ts';

/** The names the stages store these files by; a folder above tells one attempt from another. */
export const MASTER_PLAYLIST = 'master.m3u8';
export const SPRITES = 'sprites.vtt';

/** Addresses in the store, newest attempt first where there are several; null where there is none. */
export async function playedFiles(db: ReadHandle, videoId: string) {
  const [stored, [transcript]] = await Promise.all([
    db
      .select({ uri: artifacts.uri })
      .from(artifacts)
      .where(
        and(
          eq(artifacts.videoId, videoId),
          or(
            and(eq(artifacts.kind, 'manifest'), like(artifacts.uri, `%/${MASTER_PLAYLIST}`)),
            and(eq(artifacts.kind, 'thumbnail'), like(artifacts.uri, `%/${SPRITES}`)),
          ),
        ),
      )
      .orderBy(desc(artifacts.createdAt)),
    db
      .select({ uri: transcripts.vttPath, language: transcripts.language })
      .from(transcripts)
      .where(eq(transcripts.videoId, videoId)),
  ]);
  const newest = (name: string) => stored.find(({ uri }) => uri.endsWith(`/${name}`))?.uri ?? null;
  return {
    streamUri: newest(MASTER_PLAYLIST),
    spritesUri: newest(SPRITES),
    captionsUri: transcript?.uri ?? null,
    transcriptLanguage: transcript?.language ?? null,
  };
}

/** The qualities of the newest transcode as its tasks count them; none once retention has taken its run. */
async function progressOf(db: ReadHandle, videoId: string) {
  const newest = db
    .select({ id: tasks.id })
    .from(tasks)
    .innerJoin(qualityProgress, eq(qualityProgress.taskId, tasks.id))
    .where(eq(tasks.videoId, videoId))
    .orderBy(desc(tasks.createdAt), desc(tasks.id))
    .limit(1);
  return await db
    .select({
      quality: qualityProgress.quality,
      status: qualityProgress.status,
      progressPercent: qualityProgress.progressPercent,
      segmentsCompleted: qualityProgress.segmentsCompleted,
      segmentsTotal: qualityProgress.segmentsTotal,
    })
    .from(qualityProgress)
    .where(inArray(qualityProgress.taskId, newest));
}

/** The qualities that are stored and can be played. */
async function storedQualities(db: ReadHandle, videoId: string) {
  return await db
    .select({
      quality: videoQualities.quality,
      width: videoQualities.width,
      height: videoQualities.height,
      bitrate: videoQualities.bitrate,
    })
    .from(videoQualities)
    .where(eq(videoQualities.videoId, videoId));
}

/** What the newest render or probe said of chapters, as it said it: `tracks` of an album, `chapters` of a file. */
async function chaptersOf(db: ReadHandle, videoId: string): Promise<unknown> {
  const [found] = await db
    .select({
      chapters: sql<unknown>`coalesce(${tasks.output} -> 'tracks', ${tasks.output} -> 'chapters')`.mapWith(
        // As the driver gives it: an expression has no column to parse it by.
        (json): unknown => (typeof json === 'string' ? JSON.parse(json) : json),
      ),
    })
    .from(tasks)
    .where(and(eq(tasks.videoId, videoId), inArray(tasks.stage, ['render', 'probe']), eq(tasks.status, 'completed')))
    .orderBy(desc(tasks.completedAt))
    .limit(1);
  return found?.chapters ?? null;
}

export type WatchingRecord = Awaited<ReturnType<typeof playedFiles>> & {
  progress: Awaited<ReturnType<typeof progressOf>>;
  stored: Awaited<ReturnType<typeof storedQualities>>;
  /** Unchecked JSON. */
  chapters: unknown;
};

/** Everything a player needs of one video. */
export async function watchingOf(db: ReadHandle, videoId: string): Promise<WatchingRecord> {
  const [files, progress, stored, chapters] = await Promise.all([
    playedFiles(db, videoId),
    progressOf(db, videoId),
    storedQualities(db, videoId),
    chaptersOf(db, videoId),
  ]);
  return { ...files, progress, stored, chapters };
}
