/**
 * The reply to a settle is lost: the worker's wire swallows what Postgres answers from just before a task ends until its
 * end stands in the audit trail, and is then cut. The worker cannot know whether its result counts; the audit trail at
 * its version plus one tells it, and the fence keeps the result from counting twice.
 */
import { text, uuid } from '@reelfleet/db';
import { BrokenPromise, type Chance, type Fault, type Yard, type YardWorker } from '../fault.ts';
import { complete, pass, promised, secondsSince } from './outage.ts';

/** Replies are lost for so long at most: five sixths of a lease after its last beat a worker gives its work up. */
const silentMs = (yard: Yard): number => (yard.leaseMs * 5) / 6 - 800;
const HOLD_MS = 800;
const WANTED = 4;
const TRIES = 12;

interface Ending {
  readonly worker: YardWorker;
  readonly task: string;
  readonly version: number;
}

export const settleReplyLost: Fault = {
  number: 13,
  name: 'Reply to a settle lost',
  promise:
    'The worker learns from the audit trail that its result counts: one completion, its artifacts once, the run goes on.',
  takesMs: 50_000,
  alone: true,
  async run(yard, chance, signal) {
    const runs = await yard.enqueue('shots', { shots: 6, seconds: 4, seed: chance.integer(1, 999) }, 2);
    const lost: Ending[] = [];
    const from = performance.now();
    let [tries, knew, gaveUp] = [0, 0, 0];
    while (lost.length < WANTED && tries < TRIES && !signal.aborted) {
      tries += 1;
      // A shot has files to name, but on a busy machine it may not end in time; a held task ends when it said it would.
      const stage = tries % 2 === 1 ? 'shot' : 'hold';
      runs.push(
        ...(stage === 'hold'
          ? await yard.enqueue('hold', { ms: HOLD_MS }, 6)
          : tries > 6
            ? await yard.enqueue('shots', { shots: 2, seconds: 4, seed: tries })
            : []),
      );
      const ending = await promised(`a ${stage} near its end`, 30_000, () => nearItsEnd(yard, stage, chance));
      const began = new Date();
      if (!(await loseReply(yard, ending, signal))) continue;
      lost.push(ending);
      const told = await whatItLearned(yard, ending, began);
      if (told === 'completed') knew += 1;
      else gaveUp += 1;
    }
    if (signal.aborted) return {};
    const stormS = secondsSince(from);
    if (lost.length === 0) throw new Error(`no task ended in time to lose the reply to its settle, in ${tries} tries`);
    await complete(yard, runs, 60_000);
    for (const ending of lost) await assertOnce(yard, ending);
    if (knew === 0)
      throw new BrokenPromise(
        `expected a worker to learn that its result counts; ${gaveUp} of ${lost.length} gave it up`,
      );
    return { repliesLost: lost.length, tries, learnedTheTruth: knew, gaveUp, stormS };
  },
};

/** A task that ends within a second or so, under a lease that was just extended: a shot in its second half, or a hold that has just begun. */
async function nearItsEnd(yard: Yard, stage: 'shot' | 'hold', chance: Chance): Promise<Ending | undefined> {
  const young = `now() - interval '${HOLD_MS / 2} milliseconds'`;
  const rows = await yard.db.query<{ task: string; version: number; worker: string }>(
    `select t.id as task, t.state_version as version, w.worker_name as worker from tasks t join workers w on w.id = t.worker_id
     where t.stage = '${stage}' and t.status = 'running' and ${stage === 'shot' ? 't.progress_percent >= 50' : `t.claimed_at > ${young}`}
       and t.claim_expires_at > now() + make_interval(secs => ${(yard.leaseMs - 300) / 1_000}) order by t.id`,
  );
  const endings = rows.flatMap(({ task, version, worker: name }) => {
    const worker = yard.workers.find((one) => one.name === name);
    return worker ? [{ worker, task, version }] : [];
  });
  return endings.length > 0 ? chance.pick(endings) : undefined;
}

/** Swallow what Postgres says to this worker until the task's end is written. False when that did not happen in time. */
async function loseReply(yard: Yard, { worker, task, version }: Ending, signal: AbortSignal): Promise<boolean> {
  const id = await worker.id();
  const silentAt = performance.now();
  worker.postgres.dropReplies();
  try {
    while (performance.now() - silentAt < silentMs(yard) && !signal.aborted) {
      const rows = await yard.db.query(
        `select 1 from task_audit where task_id = $1::text::uuid and state_version = ${version + 1}
         and action = 'complete' and actor = $2::text`,
        [uuid(task), text(id)],
      );
      if (rows.length > 0) return true;
      await pass(15, signal);
    }
    return false;
  } finally {
    worker.postgres.heal();
  }
}

/** What the worker says of that attempt in the end: the status it read back, or `nothing` when it had to give up. */
async function whatItLearned(yard: Yard, { worker, task }: Ending, began: Date): Promise<string> {
  return promised(`${worker.name} to say how its attempt ended`, 15_000, async () => {
    const { lines } = await yard.since(began);
    const line = lines.find(
      (one) => one.startsWith(`${worker.name} `) && one.includes(task) && one.includes('attempt finished'),
    );
    if (line === undefined) return undefined;
    return /"status":"(\w+)"/.exec(line)?.[1] ?? 'nothing';
  });
}

async function assertOnce(yard: Yard, { task }: Ending): Promise<void> {
  const rows = await yard.db.query<{
    completions: number;
    artifacts: number;
    kinds: number;
    strays: number;
    stage: string;
  }>(
    `select (select count(*) from task_audit a where a.task_id = t.id and a.state_after->>'status' = 'completed')::int as completions,
       count(f.id)::int as artifacts, count(distinct f.kind)::int as kinds, t.stage,
       (count(f.id) filter (where f.state_version <> t.state_version))::int as strays
     from tasks t left join artifacts f on f.task_id = t.id where t.id = $1::text::uuid group by t.id, t.stage`,
    [uuid(task)],
  );
  const { completions = 0, artifacts = 0, kinds = 0, strays = 0, stage = 'no task' } = rows[0] ?? {};
  const files = stage === 'shot' ? 2 : 0; // a clip and its opening
  if (completions !== 1 || artifacts !== files || kinds !== files || strays !== 0)
    throw new BrokenPromise(
      `expected one completion and ${files} artifacts, each of its kind; task ${task} (${stage}) has ${completions}, ${artifacts} artifacts of ${kinds} kinds, ${strays} of other attempts`,
    );
}
