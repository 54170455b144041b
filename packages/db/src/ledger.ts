/**
 * The ledger's adapters over the SQL functions in packages/db/sql. Each method is one statement; what this file adds is
 * what one statement cannot do for itself: find out what happened when its answer was lost, repeat what passes, and
 * take a failing batch apart so that one bad item does not hold up the others.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type {
  BeatAnswer,
  CheckpointItem,
  ClaimAnswer,
  ClaimAsk,
  ClaimedTask,
  Ledger,
  OperatorLedger,
  SettleAnswer,
  SettleItem,
  SweepLedger,
  TaskStatus,
  Ticket,
} from '@reelfleet/core';
import { UserError } from '@reelfleet/core';
import {
  bool,
  type Database,
  int,
  int4,
  ints,
  json,
  OutcomeUnknown,
  Refused,
  Transient,
  text,
  texts,
  uuid,
  uuids,
} from './client.ts';
import { ensureConfig } from './configs.ts';

const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 2_000;

/** Repeat `attempt` while Postgres is away or says "later"; ends with the signal's reason or another error. */
async function persist<T>(attempt: (unknown: boolean) => Promise<T>, signal?: AbortSignal): Promise<T> {
  let unknown = false;
  for (let wait = FIRST_WAIT_MS; ; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
    try {
      return await attempt(unknown);
    } catch (error) {
      if (!(error instanceof OutcomeUnknown) && !(error instanceof Transient)) throw error;
      unknown ||= error instanceof OutcomeUnknown;
      signal?.throwIfAborted();
      await sleep(wait * (0.5 + Math.random() / 2), undefined, signal ? { signal } : {}).catch(() =>
        signal?.throwIfAborted(),
      );
    }
  }
}

/**
 * Answers are told apart by the task's id, so a call names a task once. What else a batch has of it (a second
 * checkpoint, an older attempt that does not know yet) follows in a call of its own, in the order it came.
 */
async function inTurn<I extends { id: string }, O>(
  items: readonly I[],
  send: (part: readonly I[]) => Promise<O[]>,
): Promise<O[]> {
  const named = new Set<string>();
  const again = items.map((item) => named.size === named.add(item.id).size);
  if (!again.includes(true)) return send(items);
  const first = await send(items.filter((_, index) => !again[index]));
  const rest = await inTurn(
    items.filter((_, index) => again[index]),
    send,
  );
  return again.map((later) => (later ? rest : first).shift() as O);
}

interface Settled {
  settled: Record<string, TaskStatus>;
  tickets: Ticket[];
}

