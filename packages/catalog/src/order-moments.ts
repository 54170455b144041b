/**
 * Orders about what is said and seen in a video: its moments, clips of them, or everything at once (`full`). Pure. What the
 * video must have for it (a source, a transcript, moments) is looked at where the run is built.
 */
import { z } from 'zod';
import { checkIngest, checkLanguage, checkStream, type IngestPart, ingestFields, ingestShape } from './order-ingest.ts';
import { line, whole, wrong } from './order-words.ts';

/** A clip begins this long before its moment and ends this long after it, where the video has so much: room to breathe. */
export const PADDING = { left: 1, right: 2 } as const;
const MOST_PADDING = 120;
const MOMENT_SECONDS = { least: 1, most: 3_600 } as const;
const MOST_MOMENTS = 100;
const LONGEST_PROMPT = 8_000;

const paddingFields = {
  paddingLeft: z
    .number()
    .optional()
    .describe(`Seconds a clip begins before its moment, 0 to ${MOST_PADDING}; ${PADDING.left} by default`),
  paddingRight: z
    .number()
    .optional()
    .describe(`Seconds a clip ends after its moment, 0 to ${MOST_PADDING}; ${PADDING.right} by default`),
};

const askedFields = {
  prompt: z.string().optional().describe('What to look for, in your own words'),
  minLength: z.number().optional().describe('Seconds a moment lasts at least'),
  maxLength: z.number().optional().describe('Seconds a moment lasts at most'),
  minMoments: z.number().optional().describe('How many moments there should be at least'),
  maxMoments: z.number().optional().describe('How many moments there may be'),
  model: z.string().optional().describe('Which model to ask; that of the settings by default'),
  temperature: z.number().optional().describe('How freely it answers, 0 to 2; its own by default'),
  topP: z.number().optional().describe('Sampling of the model, above 0 to 1; its own by default'),
  topK: z.number().optional().describe('Sampling of the model, a whole number; its own by default'),
  refine: z
    .string()
    .optional()
    .describe('Look at each moment again and better its bounds and title: how, in your own words'),
  clips: z.boolean().optional().describe('Whether to cut a clip of each moment; true by default'),
  ...paddingFields,
};

const video = z.string().describe('Id or identifier of a video that is here');

export const momentsFields = { video, ...askedFields } as const;
export const clipsFields = {
  video,
  moments: z
    .array(z.string())
    .optional()
    .describe('Identifiers or ids of its moments; all that have no clip by default'),
  replace: z.boolean().optional().describe('Cut moments anew that have a clip: the new one takes its place'),
  ...paddingFields,
} as const;
const ofVideoHere = video.optional().describe('Id or identifier of a video that is here, instead of a source');
export const fullFields = { ...ingestFields, video: ofVideoHere, ...askedFields } as const;
export const fullShape = { ...ingestShape, video: ofVideoHere, ...askedFields } as const;

type Asked = z.infer<z.ZodObject<typeof askedFields>>;

/** How moments are asked for, with null for what is left open: a config and its prompts without their ids. */
export interface Wish {
  userPrompt: string | null;
  model: string | null;
  temperature: number | null;
  topP: number | null;
  topK: number | null;
  minMomentLength: number | null;
  maxMomentLength: number | null;
  minMoments: number | null;
  maxMoments: number | null;
  /** Null: they are left as they are found. */
  refine: string | null;
}

export interface Cut {
  paddingLeft: number;
  paddingRight: number;
}

interface Ordered {
  where: string;
  key: string | null;
  priority: number;
}

export interface CheckedMoments extends Ordered {
  kind: 'moments';
  video: string;
  wish: Wish;
  clips: boolean;
  cut: Cut;
}

export interface CheckedClips extends Ordered {
  kind: 'clips';
  video: string;
  /** Undefined: all that have no clip; with `replace`, all. */
  moments: string[] | undefined;
  replace: boolean;
  cut: Cut;
}

export interface CheckedFull extends Ordered {
  kind: 'full';
  /** A video that is here, or a source that is to become one. */
  of: ({ video: string } & Pick<IngestPart, 'qualities' | 'codec' | 'language'>) | IngestPart;
  wish: Wish;
  clips: boolean;
  cut: Cut;
}

export function checkMoments(
  order: z.infer<z.ZodObject<typeof momentsFields>>,
  where: string,
): Omit<CheckedMoments, 'key' | 'priority'> {
  return { kind: 'moments', where, video: line(where, 'video', order.video, 255), ...checkAsked(order, where) };
}

