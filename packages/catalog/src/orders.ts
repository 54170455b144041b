/**
 * Orders, checked before anything is written. Pure: a wrong order ends here as one sentence (UserError, exit code 2)
 * that says which order, what is wrong and what to do; a right one comes out with its defaults filled in.
 */
import { nearest } from '@reelfleet/config';
import type { AnyStage } from '@reelfleet/core';
import { lives, notAlone } from '@reelfleet/pipelines';
import { z } from 'zod';
import { lookAtInput } from './inputs.ts';
import type { Order } from './operator-types.ts';
import { type CheckedIngest, checkIngest, ingestAlone, ingestFields, ingestShape } from './order-ingest.ts';
import {
  type CheckedClips,
  type CheckedFull,
  type CheckedMoments,
  checkClips,
  checkFull,
  checkMoments,
  clipsFields,
  fullFields,
  fullShape,
  momentsFields,
} from './order-moments.ts';
import { firstProblem, line, whole, wrong } from './order-words.ts';

export const ALBUM_TRACKS = 20;
export const ALBUM_MINUTES = { least: 60, most: 90 } as const;
/** A preview is to be heard in seconds: four tracks of twenty seconds unless the order says otherwise. */
const PREVIEW = { tracks: 4, seconds: 20 } as const;
const TRACK_SECONDS = { least: 5, most: 600 } as const;
const MOST_MOODS = 20;
export const MOST_SEED = 2_147_483_647;

export interface CheckedAlbum {
  kind: 'album';
  /** `order 3: ` in bulk, empty otherwise: how a sentence about this order begins. */
  where: string;
  channel: string;
  niche: string | undefined;
  moods: string[];
  minutes: number;
  tracks: number;
  preview: boolean;
  secondsPerTrack: number | undefined;
  /** Of the picture, in pixels; that of every album when left out. */
  size: { width: number; height: number } | undefined;
  persona: string | undefined;
  title: string | undefined;
  seed: number | undefined;
  key: string | null;
  priority: number;
}

export interface CheckedStage {
  kind: 'stage';
  where: string;
  stage: string;
  input: Record<string, unknown>;
  video: string | undefined;
  key: string | null;
  priority: number;
}

export type CheckedOrder = CheckedAlbum | CheckedStage | CheckedIngest | CheckedMoments | CheckedClips | CheckedFull;

const shared = {
  key: z.string().optional().describe('The same key again answers with the first run'),
  priority: z.number().optional().describe('Higher goes first; a whole number from -32768 to 32767, 0 by default'),
};

/** What an order of each kind may say, and in which types; what the values may be is checked below, in sentences. */
export const orderFields = {
  album: {
    channel: z.string().describe('Id or name of the channel; a new name makes a channel'),
    niche: z.string().optional().describe('What the channel is about; needed for a new channel'),
    moods: z.array(z.string()).describe(`One to ${MOST_MOODS} moods`),
    minutes: z
      .number()
      .optional()
      .describe(`Length of the album: ${ALBUM_MINUTES.least} (the default) to ${ALBUM_MINUTES.most} whole minutes`),
    persona: z.string().optional().describe('Id or name of a persona'),
    preview: z.boolean().optional().describe('A short one: lifts the limits on minutes and tracks'),
    tracks: z
      .number()
      .optional()
      .describe(`How many tracks a preview has, up to ${ALBUM_TRACKS}; an album has exactly ${ALBUM_TRACKS}`),
    seconds: z.number().optional().describe("Target length of each of a preview's tracks"),
    size: z.string().optional().describe("Size of a preview's picture, for example 640x360; an album has 1920x1080"),
    title: z.string().optional().describe('Title of the video; made up otherwise'),
    seed: z.number().optional().describe('Chooses the variation of the built-in providers'),
    ...shared,
  },
  stage: {
    stage: z.string().describe('Which stage to run by itself'),
    input: z.record(z.string(), z.unknown()).describe("The stage's input; the stage checks it"),
    video: z.string().optional().describe('Id or identifier of the video it belongs to'),
    ...shared,
  },
  ingest: { ...ingestFields, ...ingestAlone, ...shared },
  moments: { ...momentsFields, ...shared },
  clips: { ...clipsFields, ...shared },
  full: { ...fullFields, ...shared },
} as const;

