/**
 * What the ledger says, asked from outside over wires that nobody cuts. Postgres itself may be down while a fault is at
 * work: a question that gets no answer is asked again until its time is up.
 */
import type { Database } from '@reelfleet/db';
import { until } from '@reelfleet/testkit';
import type { LogLine } from './crew.ts';
import { BrokenPromise } from './fault.ts';

export const ENDED = ['completed', 'partial', 'failed', 'cancelled'] as const;

export interface Books {
  completed(): Promise<number>;
  works(tasks: number, timeoutMs: number): Promise<void>;
  ended(runs: readonly string[], timeoutMs?: number): Promise<Map<string, string>>;
  statuses(runs: readonly string[]): Promise<Map<string, string>>;
  since(moment: Date): Promise<{ expired: number; crashes: number; failures: number; lines: readonly string[] }>;
}

const ASK_AGAIN_MS = 30_000;

export function openBooks(db: Database, log: readonly LogLine[]): Books {
  /** An answer, however often it takes to ask. */
  const asked = <T extends object>(statement: string): Promise<T[]> =>
    until(() => db.query<T>(statement), {
      what: 'Postgres to answer the suite',
      timeoutMs: ASK_AGAIN_MS,
      everyMs: 200,
    });

  async function completed(): Promise<number> {
    const rows = await asked<{ n: number }>(`select count(*)::int as n from tasks where status = 'completed'`);
    return rows[0]?.n ?? 0;
  }

  async function statuses(runs: readonly string[]): Promise<Map<string, string>> {
    if (runs.length === 0) return new Map();
    const rows = await asked<{ id: string; status: string }>(
      `select id, status from pipeline_runs where id in (${runs.map((run) => `'${run}'`).join(',')})`,
    );
    return new Map(rows.map(({ id, status }) => [id, status]));
  }

  return {
    completed,
    statuses,
    async works(tasks, timeoutMs) {
      const before = await completed();
      const since = async () => (await completed()) - before;
      await until(async () => (await since()) >= tasks, { what: 'work', timeoutMs, everyMs: 100 }).catch(async () => {
        const done = await since();
        if (done < tasks)
          throw new BrokenPromise(
            `the fleet was to complete ${tasks} tasks within ${timeoutMs / 1_000} s and completed ${done}`,
          );
      });
    },
    async ended(runs, timeoutMs = 60_000) {
      const open = (found: Map<string, string>) =>
        runs.filter((run) => !(ENDED as readonly string[]).includes(found.get(run) ?? 'not there'));
      let found = new Map<string, string>();
      await until(
        async () => {
          found = await statuses(runs);
          return open(found).length === 0;
        },
        { what: 'runs to end', timeoutMs, everyMs: 100 },
      ).catch(() => {
        const left = open(found).map((run) => `${run} is ${found.get(run) ?? 'not there'}`);
        throw new BrokenPromise(
          `${left.length} of ${runs.length} runs had not ended after ${timeoutMs / 1_000} s: ${left.slice(0, 3).join(', ')}`,
        );
      });
      return found;
    },
    async since(moment) {
      const rows = await asked<{ expired: number; failures: number }>(
        `select count(*) filter (where action = 'expire')::int as expired,
           count(*) filter (where action in ('retry', 'fail'))::int as failures
         from task_audit where timestamp >= '${moment.toISOString()}'`,
      );
      const { expired = 0, failures = 0 } = rows[0] ?? {};
      const from = moment.getTime();
      return {
        expired,
        // An expired lease is what the ledger calls a crash.
        crashes: expired,
        failures,
        lines: log.filter(({ at }) => at >= from).map(({ worker, text }) => `${worker} ${text}`),
      };
    },
  };
}
