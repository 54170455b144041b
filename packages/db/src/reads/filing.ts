/** What videos are filed under: categories and tags with how many videos each has, and their small edits, one statement each. */
import { and, asc, count, eq, isNull, sql } from 'drizzle-orm';
import { categories, tags, videos, videoTags } from '../schema/catalog.ts';
import type { ReadHandle } from './client.ts';

/** Every category, by name; videos that are deleted are not counted. */
export async function listCategories(db: ReadHandle) {
  return await db
    .select({
      id: categories.id,
      name: categories.name,
      slug: categories.slug,
      description: categories.description,
      createdAt: categories.createdAt,
      videos: count(videos.id),
    })
    .from(categories)
    .leftJoin(videos, and(eq(videos.categoryId, categories.id), isNull(videos.deletedAt)))
    .groupBy(categories.id)
    .orderBy(asc(sql`lower(${categories.name})`), asc(categories.id));
}
export type CategoryRecord = Awaited<ReturnType<typeof listCategories>>[number];

type CategoryWords = { name: string; slug: string; description: string };

export async function insertCategory(db: ReadHandle, row: { id: string } & CategoryWords): Promise<void> {
  await db.insert(categories).values(row);
}

export async function updateCategory(db: ReadHandle, id: string, change: Partial<CategoryWords>): Promise<void> {
  await db.update(categories).set(change).where(eq(categories.id, id));
}

/** Its videos are then in none (the foreign key says so, and their audit trail). */
export async function deleteCategory(db: ReadHandle, id: string): Promise<boolean> {
  return (await db.delete(categories).where(eq(categories.id, id)).returning({ id: categories.id })).length > 0;
}

/** Every tag, by name; videos that are deleted are not counted. */
export async function listTags(db: ReadHandle) {
  return await db
    .select({
      id: tags.id,
      name: tags.name,
      slug: tags.slug,
      createdAt: tags.createdAt,
      videos: count(videos.id),
    })
    .from(tags)
    .leftJoin(videoTags, eq(videoTags.tagId, tags.id))
    .leftJoin(videos, and(eq(videos.id, videoTags.videoId), isNull(videos.deletedAt)))
    .groupBy(tags.id)
    .orderBy(asc(sql`lower(${tags.name})`), asc(tags.id));
}
export type TagRecord = Awaited<ReturnType<typeof listTags>>[number];

/** Off all videos, too. */
export async function deleteTag(db: ReadHandle, id: string): Promise<boolean> {
  return (await db.delete(tags).where(eq(tags.id, id)).returning({ id: tags.id })).length > 0;
}
