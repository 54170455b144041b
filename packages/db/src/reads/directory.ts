/**
 * Channels, personas and videos by what people call them, and the small edits of the first two: one statement each.
 */
import { and, asc, count, desc, eq, inArray, isNull, or, sql } from 'drizzle-orm';
import { channels, personas, videos } from '../schema/catalog.ts';
import { videoJobs } from '../schema/studio.ts';
import type { ReadHandle } from './client.ts';

const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;
/** Those of them that could be ids. */
export const uuidsOf = (refs: readonly string[]): string[] => refs.filter((ref) => UUID.test(ref));

const channelColumns = {
  id: channels.id,
  name: channels.name,
  brandNiche: channels.brandNiche,
  isActive: channels.isActive,
  createdAt: channels.createdAt,
};
export type ChannelRecord = { id: string; name: string; brandNiche: string; isActive: boolean; createdAt: Date };

/** Every channel with its jobs counted, newest first. */
export async function listChannels(db: ReadHandle) {
  return await db
    .select({
      ...channelColumns,
      totalJobs: count(videoJobs.id),
      completedJobs: sql<number>`count(${videoJobs.id}) filter (where ${videoJobs.status} = 'completed')`.mapWith(
        Number,
      ),
    })
    .from(channels)
    .leftJoin(videoJobs, eq(videoJobs.channelId, channels.id))
    .groupBy(channels.id)
    .orderBy(desc(channels.createdAt), desc(channels.id));
}

/** Channels whose id is one of `refs`, or whose name is, upper and lower case alike. */
export async function channelsLike(db: ReadHandle, refs: readonly string[]): Promise<ChannelRecord[]> {
  if (refs.length === 0) return [];
  const ids = uuidsOf(refs);
  return await db
    .select(channelColumns)
    .from(channels)
    .where(
      or(
        inArray(
          sql`lower(${channels.name})`,
          refs.map((ref) => sql`lower(${ref})`),
        ),
        ids.length > 0 ? inArray(channels.id, ids) : undefined,
      ),
    );
}

export async function insertChannel(
  db: ReadHandle,
  row: { id: string; name: string; brandNiche: string },
): Promise<void> {
  await db.insert(channels).values(row);
}

export async function updateChannel(
  db: ReadHandle,
  id: string,
  change: { name?: string; brandNiche?: string; isActive?: boolean },
): Promise<boolean> {
  return (await db.update(channels).set(change).where(eq(channels.id, id)).returning({ id: channels.id })).length > 0;
}

const personaColumns = { id: personas.id, name: personas.name, isActive: personas.isActive };
export type PersonaRecord = { id: string; name: string; isActive: boolean };

export async function listPersonas(db: ReadHandle): Promise<PersonaRecord[]> {
  return await db.select(personaColumns).from(personas).orderBy(asc(personas.name), asc(personas.id));
}

export async function personasLike(db: ReadHandle, refs: readonly string[]): Promise<PersonaRecord[]> {
  if (refs.length === 0) return [];
  const ids = uuidsOf(refs);
  return await db
    .select(personaColumns)
    .from(personas)
    .where(
      or(
        inArray(
          sql`lower(${personas.name})`,
          refs.map((ref) => sql`lower(${ref})`),
        ),
        ids.length > 0 ? inArray(personas.id, ids) : undefined,
      ),
    );
}

export async function insertPersona(db: ReadHandle, row: { id: string; name: string }): Promise<void> {
  await db.insert(personas).values(row);
}

export async function updatePersona(
  db: ReadHandle,
  id: string,
  change: { name?: string; isActive?: boolean },
): Promise<boolean> {
  return (await db.update(personas).set(change).where(eq(personas.id, id)).returning({ id: personas.id })).length > 0;
}

/** Videos by id or identifier that are not deleted. */
export async function videosLike(db: ReadHandle, refs: readonly string[]) {
  if (refs.length === 0) return [];
  const ids = uuidsOf(refs);
  return await db
    .select({ id: videos.id, identifier: videos.identifier, title: videos.title })
    .from(videos)
    .where(
      and(
        isNull(videos.deletedAt),
        or(inArray(videos.identifier, [...refs]), ids.length > 0 ? inArray(videos.id, ids) : undefined),
      ),
    );
}
