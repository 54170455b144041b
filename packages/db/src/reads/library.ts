/** What is kept: artifacts by what names them, and videos that are not deleted, newest first. */
import { and, desc, eq, inArray, isNull, lt, or, type SQL } from 'drizzle-orm';
import { channels, videos } from '../schema/catalog.ts';
import { artifacts, tasks } from '../schema/engine.ts';
import type { ReadHandle } from './client.ts';
import { uuidsOf } from './directory.ts';

async function readArtifact(db: ReadHandle, where: SQL) {
  const [artifact] = await db
    .select({
      id: artifacts.id,
      kind: artifacts.kind,
      uri: artifacts.uri,
      sha256: artifacts.sha256,
      sizeBytes: artifacts.sizeBytes,
      contentType: artifacts.contentType,
      taskKey: tasks.key,
      runId: artifacts.runId,
      taskId: artifacts.taskId,
      videoId: artifacts.videoId,
      createdAt: artifacts.createdAt,
      videoTitle: videos.title,
      /** Where the file and the picture of its video are stored: whether it is one of them. */
      videoUrl: videos.videoUrl,
      thumbnailUrl: videos.thumbnailUrl,
    })
    .from(artifacts)
    .leftJoin(tasks, eq(tasks.id, artifacts.taskId))
    .leftJoin(videos, eq(videos.id, artifacts.videoId))
    .where(where)
    .orderBy(desc(artifacts.createdAt))
    .limit(1);
  return artifact ?? null;
}
export type ArtifactRecord = NonNullable<Awaited<ReturnType<typeof readArtifact>>>;

export const artifactById = (db: ReadHandle, id: string): Promise<ArtifactRecord | null> =>
  readArtifact(db, eq(artifacts.id, id));

/** The newest row that names a stored object, or null: what no row names does not exist for anybody. */
export const artifactByUri = (db: ReadHandle, uri: string): Promise<ArtifactRecord | null> =>
  readArtifact(db, eq(artifacts.uri, uri));

const LOOKUP = 1_000;

/** Those of these URIs that an artifact row names. */
export async function namedUris(db: ReadHandle, uris: readonly string[]): Promise<string[]> {
  const named: string[] = [];
  for (let start = 0; start < uris.length; start += LOOKUP) {
    const part = uris.slice(start, start + LOOKUP);
    const rows = await db.selectDistinct({ uri: artifacts.uri }).from(artifacts).where(inArray(artifacts.uri, part));
    named.push(...rows.map((row) => row.uri));
  }
  return named;
}

const videoColumns = {
  id: videos.id,
  identifier: videos.identifier,
  title: videos.title,
  description: videos.description,
  status: videos.status,
  reviewStatus: videos.reviewStatus,
  durationSeconds: videos.durationSeconds,
  fileSizeBytes: videos.fileSizeBytes,
  width: videos.sourceWidth,
  height: videos.sourceHeight,
  frameRate: videos.frameRate,
  videoCodec: videos.videoCodec,
  audioCodec: videos.audioCodec,
  videoUrl: videos.videoUrl,
  thumbnailUrl: videos.thumbnailUrl,
  channelId: videos.channelId,
  channelName: channels.name,
  createdAt: videos.createdAt,
  updatedAt: videos.updatedAt,
};

async function readVideos(db: ReadHandle, where: SQL | undefined, limit: number) {
  return await db
    .select(videoColumns)
    .from(videos)
    .leftJoin(channels, eq(channels.id, videos.channelId))
    .where(and(isNull(videos.deletedAt), where))
    .orderBy(desc(videos.id))
    .limit(limit);
}
export type VideoRecord = Awaited<ReturnType<typeof readVideos>>[number];

/** Videos, newest first; `before` is the id of the last one already seen. */
export const listVideos = (
  db: ReadHandle,
  page: { limit: number; before?: string | undefined },
): Promise<VideoRecord[]> =>
  readVideos(db, page.before === undefined ? undefined : lt(videos.id, page.before), page.limit);

/** A video by its id or, where no id matches, by its identifier. */
export async function videoByRef(db: ReadHandle, ref: string): Promise<VideoRecord | null> {
  const found = await readVideos(
    db,
    or(...uuidsOf([ref]).map((id) => eq(videos.id, id)), eq(videos.identifier, ref)),
    2,
  );
  return found.find((video) => video.id === ref.toLowerCase()) ?? found[0] ?? null;
}
