/**
 * Faults of where files lie: the bucket (25), and the worker's own disk (17, storage-disk.ts). The bucket is everybody's,
 * so its faults are; what is asked afterwards is asked of runs of this fault's own.
 */
import { createHash } from 'node:crypto';
import { uuids } from '@reelfleet/db';
import { storageOf } from '@reelfleet/storage';
import type { FaultKind } from '@reelfleet/testkit';
import type { Fault, Yard } from '../fault.ts';
import { keepBusy } from './attempts.ts';
import { type Course, healing, mustHold } from './healing.ts';
import { diskFull } from './storage-disk.ts';

/** How often each kind happens to a request that can suffer it: as bad as can be while anything still gets through. */
const KINDS: Readonly<Record<string, { kind: FaultKind; rate: number }>> = {
  'bursts of 503': { kind: '503', rate: 0.7 },
  'cut in mid-upload': { kind: 'cut-upload', rate: 0.5 },
  'stored, reply lost': { kind: 'lost-reply', rate: 0.5 },
  'wrong checksum': { kind: 'corrupt-upload', rate: 0.4 },
  'wrong bytes read': { kind: 'corrupt-download', rate: 0.4 },
  '1 kB/s': { kind: 'slow', rate: 0.4 },
};
const SLOW_MS = 3_000;
const PHASE_MS = 5_000;

const bucket: Fault = {
  number: 25,
  name: 'storage: 503, cut uploads, lost replies, wrong checksums, 1 kB/s',
  promise:
    'every run completes, and no stored version is there twice or other than its checksum says (each run: three of the six kinds, one after the other; the seed picks them)',
  takesMs: 60_000,
  run: healing(async (its) => {
    const { yard, chance, heal, promised } = its;
    heal(() => yard.bucket.setFaults(null));
    const names = chance.some(Object.keys(KINDS), 3);
    const runs: string[] = [];
    const counts: string[] = [];
    for (const name of names) {
      const { kind, rate } = KINDS[name] as (typeof KINDS)[string];
      const before = yard.bucket.injected[kind] ?? 0;
      const happened = () => (yard.bucket.injected[kind] ?? 0) - before;
      const from = performance.now();
      yard.bucket.setFaults({ kinds: [kind], rate, seed: chance.integer(1, 1_000_000), slowForMs: SLOW_MS });
      runs.push(...(await keepBusy(yard)));
      // Bursts: a store that is ill is well between two of them, or nothing would ever get through.
      await promised(`three times "${name}"`, () => happened() >= 3 && performance.now() - from > PHASE_MS / 2, 12_000);
      counts.push(`${name} ${happened()}`);
      yard.bucket.setFaults(null);
    }
    for (const [run, status] of await yard.ended(runs, 45_000))
      mustHold(status === 'completed', `run ${run} to complete`, status);
    const looked = await lookAtAll(its, runs);
    return { kinds: counts.join(', '), runs: runs.length, artifacts: looked };
  }),
};

interface Stored {
  readonly uri: string;
  readonly sha256: string;
  readonly size: number;
  readonly version: number;
  readonly taskVersion: number;
  readonly task: string;
}

const artifactsOf = (yard: Yard, runs: readonly string[]) =>
  yard.db.query<Stored>(
    `select a.uri, a.sha256, a.size_bytes::float8 as size, a.state_version as version, t.state_version as "taskVersion", t.id as task
     from artifacts a join tasks t on t.id = a.task_id where t.run_id = any($1::text::uuid[])`,
    [uuids(runs)],
  );

/** Every artifact of these runs: of the attempt that won, once, and byte for byte what was promised. Answers how many. */
async function lookAtAll({ yard, promised }: Course, runs: readonly string[]): Promise<number> {
  const rows = await promised('the artifacts of the runs', () => artifactsOf(yard, runs), 10_000, 500);
  const storage = storageOf(yard.bucket.env);
  const seen = new Set<string>();
  for (const { uri, sha256, size, version, taskVersion, task } of rows) {
    mustHold(!seen.has(uri), 'every stored file to be named once', uri);
    seen.add(uri);
    mustHold(version === taskVersion, `the files of task ${task} to be those of the attempt that won`, uri);
    const hash = createHash('sha256');
    let bytes = 0;
    for await (const chunk of await storage.get(uri)) {
      hash.update(chunk as Buffer);
      bytes += (chunk as Buffer).length;
    }
    mustHold(
      hash.digest('hex') === sha256 && bytes === Number(size),
      `${uri} to be what its checksum says`,
      `${bytes} bytes`,
    );
  }
  mustHold(rows.length > 0, 'the runs to have made files', 'none');
  return rows.length;
}

export const storageFaults: readonly Fault[] = [diskFull, bucket];
