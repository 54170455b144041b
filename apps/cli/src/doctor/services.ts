/** Checks of what runs elsewhere: Postgres, Redis, the workers and the stages. */
import type { Operator } from '@reelfleet/catalog';
import { redactUrl } from '@reelfleet/config';
import { messageOf } from '@reelfleet/core';
import { type DatabaseFacts, hearsNotifications, inspectDatabase } from '@reelfleet/db';

import type { FleetSettings } from '@reelfleet/worker';
import { Redis } from 'ioredis';
import { ago, count } from '../ui/format.ts';
import { connectionsNeeded, type Finding, failed, note, ok, warning } from './check.ts';

const OLDEST = 15;
/** Leases are measured by the database's clock alone; people read times, and signatures of stores fail beyond minutes. */
const SKEW_WARN_MS = 5_000;

export async function checkDatabase(
  settings: FleetSettings,
): Promise<{ findings: Finding[]; facts: DatabaseFacts | null }> {
  let facts: DatabaseFacts;
  try {
    facts = await inspectDatabase(settings.DATABASE_URL);
  } catch (error) {
    return {
      findings: [failed('database', messageOf(error), 'start it, or put its address into DATABASE_URL')],
      facts: null,
    };
  }
  return { findings: judgeDatabase(facts), facts };
}

/** Pure. */
export function judgeDatabase(facts: DatabaseFacts): Finding[] {
  const findings: Finding[] = [];
  const server = `Postgres ${facts.server} at ${facts.url}`;
  findings.push(
    facts.major >= OLDEST
      ? ok('database', `${server}, answers in ${Math.round(facts.roundTripMs)} ms`)
      : failed('database', server, `upgrade it: Reelfleet needs Postgres ${OLDEST} or newer`),
  );
  if (facts.schema === facts.expected) findings.push(ok('schema', facts.schema));
  else
    findings.push(
      failed(
        'schema',
        facts.schema === null ? 'this database has none' : `${facts.schema}, needed is ${facts.expected}`,
        'run "reelfleet migrate"',
      ),
    );
  const off = Math.abs(facts.clockSkewMs) - facts.roundTripMs / 2;
  findings.push(
    off < SKEW_WARN_MS
      ? ok('clock', 'agrees with the database')
      : warning(
          'clock',
          `${(off / 1000).toFixed(1)} s off the database's`,
          'let both machines follow a time server (chrony, systemd-timesyncd)',
        ),
  );
  return findings;
}

/** Pure. */
export function judgeConnections(
  facts: DatabaseFacts,
  workers: readonly { stages: number }[],
  onPostgres: boolean,
): Finding {
  const need = connectionsNeeded(workers, onPostgres);
  const says = `${facts.connections} of ${facts.maxConnections} in use, ${count(workers.length, 'worker')} may open ${need}`;
  if (need + 20 <= facts.maxConnections) return ok('connections', says);
  return failed(
    'connections',
    says,
    `set max_connections of Postgres to ${Math.ceil((need + 60) / 50) * 50}, run fewer workers, or set REDIS_URL`,
  );
}

/** Tickets on Postgres are heard of by LISTEN, which a pooler in transaction mode accepts and loses. */
export async function checkTickets(databaseUrl: string): Promise<Finding> {
  try {
    return judgeTickets(await hearsNotifications(databaseUrl));
  } catch (error) {
    return failed('tickets', `no notification could be sent (${messageOf(error)})`, 'check DATABASE_URL');
  }
}

/** Pure. */
export function judgeTickets(heard: boolean): Finding {
  if (heard) return ok('tickets', 'on Postgres, which notifies at once');
  return failed(
    'tickets',
    'on Postgres, whose notifications do not arrive: a pooler in transaction mode is in between',
    'put the address of Postgres itself, or of a pooler in session mode, into DATABASE_URL, or set REDIS_URL',
  );
}

