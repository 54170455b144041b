/**
 * From orders to runs. Every order of a call is checked and resolved before the first is written; then they go to the
 * ledger in batches, each one statement, and their tickets to the queue. What another operator does in between (creates
 * the same channel, takes the same identifier, brings in the same source) is noticed by a constraint, and the batch is
 * built anew.
 */
import { type OperatorLedger, type Storage, type Ticket, UserError } from '@reelfleet/core';
import { type ReadHandle, Refused, runsByKey, videosOfRuns } from '@reelfleet/db';
import { type BuildDeps, Identifiers } from './build.ts';
import { type Answer, answerFor, build, existing } from './build-order.ts';
import { configsOfAll, openConfigs, provisionalOf } from './configs.ts';
import { distinct, inParts, learn, type Names, resolve, sourceOf } from './names.ts';
import type { Answered, Ingested, Order } from './operator-types.ts';
import { sourceKey } from './order-ingest.ts';
import { type CheckedOrder, checkOrder, type KnownStages } from './orders.ts';
import { onlyStoredFiles } from './outside.ts';

export interface EnqueueDeps extends BuildDeps, KnownStages {
  ledger: Pick<OperatorLedger, 'enqueue' | 'ensureConfig'>;
  reads: ReadHandle;
  storage: Pick<Storage, 'uriOf' | 'keyOf' | 'stat'>;
  actor: string;
  /** Which language model is asked where an order names none. */
  languageModel: string;
  send(tickets: readonly Ticket[]): Promise<void>;
}

/** Runs per ledger call: big enough that the round trip is nothing, small enough to stay far under the time limits. */
const BATCH = 500;
/** A constraint that refused a batch has let the next build see why; twice is luck, five times is a fault. */
const TRIES = 5;

/** Enqueue orders; answers in their order. Throws UserError, exit code 2, when any of them is wrong: then nothing was enqueued. */
export async function enqueueOrders<O extends Order>(
  deps: EnqueueDeps,
  orders: readonly O[],
  options: { localFiles?: boolean } = {},
): Promise<Answered<O>[]> {
  const { checked, answers, names, identifiers } = await look(deps, orders, options);
  const open = [...checked.keys()].filter((index) => answers[index] === undefined);
  const twins = twinsAmong(checked, open);
  const fresh = open.filter((index) => !twins.has(index));
  await uploadsAreThere(deps, ordersOf(checked, fresh));
  const configsOf = openConfigs(deps.ledger);

  for (let start = 0; start < fresh.length; start += BATCH) {
    const part = fresh.slice(start, start + BATCH);
    const batch = await enqueueBatch(deps, ordersOf(checked, part), names, identifiers, configsOf).catch((error) => {
      throw start === 0 ? error : interrupted(error, start, fresh.length);
    });
    for (const [at, index] of part.entries()) answers[index] = batch.answers[at];
    await deps.send(batch.tickets);
  }
  for (const [index, first] of twins) answers[index] = { ...(answers[first] as Answer), created: false };
  return answers as Answered<O>[];
}

/** What would become of an order, as far as it can be told without writing: its answer when it is there already, or null. */
export async function lookAtOrder(
  deps: EnqueueDeps,
  order: { kind: 'ingest' | 'full' } & Order,
): Promise<Ingested | null> {
  const { answers } = await look(deps, [order], {});
  return (answers[0] as Ingested | undefined) ?? null;
}

/** All checks, before anything is written. */
async function look(deps: EnqueueDeps, orders: readonly Order[], { localFiles = true }: { localFiles?: boolean }) {
  const checked = orders.map((order, index) => checkOrder(order, index, orders.length, deps));
  const answers = await knownKeys(deps, checked);
  const open = ordersOf(
    checked,
    [...checked.keys()].filter((index) => answers[index] === undefined),
  );
  // A known key is answered with its run, whatever has become of the file since.
  if (!localFiles) await onlyStoredFiles(deps, open);
  const names = await resolve(deps.reads, open);
  const identifiers = new Identifiers(orders.length > 1);
  for (const [index, order] of checked.entries()) {
    if (answers[index] !== undefined || order.kind === 'stage') continue;
    answers[index] = existing(order, names);
    // Built once for the look of it: what a template refuses is found before anything is written. Not kept, since a
    // million orders are small and a million runs are not.
    if (answers[index] === undefined) build(deps, order, names, identifiers, provisionalOf(order, deps.languageModel));
  }
  return { checked, answers, names, identifiers };
}

