/**
 * One schedule on both sides, step by step: what the model says must be what Postgres did, in the answers of the calls
 * and in every fact of the task. Two commands at once may come to what either order of them comes to. At its end a
 * schedule is brought to rest: who waits for an answer reads it back, what is late is swept, what is due has a ticket.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Command, Schedule, Step } from './commands.ts';
import type { Lane } from './lane.ts';
import { apply, intend, outcomesOfBoth } from './model.ts';
import { openTask } from './postgres.ts';
import { type Act, type Facts, newWorld, type Outcome, type World } from './world.ts';

/** What the schedules came to, by name; tests ask that nothing they promise stayed unvisited. */
export type Seen = Map<string, number>;

export interface Options {
  /** Counts what the schedules came to. */
  seen?: Seen;
  /** Every step counts: one that means nothing is a mistake of whoever wrote the schedule. Generated ones are full of them. */
  byHand?: boolean;
}

/** Throws with the whole story when the two sides differ. Answers with the task's last facts. */
export async function simulate(
  lane: Lane,
  { setting, steps }: Schedule,
  { seen = new Map(), byHand = false }: Options = {},
): Promise<Facts> {
  const task = await openTask(lane, setting);
  let world = newWorld(setting);
  const story: string[] = [`a task among ${setting.workers} workers: ${JSON.stringify(setting)}`];

  async function take(step: Step): Promise<void> {
    const commands = 'both' in step ? step.both : [step];
    const acts = actsOf(world, commands, byHand);
    if (byHand && acts.length < commands.length) throw new Error(`this means nothing here: ${JSON.stringify(step)}`);
    if (acts.length === 0) return;
    for (const act of acts) await task.ready(act);
    const answers = await Promise.all(acts.map((act) => task.perform(act).catch(thrown)));
    const facts = await task.facts();
    const possible = foresee(world, acts);
    story.push(`${acts.map((act) => JSON.stringify(act)).join('  and at once  ')}  ->  ${JSON.stringify(answers)}`);
    const outcome = possible.find((one) => isDeepStrictEqual([one.answers, one.world.facts], [answers, facts]));
    const collisions = [lane.db, ...lane.workers].flatMap((db) => db.collisions.splice(0));
    if (collisions.length > 0) throw new Error([...story, `Postgres had to undo: ${collisions.join('; ')}`].join('\n'));
    if (!outcome) throw new Error([...story, ...possible.map((one) => differences(one, answers, facts))].join('\n'));
    note(seen, acts, answers);
    world = outcome.world;
  }

  try {
    for (const step of steps) await take(step);
    byHand = false;
    for (const command of rest(world)) await take(command);
  } catch (error) {
    // The next schedule, a smaller one perhaps, finds the lane as it should be.
    await task.abandon();
    throw error;
  }
  for (const { event, status } of world.facts.trail) count(seen, `${event} -> ${status}`);
  return world.facts;
}

function actsOf(world: World, commands: Command[], all: boolean): Act[] {
  if (!all && commands.every((command) => isIdle(world, command))) return [];
  const [a, b] = commands.map((command) => intend(world, command));
  if (!a || !b) return [a, b].filter((act) => act != null);
  // One process does one thing at a time.
  return workerOf(a) !== null && workerOf(a) === workerOf(b) ? [a] : [a, b];
}

/** Nothing could come of it alone, so it is not worth a statement; next to another command it may be. */
function isIdle({ facts, paused }: World, command: Command): boolean {
  const { status } = facts.task;
  switch (command.do) {
    case 'claim':
      return command.ticket === 'newest' && status !== 'queued';
    case 'lapse':
      return status !== 'running';
    case 'sweep':
      return !facts.late;
    case 'retry':
      return status !== 'failed' && status !== 'cancelled' && facts.follower?.status !== 'cancelled';
    case 'resolve':
      return status !== 'waiting' && !command.stale;
    case 'wait':
      return facts.due;
    case 'dispatch':
      return status !== 'queued' || facts.dispatched;
    case 'resume':
      return !paused;
    default:
      return false;
  }
}

const workerOf = (act: Act) => ('worker' in act ? act.worker : null);

function foresee(world: World, acts: Act[]): Outcome[] {
  if (acts.length === 2) return outcomesOfBoth(world, acts as [Act, Act]);
  const { world: next, answer } = apply(world, acts[0] as Act);
  return [{ world: next, answers: [answer] }];
}

const rest = ({ views }: World): Command[] => [
  ...views.map((_, worker): Command => ({ do: 'read back', worker })),
  { do: 'resume' },
  { do: 'sweep', tooSoon: false },
  { do: 'wait' },
  { do: 'dispatch' },
];

const thrown = (error: unknown) => ({ threw: String(error) });

function differences({ answers: expected, world }: Outcome, answers: unknown[], facts: Facts): string {
  const lines = ['the model says otherwise:'];
  if (!isDeepStrictEqual(expected, answers)) lines.push(`  answers: ${JSON.stringify(expected)}`);
  for (const key of Object.keys(facts) as (keyof Facts)[])
    if (!isDeepStrictEqual(facts[key], world.facts[key]))
      lines.push(`  ${key}: Postgres ${JSON.stringify(facts[key])}, model ${JSON.stringify(world.facts[key])}`);
  return lines.join('\n');
}

const count = (seen: Seen, name: string) => seen.set(name, (seen.get(name) ?? 0) + 1);

function note(seen: Seen, acts: Act[], answers: unknown[]): void {
  if (acts.length === 2) count(seen, 'two at once');
  acts.forEach((act, index) => {
    const words = [act.do === 'send' ? act.statement.kind : act.do];
    if (act.do === 'read back' || act.do === 'echo') words.push(act.statement.kind);
    const answer = answers[index];
    const first = Array.isArray(answer) ? answer[0] : answer;
    const word =
      first !== null && typeof first === 'object'
        ? 'kind' in first
          ? first.kind
          : 'status' in first
            ? (first.status ?? 'not yours')
            : ''
        : first;
    count(seen, [...words, word].join(' ').trim());
  });
}