const orderShape = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('album'), ...orderFields.album }),
  z.strictObject({ kind: z.literal('stage'), ...orderFields.stage }),
  z.strictObject({ kind: z.literal('ingest'), ...orderFields.ingest, ...ingestShape }),
  z.strictObject({ kind: z.literal('moments'), ...orderFields.moments }),
  z.strictObject({ kind: z.literal('clips'), ...orderFields.clips }),
  z.strictObject({ kind: z.literal('full'), ...orderFields.full, ...fullShape }),
]);

export interface KnownStages {
  /** The stages this version runs. */
  stages: ReadonlyMap<string, AnyStage>;
  /** Those and the ones other versions run. */
  allStageNames: readonly string[];
}

/** Check one order of a batch of `of`. Throws UserError. */
export function checkOrder(order: Order, index: number, of: number, known: KnownStages): CheckedOrder {
  const where = of > 1 ? `order ${index + 1}: ` : '';
  const shape = orderShape.safeParse(order);
  if (!shape.success) throw wrong(where + firstProblem(shape.error, 'the order'));
  const priority = whole(where, 'priority', shape.data.priority ?? 0, -32_768, 32_767);
  const key = shape.data.key === undefined ? null : line(where, 'key', shape.data.key, 200);
  return { ...checkKind(shape.data, where, known), key, priority };
}

function checkKind(order: z.infer<typeof orderShape>, where: string, known: KnownStages) {
  switch (order.kind) {
    case 'album':
      return checkAlbum(order, where);
    case 'stage':
      return checkStage(order, where, known);
    case 'ingest':
      return { kind: order.kind, ...checkIngest(order, where) };
    case 'moments':
      return checkMoments(order, where);
    case 'clips':
      return checkClips(order, where);
    case 'full':
      return checkFull(order, where);
    default:
      return order satisfies never;
  }
}

type Shape<K extends Order['kind']> = Extract<z.infer<typeof orderShape>, { kind: K }>;

function checkAlbum(order: Shape<'album'>, where: string): Omit<CheckedAlbum, 'key' | 'priority'> {
  const channel = line(where, 'channel', order.channel, 255);
  const niche = order.niche === undefined ? undefined : line(where, 'niche', order.niche, 255);
  const moods = order.moods.map((mood) => mood.trim()).filter((mood) => mood !== '');
  if (moods.length === 0) throw wrong(`${where}moods names none: give at least one, for example "calm, warm"`);
  if (moods.length > MOST_MOODS) throw wrong(`${where}moods names ${moods.length}: give at most ${MOST_MOODS}`);
  for (const mood of moods) line(where, 'moods', mood, 100);
  const seed = order.seed === undefined ? undefined : whole(where, 'seed', order.seed, 0, MOST_SEED);
  return {
    kind: 'album',
    where,
    channel,
    niche,
    moods,
    ...checkLength(order, where),
    size: checkSize(order, where),
    persona: order.persona === undefined ? undefined : line(where, 'persona', order.persona, 255),
    title: order.title === undefined ? undefined : line(where, 'title', order.title, 200),
    seed,
  };
}

