/** What an order of a video may mean that is there already: the video of a source, an identifier, a category, tags. */
import { desc, eq, inArray, or, sql } from 'drizzle-orm';
import { categories, tags, videos } from '../schema/catalog.ts';
import { pipelineRuns } from '../schema/engine.ts';
import type { ReadHandle } from './client.ts';
import { uuidsOf } from './directory.ts';

const sourceColumns = {
  id: videos.id,
  identifier: videos.identifier,
  status: videos.status,
  sourceUrl: videos.sourceUrl,
  sourceSha256: videos.sourceSha256,
  deletedAt: videos.deletedAt,
  /** The last run that brought its source in; null once retention has taken it. (Inside, a bare `id` would be the run's.) */
  runId: sql<string | null>`(
    select r.id from ${pipelineRuns} r where r.video_id = "videos"."id" and r.template = 'ingest' order by r.id desc limit 1)`,
};

/** Videos made of one of these sources, deleted ones included. */
export async function videosOfSources(
  db: ReadHandle,
  sources: { urls: readonly string[]; sha256s: readonly string[] },
) {
  const { urls, sha256s } = sources;
  if (urls.length + sha256s.length === 0) return [];
  return await db
    .select(sourceColumns)
    .from(videos)
    .where(
      or(
        urls.length > 0 ? inArray(videos.sourceUrl, [...urls]) : undefined,
        sha256s.length > 0 ? inArray(videos.sourceSha256, [...sha256s]) : undefined,
      ),
    )
    .orderBy(desc(videos.id));
}
export type SourceRecord = Awaited<ReturnType<typeof videosOfSources>>[number];

/** Those of these identifiers that a video has, deleted ones included: they keep theirs. */
export async function identifiersTaken(db: ReadHandle, identifiers: readonly string[]): Promise<string[]> {
  if (identifiers.length === 0) return [];
  const rows = await db
    .select({ identifier: videos.identifier })
    .from(videos)
    .where(inArray(videos.identifier, [...identifiers]));
  return rows.map((row) => row.identifier);
}

const categoryColumns = { id: categories.id, name: categories.name, slug: categories.slug };

/** Categories whose id, slug or name is one of `refs`, upper and lower case of a name alike. */
export async function categoriesNamed(db: ReadHandle, refs: readonly string[]) {
  if (refs.length === 0) return [];
  const ids = uuidsOf(refs);
  return await db
    .select(categoryColumns)
    .from(categories)
    .where(
      or(
        inArray(categories.slug, [...refs]),
        inArray(
          sql`lower(${categories.name})`,
          refs.map((ref) => sql`lower(${ref})`),
        ),
        ids.length > 0 ? inArray(categories.id, ids) : undefined,
      ),
    );
}
export type CategoryName = Awaited<ReturnType<typeof categoriesNamed>>[number];

/** Up to a hundred slugs of categories, for whoever misspelt one. */
export async function categorySlugs(db: ReadHandle): Promise<string[]> {
  const rows = await db.select({ slug: categories.slug }).from(categories).orderBy(categories.slug).limit(100);
  return rows.map((row) => row.slug);
}

/** Tags by their slugs or names. */
export async function tagsNamed(db: ReadHandle, wanted: { slugs: readonly string[]; names: readonly string[] }) {
  if (wanted.slugs.length + wanted.names.length === 0) return [];
  return await db
    .select({ id: tags.id, name: tags.name, slug: tags.slug })
    .from(tags)
    .where(or(inArray(tags.slug, [...wanted.slugs]), inArray(tags.name, [...wanted.names])));
}

/** The video that a run works on: its identifier, for whoever asked by the run's key. */
export async function videosOfRuns(db: ReadHandle, runIds: readonly string[]): Promise<Map<string, string>> {
  if (runIds.length === 0) return new Map();
  const rows = await db
    .select({ runId: pipelineRuns.id, identifier: videos.identifier })
    .from(pipelineRuns)
    .innerJoin(videos, eq(videos.id, pipelineRuns.videoId))
    .where(inArray(pipelineRuns.id, [...runIds]));
  return new Map(rows.map((row) => [row.runId, row.identifier]));
}
