/**
 * A run's tasks as a pipeline to look at: the children of a fan-out (`music/01` … `music/20`) folded into one node,
 * and the nodes in rows from top to bottom, each below everything it needs. Pure.
 */
import type { TaskRow } from './api.ts';
import { capital, words } from './format.ts';

export interface PipelineNode {
  key: string;
  title: string;
  tasks: TaskRow[];
  /** Whether its tasks are children of a fan-out; a single task is a node of its own. */
  folded: boolean;
  needs: { key: string; title: string; tasks: number }[];
  status: string;
  ended: number;
  progressPercent: number;
}

/**
 * `music/07` → `music`, `transcode/chunk/003` → `transcode/chunk`; children are numbered, so `transcode/audio` and `render` are
 * nodes of their own.
 */
export const nodeKey = (taskKey: string): string => taskKey.replace(/\/\d+$/, '');

const titleOf = (key: string) => capital(words(key.replaceAll('/', ' ').replaceAll('-', ' ')));

/** Rows of nodes; the nodes of one row need nothing of each other. */
export function pipelineOf(tasks: readonly TaskRow[]): PipelineNode[][] {
  const groups = Map.groupBy(tasks, (task) => nodeKey(task.key));
  const nodes = new Map([...groups].map(([key, members]) => [key, nodeOf(key, members)]));
  const depths = new Map<string, number>();
  const depth = (key: string, path: ReadonlySet<string> = new Set()): number => {
    const known = depths.get(key);
    if (known !== undefined) return known;
    // A need that leads back here cannot come from the ledger; should it, it is drawn rather than followed for ever.
    const below = (nodes.get(key)?.needs ?? []).filter((need) => nodes.has(need.key) && !path.has(need.key));
    const found = below.reduce((most, need) => Math.max(most, depth(need.key, new Set([...path, key])) + 1), 0);
    depths.set(key, found);
    return found;
  };
  const rows: PipelineNode[][] = [];
  for (const [key, node] of nodes) {
    const at = depth(key);
    while (rows.length <= at) rows.push([]);
    rows[at]?.push(node);
  }
  return rows.filter((row) => row.length > 0);
}

function nodeOf(key: string, tasks: TaskRow[]): PipelineNode {
  const needs = Map.groupBy(new Set(tasks.flatMap((task) => task.needs)), nodeKey);
  needs.delete(key);
  return {
    key,
    title: titleOf(key),
    tasks,
    folded: tasks.some((task) => task.key !== key),
    needs: [...needs].map(([need, keys]) => ({ key: need, title: titleOf(need), tasks: keys.length })),
    status: statusOf(tasks),
    ended: tasks.filter(hasEnded).length,
    progressPercent: Math.floor(tasks.reduce((sum, task) => sum + progressOf(task), 0) / tasks.length),
  };
}

export const hasEnded = (task: Pick<TaskRow, 'status'>): boolean =>
  task.status === 'completed' || task.status === 'failed' || task.status === 'cancelled' || task.status === 'skipped';

export const progressOf = (task: TaskRow): number =>
  task.status === 'completed' || task.status === 'skipped' ? 100 : task.progressPercent;

/** What a node is called when its tasks differ: what needs a look first, then what moves, then what is to come. */
function statusOf(tasks: readonly TaskRow[]): string {
  const found = new Set<string>(tasks.map((task) => task.status));
  for (const status of ['failed', 'running', 'waiting', 'queued', 'blocked', 'cancelled']) {
    // Some done and some queued is under way.
    if (status === 'queued' && found.has('queued') && found.has('completed')) return 'running';
    if (found.has(status)) return status;
  }
  return found.has('completed') ? 'completed' : (tasks[0]?.status ?? 'blocked');
}

/** A child's own name: `music 7/20 · Royal Court Ambience` → `Royal Court Ambience`. */
export function childTitle(task: TaskRow): string {
  const cut = task.title?.indexOf(' · ') ?? -1;
  return cut < 0 || task.title === null ? (task.title ?? task.key) : task.title.slice(cut + 3);
}

/** The last part of a child's key: `07`. */
export const childNumber = (task: TaskRow): string => task.key.slice(task.key.lastIndexOf('/') + 1);
