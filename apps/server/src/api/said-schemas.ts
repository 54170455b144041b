/** What the API answers about what is said: transcripts, moments, clips and searches. Held against the operator's types as in schemas.ts. */
import type { ClipRow, MomentRow, SearchResult, TranscriptDetails } from '@reelfleet/catalog';
import { z } from 'zod';
import { count, exactly, id, time } from './schemas.ts';

const second = z.number().min(0).describe('Seconds from the beginning of the video');
const span = { start: second, end: second };

export const transcript = exactly<TranscriptDetails>()(
  z.object({
    language: z.string().describe('ISO 639-1'),
    fullText: z.string(),
    segments: z.array(z.object({ text: z.string(), ...span })),
    words: z
      .array(z.object({ word: z.string(), ...span }))
      .nullable()
      .describe('Only with `?words=true`'),
    numberOfWords: count.nullable(),
    numberOfSegments: count.nullable(),
    service: z.string().nullable().describe('What made it'),
    processingSeconds: z.number().nullable(),
    captionsUrl: z.string().nullable().describe('WebVTT'),
    createdAt: time,
  }),
).meta({ id: 'Transcript', description: 'What is said in a video; never changed' });

export const clip = exactly<ClipRow>()(
  z.object({
    id,
    moment: z.string().describe('Identifier of its moment'),
    title: z.string(),
    startSeconds: second,
    endSeconds: second,
    paddingLeftSeconds: z.number().describe('As it was used: a video begins and ends somewhere'),
    paddingRightSeconds: z.number(),
    uri: z.string().describe('Where it is stored'),
    url: z.string().describe('Its bytes'),
    thumbnailUrl: z.string().nullable(),
    sizeBytes: count.nullable(),
    format: z.string().nullable(),
    videoCodec: z.string().nullable(),
    audioCodec: z.string().nullable(),
    resolution: z.string().nullable(),
    createdAt: time,
  }),
).meta({ id: 'Clip', description: 'A moment cut out of its video, with room around it' });

export const moment = exactly<MomentRow>()(
  z.object({
    id,
    identifier: z.string(),
    startSeconds: second,
    endSeconds: second,
    title: z.string(),
    isRefined: z.boolean(),
    parent: z.string().nullable().describe('Identifier of the moment that this one was refined of'),
    generationModel: z.string().nullable(),
    score: z.number().int().min(0).max(10).nullable().describe('0 to 10; null until it was scored'),
    scoringModel: z.string().nullable(),
    scoredAt: time.nullable(),
    createdAt: time,
    clip: clip.nullable().describe('Clips are cut of moments as they were found, not of refined ones'),
  }),
).meta({ id: 'Moment', description: 'A stretch of a video worth showing' });

export const searchResult = exactly<SearchResult>()(
  z.object({
    videos: z
      .array(
        z.object({
          id,
          identifier: z.string(),
          title: z.string(),
          durationSeconds: z.number().nullable(),
          thumbnailUri: z.string().nullable(),
          language: z.string(),
          rank: z.number().describe('Higher is better, within this answer'),
          places: count.describe('In how many of its segments any of the words is said'),
          hits: z
            .array(
              z.object({
                startSeconds: second,
                endSeconds: second,
                parts: z
                  .array(z.object({ text: z.string(), hit: z.boolean() }))
                  .describe('One after the other they are the text; those with `hit` are what was looked for'),
              }),
            )
            .describe('The best places, in the order of the video'),
        }),
      )
      .describe('Best first'),
    total: count.describe('How many videos match, of those that were ranked'),
    more: z.boolean().describe('So many match that only the newest were ranked'),
  }),
).meta({ id: 'SearchResult' });
