/** What the faults do to a Redis from inside: an admin's connection, its memory and its dump. */
import { copyFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestRedis } from '@reelfleet/testkit';
import { Redis } from 'ioredis';

/** Lend a connection to `use`; it goes with it. */
export async function withAdmin<T>(redis: TestRedis, use: (admin: Redis) => Promise<T>): Promise<T> {
  const admin = new Redis(redis.url, { maxRetriesPerRequest: 1, connectTimeout: 3_000, commandTimeout: 10_000 });
  admin.on('error', () => {}); // the command under way says so
  try {
    return await use(admin);
  } finally {
    admin.disconnect();
  }
}

/** What Redis holds at a moment, to be put back later. */
export interface Dump {
  readonly keys: number;
  /** Redis goes back to that moment, and forgets what came after it. */
  restore(): Promise<void>;
}

/** The file Redis writes, put back under a Redis that was killed: the backup of a machine that was lost. */
export async function dumpFile(redis: TestRedis): Promise<Dump> {
  return withAdmin(redis, async (admin) => {
    const [, folder = '.'] = (await admin.config('GET', 'dir')) as string[];
    const [file, kept] = [join(folder, 'dump.rdb'), join(folder, 'kept.rdb')];
    await admin.save();
    const keys = await admin.dbsize();
    // Out of the way: only the rewind may find it there.
    await rename(file, kept);
    return {
      keys,
      async restore() {
        await redis.kill();
        try {
          await copyFile(kept, file);
        } finally {
          await redis.restart();
          await Promise.all([file, kept].map((path) => rm(path, { force: true })));
        }
      },
    };
  });
}

/** Every key as DUMP gives it, put back in one transaction: a rewind under living connections. */
export async function dumpKeys(redis: TestRedis): Promise<Dump> {
  return withAdmin(redis, async (admin) => {
    const names = await admin.keys('*');
    const values = await Promise.all(names.map((name) => admin.dumpBuffer(name)));
    const kept = names.flatMap((name, index) => {
      const value = values[index];
      return value ? [[name, value] as const] : []; // gone between the two questions
    });
    return {
      keys: kept.length,
      restore: () =>
        withAdmin(redis, async (again) => {
          const all = again.multi().flushall();
          for (const [name, value] of kept) all.restore(name, 0, value, 'REPLACE');
          await all.exec();
        }),
    };
  });
}

/** Tickets of a stage that nobody has taken yet. */
export async function waitingTickets(redis: TestRedis, stage: string): Promise<number> {
  return withAdmin(redis, async (admin) => {
    const [waiting, prioritized] = await Promise.all([
      admin.llen(`bull:${stage}:wait`),
      admin.zcard(`bull:${stage}:prioritized`),
    ]);
    return waiting + prioritized;
  });
}
