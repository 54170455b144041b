/** Which processes `up` runs and what each is told: so many workers, and the server. */
import { availableParallelism, hostname } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Env, Settings } from '@reelfleet/config';
import type { ChildPlan } from './children.ts';

/** How long answers under way may go on when `up` ends, with what closing takes: a player left open would hold it up. */
const SERVER_GRACE_MS = 5_000;

export interface PlanOptions {
  readonly settings: Settings;
  /** What all of them are told: where the fleet is. */
  readonly env: Env;
  readonly logDir: string;
}

const mainOf = (app: string): string => fileURLToPath(new URL('./main.ts', import.meta.resolve(`@reelfleet/${app}`)));

export function planWorkers({ settings, env, logDir }: PlanOptions, count: number): ChildPlan[] {
  const host = hostname().slice(0, 80);
  const shared = { ...env, ...shareOfCores(settings, count), ...quickBeats(settings) };
  return Array.from({ length: count }, (_, index) => ({
    name: `${host}-${index + 1}`,
    main: mainOf('worker'),
    env: { ...shared, ...ownMetricsPort(settings, index), REELFLEET_WORKER_NAME: `${host}-${index + 1}` },
    logFile: join(logDir, `worker-${index + 1}.log`),
  }));
}

/** `port` is the one that was found free, so that it keeps its address when it is started again. */
export function planServer({ settings, env, logDir }: PlanOptions, port: number): ChildPlan {
  return {
    name: 'the server',
    main: mainOf('server'),
    env: {
      ...env,
      PORT: String(port),
      REELFLEET_GRACE_MS: String(Math.min(settings.REELFLEET_GRACE_MS, SERVER_GRACE_MS)),
    },
    logFile: join(logDir, 'server.log'),
  };
}

/** Together the workers take as many tasks at once as there are cores, and at least one each, unless told otherwise. */
function shareOfCores(settings: Settings, workers: number): Record<string, string> {
  const { default: given, byStage } = settings.REELFLEET_CONCURRENCY;
  if (given !== undefined) return {};
  const share = Math.max(1, Math.ceil(availableParallelism() / workers));
  const stages = Object.entries(byStage).map(([stage, n]) => `${stage}=${n}`);
  return { REELFLEET_CONCURRENCY: [share, ...stages].join(',') };
}

/** Each worker needs a port of its own: the first has METRICS_PORT, the others those after it. */
function ownMetricsPort({ METRICS_PORT: first }: Settings, index: number): Record<string, string> {
  return first === undefined || first === 0 ? {} : { METRICS_PORT: String(first + index) };
}

/** On one machine beats are cheap: each second, bars move and a cancel arrives, unless somebody chose otherwise. */
function quickBeats({ REELFLEET_HEARTBEAT_MS: beat, REELFLEET_LEASE_MS: lease }: Settings): Record<string, string> {
  const chosen = beat !== Math.min(10_000, Math.floor(lease / 3));
  return chosen || beat <= 1_000 ? {} : { REELFLEET_HEARTBEAT_MS: '1000' };
}
