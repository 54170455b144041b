/**
 * One ticket, from claim to settle, as the list of its steps: claim; build the handler's world; perform under the
 * lease; settle by the one classifier; answer what the ticket's own record should say.
 */
import {
  type AnyStage,
  AttemptAborted,
  backoffMs,
  type CheckpointItem,
  type ClaimAnswer,
  type ClaimAsk,
  type ClaimedTask,
  type Clock,
  classify,
  expand,
  type Logger,
  nodeOf,
  PermanentError,
  type PipelineTemplate,
  type Providers,
  type RowChange,
  type SettleAnswer,
  type SettleItem,
  type StageContext,
  type Storage,
  type Ticket,
  type Tools,
} from '@reelfleet/core';
import type { Lease, LeaseKeeper } from './lease.ts';
import type { Meter } from './meter.ts';
import { meteredTools } from './metered.ts';
import type { AttemptOutcome } from './metrics.ts';
import { type CallLedger, paidCalls } from './paid-calls.ts';
import { type AttemptScratch, attemptScratch } from './scratch.ts';
import type { SharedFiles } from './shared-files.ts';
import { ownArtifacts, removeFiles, stageStorage } from './stage-storage.ts';
import { storedTrees } from './stored-trees.ts';

/** Turns a stage's validated output into domain rows, purely. */
export type Recorder = (output: never, task: ClaimedTask) => RowChange[];

export interface TaskWorld {
  stages: ReadonlyMap<string, AnyStage>;
  templates: ReadonlyMap<string, PipelineTemplate>;
  recorders: ReadonlyMap<string, Recorder>;
  storage: Storage;
  tools: Tools;
  providers: Providers;
  clock: Clock;
  log: Logger;
  meter: Meter;
  scratchRoot: string;
  shared: SharedFiles;
  random(): number;
  newId(): string;
  pauseAt(point: string, task: ClaimedTask, signal: AbortSignal): Promise<void>;
}

export interface TaskLedger extends CallLedger {
  claim(ask: ClaimAsk): Promise<ClaimAnswer>;
  checkpoint(item: CheckpointItem, signal: AbortSignal): Promise<boolean>;
  settle(item: SettleItem, signal: AbortSignal): Promise<SettleAnswer>;
  videoAtWork(videoId: string, runId: string, signal: AbortSignal): Promise<boolean>;
}

/** The ticket's own record in the queue, for people who watch it. */
export interface TicketMirror {
  progress(percent: number): void;
  log(line: string): void;
}

export type TicketOutcome = { kind: 'dropped' } | { kind: 'done' } | { kind: 'dead'; message: string };

const KEPT_LINES = 40;
/** What this worker made was well, as far as it knew. */
const REFUSED = 'the ledger refused what this attempt made: the task says why';
/** What is settled is not aborted any more. */
const NEVER = new AbortController().signal;

/** Work one ticket. Resolves when its task is settled, or turns out to be nobody's business. */
export async function runTask(
  ask: ClaimAsk,
  world: TaskWorld,
  ledger: TaskLedger,
  leases: LeaseKeeper,
  mirror: TicketMirror,
  send: (tickets: readonly Ticket[]) => Promise<void>,
): Promise<TicketOutcome> {
  const answer = await ledger.claim(ask);
  // A second ticket of a task that runs here already can be read back as a claim of ours after a lost reply.
  if (answer.kind !== 'claimed' || leases.holds(answer.task)) {
    world.meter.ticketsDropped.inc({ reason: answer.kind === 'refused' ? 'refused' : 'stale' });
    return { kind: 'dropped' };
  }
  const task = answer.task;
  const log = world.log.child({
    run: task.runId,
    task: task.id,
    key: task.key,
    stage: task.stage,
    attempt: task.attemptNumber,
  });
  if (leases.late(answer.sentAt)) {
    await giveBackUnbegun(task, ledger, send, log);
    return { kind: 'dropped' };
  }
  const stage = world.stages.get(task.stage);
  const lease = leases.hold(task, answer.sentAt, stage?.policy.stalledAfterMs ?? 60_000, log, mirror.progress);
  const startedAt = world.clock.monotonic();
  log.info({ title: task.title, version: task.version }, 'attempt started');
  const scratch = attemptScratch(world.scratchRoot, `${task.id}-${task.version}`);
  const lines: string[] = [];
  try {
    const item = await perform(task, stage, world, ledger, lease, scratch, lines, log);
    const settled = item && (await settle(item, ledger, lease, log));
    if (settled) await send(settled.tickets);
    // The ledger refused what this attempt made: nothing names it, unless a checkpoint does, and nobody will.
    if (item?.event === 'complete' && settled?.status === 'failed' && task.checkpoint === null)
      await removeFiles(world.storage, item.artifacts ?? []);
    const durationMs = Math.round(world.clock.monotonic() - startedAt);
    log.info(
      { outcome: item?.event ?? 'abandoned', status: settled?.status ?? null, durationMs, error: item?.message },
      'attempt finished',
    );
    count(world.meter, task.stage, outcomeOf(item, settled, lease), durationMs, settled?.status ? item : null);
    if (settled?.status) await world.pauseAt('after-settle', task, NEVER);
    if (item?.message) for (const line of lines) mirror.log(line);
    return settled?.status === 'failed' ? { kind: 'dead', message: item?.message ?? REFUSED } : { kind: 'done' };
  } finally {
    lease.end();
    await scratch.remove().catch((error) => log.warn({ error: String(error) }, 'scratch folder stays'));
  }
}

