/**
 * Everything on this machine: ffmpeg, Postgres (our own, or the one DATABASE_URL names), the schema, the workers, the
 * server, and `run.json`, by which commands in other terminals find it all. It owns the data folder while it runs.
 */
import { mkdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Settings } from '@reelfleet/config';
import { messageOf } from '@reelfleet/core';
import { migrate } from '@reelfleet/db';
import { type EmbeddedPostgres, ensureFfmpeg, isAlive, startEmbeddedPostgres } from '@reelfleet/embedded';
import { migrateQueue } from '@reelfleet/fleet';
import { assertMayListen } from '@reelfleet/server';
import { claimRunFile, type FleetSettings, removeRunFile, writeRunFile } from '@reelfleet/worker';
import { type Children, keepAlive } from './children.ts';
import { planServer, planWorkers } from './plans.ts';
import { choosePort, originOf } from './port.ts';

/** Per worker process: the queue's pool (stages + 6), the ledger's connections, one for beats. */
const CONNECTIONS_BESIDES_QUEUE = 5;
/** For operators, migrations, backups and what others do. */
const SPARE_CONNECTIONS = 60;
const LEAST_CONNECTIONS = 300;
/** After the grace of the workers themselves. */
const PATIENCE_MS = 5_000;

export interface LocalOptions {
  settings: Settings;
  env: NodeJS.ProcessEnv;
  workers: number;
  /** How the server's port was given: `--port` or `PORT`; null when nobody gave one. */
  portGiven: string | null;
  stages: readonly string[];
  /** Short lines for people about what takes time or went wrong. */
  say(text: string): void;
  /** Asks to give up while starting. */
  signal: AbortSignal;
}

export interface LocalFleet {
  readonly settings: FleetSettings;
  readonly ffmpeg: string;
  readonly database: string;
  /** The server's address, for people on this machine. */
  readonly origin: string;
  /** Drain the workers and close the server, then stop Postgres. */
  stop(): Promise<void>;
  /** The same without waiting for work. */
  kill(): Promise<void>;
}

/** Worker processes when nobody says how many. */
export const defaultWorkers = (): number => Math.max(2, Math.min(8, availableParallelism()));

/** Throws UserError, one sentence, when something is missing, in use or does not start; nothing is left running then. */
export async function startLocalFleet(options: LocalOptions): Promise<LocalFleet> {
  const { settings, say, signal } = options;
  const data = settings.REELFLEET_DATA;
  assertMayListen(settings);
  claimRunFile(data);
  let postgres: EmbeddedPostgres | null = null;
  let children: Children | null = null;
  const stopping = new AbortController();
  const close = async (how: 'gently' | 'at once') => {
    if (how === 'at once') children?.kill();
    await children?.drain(settings.REELFLEET_GRACE_MS + PATIENCE_MS);
    stopping.abort();
    await postgres?.stop();
    removeRunFile(data);
  };
  try {
    const port = await choosePort({ host: settings.HOST, port: settings.PORT, given: options.portGiven }, say);
    const ffmpeg = await ensureFfmpeg({ log: say, signal });
    signal.throwIfAborted();
    const perWorker = options.stages.length + 6 + CONNECTIONS_BESIDES_QUEUE;
    const startPostgres = (port?: number) =>
      startEmbeddedPostgres({
        dataDir: join(data, 'postgres'),
        maxConnections: Math.max(LEAST_CONNECTIONS, options.workers * perWorker + SPARE_CONNECTIONS),
        log: say,
        ...(port === undefined ? {} : { port }),
      });
    if (settings.DATABASE_URL === undefined) {
      postgres = await startPostgres();
      void watchPostgres(postgres, stopping.signal, say, async (port) => {
        postgres = await startPostgres(port);
        return postgres;
      });
    }
    signal.throwIfAborted();
    const databaseUrl = settings.DATABASE_URL ?? postgres?.url ?? '';
    const { applied } = await migrate(databaseUrl, { migrateQueue });
    if (applied.length > 0) say(`the schema is ready (${applied.length} migrations applied)`);
    signal.throwIfAborted();

    const located: FleetSettings = { ...settings, DATABASE_URL: databaseUrl, PORT: port };
    const logDir = join(data, 'logs');
    mkdirSync(logDir, { recursive: true });
    writeRunFile(data, {
      state: 'running',
      host: settings.HOST,
      port,
      databaseUrl,
      databasePort: postgres?.port ?? null,
      storageUrl: settings.STORAGE_URL,
      redisUrl: settings.REDIS_URL ?? null,
      workers: options.workers,
    });
    const plan = {
      settings,
      env: { ...options.env, DATABASE_URL: databaseUrl, STORAGE_URL: settings.STORAGE_URL, REELFLEET_DATA: data },
      logDir,
    };
    children = keepAlive([...planWorkers(plan, options.workers), planServer(plan, port)], say);
    const aborted = new Promise<never>((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
    aborted.catch(() => {});
    await Promise.race([children.ready, aborted]);
    return {
      settings: located,
      ffmpeg: ffmpeg.version,
      database: postgres
        ? `embedded Postgres ${postgres.version}, port ${postgres.port}`
        : 'the Postgres of DATABASE_URL',
      origin: originOf(settings.HOST, port),
      stop: () => close('gently'),
      kill: () => close('at once'),
    };
  } catch (error) {
    await close('at once').catch((again) => say(messageOf(again)));
    throw error;
  }
}

/** A Postgres that was killed comes back on its port; workers wait for it meanwhile. */
async function watchPostgres(
  first: EmbeddedPostgres,
  signal: AbortSignal,
  say: (text: string) => void,
  restart: (port: number) => Promise<EmbeddedPostgres>,
): Promise<void> {
  let current = first;
  while (!signal.aborted) {
    await sleep(1_000, undefined, { signal, ref: false }).catch(() => {});
    if (signal.aborted || isAlive(current.pid)) continue;
    say('Postgres died: starting it again');
    try {
      current = await restart(current.port);
    } catch (error) {
      say(`Postgres does not start (${messageOf(error)}); trying again`);
      await sleep(5_000, undefined, { signal, ref: false }).catch(() => {});
    }
  }
}
