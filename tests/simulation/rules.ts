/**
 * The rules of the ledger, once more and in the shortest form that its design allows, so that the SQL has something to
 * be compared with that was not made from it: the fence, the lease, tickets, budgets, checkpoints, the dependant, the
 * roll-up. The arrows of the task are `decide` of core. Every function here writes to the world it is given.
 */
import { decide, isEnded, type NeedKind, runStatus, type TaskEvent, type TaskStatus } from '@reelfleet/core';
import type { Facts, Follower, Statement, World } from './world.ts';

/** Design: the trail at exactly the next version tells whether the event happened; a claim is what the row says. */
export function alreadyHappened({ facts }: World, statement: Statement): unknown {
  const { by, version } = statement;
  if (statement.kind === 'settle') {
    const event = facts.trail.find((entry) => entry.version === version + 1);
    return event && event.actor === by && event.event === statement.event
      ? { status: event.status, tickets: [] }
      : null;
  }
  if (statement.kind === 'claim' && facts.task.status === 'running' && facts.task.stateVersion === version + 1)
    return facts.holder === by ? claimAnswers(facts, statement) : null;
  return null;
}

const claimAnswers = ({ task, checkpoint }: Facts, { twice }: { twice: boolean }) => [
  {
    ...{ kind: 'claimed', version: task.stateVersion, attempt: task.attemptNumber, failures: task.failures },
    checkpoint: checkpoint && { units: checkpoint.units, by: checkpoint.by },
  },
  ...(twice ? [{ kind: 'stale' }] : []),
];

/** "Is it still mine?", the one question of every write. */
export const isFenced = ({ task, holder }: Facts, { by, version }: Statement) =>
  task.status === 'running' && task.stateVersion === version && holder === by;

/** What a statement does when it arrives, whoever still waits for its answer. */
export function execute(world: World, statement: Statement): unknown {
  const { facts } = world;
  switch (statement.kind) {
    case 'claim': {
      const copies = (answer: object) => (statement.twice ? [answer, answer] : [answer]);
      if (facts.task.status !== 'queued' || facts.task.stateVersion !== statement.version)
        return copies({ kind: 'stale' });
      const reason = statement.full ? 'disk full' : world.paused ? 'stage paused' : facts.due ? null : 'not due';
      if (reason !== null) {
        facts.dispatched = false; // no ticket is eaten
        return copies({ kind: 'refused', reason });
      }
      facts.holder = statement.by;
      facts.late = false;
      facts.percent = 0;
      facts.run.claimedOnce = true;
      move(world, 'claim', statement.by);
      rollUp(facts);
      return claimAnswers(facts, statement);
    }
    case 'beat': {
      if (!isFenced(facts, statement)) return 'lost';
      facts.late = false;
      facts.percent = Math.max(facts.percent, Math.min(statement.percent, 99));
      return facts.task.cancelRequested ? 'cancel' : 'held';
    }
    case 'checkpoint': {
      if (!isFenced(facts, statement)) return false;
      const most = facts.checkpoint?.most ?? facts.checkpoint?.units ?? 0;
      if (statement.units > most) facts.task.crashes = 0;
      // Within one attempt it does not go backwards.
      if (facts.checkpoint?.by !== statement.version || statement.units >= facts.checkpoint.units)
        facts.checkpoint = {
          units: statement.units,
          by: statement.version,
          ...(most > statement.units ? { most } : {}),
        };
      return true;
    }
    case 'settle': {
      if (!isFenced(facts, statement)) return { status: null, tickets: [] };
      const { event, by, version } = statement;
      if (event === 'complete' || event === 'park') facts.output = { by: version };
      move(world, event, by);
      if (facts.task.status === 'completed') facts.artifacts.push(version + 1);
      const tickets = facts.task.status === 'queued' ? comeBack(world, statement.later ? 1 : 0) : end(world);
      return { status: facts.task.status, tickets };
    }
    default:
      return statement satisfies never;
  }
}

/** An arrow of the machine, with its line in the trail. Whoever leaves `running` lays the claim down. */
function move({ facts }: World, event: TaskEvent, actor: string, wish?: 'completed' | 'failed'): void {
  const wasRunning = facts.task.status === 'running';
  const next = decide(facts.task, event, wish);
  if (next === null) throw new Error(`the model asked for ${event} of a task that is ${facts.task.status}`);
  facts.task = next;
  facts.trail.push({ version: next.stateVersion, actor, event, status: next.status });
  if (wasRunning) {
    facts.holder = null;
    facts.late = false;
  }
  if (next.status === 'completed') facts.percent = 100;
  else if (next.status === 'queued') facts.percent = 0;
}

type Tickets = [task: 'task' | 'follower', version: number][];

/** The task was given back or taken back: due at once, with a ticket, or after a delay; unless it ended instead. */
function comeBack(world: World, delay: number): Tickets {
  if (world.facts.task.status !== 'queued') return end(world);
  world.facts.due = delay === 0;
  world.facts.dispatched = false;
  const tickets = delay === 0 && !world.paused ? issue(world) : [];
  return [...tickets, ...advance(world)];
}