const ordersOf = (checked: readonly CheckedOrder[], indexes: readonly number[]): CheckedOrder[] =>
  indexes.map((index) => checked[index] as CheckedOrder);

/** The answers of orders whose key was given before. */
async function knownKeys(deps: EnqueueDeps, checked: readonly CheckedOrder[]): Promise<(Answer | undefined)[]> {
  const keys = distinct(checked.map((order) => order.key ?? undefined));
  const first = new Map(await inParts(keys, (part) => runsByKey(deps.reads, part).then((map) => [...map])));
  const ofVideo = ({ kind }: CheckedOrder) => kind !== 'album' && kind !== 'stage';
  const ingested = checked.flatMap((order) => (ofVideo(order) && order.key !== null ? [first.get(order.key)] : []));
  const videos = new Map(
    await inParts(distinct(ingested), (part) => videosOfRuns(deps.reads, part).then((map) => [...map])),
  );
  return checked.map((order): Answer | undefined => {
    const runId = order.key === null ? undefined : first.get(order.key);
    if (runId === undefined) return undefined;
    if (!ofVideo(order)) return { runId, created: false };
    const answer = { runId, created: false, video: videos.get(runId) ?? null };
    return order.kind === 'clips' ? { ...answer, clips: [] } : answer;
  });
}

/** Of several orders of one source the first counts: by the place of each other one, the place of the first. */
function twinsAmong(checked: readonly CheckedOrder[], open: readonly number[]): Map<number, number> {
  const first = new Map<string, number>();
  const twins = new Map<number, number>();
  for (const index of open) {
    const part = sourceOf(checked[index] as CheckedOrder);
    if (part === null) continue;
    const key = sourceKey(part.source);
    const before = first.get(key);
    if (before === undefined) first.set(key, index);
    else twins.set(index, before);
  }
  return twins;
}

async function uploadsAreThere({ storage }: EnqueueDeps, orders: readonly CheckedOrder[]): Promise<void> {
  for (const order of orders) {
    const source = sourceOf(order)?.source;
    if (source?.kind !== 'upload') continue;
    const { uri, sizeBytes } = source.upload;
    if ((await storage.stat(uri))?.sizeBytes === sizeBytes) continue;
    throw new UserError(`${order.where}${uri} is not in the store as it was uploaded: upload the file again`, {
      kind: 'missing',
    });
  }
}

async function enqueueBatch(
  deps: EnqueueDeps,
  orders: readonly CheckedOrder[],
  names: Names,
  identifiers: Identifiers,
  configsOf: ReturnType<typeof openConfigs>,
): Promise<{ answers: Answer[]; tickets: readonly Ticket[] }> {
  for (let tries = 1; ; tries++) {
    try {
      const there = orders.map((order) => existing(order, names));
      const configs = await configsOfAll(configsOf, orders, deps.languageModel, (order) =>
        order.kind === 'moments' ? (names.subjects.get(order.video)?.transcript?.id ?? null) : null,
      );
      const items = orders.map((order, at) => (there[at] ? null : build(deps, order, names, identifiers, configs[at])));
      const missing = items.filter((item) => item !== null);
      const { runs, tickets } =
        missing.length > 0 ? await deps.ledger.enqueue(missing, deps.actor) : { runs: [], tickets: [] };
      const byId = new Map(runs.map((run) => [run.id, run]));
      const answers = items.map((item, at): Answer => {
        if (item === null) return there[at] as Answer;
        const run = byId.get(item.run.id);
        if (!run) throw new Error(`the ledger answered ${runs.length} of ${missing.length} runs`);
        return answerFor({ runId: run.runId, created: run.created }, item, orders[at] as CheckedOrder, names);
      });
      return { answers, tickets };
    } catch (error) {
      if (tries === TRIES || !overtaken(error)) throw error;
      learn(names, await resolve(deps.reads, orders));
    }
  }
}

/** A bulk that stopped half-way says how far it came. */
function interrupted(error: unknown, done: number, of: number): unknown {
  if (!(error instanceof UserError)) return error;
  return new UserError(`${error.message}; the first ${done} of ${of} orders were enqueued before`, {
    exitCode: error.exitCode,
    kind: error.kind,
    cause: error.cause,
  });
}

/** Somebody else was quicker: a row we were about to refer to is another now (23503), or what is unique is taken (23505). */
const overtaken = (error: unknown): boolean =>
  error instanceof Refused &&
  (error.code === '23503' ||
    (error.code === '23505' && /identifier|name|slug|source_(url|sha256)/.test(error.constraint ?? '')));