/** The worker's ledger. `beats` is a connection of its own, so that no queue of statements delays a heartbeat. */
export function openLedger(db: Database, beats: Database): Ledger {
  async function settle(workerId: string, items: readonly SettleItem[], signal?: AbortSignal): Promise<SettleAnswer[]> {
    const send = (part: readonly SettleItem[]) =>
      db.call<Settled>('settle', uuid(workerId), text(workerId), json(part));
    try {
      const answer = await persist(async (unknown) => {
        if (!unknown) return await send(items);
        // The answer was lost: the audit trail knows which events happened, the fence keeps the rest from happening twice.
        const fences = items.map(({ id, version, event }) => ({ id, version, event }));
        const happened = await db.call<Record<string, TaskStatus>>('happened', text(workerId), json(fences));
        const rest = items.filter((item) => !(item.id in happened));
        if (rest.length === 0) return { settled: happened, tickets: [] };
        const now = await send(rest);
        // The first statement may have been under way still, and have won.
        const open = rest.filter((item) => !(item.id in now.settled));
        const late =
          open.length > 0 ? await db.call<Record<string, TaskStatus>>('happened', text(workerId), json(fences)) : {};
        return { settled: { ...late, ...happened, ...now.settled }, tickets: now.tickets };
      }, signal);
      return items.map((item, index) => ({
        status: answer.settled[item.id] ?? null,
        tickets: index === 0 ? answer.tickets : [],
      }));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (items.length > 1) {
        // One by one, and each for itself: what cannot be written must not take the others with it.
        const answers: SettleAnswer[] = [];
        for (const item of items)
          answers.push(...(await settle(workerId, [item], signal).catch(() => [{ status: null, tickets: [] }])));
        return answers;
      }
      const item = items[0] as SettleItem;
      if (item.code === 'refused-by-ledger') throw error;
      // What the ledger's own rules refuse is a sentence; what a constraint does needs one around it.
      const message =
        error.code === 'RF400'
          ? error.message
          : `the ledger refused the result of this attempt: ${error.message}${error.detail ? ` (${error.detail})` : ''}`;
      return settle(
        workerId,
        [{ id: item.id, version: item.version, event: 'fail', code: 'refused-by-ledger', message }],
        signal,
      );
    }
  }

  return {
    hello: (worker) =>
      db.call(
        'worker_hello',
        uuid(worker.id),
        text(worker.name),
        text(worker.type),
        json(worker.capabilities),
        json(worker.metadata),
      ),
    bye: async (workerId, report) => {
      // Saying it twice is saying it once; whoever leaves has not long to try.
      await persist(() => db.call('worker_bye', uuid(workerId), json(report)), AbortSignal.timeout(2_000));
    },
    schemaVersion: () => db.call('schema_version'),

    async claim(workerId, leaseMs, asks): Promise<ClaimAnswer[]> {
      const readBack = (part: readonly ClaimAsk[]) =>
        part.length === 0
          ? Promise.resolve<ClaimedTask[]>([])
          : db.call<ClaimedTask[]>(
              'claimed_by',
              uuid(workerId),
              uuids(part.map((ask) => ask.id)),
              ints(part.map((ask) => ask.version)),
            );
      let sentAt = performance.now();
      const answer = await persist(async (unknown) => {
        const read = unknown ? await readBack(asks) : [];
        const rest = asks.filter((ask) => !read.some((task) => task.id === ask.id));
        if (rest.length === 0) return { claimed: read, refused: {} };
        // The lease counts from the sending; a claim that is read back may be as old as the first one.
        if (read.length === 0) sentAt = performance.now();
        const now = await db.call<{ claimed: ClaimedTask[]; refused: Record<string, string> }>(
          'claim',
          uuid(workerId),
          uuids(rest.map((ask) => ask.id)),
          ints(rest.map((ask) => ask.version)),
          int4(leaseMs),
          texts(rest.map((ask) => ask.refusal)),
        );
        const missed = unknown
          ? rest.filter((ask) => !now.claimed.some((task) => task.id === ask.id) && !(ask.id in now.refused))
          : [];
        return { claimed: [...read, ...now.claimed, ...(await readBack(missed))], refused: now.refused };
      });
      // Two tickets of one task can share a batch: only the first of them gets it.
      const claimed = new Map(answer.claimed.map((task) => [task.id, task]));
      return asks.map((ask): ClaimAnswer => {
        const task = claimed.get(ask.id);
        if (task && task.version === ask.version + 1 && claimed.delete(ask.id))
          return { kind: 'claimed', task, sentAt };
        const reason = answer.refused[ask.id];
        return reason === undefined ? { kind: 'stale' } : { kind: 'refused', reason };
      });
    },

    beat: (workerId, leaseMs, items, state): Promise<BeatAnswer> =>
      beats.call(
        'beat',
        uuid(workerId),
        uuids(items.map((item) => item.id)),
        ints(items.map((item) => item.version)),
        int4(leaseMs),
        ints(items.map((item) => item.progressPercent)),
        texts(items.map((item) => item.step)),
        bool(state.draining),
        json(state.report),
      ),

    async checkpoint(workerId, items: readonly CheckpointItem[], signal) {
      const whole = items.map((item) => ({ ...item, units: Math.trunc(item.units) }));
      return inTurn(whole, async (part) => {
        const held = new Set(await persist(() => db.call<string[]>('checkpoint', uuid(workerId), json(part)), signal));
        return part.map((item) => held.has(item.id));
      });
    },

    settle: (workerId, items, signal) => inTurn(items, (part) => settle(workerId, part, signal)),
    // Both are the same however often they are said.
    beginCall: (workerId, call, signal) =>
      persist(
        () =>
          db.call(
            'begin_call',
            uuid(workerId),
            uuid(call.id),
            int4(call.version),
            uuid(call.callId),
            text(call.provider),
            text(call.requestHash),
            json(call.request),
          ),
        signal,
      ),
    async endCall({ callId, response, tokensIn, tokensOut, costUsd }, signal) {
      const cost = text(costUsd === null ? null : String(costUsd));
      await persist(
        () => db.call('end_call', uuid(callId), json(response), int(tokensIn), int(tokensOut), cost),
        signal,
      );
    },
    videoAtWork: (videoId, runId, signal) =>
      persist(() => db.call('video_at_work', uuid(videoId), uuid(runId)), signal),
  };
}

