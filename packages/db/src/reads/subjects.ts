/**
 * Videos that something is ordered of: where their source is stored and their transcript, as the refs that a run is given,
 * and which of their moments have a clip.
 */
import { and, asc, eq, inArray, isNull, or } from 'drizzle-orm';
import { alias } from 'drizzle-orm/pg-core';
import { thumbnails, videos } from '../schema/catalog.ts';
import { artifacts } from '../schema/engine.ts';
import { clips, moments, transcripts } from '../schema/moments.ts';
import type { ReadHandle } from './client.ts';
import { uuidsOf } from './directory.ts';

const source = alias(artifacts, 'source');
const transcript = alias(artifacts, 'transcript');
const captions = alias(artifacts, 'captions');
const file = alias(artifacts, 'file');

const refColumns = (of: typeof source | typeof transcript | typeof captions | typeof file) => ({
  id: of.id,
  kind: of.kind,
  uri: of.uri,
  sha256: of.sha256,
  sizeBytes: of.sizeBytes,
  contentType: of.contentType,
});

/** Videos by id or identifier that are not deleted. */
export async function subjectsLike(db: ReadHandle, refs: readonly string[]) {
  if (refs.length === 0) return [];
  const ids = uuidsOf(refs);
  return await db
    .select({
      id: videos.id,
      identifier: videos.identifier,
      title: videos.title,
      status: videos.status,
      durationSeconds: videos.durationSeconds,
      source: refColumns(source),
      transcript: refColumns(transcript),
      captions: refColumns(captions),
    })
    .from(videos)
    .leftJoin(source, and(eq(source.uri, videos.videoUrl), eq(source.videoId, videos.id), isNull(source.segments)))
    .leftJoin(transcripts, eq(transcripts.videoId, videos.id))
    .leftJoin(transcript, eq(transcript.id, transcripts.id))
    .leftJoin(captions, and(eq(captions.uri, transcripts.vttPath), eq(captions.videoId, videos.id)))
    .where(
      and(
        isNull(videos.deletedAt),
        or(inArray(videos.identifier, [...refs]), ids.length > 0 ? inArray(videos.id, ids) : undefined),
      ),
    );
}
export type SubjectRecord = Awaited<ReturnType<typeof subjectsLike>>[number];

/** The moments of these videos, by the time they begin; with their clip, its file and whether it has a picture. */
export async function momentsToCut(db: ReadHandle, videoIds: readonly string[]) {
  if (videoIds.length === 0) return [];
  return await db
    .select({
      id: moments.id,
      videoId: moments.videoId,
      identifier: moments.identifier,
      title: moments.title,
      start: moments.startTime,
      end: moments.endTime,
      isRefined: moments.isRefined,
      clip: {
        uri: clips.uri,
        start: clips.startTime,
        end: clips.endTime,
        paddingLeft: clips.paddingLeft,
        paddingRight: clips.paddingRight,
        videoCodec: clips.videoCodec,
        audioCodec: clips.audioCodec,
        resolution: clips.resolution,
      },
      file: refColumns(file),
      pictureUri: thumbnails.uri,
    })
    .from(moments)
    .leftJoin(clips, eq(clips.momentId, moments.id))
    .leftJoin(file, eq(file.id, clips.id))
    .leftJoin(thumbnails, eq(thumbnails.clipId, clips.id))
    .where(inArray(moments.videoId, [...videoIds]))
    .orderBy(asc(moments.startTime), asc(moments.id));
}
export type MomentToCutRecord = Awaited<ReturnType<typeof momentsToCut>>[number];
