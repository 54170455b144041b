/**
 * After the load: whether the fleet kept its promises, whatever was done to it. Each check answers with what it found
 * wrong; nothing found is the verdict everyone wants.
 */
import { mkdirSync } from 'node:fs';
import { appendFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { messageOf } from '@reelfleet/core';
import { openTools } from '@reelfleet/media';
import { brokenInvariants, until } from '@reelfleet/testkit';
import { ENDED } from './books.ts';
import { censusMissing, growth, leaksOf, orphanedScratch, programs, type Sample } from './census.ts';
import { troubles } from './log-lines.ts';
import { invariants } from './nemesis.ts';
import { leaks } from './secrets.ts';
import type { OpenYard } from './yard.ts';

export interface Verdict {
  readonly promise: string;
  /** What was found against it. */
  readonly against: readonly string[];
  /** What was looked at: `1204 files`. */
  readonly seen: string;
}

/** The load comes to its end well within this, once nothing harms it any more. */
const END_MS = 120_000;
const AT_ONCE = 4;

export async function judge(yard: OpenYard, samples: ReadonlyMap<string, readonly Sample[]>): Promise<Verdict[]> {
  yard.bucket.setFaults(null);
  // In this order: the first waits until all is quiet, the last ends the fleet.
  const verdicts = [await everyRunEnded(yard), await ledgerIsSound(yard), await filesAreWhole(yard)];
  verdicts.push(nothingGrew(samples), await nothingIsLeft(yard), ...logsAreClean(yard));
  return verdicts;
}

async function everyRunEnded(yard: OpenYard): Promise<Verdict> {
  const runs = [...yard.accepted.keys()];
  let found = await yard.statuses(runs);
  const terminal = (status: string | undefined) => (ENDED as readonly string[]).includes(status ?? '');
  await until(
    async () => {
      found = await yard.statuses(runs);
      return runs.every((run) => terminal(found.get(run)));
    },
    { what: 'every accepted run to end', timeoutMs: END_MS, everyMs: 500 },
  ).catch(() => {});
  const wrong = runs.flatMap((run) => {
    const status = found.get(run);
    const expected = yard.accepted.get(run) ?? ['completed'];
    return status !== undefined && expected.includes(status)
      ? []
      : [`run ${run} is ${status ?? 'not there'} instead of ${expected.join(' or ')}`];
  });
  const why = await yard.db.query<{ line: string }>(
    `select t.key || ' of run ' || t.run_id || ': ' || t.status || ', failures ' || t.failures || ', crashes ' || t.crashes
       || coalesce(', ' || left(t.last_error, 160), '') as line
     from tasks t join pipeline_runs r on r.id = t.run_id
     where r.status in ('queued', 'running', 'failed') and t.status not in ('completed', 'blocked', 'skipped') limit 10`,
  );
  const against = wrong.length > 0 ? [...wrong.slice(0, 10), ...why.map(({ line }) => line)] : [];
  return { promise: 'every accepted run has ended as it should', against, seen: `${runs.length} runs` };
}

async function ledgerIsSound(yard: OpenYard): Promise<Verdict> {
  const violations = await brokenInvariants(yard.postgres.url, invariants);
  const rows = await yard.db.query<{ n: number }>('select count(*)::int as n from task_audit');
  return {
    promise: 'tests/invariants.sql finds nothing',
    against: violations.slice(0, 10).map(({ row }) => row.map(String).join(' | ')),
    seen: `${rows[0]?.n ?? 0} changes of status`,
  };
}

interface StoredFile {
  uri: string;
  sha256: string;
  size: number;
  type: string;
  segments: { name: string; sha256: string; sizeBytes: number }[] | null;
}

/** Every file is read and hashed again; every different one is decoded. */
async function filesAreWhole(yard: OpenYard): Promise<Verdict> {
  const folder = join(yard.folder, 'judged');
  mkdirSync(folder, { recursive: true });
  const tools = openTools({ threads: 1 });
  const files = await yard.db.query<StoredFile>(
    `select uri, sha256, size_bytes::float8 as size, content_type as type, segments from artifacts order by uri`,
  );
  const against: string[] = [];
  const decoded = new Set<string>();
  /** Whether the store has exactly this. */
  const whole = async (uri: string, sha256: string, size: number): Promise<boolean> => {
    const found = await yard.storage.checksum(uri);
    if (found === null) against.push(`${uri} is not there`);
    else if (found.sha256 !== sha256 || found.sizeBytes !== size)
      against.push(`${uri} has another checksum or size than the ledger says`);
    else return true;
    return false;
  };
  const judgeOne = async (file: StoredFile) => {
    const parts = file.segments?.map(({ name, ...part }) => ({ uri: `${file.uri}/${name}`, ...part }));
    for (const part of parts ?? [{ ...file, sizeBytes: file.size }])
      if (!(await whole(part.uri, part.sha256, part.sizeBytes))) return;
    if (!/^(video|audio|image)\//.test(file.type) || decoded.has(file.sha256)) return;
    decoded.add(file.sha256);
    const path = join(folder, `${file.sha256}${/\.[a-z0-9]+$/.exec(file.uri)?.[0] ?? ''}`);
    try {
      // The header of a rendition and its segments, one after the other, are a file.
      for (const part of parts ?? [file]) {
        const bytes = await buffer(await yard.storage.get(part.uri));
        await appendFile(path, bytes);
      }
      const { stderrTail } = await tools.ffmpeg(['-xerror', '-i', path, '-map', '0', '-f', 'null', '-']);
      if (stderrTail.trim() !== '') against.push(`${file.uri}: ${stderrTail.trim().split('\n')[0]}`);
    } catch (error) {
      against.push(`${file.uri} does not decode: ${messageOf(error)}`);
    } finally {
      await rm(path, { force: true });
    }
  };
  const queue = [...files];
  const hand = async () => {
    for (let file = queue.shift(); file; file = queue.shift()) await judgeOne(file);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, hand));
  return {
    promise: 'every artifact is there, has its checksum and decodes without an error',
    against: against.slice(0, 10),
    seen: `${files.length} files hashed, ${decoded.size} different ones decoded`,
  };
}

function nothingGrew(samples: ReadonlyMap<string, readonly Sample[]>): Verdict {
  const missing = censusMissing();
  const grown = [...samples].map(([worker, taken]) => ({ worker, found: growth(taken) }));
  const judged = grown.filter(({ found }) => found !== null);
  return {
    promise: 'memory, descriptors and sockets of the workers stay flat',
    against: judged.flatMap(({ worker, found }) => (found ? leaksOf(found).map((leak) => `${worker}: ${leak}`) : [])),
    seen: missing ?? `${judged.length} of ${samples.size} workers lived long enough to tell`,
  };
}

/** A starting worker clears up after dead ones; an ending one after itself. So nothing is left, neither program nor folder. */
async function nothingIsLeft(yard: OpenYard): Promise<Verdict> {
  const scratch = yard.settings.REELFLEET_SCRATCH as string;
  const against: string[] = [];
  const quiet = () => programs(scratch).length === 0;
  await until(quiet, { what: 'the last program to end' }).catch(() => {
    against.push(...programs(scratch).map(({ pid, command }) => `process ${pid} works: ${command.slice(0, 100)}`));
  });
  const starting = await yard.extra();
  const living = [...yard.workers, starting].map(({ process: { pid } }) => pid);
  against.push(...orphanedScratch(scratch, living).map((name) => `scratch/${name} belongs to a dead worker`));
  await Promise.all([...yard.workers, starting].map((worker) => yard.dismiss(worker)));
  for (const { name, process: child } of [...yard.workers, starting]) {
    const { code, signal } = await child.exited;
    if (code !== 0) against.push(`${name} ended with ${signal ?? code} when it was asked to stop`);
  }
  against.push(...orphanedScratch(scratch, []).map((name) => `scratch/${name} is left though every worker has ended`));
  return {
    promise: 'no ffmpeg without a lease, no scratch folder of a dead worker, every worker ends with 0',
    against,
    seen: `${yard.crew.everyone.length} workers in all`,
  };
}

function logsAreClean({ crew, secrets }: OpenYard): Verdict[] {
  const lines = crew.log.map(({ worker, text }) => `${worker} ${text}`);
  const found = troubles(crew.log);
  return [
    {
      promise: 'the logs hold none of the planted secrets',
      against: leaks(lines, secrets.values).slice(0, 5),
      seen: `${lines.length} lines, ${secrets.values.length} secrets`,
    },
    {
      promise: 'the logs hold no uncaught exception and no error that nobody expected',
      against: found.slice(0, 10),
      seen: `${lines.length} lines`,
    },
  ];
}