/** An album has 20 tracks and lasts 60 to 90 minutes; a preview is free within sense. */
function checkLength(order: Shape<'album'>, where: string) {
  const { least, most } = ALBUM_MINUTES;
  if (!order.preview) {
    const { minutes = least, tracks = ALBUM_TRACKS, seconds } = order;
    if (!Number.isInteger(minutes) || minutes < least || minutes > most)
      throw wrong(
        `${where}minutes is ${minutes}, but an album lasts ${least} to ${most} whole minutes: choose one of these, or make it a preview`,
      );
    if (tracks !== ALBUM_TRACKS)
      throw wrong(
        `${where}tracks is ${tracks}, but an album has exactly ${ALBUM_TRACKS}: leave it out, or make it a preview`,
      );
    if (seconds !== undefined)
      throw wrong(`${where}seconds sets the length of a preview's tracks: leave it out, or make it a preview`);
    return { preview: false, minutes, tracks, secondsPerTrack: undefined };
  }
  const tracks = whole(where, 'tracks', order.tracks ?? PREVIEW.tracks, 1, ALBUM_TRACKS);
  const minutes = order.minutes === undefined ? undefined : whole(where, 'minutes', order.minutes, 1, most);
  const perTrack = order.seconds ?? (minutes === undefined ? PREVIEW.seconds : (minutes * 60) / tracks);
  if (!(perTrack >= TRACK_SECONDS.least && perTrack <= TRACK_SECONDS.most))
    throw wrong(
      `${where}${order.seconds === undefined ? `${minutes} minutes of ${tracks} tracks make tracks of ${perTrack} seconds` : `seconds is ${perTrack}`}: a track lasts ${TRACK_SECONDS.least} to ${TRACK_SECONDS.most} seconds`,
    );
  // The row keeps whole minutes, at least one; what is made follows the seconds.
  const lasts = Math.max(1, Math.round((tracks * perTrack) / 60));
  if (lasts > most)
    throw wrong(`${where}${tracks} tracks of ${perTrack} seconds last ${lasts} minutes: a preview may last ${most}`);
  return { preview: true, minutes: lasts, tracks, secondsPerTrack: perTrack };
}

/** Even sides, as the codecs want them, in the limits of the template. */
function checkSize({ size, preview }: Shape<'album'>, where: string): CheckedAlbum['size'] {
  if (size === undefined) return undefined;
  if (!preview) throw wrong(`${where}size sets the picture of a preview: leave it out, or make it a preview`);
  const [, width, height] = (/^(\d{1,4})x(\d{1,4})$/.exec(size) ?? []).map(Number);
  const fits = (side: number | undefined, most: number): side is number =>
    side !== undefined && side % 2 === 0 && side >= 64 && side <= most;
  if (fits(width, 3840) && fits(height, 2160)) return { width, height };
  throw wrong(
    `${where}size is ${JSON.stringify(size)}: it takes two even numbers of pixels from 64x64 to 3840x2160, for example 640x360`,
  );
}

function checkStage(order: Shape<'stage'>, where: string, known: KnownStages): Omit<CheckedStage, 'key' | 'priority'> {
  const stage = known.stages.get(order.stage);
  if (!stage) throw wrong(where + unknownStage(order.stage, known));
  if ((lives as readonly string[]).includes(stage.name)) throw wrong(where + notAlone(stage.name));
  const { problem } = lookAtInput(order.input);
  if (problem) throw wrong(`${where}the input of stage ${stage.name} cannot be taken: ${problem}`);
  const input = stage.input.safeParse(order.input);
  if (!input.success) throw wrong(where + firstProblem(input.error, `the input of stage ${stage.name}`));
  const video = order.video === undefined ? undefined : line(where, 'video', order.video, 255);
  // As it was given: the worker parses it again, and a default of a later version is then that version's.
  return { kind: 'stage', where, stage: stage.name, input: order.input, video };
}

/** Why a stage cannot be asked for, as a sentence. */
export function unknownStage(name: string, { stages, allStageNames }: KnownStages): string {
  if (allStageNames.includes(name))
    return `stage "${name}" is not part of this version: it runs ${[...stages.keys()].join(', ')}`;
  const close = nearest(name, allStageNames);
  return `there is no stage "${name}": ${close ? `did you mean "${close}"?` : `the stages are ${allStageNames.join(', ')}`}`;
}
