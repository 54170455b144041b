/** Every artifact, page by page, for whoever compares the store with the database. */
import { asc, count, gt } from 'drizzle-orm';
import { artifacts } from '../schema/engine.ts';
import type { ReadHandle } from './client.ts';

export async function countArtifacts(db: ReadHandle): Promise<number> {
  const [row] = await db.select({ n: count() }).from(artifacts);
  return row?.n ?? 0;
}

/** The next `limit` artifacts after the id `after`. */
export async function artifactsAfter(db: ReadHandle, after: string | null, limit: number) {
  return await db
    .select({ id: artifacts.id, uri: artifacts.uri, sha256: artifacts.sha256, sizeBytes: artifacts.sizeBytes })
    .from(artifacts)
    .where(after === null ? undefined : gt(artifacts.id, after))
    .orderBy(asc(artifacts.id))
    .limit(limit);
}
