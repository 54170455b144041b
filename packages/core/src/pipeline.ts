/**
 * Pipelines as data: a template is a list of named nodes, what each needs, and how a node fans out into children.
 * Everything here is pure. `instantiate` makes the tasks a run starts with; `expand` makes the children a finished
 * task calls for; `runStatus` rolls a run up from its tasks. The database applies what these return.
 */
import type { z } from 'zod';
import type { AnyStage } from './stage.ts';
import type { TaskStatus } from './task.ts';

/** hard: met by `completed`, otherwise the dependant is skipped. soft: a join, met by any end. */
export type NeedKind = 'hard' | 'soft';

/** `'plan'` (a task), `'music/*'` (every child of a fan-out node), or either with a kind. */
export type Need = string | { on: string; kind: NeedKind };

/** One child a fan-out node makes from its expander's output. */
export interface Child {
  /** Last part of the key: `07` gives `music/07`. */
  suffix: string;
  /** What people read on the ticket. */
  title: string;
  payload: Record<string, unknown>;
  /** Further needs besides the expander, as full keys. */
  needs?: readonly Need[];
}

// Templates are stored side by side whatever their parameters, so the parameter type is checked by `defineTemplate` and
// erased afterwards; `params` has passed `template.params` whenever one of these functions is called.
// biome-ignore lint/suspicious/noExplicitAny: see above.
type Params = any;

export interface PipelineNode<P = Params> {
  key: string;
  stage: string;
  /** What the run is called while this is the first unfinished node; seed 002's `video_jobs.status` for albums. */
  phase: string;
  title(params: P): string;
  needs?: readonly Need[];
  /** A failure of an optional node makes the run `partial` instead of `failed`. */
  optional?: boolean;
  /**
   * Fan-out: instead of one task, one per item: of the expander's output, or, without an expander, of the params, so that the
   * run starts with them.
   */
  each?:
    | { of: string; items(output: Params, params: P): readonly Child[] }
    | { of?: never; items(params: P): readonly Child[] };
  /** Decides, from its expander's output (`each.of`) or its first need's output, that this node is not wanted in this run. */
  unless?: { of: string; when(output: Params, params: P): boolean };
  /** The stage's input, from the run's params, the task's payload and the outputs of what it needs, keyed by task key. */
  input(context: {
    key: string;
    params: P;
    payload: Record<string, unknown>;
    outputs: Record<string, Params>;
  }): unknown;
}

export interface PipelineTemplate<P = Params> {
  name: string;
  params: z.ZodType<P>;
  nodes: readonly PipelineNode<P>[];
}

/** A task to insert; ids are made by the caller so that a repeated call inserts the same rows. */
export interface NewTask {
  id: string;
  key: string;
  stage: string;
  title: string;
  phase: string;
  position: number;
  payload: Record<string, unknown>;
  optional: boolean;
  maxAttempts: number;
  maxCrashes: number;
}

/** An edge between two tasks of one run, by key. */
export interface NewEdge {
  task: string;
  on: string;
  kind: NeedKind;
}

export interface Expansion {
  tasks: NewTask[];
  edges: NewEdge[];
  /** Keys of tasks that the pipeline decided not to do. */
  skip: string[];
}

export interface Making {
  newId(): string;
  stages: ReadonlyMap<string, AnyStage>;
}

/** Check a template once, where it is written: keys unique, needs known, wildcards only over fan-outs that can be resolved. */
export function defineTemplate<P>(template: PipelineTemplate<P>): PipelineTemplate<P> {
  const seen = new Map<string, PipelineNode<P>>();
  for (const node of template.nodes) {
    const where = `template ${template.name}, node ${node.key}`;
    if (seen.has(node.key)) throw new Error(`${where}: key is used twice`);
    if (node.each?.of !== undefined && !seen.has(node.each.of))
      throw new Error(`${where}: expands from ${node.each.of}, which is not a node before it`);
    for (const need of node.needs ?? []) {
      const { target, wildcard } = parseNeed(need);
      const on = seen.get(target);
      if (!on) throw new Error(`${where}: needs ${target}, which is not a node before it`);
      if (wildcard !== Boolean(on.each))
        throw new Error(`${where}: write ${target}${on.each ? '/*' : ''} for its need`);
      if (node.each && wildcard && on.each?.of !== node.each.of)
        throw new Error(`${where}: a fan-out may only need /* of a node with the same expander`);
    }
    if (node.each && node.each.of === undefined && node.unless)
      throw new Error(`${where}: a fan-out of the params is not wanted when it has no items; leave \`unless\` out`);
    seen.set(node.key, node);
  }
  return template;
}

function parseNeed(need: Need): { target: string; wildcard: boolean; kind: NeedKind } {
  const { on, kind } = typeof need === 'string' ? { on: need, kind: 'hard' as const } : need;
  const wildcard = on.endsWith('/*');
  return { target: wildcard ? on.slice(0, -2) : on, wildcard, kind };
}

function newTask(
  making: Making,
  node: PipelineNode,
  position: number,
  rest: Pick<NewTask, 'key' | 'title' | 'payload'>,
): NewTask {
  const stage = making.stages.get(node.stage);
  if (!stage) throw new Error(`no stage named ${node.stage} (node ${node.key})`);
  return {
    id: making.newId(),
    ...rest,
    title: rest.title.slice(0, 200),
    stage: node.stage,
    phase: node.phase,
    position,
    optional: node.optional ?? false,
    maxAttempts: stage.policy.maxAttempts,
    maxCrashes: stage.policy.maxCrashes,
  };
}

