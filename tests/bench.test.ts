/**
 * The benchmarks that need no peer's packages still work: in their short form each gives a whole report. What they
 * measure is no test's business.
 */
import { redisMissing } from '@reelfleet/testkit';
import { describe, expect, test } from 'vitest';
import type { Report } from '../bench/benchmark.ts';
import { benchmark as heartbeats } from '../bench/heartbeats.ts';
import { benchmark as latency } from '../bench/latency.ts';
import { benchmark as throughput } from '../bench/throughput.ts';

const redis = redisMissing() === null;
const say = () => {};

/** Each row of a table by its first cell. */
const rowsOf = (report: Report, table = 0) =>
  Object.fromEntries((report.tables[table]?.rows ?? []).map(([name, ...cells]) => [name, cells]));

describe('the short form of a benchmark gives a whole report', { timeout: 300_000 }, () => {
  test('throughput: every contender that can take part works off all its jobs, and an absent one is named with the reason', async () => {
    const own = ['reelfleet-postgres-100', 'bullmq-postgres', 'obvious-postgres'];
    const onRedis = ['reelfleet-redis', 'obvious-redis'];
    const report = await throughput.run({ short: true, only: [...own, ...onRedis], say });
    const passes = report.facts.passes as Record<string, { jobs: number; consumeSeconds: number }[]>;
    expect(Object.keys(passes).sort()).toEqual((redis ? [...own, ...onRedis] : own).sort());
    for (const [one] of Object.values(passes)) {
      expect(one?.jobs).toBeGreaterThan(0);
      expect(one?.consumeSeconds).toBeGreaterThan(0);
    }
    expect(Object.keys(rowsOf(report))).toHaveLength(Object.keys(passes).length);
    expect(report.notes?.filter((note) => note.includes('did not take part'))).toHaveLength(redis ? 0 : 2);
    const judged = report.goals.filter(({ met }) => met !== null).map(({ goal }) => goal);
    expect(judged).toHaveLength(redis ? 2 : 1); // 2 × the obvious way with 1 task a run, 0.7 × raw with 100
  });

  test('latency: every sample has the start of its own handler', async () => {
    const report = await latency.run({ short: true, only: ['reelfleet-postgres', 'bullmq-postgres'], say });
    const samples = report.facts.samples as Record<string, { dispatch: number[]; whole: number[] }>;
    expect(Object.keys(samples)).toEqual(['reelfleet-postgres', 'bullmq-postgres']);
    for (const { dispatch, whole } of Object.values(samples)) {
      expect(dispatch).toHaveLength(50);
      expect(dispatch.every(Number.isFinite)).toBe(true);
      // A handler cannot start before its job was asked for: the clocks of the two processes are one.
      expect(Math.min(...whole)).toBeGreaterThan(0);
    }
  });

  test('heartbeats: every beat is answered, keeps every lease, and writes each row once', async () => {
    const report = await heartbeats.run({ short: true, say });
    const rows = rowsOf(report);
    expect(rows['beats that failed']).toEqual([0]);
    expect(rows['tasks reported lost']).toEqual([0]);
    expect(rows['leases over at the end']).toEqual([0]);
    const beats = report.facts.beats as { count: number };
    const tables = report.facts.tables as { name: string; updated: number }[];
    expect(beats.count).toBe(400);
    expect(tables.find(({ name }) => name === 'tasks')?.updated).toBe(4 * beats.count);
    expect(tables.find(({ name }) => name === 'workers')?.updated).toBe(beats.count);
  });
});