function issue({ facts, issued }: World): Tickets {
  facts.dispatched = true;
  facts.dispatches += 1;
  issued.push(facts.task.stateVersion);
  return [['task', facts.task.stateVersion]];
}

function end(world: World): Tickets {
  world.facts.dispatched = false;
  return advance(world);
}

/** What follows from it: the dependant is skipped, or counted anew and unblocked; the run is rolled up. */
function advance({ facts }: World): Tickets {
  const { task, follower, run } = facts;
  const tickets: Tickets = [];
  if (follower) {
    const hopeless = follower.kind === 'hard' && (task.status === 'failed' || task.status === 'cancelled');
    if (hopeless && (follower.status === 'blocked' || follower.status === 'queued')) moveFollower(follower, 'skip');
    if (follower.status === 'blocked') {
      follower.pendingDeps = isOpen(task.status, follower.kind) ? 1 : 0;
      if (follower.pendingDeps === 0 && !run.cancelRequested) {
        moveFollower(follower, 'unblock');
        tickets.push(['follower', follower.version]);
      }
    }
  }
  rollUp(facts);
  return tickets;
}

const isOpen = (status: TaskStatus, kind: NeedKind) =>
  !(status === 'completed' || status === 'skipped' || (kind === 'soft' && isEnded(status)));

function moveFollower(follower: Follower, event: TaskEvent): void {
  const idle = { attemptNumber: 0, failures: 0, maxAttempts: 1, crashes: 0, maxCrashes: 1 };
  const next = decide({ ...idle, ...follower, stateVersion: follower.version }, event);
  if (next === null) throw new Error(`the model asked for ${event} of a follower that is ${follower.status}`);
  follower.status = next.status;
  follower.version = next.stateVersion;
  follower.cancelRequested = next.cancelRequested;
}

function rollUp({ task, follower, run }: Facts): void {
  const tasks = [task, ...(follower ? [follower] : [])].map(({ status }) => ({ status, optional: false }));
  const status = runStatus(tasks, run);
  if (status !== run.status) run.version += 1;
  run.status = status;
}

export function sweep(world: World, tooSoon: boolean): unknown {
  if (tooSoon || !world.facts.late) return { expired: 0, tickets: [] };
  move(world, 'expire', 'sweep');
  return { expired: 1, tickets: comeBack(world, 0) };
}

export function dispatch(world: World): unknown {
  const { task, dispatched, due } = world.facts;
  const waits = task.status === 'queued' && !dispatched && due && !world.paused;
  return { tickets: waits ? issue(world) : [] };
}

export function resolve(world: World, wish: 'completed' | 'failed', version: number): unknown {
  const { facts } = world;
  if (facts.task.status !== 'waiting' || facts.task.stateVersion !== version) return { status: null, tickets: [] };
  facts.output = { by: version };
  move(world, 'resolve', 'operator', wish);
  return { status: facts.task.status, tickets: end(world) };
}

/** What is not running ends at once; what runs is told by its worker's next beat. */
export function cancel(world: World, whole: boolean): unknown {
  const { facts } = world;
  const { task, follower, run } = facts;
  let cancelled = 0;
  let asked = 0;
  if (whole && (run.status === 'queued' || run.status === 'running')) run.cancelRequested = true;
  if (task.status === 'running') {
    task.cancelRequested = true;
    asked += 1;
  } else if (!isEnded(task.status)) {
    move(world, 'cancel', 'operator');
    facts.task.cancelRequested = true;
    facts.dispatched = false;
    cancelled += 1;
  }
  if (whole && follower && !isEnded(follower.status)) {
    moveFollower(follower, 'cancel');
    follower.cancelRequested = true;
    cancelled += 1;
  }
  return { cancelled, asked, tickets: advance(world) };
}

/** What failed or was cancelled, and what was skipped behind it, comes back with fresh budgets. */
export function retry(world: World, whole: boolean): unknown {
  const { facts } = world;
  const { task, follower, run } = facts;
  if (whole && task.status === 'running' && task.cancelRequested) return 'conflict';
  const again = task.status === 'failed' || task.status === 'cancelled';
  const behind =
    follower !== null &&
    ((whole && follower.status === 'cancelled') ||
      (again && follower.kind === 'hard' && follower.status === 'skipped'));
  if (!again && !behind) return { retried: 0, tickets: [] };
  run.cancelRequested = false;
  const tickets: Tickets = [];
  if (again) {
    move(world, 'operator_retry', 'operator');
    facts.due = true;
    facts.dispatched = false;
    if (!world.paused) tickets.push(...issue(world));
  }
  if (behind) {
    follower.pendingDeps = isOpen(facts.task.status, follower.kind) ? 1 : 0;
    moveFollower(follower, 'operator_retry');
    if (follower.pendingDeps === 0) tickets.push(['follower', follower.version]);
  }
  tickets.push(...advance(world));
  return { retried: Number(again) + Number(behind), tickets };
}
