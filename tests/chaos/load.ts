/**
 * The work that goes on while everything breaks: films of a few shots, and now and then a small album. It keeps a bounded
 * number of runs open, asks again when it is refused, and stops when it is told to. What the ledger accepted is the
 * judge's business.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ENDED } from './books.ts';
import { chanceOf } from './chance.ts';
import type { OpenYard } from './yard.ts';

export interface LoadOptions {
  readonly seed: number;
  /** Runs open at once. */
  readonly atOnce: number;
}

export interface Load {
  readonly accepted: number;
  /** Orders that got no answer, Postgres being away: they may have been accepted all the same. */
  readonly unanswered: number;
  stop(): Promise<void>;
}

const ALBUM_EVERY = 25;
const LOOK_EVERY_MS = 250;
/** Few different films, so that the judge has few different files to decode. */
const DIFFERENT = 6;

export function startLoad(yard: OpenYard, { seed, atOnce }: LoadOptions): Load {
  const chance = chanceOf(seed, 1);
  const stopping = new AbortController();
  let open: string[] = [];
  let accepted = 0;
  let unanswered = 0;

  async function one(): Promise<void> {
    const [template, params] =
      accepted % ALBUM_EVERY === ALBUM_EVERY - 1
        ? ['album', { seed: chance.integer(1, DIFFERENT) }]
        : ['shots', { shots: chance.integer(2, 4), seconds: 2, seed: chance.integer(1, DIFFERENT) }];
    open.push(...(await yard.enqueue(template as string, params as Record<string, unknown>)));
    accepted += 1;
  }

  const going = (async () => {
    while (!stopping.signal.aborted) {
      try {
        const found = await yard.statuses(open);
        open = open.filter((run) => !(ENDED as readonly string[]).includes(found.get(run) ?? ''));
        while (open.length < atOnce && !stopping.signal.aborted) await one();
      } catch {
        unanswered += 1;
      }
      await sleep(LOOK_EVERY_MS, undefined, { signal: stopping.signal }).catch(() => {});
    }
  })();

  return {
    get accepted() {
      return accepted;
    },
    get unanswered() {
      return unanswered;
    },
    async stop() {
      stopping.abort();
      await going;
    },
  };
}