/** The tasks and edges a run starts with: every node that is not a fan-out, and the children of those that the params make. */
export function instantiate(
  template: PipelineTemplate,
  params: Params,
  making: Making,
): { tasks: NewTask[]; edges: NewEdge[] } {
  const tasks: NewTask[] = [];
  const edges: NewEdge[] = [];
  const nodes = new Map(template.nodes.map((node) => [node.key, node]));
  const born = new Map<string, string[]>();
  template.nodes.forEach((node, position) => {
    if (node.each?.of !== undefined) return;
    if (node.each) {
      const children = node.each.items(params);
      tasks.push(...children.map((child) => childTask(making, node, position, child)));
      edges.push(...children.flatMap((child) => childEdges(node, child, born)));
      born.set(
        node.key,
        children.map(({ suffix }) => `${node.key}/${suffix}`),
      );
      return;
    }
    tasks.push(newTask(making, node, position, { key: node.key, title: node.title(params), payload: {} }));
    edges.push(...staticEdges(node, nodes, born));
  });
  return { tasks, edges };
}

const childTask = (making: Making, node: PipelineNode, position: number, { suffix, title, payload }: Child): NewTask =>
  newTask(making, node, position, { key: `${node.key}/${suffix}`, title, payload });

/** What a child needs besides its expander: `siblings` are the children there are of other fan-outs, by node. */
function childEdges(node: PipelineNode, child: Child, siblings: ReadonlyMap<string, readonly string[]>): NewEdge[] {
  return [...(node.needs ?? []), ...(child.needs ?? [])].flatMap((need) => {
    const { target, wildcard, kind } = parseNeed(need);
    const on = wildcard ? (siblings.get(target) ?? []) : [target];
    return on.map((key): NewEdge => ({ task: `${node.key}/${child.suffix}`, on: key, kind }));
  });
}

/** A need of `music/*` is an edge to the expander until it has expanded; `expand` adds those to the children. */
function staticEdges(
  node: PipelineNode,
  nodes: ReadonlyMap<string, PipelineNode>,
  born: ReadonlyMap<string, readonly string[]>,
): NewEdge[] {
  const edges = new Map<string, NewEdge>();
  const add = (on: string, kind: NeedKind) => {
    if (edges.get(on)?.kind !== 'hard') edges.set(on, { task: node.key, on, kind });
  };
  for (const need of node.needs ?? []) {
    const { target, wildcard, kind } = parseNeed(need);
    const expander = nodes.get(target)?.each?.of;
    const on = !wildcard ? [target] : expander === undefined ? (born.get(target) ?? []) : [expander];
    for (const key of on) add(key, kind);
  }
  if (node.unless) add(node.unless.of, 'hard');
  return [...edges.values()];
}

/** What the completion of task `key` calls for: children of every node that expands from it, and nodes decided away. */
export function expand(
  template: PipelineTemplate,
  key: string,
  output: unknown,
  params: Params,
  making: Making,
): Expansion {
  const expansion: Expansion = { tasks: [], edges: [], skip: [] };
  const childKeys = new Map<string, string[]>();
  template.nodes.forEach((node, position) => {
    if (node.unless?.of === key && node.unless.when(output, params)) {
      if (!node.each) expansion.skip.push(node.key);
      return;
    }
    if (node.each?.of !== key) return;
    const keys: string[] = [];
    for (const child of node.each.items(output, params)) {
      const childKey = `${node.key}/${child.suffix}`;
      keys.push(childKey);
      expansion.tasks.push(childTask(making, node, position, child));
      expansion.edges.push({ task: childKey, on: key, kind: 'hard' }, ...childEdges(node, child, childKeys));
    }
    childKeys.set(node.key, keys);
  });
  for (const node of template.nodes) {
    if (node.each) continue;
    for (const need of node.needs ?? []) {
      const { target, wildcard, kind } = parseNeed(need);
      if (!wildcard) continue;
      for (const on of childKeys.get(target) ?? []) expansion.edges.push({ task: node.key, on, kind });
    }
  }
  return expansion;
}

/** The node a task belongs to: `music/07` is one of `music`. */
export function nodeOf(template: PipelineTemplate, key: string): PipelineNode {
  const exact = template.nodes.find((node) => node.key === key);
  const node = exact ?? template.nodes.find((candidate) => candidate.each && key.startsWith(`${candidate.key}/`));
  if (!node) throw new Error(`template ${template.name} has no node for task ${key}`);
  return node;
}

export const runStatuses = ['queued', 'running', 'completed', 'failed', 'partial', 'cancelled'] as const;
export type RunStatus = (typeof runStatuses)[number];

/**
 * A run's status from its tasks, first match wins. `stuck` cannot happen (a blocked task whose need has ended is
 * unblocked or skipped by the statement that ended it); tests look for it.
 */
export function runStatus(
  tasks: readonly { status: TaskStatus; optional: boolean }[],
  run: { cancelRequested: boolean; claimedOnce: boolean },
): RunStatus | 'stuck' {
  const any = (predicate: (task: { status: TaskStatus; optional: boolean }) => boolean) => tasks.some(predicate);
  if (any((task) => ['queued', 'running', 'waiting'].includes(task.status)))
    return run.claimedOnce ? 'running' : 'queued';
  if (run.cancelRequested && any((task) => task.status === 'cancelled')) return 'cancelled';
  if (any((task) => !task.optional && task.status === 'failed')) return 'failed';
  if (any((task) => !task.optional && task.status === 'cancelled')) return 'cancelled';
  if (any((task) => task.status === 'blocked')) return 'stuck';
  if (any((task) => task.status === 'failed' || task.status === 'cancelled')) return 'partial';
  return 'completed';
}
