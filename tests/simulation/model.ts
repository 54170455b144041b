/**
 * What must happen, without a database: what a command means to a worker that believes what it believes, what a worker
 * learns from an answer, how it reads back what it did not hear, and everything that two acts at once may come to. What
 * a statement does when it arrives is in rules.ts. A world is never changed: `apply` answers with the next one.
 */
import type { Command, Fate } from './commands.ts';
import { alreadyHappened, cancel, dispatch, execute, isFenced, resolve, retry, sweep } from './rules.ts';
import { type Act, nameOf, type Outcome, type Statement, type View, type World } from './world.ts';

/** What a command means just now; null: it means nothing (nobody holds anything to beat for, say). */
export function intend(world: World, command: Command): Act | null {
  if (command.do === 'resolve')
    return { do: 'resolve', wish: command.wish, version: world.facts.task.stateVersion - (command.stale ? 1 : 0) };
  if (!('worker' in command)) return command;
  // The worker that is named, or else the next one who can.
  for (let n = 0; n < world.views.length; n += 1) {
    const act = intendOf(world, command, (command.worker + n) % world.views.length);
    if (act) return act;
  }
  return null;
}

function intendOf(world: World, command: Extract<Command, { worker: number }>, worker: number): Act | null {
  const view = viewOf(world, worker);
  const { held } = view;
  const send = (statement: Statement, fate: Fate): Act => ({ do: 'send', worker, statement, fate });
  switch (command.do) {
    case 'crash':
      return held === null && view.unanswered === null ? null : { do: 'crash', worker };
    case 'read back':
      return view.unanswered && { do: 'read back', worker, statement: view.unanswered };
    case 'echo':
      return view.last && { do: 'echo', statement: view.last };
    case 'haunt': {
      if (view.former === null) return null;
      const ghost = { by: view.name, version: view.former };
      const { write } = command;
      if (write === 'beat') return { do: 'echo', statement: { kind: write, ...ghost, percent: 99 } };
      if (write === 'checkpoint') return { do: 'echo', statement: { kind: write, ...ghost, units: 9 } };
      return { do: 'echo', statement: { kind: 'settle', ...ghost, event: write, later: false } };
    }
    case 'claim': {
      if (view.unanswered) return null;
      const newest = world.issued.at(-1) as number;
      const version =
        command.ticket === 'newest'
          ? newest
          : command.ticket === 'older'
            ? (world.issued.at(-2) ?? newest)
            : newest + 1;
      return send({ kind: 'claim', by: view.name, version, full: command.full, twice: command.twice }, command.fate);
    }
    case 'beat':
      // Beats have a connection of their own and go on while something else is unanswered.
      return held === null
        ? null
        : send({ kind: 'beat', by: view.name, version: held, percent: command.percent }, command.fate);
    case 'checkpoint':
      return held === null || view.unanswered
        ? null
        : send({ kind: 'checkpoint', by: view.name, version: held, units: command.units }, command.fate);
    case 'settle':
      return held === null || view.unanswered
        ? null
        : send(
            { kind: 'settle', by: view.name, version: held, event: command.event, later: command.later },
            command.fate,
          );
    default:
      return command satisfies never;
  }
}

/** One act after everything before it. */
export function apply(before: World, act: Act): { world: World; answer: unknown } {
  const world = structuredClone(before);
  return { world, answer: perform(world, act) };
}

/**
 * Everything that two acts at once may come to: one of the two serial orders. A step that skips locked rows may also
 * find the row just being written by the other and leave it alone.
 */
export function outcomesOfBoth(before: World, [a, b]: [Act, Act]): Outcome[] {
  const serial = (first: Act, second: Act, turn: (answers: unknown[]) => unknown[]) => {
    const one = apply(before, first);
    const two = apply(one.world, second);
    return { world: two.world, answers: turn([one.answer, two.answer]) };
  };
  const straight = (answers: unknown[]) => answers;
  const turned = (answers: unknown[]) => answers.toReversed();
  const found = [serial(a, b, straight), serial(b, a, turned)];
  for (const [shy, other, turn] of [
    [a, b, straight],
    [b, a, turned],
  ] as const) {
    const left = passedOver(before, shy);
    if (left === null) continue;
    const { world, answer } = apply(before, other);
    if (shy.do === 'send') remember(world, shy.worker, shy.statement);
    found.push({ world, answers: turn([left, answer]) });
  }
  return found;
}

/** The answer of a step that skips locked rows when it met one; null: it does not skip. */
function passedOver(world: World, act: Act): unknown {
  if (act.do === 'dispatch') return { tickets: [] };
  if ((act.do === 'send' || act.do === 'echo') && act.statement.kind === 'beat' && isFenced(world.facts, act.statement))
    return act.do === 'send' && act.fate !== 'answered' ? 'unknown' : 'busy';
  return null;
}

function perform(world: World, act: Act): unknown {
  const { facts } = world;
  switch (act.do) {
    case 'send': {
      const { statement, fate, worker } = act;
      remember(world, worker, statement);
      const answer = fate === 'request lost' ? null : execute(world, statement);
      if (fate === 'answered') return learn(world, worker, statement, answer);
      // A beat is not repeated: the next one says it all.
      if (statement.kind !== 'beat') viewOf(world, worker).unanswered = statement;
      return 'unknown';
    }
    case 'read back': {
      viewOf(world, act.worker).unanswered = null;
      return learn(
        world,
        act.worker,
        act.statement,
        alreadyHappened(world, act.statement) ?? execute(world, act.statement),
      );
    }
    case 'echo':
      return execute(world, act.statement);
    case 'crash': {
      const view = viewOf(world, act.worker);
      const life = Number(view.name.split('.')[1]) + 1;
      // What it sent last may still be under way.
      const name = nameOf(act.worker, life);
      world.views[act.worker] = { name, held: null, former: null, unanswered: null, last: view.last };
      return null;
    }
    case 'lapse':
      facts.late = facts.task.status === 'running';
      return null;
    case 'wait':
      facts.due = true;
      return null;
    case 'sweep':
      return sweep(world, act.tooSoon);
    case 'dispatch':
      return dispatch(world);
    case 'cancel':
      return cancel(world, act.whole);
    case 'retry':
      return retry(world, act.whole);
    case 'resolve':
      return resolve(world, act.wish, act.version);
    case 'pause':
      world.paused = true;
      return null;
    case 'resume': {
      const lifted = world.paused;
      world.paused = false;
      return lifted;
    }
    default:
      return act satisfies never;
  }
}

const viewOf = (world: World, worker: number) => world.views[worker] as View;

function remember(world: World, worker: number, statement: Statement): void {
  viewOf(world, worker).last = statement;
}

/** What a worker makes of an answer: the fence it holds from now on. */
function learn(world: World, worker: number, statement: Statement, answer: unknown): unknown {
  const view = viewOf(world, worker);
  let { held } = view;
  if (statement.kind === 'claim') {
    const claimed = (answer as { kind: string; version?: number }[]).find((one) => one.kind === 'claimed');
    if (claimed) held = claimed.version as number;
  } else if (
    statement.kind === 'settle' ||
    (statement.kind === 'beat' && answer === 'lost' && held === statement.version) ||
    (statement.kind === 'checkpoint' && answer === false)
  ) {
    held = null;
  }
  if (held !== view.held) {
    view.former = view.held ?? view.former;
    view.held = held;
  }
  return answer;
}
