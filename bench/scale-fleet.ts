/** The product's own worker processes with one slot each, on a database of their own, and what they and their servers cost. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stages } from '@reelfleet/pipelines';
import { startProcess, type TestProcess } from '@reelfleet/testkit';
import { locateFleet } from '@reelfleet/worker';
import { type Fleet, openFleet } from '../apps/cli/src/open-fleet.ts';
import { cpuSecondsOf, cpuSecondsOfTree, memoryOf } from './support/cpu.ts';
import type { World } from './support/world.ts';

export type Seconds = Record<'workers' | 'postgres' | 'redis', number>;

export interface ScaleFleet extends Fleet {
  readonly workers: readonly TestProcess[];
  /** CPU seconds so far; null where the system does not tell. */
  cpu(): Seconds | null;
  /** Resident bytes of one worker. */
  memory(): number | null;
}

const program = fileURLToPath(new URL('../apps/worker/src/main.ts', import.meta.url));

export async function openScaleFleet(
  world: World,
  { workers: count, redis, slots = 1 }: { workers: number; redis: string | null; slots?: number },
): Promise<ScaleFleet> {
  const database = await world.database('reelfleet');
  const folder = await mkdtemp(join(tmpdir(), 'scale-bench-'));
  const env = {
    DATABASE_URL: database.url,
    REDIS_URL: redis ?? undefined,
    STORAGE_URL: `file://${folder}/storage`,
    REELFLEET_SCRATCH: `${folder}/scratch`,
    REELFLEET_DATA: folder,
    REELFLEET_CONCURRENCY: String(slots),
    REELFLEET_MIN_FREE_MB: '0',
    LOG_LEVEL: 'error',
  };
  const fleet = await openFleet(locateFleet(env, { stages: [...stages.keys()] }));
  const workers = Array.from({ length: count }, (_, n) =>
    startProcess({
      args: [program],
      env: { ...env, REELFLEET_WORKER_NAME: `bench-${n + 1}` },
      name: `worker ${n + 1}`,
      cwd: folder,
    }),
  );
  await Promise.all(workers.map((worker) => worker.waitForLine(/^worker ready/, { timeoutMs: 60_000 })));
  return {
    ...fleet,
    workers,
    cpu() {
      const own = workers.map(({ pid }) => cpuSecondsOfTree(pid));
      const postgres = world.postmaster === null ? null : cpuSecondsOfTree(world.postmaster);
      if (postgres === null || own.includes(null)) return null;
      return {
        workers: own.reduce<number>((sum, seconds) => sum + (seconds ?? 0), 0),
        postgres,
        redis: (world.redis && redis ? cpuSecondsOf(world.redis.pid) : 0) ?? 0,
      };
    },
    memory: () => memoryOf(workers[0]?.pid ?? -1),
    async close() {
      for (const worker of workers) worker.kill('SIGKILL', { group: true });
      await Promise.all(workers.map(({ exited }) => exited));
      await fleet.close();
      await database.drop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
