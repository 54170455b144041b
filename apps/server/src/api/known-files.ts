/**
 * Which file stands behind a key, remembered: a player asks for a segment every few seconds, and a hundred of them at
 * once would ask the database the same again and again. What is remembered never changes, since a key belongs to one
 * attempt and its files are written once; what is not there is not remembered.
 */
import type { ArtifactDetails, Operator } from '@reelfleet/catalog';
import { LRUCache } from 'lru-cache';

/** About half a kilobyte each: a film of two hours in five qualities has six thousand segments. */
const MOST = 20_000;
/** A deleted video is gone from here within this time, and a title that was changed is known by its new name. */
const KEEP_MS = 10_000;

const memories = new WeakMap<Operator, (key: string) => Promise<ArtifactDetails>>();

/** The artifact stored under a key: one memory for all who ask this operator. Rejects as `operator.artifacts.at` does. */
export function knownFiles(operator: Operator): (key: string) => Promise<ArtifactDetails> {
  const known = memories.get(operator);
  if (known !== undefined) return known;
  const cache = new LRUCache<string, ArtifactDetails>({
    max: MOST,
    ttl: KEEP_MS,
    // Asked for by many at once, it is looked up once.
    fetchMethod: (key) => operator.artifacts.at(key),
  });
  const find = (key: string) => cache.forceFetch(key);
  memories.set(operator, find);
  return find;
}