/**
 * The answer to the claim took as long as a lease: the right to work is over before the work began. Left alone, the sweep
 * would take it for a crash; the fence decides who comes first.
 */
async function giveBackUnbegun(
  task: ClaimedTask,
  ledger: TaskLedger,
  send: (tickets: readonly Ticket[]) => Promise<void>,
  log: Logger,
): Promise<void> {
  const item: SettleItem = { id: task.id, version: task.version, event: 'release', delayMs: 0, code: 'late-claim' };
  try {
    const { status, tickets } = await ledger.settle(
      { ...item, message: 'the answer to the claim came after its lease was over' },
      AbortSignal.timeout(GIVE_BACK_MS),
    );
    log.warn({ version: task.version, status }, 'claimed too late: given back');
    await send(tickets);
  } catch (error) {
    log.warn({ version: task.version, error: String(error) }, 'claimed too late: left to the sweep');
  }
}
const GIVE_BACK_MS = 5_000;

/** Run the handler and turn its end, whatever it is, into what to settle; null: nothing may be written any more. */
async function perform(
  task: ClaimedTask,
  stage: AnyStage | undefined,
  world: TaskWorld,
  ledger: TaskLedger,
  lease: Lease,
  scratch: AttemptScratch,
  lines: string[],
  log: Logger,
): Promise<SettleItem | null> {
  const fence = { id: task.id, version: task.version };
  const pausePoint = (point: string) => world.pauseAt(point, task, lease.signal);
  const note = (line: string) => {
    lines.push(line);
    if (lines.length > KEPT_LINES) lines.shift();
  };
  const borrowed = world.shared.borrower({ signal: lease.signal, moved: lease.moved });
  try {
    if (!stage) throw new PermanentError(`this worker has no stage named ${task.stage}: it may be older than the run`);
    await pausePoint('after-claim');
    const { template, input } = prepare(task, stage, world);
    const context: StageContext<unknown> = {
      input,
      checkpoint: task.checkpoint?.data ?? null,
      async saveCheckpoint(data, units) {
        lease.signal.throwIfAborted();
        const held = await ledger.checkpoint(
          { ...fence, data, units, progress: lease.percent, step: lease.step },
          lease.signal,
        );
        if (!held) lease.abort('lease-lost');
        lease.signal.throwIfAborted();
        task.checkpoint = { units, data };
        lease.moved();
        await pausePoint('after-checkpoint');
      },
      progress: lease.progress,
      moved: lease.moved,
      storage: stageStorage(world.storage, task, scratch, { signal: lease.signal, moved: lease.moved }, borrowed),
      trees: storedTrees(world.storage, { signal: lease.signal, moved: lease.moved }),
      othersAtWork: (videoId) => ledger.videoAtWork(videoId, task.runId, lease.signal),
      get scratch() {
        return scratch.path;
      },
      tools: meteredTools(world.tools, task.stage, world.meter),
      providers: world.providers,
      calls: paidCalls(fence, { ledger, lease, log, newId: world.newId, pausePoint }),
      log,
      signal: lease.signal,
      note,
      pausePoint,
    };
    // A handler that ignores its signal must not keep a dead lease alive: the abort ends the wait, the handler's own end is ignored.
    const returned = await Promise.race([stage.run(context), rejectOnAbort(lease.signal)]);
    await pausePoint('before-settle');
    lease.signal.throwIfAborted();
    const output = stage.output.safeParse(returned);
    if (!output.success)
      throw new PermanentError(
        `stage ${stage.name} returned what its contract does not allow: ${output.error.message}`,
        { code: 'bad-output' },
      );
    const expansion = expand(template, task.key, output.data, task.params, {
      newId: world.newId,
      stages: world.stages,
    });
    return {
      ...fence,
      event: 'complete',
      output: without(output.data, stage.recordOnly ?? []),
      // Most tasks make one or two of these at most; what is empty is not worth a way through the ledger.
      ...filled('artifacts', ownArtifacts(world.storage, task, output.data)),
      ...filled('records', world.recorders.get(stage.name)?.(output.data as never, task) ?? []),
      ...filled('children', expansion.tasks),
      ...filled('edges', expansion.edges),
      ...filled('skip', expansion.skip),
    };
  } catch (error) {
    const verdict = classify(error, { aborted: lease.aborted, failures: task.failures, maxAttempts: task.maxAttempts });
    switch (verdict.event) {
      case 'none':
        return null;
      case 'cancel':
        return { ...fence, event: 'cancel' };
      case 'release':
        return { ...fence, event: 'release', delayMs: verdict.delayMs, code: verdict.code, message: verdict.message };
      case 'park':
        return { ...fence, event: 'park', output: verdict.output, message: verdict.message };
      case 'fail':
      case 'retry': {
        if (!(error instanceof PermanentError))
          log.warn({ error: error instanceof Error ? error.stack : String(error) }, 'attempt threw');
        const kept = lines.length > 0 ? `${verdict.message}\n${lines.join('\n')}` : verdict.message;
        const delayMs =
          verdict.event === 'retry' && stage ? backoffMs(stage.policy, task.failures + 1, world.random) : 0;
        return { ...fence, event: verdict.event, code: verdict.code, message: kept, delayMs };
      }
      default:
        return verdict satisfies never;
    }
  } finally {
    borrowed.release();
  }
}

