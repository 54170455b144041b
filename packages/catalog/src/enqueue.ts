/**
 * From orders to runs. Every order of a call is checked and resolved before the first is written; then they go to the
 * ledger in batches, each one statement, and their tickets to the queue. What another operator does in between (creates
 * the same channel, takes the same identifier) is noticed by a constraint, and the batch is built anew.
 */
import {
  type AnyStage,
  type EnqueueItem,
  instantiate,
  type OperatorLedger,
  type PipelineTemplate,
  type RowChange,
  type Storage,
  type Ticket,
  UserError,
} from '@reelfleet/core';
import {
  type ChannelRecord,
  channelsLike,
  type PersonaRecord,
  personasLike,
  type ReadHandle,
  Refused,
  runsByKey,
  videosLike,
} from '@reelfleet/db';
import { v7 } from 'uuid';
import type { Enqueued, Order } from './operator-types.ts';
import {
  type CheckedAlbum,
  type CheckedOrder,
  type CheckedStage,
  checkOrder,
  firstProblem,
  MOST_SEED,
  wrong,
} from './orders.ts';
import { onlyStoredFiles } from './outside.ts';
import { pickChannel, pickPersona, slug } from './references.ts';

export interface EnqueueDeps {
  ledger: Pick<OperatorLedger, 'enqueue'>;
  reads: ReadHandle;
  storage: Pick<Storage, 'uriOf' | 'keyOf'>;
  templates: ReadonlyMap<string, PipelineTemplate>;
  stages: ReadonlyMap<string, AnyStage>;
  allStageNames: readonly string[];
  actor: string;
  send(tickets: readonly Ticket[]): Promise<void>;
}

/** Runs per ledger call: big enough that the round trip is nothing, small enough to stay far under the time limits. */
const BATCH = 500;
/** A constraint that refused a batch has let the next build see why; twice is luck, five times is a fault. */
const TRIES = 5;
const LOOKUP = 1_000;

/** Enqueue orders; answers in their order. Throws UserError, exit code 2, when any of them is wrong: then nothing was enqueued. */
export async function enqueueOrders(
  deps: EnqueueDeps,
  orders: readonly Order[],
  { localFiles = true }: { localFiles?: boolean } = {},
): Promise<Enqueued[]> {
  const checked = orders.map((order, index) => checkOrder(order, index, orders.length, deps));
  const known = await inParts(keysOf(checked), (keys) => runsByKey(deps.reads, keys).then((map) => [...map]));
  const first = new Map(known);
  const answers: (Enqueued | undefined)[] = checked.map((order) => {
    const runId = order.key === null ? undefined : first.get(order.key);
    return runId === undefined ? undefined : { runId, created: false };
  });
  const open = [...checked.keys()].filter((index) => answers[index] === undefined);
  const ordersOf = (indexes: readonly number[]) => indexes.map((index) => checked[index] as CheckedOrder);
  // A known key is answered with its run, whatever has become of the file since.
  if (!localFiles) await onlyStoredFiles(deps, ordersOf(open));

  const names = await resolve(deps, ordersOf(open));
  const identifiers = new Identifiers(orders.length > 1);
  // Built once for the look of it: what a template refuses is found before anything is written. Not kept, since a
  // million orders are small and a million runs are not.
  for (const order of ordersOf(open)) if (order.kind === 'album') build(deps, order, names, identifiers);

  for (let start = 0; start < open.length; start += BATCH) {
    const part = open.slice(start, start + BATCH);
    const { runs, tickets } = await enqueueBatch(deps, ordersOf(part), names, identifiers).catch((error) => {
      throw start === 0 ? error : interrupted(error, start, open.length);
    });
    part.forEach((index, at) => {
      const run = runs[at];
      if (!run) throw new Error(`the ledger answered ${runs.length} of ${part.length} runs`);
      answers[index] = { runId: run.runId, created: run.created };
    });
    await deps.send(tickets);
  }
  return answers as Enqueued[];
}

