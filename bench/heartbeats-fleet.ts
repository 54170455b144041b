/**
 * A fleet that only beats: workers that said hello and hold tasks claimed for real, each beating once per interval. Used
 * by heartbeats.ts, which looks at what that costs.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { BeatItem } from '@reelfleet/core';
import { type Database, openLedger, openOperatorLedger } from '@reelfleet/db';
import { v7 } from 'uuid';

export interface Size {
  workers: number;
  intervalMs: number;
  seconds: number;
}

export const TASKS_PER_WORKER = 4;
const LEASE_MS = 30_000;
/** Later than this after it was due, a beat is late: a lease has room for two lost beats, not for a queue of them. */
export const LATE_MS = 1_000;

/** A worker as the ledger knows it, with what it holds. */
export interface Simulated {
  id: string;
  items: BeatItem[];
  seq: number;
}

/** So many workers, each with tasks of its own under a lease. */
export async function populate(db: Database, count: number): Promise<Simulated[]> {
  const ledger = openLedger(db, db);
  const operator = openOperatorLedger(db);
  const workers: Simulated[] = Array.from({ length: count }, () => ({ id: v7(), items: [], seq: 0 }));
  for (let from = 0; from < count; from += 50) {
    await Promise.all(
      workers.slice(from, from + 50).map(async (worker, at) => {
        const name = `worker-${from + at}`;
        const metadata = { pid: from + at, node: process.version, host: 'bench', offlineMs: 2 * LEASE_MS };
        await ledger.hello({ id: worker.id, name, type: 'remote', capabilities: { stages: ['noop'] }, metadata });
        const { tickets } = await operator.enqueue([runOf(TASKS_PER_WORKER)], 'bench');
        const asks = tickets.map(({ id, version }) => ({ id, version, refusal: null }));
        const answers = await ledger.claim(worker.id, LEASE_MS, asks);
        worker.items = answers.map((answer) => {
          if (answer.kind !== 'claimed') throw new Error(`a fresh task could not be claimed: ${answer.kind}`);
          return { id: answer.task.id, version: answer.task.version, progressPercent: 0, step: 'encoding' };
        });
      }),
    );
  }
  return workers;
}

function runOf(tasks: number) {
  const id = v7();
  return {
    run: {
      id,
      identifier: id,
      idempotencyKey: null,
      template: 'noop',
      videoId: null,
      channelId: null,
      generationConfigId: null,
      params: {},
      priority: 0,
      phase: 'work',
    },
    tasks: Array.from({ length: tasks }, (_, at) => ({
      id: v7(),
      key: `noop-${at}`,
      stage: 'noop',
      title: 'noop',
      phase: 'work',
      position: at,
      payload: {},
      optional: false,
      maxAttempts: 3,
      maxCrashes: 5,
    })),
    edges: [],
    before: [],
    after: [],
  };
}

export interface Beats {
  tookMs: number[];
  late: number;
  failed: number;
  lost: number;
}

/** Every worker beats once per interval, the workers evenly spread over it, until the time is over. */
export async function beat(database: Database, workers: readonly Simulated[], size: Size): Promise<Beats> {
  const ledger = openLedger(database, database);
  const beats: Beats = { tookMs: [], late: 0, failed: 0, lost: 0 };
  const began = performance.now();
  const ends = began + size.seconds * 1_000;
  await Promise.all(
    workers.map(async (worker, at) => {
      for (let due = began + (at / workers.length) * size.intervalMs; due < ends; due += size.intervalMs) {
        await sleep(Math.max(0, due - performance.now()));
        const from = performance.now();
        try {
          const answer = await ledger.beat(worker.id, LEASE_MS, worker.items, {
            draining: false,
            report: next(worker),
          });
          beats.lost += Object.values(answer.tasks).filter((verdict) => verdict !== 'held').length;
        } catch {
          beats.failed += 1;
        }
        const done = performance.now();
        beats.tookMs.push(done - from);
        if (done - due > LATE_MS) beats.late += 1;
      }
    }),
  );
  return beats;
}

/** Progress moves and counters rise, as they do in a worker with work. */
function next(worker: Simulated) {
  worker.seq += 1;
  for (const item of worker.items) item.progressPercent = Math.min(99, worker.seq);
  return {
    seq: worker.seq,
    counters: Object.fromEntries(
      ['claim', 'complete', 'retry', 'checkpoint', 'beat', 'fail'].map((what) => [
        `reelfleet_events_total{"event":"${what}","stage":"noop"}`,
        worker.seq,
      ]),
    ),
    gauges: { slots: 4, busy: 4, scratchFree: 5e10, scratchRequired: 5e8, memory: 1.5e8 + worker.seq },
  };
}
