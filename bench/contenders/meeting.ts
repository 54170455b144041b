/**
 * Brings contenders together on one machine: who can take part here, and a place of his own for each, empty and alike.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import type { World } from '../support/world.ts';
import type { Place } from './contender.ts';
import { type Entry, own } from './list.ts';

/** Why a contender cannot take part here, or null. */
export function absence(entry: Entry, world: World): string | null {
  if (entry.store === 'redis' && world.redis === null) return world.redisMissing;
  if (entry.peer === undefined) return null;
  const installed = existsSync(fileURLToPath(new URL(`../node_modules/${entry.peer}/package.json`, import.meta.url)));
  return installed ? null : `${entry.peer} is not installed: run "npm ci" in bench/, or "npm run bench"`;
}

/** Those who take part, and a note for each who cannot. `only` names ids. */
export function gather(entries: readonly Entry[], world: World, only?: readonly string[]) {
  const wanted = entries.filter(({ id }) => only === undefined || only.includes(id));
  const absent = wanted.map((entry) => ({ entry, why: absence(entry, world) })).filter(({ why }) => why !== null);
  return {
    present: wanted.filter((entry) => absence(entry, world) === null),
    notes: absent.map(({ entry, why }) => `${entry.title} did not take part: ${why}`),
  };
}

/** A fresh database and, where it is used, an emptied Redis, for as long as `use` takes. */
export async function withPlace<T>(
  entry: Entry,
  world: World,
  concurrency: number,
  use: (place: Place) => Promise<T>,
): Promise<T> {
  const database = await world.database(own(entry) ? 'reelfleet' : 'empty');
  const redisUrl = entry.store === 'redis' ? (world.redis?.url ?? null) : null;
  if (redisUrl !== null) {
    const redis = new Redis(redisUrl);
    await redis.flushall();
    redis.disconnect();
  }
  const place: Place = { databaseUrl: database.url, redisUrl, concurrency, variant: entry.variant };
  try {
    return await use(place);
  } finally {
    await database.drop();
  }
}