export async function checkRedis(url: string): Promise<Finding[]> {
  const shown = redactUrl(url);
  const redis = new Redis(url, {
    connectTimeout: 3_000,
    commandTimeout: 3_000,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
    lazyConnect: true,
  });
  redis.on('error', () => {});
  try {
    await redis.connect();
    const version = /redis_version:(\S+)/.exec(await redis.info('server'))?.[1] ?? 'unknown';
    const setting = async (name: string) => ((await redis.config('GET', name).catch(() => [])) as string[])[1] ?? null;
    const [policy, appendonly, save] = await Promise.all([
      setting('maxmemory-policy'),
      setting('appendonly'),
      setting('save'),
    ]);
    const findings = [ok('Redis', `${version} at ${shown}`)];
    if (policy === null)
      findings.push(
        note('Redis memory', 'this server does not tell its maxmemory-policy', 'see that it is noeviction'),
      );
    else if (policy === 'noeviction') findings.push(ok('Redis memory', 'noeviction'));
    else
      findings.push(
        failed(
          'Redis memory',
          `maxmemory-policy is ${policy}, which may drop tickets`,
          'set maxmemory-policy to noeviction',
        ),
      );
    if (appendonly === 'no' && save === '')
      findings.push(
        note(
          'Redis persistence',
          'off: after its restart the sweep issues every ticket anew',
          'appendonly yes saves that work; nothing is lost either way',
        ),
      );
    return findings;
  } catch (error) {
    return [
      failed(
        'Redis',
        `${shown} does not answer (${messageOf(error)})`,
        'start it, or check REDIS_URL; without it set, tickets lie on Postgres',
      ),
    ];
  } finally {
    redis.disconnect();
  }
}

type WorkerFacts = Awaited<ReturnType<Operator['workers']>>;
type StageFacts = Awaited<ReturnType<Operator['stages']>>;

/** Workers that beat lately: one that was killed keeps its status until a sweep looks, and none may be there to sweep. Pure. */
export function beating(workers: WorkerFacts, offlineMs: number, now: number): WorkerFacts {
  return workers.filter(
    (worker) =>
      worker.status !== 'offline' &&
      worker.lastHeartbeat !== null &&
      now - Date.parse(worker.lastHeartbeat) <= offlineMs,
  );
}

/** Who serves which stage, and what is paused. `workers` are those that beat. Pure. */
export function judgeStages(
  names: readonly string[],
  workers: WorkerFacts,
  stages: StageFacts,
  now: number,
): Finding[] {
  const active = workers.filter((worker) => worker.status === 'active');
  const unserved = names.filter((stage) => !active.some((worker) => worker.stages.includes(stage)));
  const queued = new Map(stages.map((row) => [row.stage, row.queued]));
  const starving = unserved.filter((stage) => (queued.get(stage) ?? 0) > 0);
  const findings: Finding[] = [];
  const online = `${count(active.length, 'worker')} active`;
  const cure = 'start one with "reelfleet worker"';
  if (starving.length > 0)
    findings.push(failed('workers', `${online}; work waits and nobody serves ${starving.join(', ')}`, cure));
  else if (active.length === 0) findings.push(note('workers', 'none is active, and no work waits', cure));
  else if (unserved.length > 0)
    findings.push(
      warning('workers', `${online}; nobody serves ${unserved.join(', ')}`, `${cure} --stages ${unserved.join(',')}`),
    );
  else findings.push(ok('workers', `${online}, every stage is served`));
  const disabled = workers.filter((worker) => worker.status === 'disabled' || worker.status === 'draining');
  if (disabled.length > 0)
    findings.push(
      warning(
        'taken out',
        disabled.map((worker) => `${worker.name} (${worker.status})`).join(', '),
        '"reelfleet workers enable NAME" puts one back',
      ),
    );
  for (const row of stages) {
    if (row.pausedAt === null) continue;
    const why = row.reason ? `: ${row.reason}` : '';
    findings.push(
      warning(
        'paused',
        `${row.stage}, ${ago(row.pausedAt, now)} by ${row.pausedBy ?? 'somebody'}${why}; ${row.queued} wait`,
        `"reelfleet resume ${row.stage}"`,
      ),
    );
  }
  return findings;
}
