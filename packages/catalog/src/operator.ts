/**
 * The operator: everything a person does to the fleet, over the ledger, one read handle, the store and the queue. Each
 * verb finds what is meant, does one thing, and sends the tickets that came of it; its stories lie in the files beside.
 */
import {
  type AnyStage,
  type DispatchedTicket,
  type OperatorLedger,
  type PipelineTemplate,
  type Storage,
  type SweepLedger,
  type Ticket,
  UserError,
} from '@reelfleet/core';
import {
  artifactsOfRun,
  auditOfTask,
  channelsLike,
  countStages,
  databaseNow,
  failedTasks,
  findById,
  findRunByIdentifier,
  listRuns,
  listWorkers,
  needsOfRun,
  pausedStages,
  type ReadHandle,
  runById,
  spoken,
  taskById,
  tasksOfRun,
  ticketsBefore,
} from '@reelfleet/db';
import { channelDirectory, personaDirectory } from './directory.ts';
import { enqueueOrders } from './enqueue.ts';
import { exportAlbum } from './export.ts';
import { filing } from './filing.ts';
import { artifactLibrary, videoLibrary } from './library.ts';
import { videoLife } from './life.ts';
import type { Operator } from './operator-types.ts';
import { line } from './order-words.ts';
import { unknownStage } from './orders.ts';
import { pageLimit, pageOf, positionOf } from './pages.ts';
import { isUuid, pick } from './references.ts';
import { searching } from './said.ts';
import { type CollectGarbage, checkArtifacts, cleanUp } from './upkeep.ts';
import { acceptUpload } from './upload.ts';
import { artifactRow, auditRow, deadLetterRow, errorTail, runRow, taskRow, workerRow } from './views.ts';
import { explainWait } from './why.ts';

export interface OperatorDeps {
  ledger: OperatorLedger;
  sweepLedger: Pick<SweepLedger, 'retention' | 'unnamed'>;
  reads: ReadHandle;
  storage: Storage;
  /** Adds tickets to the queue; what it cannot add, the sweep adds later. */
  send(tickets: readonly Ticket[]): Promise<void>;
  /** For `why`: whether a ticket is still held. */
  queue?: { missing(tickets: readonly DispatchedTicket[]): Promise<DispatchedTicket[]> } | undefined;
  templates: ReadonlyMap<string, PipelineTemplate>;
  stages: ReadonlyMap<string, AnyStage>;
  allStageNames: readonly string[];
  /** Who it was, for the audit trail. */
  actor: string;
  /** Which language model is asked where an order names none. */
  languageModel: string;
  retentionDays: number;
  collectGarbage: CollectGarbage;
}

const PAGE = 50;
const MOST_RUNS = 1_000;
const MOST_REASON = 500;
/** The order that workers' words have in the ledger. */
const controls = { enable: 'active', disable: 'disabled', drain: 'draining' } as const;