/** The sweep's ledger. A step that fails is simply done by the next sweep, so nothing is repeated here. */
export function openSweepLedger(db: Database): SweepLedger {
  return {
    turn: (intervalMs, leaseMs) => db.call('sweep_turn', int4(intervalMs), int4(leaseMs)),
    choreDue: (name, everyMs) => db.call('chore_due', text(name), int(everyMs)),
    expire: (actor, leaseMs, limit) => db.call('sweep_expire', text(actor), int4(leaseMs), int4(limit)),
    due: (limit) => db.call('sweep_due', int4(limit)),
    store: (name, seen) => db.call('sweep_store', text(name), int(seen)),
    lost: (name, limit) => db.call('sweep_lost', text(name), int4(limit)),
    toVerify: (name, limit, rotate) => db.call('sweep_verify', text(name), int4(limit), bool(rotate)),
    verified: async (name, rotate, cursor) => {
      await db.call('sweep_cursor', text(name), bool(rotate), text(cursor));
    },
    redispatch: (missing) =>
      db.call(
        'redispatch',
        uuids(missing.map((row) => row.id)),
        ints(missing.map((row) => row.version)),
        ints(missing.map((row) => row.dispatches)),
      ),
    workersOffline: (offlineMs) => db.call('sweep_workers', int4(offlineMs)),
    retention: (days, limit) => db.call('sweep_retention', int4(days), int4(limit)),
    purge: (actor, days, runs) => db.call('sweep_purge', text(actor), int4(days), json(runs.map(itemRow))),
    unnamed: (objects) =>
      db.call('unnamed', texts(objects.map((object) => object.key)), texts(objects.map((object) => object.uri))),
  };
}

/** The operator's ledger. Repeating any of these is harmless: enqueue by its ids, the others by their nature. */
export function openOperatorLedger(db: Database): OperatorLedger {
  const spoken = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      throw inWords(error);
    }
  };
  const again = <T>(attempt: () => Promise<T>) => spoken(persist(attempt, AbortSignal.timeout(30_000)));
  return {
    enqueue: (items, actor) => again(() => db.call('enqueue', json(items.map(itemRow)), text(actor))),
    cancel: (actor, target) =>
      again(() => db.call('operator_cancel', text(actor), uuids(target.runs ?? []), uuids(target.tasks ?? []))),
    retry: (actor, target) =>
      again(() => db.call('operator_retry', text(actor), uuids(target.runs ?? []), uuids(target.tasks ?? []))),
    ensureConfig: (wish) => again(() => ensureConfig(db, wish)),
    async resolve(actor, item) {
      const answer = await spoken(
        db.call<Settled>('settle', uuid(null), text(actor), json([{ ...item, event: 'resolve' }])),
      );
      return { status: answer.settled[item.id] ?? null, tickets: answer.tickets };
    },
    pauseStage: async (stage, actor, reason) => {
      await again(() => db.call('pause_stage', text(stage), text(actor), text(reason)));
    },
    resumeStage: (stage) => again(() => db.call('resume_stage', text(stage))),
    workerControl: (name, status) => again(() => db.call('worker_control', text(name), text(status))),
    deleteVideo: (actor, id, run) => again(() => db.call('delete_video', text(actor), uuid(id), json(itemRow(run)))),
    restoreVideo: (actor, id, run) => again(() => db.call('restore_video', text(actor), uuid(id), json(itemRow(run)))),
    purgeVideo: (actor, id, run) => again(() => db.call('purge_video', text(actor), uuid(id), json(itemRow(run)))),
    // Not repeated when its answer was lost: it would meet its own version and take it for somebody else's.
    editVideo: (actor, id, version, change) =>
      spoken(db.call('edit_video', text(actor), uuid(id), int4(version), json(change))),
  };
}

const itemRow = ({ run, tasks, ...rest }: Parameters<OperatorLedger['enqueue']>[0][number]) => ({
  ...rest,
  tasks: tasks.map(taskRow),
  run: runRow(run),
});
const runRow = (run: Parameters<OperatorLedger['enqueue']>[0][number]['run']) => ({
  id: run.id,
  identifier: run.identifier,
  idempotency_key: run.idempotencyKey,
  template: run.template,
  video_id: run.videoId,
  channel_id: run.channelId,
  generation_config_id: run.generationConfigId,
  params: run.params,
  priority: run.priority,
  phase: run.phase,
});
const taskRow = ({
  maxAttempts,
  maxCrashes,
  ...task
}: Parameters<OperatorLedger['enqueue']>[0][number]['tasks'][number]) => ({
  ...task,
  max_attempts: maxAttempts,
  max_crashes: maxCrashes,
});

/** What Postgres refused, as a sentence for the operator where there is one. */
export function inWords(error: unknown): unknown {
  if (error instanceof Refused) {
    // Every one of them says that the state of a task stands in the way.
    if (error.code === 'RF400') return new UserError(error.message, { cause: error, kind: 'conflict' });
    if (error.code === '23505' && error.constraint?.includes('unfinished'))
      return new UserError(
        'this video already has an unfinished run of the same template: watch, cancel or wait for that one first',
        { cause: error, kind: 'conflict' },
      );
    if (error.code === '3F000' || error.code === '42883' || error.code === '42P01')
      return new UserError(
        'this database has no Reelfleet schema, or another version of it: run `reelfleet migrate` first',
        { cause: error, kind: 'unavailable' },
      );
  }
  if (error instanceof OutcomeUnknown || error instanceof Transient)
    return new UserError(`the database did not answer (${error.message}): check DATABASE_URL and that Postgres is up`, {
      cause: error,
      kind: 'unavailable',
    });
  return error;
}
