/** What is said in a video, the moments found in it, and the clips cut from them. */
import { and, asc, eq, sql } from 'drizzle-orm';
import { alias } from 'drizzle-orm/pg-core';
import { thumbnails } from '../schema/catalog.ts';
import { clips, moments, transcripts } from '../schema/moments.ts';
import type { ReadHandle } from './client.ts';

interface Said {
  start: number;
  end: number;
}

const json = <T>(value: unknown): T => (typeof value === 'string' ? JSON.parse(value) : value) as T;

/** The transcript of a video with its segments, and its words only when they are wanted (they are ten times as much). */
export async function transcriptOf(db: ReadHandle, videoId: string, { words = false }: { words?: boolean } = {}) {
  const [found] = await db
    .select({
      id: transcripts.id,
      language: transcripts.language,
      fullText: transcripts.fullText,
      segments: transcripts.segmentTimestamps,
      words: words ? sql<unknown>`${transcripts.wordTimestamps}::text` : sql<unknown>`null`,
      numberOfWords: transcripts.numberOfWords,
      numberOfSegments: transcripts.numberOfSegments,
      service: transcripts.transcriptionService,
      processingSeconds: transcripts.processingTimeSeconds,
      captionsUri: transcripts.vttPath,
      createdAt: transcripts.createdAt,
    })
    .from(transcripts)
    .where(eq(transcripts.videoId, videoId));
  if (!found) return null;
  return {
    ...found,
    segments: json<(Said & { text: string })[]>(found.segments),
    words: found.words === null ? null : json<(Said & { word: string })[]>(found.words),
  };
}
export type TranscriptRecord = NonNullable<Awaited<ReturnType<typeof transcriptOf>>>;

/** Moments of a video by the time they begin, an original before what was refined of it; each with its clip and its picture. */
export async function momentsOf(db: ReadHandle, videoId: string) {
  const parents = alias(moments, 'parents');
  return await db
    .select({
      id: moments.id,
      identifier: moments.identifier,
      start: moments.startTime,
      end: moments.endTime,
      title: moments.title,
      isRefined: moments.isRefined,
      parentId: moments.parentId,
      parent: parents.identifier,
      generationModel: moments.generationModel,
      generationConfigId: moments.generationConfigId,
      score: moments.score,
      scoringModel: moments.scoringModel,
      scoredAt: moments.scoredAt,
      createdAt: moments.createdAt,
      clip: {
        id: clips.id,
        uri: clips.uri,
        start: clips.startTime,
        end: clips.endTime,
        paddingLeft: clips.paddingLeft,
        paddingRight: clips.paddingRight,
        sizeBytes: clips.sizeBytes,
        format: clips.format,
        videoCodec: clips.videoCodec,
        audioCodec: clips.audioCodec,
        resolution: clips.resolution,
        createdAt: clips.createdAt,
      },
      thumbnailUri: thumbnails.uri,
    })
    .from(moments)
    .leftJoin(parents, eq(parents.id, moments.parentId))
    .leftJoin(clips, eq(clips.momentId, moments.id))
    .leftJoin(thumbnails, and(eq(thumbnails.clipId, clips.id)))
    .where(eq(moments.videoId, videoId))
    .orderBy(asc(moments.startTime), asc(moments.isRefined), asc(moments.id));
}
export type MomentRecord = Awaited<ReturnType<typeof momentsOf>>[number];
