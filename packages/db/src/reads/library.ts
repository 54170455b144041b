/**
 * What is kept: artifacts by what names them, and videos, newest first. What belongs to a deleted video is not there for
 * anybody, unless deleted ones are asked for.
 */
import { and, desc, eq, inArray, isNotNull, isNull, lt, or, type SQL, sql } from 'drizzle-orm';
import { categories, channels, tags, videoStatuses, videos, videoTags } from '../schema/catalog.ts';
import { artifacts, tasks } from '../schema/engine.ts';
import type { ReadHandle } from './client.ts';
import { uuidsOf } from './directory.ts';

export { videoStatuses };

async function readArtifact(db: ReadHandle, where: SQL | undefined) {
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
    .where(and(where, isNull(videos.deletedAt)))
    .orderBy(desc(artifacts.createdAt))
    .limit(1);
  return artifact ?? null;
}
export type ArtifactRecord = NonNullable<Awaited<ReturnType<typeof readArtifact>>>;

export const artifactById = (db: ReadHandle, id: string): Promise<ArtifactRecord | null> =>
  readArtifact(db, eq(artifacts.id, id));

/**
 * The newest row that names a stored object, or null: what no row names does not exist for anybody. A file of a set is found
 * through its folder; the answer is then about that file, with its own address, size and checksum.
 */
export async function artifactByUri(db: ReadHandle, uri: string): Promise<ArtifactRecord | null> {
  const alone = await readArtifact(db, and(eq(artifacts.uri, uri), isNull(artifacts.segments)));
  if (alone) return alone;
  const slash = uri.lastIndexOf('/');
  const name = decodeURIComponent(uri.slice(slash + 1));
  const named = JSON.stringify([{ name }]);
  const set = await readArtifact(
    db,
    and(eq(artifacts.uri, uri.slice(0, slash)), sql`${artifacts.segments} @> ${named}::jsonb`),
  );
  if (!set) return null;
  const [found] = await db
    .select({
      member: sql<{ sha256: string; sizeBytes: number }>`(
        select m from jsonb_array_elements(${artifacts.segments}) m where m->>'name' = ${name} limit 1)`.mapWith(
        (json) => (typeof json === 'string' ? JSON.parse(json) : json),
      ),
    })
    .from(artifacts)
    .where(eq(artifacts.id, set.id));
  return found ? { ...set, uri, sha256: found.member.sha256, sizeBytes: BigInt(found.member.sizeBytes) } : null;
}

const LOOKUP = 1_000;

/** Those of these URIs that an artifact row names, of no deleted video. */
export async function namedUris(db: ReadHandle, uris: readonly string[]): Promise<string[]> {
  const named: string[] = [];
  for (let start = 0; start < uris.length; start += LOOKUP) {
    const part = uris.slice(start, start + LOOKUP);
    const rows = await db
      .selectDistinct({ uri: artifacts.uri })
      .from(artifacts)
      .leftJoin(videos, eq(videos.id, artifacts.videoId))
      .where(and(inArray(artifacts.uri, part), isNull(videos.deletedAt)));
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
  categorySlug: categories.slug,
  /** Slugs, in their order. */
  tags: sql<string[]>`(
    select coalesce(json_agg(t.slug order by t.slug), '[]') from ${videoTags} x join ${tags} t on t.id = x.tag_id
    where x.video_id = ${videos.id})`.mapWith((json) => (typeof json === 'string' ? JSON.parse(json) : json)),
  stateVersion: videos.stateVersion,
  createdAt: videos.createdAt,
  updatedAt: videos.updatedAt,
  deletedAt: videos.deletedAt,
};

async function readVideos(db: ReadHandle, where: SQL | undefined, limit: number, deleted: boolean) {
  return await db
    .select(videoColumns)
    .from(videos)
    .leftJoin(channels, eq(channels.id, videos.channelId))
    .leftJoin(categories, eq(categories.id, videos.categoryId))
    .where(and(deleted ? isNotNull(videos.deletedAt) : isNull(videos.deletedAt), where))
    .orderBy(desc(videos.id))
    .limit(limit);
}
export type VideoRecord = Awaited<ReturnType<typeof readVideos>>[number];

/** What a list of videos is narrowed to; `before` is the id of the last one already seen. */
export interface VideoFilter {
  limit: number;
  before?: string | undefined;
  categoryId?: string | undefined;
  tagId?: string | undefined;
  status?: VideoRecord['status'] | undefined;
  /** Those that are deleted instead of those that are not. */
  deleted?: boolean | undefined;
}

/** Videos, newest first. */
export function listVideos(db: ReadHandle, filter: VideoFilter): Promise<VideoRecord[]> {
  const { limit, before, categoryId, tagId, status, deleted = false } = filter;
  const tagged = tagId && db.select({ id: videoTags.videoId }).from(videoTags).where(eq(videoTags.tagId, tagId));
  const where = and(
    before === undefined ? undefined : lt(videos.id, before),
    categoryId === undefined ? undefined : eq(videos.categoryId, categoryId),
    tagged ? inArray(videos.id, tagged) : undefined,
    status === undefined ? undefined : eq(videos.status, status),
  );
  return readVideos(db, where, limit, deleted);
}

/** A video by its id or, where no id matches, by its identifier. */
export async function videoByRef(
  db: ReadHandle,
  ref: string,
  { deleted = false }: { deleted?: boolean } = {},
): Promise<VideoRecord | null> {
  const found = await readVideos(
    db,
    or(...uuidsOf([ref]).map((id) => eq(videos.id, id)), eq(videos.identifier, ref)),
    2,
    deleted,
  );
  return found.find((video) => video.id === ref.toLowerCase()) ?? found[0] ?? null;
}