async function enqueueBatch(
  deps: EnqueueDeps,
  orders: readonly CheckedOrder[],
  names: Names,
  identifiers: Identifiers,
) {
  for (let tries = 1; ; tries++) {
    try {
      const items = orders.map((order) => build(deps, order, names, identifiers));
      return await deps.ledger.enqueue(items, deps.actor);
    } catch (error) {
      if (tries === TRIES || !overtaken(error)) throw error;
      // Later batches name the same things: let them know the rows that won, too.
      const fresh = await resolve(deps, orders);
      for (const [ref, channel] of fresh.channels) names.channels.set(ref, channel);
      for (const [ref, persona] of fresh.personas) names.personas.set(ref, persona);
      for (const [ref, video] of fresh.videos) names.videos.set(ref, video);
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

/** Somebody else was quicker: a row we were about to refer to is another now (23503), or a name is taken (23505). */
const overtaken = (error: unknown): boolean =>
  error instanceof Refused &&
  (error.code === '23503' || (error.code === '23505' && /identifier|name/.test(error.constraint ?? '')));

/** What the orders' references mean. */
interface Names {
  channels: Map<string, Pick<ChannelRecord, 'id' | 'name' | 'brandNiche'>>;
  personas: Map<string, PersonaRecord>;
  videos: Map<string, { id: string; identifier: string }>;
}

async function resolve(deps: EnqueueDeps, orders: readonly CheckedOrder[]): Promise<Names> {
  const names: Names = { channels: new Map(), personas: new Map(), videos: new Map() };
  const albums = orders.filter((order) => order.kind === 'album');
  const channelRows = await inParts(distinct(albums.map((order) => order.channel)), (refs) =>
    channelsLike(deps.reads, refs),
  );
  const personaRows = await inParts(distinct(albums.map((order) => order.persona)), (refs) =>
    personasLike(deps.reads, refs),
  );
  const videoRefs = distinct(orders.map((order) => (order.kind === 'stage' ? order.video : undefined)));
  const videoRows = await inParts(videoRefs, (refs) => videosLike(deps.reads, refs));

  const coined = new Map<string, string>();
  for (const order of albums) {
    within(order.where, () => {
      if (order.persona !== undefined) names.personas.set(order.persona, pickPersona(order.persona, personaRows));
      if (names.channels.has(order.channel)) return;
      const channel = pickChannel(order.channel, channelRows);
      if (channel) {
        names.channels.set(order.channel, channel);
        return;
      }
      const twin = coined.get(order.channel.toLowerCase());
      if (twin)
        throw wrong(
          `"${order.channel}" and "${twin}" differ in upper and lower case only: write the new channel's name one way`,
        );
      if (order.niche === undefined)
        throw wrong(
          `there is no channel "${order.channel}" yet, and making it needs to know its niche: give one (--niche)`,
        );
      coined.set(order.channel.toLowerCase(), order.channel);
      names.channels.set(order.channel, { id: v7(), name: order.channel, brandNiche: order.niche });
    });
  }
  for (const order of orders) {
    if (order.kind !== 'stage' || order.video === undefined) continue;
    const ref = order.video;
    const video =
      videoRows.find((row) => row.id === ref.toLowerCase()) ?? videoRows.find((row) => row.identifier === ref);
    if (!video)
      throw new UserError(`${order.where}there is no video "${ref}": give its id or identifier`, { kind: 'missing' });
    names.videos.set(ref, video);
  }
  return names;
}

function build(deps: EnqueueDeps, order: CheckedOrder, names: Names, identifiers: Identifiers): EnqueueItem {
  return order.kind === 'album'
    ? buildAlbum(deps, order, names, identifiers)
    : buildStage(deps, order, names, identifiers);
}

function buildAlbum(deps: EnqueueDeps, order: CheckedAlbum, names: Names, identifiers: Identifiers): EnqueueItem {
  const runId = v7();
  const videoId = v7();
  const videoJobId = v7();
  const channel = names.channels.get(order.channel);
  if (!channel) throw new Error(`channel ${order.channel} was not resolved`);
  const persona = order.persona === undefined ? undefined : names.personas.get(order.persona);
  const niche = order.niche ?? channel.brandNiche;
  const title = order.title ?? niche;
  // Titles repeat, identifiers do not: the end of the id tells two apart.
  const identifier = `${slug(title, 60)}-${videoId.slice(-8)}`;
  const template = templateOf(deps, 'album');
  const params = paramsOf(template, order.where, {
    channel: channel.name,
    channelId: channel.id,
    videoId,
    videoJobId,
    niche,
    moods: order.moods,
    minutes: order.minutes,
    tracks: order.tracks,
    preview: order.preview,
    secondsPerTrack: order.secondsPerTrack,
    persona: persona?.name,
    seed: order.seed ?? Number.parseInt(runId.slice(-8), 16) % MOST_SEED,
    title: order.title,
  });
  const before: RowChange[] = [
    { op: 'keep', table: 'channels', values: { id: channel.id, name: channel.name, brand_niche: channel.brandNiche } },
    {
      op: 'insert',
      table: 'videos',
      values: {
        id: videoId,
        identifier,
        title,
        persona_id: persona?.id ?? null,
        channel_id: channel.id,
        status: 'pending',
        review_status: 'draft',
      },
    },
  ];
  const after: RowChange[] = [
    {
      op: 'insert',
      table: 'video_jobs',
      values: {
        id: videoJobId,
        run_id: runId,
        video_id: videoId,
        channel_id: channel.id,
        niche_label: niche,
        mood_keywords: order.moods.join(', '),
        target_duration_minutes: order.minutes,
        track_count: order.tracks,
        preview: order.preview,
        output_directory: deps.storage.uriOf(`runs/${runId}`),
      },
    },
  ];
  return {
    run: {
      id: runId,
      identifier: identifiers.next(slug(title, 60), runId),
      idempotencyKey: order.key,
      template: template.name,
      videoId,
      channelId: channel.id,
      generationConfigId: null,
      // The ledger carries the video's status along with a run that says it makes its video.
      params: { ...params, makesVideo: true },
      priority: order.priority,
      phase: template.nodes[0]?.phase ?? '',
    },
    ...instantiate(template, params, { newId: v7, stages: deps.stages }),
    before,
    after,
  };
}

function buildStage(deps: EnqueueDeps, order: CheckedStage, names: Names, identifiers: Identifiers): EnqueueItem {
  const runId = v7();
  const video = order.video === undefined ? undefined : names.videos.get(order.video);
  const single = templateOf(deps, 'single');
  const params = paramsOf(single, order.where, { stage: order.stage, input: order.input });
  // The template holds one node per stage; this run starts with its own only.
  const template = { ...single, nodes: single.nodes.filter((node) => node.stage === order.stage) };
  return {
    run: {
      id: runId,
      identifier: identifiers.next(slug(video?.identifier ?? order.stage, 60), runId),
      idempotencyKey: order.key,
      template: single.name,
      videoId: video?.id ?? null,
      channelId: null,
      generationConfigId: null,
      params,
      priority: order.priority,
      phase: template.nodes[0]?.phase ?? '',
    },
    ...instantiate(template, params, { newId: v7, stages: deps.stages }),
    before: [],
    after: [],
  };
}

function templateOf(deps: EnqueueDeps, name: string): PipelineTemplate {
  const template = deps.templates.get(name);
  if (!template) throw new Error(`no template named ${name}`);
  return template;
}

function paramsOf(template: PipelineTemplate, where: string, params: Record<string, unknown>): Record<string, unknown> {
  const given = Object.fromEntries(Object.entries(params).filter(([, value]) => value !== undefined));
  const checked = template.params.safeParse(given);
  if (!checked.success) throw wrong(where + firstProblem(checked.error, `the order of template ${template.name}`));
  return checked.data as Record<string, unknown>;
}

/** `pipeline:<video, channel or stage>:<epoch ms>`; in bulk, where many share the millisecond, with the end of the run's id. */
class Identifiers {
  readonly #bulk: boolean;
  constructor(bulk: boolean) {
    this.#bulk = bulk;
  }
  next(name: string, runId: string): string {
    return `pipeline:${name}:${Date.now()}${this.#bulk ? `-${runId.slice(-8)}` : ''}`;
  }
}

function within<T>(where: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (where === '' || !(error instanceof UserError)) throw error;
    throw new UserError(where + error.message, { exitCode: error.exitCode, kind: error.kind, cause: error });
  }
}

const distinct = (refs: readonly (string | undefined)[]): string[] =>
  [...new Set(refs)].filter((ref) => ref !== undefined);
const keysOf = (orders: readonly CheckedOrder[]): string[] => distinct(orders.map((order) => order.key ?? undefined));

async function inParts<T>(refs: readonly string[], look: (part: readonly string[]) => Promise<T[]>): Promise<T[]> {
  const found: T[] = [];
  for (let start = 0; start < refs.length; start += LOOKUP)
    found.push(...(await look(refs.slice(start, start + LOOKUP))));
  return found;
}
