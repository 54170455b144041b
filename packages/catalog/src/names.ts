/**
 * What the references in orders mean: channels, personas, videos, categories, tags and sources by the rows there are. Looked
 * up in bulk before anything is written, and again when another operator was quicker with one of them. What an order may
 * make itself (a channel, a tag) gets the id it will have.
 */
import { UserError } from '@reelfleet/core';
import {
  type ChannelRecord,
  categoriesNamed,
  categorySlugs,
  channelsLike,
  identifiersTaken,
  type PersonaRecord,
  personasLike,
  type ReadHandle,
  type SourceRecord,
  tagsNamed,
  videosLike,
  videosOfSources,
} from '@reelfleet/db';
import { v7 } from 'uuid';
import { type IngestPart, sourceKey } from './order-ingest.ts';
import { within, wrong } from './order-words.ts';
import type { CheckedOrder } from './orders.ts';
import { identifierOf, pickCategory, pickChannel, pickPersona } from './references.ts';
import { findSubjects, type Subject } from './subjects.ts';

/** What the orders' references mean, by how they were written. */
export interface Names {
  channels: Map<string, Pick<ChannelRecord, 'id' | 'name' | 'brandNiche'>>;
  personas: Map<string, PersonaRecord>;
  videos: Map<string, { id: string; identifier: string }>;
  categories: Map<string, string>;
  /** By slug. */
  tags: Map<string, { id: string; name: string; slug: string }>;
  /** By source: the video that is made of it, if there is one. */
  sources: Map<string, SourceRecord>;
  /** Identifiers that videos have, */
  taken: Set<string>;
  /** and those that orders of this call are to have. */
  claimed: Map<string, IngestPart>;
  /** Videos that are here and that moments, clips or everything is ordered of. */
  subjects: Map<string, Subject>;
}

const LOOKUP = 1_000;

export async function resolve(reads: ReadHandle, orders: readonly CheckedOrder[]): Promise<Names> {
  const names: Names = {
    channels: new Map(),
    personas: new Map(),
    videos: new Map(),
    categories: new Map(),
    tags: new Map(),
    sources: new Map(),
    taken: new Set(),
    claimed: new Map(),
    subjects: new Map(),
  };
  await resolveAlbums(reads, orders, names);
  await resolveVideos(reads, orders, names);
  const ingests = orders.map(sourceOf).filter((source) => source !== null);
  if (ingests.length > 0) await resolveIngests(reads, ingests, names);
  await resolveSubjects(reads, orders, names);
  return names;
}

/** Later orders name the same things: what `fresh` found wins over what was to be made. */
export function learn(names: Names, fresh: Names): void {
  for (const [ref, channel] of fresh.channels) names.channels.set(ref, channel);
  for (const [ref, persona] of fresh.personas) names.personas.set(ref, persona);
  for (const [ref, video] of fresh.videos) names.videos.set(ref, video);
  for (const [ref, category] of fresh.categories) names.categories.set(ref, category);
  for (const [slug, tag] of fresh.tags) names.tags.set(slug, tag);
  for (const [key, video] of fresh.sources) names.sources.set(key, video);
  for (const identifier of fresh.taken) names.taken.add(identifier);
  for (const [ref, subject] of fresh.subjects) names.subjects.set(ref, subject);
}

/** The source that an order brings in; null for one that brings none. */
export function sourceOf(order: CheckedOrder): IngestPart | null {
  if (order.kind === 'ingest') return order;
  return order.kind === 'full' && 'source' in order.of ? order.of : null;
}

async function resolveAlbums(reads: ReadHandle, orders: readonly CheckedOrder[], names: Names): Promise<void> {
  const albums = orders.filter((order) => order.kind === 'album');
  const channelRows = await inParts(distinct(albums.map((order) => order.channel)), (refs) =>
    channelsLike(reads, refs),
  );
  const personaRows = await inParts(distinct(albums.map((order) => order.persona)), (refs) =>
    personasLike(reads, refs),
  );
  const coined = new Map<string, string>();
  for (const order of albums) {
    within(order.where, () => {
      if (order.persona !== undefined) names.personas.set(order.persona, pickPersona(order.persona, personaRows));
      if (names.channels.has(order.channel)) return;
      const channel = pickChannel(order.channel, channelRows);
      if (channel) {
        names.channels.set(order.channel, channel);
        return;
      }
      const twin = coined.get(order.channel.toLowerCase());
      if (twin)
        throw wrong(
          `"${order.channel}" and "${twin}" differ in upper and lower case only: write the new channel's name one way`,
        );
      if (order.niche === undefined)
        throw wrong(
          `there is no channel "${order.channel}" yet, and making it needs to know its niche: give one (--niche)`,
        );
      coined.set(order.channel.toLowerCase(), order.channel);
      names.channels.set(order.channel, { id: v7(), name: order.channel, brandNiche: order.niche });
    });
  }
}