export function checkClips(
  order: z.infer<z.ZodObject<typeof clipsFields>>,
  where: string,
): Omit<CheckedClips, 'key' | 'priority'> {
  if (order.moments?.length === 0)
    throw wrong(`${where}moments names none: give at least one, or leave it out for all that have no clip`);
  return {
    kind: 'clips',
    where,
    video: line(where, 'video', order.video, 255),
    moments: order.moments && [...new Set(order.moments.map((moment) => line(where, 'moments', moment, 100)))],
    replace: order.replace ?? false,
    cut: checkCut(order, where),
  };
}

/** Of a source only: a video that is here has these already. */
const OF_SOURCE = ['fileName', 'title', 'identifier', 'category', 'tags'] as const;

export function checkFull(
  order: z.infer<z.ZodObject<typeof fullShape>>,
  where: string,
): Omit<CheckedFull, 'key' | 'priority'> {
  const { video } = order;
  if (video === undefined) {
    if (order.url === undefined && order.upload === undefined)
      throw wrong(`${where}the order names nothing to work on: give a file, an address (url), or a video that is here`);
    return { kind: 'full', where, of: checkIngest(order, where), ...checkAsked(order, where) };
  }
  if (order.url !== undefined || order.upload !== undefined)
    throw wrong(`${where}the order names a video that is here and a source: give one of them`);
  const strange = OF_SOURCE.find((field) => order[field] !== undefined);
  if (strange !== undefined)
    throw wrong(
      `${where}${strange} is for a video that comes in, and "${video}" is here: leave it out (reelfleet videos edit changes it)`,
    );
  const language = order.language === undefined ? undefined : checkLanguage(order.language, where);
  return {
    kind: 'full',
    where,
    of: { video: line(where, 'video', video, 255), ...checkStream(order, where), language },
    ...checkAsked(order, where),
  };
}

function checkAsked(order: Asked, where: string): { wish: Wish; clips: boolean; cut: Cut } {
  const { least, most } = MOMENT_SECONDS;
  const wish: Wish = {
    userPrompt: order.prompt === undefined ? null : words(where, 'prompt', order.prompt),
    model: order.model === undefined ? null : line(where, 'model', order.model, 100),
    temperature: within(where, 'temperature', order.temperature, 0, 2),
    topP: within(where, 'topP', order.topP, 0.001, 1),
    topK: order.topK === undefined ? null : whole(where, 'topK', order.topK, 1, 1_000),
    minMomentLength: within(where, 'minLength', order.minLength, least, most),
    maxMomentLength: within(where, 'maxLength', order.maxLength, least, most),
    minMoments: order.minMoments === undefined ? null : whole(where, 'minMoments', order.minMoments, 1, MOST_MOMENTS),
    maxMoments: order.maxMoments === undefined ? null : whole(where, 'maxMoments', order.maxMoments, 1, MOST_MOMENTS),
    refine: order.refine === undefined ? null : words(where, 'refine', order.refine),
  };
  inOrder(where, 'minLength', wish.minMomentLength, 'maxLength', wish.maxMomentLength);
  inOrder(where, 'minMoments', wish.minMoments, 'maxMoments', wish.maxMoments);
  return { wish, clips: order.clips ?? true, cut: checkCut(order, where) };
}

function checkCut({ paddingLeft, paddingRight }: Pick<Asked, 'paddingLeft' | 'paddingRight'>, where: string): Cut {
  return {
    paddingLeft: within(where, 'paddingLeft', paddingLeft, 0, MOST_PADDING) ?? PADDING.left,
    paddingRight: within(where, 'paddingRight', paddingRight, 0, MOST_PADDING) ?? PADDING.right,
  };
}

function within(where: string, field: string, value: number | undefined, least: number, most: number): number | null {
  if (value === undefined) return null;
  if (value >= least && value <= most) return value;
  throw wrong(`${where}${field} is ${value}: it takes a number from ${least} to ${most}`);
}

function inOrder(where: string, low: string, least: number | null, high: string, most: number | null): void {
  if (least === null || most === null || least <= most) return;
  throw wrong(`${where}${low} is ${least} and ${high} is ${most}: the first must not be above the second`);
}

/** Text of several lines; what an editor leaves at its ends is not part of it. */
function words(where: string, field: string, given: string): string {
  const text = given.replace(/\r\n?/g, '\n').trim();
  if (text === '') throw wrong(`${where}${field} is empty: say what to look for, or leave it out`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is refused.
  if (/[\u0000-\u0008\u000B-\u001F\u007F]|\p{Cs}/u.test(text))
    throw wrong(`${where}${field} holds a control character: write plain text`);
  const length = [...text].length;
  if (length > LONGEST_PROMPT) throw wrong(`${where}${field} has ${length} characters: it may have ${LONGEST_PROMPT}`);
  return text;
}