const filled = <K extends string, T>(key: K, list: T[]): { [Key in K]?: T[] } =>
  list.length > 0 ? ({ [key]: list } as { [Key in K]: T[] }) : {};

function without(output: unknown, names: readonly string[]): unknown {
  if (names.length === 0) return output;
  return Object.fromEntries(Object.entries(output as object).filter(([name]) => !names.includes(name)));
}

/** The stage's input, by its template's node and its own contract. */
function prepare(task: ClaimedTask, stage: AnyStage, world: TaskWorld): { template: PipelineTemplate; input: unknown } {
  const template = world.templates.get(task.template);
  if (!template)
    throw new PermanentError(`this worker has no template named ${task.template}: it may be older than the run`);
  const node = nodeOf(template, task.key);
  const raw = node.input({ key: task.key, params: task.params, payload: task.payload, outputs: task.outputs });
  const input = stage.input.safeParse(raw);
  if (input.success) return { template, input: input.data };
  const first = input.error.issues[0];
  const where = first && first.path.length > 0 ? ` at ${first.path.join('.')}` : '';
  throw new PermanentError(
    `the input of stage ${stage.name} is not what it takes${where}: ${first?.message ?? 'unknown'}`,
    { code: 'bad-input' },
  );
}

function rejectOnAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    // A handler that listens to its signal gets a moment to stop its children and save a checkpoint.
    const late = () => {
      const { reason } = signal.reason as AttemptAborted;
      setTimeout(() => reject(signal.reason), reason === 'shutdown' ? SHUTDOWN_STOP_MS : HANDLER_STOP_MS).unref();
    };
    if (signal.aborted) late();
    else signal.addEventListener('abort', late, { once: true });
  });
}
/** Longer than ffmpeg gets between SIGTERM and SIGKILL; at a shutdown the grace is about to end, and all children die with us. */
const HANDLER_STOP_MS = 7_000;
const SHUTDOWN_STOP_MS = 2_500;

async function settle(item: SettleItem, ledger: TaskLedger, lease: Lease, log: Logger): Promise<SettleAnswer | null> {
  if (lease.aborted?.reason === 'lease-lost') return null;
  lease.settling();
  try {
    const answer = await ledger.settle(item, lease.lost);
    if (answer.status === null) lease.abort('lease-lost');
    return answer;
  } catch (error) {
    // Postgres stayed away until the lease was over: the next worker, or the fence, decides.
    if (error instanceof AttemptAborted || lease.lost.aborted) return null;
    log.error({ error: error instanceof Error ? error.stack : String(error) }, 'settle refused');
    return null;
  }
}

/** What is counted of an attempt: the event that was written, or why none was. */
function outcomeOf(item: SettleItem | null, settled: SettleAnswer | null, lease: Lease): AttemptOutcome {
  if (settled?.status && item && item.event !== 'resolve') return item.event;
  return lease.lost.aborted ? 'lost' : 'unwritten';
}

function count(meter: Meter, stage: string, outcome: AttemptOutcome, durationMs: number, written: SettleItem | null) {
  meter.attempts.inc({ stage, outcome });
  meter.attemptDuration.observe({ stage }, durationMs / 1_000);
  for (const file of written?.artifacts ?? []) meter.artifactBytes.inc({ stage }, file.sizeBytes);
}