async function resolveVideos(reads: ReadHandle, orders: readonly CheckedOrder[], names: Names): Promise<void> {
  const videoRefs = distinct(orders.map((order) => (order.kind === 'stage' ? order.video : undefined)));
  const videoRows = await inParts(videoRefs, (refs) => videosLike(reads, refs));
  for (const order of orders) {
    if (order.kind !== 'stage' || order.video === undefined) continue;
    const ref = order.video;
    const video =
      videoRows.find((row) => row.id === ref.toLowerCase()) ?? videoRows.find((row) => row.identifier === ref);
    if (!video)
      throw new UserError(`${order.where}there is no video "${ref}": give its id or identifier`, { kind: 'missing' });
    names.videos.set(ref, video);
  }
}

/** After the sources: one that is a video already is what `full` is about. */
async function resolveSubjects(reads: ReadHandle, orders: readonly CheckedOrder[], names: Names): Promise<void> {
  const asked = orders.flatMap((order) => {
    const { where } = order;
    if (order.kind === 'moments') return [{ ref: order.video, where, withMoments: false }];
    if (order.kind === 'clips') return [{ ref: order.video, where, withMoments: true }];
    if (order.kind !== 'full') return [];
    if ('video' in order.of) return [{ ref: order.of.video, where, withMoments: false }];
    const there = thereAlready(order.of, names);
    return there === null ? [] : [{ ref: there.identifier, where, withMoments: false }];
  });
  for (const [ref, subject] of await inParts(asked, (part) => findSubjects(reads, part).then((map) => [...map])))
    names.subjects.set(ref, subject);
}

async function resolveIngests(reads: ReadHandle, orders: readonly IngestPart[], names: Names): Promise<void> {
  const urls = orders.flatMap(({ source }) => (source.kind === 'url' ? [source.sourceUrl] : []));
  const sha256s = orders.flatMap(({ source }) => (source.kind === 'upload' ? [source.upload.sha256] : []));
  const rows = [
    ...(await inParts(distinct(urls), (part) => videosOfSources(reads, { urls: part, sha256s: [] }))),
    ...(await inParts(distinct(sha256s), (part) => videosOfSources(reads, { urls: [], sha256s: part }))),
  ];
  // Of a source that was deleted and brought in again, the video that is there counts.
  for (const row of rows.sort((a, b) => Number(a.deletedAt === null) - Number(b.deletedAt === null))) {
    if (row.sourceUrl !== null) names.sources.set(`url ${row.sourceUrl}`, row);
    if (row.sourceSha256 !== null) names.sources.set(`sha256 ${row.sourceSha256}`, row);
  }

  const wanted = orders.map((order) => order.identifier ?? identifierOf(order.title));
  for (const identifier of await inParts(distinct(wanted), (part) => identifiersTaken(reads, part)))
    names.taken.add(identifier);

  const categoryRefs = distinct(orders.map((order) => order.category));
  const categoryRows = await inParts(categoryRefs, (part) => categoriesNamed(reads, part));
  const missing = categoryRefs.some((ref) => pickCategory(ref, categoryRows) === null);
  const slugs = missing ? await categorySlugs(reads) : [];
  for (const order of orders) {
    if (order.category === undefined) continue;
    const ref = order.category;
    const found = within(order.where, () => pickCategory(ref, categoryRows, slugs));
    if (found) names.categories.set(ref, found.id);
  }

  const tags = new Map(orders.flatMap((order) => order.tags.map((tag) => [tag.slug, tag] as const)));
  const parts = await inParts([...tags.values()], (part) =>
    tagsNamed(reads, { slugs: part.map(({ slug }) => slug), names: part.map(({ name }) => name) }),
  );
  for (const { slug, name } of tags.values())
    names.tags.set(
      slug,
      parts.find((row) => row.slug === slug) ?? parts.find((row) => row.name === name) ?? { id: v7(), name, slug },
    );
}

/**
 * The video that an order's source is already, or null. Throws UserError when it was deleted: to bring it in a second time
 * would keep everything twice, and its own history apart.
 */
export function thereAlready(order: IngestPart, names: Names): SourceRecord | null {
  const video = names.sources.get(sourceKey(order.source));
  if (!video) return null;
  if (video.deletedAt === null) return video;
  throw new UserError(
    `${order.where}this source is video "${video.identifier}", which was deleted: bring it back (reelfleet videos restore ${video.identifier}), or purge it first`,
    { kind: 'conflict' },
  );
}

export const distinct = (refs: readonly (string | undefined)[]): string[] =>
  [...new Set(refs)].filter((ref) => ref !== undefined);

/** Look things up so many at a time that a statement stays small. */
export async function inParts<R, T>(refs: readonly R[], look: (part: readonly R[]) => Promise<T[]>): Promise<T[]> {
  const found: T[] = [];
  for (let start = 0; start < refs.length; start += LOOKUP)
    found.push(...(await look(refs.slice(start, start + LOOKUP))));
  return found;
}
