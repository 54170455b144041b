/**
 * A run as a person follows it: its tasks grouped by the pipeline's nodes, one line per node with how far it is, how fast
 * it goes and when it will be done. Pure.
 */
import type { TaskRow } from '@reelfleet/catalog';
import { isEnded } from '@reelfleet/core';
import type { Paint } from './colour.ts';
import { bar, clock, cut, duration } from './format.ts';

export interface Group {
  /** The node's key: `music` for `music/07`. */
  key: string;
  total: number;
  completed: number;
  ended: number;
  running: number;
  failed: number;
  /** 0..1 over all its tasks. */
  fraction: number;
  /** Milliseconds since the epoch, by the database's clock. */
  startedAt: number | null;
  endedAt: number | null;
  /** What the one running task is doing. */
  step: string | null;
  status: 'blocked' | 'queued' | 'running' | 'waiting' | 'completed' | 'failed' | 'cancelled' | 'skipped';
}

/** Groups in the order of `nodes`, then whatever else there is; a node whose tasks do not exist yet has `total` 0. */
export function groupTasks(nodes: readonly string[], tasks: readonly TaskRow[]): Group[] {
  const byNode = new Map<string, TaskRow[]>(nodes.map((node) => [node, []]));
  for (const task of tasks) {
    const node = nodeOfKey(nodes, task.key);
    const group = byNode.get(node);
    if (group) group.push(task);
    else byNode.set(node, [task]);
  }
  return [...byNode].map(([key, members]) => groupOf(key, members));
}

/** `music/07` belongs to `music`, `transcode/chunk/003` to `transcode/chunk` and not to `transcode`: the longest that fits. */
function nodeOfKey(nodes: readonly string[], key: string): string {
  const fitting = nodes.filter((node) => key === node || key.startsWith(`${node}/`));
  return fitting.sort((a, b) => b.length - a.length)[0] ?? key.split('/')[0] ?? key;
}

function groupOf(key: string, tasks: readonly TaskRow[]): Group {
  const having = (...words: TaskRow['status'][]) => tasks.filter((task) => words.includes(task.status));
  const ended = tasks.filter((task) => isEnded(task.status));
  const done = tasks.reduce((sum, task) => sum + (isEnded(task.status) ? 1 : task.progressPercent / 100), 0);
  const running = having('running');
  const started = tasks.flatMap((task) => (task.startedAt ? [Date.parse(task.startedAt)] : []));
  const stopped = tasks.flatMap((task) => (task.completedAt ? [Date.parse(task.completedAt)] : []));
  const allEnded = tasks.length > 0 && ended.length === tasks.length;
  return {
    key,
    total: tasks.length,
    completed: having('completed').length,
    ended: ended.length,
    running: running.length,
    failed: having('failed').length,
    fraction: tasks.length === 0 ? 0 : done / tasks.length,
    startedAt: started.length > 0 ? Math.min(...started) : null,
    endedAt: allEnded && stopped.length > 0 ? Math.max(...stopped) : null,
    step: running.length === 1 ? (running[0]?.currentStep ?? null) : null,
    status: statusOf(tasks),
  };
}

function statusOf(tasks: readonly TaskRow[]): Group['status'] {
  const order = ['failed', 'cancelled', 'running', 'waiting', 'queued', 'blocked'] as const;
  for (const word of order) if (tasks.some((task) => task.status === word)) return word;
  if (tasks.length === 0) return 'blocked';
  return tasks.every((task) => task.status === 'skipped') ? 'skipped' : 'completed';
}

/** Seconds until a group is done at the pace so far; null while there is too little to tell. */
export function eta(group: Pick<Group, 'fraction' | 'startedAt'>, now: number): number | null {
  if (group.startedAt === null || group.fraction <= 0.02 || group.fraction >= 1) return null;
  const elapsed = (now - group.startedAt) / 1000;
  return elapsed < 1 ? null : (elapsed * (1 - group.fraction)) / group.fraction;
}

/** Seconds of media made per second of time; null where it does not apply. */
export function speed(group: Group, mediaSeconds: number | null, now: number): number | null {
  if (mediaSeconds === null || group.startedAt === null || group.fraction === 0) return null;
  const elapsed = ((group.endedAt ?? now) - group.startedAt) / 1000;
  return elapsed < 0.5 ? null : (group.fraction * mediaSeconds) / elapsed;
}

export interface LineOptions {
  paint: Paint;
  width: number;
  /** Width of the name column. */
  names: number;
  now: number;
  /** Length of the media that the whole group makes, where that is known. */
  mediaSeconds: number | null;
}

/** `music   7/20 ███████░░░░░░░░░░░░░  35 %  12 × real time  ETA 1:20`, never wider than the terminal. */
export function groupLine(group: Group, options: LineOptions): string {
  const { paint, width, now } = options;
  const name = group.key.padEnd(options.names);
  const numbers = group.total > 1 ? `${group.completed}/${group.total}`.padStart(7) : ' '.repeat(7);
  if (group.total === 0 || (group.status === 'blocked' && group.startedAt === null)) {
    return paint('dim', cut(`${name} ${numbers}`, width));
  }
  const facts = factsOf(group, options.mediaSeconds, now);
  const fixed = options.names + 1 + 7 + 1 + 1 + 5;
  const barWidth = Math.max(5, Math.min(32, width - fixed - 32));
  // The last percent belongs to what has ended.
  const percent = group.ended === group.total ? 100 : Math.min(99, Math.floor(group.fraction * 100));
  const room = width - fixed - barWidth - 3;
  const told = room > 6 && facts.length > 0 ? cut(` · ${facts.join(' · ')}`, room).trim() : '';
  const colour = group.failed > 0 ? 'red' : group.status === 'completed' ? 'green' : 'cyan';
  return `${name} ${numbers} ${paint(colour, bar(group.fraction, barWidth))} ${String(percent).padStart(3)} % ${group.failed > 0 ? paint('red', told) : paint('dim', told)}`.trimEnd();
}

function factsOf(group: Group, mediaSeconds: number | null, now: number): string[] {
  const facts: string[] = [];
  if (group.failed > 0) facts.push(group.total > 1 ? `${group.failed} failed` : 'failed');
  else if (group.status === 'queued' && group.startedAt === null) facts.push('queued');
  else if (['waiting', 'cancelled', 'skipped'].includes(group.status)) facts.push(group.status);
  const pace = speed(group, mediaSeconds, now);
  if (pace !== null) facts.push(`${pace < 10 ? pace.toFixed(1) : Math.round(pace)} × real time`);
  if (group.endedAt !== null && group.startedAt !== null) {
    facts.push(`in ${duration((group.endedAt - group.startedAt) / 1000)}`);
    return facts;
  }
  const left = group.status === 'running' ? eta(group, now) : null;
  if (left !== null) facts.push(`ETA ${clock(left)}`);
  if (group.step) facts.push(group.step);
  return facts;
}