export function openOperator(deps: OperatorDeps): Operator {
  const { ledger, reads, actor } = deps;
  const { categories, tags } = filing(reads);

  async function find(ref: string): Promise<{ kind: 'run'; id: string } | { kind: 'task'; id: string; runId: string }> {
    const wanted = ref.trim();
    if (isUuid(wanted)) {
      const found = await findById(reads, wanted.toLowerCase());
      if (found)
        return found.kind === 'run'
          ? { kind: 'run', id: found.runId }
          : { kind: 'task', id: wanted.toLowerCase(), runId: found.runId };
    } else {
      const id = await findRunByIdentifier(reads, wanted);
      if (id) return { kind: 'run', id };
    }
    throw new UserError(
      `there is no run or task "${ref}": \`reelfleet ls\` lists the runs, \`reelfleet show RUN\` their tasks`,
      { kind: 'missing' },
    );
  }

  async function runOf(ref: string): Promise<string> {
    const found = await find(ref);
    return found.kind === 'run' ? found.id : found.runId;
  }

  /** A task; a run that has only one stands for it. */
  async function taskOf(ref: string) {
    const found = await find(ref);
    const [task, other] = found.kind === 'task' ? [await taskById(reads, found.id)] : await tasksOfRun(reads, found.id);
    if (!task) throw new UserError(`there is no task "${ref}" any more`, { kind: 'missing' });
    if (other)
      throw new UserError(
        `"${ref}" is a run with several tasks: name one of them (\`reelfleet show ${ref}\` lists them)`,
      );
    return task;
  }

  async function channelOf(ref: string): Promise<string> {
    const channel = pick('channel', ref.trim(), await channelsLike(reads, [ref.trim()]));
    if (!channel)
      throw new UserError(`there is no channel "${ref}": \`reelfleet channels ls\` lists them`, { kind: 'missing' });
    return channel.id;
  }

  async function recordOf(runId: string) {
    const run = await runById(reads, runId);
    if (!run) throw new UserError(`there is no run "${runId}" any more`, { kind: 'missing' });
    return run;
  }

  async function why(ref: string): Promise<string[]> {
    const task = await taskOf(ref);
    const run = await recordOf(task.runId);
    const needs = (await needsOfRun(reads, task.runId)).filter((need) => need.taskId === task.id);
    const [pause] = await pausedStages(reads, [task.stage]);
    const ticket = { id: task.id, version: task.stateVersion, dispatches: task.dispatches, stage: task.stage };
    const asksQueue = deps.queue && task.status === 'queued' && task.dispatchedAt !== null;
    const missing = asksQueue ? await deps.queue?.missing([ticket]).catch(() => null) : null;
    return explainWait({
      task,
      needs,
      pause: pause ?? null,
      workers: await listWorkers(reads),
      runCancelled: run.cancelRequestedAt && { at: run.cancelRequestedAt, by: run.cancelRequestedBy },
      ahead: task.status === 'queued' ? await ticketsBefore(reads, task) : 0,
      ticketHeld: missing ? missing.length === 0 : null,
      ref,
      // Last, so that nothing above is in its future.
      now: await databaseNow(reads),
    });
  }

  function knownStage(name: string): string {
    if (!deps.allStageNames.includes(name) && !deps.stages.has(name))
      throw new UserError(unknownStage(name, deps), { exitCode: 2, kind: 'missing' });
    return name;
  }

  const operator: Operator = {
    enqueue: (orders, options) => enqueueOrders(deps, orders, options),
    upload: (file, order, options) => acceptUpload(deps, file, order, options),

    async runs({ status, limit = PAGE, before }) {
      const last = before === undefined ? undefined : await runOf(before);
      const rows = await listRuns(reads, {
        status,
        limit: Math.min(Math.max(1, Math.trunc(limit)), MOST_RUNS),
        before: last,
      });
      return rows.map(runRow);
    },
    async runsPage({ status, template, channel, limit, cursor }) {
      const most = pageLimit(limit);
      const before = positionOf('runs', cursor)?.id;
      const channelId = channel === undefined ? undefined : await channelOf(channel);
      const rows = await listRuns(reads, { status, template, channelId, limit: most + 1, before });
      const page = pageOf('runs', rows, most, ({ id }) => ({ id }));
      return { runs: page.rows.map(runRow), next: page.next };
    },
    async deadLetters({ stage, limit, cursor }) {
      const most = pageLimit(limit);
      const position = positionOf('tasks', cursor);
      const before = position && { id: position.id, stage: position.group ?? '' };
      const known = stage === undefined ? undefined : knownStage(stage);
      const rows = await failedTasks(reads, { stage: known, before, limit: most + 1 });
      const page = pageOf('tasks', rows, most, ({ id, stage }) => ({ id, group: stage }));
      return { tasks: page.rows.map(deadLetterRow), next: page.next };
    },
    find,
    async run(ref) {
      // Mostly the id of a run: then there is nothing to find.
      const known = isUuid(ref.trim()) ? await runById(reads, ref.trim().toLowerCase()) : null;
      const run = known ?? (await recordOf(await runOf(ref)));
      const { id } = run;
      const tasks = await tasksOfRun(reads, id);
      const needs = await needsOfRun(reads, id);
      const artifacts = await artifactsOfRun(reads, id);
      return {
        run: runRow(run),
        tasks: tasks.map((task) => taskRow(task, needs)),
        artifacts: artifacts.map(artifactRow),
      };
    },
    async task(ref) {
      const task = await taskOf(ref);
      const audit = await auditOfTask(reads, task.id);
      return {
        task: taskRow(task, await needsOfRun(reads, task.runId)),
        audit: audit.map(auditRow),
        errorTail: errorTail(task, audit),
        run: runRow(await recordOf(task.runId)),
      };
    },
    why,

    async cancel(ref) {
      const found = await find(ref);
      const { tickets, ...counted } = await ledger.cancel(
        actor,
        found.kind === 'run' ? { runs: [found.id] } : { tasks: [found.id] },
      );
      await deps.send(tickets);
      return counted;
    },
    async retry(ref) {
      const found = await find(ref);
      const { retried, tickets } = await ledger.retry(
        actor,
        found.kind === 'run' ? { runs: [found.id] } : { tasks: [found.id] },
      );
      await deps.send(tickets);
      return { retried };
    },
    async pause(stage, reason) {
      const why = reason === null ? null : line('', 'reason', reason, MOST_REASON);
      await ledger.pauseStage(knownStage(stage), actor, why);
    },
    async resume(stage) {
      return await ledger.resumeStage(knownStage(stage));
    },
    async stages() {
      const counts = await countStages(reads);
      const pauses = new Map((await pausedStages(reads)).map((pause) => [pause.stage, pause]));
      const names = new Set([...deps.stages.keys(), ...counts.keys(), ...pauses.keys()]);
      return [...names].map((stage) => {
        const pause = pauses.get(stage);
        return {
          stage,
          ...(counts.get(stage) ?? { queued: 0, running: 0 }),
          pausedAt: pause?.pausedAt?.toISOString() ?? null,
          pausedBy: pause?.pausedBy ?? null,
          reason: pause?.reason ?? null,
        };
      });
    },
    workers: async () => (await listWorkers(reads)).map(workerRow),
    async workerControl(name, action) {
      const { changed, known } = await ledger.workerControl(name, controls[action]);
      if (known === 0)
        throw new UserError(`there is no worker "${name}": \`reelfleet workers ls\` lists them`, { kind: 'missing' });
      return changed;
    },
    channels: spokenAll(channelDirectory(reads)),
    personas: spokenAll(personaDirectory(reads)),

    artifacts: spokenAll(artifactLibrary(reads, deps.storage)),
    videos: spokenAll({ ...videoLibrary(reads, deps.storage), ...videoLife(deps) }),
    ...searching(reads),
    categories: spokenAll(categories),
    tags: spokenAll(tags),

    export: async (ref, to) => exportAlbum(deps, await runOf(ref), to),
    fsck: (report) => checkArtifacts(reads, deps.storage, report),
    gc: (options) => cleanUp({ ...deps, ledger: deps.sweepLedger }, options),
  };
  return spokenAll(operator);
}

/** Every method with what the database refused put into words. */
function spokenAll<T extends object>(verbs: T): T {
  const wrapped = Object.entries(verbs).map(([name, verb]: [string, unknown]) => [
    name,
    typeof verb === 'function' ? (...args: unknown[]) => spoken(verb(...args) as Promise<unknown>) : verb,
  ]);
  return Object.fromEntries(wrapped) as T;
}
