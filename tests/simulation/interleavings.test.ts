/**
 * Thousands of lives of one task among two or three workers, generated, and the same life in the model and in Postgres.
 * SIMULATION_SCHEDULES says how many (2,000); SIMULATION_SEED and SIMULATION_PATH repeat what a failure printed.
 */
import { fileURLToPath } from 'node:url';
import { brokenInvariants } from '@reelfleet/testkit';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { schedules } from './commands.ts';
import { type Lane, openLane } from './lane.ts';
import { type Seen, simulate } from './simulate.ts';

const INVARIANTS = fileURLToPath(new URL('../invariants.sql', import.meta.url));
const SCHEDULES = Number(process.env.SIMULATION_SCHEDULES ?? 2_000);
const SEED = Number(process.env.SIMULATION_SEED ?? Date.now() % 2 ** 31);
const PATH = process.env.SIMULATION_PATH;
/** Schedules under way at once: while a worker of one waits to read an answer back, the others keep Postgres busy. */
const LANES = PATH === undefined ? 4 : 1;
/** On a machine that others keep busy as well. */
const LIMIT_MS = 120_000 + SCHEDULES * 400;

/** Every arrow of the machine but those of tasks that depend on others, and every way to be told no. */
const PROMISED = [
  ...['claim -> running', 'complete -> completed', 'fail -> failed', 'park -> waiting', 'park -> cancelled'],
  ...['retry -> queued', 'retry -> failed', 'retry -> cancelled', 'release -> queued', 'release -> cancelled'],
  ...['expire -> queued', 'expire -> failed', 'expire -> cancelled', 'resolve -> completed', 'resolve -> failed'],
  ...['cancel -> cancelled', 'operator_retry -> queued', 'claim stale', 'claim refused', 'beat lost', 'beat cancel'],
  ...['checkpoint false', 'settle not yours', 'resolve not yours', 'retry conflict', 'two at once', 'crash'],
  ...['read back claim claimed', 'read back claim stale', 'read back checkpoint false', 'read back settle queued'],
  ...['read back settle completed', 'read back settle not yours', 'echo claim claimed', 'echo settle not yours'],
];

let lanes: Lane[];
beforeAll(async () => {
  lanes = await Promise.all(Array.from({ length: LANES }, () => openLane()));
});
afterAll(async () => {
  await Promise.all(lanes.map((lane) => lane.close()));
});

test(`${SCHEDULES} lives of a task go in Postgres as they go in the model`, {
  timeout: LIMIT_MS + 60_000,
}, async () => {
  const seen: Seen = new Map();
  await Promise.all(
    lanes.map((lane, index) =>
      fc.assert(
        fc.asyncProperty(schedules, async (schedule) => {
          await simulate(lane, schedule, { seen });
        }),
        {
          seed: SEED + index,
          numRuns: Math.ceil(SCHEDULES / LANES),
          unbiased: true,
          // A failure that is still being made smaller is reported as it is by then.
          interruptAfterTimeLimit: LIMIT_MS,
          markInterruptAsFailure: true,
          ...(PATH === undefined ? {} : { path: PATH }),
        },
      ),
    ),
  );
  for (const lane of lanes) expect(await brokenInvariants(lane.url, INVARIANTS)).toEqual([]);
  // Fewer lives need not have met everything.
  const unseen = SCHEDULES < 1_000 || PATH !== undefined ? [] : PROMISED.filter((name) => !seen.has(name));
  expect(unseen, 'what no schedule came to').toEqual([]);
});
