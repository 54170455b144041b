/** Every artifact, page by page, for whoever compares the store with the database. */
import { asc, count, eq, gt, sql } from 'drizzle-orm';
import { videos } from '../schema/catalog.ts';
import { artifacts } from '../schema/engine.ts';
import type { ReadHandle } from './client.ts';

export async function countArtifacts(db: ReadHandle): Promise<number> {
  const [row] = await db.select({ n: count() }).from(artifacts);
  return row?.n ?? 0;
}

/** The next `limit` artifacts after the id `after`. */
export async function artifactsAfter(db: ReadHandle, after: string | null, limit: number) {
  return await db
    .select({
      id: artifacts.id,
      uri: artifacts.uri,
      sha256: artifacts.sha256,
      sizeBytes: artifacts.sizeBytes,
      /** The files of a set; `uri` is then their folder. */
      segments: artifacts.segments,
      videoId: artifacts.videoId,
      /** Its files may be on their way to or from the archive. */
      videoIsDeleted: sql<boolean>`${videos.deletedAt} is not null`,
    })
    .from(artifacts)
    .leftJoin(videos, eq(videos.id, artifacts.videoId))
    .where(after === null ? undefined : gt(artifacts.id, after))
    .orderBy(asc(artifacts.id))
    .limit(limit);
}
